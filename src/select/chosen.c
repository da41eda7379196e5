/* The SQL function hs_is_chosen(BIGINT): whether a row of the file that is being copied is chosen.
 * A filter by it keeps the file's order and holds no rows back, which a join with an ORDER BY would. */
#include "select/records.h"

struct hs_chosen {
    const headsift_monitor *monitor;
    struct hs_rows rows;
    size_t next; /* rows are asked for in ascending order: where the last one was found */
};

static bool is_chosen(struct hs_chosen *chosen, int64_t row) {
    const struct hs_rows *rows = &chosen->rows;
    if (chosen->next > 0 && rows->items[chosen->next - 1] >= row) {
        chosen->next = 0; /* asked anew from the front */
    }
    while (chosen->next < rows->n && rows->items[chosen->next] < row) {
        chosen->next++;
    }
    return chosen->next < rows->n && rows->items[chosen->next] == row;
}

static void answer(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    struct hs_chosen *chosen = duckdb_scalar_function_get_extra_info(info);
    const int64_t *rows = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0));
    bool *answers = duckdb_vector_get_data(output);
    idx_t n = duckdb_data_chunk_get_size(input);
    for (idx_t i = 0; i < n; i++) {
        answers[i] = is_chosen(chosen, rows[i]);
    }
    if (hs_stop_wanted(chosen->monitor)) {
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

headsift_status hs_chosen_use(struct hs_selection *selection, const struct hs_unit *unit, headsift_error *error) {
    if (selection->chosen == NULL) {
        HS_TRY(chosen_register(selection, error));
    }
    hs_free(selection->chosen->rows.items);
    selection->chosen->next = 0;
    selection->chosen->monitor = selection->monitor;
    return hs_rows_read(selection, unit, &selection->chosen->rows, error);
}

void hs_chosen_free(struct hs_chosen *chosen) {
    if (chosen != NULL) {
        hs_free(chosen->rows.items);
        hs_free(chosen);
    }
}
