/* One DuckDB connection that fetches no extension and touches only the files it was told of, and quoting for SQL.
 * All settings are locked before the first statement of a caller runs. */
#include "corpus/sql.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"

/* DuckDB's message without the picture of the statement and the guesses behind it. */
static size_t message_size(const char *message) {
    static const char *const ends[] = {"\n\n", "\nLINE ", "\nDid you mean", "\nCandidate"};
    size_t size = strlen(message);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const char *end = strstr(message, ends[i]);
        if (end != NULL && (size_t)(end - message) < size) {
            size = (size_t)(end - message);
        }
    }
    return size < 900 ? size : 900;
}

static headsift_status fail_sql(headsift_error *error, const char *message) {
    static const char *const full[] = {"No space left", "Disk quota exceeded", "max_temp_directory_size"};
    if (message == NULL) {
        message = "DuckDB failed without a message";
    }
    headsift_status status = HEADSIFT_FAILED;
    for (size_t i = 0; i < sizeof full / sizeof *full; i++) {
        if (strstr(message, full[i]) != NULL) {
            status = HEADSIFT_NO_SPACE;
        }
    }
    return hs_fail(error, status, "%.*s", (int)message_size(message), message);
}

static bool quoted(struct hs_buffer *out, const char *text, size_t size, char quote) {
    bool ok = hs_buffer_append(out, &quote, 1);
    for (size_t i = 0; i < size && ok; i++) {
        ok = hs_buffer_append(out, text + i, 1) && (text[i] != quote || hs_buffer_append(out, text + i, 1));
    }
    return ok && hs_buffer_append(out, &quote, 1);
}

bool hs_sql_string(struct hs_buffer *out, const char *text, size_t size) { return quoted(out, text, size, '\''); }

bool hs_sql_identifier(struct hs_buffer *out, const char *text, size_t size) { return quoted(out, text, size, '"'); }

/* "./" keeps DuckDB from reading a scheme (s3:) or a home (~) out of a relative name. */
static bool plain_path(struct hs_buffer *out, const char *path) {
    return (path[0] == '/' || hs_buffer_append(out, "./", 2)) && hs_buffer_append(out, path, strlen(path));
}

/* The pattern that matches `path`. DuckDB knows no escape character: a wildcard stands in brackets; a backslash, which
 * it takes for a folder's end there, is written as the range from [ to ^. */
static bool path_pattern(struct hs_buffer *out, const char *path) {
    if (strpbrk(path, "*?[") == NULL) {
        return plain_path(out, path);
    }
    bool ok = path[0] == '/' || hs_buffer_append(out, "./", 2);
    for (const char *at = path; *at != '\0' && ok; at++) {
        bool wild = strchr("*?[", *at) != NULL;
        ok = *at == '\\' ? hs_buffer_append(out, "[[-^]", 5) : hs_buffer_printf(out, wild ? "[%c]" : "%c", *at);
    }
    return ok;
}

static bool quoted_by(bool (*write)(struct hs_buffer *, const char *), struct hs_buffer *out, const char *path) {
    struct hs_buffer text = {0};
    bool ok = write(&text, path) && hs_sql_string(out, text.data, text.size);
    hs_buffer_free(&text);
    return ok;
}

bool hs_sql_path(struct hs_buffer *out, const char *path) { return quoted_by(path_pattern, out, path); }

bool hs_sql_target(struct hs_buffer *out, const char *path) { return quoted_by(plain_path, out, path); }

headsift_status hs_sql_run(struct hs_sql *sql, const char *statement, duckdb_result *result, headsift_error *error) {
    duckdb_result own;
    memset(&own, 0, sizeof own);
    headsift_status status = HEADSIFT_OK;
    if (duckdb_query(sql->connection, statement, &own) == DuckDBError) {
        status = fail_sql(error, duckdb_result_error(&own));
    }
    if (status == HEADSIFT_OK && result != NULL) {
        *result = own;
    } else {
        duckdb_destroy_result(&own);
    }
    return status;
}

headsift_status hs_sql_stream(struct hs_sql *sql, const char *statement, duckdb_result *result, headsift_error *error) {
    duckdb_prepared_statement prepared = NULL;
    duckdb_pending_result pending = NULL;
    memset(result, 0, sizeof *result);
    headsift_status status = HEADSIFT_OK;
    if (duckdb_prepare(sql->connection, statement, &prepared) == DuckDBError) {
        status = fail_sql(error, duckdb_prepare_error(prepared));
    } else if (duckdb_pending_prepared_streaming(prepared, &pending) == DuckDBError) {
        status = fail_sql(error, duckdb_pending_error(pending));
    } else if (duckdb_execute_pending(pending, result) == DuckDBError) {
        status = fail_sql(error, duckdb_result_error(result));
    }
    if (status != HEADSIFT_OK) {
        duckdb_destroy_result(result);
    }
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&prepared);
    return status;
}

