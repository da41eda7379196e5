/* CSV: the first record names the columns. Every value is a string. A record of another width is bad, and only that
 * one. */
#include "corpus/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "corpus/csv_record.h"

struct csv {
    struct hs_csv record;
    struct hs_buffer header;
    struct hs_field *fields; /* names from the header, values of the record */
    size_t n_columns;
    size_t places[HS_ROLES]; /* which column; n_columns: none */
};

/* ---- Documents ---------------------------------------------------------------------------------------------- */

static const char *value_start(const struct csv *csv, size_t i) {
    return csv->record.values.data + (i > 0 ? csv->record.ends[i - 1] + 1 : 0);
}

/* Marks the document where the record does not fit the header, or is no UTF-8 in a column other than the text's and
 * the prompt's (whose check is the same for all formats). */
static void judge(const struct csv *csv, struct hs_document *document) {
    if (csv->record.open_quote) {
        hs_document_bad(document, "a quote that is never closed in column %zu of %zu", csv->record.n, csv->n_columns);
    } else if (csv->record.stray > 0) {
        hs_document_bad(document, "text behind a closing quote in column %zu", csv->record.stray);
    } else if (csv->record.n != csv->n_columns) {
        hs_document_bad(document, "%zu values where the header has %zu columns", csv->record.n, csv->n_columns);
    }
    for (size_t i = 0; i < csv->n_columns && !document->bad; i++) {
        size_t size = csv->fields[i].size, good = hs_utf8_check(csv->fields[i].value, size);
        if (good < size && i != csv->places[HS_ROLE_TEXT] && i != csv->places[HS_ROLE_PROMPT]) {
            hs_document_bad(document, "broken UTF-8 at byte %zu of \"%s\"", good, csv->fields[i].name);
        }
    }
}

static headsift_status next_csv(struct hs_reader *reader, struct hs_document *document, bool *more,
                                headsift_error *error) {
    struct csv *csv = reader->state;
    if (csv->n_columns == 0) {
        return HEADSIFT_OK;
    }
    do {
        HS_TRY(hs_csv_next(&csv->record, more, error));
    } while (*more && hs_csv_is_blank(&csv->record, csv->n_columns));
    if (!*more) {
        return HEADSIFT_OK;
    }
    for (size_t i = 0; i < csv->n_columns && csv->record.n == csv->n_columns; i++) {
        csv->fields[i].value = value_start(csv, i);
        csv->fields[i].size = csv->record.ends[i] - (size_t)(csv->fields[i].value - csv->record.values.data);
    }
    judge(csv, document);
    bool whole = csv->record.n == csv->n_columns && !csv->record.open_quote && csv->record.stray == 0;
    for (int role = 0; role < HS_ROLES && whole; role++) {
        if (csv->places[role] < csv->n_columns) {
            const struct hs_field *field = &csv->fields[csv->places[role]];
            hs_document_set(document, (enum hs_role)role, field->value, field->size);
        }
    }
    if (reader->all_fields && !document->bad) {
        document->fields = csv->fields;
        document->n_fields = csv->n_columns;
    }
    return HEADSIFT_OK;
}

/* ---- Opening ------------------------------------------------------------------------------------------------ */

/* Keeps the first record as the header: its bytes move into csv->header, which the fields' names point to. */
static headsift_status keep_header(struct csv *csv, const char *path, headsift_error *error) {
    if (csv->record.open_quote || csv->record.stray > 0 ||
        hs_utf8_check(csv->record.values.data, csv->record.values.size) < csv->record.values.size) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: its first line is no CSV header in UTF-8", path);
    }
    csv->fields = hs_alloc(csv->record.n, sizeof *csv->fields);
    if (csv->fields == NULL) {
        return hs_fail_memory(error, path, csv->record.n * sizeof *csv->fields);
    }
    csv->header = csv->record.values;
    csv->record.values = (struct hs_buffer){0};
    csv->n_columns = csv->record.n;
    for (size_t i = 0; i < csv->record.n; i++) {
        size_t start = i > 0 ? csv->record.ends[i - 1] + 1 : 0;
        csv->fields[i] = (struct hs_field){.name = csv->header.data + start, .name_size = csv->record.ends[i] - start};
    }
    return HEADSIFT_OK;
}

