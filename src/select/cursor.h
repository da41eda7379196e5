/* Reading a SQL result row by row. Columns must be BIGINT, DOUBLE, VARCHAR or BLOB: cast in the statement.
 * (DuckDB's calls for single values cut text at NUL; NUL is text here.) */
#ifndef HS_SELECT_CURSOR_H
#define HS_SELECT_CURSOR_H

#include "corpus/sql.h"

struct hs_cursor {
    duckdb_result result;
    duckdb_data_chunk chunk;
    idx_t row, size; /**< within the chunk */
};

/** Runs a statement. On HEADSIFT_OK the cursor stands before the first row: hs_cursor_close. */
headsift_status hs_cursor_open(struct hs_sql *sql, const char *statement, struct hs_cursor *cursor,
                               headsift_error *error);
/** The same for a result that is fetched as it is made, in bounded memory: read it with hs_cursor_advance(). */
headsift_status hs_cursor_stream(struct hs_sql *sql, const char *statement, struct hs_cursor *cursor,
                                 headsift_error *error);
/** The next row. *more is false behind the last one. */
headsift_status hs_cursor_advance(struct hs_cursor *cursor, bool *more, headsift_error *error);
bool hs_cursor_next(struct hs_cursor *cursor); /**< false behind the last row */
int64_t hs_cursor_integer(const struct hs_cursor *cursor, idx_t column, int64_t when_null);
double hs_cursor_real(const struct hs_cursor *cursor, idx_t column); /**< NaN for NULL */
/** Not NUL-terminated, valid until the next row; NULL for NULL. */
const char *hs_cursor_text(const struct hs_cursor *cursor, idx_t column, size_t *size);
void hs_cursor_close(struct hs_cursor *cursor);

/** Runs the statement that `statement` holds (built is false: there was no memory for it) and empties the buffer. */
headsift_status hs_sql_built(struct hs_sql *sql, struct hs_buffer *statement, bool built, headsift_error *error);
/** printf into a statement and run it. */
headsift_status hs_sql_printf(struct hs_sql *sql, headsift_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Append read_parquet(...) of exactly this file; its rows are numbered by the virtual column file_row_number. */
bool hs_sql_parquet(struct hs_buffer *out, const char *path);

#endif
