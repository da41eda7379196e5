/* The key of a sample, and answers by its keys: JSONL or CSV records of key, a value for each question and, where there
 * are several judges, their name. Text of others: all of it is checked. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "judge/judge.h"

enum { KEY_LIMIT = 1 << 30, MOST_SAID = 5 };

/* ---- The key ---- */

static int find_group(const char *name) {
    for (int i = 0; i < HS_GROUPS; i++) {
        if (name != NULL && strcmp(name, hs_group_names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

static bool read_document(const struct hs_answers *answers, const json_t *value, struct hs_judged_document *out) {
    const json_t *groups = json_object_get(value, "groups"), *domain = json_object_get(value, "domain");
    size_t place = 0;
    *out = (struct hs_judged_document){0};
    for (size_t i = 0; i < json_array_size(groups); i++) {
        int group = find_group(json_string_value(json_array_get(groups, i)));
        if (group < 0) {
            return false;
        }
        out->groups |= 1u << group;
    }
    while (place < json_array_size(answers->domains) && !json_equal(json_array_get(answers->domains, place), domain)) {
        place++;
    }
    out->domain = (int32_t)place;
    return out->groups != 0 && place < json_array_size(answers->domains);
}

static headsift_status take_key(const char *path, struct hs_answers *out, headsift_error *error) {
    json_t *keys, *value;
    const char *key;
    HS_TRY(hs_json_load(path, KEY_LIMIT, &out->key, error));
    HS_TRY(hs_json_array(out->key, "domains", true, path, &out->domains, error));
    HS_TRY(hs_json_object(out->key, "keys", true, path, &keys, error));
    out->places = json_object();
    out->documents = hs_alloc(json_object_size(keys), sizeof *out->documents);
    if (out->places == NULL || out->documents == NULL) {
        return hs_fail_memory(error, path, json_object_size(keys));
    }
    json_object_foreach(keys, key, value) {
        if (!read_document(out, value, &out->documents[out->n_documents])) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: %.100s names no group (top, random, bottom) or no domain of \"domains\": make the "
                           "sample again",
                           path, key);
        }
        if (json_object_set_new(out->places, key, json_integer((json_int_t)out->n_documents++)) != 0) {
            return hs_fail_memory(error, path, 1);
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_key_read(const char *directory, struct hs_answers *out, headsift_error *error) {
    *out = (struct hs_answers){0};
    char *path = hs_join_path(directory, "key.json");
    headsift_status status;
    if (path == NULL) {
        status = hs_fail_memory(error, "a path", 1);
    } else if (!hs_file_exists(path)) {
        status = hs_fail(error, HEADSIFT_USAGE,
                         "%s holds no key.json: name the folder that headsift judge SCORES -o DIR made", directory);
    } else {
        status = take_key(path, out, error);
    }
    hs_free(path);
    if (status != HEADSIFT_OK) {
        hs_answers_free(out);
    }
    return status;
}

void hs_answers_free(struct hs_answers *answers) {
    json_decref(answers->key);
    json_decref(answers->places);
    hs_free(answers->documents);
    hs_free(answers->items);
    *answers = (struct hs_answers){0};
}

/* ---- Answers ---- */

/* Reading of one file. */
struct reading {
    struct hs_answers *answers;
    const headsift_monitor *monitor;
    const char *path;
    int said;
};

static void say(struct reading *reading, const struct hs_document *document, const char *what, const char *text,
                size_t size) {
    char line[160];
    if (reading->said++ < MOST_SAID) {
        hs_escape_line(text, size < 60 ? size : 60, line, sizeof line);
        hs_log(reading->monitor, HEADSIFT_LOG_WARNING, "%s, record %lld: %s%s", reading->path, (long long)document->row,
               what, line);
    }
}

static const struct hs_field *find_field(const struct hs_document *document, const char *name) {
    for (size_t i = 0; i < document->n_fields; i++) {
        const struct hs_field *field = &document->fields[i];
        if (field->name_size == strlen(name) && memcmp(field->name, name, field->name_size) == 0) {
            return field->value != NULL && field->size > 0 ? field : NULL;
        }
    }
    return NULL;
}

/* A whole number or a fraction within the scale; NaN: none. */
static double parse_value(const char *text, size_t size) {
    char copy[64], *end;
    if (size >= sizeof copy || memchr(text, '\0', size) != NULL) {
        return (double)NAN;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (copy[strspn(copy, "0123456789.")] != '\0') {
        return (double)NAN;
    }
    double value = strtod(copy, &end);
    return end != copy && *end == '\0' && value >= HS_ANSWER_LOW && value <= HS_ANSWER_HIGH ? value : (double)NAN;
}

static void read_values(struct reading *reading, const struct hs_document *document, struct hs_answer *answer) {
    char what[96];
    for (int i = 0; i < HS_QUESTIONS; i++) {
        const struct hs_field *field = find_field(document, hs_question_names[i]);
        answer->values[i] = field != NULL ? parse_value(field->value, field->size) : (double)NAN;
        if (field != NULL && isnan(answer->values[i])) {
            reading->answers->refused++;
            snprintf(what, sizeof what, "%s must be a number from %d to %d, and is ", hs_question_names[i],
                     HS_ANSWER_LOW, HS_ANSWER_HIGH);
            say(reading, document, what, field->value, field->size);
        }
    }
}

/* Where the answer goes: a new place, or that of the same judge's answer before it. */
static headsift_status place_answer(struct hs_answers *answers, const struct hs_document *document,
                                    const struct hs_field *judge, size_t *place, headsift_error *error) {
    struct hs_buffer name = {0};
    bool ok = true;
    const json_t *before = NULL;
    *place = answers->n;
    if (judge != NULL) {
        ok = hs_buffer_append(&name, document->text, document->text_size) && hs_buffer_append(&name, "\n", 1) &&
             hs_buffer_append(&name, judge->value, judge->size);
        before = ok ? json_object_getn(answers->places, name.data, name.size) : NULL;
        ok = ok && (before != NULL || json_object_setn_new(answers->places, name.data, name.size,
                                                           json_integer((json_int_t)answers->n)) == 0);
    }
    hs_buffer_free(&name);
    void *items = answers->items;
    ok = ok && hs_grow(&items, &answers->capacity, answers->n + 1, sizeof *answers->items);
    answers->items = items;
    if (!ok) {
        return hs_fail_memory(error, "answers", answers->n * sizeof *answers->items);
    }
    answers->repeated += before != NULL;
    *place = before != NULL ? (size_t)json_integer_value(before) : answers->n++;
    return HEADSIFT_OK;
}

static headsift_status take_record(struct reading *reading, const struct hs_document *document, headsift_error *error) {
    struct hs_answers *answers = reading->answers;
    answers->records++;
    if (document->bad || document->n_fields == 0) {
        answers->bad++;
        say(reading, document, document->note, "", 0);
        return HEADSIFT_OK;
    }
    const json_t *known = json_object_getn(answers->places, document->text, document->text_size);
    if (known == NULL || memchr(document->text, '\n', document->text_size) != NULL) {
        answers->unknown++;
        say(reading, document, "no such key in the sample: ", document->text, document->text_size);
        return HEADSIFT_OK;
    }
    struct hs_answer answer = {.document = (size_t)json_integer_value(known)};
    read_values(reading, document, &answer);
    size_t place;
    HS_TRY(place_answer(answers, document, find_field(document, "judge"), &place, error));
    answers->items[place] = answer;
    return HEADSIFT_OK;
}

static headsift_status read_file(struct reading *reading, const struct hs_input *input, headsift_error *error) {
    const headsift_inputs columns = {.text = "key"};
    struct hs_reader *reader;
    if (input->format != HS_FORMAT_JSONL && input->format != HS_FORMAT_CSV) {
        return hs_fail(error, HEADSIFT_USAGE, "%s: answers are JSONL or CSV", input->path);
    }
    headsift_status status = hs_reader_open(input, &columns, true, &reader, error);
    if (status == HEADSIFT_USAGE) {
        return hs_fail(error, HEADSIFT_USAGE,
                       "%s holds no answers: each record needs \"key\" and \"education\" or \"reasoning\"",
                       input->path);
    }
    HS_TRY(status);
    for (bool more = true; status == HEADSIFT_OK && more;) {
        struct hs_document document;
        status = hs_reader_next(reader, &document, &more, error);
        if (status == HEADSIFT_OK && more) {
            status = take_record(reading, &document, error);
        }
    }
    hs_reader_close(reader);
    return status;
}

headsift_status hs_answers_read(const char *path, const headsift_monitor *monitor, struct hs_answers *answers,
                                headsift_error *error) {
    const headsift_inputs inputs = {.paths = &path, .n_paths = 1};
    struct hs_input_list list;
    HS_TRY(hs_inputs_find(&inputs, &list, error));
    headsift_status status = HEADSIFT_OK;
    for (size_t i = 0; status == HEADSIFT_OK && i < list.n; i++) {
        struct reading reading = {.answers = answers, .monitor = monitor, .path = list.items[i].path};
        status = read_file(&reading, &list.items[i], error);
        if (reading.said > MOST_SAID) {
            hs_log(monitor, HEADSIFT_LOG_WARNING, "%s: and %d more of these", reading.path, reading.said - MOST_SAID);
        }
    }
    hs_inputs_free(&list);
    return status;
}
