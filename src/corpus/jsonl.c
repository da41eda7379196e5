/* JSONL: a record a line, split at \n whatever stands in it, so that a bad line costs only itself.
 * A line may be as long as memory allows; lines of blanks are no records. */
#include "corpus/reader.h"

#include <string.h>

#include "corpus/json_record.h"
#include "corpus/lines.h"

enum {
    SEARCH_RECORDS = 1000,      /* a file whose first so many records lack a wanted column is refused */
    SEARCH_DOMAIN_RECORDS = 64, /* where all else was found, so many are looked at for a domain */
    SEARCH_DOMAIN_BYTES = 1 << 24,
};

struct jsonl {
    struct hs_lines lines;
    struct hs_json_record record;
};

/* ---- Records ------------------------------------------------------------------------------------------------ */

static const char *type_name(json_type type) {
    switch (type) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_NULL:
        return "null";
    default:
        return "true or false";
    }
}

static void fill_in(const struct hs_reader *reader, const struct jsonl *jsonl, struct hs_document *document) {
    for (int role = 0; role < HS_ROLES; role++) {
        const char *name = reader->columns.names[role];
        json_type type = JSON_NULL;
        const struct hs_field *field = name != NULL ? hs_json_record_find(&jsonl->record, name, &type) : NULL;
        bool text = role == HS_ROLE_TEXT || (role == HS_ROLE_PROMPT && name != NULL);
        if (text && (field == NULL || type != JSON_STRING)) {
            hs_document_bad(document, field == NULL ? "no \"%s\"" : "\"%s\" is %s, not a string", name,
                            type_name(type));
        } else if (field != NULL) {
            hs_document_set(document, (enum hs_role)role, field->value, field->size);
        }
    }
}

static headsift_status next_jsonl(struct hs_reader *reader, struct hs_document *document, bool *more,
                                  headsift_error *error) {
    struct jsonl *jsonl = reader->state;
    HS_TRY(hs_lines_next(&jsonl->lines, &document->raw, &document->raw_size, error));
    *more = document->raw != NULL;
    if (!*more) {
        return HEADSIFT_OK;
    }
    char why[256];
    enum hs_json_verdict verdict =
        hs_json_record_parse(&jsonl->record, document->raw, document->raw_size, why, sizeof why);
    if (verdict == HS_JSON_NO_MEMORY) {
        return hs_fail_memory(error, reader->path, document->raw_size);
    }
    if (verdict == HS_JSON_BAD) {
        hs_document_bad(document, "%s", why);
        return HEADSIFT_OK;
    }
    fill_in(reader, jsonl, document);
    if (reader->all_fields) {
        document->fields = jsonl->record.fields;
        document->n_fields = jsonl->record.n;
    }
    return HEADSIFT_OK;
}

/* ---- Opening ------------------------------------------------------------------------------------------------ */

static void free_jsonl(struct jsonl *jsonl) {
    if (jsonl != NULL) {
        hs_lines_close(&jsonl->lines);
        hs_json_record_free(&jsonl->record);
        hs_free(jsonl);
    }
}

static headsift_status make_jsonl(const struct hs_input *input, const struct hs_range *range, struct jsonl **out,
                                  headsift_error *error) {
    struct jsonl *jsonl = hs_alloc(1, sizeof *jsonl);
    if (jsonl == NULL) {
        return hs_fail_memory(error, input->path, sizeof *jsonl);
    }
    headsift_status status = hs_stream_open_at(input->path, input->compression, range != NULL ? range->file_offset : 0,
                                               range != NULL ? range->skip_bytes : 0, &jsonl->lines.stream, error);
    if (status != HEADSIFT_OK) {
        free_jsonl(jsonl);
        return status;
    }
    *out = jsonl;
    return HEADSIFT_OK;
}

/* What the first records have. */
struct search {
    bool found[HS_ROLES];
    int64_t records;
    size_t bytes;
    struct hs_buffer example; /* the first line that is an object */
};

static bool search_done(const struct hs_columns *columns, const struct search *search) {
    for (int role = 0; role < HS_ROLES; role++) {
        if (columns->required[role] && !search->found[role]) {
            return search->records >= SEARCH_RECORDS;
        }
    }
    return columns->names[HS_ROLE_DOMAIN] == NULL || search->found[HS_ROLE_DOMAIN] ||
           search->records >= SEARCH_DOMAIN_RECORDS || search->bytes >= SEARCH_DOMAIN_BYTES;
}

static bool search_record(const struct hs_columns *columns, const struct hs_json_record *record, const char *line,
                          size_t size, struct search *search) {
    for (int role = 0; role < HS_ROLES; role++) {
        json_type type;
        const char *name = columns->names[role];
        if (name != NULL && hs_json_record_find(record, name, &type) != NULL) {
            search->found[role] = true;
        }
    }
    return search->example.size > 0 || hs_buffer_append(&search->example, line, size);
}

/* The first wanted column that no object among the first records has. Needs at least one object. */
static headsift_status judge(struct hs_reader *reader, struct jsonl *jsonl, const struct search *search,
                             headsift_error *error) {
    char why[256];
    for (int role = 0; role < HS_ROLES && search->example.size > 0; role++) {
        if (reader->columns.required[role] && !search->found[role]) {
            hs_json_record_parse(&jsonl->record, search->example.data, search->example.size, why, sizeof why);
            return hs_columns_missing(&reader->columns, (enum hs_role)role, reader->path, jsonl->record.fields,
                                      jsonl->record.n, error);
        }
    }
    return HEADSIFT_OK;
}

/* Reads the first records. A stream that breaks here breaks again when it is read in earnest. */
static headsift_status look_at_records(const struct hs_columns *columns, struct jsonl *jsonl, struct search *search,
                                       headsift_error *error) {
    const char *line;
    size_t size;
    char why[256];
    while (!search_done(columns, search) && hs_lines_next(&jsonl->lines, &line, &size, NULL) == HEADSIFT_OK &&
           line != NULL) {
        search->records++;
        search->bytes += size;
        if (hs_json_record_parse(&jsonl->record, line, size, why, sizeof why) == HS_JSON_OBJECT &&
            !search_record(columns, &jsonl->record, line, size, search)) {
            return hs_fail_memory(error, "a record", size);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status search_columns(struct hs_reader *reader, const struct hs_input *input, headsift_error *error) {
    struct jsonl *jsonl = NULL;
    HS_TRY(make_jsonl(input, NULL, &jsonl, error));
    struct search search = {0};
    headsift_status status = look_at_records(&reader->columns, jsonl, &search, error);
    if (status == HEADSIFT_OK) {
        status = judge(reader, jsonl, &search, error);
    }
    reader->has_domain = search.found[HS_ROLE_DOMAIN];
    hs_buffer_free(&search.example);
    free_jsonl(jsonl);
    return status;
}

static headsift_status open_jsonl(struct hs_reader *reader, const struct hs_input *input, const struct hs_range *range,
                                  headsift_error *error) {
    HS_TRY(search_columns(reader, input, error));
    struct jsonl *jsonl = NULL;
    HS_TRY(make_jsonl(input, range, &jsonl, error));
    reader->state = jsonl;
    return HEADSIFT_OK;
}

static double share_jsonl(const struct hs_reader *reader) {
    return hs_stream_share(((const struct jsonl *)reader->state)->lines.stream);
}

static void close_jsonl(struct hs_reader *reader) { free_jsonl(reader->state); }

const struct hs_reader_kind hs_reader_jsonl = {open_jsonl, next_jsonl, share_jsonl, close_jsonl};
