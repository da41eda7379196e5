/* Parquet through DuckDB: one streaming query over the needed columns, in file order, in bounded memory.
 * DuckDB gives up on a whole scan when a string is no UTF-8; from there on the file is read by parquet_raw.h. */
#define _GNU_SOURCE
#include "corpus/reader.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "corpus/parquet_raw.h"
#include "corpus/sql.h"

struct parquet {
    struct hs_sql sql;
    struct hs_parquet_column columns[HS_ROLES]; /**< by role; `name` NULL: no column plays it */
    bool ranged;                                /* only some rows are wanted: from `first` on */
    bool names_rows;                            /* a column is called file_row_number */
    int64_t first;                              /* row */
    int64_t total, given;                       /* wanted rows, and of those the ones given */
    duckdb_result result;
    bool running; /* `result` is a scan */
    duckdb_data_chunk chunk;
    idx_t at, size;
    struct hs_parquet_raw *raw; /* not NULL: strings are read as bytes */
};

/* Puts the path before DuckDB's message. */
static headsift_status fail_at(const char *path, const headsift_error *reason, headsift_error *error) {
    return hs_fail(error, reason->status, "%s: %s", path, reason->message);
}

/* ---- Opening ------------------------------------------------------------------------------------------------ */

static bool from_file(struct hs_buffer *out, const char *path) {
    return hs_buffer_printf(out, " FROM read_parquet(") && hs_sql_path(out, path) &&
           hs_buffer_printf(out, ", hive_partitioning=false)");
}

static headsift_status set_column(struct hs_reader *reader, enum hs_role role, const duckdb_result *empty, idx_t place,
                                  headsift_error *error) {
    struct parquet *parquet = reader->state;
    duckdb_result result = *empty;
    duckdb_type type = duckdb_column_type(&result, place);
    bool string = type == DUCKDB_TYPE_VARCHAR;
    bool text = role == HS_ROLE_TEXT || role == HS_ROLE_PROMPT;
    if (text && !string && type != DUCKDB_TYPE_BLOB) {
        return hs_fail(error, HEADSIFT_USAGE, "%s: column \"%s\" holds no text: name another with %s", reader->path,
                       reader->columns.names[role], hs_columns_flag(&reader->columns, role));
    }
    parquet->columns[role] = (struct hs_parquet_column){.name = reader->columns.names[role], .string = string || text};
    return HEADSIFT_OK;
}

static headsift_status refuse_missing(struct hs_reader *reader, enum hs_role role, duckdb_result *empty,
                                      headsift_error *error) {
    size_t n = (size_t)duckdb_column_count(empty);
    struct hs_field *there = hs_alloc(n, sizeof *there);
    if (there == NULL) {
        return hs_fail_memory(error, reader->path, n * sizeof *there);
    }
    for (size_t i = 0; i < n; i++) {
        there[i].name = duckdb_column_name(empty, i);
        there[i].name_size = strlen(there[i].name);
    }
    headsift_status status = hs_columns_missing(&reader->columns, role, reader->path, there, n, error);
    hs_free(there);
    return status;
}

/* `empty` is the result of SELECT * ... LIMIT 0. */
static headsift_status find_columns(struct hs_reader *reader, duckdb_result *empty, headsift_error *error) {
    struct parquet *parquet = reader->state;
    idx_t n = duckdb_column_count(empty);
    for (idx_t i = 0; i < n; i++) {
        parquet->names_rows = parquet->names_rows || strcasecmp(duckdb_column_name(empty, i), "file_row_number") == 0;
    }
    for (int role = 0; role < HS_ROLES; role++) {
        const char *name = reader->columns.names[role];
        idx_t place = 0;
        while (name != NULL && place < n && strcmp(duckdb_column_name(empty, place), name) != 0) {
            place++;
        }
        if (name != NULL && place < n) {
            HS_TRY(set_column(reader, (enum hs_role)role, empty, place, error));
        } else if (reader->columns.required[role]) {
            return refuse_missing(reader, (enum hs_role)role, empty, error);
        }
    }
    reader->has_domain = parquet->columns[HS_ROLE_DOMAIN].name != NULL;
    return HEADSIFT_OK;
}

