/* Parquet rows as JSON texts: DuckDB's to_json over whole rows, fetched in bounded memory.
 * And the description of the columns that Hugging Face's datasets library leaves in the footer. */
#include "corpus/json_rows_kind.h"
#include "corpus/sql.h"

struct hs_parquet_json {
    struct hs_sql sql;
    duckdb_result result;
    bool running, ended;
    duckdb_data_chunk chunk;
    idx_t at, size;
    char *path;
};

static headsift_status fail_at(const char *path, const headsift_error *reason, headsift_error *error) {
    return hs_fail(error, reason->status, "%s: %s", path, reason->message);
}

static headsift_status start(struct hs_parquet_json *rows, headsift_error *error) {
    struct hs_buffer text = {0};
    bool ok = hs_buffer_printf(&text, "SELECT to_json(t)::VARCHAR FROM read_parquet(") &&
              hs_sql_path(&text, rows->path) && hs_buffer_printf(&text, ", hive_partitioning=false) t");
    headsift_status status =
        ok ? hs_sql_stream(&rows->sql, text.data, &rows->result, error) : hs_fail_memory(error, "SQL", text.size);
    rows->running = status == HEADSIFT_OK;
    hs_buffer_free(&text);
    return status;
}

/* Calls hs_sql_fetch for the next rows; *more is false behind the last ones. */
static headsift_status fetch(struct hs_parquet_json *rows, bool *more, headsift_error *error) {
    duckdb_destroy_data_chunk(&rows->chunk);
    HS_TRY(hs_sql_fetch(&rows->result, &rows->chunk, error));
    *more = rows->chunk != NULL;
    rows->at = 0;
    rows->size = *more ? duckdb_data_chunk_get_size(rows->chunk) : 0;
    return HEADSIFT_OK;
}

/* The value of the current row, which lives in the chunk. */
static const char *value(const struct hs_parquet_json *rows, size_t *size) {
    duckdb_string_t *strings = duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows->chunk, 0));
    *size = duckdb_string_t_length(strings[rows->at]);
    return duckdb_string_t_data(&strings[rows->at]);
}

static headsift_status read_metadata(struct hs_parquet_json *rows, json_t **features, headsift_error *error) {
    struct hs_buffer text = {0};
    bool ok = hs_buffer_printf(&text, "SELECT decode(value) FROM parquet_kv_metadata(") &&
              hs_sql_path(&text, rows->path) && hs_buffer_printf(&text, ") WHERE decode(key) = 'huggingface'");
    headsift_status status =
        ok ? hs_sql_stream(&rows->sql, text.data, &rows->result, error) : hs_fail_memory(error, "SQL", text.size);
    hs_buffer_free(&text);
    if (status != HEADSIFT_OK) {
        return status;
    }
    bool more = false;
    status = fetch(rows, &more, error);
    if (status == HEADSIFT_OK && more) {
        size_t size;
        const char *described = value(rows, &size);
        json_t *root = json_loadb(described, size, JSON_ALLOW_NUL, NULL);
        *features = json_incref(json_object_get(json_object_get(root, "info"), "features"));
        json_decref(root);
    }
    duckdb_destroy_data_chunk(&rows->chunk);
    duckdb_destroy_result(&rows->result);
    return status;
}

static headsift_status open_rows(struct hs_parquet_json *rows, json_t **features, headsift_error *error) {
    const char *const paths[] = {rows->path};
    struct hs_sql_options options = {.threads = 1, .paths = paths, .n_paths = 1};
    HS_TRY(hs_sql_open(&options, &rows->sql, error));
    HS_TRY(read_metadata(rows, features, error));
    rows->size = 0;
    rows->at = 0;
    return start(rows, error);
}

headsift_status hs_parquet_json_open(const char *path, struct hs_parquet_json **out, json_t **features,
                                     headsift_error *error) {
    *out = NULL;
    struct hs_parquet_json *rows = hs_alloc(1, sizeof *rows);
    if (rows == NULL || (rows->path = hs_copy_string(path)) == NULL) {
        hs_free(rows);
        return hs_fail_memory(error, path, sizeof *rows);
    }
    headsift_error reason = {0};
    headsift_status status = open_rows(rows, features, &reason);
    if (status != HEADSIFT_OK) {
        hs_parquet_json_close(rows);
        return fail_at(path, &reason, error);
    }
    *out = rows;
    return HEADSIFT_OK;
}

headsift_status hs_parquet_json_next(struct hs_parquet_json *rows, const char **text, size_t *size,
                                     headsift_error *error) {
    *text = NULL;
    if (rows->at == rows->size && !rows->ended) {
        bool more;
        headsift_error reason = {0};
        if (fetch(rows, &more, &reason) != HEADSIFT_OK) {
            return fail_at(rows->path, &reason, error);
        }
        rows->ended = !more;
    }
    if (rows->ended) {
        return HEADSIFT_OK;
    }
    *text = value(rows, size);
    rows->at++;
    return HEADSIFT_OK;
}

void hs_parquet_json_close(struct hs_parquet_json *rows) {
    if (rows == NULL) {
        return;
    }
    duckdb_destroy_data_chunk(&rows->chunk);
    if (rows->running) {
        duckdb_destroy_result(&rows->result);
    }
    hs_sql_close(&rows->sql);
    hs_free(rows->path);
    hs_free(rows);
}
