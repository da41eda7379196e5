/* DuckDB behind a few calls: one connection with extension loading off and file access held to what is named.
 * corpus/, select/, join/ and report/ are the rooms that use SQL. */
#ifndef HS_CORPUS_SQL_H
#define HS_CORPUS_SQL_H

#include <duckdb.h>

#include "base/error.h"
#include "base/memory.h"

/** An in-memory database. Autoinstall, autoload and community extensions off; outside access off but for `paths`. */
struct hs_sql {
    duckdb_database database;
    duckdb_connection connection;
};

struct hs_sql_options {
    int threads;              /**< 0: 1 */
    const char *memory;       /**< "4GB"; NULL: DuckDB's default */
    const char *temp_dir;     /**< NULL: no spilling to disk */
    const char *const *paths; /**< files and directories (all beneath them) that may be read and written */
    size_t n_paths;
};

headsift_status hs_sql_open(const struct hs_sql_options *options, struct hs_sql *sql, headsift_error *error);
void hs_sql_close(struct hs_sql *sql); /**< fine on a zeroed struct */

/** Runs one statement. DuckDB's message becomes one line; "No space left" becomes HEADSIFT_NO_SPACE.
 *  @param result NULL, or filled in: duckdb_destroy_result. */
headsift_status hs_sql_run(struct hs_sql *sql, const char *statement, duckdb_result *result, headsift_error *error);

/** Starts a query whose rows are fetched as they are made, in bounded memory. @param result  duckdb_destroy_result. */
headsift_status hs_sql_stream(struct hs_sql *sql, const char *statement, duckdb_result *result, headsift_error *error);
/** The next rows of it: duckdb_destroy_data_chunk. *chunk is NULL behind the last ones. */
headsift_status hs_sql_fetch(duckdb_result *result, duckdb_data_chunk *chunk, headsift_error *error);

/** Append 'string' or "identifier" quoted for SQL. False when there is no memory. */
bool hs_sql_string(struct hs_buffer *out, const char *text, size_t size);
bool hs_sql_identifier(struct hs_buffer *out, const char *text, size_t size);
/** Append a string literal that read_parquet takes for exactly this file: *, ?, [ and the like are matched literally.
 * (Name hive_partitioning=false beside it, or a folder called k=v becomes a column.) */
bool hs_sql_path(struct hs_buffer *out, const char *path);
/** Append a string literal that COPY ... TO takes for exactly this file. Name USE_TMP_FILE false beside it. */
bool hs_sql_target(struct hs_buffer *out, const char *path);

#endif
