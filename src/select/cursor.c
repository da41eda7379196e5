/* A cursor over the chunks of a DuckDB result, and statements built in a buffer.
 * Values are read by row; cursor.h says what NULL becomes. */
#include "select/cursor.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

headsift_status hs_cursor_open(struct hs_sql *sql, const char *statement, struct hs_cursor *cursor,
                               headsift_error *error) {
    *cursor = (struct hs_cursor){0};
    return hs_sql_run(sql, statement, &cursor->result, error);
}

headsift_status hs_cursor_stream(struct hs_sql *sql, const char *statement, struct hs_cursor *cursor,
                                 headsift_error *error) {
    *cursor = (struct hs_cursor){0};
    return hs_sql_stream(sql, statement, &cursor->result, error);
}

headsift_status hs_cursor_advance(struct hs_cursor *cursor, bool *more, headsift_error *error) {
    cursor->row++;
    if (cursor->chunk == NULL || cursor->row >= cursor->size) {
        duckdb_destroy_data_chunk(&cursor->chunk);
        HS_TRY(hs_sql_fetch(&cursor->result, &cursor->chunk, error));
        cursor->size = cursor->chunk != NULL ? duckdb_data_chunk_get_size(cursor->chunk) : 0;
        cursor->row = 0;
    }
    *more = cursor->chunk != NULL;
    return HEADSIFT_OK;
}

bool hs_cursor_next(struct hs_cursor *cursor) {
    cursor->row++;
    while (cursor->chunk == NULL || cursor->row >= cursor->size) {
        if (cursor->chunk != NULL) {
            duckdb_destroy_data_chunk(&cursor->chunk);
        }
        cursor->chunk = duckdb_fetch_chunk(cursor->result);
        if (cursor->chunk == NULL) {
            return false;
        }
        cursor->size = duckdb_data_chunk_get_size(cursor->chunk);
        cursor->row = 0;
    }
    return true;
}

/* The vector's data, or NULL where the value is NULL. */
static void *vector_data(const struct hs_cursor *cursor, idx_t column) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(cursor->chunk, column);
    uint64_t *validity = duckdb_vector_get_validity(vector);
    bool valid = validity == NULL || duckdb_validity_row_is_valid(validity, cursor->row);
    return valid ? duckdb_vector_get_data(vector) : NULL;
}

int64_t hs_cursor_integer(const struct hs_cursor *cursor, idx_t column, int64_t when_null) {
    const int64_t *data = vector_data(cursor, column);
    return data != NULL ? data[cursor->row] : when_null;
}

double hs_cursor_real(const struct hs_cursor *cursor, idx_t column) {
    const double *data = vector_data(cursor, column);
    return data != NULL ? data[cursor->row] : (double)NAN;
}

const char *hs_cursor_text(const struct hs_cursor *cursor, idx_t column, size_t *size) {
    duckdb_string_t *data = vector_data(cursor, column);
    if (data == NULL) {
        *size = 0;
        return NULL;
    }
    *size = duckdb_string_t_length(data[cursor->row]);
    return duckdb_string_t_data(&data[cursor->row]);
}

void hs_cursor_close(struct hs_cursor *cursor) {
    if (cursor->chunk != NULL) {
        duckdb_destroy_data_chunk(&cursor->chunk);
    }
    duckdb_destroy_result(&cursor->result);
    *cursor = (struct hs_cursor){0};
}

headsift_status hs_sql_built(struct hs_sql *sql, struct hs_buffer *statement, bool built, headsift_error *error) {
    headsift_status status =
        built ? hs_sql_run(sql, statement->data, NULL, error) : hs_fail_memory(error, "a statement", statement->size);
    hs_buffer_free(statement);
    return status;
}

headsift_status hs_sql_printf(struct hs_sql *sql, headsift_error *error, const char *format, ...) {
    char statement[2048];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(statement, sizeof statement, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof statement) {
        return hs_fail(error, HEADSIFT_FAILED, "a statement of %d bytes does not fit", size);
    }
    return hs_sql_run(sql, statement, NULL, error);
}

bool hs_sql_parquet(struct hs_buffer *out, const char *path) {
    return hs_buffer_printf(out, "read_parquet(") && hs_sql_path(out, path) &&
           hs_buffer_printf(out, ", hive_partitioning=false)");
}