headsift_status hs_sql_fetch(duckdb_result *result, duckdb_data_chunk *chunk, headsift_error *error) {
    while ((*chunk = duckdb_fetch_chunk(*result)) != NULL) {
        if (duckdb_data_chunk_get_size(*chunk) > 0) {
            return HEADSIFT_OK;
        }
        duckdb_destroy_data_chunk(chunk);
    }
    const char *message = duckdb_result_error(result);
    return message != NULL && message[0] != '\0' ? fail_sql(error, message) : HEADSIFT_OK;
}

/* ---- Opening ------------------------------------------------------------------------------------------------ */

static headsift_status configure(const struct hs_sql_options *options, duckdb_config config, headsift_error *error) {
    char threads[16];
    snprintf(threads, sizeof threads, "%d", options->threads > 0 ? options->threads : 1);
    const char *const settings[][2] = {
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"threads", threads},
        {"temp_directory", options->temp_dir != NULL ? options->temp_dir : ""},
        {"memory_limit", options->memory},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const char *value = settings[i][1];
        if (value != NULL && duckdb_set_config(config, settings[i][0], value) == DuckDBError) {
            return hs_fail(error, HEADSIFT_USAGE, "DuckDB does not take %s as %s", value, settings[i][0]);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status open_database(const struct hs_sql_options *options, struct hs_sql *sql, headsift_error *error) {
    duckdb_config config = NULL;
    if (duckdb_create_config(&config) == DuckDBError) {
        return hs_fail_memory(error, "DuckDB's settings", 0);
    }
    headsift_status status = configure(options, config, error);
    char *message = NULL;
    if (status == HEADSIFT_OK && duckdb_open_ext(NULL, &sql->database, config, &message) == DuckDBError) {
        status = fail_sql(error, message);
    }
    duckdb_free(message);
    duckdb_destroy_config(&config);
    if (status == HEADSIFT_OK && duckdb_connect(sql->database, &sql->connection) == DuckDBError) {
        status = hs_fail(error, HEADSIFT_FAILED, "can't connect to DuckDB");
    }
    return status;
}

/* SET allowed_paths (files: as they are and as patterns) or allowed_directories. */
static headsift_status allow(struct hs_sql *sql, const struct hs_sql_options *options, bool directories,
                             headsift_error *error) {
    struct hs_buffer text = {0};
    bool ok = hs_buffer_printf(&text, "SET %s=[", directories ? "allowed_directories" : "allowed_paths");
    const char *comma = "";
    for (size_t i = 0; i < options->n_paths && ok; i++) {
        if (hs_is_directory(options->paths[i]) == directories) {
            ok = hs_buffer_printf(&text, "%s", comma) && hs_sql_target(&text, options->paths[i]) &&
                 (directories || (hs_buffer_append(&text, ",", 1) && hs_sql_path(&text, options->paths[i])));
            comma = ",";
        }
    }
    ok = ok && hs_buffer_append(&text, "]", 1);
    headsift_status status = ok ? hs_sql_run(sql, text.data, NULL, error) : hs_fail_memory(error, "SQL", text.size);
    hs_buffer_free(&text);
    return status;
}

static headsift_status lock_down(struct hs_sql *sql, const struct hs_sql_options *options, headsift_error *error) {
    HS_TRY(allow(sql, options, false, error));
    HS_TRY(allow(sql, options, true, error));
    static const char *const settings[] = {
        "SET enable_external_file_cache=false",
        "SET TimeZone='UTC'",
        "SET enable_external_access=false",
        "SET lock_configuration=true",
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        HS_TRY(hs_sql_run(sql, settings[i], NULL, error));
    }
    return HEADSIFT_OK;
}

headsift_status hs_sql_open(const struct hs_sql_options *options, struct hs_sql *sql, headsift_error *error) {
    *sql = (struct hs_sql){0};
    headsift_status status = open_database(options, sql, error);
    if (status == HEADSIFT_OK) {
        status = lock_down(sql, options, error);
    }
    if (status != HEADSIFT_OK) {
        hs_sql_close(sql);
    }
    return status;
}

void hs_sql_close(struct hs_sql *sql) {
    duckdb_disconnect(&sql->connection);
    duckdb_close(&sql->database);
    *sql = (struct hs_sql){0};
}
