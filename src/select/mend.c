/* The SQL function hs_text(BLOB, row number, column number): the bytes as a string, with U+FFFD for what is no UTF-8.
 * For Parquet files in which a string is broken, which DuckDB reads only as bytes; it keeps account of what it mended.
 */
#include "select/records.h"

static headsift_status mend_row(struct hs_mending *mending, duckdb_vector output, const duckdb_string_t *text, idx_t at,
                                int64_t row, int64_t column) {
    duckdb_string_t string = *text;
    const char *bytes = duckdb_string_t_data(&string);
    size_t size = duckdb_string_t_length(string);
    const char *mended = hs_repair_text(bytes, &size, &mending->room);
    if (mended == NULL) {
        return HEADSIFT_FAILED;
    }
    if (mended != bytes && mending->values++ == 0) {
        mending->row = row;
        mending->column = column;
    }
    duckdb_vector_assign_string_element_len(output, at, mended, size);
    return HEADSIFT_OK;
}

static void mend(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    struct hs_mending *mending = duckdb_scalar_function_get_extra_info(info);
    duckdb_vector texts = duckdb_data_chunk_get_vector(input, 0);
    const duckdb_string_t *data = duckdb_vector_get_data(texts);
    const int64_t *rows = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 1));
    const int64_t *columns = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 2));
    uint64_t *valid = duckdb_vector_get_validity(texts);
    duckdb_vector_ensure_validity_writable(output);
    uint64_t *known = duckdb_vector_get_validity(output);
    idx_t n = duckdb_data_chunk_get_size(input);
    for (idx_t i = 0; i < n; i++) {
        if (valid != NULL && !duckdb_validity_row_is_valid(valid, i)) {
            duckdb_validity_set_row_invalid(known, i);
        } else if (mend_row(mending, output, &data[i], i, rows[i], columns[i]) != HEADSIFT_OK) {
            duckdb_scalar_function_set_error(info, "no memory for a string");
            return;
        }
    }
}

static headsift_status register_mend(struct hs_selection *selection, headsift_error *error) {
    selection->mending = hs_alloc(1, sizeof *selection->mending);
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_logical_type bytes = duckdb_create_logical_type(DUCKDB_TYPE_BLOB);
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    bool made = selection->mending != NULL && function != NULL && bytes != NULL && number != NULL && text != NULL;
    if (made) {
        duckdb_scalar_function_set_name(function, "hs_text");
        duckdb_scalar_function_add_parameter(function, bytes);
        duckdb_scalar_function_add_parameter(function, number);
        duckdb_scalar_function_add_parameter(function, number);
        duckdb_scalar_function_set_return_type(function, text);
        duckdb_scalar_function_set_extra_info(function, selection->mending, NULL);
        duckdb_scalar_function_set_function(function, mend);
        made = duckdb_register_scalar_function(selection->sql.connection, function) == DuckDBSuccess;
    }
    duckdb_destroy_logical_type(&text);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_logical_type(&bytes);
    duckdb_destroy_scalar_function(&function);
    return made ? HEADSIFT_OK : hs_fail(error, HEADSIFT_FAILED, "DuckDB does not take the function that mends strings");
}

headsift_status hs_mending_use(struct hs_selection *selection, headsift_error *error) {
    if (selection->mending == NULL) {
        HS_TRY(register_mend(selection, error));
    }
    selection->mending->values = 0;
    return HEADSIFT_OK;
}

void hs_mending_free(struct hs_mending *mending) {
    if (mending != NULL) {
        hs_buffer_free(&mending->room);
        hs_free(mending);
    }
}
