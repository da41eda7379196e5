/* JSON values out of a file of any format: which way to read it is chosen by its name.
 * JSON and text are read whole, CSV and Parquet record by record. */
#include "corpus/json_rows.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "corpus/csv_record.h"
#include "corpus/json_rows_kind.h"

enum { BLOCK = 1 << 17, WHOLE_LIMIT = 1 << 30 /* decoded bytes of a JSON or text file */ };

struct hs_json_rows {
    enum hs_format format;
    char *path;
    int64_t given;         /* records, for messages */
    struct hs_buffer text; /* JSON, text: the whole file */
    size_t at;             /* JSON: the next value begins here, or behind blanks */
    json_t *array;         /* JSON: where the file is one array, or an object with one */
    size_t next;           /* index in it */
    bool given_text;
    struct hs_csv csv;
    struct hs_parquet_json *parquet;
    json_t *features;
};

/* ---- JSON and text --------------------------------------------------------------------------------------------- */

static headsift_status read_whole(struct hs_json_rows *rows, const struct hs_input *input, headsift_error *error) {
    struct hs_stream *stream;
    HS_TRY(hs_stream_open(input->path, input->compression, &stream, error));
    headsift_status status = HEADSIFT_OK;
    bool more = true;
    while (status == HEADSIFT_OK && more && rows->text.size <= WHOLE_LIMIT) {
        status = hs_stream_read(stream, BLOCK, &rows->text, &more, error);
    }
    hs_stream_close(stream);
    if (status == HEADSIFT_OK && rows->text.size > WHOLE_LIMIT) {
        return hs_fail(error, HEADSIFT_FAILED, "%s holds more than %d MiB: split it", input->path, WHOLE_LIMIT >> 20);
    }
    return status;
}

static void skip_blanks(struct hs_json_rows *rows) {
    while (rows->at < rows->text.size && strchr(" \t\r\n", rows->text.data[rows->at]) != NULL &&
           rows->text.data[rows->at] != '\0') {
        rows->at++;
    }
}

/* The value that begins at rows->at. */
static headsift_status parse_value(struct hs_json_rows *rows, json_t **out, headsift_error *error) {
    json_error_t reason;
    *out = json_loadb(rows->text.data + rows->at, rows->text.size - rows->at, JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK,
                      &reason);
    if (*out == NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: record %" PRId64 " is not JSON: %s at byte %zu", rows->path,
                       rows->given + 1, reason.text, rows->at + (size_t)(reason.position > 0 ? reason.position : 0));
    }
    rows->at += (size_t)reason.position;
    return HEADSIFT_OK;
}

/* Finds out whether the file is one array, or one object with "examples". */
static headsift_status look_at_start(struct hs_json_rows *rows, headsift_error *error) {
    skip_blanks(rows);
    size_t start = rows->at;
    if (start == rows->text.size) {
        return HEADSIFT_OK;
    }
    json_t *first;
    HS_TRY(parse_value(rows, &first, error));
    skip_blanks(rows);
    json_t *array = json_is_array(first) ? first : json_object_get(first, "examples");
    if (rows->at == rows->text.size && json_is_array(array)) {
        rows->array = json_incref(array);
        hs_buffer_free(&rows->text);
        start = 0;
    }
    rows->at = start;
    json_decref(first);
    return HEADSIFT_OK;
}

static headsift_status next_json(struct hs_json_rows *rows, json_t **row, headsift_error *error) {
    if (rows->array != NULL) {
        *row = json_incref(json_array_get(rows->array, rows->next++));
        return HEADSIFT_OK;
    }
    skip_blanks(rows);
    return rows->at < rows->text.size ? parse_value(rows, row, error) : HEADSIFT_OK;
}

static headsift_status next_text(struct hs_json_rows *rows, json_t **row, headsift_error *error) {
    if (rows->given_text) {
        return HEADSIFT_OK;
    }
    rows->given_text = true;
    size_t good = hs_utf8_check(rows->text.data, rows->text.size);
    if (good < rows->text.size) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: broken UTF-8 at byte %zu", rows->path, good);
    }
    *row = json_pack("{s:s%}", "text", rows->text.size > 0 ? rows->text.data : "", rows->text.size);
    return *row != NULL ? HEADSIFT_OK : hs_fail_memory(error, rows->path, rows->text.size);
}

/* ---- CSV and Parquet ------------------------------------------------------------------------------------------- */