static headsift_status read_columns(struct hs_reader *reader, headsift_error *error) {
    struct parquet *parquet = reader->state;
    struct hs_buffer text = {0};
    duckdb_result empty;
    bool ok =
        hs_buffer_printf(&text, "SELECT *") && from_file(&text, reader->path) && hs_buffer_printf(&text, " LIMIT 0");
    headsift_error reason = {0};
    headsift_status status =
        ok ? hs_sql_run(&parquet->sql, text.data, &empty, &reason) : hs_fail_memory(&reason, "SQL", text.size);
    hs_buffer_free(&text);
    if (status != HEADSIFT_OK) {
        return fail_at(reader->path, &reason, error);
    }
    status = find_columns(reader, &empty, error);
    duckdb_destroy_result(&empty);
    return status;
}

static headsift_status read_total(struct hs_reader *reader, headsift_error *error) {
    struct parquet *parquet = reader->state;
    struct hs_buffer text = {0};
    duckdb_result result;
    bool ok = hs_buffer_printf(&text, "SELECT num_rows FROM parquet_file_metadata(") &&
              hs_sql_path(&text, reader->path) && hs_buffer_append(&text, ")", 1);
    headsift_error reason = {0};
    headsift_status status =
        ok ? hs_sql_run(&parquet->sql, text.data, &result, &reason) : hs_fail_memory(&reason, "SQL", text.size);
    hs_buffer_free(&text);
    if (status != HEADSIFT_OK) {
        return fail_at(reader->path, &reason, error);
    }
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    if (chunk != NULL && duckdb_data_chunk_get_size(chunk) > 0) {
        parquet->total = *(int64_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    }
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    return HEADSIFT_OK;
}

static headsift_status open_parquet(struct hs_reader *reader, const struct hs_input *input,
                                    const struct hs_range *range, headsift_error *error) {
    struct parquet *parquet = hs_alloc(1, sizeof *parquet);
    if (parquet == NULL) {
        return hs_fail_memory(error, reader->path, sizeof *parquet);
    }
    reader->state = parquet;
    const char *const paths[] = {input->path};
    struct hs_sql_options options = {.threads = 1, .paths = paths, .n_paths = 1};
    HS_TRY(hs_sql_open(&options, &parquet->sql, error));
    HS_TRY(read_columns(reader, error));
    parquet->ranged = range != NULL;
    if (range != NULL) {
        parquet->first = range->first_row;
        parquet->total = range->rows;
        return HEADSIFT_OK;
    }
    return read_total(reader, error);
}

/* ---- Scanning ----------------------------------------------------------------------------------------------- */

static headsift_status start_scan(struct hs_reader *reader, headsift_error *error) {
    struct parquet *parquet = reader->state;
    struct hs_buffer text = {0};
    bool ok = hs_buffer_printf(&text, "SELECT ");
    for (int role = 0; role < HS_ROLES && ok; role++) {
        const struct hs_parquet_column *column = &parquet->columns[role];
        if (column->name != NULL) {
            ok = hs_buffer_printf(&text, "%s", role > 0 ? ", " : "") &&
                 hs_parquet_select(&text, column->name, column->string);
        }
    }
    ok = ok && from_file(&text, reader->path) &&
         (!parquet->ranged || hs_parquet_rows(&text, parquet->names_rows, parquet->first, parquet->total));
    headsift_status status =
        ok ? hs_sql_stream(&parquet->sql, text.data, &parquet->result, error) : hs_fail_memory(error, "SQL", text.size);
    parquet->running = status == HEADSIFT_OK;
    hs_buffer_free(&text);
    return status;
}

static void stop_scan(struct parquet *parquet) {
    duckdb_destroy_data_chunk(&parquet->chunk);
    if (parquet->running) {
        duckdb_destroy_result(&parquet->result);
    }
    parquet->running = false;
    parquet->size = 0;
    parquet->at = 0;
}

/* The next rows of the scan into parquet->chunk, NULL at the end. */
static headsift_status next_chunk(struct hs_reader *reader, headsift_error *error) {
    struct parquet *parquet = reader->state;
    if (parquet->raw != NULL) {
        return hs_parquet_raw_next(parquet->raw, &parquet->chunk, error);
    }
    if (!parquet->running) {
        HS_TRY(start_scan(reader, error));
    }
    return hs_sql_fetch(&parquet->result, &parquet->chunk, error);
}

/* Reads a chunk; falls back to raw reading at the row that comes next when DuckDB stumbles over broken UTF-8. */
static headsift_status fetch(struct hs_reader *reader, headsift_error *error) {
    struct parquet *parquet = reader->state;
    headsift_error reason = {0};
    duckdb_destroy_data_chunk(&parquet->chunk);
    headsift_status status = next_chunk(reader, &reason);
    if (status == HEADSIFT_FAILED && parquet->raw == NULL && strstr(reason.message, "Invalid string encoding")) {
        stop_scan(parquet);
        status = hs_parquet_raw_open(reader->path, parquet->columns, HS_ROLES, parquet->first + parquet->given,
                                     parquet->total - parquet->given, &parquet->raw, &reason);
        if (status == HEADSIFT_OK) {
            status = next_chunk(reader, &reason);
        }
    }
    if (status != HEADSIFT_OK) {
        return fail_at(reader->path, &reason, error);
    }
    parquet->at = 0;
    parquet->size = parquet->chunk != NULL ? duckdb_data_chunk_get_size(parquet->chunk) : 0;
    return HEADSIFT_OK;
}

static void take_row(struct parquet *parquet, struct hs_document *document) {
    idx_t place = 0;
    for (int role = 0; role < HS_ROLES; role++) {
        if (parquet->columns[role].name == NULL) {
            continue;
        }
        duckdb_vector vector = duckdb_data_chunk_get_vector(parquet->chunk, place++);
        uint64_t *valid = duckdb_vector_get_validity(vector);
        if (valid == NULL || duckdb_validity_row_is_valid(valid, parquet->at)) {
            duckdb_string_t *strings = duckdb_vector_get_data(vector);
            hs_document_set(document, (enum hs_role)role, duckdb_string_t_data(&strings[parquet->at]),
                            duckdb_string_t_length(strings[parquet->at]));
        }
    }
    parquet->at++;
    parquet->given++;
}

static headsift_status fail_short(const struct hs_reader *reader, headsift_error *error) {
    const struct parquet *parquet = reader->state;
    char from[48] = "";
    if (parquet->ranged) {
        snprintf(from, sizeof from, " from row %" PRId64 " on", parquet->first);
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s promises %" PRId64 " rows%s and holds %" PRId64 ": make it again",
                   reader->path, parquet->total, from, parquet->given);
}

static headsift_status next_parquet(struct hs_reader *reader, struct hs_document *document, bool *more,
                                    headsift_error *error) {
    struct parquet *parquet = reader->state;
    if (parquet->at == parquet->size && parquet->given < parquet->total) {
        HS_TRY(fetch(reader, error));
    }
    *more = parquet->at < parquet->size;
    if (*more) {
        take_row(parquet, document);
        return HEADSIFT_OK;
    }
    return parquet->given < parquet->total ? fail_short(reader, error) : HEADSIFT_OK;
}

static double share_parquet(const struct hs_reader *reader) {
    const struct parquet *parquet = reader->state;
    return parquet->total > 0 ? (double)parquet->given / (double)parquet->total : 1.0;
}

static void close_parquet(struct hs_reader *reader) {
    struct parquet *parquet = reader->state;
    if (parquet == NULL) {
        return;
    }
    stop_scan(parquet);
    hs_parquet_raw_close(parquet->raw);
    hs_sql_close(&parquet->sql);
    hs_free(parquet);
}

const struct hs_reader_kind hs_reader_parquet = {open_parquet, next_parquet, share_parquet, close_parquet};
