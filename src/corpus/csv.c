/* CSV by RFC 4180: quoted fields may hold commas, line ends and doubled quotes; lines end with LF or CRLF; the first
 * record names the columns. Every value is a string. A record of another width is bad, and only that one. */
#include "corpus/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "corpus/stream.h"

enum { BLOCK = 1 << 17 };

enum state {
    FIELD_START,
    UNQUOTED,
    QUOTED,
    QUOTE_SEEN,  /* in a quoted field: the closing quote or the first of two */
    RETURN_SEEN, /* a CR outside quotes: part of the line end, or of the value */
    RECORD_END,
};

struct csv {
    struct hs_stream *stream;
    struct hs_buffer window; /* bytes of the file that are not parsed yet, from `at` on */
    size_t at;
    struct hs_buffer values; /* the record's values, one behind the other, a NUL behind each */
    size_t *ends;            /* where each value ends (its NUL) */
    size_t n, capacity;
    bool quoted;     /* the record has a quoted field */
    bool open_quote; /* the file ended inside quotes */
    size_t closed;   /* 1 + the field whose closing quote was the last one seen; 0: none */
    size_t stray;    /* 1 + a field that has text behind its closing quote; 0: none */
    struct hs_buffer header;
    struct hs_field *fields; /* names from the header, values of the record */
    size_t n_columns;
    size_t places[HS_ROLES]; /* which column; n_columns: none */
};

/* ---- One record --------------------------------------------------------------------------------------------- */

static bool add(struct csv *csv, const char *bytes, size_t size) { return hs_buffer_append(&csv->values, bytes, size); }

static bool end_field(struct csv *csv) {
    void *ends = csv->ends;
    bool ok = hs_grow(&ends, &csv->capacity, csv->n + 1, sizeof *csv->ends);
    csv->ends = ends;
    if (ok) {
        csv->ends[csv->n++] = csv->values.size;
    }
    return ok && add(csv, "", 1);
}

static bool add_plain(struct csv *csv, char byte) {
    if (csv->closed == csv->n + 1) {
        csv->stray = csv->closed;
    }
    return add(csv, &byte, 1);
}

/* A byte outside quotes, where a value may end. */
static bool step_plain(struct csv *csv, char byte, enum state *state) {
    if (byte == ',' || byte == '\n') {
        *state = byte == ',' ? FIELD_START : RECORD_END;
        return end_field(csv);
    }
    if (byte == '\r') {
        *state = RETURN_SEEN;
        return true;
    }
    *state = UNQUOTED;
    return add_plain(csv, byte);
}

/* The byte behind a quote that may close the field. */
static bool step_quote(struct csv *csv, char byte, enum state *state) {
    if (byte == '"') {
        *state = QUOTED;
        return add(csv, "\"", 1);
    }
    csv->closed = csv->n + 1;
    return step_plain(csv, byte, state);
}

static bool step(struct csv *csv, char byte, enum state *state) {
    switch (*state) {
    case QUOTED:
        if (byte == '"') {
            *state = QUOTE_SEEN;
            return true;
        }
        return add(csv, &byte, 1);
    case QUOTE_SEEN:
        return step_quote(csv, byte, state);
    case RETURN_SEEN:
        if (byte != '\n' && !add_plain(csv, '\r')) {
            return false;
        }
        return step_plain(csv, byte, state);
    case FIELD_START:
        if (byte == '"') {
            *state = QUOTED;
            csv->quoted = true;
            return true;
        }
        return step_plain(csv, byte, state);
    default:
        return step_plain(csv, byte, state);
    }
}

/* The bytes from the window's place on that are surely part of the value in this state. */
static size_t plain_run(const struct csv *csv, enum state state) {
    const char *bytes = csv->window.data + csv->at;
    size_t left = csv->window.size - csv->at, run = 0;
    if (state == QUOTED) {
        const char *quote = memchr(bytes, '"', left);
        return quote != NULL ? (size_t)(quote - bytes) : left;
    }
    while (state == UNQUOTED && run < left && bytes[run] != ',' && bytes[run] != '\n' && bytes[run] != '\r') {
        run++;
    }
    return run;
}

static bool parse_window(struct csv *csv, enum state *state) {
    bool ok = true;
    while (ok && csv->at < csv->window.size && *state != RECORD_END) {
        size_t run = plain_run(csv, *state);
        if (run > 0) {
            ok = add(csv, csv->window.data + csv->at, run);
            csv->at += run;
        } else {
            ok = step(csv, csv->window.data[csv->at++], state);
        }
    }
    return ok;
}

/* The file ended: what was read of a record, if anything, ends with its last field. */
static bool end_file(struct csv *csv, enum state state, bool *more) {
    csv->open_quote = state == QUOTED;
    *more = state != FIELD_START || csv->n > 0;
    return !*more || end_field(csv);
}

static void begin_record(struct csv *csv) {
    csv->values.size = 0;
    csv->n = 0;
    csv->quoted = false;
    csv->open_quote = false;
    csv->closed = 0;
    csv->stray = 0;
}

