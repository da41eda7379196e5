/* The chosen records of a JSONL, CSV or text file: raw lines, JSON objects, or Parquet with string columns.
 * Each way reads the file once in order and holds one record; Parquet from JSONL reads it twice. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "select/cursor.h"
#include "select/records.h"

enum { MOST_COLUMNS = 10000 };

/* What a loop over the chosen records does with each. */
typedef headsift_status (*record_fn)(void *user, const struct hs_document *document, headsift_error *error);

static headsift_status for_each(const struct hs_selection *selection, const struct hs_source *source,
                                const struct hs_input *input, const struct hs_rows *rows, bool all_fields,
                                record_fn use, void *user, headsift_error *error) {
    struct hs_scan scan = {0};
    headsift_status status = hs_scan_open(source, input, rows, all_fields, &scan, error);
    bool more = true;
    while (status == HEADSIFT_OK && more) {
        struct hs_document document;
        status = hs_scan_next(&scan, &document, &more, error);
        if (status == HEADSIFT_OK && more) {
            status = use(user, &document, error);
        }
        if (status == HEADSIFT_OK && hs_stop_wanted(selection->monitor)) {
            status = hs_fail(error, HEADSIFT_STOPPED, "stopped while %s was read", input->path);
        }
    }
    hs_scan_close(&scan);
    return status;
}

/* ---- JSON lines ---- */

static headsift_status write_line(struct hs_atomic_file *file, const char *text, size_t size, headsift_error *error) {
    if (fwrite(text, 1, size, file->stream) != size || fputc('\n', file->stream) == EOF) {
        return hs_fail_errno(error, errno, "can't write %s", file->final_path);
    }
    return HEADSIFT_OK;
}

static headsift_status write_raw(void *user, const struct hs_document *document, headsift_error *error) {
    return write_line(user, document->raw, document->raw_size, error);
}

static json_t *text_json(const struct hs_field *field, struct hs_buffer *room) {
    if (field->value == NULL) {
        return json_null();
    }
    size_t size = field->size;
    const char *value = hs_repair_text(field->value, &size, room);
    return value != NULL ? json_stringn(value, size) : NULL;
}

static json_t *record_json(const struct hs_document *document) {
    json_t *object = json_object();
    struct hs_buffer room = {0};
    bool ok = object != NULL;
    for (size_t i = 0; ok && i < document->n_fields; i++) {
        const struct hs_field *field = &document->fields[i];
        json_t *value = text_json(field, &room);
        size_t size = field->name_size;
        const char *repaired = hs_repair_text(field->name, &size, &room);
        char *name = repaired != NULL ? hs_copy_bytes(repaired, size) : NULL;
        ok = name != NULL && json_object_set(object, name, value) == 0;
        json_decref(value);
        hs_free(name);
    }
    hs_buffer_free(&room);
    if (!ok) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static headsift_status write_object(void *user, const struct hs_document *document, headsift_error *error) {
    json_t *object = record_json(document);
    char *line = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    headsift_status status = line != NULL ? write_line(user, line, strlen(line), error)
                                          : hs_fail_memory(error, "a record", document->text_size);
    free(line);
    return status;
}

static headsift_status write_jsonl(struct hs_selection *selection, const struct hs_source *source,
                                   const struct hs_input *input, const struct hs_rows *rows, const char *output,
                                   headsift_error *error) {
    struct hs_atomic_file file;
    HS_TRY(hs_atomic_open(output, &file, error));
    bool raw = input->format == HS_FORMAT_JSONL;
    headsift_status status =
        for_each(selection, source, input, rows, !raw, raw ? write_raw : write_object, &file, error);
    if (status != HEADSIFT_OK) {
        hs_atomic_abort(&file);
        return status;
    }
    return hs_atomic_commit(&file, error);
}

/* ---- Parquet ---- */

/* The names of all fields, each once, in the order in which they were first seen. */
struct names {
    json_t *seen;  /**< an object: jansson keeps the order of its keys and finds them by hash */
    int64_t bytes; /**< of all fields */
};

static headsift_status see_fields(void *user, const struct hs_document *document, headsift_error *error) {
    struct names *names = user;
    for (size_t i = 0; i < document->n_fields; i++) {
        char *name = hs_copy_bytes(document->fields[i].name, document->fields[i].name_size);
        bool ok = name != NULL && (json_object_get(names->seen, name) != NULL ||
                                   json_object_set_new_nocheck(names->seen, name, json_true()) == 0);
        hs_free(name);
        names->bytes += (int64_t)document->fields[i].size;
        if (!ok) {
            return hs_fail_memory(error, "the list of columns", document->fields[i].name_size);
        }
    }
    if (json_object_size(names->seen) > MOST_COLUMNS) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "row %lld: more than %d different keys so far: write jsonl instead of Parquet",
                       (long long)document->row, MOST_COLUMNS);
    }
    return HEADSIFT_OK;
}

