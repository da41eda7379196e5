/* headsift_explain_file: finds the document (a text, or a record of a file), scores it and shows its tokens.
 * A file of no known suffix, and stdin, are one text. */
#include "explain/explain.h"

#include <string.h>

#include "corpus/corpus.h"
#include "corpus/formats.h"

static headsift_status show(const struct hs_explained *document, headsift_explain_format format, FILE *out,
                            headsift_error *error) {
    switch (format) {
    case HEADSIFT_EXPLAIN_JSON:
        return hs_explain_json(document, out, error);
    case HEADSIFT_EXPLAIN_HTML:
        return hs_explain_page(document, out, error);
    default:
        return hs_explain_text(document, format == HEADSIFT_EXPLAIN_COLOUR, out, error);
    }
}

static headsift_status explain(headsift_model *model, struct hs_scoring *scoring, struct hs_explained *document,
                               headsift_explain_format format, FILE *out, headsift_error *error) {
    HS_TRY(hs_scoring_start(model, scoring, error));
    headsift_status status = hs_explain_losses(scoring, document, error);
    if (status == HEADSIFT_OK) {
        status = show(document, format, out, error);
    }
    hs_explained_free(document);
    HS_TRY(status);
    if (!hs_row_scored(&document->row)) {
        return hs_fail(error, HEADSIFT_UNSCORED, "%s has no score: %s, %s", document->name, document->row.status,
                       document->row.note);
    }
    return HEADSIFT_OK;
}

/* The record of number `row`, which the reader holds. */
static headsift_status find_record(struct hs_reader *reader, const char *path, int64_t row, struct hs_document *found,
                                   headsift_error *error) {
    for (bool more = true; more;) {
        HS_TRY(hs_reader_next(reader, found, &more, error));
        if (more && found->row == row) {
            return found->bad
                       ? hs_fail(error, HEADSIFT_FAILED, "%s, record %lld: %s", path, (long long)row, found->note)
                       : HEADSIFT_OK;
        }
    }
    return hs_fail(error, HEADSIFT_USAGE, "%s has no record %lld: they are numbered from 0", path, (long long)row);
}

static headsift_status explain_record(headsift_model *model, struct hs_scoring *scoring, const headsift_inputs *inputs,
                                      int64_t row, headsift_explain_format format, FILE *out, headsift_error *error) {
    struct hs_input_list list;
    struct hs_reader *reader = NULL;
    struct hs_document record;
    HS_TRY(hs_inputs_find(inputs, &list, error));
    const char *path = list.items[0].path;
    headsift_status status = list.n == 1 ? hs_reader_open(&list.items[0], inputs, false, &reader, error)
                                         : hs_fail(error, HEADSIFT_USAGE, "name one file, not %zu", list.n);
    if (status == HEADSIFT_OK) {
        status = find_record(reader, path, row, &record, error);
    }
    if (status == HEADSIFT_OK) {
        char *id =
            record.id != NULL ? hs_copy_bytes(record.id, record.id_size) : hs_format("%s:%lld", path, (long long)row);
        struct hs_explained document = {.name = id, .text = record.text, .size = record.text_size};
        status = id != NULL ? explain(model, scoring, &document, format, out, error)
                            : hs_fail_memory(error, "an id", record.id_size);
        hs_free(id);
    }
    hs_reader_close(reader);
    hs_inputs_free(&list);
    return status;
}

static headsift_status explain_text(headsift_model *model, struct hs_scoring *scoring, const char *path,
                                    headsift_explain_format format, FILE *out, headsift_error *error) {
    struct hs_buffer text = {0};
    headsift_status status = hs_file_read(path, SIZE_MAX / 2, &text, error);
    if (status == HEADSIFT_OK) {
        struct hs_explained document = {.name = strcmp(path, "-") == 0 ? "stdin" : path,
                                        .text = text.data != NULL ? text.data : "",
                                        .size = text.size};
        status = explain(model, scoring, &document, format, out, error);
    }
    hs_buffer_free(&text);
    return status;
}

static headsift_status explain_path(headsift_model *model, struct hs_scoring *scoring, const headsift_inputs *inputs,
                                    int64_t row, headsift_explain_format format, FILE *out, headsift_error *error) {
    const char *path = inputs->paths[0];
    bool is_stdin = strcmp(path, "-") == 0, known = inputs->format != NULL || hs_format_takes(path, NULL);
    if (is_stdin && inputs->format != NULL && strcmp(inputs->format, "text") != 0) {
        return hs_fail(error, HEADSIFT_USAGE, "stdin is one text: a record of --input-format %s needs a file",
                       inputs->format);
    }
    if (is_stdin || !known) {
        if (row > 0) {
            return hs_fail(error, HEADSIFT_USAGE, "%s is one text: it has no record %lld", path, (long long)row);
        }
        return explain_text(model, scoring, path, format, out, error);
    }
    return explain_record(model, scoring, inputs, row, format, out, error);
}

headsift_status headsift_explain_file(headsift_model *model, const headsift_heads *heads,
                                      const headsift_score_options *options, const headsift_inputs *inputs, int64_t row,
                                      headsift_explain_format format, FILE *out, const headsift_monitor *monitor,
                                      headsift_error *error) {
    struct hs_scoring scoring;
    HS_TRY(hs_scoring_prepare(model, heads, options, monitor, &scoring, error));
    headsift_status status = explain_path(model, &scoring, inputs, row, format, out, error);
    hs_scoring_free(&scoring);
    return status;
}
