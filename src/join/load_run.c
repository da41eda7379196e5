/* The records of one run as rows of a SQL table: Parquet by one statement a file, JSONL and CSV record by record.
 * What a record may hold is said in join.h and docs/formats.md. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "join/join.h"
#include "select/cursor.h"

/* ---- Parquet ---------------------------------------------------------------------------------------------------- */

struct there {
    bool id, file, row, domain, n_bytes, n_tokens, n_bytes_scored, n_scored, loss, nll, logprobs, status, note;
};

static headsift_status find_columns(struct hs_sql *sql, const char *path, struct there *there, headsift_error *error) {
    const struct {
        const char *name;
        bool *found;
    } known[] = {{"id", &there->id},
                 {"file", &there->file},
                 {"row", &there->row},
                 {"domain", &there->domain},
                 {"n_bytes", &there->n_bytes},
                 {"n_tokens", &there->n_tokens},
                 {"n_bytes_scored", &there->n_bytes_scored},
                 {"n_scored", &there->n_scored},
                 {"loss", &there->loss},
                 {"nll", &there->nll},
                 {"logprobs", &there->logprobs},
                 {"status", &there->status},
                 {"note", &there->note}};
    struct hs_buffer statement = {0};
    struct hs_cursor cursor = {0};
    bool built = hs_buffer_printf(&statement, "SELECT column_name FROM (DESCRIBE FROM ") &&
                 hs_sql_parquet(&statement, path) && hs_buffer_printf(&statement, ")");
    headsift_status status =
        built ? hs_cursor_open(sql, statement.data, &cursor, error) : hs_fail_memory(error, path, statement.size);
    hs_buffer_free(&statement);
    HS_TRY(status);
    while (hs_cursor_next(&cursor)) {
        size_t size;
        const char *name = hs_cursor_text(&cursor, 0, &size);
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            *known[i].found |= strlen(known[i].name) == size && memcmp(known[i].name, name, size) == 0;
        }
    }
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

static headsift_status refuse_columns(const char *path, headsift_error *error) {
    return hs_fail(error, HEADSIFT_USAGE,
                   "%s: a record needs \"id\", and \"loss\" or \"nll\" with \"n_scored\", or \"logprobs\"", path);
}

static bool enough(const struct there *there) {
    return there->id && (there->logprobs || ((there->loss || there->nll) && there->n_scored));
}

static headsift_status load_parquet(struct hs_sql *sql, const char *table, const char *path, int64_t *records,
                                    headsift_error *error) {
    struct there there = {0};
    HS_TRY(find_columns(sql, path, &there, error));
    if (!enough(&there)) {
        return refuse_columns(path, error);
    }
    struct hs_buffer sql_text = {0};
    bool built =
        hs_buffer_printf(&sql_text, "INSERT INTO %s SELECT %" PRId64 " + file_row_number, \"id\"::VARCHAR, %s, %s, ",
                         table, *records, there.file && there.row ? "\"file\"::VARCHAR" : "NULL",
                         there.file && there.row ? "\"row\"::BIGINT" : "file_row_number") &&
        hs_buffer_printf(&sql_text, "%s, %s, %s, %s, ", there.domain ? "\"domain\"::VARCHAR" : "''",
                         there.n_bytes ? "n_bytes::BIGINT" : "0", there.n_tokens ? "n_tokens::INTEGER" : "NULL",
                         there.n_bytes_scored ? "n_bytes_scored::BIGINT" : "0") &&
        hs_buffer_printf(&sql_text, "%s, %s, %s, %s FROM ",
                         there.logprobs ? "list_count(logprobs::DOUBLE[])::INTEGER" : "n_scored::INTEGER",
                         there.logprobs ? "-list_sum(logprobs::DOUBLE[]) / nullif(list_count(logprobs), 0)"
                         : there.loss   ? "loss::DOUBLE"
                                        : "nll::DOUBLE / nullif(n_scored, 0)",
                         there.status ? "status::VARCHAR" : "''", there.note ? "note::VARCHAR" : "''") &&
        hs_sql_parquet(&sql_text, path) && hs_buffer_printf(&sql_text, " ORDER BY file_row_number");
    HS_TRY(hs_sql_built(sql, &sql_text, built, error));
    struct hs_cursor cursor = {0};
    char count[128];
    snprintf(count, sizeof count, "SELECT count(*)::BIGINT FROM %s", table);
    HS_TRY(hs_cursor_open(sql, count, &cursor, error));
    hs_cursor_next(&cursor);
    *records = hs_cursor_integer(&cursor, 0, 0);
    hs_cursor_close(&cursor);
    return HEADSIFT_OK;
}

