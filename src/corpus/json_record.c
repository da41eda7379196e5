/* jansson parses the line; a second, simple pass over the then valid text finds where each top-level value stands.
 * Numbers that jansson has no type for are shortened in a copy, which it then parses: only their syntax matters. */
#include "corpus/json_record.h"

#include <string.h>

#include "base/text.h"

/* ---- Parsing ------------------------------------------------------------------------------------------------ */

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

/* Copies the line with at most 15 digits of each run of digits outside strings, and 2 of an exponent's: the same syntax
 * with numbers that fit. */
static bool shorten_numbers(const char *line, size_t size, struct hs_buffer *out) {
    out->size = 0;
    if (!hs_buffer_reserve(out, size)) {
        return false;
    }
    bool inside = false, exponent = false;
    size_t run = 0;
    for (size_t i = 0; i < size; i++) {
        char byte = line[i];
        if (!inside && is_digit(byte)) {
            run++;
            if (run > (exponent ? 2u : 15u)) {
                continue;
            }
        } else {
            bool sign = byte == '+' || byte == '-';
            exponent = !inside && (byte == 'e' || byte == 'E' || (exponent && sign && run == 0));
            run = 0;
        }
        out->data[out->size++] = byte;
        if (inside && byte == '\\' && i + 1 < size) {
            out->data[out->size++] = line[++i];
        } else if (byte == '"') {
            inside = !inside;
        }
    }
    out->data[out->size] = '\0';
    return true;
}

static json_t *parse(struct hs_json_record *record, const char *line, size_t size, json_error_t *reason) {
    json_t *root = json_loadb(line, size, JSON_ALLOW_NUL, reason);
    if (root == NULL && json_error_code(reason) == json_error_numeric_overflow) {
        if (shorten_numbers(line, size, &record->scratch)) {
            root = json_loadb(record->scratch.data, record->scratch.size, JSON_ALLOW_NUL, reason);
        }
    }
    return root;
}

/* ---- Where the values stand (in text that is known to be valid JSON) ------------------------------------------ */

static size_t skip_blanks(const char *line, size_t at) {
    while (line[at] == ' ' || line[at] == '\t' || line[at] == '\r' || line[at] == '\n') {
        at++;
    }
    return at;
}

/* `at` is at the opening quote; returns the place behind the closing one. */
static size_t skip_string(const char *line, size_t at) {
    for (at++; line[at] != '"'; at++) {
        at += line[at] == '\\';
    }
    return at + 1;
}

static size_t skip_value(const char *line, size_t at) {
    size_t depth = 0;
    for (;;) {
        char byte = line[at];
        if (byte == '"') {
            at = skip_string(line, at);
        } else if (byte == '{' || byte == '[') {
            depth++;
            at++;
        } else if (depth > 0 && (byte == '}' || byte == ']')) {
            depth--;
            at++;
        } else if (depth > 0) {
            at++;
        } else {
            while (strchr(",}] \t\r\n", line[at]) == NULL) {
                at++;
            }
            return at;
        }
        if (depth == 0) {
            return at;
        }
    }
}

/* The member's value as a field: a string decoded, null as NULL, all else as it is written. */
static void set_value(struct hs_field *field, const json_t *value, const char *text, size_t size) {
    field->value = text;
    field->size = size;
    if (json_is_string(value)) {
        field->value = json_string_value(value);
        field->size = json_string_length(value);
    } else if (json_is_null(value)) {
        field->value = NULL;
        field->size = 0;
    }
}

/* Finds the member whose key, with its quotes, is `key`. A key with escapes gets its name from jansson's copy. */
static json_t *find_member(const struct hs_json_record *record, const char *key, size_t size, struct hs_field *field) {
    if (memchr(key, '\\', size) == NULL) {
        field->name = key + 1;
        field->name_size = size - 2;
        return json_object_getn(record->root, field->name, field->name_size);
    }
    json_error_t reason;
    json_t *decoded = json_loadb(key, size, JSON_DECODE_ANY, &reason);
    void *member = decoded != NULL ? json_object_iter_at(record->root, json_string_value(decoded)) : NULL;
    json_decref(decoded);
    if (member == NULL) {
        return NULL;
    }
    field->name = json_object_iter_key(member);
    field->name_size = json_object_iter_key_len(member);
    return json_object_iter_value(member);
}

