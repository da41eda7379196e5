/* Copies the string columns' pages of some row groups, as they are, into a small Parquet file in memory in which their
 * type is "bytes", and lets DuckDB read that. Other columns are read from the file itself and joined by position. */
#define _GNU_SOURCE
#include "corpus/parquet_raw.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corpus/parquet_footer.h"
#include "corpus/sql.h"

enum { MAX_COLUMNS = 8, BATCH_BYTES = 1 << 25, BATCH_ROWS = 122880, BLOCK = 1 << 20 };

struct hs_parquet_raw {
    const char *path;
    const struct hs_parquet_column *columns;
    size_t n_columns;
    size_t places[MAX_COLUMNS]; /* of a string column among the string columns */
    bool required[MAX_COLUMNS]; /* of the string columns */
    bool names_rows;            /* a column is called file_row_number */
    size_t n_strings;
    struct hs_parquet_pages *pages; /* n_groups rows of n_strings, as in the file */
    size_t n_groups, next_group;
    int64_t row;  /* where the next batch begins */
    int64_t skip; /* rows of it that were given before */
    int file, memory;
    char memory_path[32];
    int64_t file_size;
    struct hs_buffer block;
    struct hs_sql sql;
    duckdb_result result;
    bool running;
};

bool hs_parquet_rows(struct hs_buffer *out, bool names_rows, int64_t first, int64_t rows) {
    if (names_rows) {
        return hs_buffer_printf(out, " LIMIT %" PRId64 " OFFSET %" PRId64, rows, first);
    }
    return hs_buffer_printf(out, " WHERE file_row_number >= %" PRId64 " AND file_row_number < %" PRId64, first,
                            first + rows);
}

bool hs_parquet_select(struct hs_buffer *out, const char *name, bool string) {
    return hs_buffer_printf(out, string ? "" : "CAST(") && hs_sql_identifier(out, name, strlen(name)) &&
           hs_buffer_printf(out, string ? "" : " AS VARCHAR)");
}

/* ---- Where the pages are ------------------------------------------------------------------------------------ */

/* Runs PREFIX + the path + SUFFIX. */
static headsift_status query(struct hs_parquet_raw *raw, const char *prefix, const struct hs_buffer *suffix,
                             duckdb_result *result, headsift_error *error) {
    struct hs_buffer text = {0};
    bool ok = hs_buffer_printf(&text, "%s", prefix) && hs_sql_path(&text, raw->path) &&
              hs_buffer_append(&text, suffix->data, suffix->size);
    headsift_status status =
        ok ? hs_sql_run(&raw->sql, text.data, result, error) : hs_fail_memory(error, "SQL", text.size);
    hs_buffer_free(&text);
    return status;
}

static int64_t number_at(duckdb_data_chunk chunk, idx_t column, idx_t row) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, column);
    uint64_t *valid = duckdb_vector_get_validity(vector);
    bool known = valid == NULL || duckdb_validity_row_is_valid(valid, row);
    return known ? ((int64_t *)duckdb_vector_get_data(vector))[row] : -1;
}

static const char pages_query[] =
    "SELECT CASE type WHEN 'BYTE_ARRAY' THEN 1 ELSE 0 END::BIGINT, CASE compression WHEN 'UNCOMPRESSED' THEN 0 WHEN "
    "'SNAPPY' THEN 1 WHEN 'GZIP' THEN 2 WHEN 'BROTLI' THEN 4 WHEN 'LZ4' THEN 5 WHEN 'ZSTD' THEN 6 WHEN 'LZ4_RAW' THEN "
    "7 ELSE -1 END::BIGINT, row_group_num_rows, num_values, dictionary_page_offset, data_page_offset, "
    "total_compressed_size, total_uncompressed_size FROM parquet_metadata(";

/* One row of pages_query. False where it can't be true or isn't what we can copy. */
static bool read_pages(const struct hs_parquet_raw *raw, duckdb_data_chunk chunk, idx_t row,
                       struct hs_parquet_pages *pages) {
    int64_t dictionary = number_at(chunk, 4, row);
    *pages = (struct hs_parquet_pages){
        .codec = number_at(chunk, 1, row),
        .rows = number_at(chunk, 2, row),
        .values = number_at(chunk, 3, row),
        .data_page = number_at(chunk, 5, row),
        .compressed = number_at(chunk, 6, row),
        .uncompressed = number_at(chunk, 7, row),
    };
    pages->start = dictionary > 0 && dictionary < pages->data_page ? dictionary : pages->data_page;
    return number_at(chunk, 0, row) == 1 && pages->codec >= 0 && pages->rows >= 0 && pages->values >= 0 &&
           pages->start >= 0 && pages->compressed >= 0 && pages->uncompressed >= 0 &&
           pages->compressed <= raw->file_size && pages->start <= raw->file_size - pages->compressed;
}