/* Reads one record; *more is false where there is none. */
static headsift_status read_record(struct csv *csv, bool *more, headsift_error *error) {
    begin_record(csv);
    enum state state = FIELD_START;
    *more = true;
    bool ok = parse_window(csv, &state);
    for (bool bytes_left = true; ok && state != RECORD_END && bytes_left;) {
        csv->window.size = 0;
        csv->at = 0;
        HS_TRY(hs_stream_read(csv->stream, BLOCK, &csv->window, &bytes_left, error));
        ok = bytes_left ? parse_window(csv, &state) : end_file(csv, state, more);
    }
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "a CSV record", csv->values.size);
}

/* A line with nothing on it, in a file of several columns: no record. */
static bool is_blank(const struct csv *csv) {
    return csv->n == 1 && csv->ends[0] == 0 && !csv->quoted && csv->n_columns > 1;
}

static const char *value_start(const struct csv *csv, size_t i) {
    return csv->values.data + (i > 0 ? csv->ends[i - 1] + 1 : 0);
}

/* ---- Documents ---------------------------------------------------------------------------------------------- */

/* Marks the document where the record does not fit the header, or is no UTF-8 in a column other than the text's (whose
 * check is the same for all formats). */
static void judge(const struct csv *csv, struct hs_document *document) {
    if (csv->open_quote) {
        hs_document_bad(document, "a quote that is never closed in column %zu of %zu", csv->n, csv->n_columns);
    } else if (csv->stray > 0) {
        hs_document_bad(document, "text behind a closing quote in column %zu", csv->stray);
    } else if (csv->n != csv->n_columns) {
        hs_document_bad(document, "%zu values where the header has %zu columns", csv->n, csv->n_columns);
    }
    for (size_t i = 0; i < csv->n_columns && !document->bad; i++) {
        size_t size = csv->fields[i].size, good = hs_utf8_check(csv->fields[i].value, size);
        if (good < size && i != csv->places[HS_ROLE_TEXT]) {
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
        HS_TRY(read_record(csv, more, error));
    } while (*more && is_blank(csv));
    if (!*more) {
        return HEADSIFT_OK;
    }
    for (size_t i = 0; i < csv->n_columns && csv->n == csv->n_columns; i++) {
        csv->fields[i].value = value_start(csv, i);
        csv->fields[i].size = csv->ends[i] - (size_t)(csv->fields[i].value - csv->values.data);
    }
    judge(csv, document);
    bool whole = csv->n == csv->n_columns && !csv->open_quote && csv->stray == 0;
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
    if (csv->open_quote || csv->stray > 0 || hs_utf8_check(csv->values.data, csv->values.size) < csv->values.size) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: its first line is no CSV header in UTF-8", path);
    }
    csv->fields = hs_alloc(csv->n, sizeof *csv->fields);
    if (csv->fields == NULL) {
        return hs_fail_memory(error, path, csv->n * sizeof *csv->fields);
    }
    csv->header = csv->values;
    csv->values = (struct hs_buffer){0};
    csv->n_columns = csv->n;
    for (size_t i = 0; i < csv->n; i++) {
        size_t start = i > 0 ? csv->ends[i - 1] + 1 : 0;
        csv->fields[i] = (struct hs_field){.name = csv->header.data + start, .name_size = csv->ends[i] - start};
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

static headsift_status open_csv(struct hs_reader *reader, const struct hs_input *input, headsift_error *error) {
    struct csv *csv = hs_alloc(1, sizeof *csv);
    if (csv == NULL) {
        return hs_fail_memory(error, reader->path, sizeof *csv);
    }
    reader->state = csv;
    HS_TRY(hs_stream_open(input->path, input->compression, &csv->stream, error));
    bool more;
    HS_TRY(read_record(csv, &more, error));
    if (!more) { /* an empty file: no header, no records */
        return HEADSIFT_OK;
    }
    HS_TRY(keep_header(csv, reader->path, error));
    HS_TRY(refuse_repeated_names(csv, reader->path, error));
    for (int role = 0; role < HS_ROLES; role++) {
        HS_TRY(find_place(reader, csv, (enum hs_role)role, error));
    }
    reader->has_domain = csv->places[HS_ROLE_DOMAIN] < csv->n_columns;
    return HEADSIFT_OK;
}

static double share_csv(const struct hs_reader *reader) {
    return hs_stream_share(((const struct csv *)reader->state)->stream);
}

static void close_csv(struct hs_reader *reader) {
    struct csv *csv = reader->state;
    if (csv == NULL) {
        return;
    }
    hs_stream_close(csv->stream);
    hs_buffer_free(&csv->window);
    hs_buffer_free(&csv->values);
    hs_buffer_free(&csv->header);
    hs_free(csv->ends);
    hs_free(csv->fields);
    hs_free(csv);
}

const struct hs_reader_kind hs_reader_csv = {open_csv, next_csv, share_csv, close_csv};