static headsift_status judge_csv(const struct hs_json_rows *rows, headsift_error *error) {
    const struct hs_csv *csv = &rows->csv;
    const char *why = NULL;
    if (csv->open_quote) {
        why = "a quote is never closed";
    } else if (csv->stray > 0) {
        why = "there is text behind a closing quote";
    } else if (hs_utf8_check(csv->values.data, csv->values.size) < csv->values.size) {
        why = "broken UTF-8";
    }
    return why == NULL
               ? HEADSIFT_OK
               : hs_fail(error, HEADSIFT_FAILED, "%s: record %" PRId64 ": %s", rows->path, rows->given + 1, why);
}

static headsift_status next_csv(struct hs_json_rows *rows, json_t **row, headsift_error *error) {
    struct hs_csv *csv = &rows->csv;
    bool more;
    do {
        HS_TRY(hs_csv_next(csv, &more, error));
    } while (more && hs_csv_is_blank(csv, 2));
    if (!more) {
        return HEADSIFT_OK;
    }
    HS_TRY(judge_csv(rows, error));
    *row = json_array();
    bool ok = *row != NULL;
    for (size_t i = 0, start = 0; ok && i < csv->n; i++) {
        ok = json_array_append_new(*row, json_stringn(csv->values.data + start, csv->ends[i] - start)) == 0;
        start = csv->ends[i] + 1;
    }
    if (!ok) {
        json_decref(*row);
        *row = NULL;
        return hs_fail_memory(error, rows->path, csv->value_bytes);
    }
    return HEADSIFT_OK;
}

static headsift_status next_parquet(struct hs_json_rows *rows, json_t **row, headsift_error *error) {
    const char *text;
    size_t size;
    HS_TRY(hs_parquet_json_next(rows->parquet, &text, &size, error));
    if (text == NULL) {
        return HEADSIFT_OK;
    }
    json_error_t reason;
    *row = json_loadb(text, size, JSON_ALLOW_NUL, &reason);
    return *row != NULL ? HEADSIFT_OK
                        : hs_fail(error, HEADSIFT_FAILED, "%s: record %" PRId64 " can't be read as JSON: %s",
                                  rows->path, rows->given + 1, reason.text);
}

/* ---- Opening --------------------------------------------------------------------------------------------------- */

static headsift_status open_rows(struct hs_json_rows *rows, const struct hs_input *input, headsift_error *error) {
    rows->format = input->format;
    rows->path = hs_copy_string(input->path);
    if (rows->path == NULL) {
        return hs_fail_memory(error, input->path, strlen(input->path));
    }
    switch (input->format) {
    case HS_FORMAT_PARQUET:
        return hs_parquet_json_open(input->path, &rows->parquet, &rows->features, error);
    case HS_FORMAT_CSV:
        return hs_stream_open(input->path, input->compression, &rows->csv.stream, error);
    case HS_FORMAT_TEXT:
        return read_whole(rows, input, error);
    default:
        HS_TRY(read_whole(rows, input, error));
        return look_at_start(rows, error);
    }
}

headsift_status hs_json_rows_open(const struct hs_input *input, struct hs_json_rows **out, headsift_error *error) {
    *out = NULL;
    struct hs_json_rows *rows = hs_alloc(1, sizeof *rows);
    if (rows == NULL) {
        return hs_fail_memory(error, input->path, sizeof *rows);
    }
    headsift_status status = open_rows(rows, input, error);
    if (status != HEADSIFT_OK) {
        hs_json_rows_close(rows);
        return status;
    }
    *out = rows;
    return HEADSIFT_OK;
}

headsift_status hs_json_rows_next(struct hs_json_rows *rows, json_t **row, headsift_error *error) {
    static headsift_status (*const next[])(struct hs_json_rows *, json_t **, headsift_error *) = {
        [HS_FORMAT_PARQUET] = next_parquet,
        [HS_FORMAT_JSONL] = next_json,
        [HS_FORMAT_CSV] = next_csv,
        [HS_FORMAT_TEXT] = next_text,
    };
    *row = NULL;
    HS_TRY(next[rows->format](rows, row, error));
    rows->given += *row != NULL;
    return HEADSIFT_OK;
}

const json_t *hs_json_rows_features(const struct hs_json_rows *rows) { return rows->features; }

void hs_json_rows_close(struct hs_json_rows *rows) {
    if (rows == NULL) {
        return;
    }
    hs_csv_close(&rows->csv);
    hs_parquet_json_close(rows->parquet);
    hs_buffer_free(&rows->text);
    json_decref(rows->array);
    json_decref(rows->features);
    hs_free(rows->path);
    hs_free(rows);
}
