/* The reader that callers see: picks the format's functions, counts records, checks UTF-8 the same way for all.
 * A record that can't be used is given with a note, so that every record keeps its number. */
#include "corpus/reader.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

static const struct hs_reader_kind *const kinds[] = {
    [HS_FORMAT_PARQUET] = &hs_reader_parquet,
    [HS_FORMAT_JSONL] = &hs_reader_jsonl,
    [HS_FORMAT_CSV] = &hs_reader_csv,
    [HS_FORMAT_TEXT] = &hs_reader_text,
};

void hs_document_bad(struct hs_document *document, const char *format, ...) {
    char note[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(note, sizeof note, format, arguments);
    va_end(arguments);
    hs_escape_line(note, strlen(note), document->note, sizeof document->note);
    document->bad = true;
}

void hs_document_set(struct hs_document *document, enum hs_role role, const char *value, size_t size) {
    const char **const values[HS_ROLES] = {&document->text, &document->prompt, &document->id, &document->domain};
    size_t *const sizes[HS_ROLES] = {&document->text_size, &document->prompt_size, &document->id_size,
                                     &document->domain_size};
    *values[role] = value;
    *sizes[role] = size;
}

headsift_status hs_reader_open(const struct hs_input *input, const headsift_inputs *inputs, bool all_fields,
                               struct hs_reader **out, headsift_error *error) {
    return hs_reader_open_range(input, inputs, all_fields, NULL, out, error);
}

headsift_status hs_reader_open_range(const struct hs_input *input, const headsift_inputs *inputs, bool all_fields,
                                     const struct hs_range *range, struct hs_reader **out, headsift_error *error) {
    *out = NULL;
    struct hs_reader *reader = hs_alloc(1, sizeof *reader);
    if (reader == NULL) {
        return hs_fail_memory(error, input->path, sizeof *reader);
    }
    reader->kind = kinds[input->format];
    reader->all_fields = all_fields;
    reader->first = range != NULL ? range->first_row : 0;
    reader->limit = range != NULL ? range->rows : -1;
    reader->path = hs_copy_string(input->path);
    headsift_status status = hs_columns_init(inputs, input->path, &reader->columns, error);
    if (status == HEADSIFT_OK && reader->path == NULL) {
        status = hs_fail_memory(error, input->path, strlen(input->path));
    }
    if (status == HEADSIFT_OK) {
        status = reader->kind->open(reader, input, range, error);
    }
    if (status != HEADSIFT_OK) {
        hs_reader_close(reader);
        return status;
    }
    *out = reader;
    return HEADSIFT_OK;
}

/* An empty text is fine, a missing one is not. */
static void refuse_null(const struct hs_reader *reader, struct hs_document *document) {
    if (document->text == NULL && !document->bad) {
        hs_document_bad(document, "\"%s\" is null", reader->columns.names[HS_ROLE_TEXT]);
    }
    if (reader->columns.names[HS_ROLE_PROMPT] != NULL && document->prompt == NULL && !document->bad) {
        hs_document_bad(document, "\"%s\" is null", reader->columns.names[HS_ROLE_PROMPT]);
    }
}

/* The first of text, prompt, id and domain that is no UTF-8 makes the record bad. A broken id or domain is taken away,
 * since it can't be written; a broken text stays, for its size. */
static void check_text(const struct hs_reader *reader, struct hs_document *document) {
    const char *const values[HS_ROLES] = {document->text, document->prompt, document->id, document->domain};
    const size_t sizes[HS_ROLES] = {document->text_size, document->prompt_size, document->id_size,
                                    document->domain_size};
    for (int role = 0; role < HS_ROLES; role++) {
        size_t good = values[role] != NULL ? hs_utf8_check(values[role], sizes[role]) : sizes[role];
        if (good == sizes[role]) {
            continue;
        }
        if (!document->bad) {
            const char *name = reader->columns.names[role] != NULL ? reader->columns.names[role] : "domain";
            hs_document_bad(document, "broken UTF-8 at byte %zu of \"%s\"", good, name);
        }
        document->fields = NULL;
        document->n_fields = 0;
        if (role == HS_ROLE_ID) {
            hs_document_set(document, HS_ROLE_ID, NULL, 0);
        } else if (role == HS_ROLE_DOMAIN) {
            hs_document_set(document, HS_ROLE_DOMAIN, "", 0);
        }
    }
}

/* Puts the response behind the prompt. */
static headsift_status join_prompt(struct hs_reader *reader, struct hs_document *document, headsift_error *error) {
    size_t prompt = document->prompt_size, response = document->text_size;
    reader->joined.size = 0;
    if (document->prompt == NULL || document->text == NULL) {
        return HEADSIFT_OK; /* a bad record */
    }
    if (!hs_buffer_append(&reader->joined, document->prompt, prompt) ||
        !hs_buffer_append(&reader->joined, document->text, response)) {
        return hs_fail_memory(error, reader->path, prompt + response);
    }
    hs_document_set(document, HS_ROLE_PROMPT, reader->joined.data, prompt);
    hs_document_set(document, HS_ROLE_TEXT, reader->joined.data, prompt + response);
    return HEADSIFT_OK;
}

static headsift_status fail_short(const struct hs_reader *reader, headsift_error *error) {
    return hs_fail(error, HEADSIFT_FAILED,
                   "%s ends at record %" PRId64 ", %" PRId64
                   " before its last one: it has changed since it was scanned",
                   reader->path, reader->first + reader->rows, reader->limit - reader->rows);
}

headsift_status hs_reader_next(struct hs_reader *reader, struct hs_document *document, bool *more,
                               headsift_error *error) {
    *document = (struct hs_document){.row = reader->first + reader->rows};
    *more = false;
    if (reader->rows == reader->limit) {
        return HEADSIFT_OK;
    }
    HS_TRY(reader->kind->next(reader, document, more, error));
    if (!*more) {
        return reader->limit < 0 ? HEADSIFT_OK : fail_short(reader, error);
    }
    reader->rows++;
    if (reader->columns.fixed_domain != NULL) {
        hs_document_set(document, HS_ROLE_DOMAIN, reader->columns.fixed_domain, strlen(reader->columns.fixed_domain));
    } else if (document->domain == NULL) {
        hs_document_set(document, HS_ROLE_DOMAIN, "", 0);
    }
    refuse_null(reader, document);
    check_text(reader, document);
    return reader->columns.names[HS_ROLE_PROMPT] != NULL ? join_prompt(reader, document, error) : HEADSIFT_OK;
}

void hs_reader_close(struct hs_reader *reader) {
    if (reader == NULL) {
        return;
    }
    reader->kind->close(reader);
    hs_columns_free(&reader->columns);
    hs_buffer_free(&reader->joined);
    hs_free(reader->path);
    hs_free(reader);
}

bool hs_reader_has_domain(const struct hs_reader *reader) {
    return reader->has_domain || reader->columns.fixed_domain != NULL;
}

double hs_reader_share(const struct hs_reader *reader) {
    if (reader->limit < 0) {
        return reader->kind->share(reader);
    }
    return reader->limit > 0 ? (double)reader->rows / (double)reader->limit : 1.0;
}