static int compare_names(const void *left, const void *right) {
    const struct hs_field *const *a = left, *const *b = right;
    size_t shorter = (*a)->name_size < (*b)->name_size ? (*a)->name_size : (*b)->name_size;
    int order = memcmp((*a)->name, (*b)->name, shorter);
    return order != 0 ? order : ((*a)->name_size > (*b)->name_size) - ((*a)->name_size < (*b)->name_size);
}

/* A name that stands twice names no column: what is written by names would lose one of them. */
static headsift_status refuse_repeated_names(const struct csv *csv, const char *path, headsift_error *error) {
    const struct hs_field **sorted = hs_alloc(csv->n_columns, sizeof *sorted);
    if (sorted == NULL) {
        return hs_fail_memory(error, path, csv->n_columns * sizeof *sorted);
    }
    for (size_t i = 0; i < csv->n_columns; i++) {
        sorted[i] = &csv->fields[i];
    }
    qsort(sorted, csv->n_columns, sizeof *sorted, compare_names);
    headsift_status status = HEADSIFT_OK;
    for (size_t i = 1; i < csv->n_columns && status == HEADSIFT_OK; i++) {
        if (compare_names(&sorted[i - 1], &sorted[i]) == 0) {
            status = hs_fail(error, HEADSIFT_USAGE, "%s has two columns \"%.*s\": rename one", path,
                             (int)(sorted[i]->name_size < 300 ? sorted[i]->name_size : 300), sorted[i]->name);
        }
    }
    hs_free(sorted);
    return status;
}

static headsift_status find_place(struct hs_reader *reader, struct csv *csv, enum hs_role role, headsift_error *error) {
    const char *name = reader->columns.names[role];
    csv->places[role] = csv->n_columns;
    for (size_t i = 0; i < csv->n_columns && name != NULL; i++) {
        const struct hs_field *field = &csv->fields[i];
        if (field->name_size != strlen(name) || memcmp(field->name, name, field->name_size) != 0) {
            continue;
        }
        csv->places[role] = i;
    }
    if (csv->places[role] == csv->n_columns && reader->columns.required[role]) {
        return hs_columns_missing(&reader->columns, role, reader->path, csv->fields, csv->n_columns, error);
    }
    return HEADSIFT_OK;
}

/* Goes on where the range begins. */
static headsift_status move_to(struct csv *csv, const struct hs_input *input, const struct hs_range *range,
                               headsift_error *error) {
    hs_csv_close(&csv->record);
    return hs_stream_open_at(input->path, input->compression, range->file_offset, range->skip_bytes,
                             &csv->record.stream, error);
}

static headsift_status open_csv(struct hs_reader *reader, const struct hs_input *input, const struct hs_range *range,
                                headsift_error *error) {
    struct csv *csv = hs_alloc(1, sizeof *csv);
    if (csv == NULL) {
        return hs_fail_memory(error, reader->path, sizeof *csv);
    }
    reader->state = csv;
    HS_TRY(hs_stream_open(input->path, input->compression, &csv->record.stream, error));
    bool more;
    HS_TRY(hs_csv_next(&csv->record, &more, error));
    if (!more) { /* an empty file: no header, no records */
        return HEADSIFT_OK;
    }
    HS_TRY(keep_header(csv, reader->path, error));
    HS_TRY(refuse_repeated_names(csv, reader->path, error));
    for (int role = 0; role < HS_ROLES; role++) {
        HS_TRY(find_place(reader, csv, (enum hs_role)role, error));
    }
    reader->has_domain = csv->places[HS_ROLE_DOMAIN] < csv->n_columns;
    return range != NULL ? move_to(csv, input, range, error) : HEADSIFT_OK;
}

static double share_csv(const struct hs_reader *reader) {
    return hs_stream_share(((const struct csv *)reader->state)->record.stream);
}

static void close_csv(struct hs_reader *reader) {
    struct csv *csv = reader->state;
    if (csv == NULL) {
        return;
    }
    hs_csv_close(&csv->record);
    hs_buffer_free(&csv->header);
    hs_free(csv->fields);
    hs_free(csv);
}

const struct hs_reader_kind hs_reader_csv = {open_csv, next_csv, share_csv, close_csv};
