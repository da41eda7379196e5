/* Texts, fields of records, and what a record says about how it is asked.
 * Nothing in a record is trusted: each type, size and index is checked here. */
#include "eval/record.h"

#include <stdlib.h>
#include <string.h>

/* ---- Texts ----------------------------------------------------------------------------------------------------- */

void hs_texts_free(struct hs_text *texts, size_t n) {
    for (size_t i = 0; texts != NULL && i < n; i++) {
        hs_free(texts[i].data);
    }
    hs_free(texts);
}

void hs_item_free(struct hs_item *item) {
    hs_free(item->context.data);
    hs_free(item->group.data);
    hs_texts_free(item->choices, item->n_choices);
    hs_texts_free(item->contexts, item->n_choices);
    hs_texts_free(item->answers, item->n_answers);
    *item = (struct hs_item){0};
}

void hs_asked_free(struct hs_asked *asked) {
    hs_texts_free(asked->stops, asked->n_stops);
    *asked = (struct hs_asked){0};
}

void hs_record_free(struct hs_record *record) {
    hs_item_free(&record->item);
    hs_asked_free(&record->asked);
    hs_free(record->prefix.data);
    hs_free(record->worked.data);
    hs_free(record->label.data);
    *record = (struct hs_record){0};
}

struct hs_view hs_view(const char *string) {
    return (struct hs_view){string, strlen(string)};
}

struct hs_view hs_view_of(const struct hs_text *text) {
    return (struct hs_view){text->data, text->size};
}

static bool is_blank(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

struct hs_view hs_view_trim(struct hs_view view) {
    while (view.size > 0 && is_blank(view.data[0])) {
        view.data++;
        view.size--;
    }
    while (view.size > 0 && is_blank(view.data[view.size - 1])) {
        view.size--;
    }
    return view;
}

bool hs_view_is(struct hs_view a, struct hs_view b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool hs_text_join(struct hs_text *out, const struct hs_view *parts, size_t n) {
    struct hs_buffer buffer = {0};
    for (size_t i = 0; i < n; i++) {
        if (parts[i].size > 0 && !hs_buffer_append(&buffer, parts[i].data, parts[i].size)) {
            hs_buffer_free(&buffer);
            return false;
        }
    }
    hs_text_take(out, &buffer);
    return true;
}

void hs_text_take(struct hs_text *out, struct hs_buffer *buffer) {
    hs_free(out->data);
    *out = (struct hs_text){buffer->data, buffer->size};
    *buffer = (struct hs_buffer){0};
}

bool hs_texts_make(size_t n, struct hs_text **out, size_t *n_out) {
    *out = hs_alloc(n, sizeof **out);
    *n_out = *out != NULL ? n : 0;
    return *out != NULL;
}

headsift_status hs_no_memory(headsift_error *error) {
    return hs_fail(error, HEADSIFT_FAILED, "not enough memory for the items of a task");
}

/* ---- Fields ---------------------------------------------------------------------------------------------------- */

headsift_status hs_row_text(const json_t *row, const char *key, bool required, const char *where, struct hs_view *out,
                            headsift_error *error) {
    const json_t *value = json_object_get(row, key);
    if ((value == NULL || json_is_null(value)) && !required) {
        return HEADSIFT_OK;
    }
    if (!json_is_string(value)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"%s\" %s", where, key,
                       value == NULL ? "is missing" : "must be a string");
    }
    *out = (struct hs_view){json_string_value(value), json_string_length(value)};
    return HEADSIFT_OK;
}

headsift_status hs_check_list(const json_t *list, const char *key, size_t low, size_t high, const char *where,
                              headsift_error *error) {
    bool good = json_is_array(list) && json_array_size(list) >= low && json_array_size(list) <= high;
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        good = json_is_string(json_array_get(list, i));
    }
    return good ? HEADSIFT_OK
                : hs_fail(error, HEADSIFT_FAILED, "%s: \"%s\" must be a list of %zu to %zu strings", where, key, low,
                          high);
}

headsift_status hs_row_list(const json_t *row, const char *key, size_t low, size_t high, const char *where,
                            json_t **out, headsift_error *error) {
    *out = json_object_get(row, key);
    return hs_check_list(*out, key, low, high, where, error);
}

struct hs_view hs_list_at(const json_t *list, size_t i) {
    const json_t *value = json_array_get(list, i);
    return (struct hs_view){json_string_value(value), json_string_length(value)};
}

/* An index that is written as digits or as a letter; -1: neither. */
static json_int_t spelt_index(struct hs_view text) {
    text = hs_view_trim(text);
    if (text.size == 1 && text.data[0] >= 'A' && text.data[0] <= 'Z') {
        return text.data[0] - 'A';
    }
    json_int_t index = text.size > 0 && text.size < 6 ? 0 : -1;
    for (size_t i = 0; index >= 0 && i < text.size; i++) {
        index = text.data[i] >= '0' && text.data[i] <= '9' ? index * 10 + (text.data[i] - '0') : -1;
    }
    return index;
}

headsift_status hs_value_gold(const json_t *value, const char *key, size_t n, const char *where, int32_t *out,
                              headsift_error *error) {
    json_int_t index = -1;
    if (json_is_integer(value)) {
        index = json_integer_value(value);
    } else if (json_is_string(value)) {
        index = spelt_index((struct hs_view){json_string_value(value), json_string_length(value)});
    }
    if (index < 0 || (size_t)index >= n) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: \"%s\" must say which of the %zu choices is right, as 0 to %zu or as a letter", where, key,
                       n, n - 1);
    }
    *out = (int32_t)index;
    return HEADSIFT_OK;
}

headsift_status hs_row_gold(const json_t *row, const char *key, size_t n, const char *where, int32_t *out,
                            headsift_error *error) {
    return hs_value_gold(json_object_get(row, key), key, n, where, out, error);
}

bool hs_texts_of_list(const json_t *list, const char *before, struct hs_text **out, size_t *n) {
    bool ok = hs_texts_make(json_array_size(list), out, n);
    for (size_t i = 0; ok && i < *n; i++) {
        ok = HS_JOIN(&(*out)[i], hs_view(before), hs_list_at(list, i));
    }
    return ok;
}

/* ---- How a task is asked --------------------------------------------------------------------------------------- */

bool hs_asked_generate(struct hs_asked *asked, enum hs_match match, int32_t most_tokens, const char *const *stops) {
    size_t n = 0;
    while (stops[n] != NULL) {
        n++;
    }
    asked->kind = HS_TASK_GENERATE;
    asked->match = match;
    asked->most_tokens = most_tokens;
    bool ok = hs_texts_make(n, &asked->stops, &asked->n_stops);
    for (size_t i = 0; ok && i < n; i++) {
        ok = HS_JOIN(&asked->stops[i], hs_view(stops[i]));
    }
    return ok;
}

bool hs_asked_equal(const struct hs_asked *a, const struct hs_asked *b) {
    bool equal = a->kind == b->kind && a->match == b->match && a->most_tokens == b->most_tokens &&
                 a->shots == b->shots && a->n_stops == b->n_stops;
    for (size_t i = 0; equal && i < a->n_stops; i++) {
        equal = hs_view_is(hs_view_of(&a->stops[i]), hs_view_of(&b->stops[i]));
    }
    return equal;
}

bool hs_record_answer(struct hs_record *record, struct hs_view answer) {
    return hs_texts_make(1, &record->item.answers, &record->item.n_answers) &&
           HS_JOIN(&record->item.answers[0], answer);
}