/* c0 AS "first name", ... SQL has no empty name: it becomes "_". */
static bool append_names(struct hs_buffer *sql, const struct hs_field *names, size_t n) {
    struct hs_buffer room = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        size_t size = names[i].name_size;
        const char *name = size > 0 ? hs_repair_text(names[i].name, &size, &room) : "_";
        ok = name != NULL && hs_buffer_printf(sql, "%sc%zu AS ", i > 0 ? ", " : "", i) &&
             hs_sql_identifier(sql, name, size > 0 ? size : 1);
    }
    hs_buffer_free(&room);
    return ok;
}

static headsift_status copy_records(struct hs_selection *selection, const struct hs_feed *feed, int64_t bytes,
                                    const char *temporary, headsift_error *error) {
    struct hs_buffer sql = {0};
    bool built = hs_buffer_printf(&sql, "COPY (SELECT ") && append_names(&sql, feed->names, feed->n_names) &&
                 hs_buffer_printf(&sql, " FROM hs_records()) TO ") && hs_sql_target(&sql, temporary) &&
                 hs_copy_options(&sql, false, bytes, feed->rows->n);
    headsift_status status =
        built ? hs_feed_run(selection, feed, sql.data, error) : hs_fail_memory(error, "a statement", sql.size);
    hs_buffer_free(&sql);
    return status;
}

static headsift_status publish_records(struct hs_selection *selection, const struct hs_feed *feed, int64_t bytes,
                                       const char *output, headsift_error *error) {
    char *temporary = hs_temporary(output);
    if (temporary == NULL) {
        return hs_fail_memory(error, output, strlen(output));
    }
    headsift_status status = copy_records(selection, feed, bytes, temporary, error);
    if (status == HEADSIFT_OK) {
        status = hs_file_publish(temporary, output, error);
    }
    if (status != HEADSIFT_OK) {
        unlink(temporary);
    }
    hs_free(temporary);
    return status;
}

static headsift_status write_parquet(struct hs_selection *selection, const struct hs_source *source,
                                     const struct hs_input *input, const struct hs_rows *rows, const char *output,
                                     headsift_error *error) {
    struct names names = {.seen = json_object()};
    headsift_status status = names.seen != NULL
                                 ? for_each(selection, source, input, rows, true, see_fields, &names, error)
                                 : hs_fail_memory(error, "the list of columns", 1);
    size_t n = json_object_size(names.seen), at = 0;
    struct hs_field *fields = status == HEADSIFT_OK ? hs_alloc(n, sizeof *fields) : NULL;
    if (status == HEADSIFT_OK && fields == NULL) {
        status = hs_fail_memory(error, "the list of columns", n * sizeof *fields);
    }
    if (status == HEADSIFT_OK) {
        const char *name;
        json_t *value;
        json_object_foreach(names.seen, name, value) {
            fields[at++] = (struct hs_field){.name = name, .name_size = strlen(name)};
        }
        struct hs_feed feed = {.source = source, .input = input, .rows = rows, .names = fields, .n_names = n};
        status = publish_records(selection, &feed, names.bytes, output, error);
    }
    hs_free(fields);
    json_decref(names.seen);
    return status;
}

headsift_status hs_source_write_records(struct hs_selection *selection, const struct hs_source *source,
                                        const struct hs_input *input, const char *output, headsift_error *error) {
    const struct hs_rows rows = hs_rows_wanted(selection, source);
    return selection->choice.format == HS_OUTPUT_JSONL ? write_jsonl(selection, source, input, &rows, output, error)
                                                       : write_parquet(selection, source, input, &rows, output, error);
}