/* jansson keeps the last of several values of one name: so do we. */
static bool drop_repeated(struct hs_json_record *record) {
    json_t *seen = json_object();
    bool ok = seen != NULL;
    for (size_t i = record->n; i > 0 && ok; i--) {
        struct hs_field *field = &record->fields[i - 1];
        if (json_object_getn(seen, field->name, field->name_size) != NULL) {
            field->name = NULL;
        } else {
            ok = json_object_setn_new_nocheck(seen, field->name, field->name_size, json_null()) == 0;
        }
    }
    json_decref(seen);
    size_t kept = 0;
    for (size_t i = 0; i < record->n; i++) {
        if (record->fields[i].name != NULL) {
            record->fields[kept++] = record->fields[i];
        }
    }
    record->n = kept;
    return ok;
}

static bool collect_fields(struct hs_json_record *record, const char *line) {
    size_t at = skip_blanks(line, skip_blanks(line, 0) + 1);
    while (line[at] != '}') {
        size_t key = at, key_end = skip_string(line, at);
        size_t start = skip_blanks(line, skip_blanks(line, key_end) + 1), end = skip_value(line, start);
        void *fields = record->fields;
        bool grown = hs_grow(&fields, &record->capacity, record->n + 1, sizeof *record->fields);
        record->fields = fields;
        json_t *value = grown ? find_member(record, line + key, key_end - key, &record->fields[record->n]) : NULL;
        if (value == NULL) {
            return false;
        }
        set_value(&record->fields[record->n++], value, line + start, end - start);
        at = skip_blanks(line, end);
        at = line[at] == ',' ? skip_blanks(line, at + 1) : at;
    }
    return record->n == json_object_size(record->root) || drop_repeated(record);
}

/* ---- One line ----------------------------------------------------------------------------------------------- */

enum hs_json_verdict hs_json_record_parse(struct hs_json_record *record, const char *line, size_t size, char *why,
                                          size_t why_size) {
    json_decref(record->root);
    record->root = NULL;
    record->n = 0;
    size_t good = hs_utf8_check(line, size);
    if (good < size) {
        snprintf(why, why_size, "broken UTF-8 at byte %zu of the line", good);
        return HS_JSON_BAD;
    }
    json_error_t reason;
    record->root = parse(record, line, size, &reason);
    if (record->root == NULL) {
        if (json_error_code(&reason) == json_error_out_of_memory) {
            return HS_JSON_NO_MEMORY;
        }
        snprintf(why, why_size, "not JSON at byte %d of the line: %s", reason.position, reason.text);
        return HS_JSON_BAD;
    }
    if (!json_is_object(record->root)) {
        snprintf(why, why_size, "not a JSON object");
        return HS_JSON_BAD;
    }
    return collect_fields(record, line) ? HS_JSON_OBJECT : HS_JSON_NO_MEMORY;
}

const struct hs_field *hs_json_record_find(const struct hs_json_record *record, const char *name, json_type *kind) {
    const json_t *value = json_object_get(record->root, name);
    if (value == NULL) {
        return NULL;
    }
    *kind = json_typeof(value);
    size_t size = strlen(name);
    for (size_t i = 0; i < record->n; i++) {
        if (record->fields[i].name_size == size && memcmp(record->fields[i].name, name, size) == 0) {
            return &record->fields[i];
        }
    }
    return NULL;
}

void hs_json_record_free(struct hs_json_record *record) {
    json_decref(record->root);
    hs_free(record->fields);
    hs_buffer_free(&record->scratch);
    *record = (struct hs_json_record){0};
}
