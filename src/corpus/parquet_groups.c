/* The end of a Parquet file: metadata, its size in four bytes, PAR1. DuckDB parses the metadata.
 * Sizes that can't be true are refused, so that sums over them can't overflow. */
#define _GNU_SOURCE
#include "corpus/parquet_groups.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corpus/corpus.h"
#include "corpus/sql.h"

enum { MOST = 48 }; /* bits of all rows and of all bytes */

/* ---- Bytes -------------------------------------------------------------------------------------------------- */

static headsift_status read_at(int file, char *bytes, size_t size, int64_t place, headsift_error *error) {
    while (size > 0) {
        ssize_t count = pread(file, bytes, size, place);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return hs_fail_errno(error, count < 0 ? errno : EIO, "can't read its footer");
        }
        bytes += count;
        size -= (size_t)count;
        place += count;
    }
    return HEADSIFT_OK;
}

static uint32_t little_endian(const char *bytes) {
    const unsigned char *b = (const unsigned char *)bytes;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

headsift_status hs_parquet_metadata(int file, struct hs_buffer *out, int64_t *pages, headsift_error *error) {
    struct stat info;
    char tail[8];
    if (fstat(file, &info) != 0 || info.st_size < 12) {
        return hs_fail(error, HEADSIFT_FAILED, "is no Parquet file");
    }
    HS_TRY(read_at(file, tail, sizeof tail, info.st_size - 8, error));
    size_t size = little_endian(tail);
    *pages = info.st_size - 8 - (int64_t)size;
    if (memcmp(tail + 4, "PAR1", 4) != 0 || *pages < 4) {
        return hs_fail(error, HEADSIFT_FAILED, "is no Parquet file");
    }
    if (!hs_buffer_reserve(out, size)) {
        return hs_fail_memory(error, "its footer", size);
    }
    HS_TRY(read_at(file, out->data + out->size, size, *pages, error));
    out->size += size;
    return HEADSIFT_OK;
}

headsift_status hs_parquet_footer_sha256(const char *path, char hex[HS_HASH_HEX], headsift_error *error) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return hs_fail_errno(error, errno, "can't open %s", path);
    }
    headsift_error reason = {0};
    struct hs_buffer metadata = {0};
    int64_t pages;
    headsift_status status = hs_parquet_metadata(file, &metadata, &pages, &reason);
    close(file);
    if (status == HEADSIFT_OK) {
        status = hs_hash_bytes(metadata.data, metadata.size, hex, &reason);
    }
    hs_buffer_free(&metadata);
    return status == HEADSIFT_OK ? status : hs_fail(error, status, "%s: %s", path, reason.message);
}

/* ---- Row groups --------------------------------------------------------------------------------------------- */

struct groups {
    struct hs_parquet_group *items;
    size_t n, capacity;
    int64_t rows, bytes;
};

static headsift_status add_group(struct groups *groups, int64_t rows, int64_t bytes, headsift_error *error) {
    const int64_t most = INT64_C(1) << MOST;
    if (rows < 0 || bytes < 0 || rows > most - groups->rows || bytes > most - groups->bytes) {
        return hs_fail(error, HEADSIFT_FAILED, "its footer gives a row group %" PRId64 " rows of %" PRId64 " bytes",
                       rows, bytes);
    }
    void *items = groups->items;
    bool grown = hs_grow(&items, &groups->capacity, groups->n + 1, sizeof *groups->items);
    groups->items = items;
    if (!grown) {
        return hs_fail_memory(error, "row groups", groups->n * sizeof *groups->items);
    }
    groups->rows += rows;
    groups->bytes += bytes;
    if (rows > 0) {
        groups->items[groups->n++] = (struct hs_parquet_group){rows, bytes};
    }
    return HEADSIFT_OK;
}

static headsift_status add_chunk(struct groups *groups, duckdb_data_chunk chunk, headsift_error *error) {
    const int64_t *rows = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    const int64_t *bytes = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1));
    idx_t n = duckdb_data_chunk_get_size(chunk);
    for (idx_t i = 0; i < n; i++) {
        HS_TRY(add_group(groups, rows[i], bytes[i], error));
    }
    return HEADSIFT_OK;
}

/* A column that DuckDB calls otherwise than the file does (TEXT_1 beside text) is weighed with all others. */
static headsift_status read_groups(struct hs_sql *sql, const char *path, const char *const *columns, size_t n_columns,
                                   struct groups *groups, headsift_error *error) {
    struct hs_buffer text = {0};
    duckdb_result result;
    bool ok = hs_buffer_printf(&text, "SELECT coalesce(any_value(row_group_num_rows), -1)::BIGINT, "
                                      "coalesce(sum(total_uncompressed_size) FILTER (path_in_schema IN (");
    for (size_t i = 0; ok && i < n_columns; i++) {
        ok = hs_buffer_printf(&text, "%s", i > 0 ? ", " : "") && hs_sql_string(&text, columns[i], strlen(columns[i]));
    }
    ok = ok && hs_buffer_printf(&text, ")), sum(total_uncompressed_size), -1)::BIGINT FROM parquet_metadata(") &&
         hs_sql_path(&text, path) && hs_buffer_printf(&text, ") GROUP BY row_group_id ORDER BY row_group_id");
    headsift_status status = ok ? hs_sql_run(sql, text.data, &result, error) : hs_fail_memory(error, "SQL", text.size);
    hs_buffer_free(&text);
    HS_TRY(status);
    for (duckdb_data_chunk chunk; status == HEADSIFT_OK && (chunk = duckdb_fetch_chunk(result)) != NULL;) {
        status = add_chunk(groups, chunk, error);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    return status;
}

headsift_status hs_parquet_groups(const char *path, const char *const *columns, size_t n_columns,
                                  struct hs_parquet_group **out, size_t *n, headsift_error *error) {
    *out = NULL;
    *n = 0;
    const char *const paths[] = {path};
    struct hs_sql_options options = {.threads = 1, .paths = paths, .n_paths = 1};
    struct hs_sql sql;
    HS_TRY(hs_sql_open(&options, &sql, error));
    struct groups groups = {0};
    headsift_error reason = {0};
    headsift_status status = read_groups(&sql, path, columns, n_columns, &groups, &reason);
    hs_sql_close(&sql);
    if (status != HEADSIFT_OK) {
        hs_free(groups.items);
        return hs_fail(error, status, "%s: %s", path, reason.message);
    }
    *out = groups.items;
    *n = groups.n;
    return HEADSIFT_OK;
}
