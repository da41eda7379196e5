/* The SQL function hs_is_chosen(BIGINT): whether a row of the file that is being copied is to be written. DuckDB asks
 * it of row numbers before it reads other columns, and leaves pages and row groups unread that hold no such row. A
 * filter by it keeps the file's order and holds no rows back, which a join with an ORDER BY would. */
#include "select/records.h"

struct hs_chosen {
    const struct hs_selection *selection;
    const struct hs_source *source;
};

static void answer(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const struct hs_chosen *chosen = duckdb_scalar_function_get_extra_info(info);
    const int64_t *rows = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0));
    bool *answers = duckdb_vector_get_data(output);
    idx_t n = duckdb_data_chunk_get_size(input);
    for (idx_t i = 0; i < n; i++) {
        answers[i] = hs_is_wanted(chosen->selection, chosen->source, rows[i]);
    }
    if (hs_stop_wanted(chosen->selection->monitor)) {
        duckdb_scalar_function_set_error(info, "stopped");
    }
}

static headsift_status chosen_register(struct hs_selection *selection, headsift_error *error) {
    selection->chosen = hs_alloc(1, sizeof *selection->chosen);
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_logical_type truth = duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
    bool made = selection->chosen != NULL && function != NULL && number != NULL && truth != NULL;
    if (made) {
        duckdb_scalar_function_set_name(function, "hs_is_chosen");
        duckdb_scalar_function_add_parameter(function, number);
        duckdb_scalar_function_set_return_type(function, truth);
        duckdb_scalar_function_set_extra_info(function, selection->chosen, NULL);
        duckdb_scalar_function_set_function(function, answer);
        made = duckdb_register_scalar_function(selection->sql.connection, function) == DuckDBSuccess;
    }
    duckdb_destroy_logical_type(&truth);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_scalar_function(&function);
    return made ? HEADSIFT_OK : hs_fail(error, HEADSIFT_FAILED, "DuckDB does not take the function that tells rows");
}

headsift_status hs_chosen_use(struct hs_selection *selection, const struct hs_source *source, headsift_error *error) {
    if (selection->chosen == NULL) {
        HS_TRY(chosen_register(selection, error));
    }
    *selection->chosen = (struct hs_chosen){selection, source};
    return HEADSIFT_OK;
}

void hs_chosen_free(struct hs_chosen *chosen) { hs_free(chosen); }