/* ---- JSONL and CSV ---------------------------------------------------------------------------------------------- */

/* Where a record comes from, for messages. */
struct place {
    const char *path;
    int64_t record;
    headsift_error *error;
};

static const struct hs_field *field_of(const struct hs_document *document, const char *name) {
    for (size_t i = 0; i < document->n_fields; i++) {
        const struct hs_field *field = &document->fields[i];
        if (field->name_size == strlen(name) && memcmp(field->name, name, field->name_size) == 0 &&
            field->value != NULL) {
            return field;
        }
    }
    return NULL;
}

static headsift_status fail_at(const struct place *at, const char *name, const char *what) {
    return hs_fail(at->error, HEADSIFT_FAILED, "%s, record %" PRId64 ": \"%s\" %s", at->path, at->record, name, what);
}

/* A number; *found stays as it is where the record has none. */
static headsift_status number_of(const struct place *at, const struct hs_document *document, const char *name,
                                 double *out, bool *found) {
    const struct hs_field *field = field_of(document, name);
    char text[64];
    if (field == NULL) {
        return HEADSIFT_OK;
    }
    if (field->size == 0 || field->size >= sizeof text) {
        return fail_at(at, name, "is no number");
    }
    memcpy(text, field->value, field->size);
    text[field->size] = '\0';
    char *end;
    *out = strtod(text, &end);
    *found = true;
    return end == text + field->size && isfinite(*out) ? HEADSIFT_OK : fail_at(at, name, "is no number");
}

/* Mean and number of the numbers of a JSON list, nulls aside. */
static headsift_status list_of(const struct place *at, const struct hs_field *field, double *loss, double *n) {
    json_t *list = json_loadb(field->value, field->size, 0, NULL);
    double sum = 0;
    *n = 0;
    bool ok = json_is_array(list);
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        ok = json_is_null(item) || json_is_number(item);
        if (json_is_number(item)) {
            sum += json_number_value(item);
            *n += 1;
        }
    }
    json_decref(list);
    *loss = *n > 0 ? -sum / *n : (double)NAN;
    return ok ? HEADSIFT_OK : fail_at(at, "logprobs", "is no list of numbers and nulls");
}

static headsift_status loss_of(const struct place *at, const struct hs_document *document, double *loss, double *n) {
    const struct hs_field *list = field_of(document, "logprobs");
    bool counted = false, summed = false, meant = false;
    double sum = NAN;
    *loss = NAN;
    *n = 0;
    if (list != NULL) {
        return list_of(at, list, loss, n);
    }
    HS_TRY(number_of(at, document, "n_scored", n, &counted));
    HS_TRY(number_of(at, document, "loss", loss, &meant));
    HS_TRY(number_of(at, document, "nll", &sum, &summed));
    if ((meant || summed) && !counted) {
        return fail_at(at, "n_scored", "is missing: how many tokens the loss is of");
    }
    if (!meant && summed && *n > 0) {
        *loss = sum / *n;
    }
    return HEADSIFT_OK;
}

static bool append_text(duckdb_appender appender, const char *text, size_t size) {
    return (text != NULL ? duckdb_append_varchar_length(appender, text, size) : duckdb_append_null(appender)) ==
           DuckDBSuccess;
}

static bool append_field(duckdb_appender appender, const struct hs_document *document, const char *name) {
    const struct hs_field *field = field_of(document, name);
    return append_text(appender, field != NULL ? field->value : "", field != NULL ? field->size : 0);
}