static headsift_status add_pages(struct hs_parquet_raw *raw, size_t place, duckdb_data_chunk chunk, size_t *group,
                                 size_t *capacity, headsift_error *error) {
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    for (idx_t row = 0; row < rows; row++, (*group)++) {
        void *pages = raw->pages;
        bool grown = hs_grow(&pages, capacity, (*group + 1) * raw->n_strings, sizeof *raw->pages);
        raw->pages = pages;
        if (!grown) {
            return hs_fail_memory(error, raw->path, *capacity * sizeof *raw->pages);
        }
        if (!read_pages(raw, chunk, row, &raw->pages[*group * raw->n_strings + place])) {
            return hs_fail(error, HEADSIFT_FAILED, "row group %zu holds broken UTF-8 and can't be read as bytes",
                           *group);
        }
    }
    return HEADSIFT_OK;
}

/* The pages of one string column in all row groups. */
static headsift_status find_pages(struct hs_parquet_raw *raw, const char *name, size_t place, size_t *capacity,
                                  headsift_error *error) {
    struct hs_buffer suffix = {0};
    duckdb_result result;
    bool ok = hs_buffer_printf(&suffix, ") WHERE path_in_schema = ") && hs_sql_string(&suffix, name, strlen(name)) &&
              hs_buffer_printf(&suffix, " ORDER BY row_group_id");
    headsift_status status =
        ok ? query(raw, pages_query, &suffix, &result, error) : hs_fail_memory(error, "SQL", suffix.size);
    hs_buffer_free(&suffix);
    HS_TRY(status);
    size_t group = 0;
    for (duckdb_data_chunk chunk; status == HEADSIFT_OK && (chunk = duckdb_fetch_chunk(result)) != NULL;) {
        status = add_pages(raw, place, chunk, &group, capacity, error);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    HS_TRY(status);
    if (place > 0 && group != raw->n_groups) {
        return hs_fail(error, HEADSIFT_FAILED, "column \"%s\" is not in every row group", name);
    }
    raw->n_groups = group;
    return HEADSIFT_OK;
}

/* Which string columns are REQUIRED, and whether a column has the name of row numbers. The schema is listed depth
 * first; only its first level counts. */
static void read_schema(struct hs_parquet_raw *raw, duckdb_data_chunk chunk, int64_t *below) {
    duckdb_string_t *names = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); row++) {
        int64_t children = number_at(chunk, 2, row);
        bool top = *below == 0;
        *below += (children > 0 ? children : 0) - (top ? 0 : 1);
        static const char number[] = "file_row_number";
        raw->names_rows =
            raw->names_rows || (top && duckdb_string_t_length(names[row]) == sizeof number - 1 &&
                                strncasecmp(duckdb_string_t_data(&names[row]), number, sizeof number - 1) == 0);
        for (size_t i = 0; i < raw->n_columns && top; i++) {
            const char *name = raw->columns[i].name;
            if (name != NULL && raw->columns[i].string && strlen(name) == duckdb_string_t_length(names[row]) &&
                memcmp(name, duckdb_string_t_data(&names[row]), strlen(name)) == 0) {
                raw->required[raw->places[i]] = number_at(chunk, 1, row) == 1;
            }
        }
    }
}

static headsift_status find_schema(struct hs_parquet_raw *raw, headsift_error *error) {
    struct hs_buffer suffix = {0};
    duckdb_result result;
    headsift_status status = hs_buffer_printf(&suffix, ") OFFSET 1") /* without the root */
                                 ? query(raw,
                                         "SELECT name, CASE repetition_type WHEN 'REQUIRED' THEN 1 ELSE 0 END::BIGINT, "
                                         "num_children::BIGINT FROM parquet_schema(",
                                         &suffix, &result, error)
                                 : hs_fail_memory(error, "SQL", suffix.size);
    hs_buffer_free(&suffix);
    HS_TRY(status);
    int64_t below = 0;
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(result)) != NULL;) {
        read_schema(raw, chunk, &below);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    return HEADSIFT_OK;
}

static headsift_status find_layout(struct hs_parquet_raw *raw, headsift_error *error) {
    for (size_t i = 0; i < raw->n_columns; i++) {
        if (raw->columns[i].name != NULL && raw->columns[i].string) {
            raw->places[i] = raw->n_strings++;
        }
    }
    size_t capacity = 0;
    for (size_t i = 0; i < raw->n_columns; i++) {
        if (raw->columns[i].name != NULL && raw->columns[i].string) {
            HS_TRY(find_pages(raw, raw->columns[i].name, raw->places[i], &capacity, error));
        }
    }
    return find_schema(raw, error);
}

/* ---- Opening ------------------------------------------------------------------------------------------------ */

