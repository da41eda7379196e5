/* Turns a JSONL file into Parquet (zstd): every named column as a string, the lines' order kept. Uses DuckDB's C API.
 * usage: jsonl_to_parquet IN.jsonl OUT.parquet COLUMN... */
#define _GNU_SOURCE
#include <duckdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Writes `text` as an SQL token between `quote` characters, doubling those inside. */
static void put_quoted(FILE *sql, const char *text, char quote) {
    fputc(quote, sql);
    for (; *text; text++) {
        if (*text == quote)
            fputc(quote, sql);
        fputc(*text, sql);
    }
    fputc(quote, sql);
}

/* The statement that does the work; the caller frees it. NULL: no memory. */
static char *make_statement(const char *in, const char *out, char **columns, int n) {
    char *statement = NULL;
    size_t size = 0;
    FILE *sql = open_memstream(&statement, &size);
    if (!sql)
        return NULL;
    fputs("COPY (SELECT * FROM read_json(", sql);
    put_quoted(sql, in, '\'');
    fputs(", format='newline_delimited', columns={", sql);
    for (int i = 0; i < n; i++) {
        fputs(i > 0 ? ", " : "", sql);
        put_quoted(sql, columns[i], '"');
        fputs(": 'VARCHAR'", sql);
    }
    fputs("})) TO ", sql);
    put_quoted(sql, out, '\'');
    fputs(" (FORMAT parquet, COMPRESSION zstd)", sql);
    if (fclose(sql) != 0) {
        free(statement);
        return NULL;
    }
    return statement;
}

static bool run(duckdb_connection connection, const char *statement) {
    duckdb_result result;
    bool ok = duckdb_query(connection, statement, &result) == DuckDBSuccess;
    if (!ok)
        fprintf(stderr, "jsonl_to_parquet: %s\n", duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return ok;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fputs("usage: jsonl_to_parquet IN.jsonl OUT.parquet COLUMN...\n", stderr);
        return 2;
    }
    duckdb_database database = NULL;
    duckdb_connection connection = NULL;
    if (duckdb_open(NULL, &database) != DuckDBSuccess || duckdb_connect(database, &connection) != DuckDBSuccess) {
        fputs("jsonl_to_parquet: DuckDB did not start\n", stderr);
        return 1;
    }
    char *statement = make_statement(argv[1], argv[2], argv + 3, argc - 3);
    bool ok = statement && run(connection, "SET threads = 1") &&
              run(connection, "SET autoinstall_known_extensions = false") && run(connection, statement);
    free(statement);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return ok ? 0 : 1;
}