static headsift_status append_record(duckdb_appender appender, const struct place *at, int64_t seq,
                                     const struct hs_document *document) {
    const struct hs_field *id = field_of(document, "id"), *file = field_of(document, "file");
    double loss, scored, row = (double)at->record, bytes = 0, tokens = 0, bytes_scored = 0;
    bool has_row = false, has_tokens = false, ignored;
    if (id == NULL) {
        return fail_at(at, "id", "is missing: the two runs are joined by it");
    }
    HS_TRY(loss_of(at, document, &loss, &scored));
    HS_TRY(number_of(at, document, "row", &row, &has_row));
    HS_TRY(number_of(at, document, "n_bytes", &bytes, &ignored));
    HS_TRY(number_of(at, document, "n_tokens", &tokens, &has_tokens));
    HS_TRY(number_of(at, document, "n_bytes_scored", &bytes_scored, &ignored));
    bool named = file != NULL && has_row;
    bool ok =
        duckdb_append_int64(appender, seq) == DuckDBSuccess && append_text(appender, id->value, id->size) &&
        append_text(appender, named ? file->value : NULL, named ? file->size : 0) &&
        duckdb_append_int64(appender, named ? (int64_t)row : at->record) == DuckDBSuccess &&
        append_field(appender, document, "domain") && duckdb_append_int64(appender, (int64_t)bytes) == DuckDBSuccess &&
        (has_tokens ? duckdb_append_int32(appender, (int32_t)tokens) : duckdb_append_null(appender)) == DuckDBSuccess &&
        duckdb_append_int64(appender, (int64_t)bytes_scored) == DuckDBSuccess &&
        duckdb_append_int32(appender, (int32_t)scored) == DuckDBSuccess &&
        (isfinite(loss) ? duckdb_append_double(appender, loss) : duckdb_append_null(appender)) == DuckDBSuccess &&
        append_field(appender, document, "status") && append_field(appender, document, "note") &&
        duckdb_appender_end_row(appender) == DuckDBSuccess;
    if (!ok) {
        return hs_fail(at->error, HEADSIFT_FAILED, "%s, record %" PRId64 ": %s", at->path, at->record,
                       duckdb_appender_error(appender));
    }
    return HEADSIFT_OK;
}

static headsift_status load_records(struct hs_sql *sql, const char *table, const struct hs_input *input,
                                    int64_t *records, headsift_error *error) {
    const headsift_inputs columns = {.text = "id", .id = "id"}; /* a run need not hold texts */
    struct hs_reader *reader;
    HS_TRY(hs_reader_open(input, &columns, true, &reader, error));
    duckdb_appender appender;
    headsift_status status = HEADSIFT_OK;
    if (duckdb_appender_create(sql->connection, NULL, table, &appender) == DuckDBError) {
        status = hs_fail(error, HEADSIFT_FAILED, "%s: %s", input->path, duckdb_appender_error(appender));
    }
    bool more = true;
    while (status == HEADSIFT_OK) {
        struct hs_document document;
        status = hs_reader_next(reader, &document, &more, error);
        if (status != HEADSIFT_OK || !more) {
            break;
        }
        struct place at = {input->path, document.row, error};
        if (document.n_fields == 0) {
            status =
                hs_fail(error, HEADSIFT_FAILED, "%s, record %" PRId64 ": %s", input->path, document.row, document.note);
        } else {
            status = append_record(appender, &at, (*records)++, &document);
        }
    }
    if (status == HEADSIFT_OK && duckdb_appender_close(appender) == DuckDBError) {
        status = hs_fail(error, HEADSIFT_FAILED, "%s: %s", input->path, duckdb_appender_error(appender));
    }
    duckdb_appender_destroy(&appender);
    hs_reader_close(reader);
    return status;
}

/* ---- All of a run ----------------------------------------------------------------------------------------------- */

headsift_status hs_run_load(struct hs_sql *sql, const char *table, const struct hs_input_list *files,
                            headsift_error *error) {
    int64_t records = 0;
    HS_TRY(hs_sql_printf(sql, error, "CREATE TABLE %s (" HS_RUN_COLUMNS ")", table));
    for (size_t i = 0; i < files->n; i++) {
        const struct hs_input *input = &files->items[i];
        int64_t before = records;
        if (input->format == HS_FORMAT_TEXT) {
            return refuse_columns(input->path, error);
        }
        if (input->format == HS_FORMAT_PARQUET) {
            HS_TRY(load_parquet(sql, table, input->path, &records, error));
        } else {
            HS_TRY(load_records(sql, table, input, &records, error));
        }
        struct hs_buffer statement = {0}; /* a record that names no source is its own */
        bool built = hs_buffer_printf(&statement, "UPDATE %s SET \"file\" = ", table) &&
                     hs_sql_string(&statement, input->path, strlen(input->path)) &&
                     hs_buffer_printf(&statement, " WHERE \"file\" IS NULL AND seq >= %" PRId64, before);
        HS_TRY(hs_sql_built(sql, &statement, built, error));
    }
    return HEADSIFT_OK;
}