static headsift_status open_files(struct hs_parquet_raw *raw, headsift_error *error) {
    raw->file = open(raw->path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (raw->file < 0 || fstat(raw->file, &info) != 0) {
        return hs_fail_errno(error, errno, "can't open it");
    }
    raw->file_size = info.st_size;
    raw->memory = memfd_create("headsift", MFD_CLOEXEC);
    if (raw->memory < 0) {
        return hs_fail_errno(error, errno, "can't make a file in memory");
    }
    snprintf(raw->memory_path, sizeof raw->memory_path, "/proc/self/fd/%d", raw->memory);
    const char *const paths[] = {raw->path, raw->memory_path};
    struct hs_sql_options options = {.threads = 1, .paths = paths, .n_paths = 2};
    return hs_sql_open(&options, &raw->sql, error);
}

/* Leaves out the row groups before and behind the rows. */
static void find_groups(struct hs_parquet_raw *raw, int64_t first, int64_t rows) {
    while (raw->next_group < raw->n_groups) {
        int64_t group_rows = raw->pages[raw->next_group * raw->n_strings].rows;
        if (raw->row + group_rows > first) {
            break;
        }
        raw->row += group_rows;
        raw->next_group++;
    }
    raw->skip = first - raw->row;
    size_t n = raw->next_group;
    for (int64_t covered = -raw->skip; n < raw->n_groups && covered < rows; n++) {
        covered += raw->pages[n * raw->n_strings].rows;
    }
    raw->n_groups = n;
}

headsift_status hs_parquet_raw_open(const char *path, const struct hs_parquet_column *columns, size_t n, int64_t first,
                                    int64_t rows, struct hs_parquet_raw **out, headsift_error *error) {
    *out = NULL;
    struct hs_parquet_raw *raw = n <= MAX_COLUMNS ? hs_alloc(1, sizeof *raw) : NULL;
    if (raw == NULL) {
        return hs_fail_memory(error, path, sizeof *raw);
    }
    *raw = (struct hs_parquet_raw){.path = path, .columns = columns, .n_columns = n, .file = -1, .memory = -1};
    headsift_status status = open_files(raw, error);
    if (status == HEADSIFT_OK) {
        status = find_layout(raw, error);
    }
    if (status != HEADSIFT_OK) {
        hs_parquet_raw_close(raw);
        return status;
    }
    find_groups(raw, first, rows);
    *out = raw;
    return HEADSIFT_OK;
}

static void stop(struct hs_parquet_raw *raw) {
    if (raw->running) {
        duckdb_destroy_result(&raw->result);
    }
    raw->running = false;
}

void hs_parquet_raw_close(struct hs_parquet_raw *raw) {
    if (raw == NULL) {
        return;
    }
    stop(raw);
    hs_sql_close(&raw->sql);
    if (raw->file >= 0) {
        close(raw->file);
    }
    if (raw->memory >= 0) {
        close(raw->memory);
    }
    hs_buffer_free(&raw->block);
    hs_free(raw->pages);
    hs_free(raw);
}

/* ---- The file in memory ------------------------------------------------------------------------------------- */

static headsift_status write_memory(struct hs_parquet_raw *raw, const char *bytes, size_t size, headsift_error *error) {
    while (size > 0) {
        ssize_t count = write(raw->memory, bytes, size);
        if (count < 0 && errno != EINTR) {
            return hs_fail_errno(error, errno, "can't write %zu bytes to memory", size);
        }
        size_t done = count > 0 ? (size_t)count : 0;
        bytes += done;
        size -= done;
    }
    return HEADSIFT_OK;
}

/* Copies the pages and moves their offsets to where they then stand: *place, which moves on. */
static headsift_status copy_pages(struct hs_parquet_raw *raw, struct hs_parquet_pages *pages, int64_t *place,
                                  headsift_error *error) {
    for (int64_t done = 0; done < pages->compressed;) {
        int64_t left = pages->compressed - done;
        ssize_t count = pread(raw->file, raw->block.data, left < BLOCK ? (size_t)left : BLOCK, pages->start + done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return hs_fail(error, HEADSIFT_FAILED, "can't read its pages at byte %" PRId64, pages->start + done);
        }
        HS_TRY(write_memory(raw, raw->block.data, (size_t)count, error));
        done += count;
    }
    pages->data_page += *place - pages->start;
    pages->start = *place;
    *place += pages->compressed;
    return HEADSIFT_OK;
}

/* How many row groups, from the next one on, make a batch. */
static size_t batch_groups(const struct hs_parquet_raw *raw, int64_t *rows) {
    size_t n = 0;
    int64_t bytes = 0;
    *rows = 0;
    while (raw->next_group + n < raw->n_groups && (n == 0 || (bytes < BATCH_BYTES && *rows < BATCH_ROWS))) {
        const struct hs_parquet_pages *pages = &raw->pages[(raw->next_group + n) * raw->n_strings];
        *rows += pages->rows;
        for (size_t i = 0; i < raw->n_strings; i++) {
            bytes += pages[i].compressed;
        }
        n++;
    }
    return n;
}

static headsift_status build_file(struct hs_parquet_raw *raw, size_t n_groups, headsift_error *error) {
    if (ftruncate(raw->memory, 0) != 0 || lseek(raw->memory, 0, SEEK_SET) != 0) {
        return hs_fail_errno(error, errno, "can't empty a file in memory");
    }
    HS_TRY(write_memory(raw, "PAR1", 4, error));
    struct hs_parquet_pages *pages = &raw->pages[raw->next_group * raw->n_strings];
    int64_t place = 4;
    for (size_t i = 0; i < n_groups * raw->n_strings; i++) {
        HS_TRY(copy_pages(raw, &pages[i], &place, error));
    }
    struct hs_buffer footer = {0};
    headsift_status status = hs_parquet_footer(&footer, raw->required, raw->n_strings, pages, n_groups)
                                 ? write_memory(raw, footer.data, footer.size, error)
                                 : hs_fail_memory(error, "a Parquet footer", footer.size);
    hs_buffer_free(&footer);
    return status;
}

/* ---- Batches ------------------------------------------------------------------------------------------------ */

static bool select_columns(const struct hs_parquet_raw *raw, struct hs_buffer *text, bool *others) {
    bool ok = hs_buffer_printf(text, "SELECT ");
    const char *comma = "";
    *others = false;
    for (size_t i = 0; i < raw->n_columns && ok; i++) {
        if (raw->columns[i].name != NULL && raw->columns[i].string) {
            ok = hs_buffer_printf(text, "%sb.c%zu", comma, raw->places[i]);
        } else if (raw->columns[i].name != NULL) {
            ok = hs_buffer_printf(text, "%sf.f%zu", comma, i);
            *others = true;
        } else {
            continue;
        }
        comma = ", ";
    }
    return ok && hs_buffer_printf(text, " FROM read_parquet('%s', hive_partitioning=false) b", raw->memory_path);
}

static bool join_others(const struct hs_parquet_raw *raw, struct hs_buffer *text, int64_t rows) {
    bool ok = hs_buffer_printf(text, " POSITIONAL JOIN (SELECT ");
    const char *comma = "";
    for (size_t i = 0; i < raw->n_columns && ok; i++) {
        if (raw->columns[i].name != NULL && !raw->columns[i].string) {
            ok = hs_buffer_printf(text, "%s", comma) && hs_parquet_select(text, raw->columns[i].name, false) &&
                 hs_buffer_printf(text, " AS f%zu", i);
            comma = ", ";
        }
    }
    return ok && hs_buffer_printf(text, " FROM read_parquet(") && hs_sql_path(text, raw->path) &&
           hs_buffer_printf(text, ", hive_partitioning=false)") &&
           hs_parquet_rows(text, raw->names_rows, raw->row, rows) && hs_buffer_printf(text, ") f");
}

/* The batch's rows, without the first ones that were given before. */
static headsift_status start_batch(struct hs_parquet_raw *raw, headsift_error *error) {
    int64_t rows;
    size_t n_groups = batch_groups(raw, &rows);
    HS_TRY(build_file(raw, n_groups, error));
    struct hs_buffer text = {0};
    bool others;
    bool ok = select_columns(raw, &text, &others) && (!others || join_others(raw, &text, rows)) &&
              hs_buffer_printf(&text, " OFFSET %" PRId64, raw->skip);
    headsift_status status =
        ok ? hs_sql_stream(&raw->sql, text.data, &raw->result, error) : hs_fail_memory(error, "SQL", text.size);
    hs_buffer_free(&text);
    raw->running = status == HEADSIFT_OK;
    raw->next_group += n_groups;
    raw->row += rows;
    raw->skip = 0;
    return status;
}

headsift_status hs_parquet_raw_next(struct hs_parquet_raw *raw, duckdb_data_chunk *chunk, headsift_error *error) {
    *chunk = NULL;
    if (raw->block.data == NULL && !hs_buffer_reserve(&raw->block, BLOCK)) {
        return hs_fail_memory(error, raw->path, BLOCK);
    }
    while (raw->running || raw->next_group < raw->n_groups) {
        if (!raw->running) {
            HS_TRY(start_batch(raw, error));
        }
        HS_TRY(hs_sql_fetch(&raw->result, chunk, error));
        if (*chunk != NULL) {
            return HEADSIFT_OK;
        }
        stop(raw);
    }
    return HEADSIFT_OK;
}
