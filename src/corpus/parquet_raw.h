/* Reading the string columns of a Parquet file as bytes, for files in which a string is no UTF-8.
 * DuckDB refuses such strings before a query sees them, and takes all rows of a dictionary page with them. */
#ifndef HS_CORPUS_PARQUET_RAW_H
#define HS_CORPUS_PARQUET_RAW_H

#include <duckdb.h>

#include "base/error.h"
#include "base/memory.h"

/** A wanted column. `string`: of type VARCHAR or BLOB; others are cast to VARCHAR. NULL name: not wanted. */
struct hs_parquet_column {
    const char *name;
    bool string;
};

struct hs_parquet_raw;

/** The row groups that hold `rows` rows from `first` on; starts at `first`, may give more behind the last. Memory: the
 * string columns' pages, compressed, of 32 MB or one row group. */
headsift_status hs_parquet_raw_open(const char *path, const struct hs_parquet_column *columns, size_t n, int64_t first,
                                    int64_t rows, struct hs_parquet_raw **out, headsift_error *error);
/** The next rows: a vector a wanted column, BLOB (strings) or VARCHAR; duckdb_destroy_data_chunk. NULL behind the last.
 */
headsift_status hs_parquet_raw_next(struct hs_parquet_raw *raw, duckdb_data_chunk *chunk, headsift_error *error);
void hs_parquet_raw_close(struct hs_parquet_raw *raw); /**< NULL is fine */

/** Appends the expression that reads a column: as it is, or cast to VARCHAR. */
bool hs_parquet_select(struct hs_buffer *out, const char *name, bool string);
/** Appends what holds a SELECT from read_parquet to some rows: a filter by row number, which leaves row groups out by
 * their footer, or, where a column of the file has that name, a count of rows. */
bool hs_parquet_rows(struct hs_buffer *out, bool names_rows, int64_t first, int64_t rows);

#endif
