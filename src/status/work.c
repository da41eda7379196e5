/* The units of a folder of scores: how many there are (_index), and which are done (_parts, and the parts themselves).
 * Names and numbers in the files are not trusted. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "status/status.h"

enum { MOST_UNPLANNED = 1 << 20, MOST_BYTES = 1 << 30 };

/* ---- Names ---- */

/* Digits (five at least) and a "-" or "." behind them; where they end, or NULL. */
static const char *read_number(const char *text, size_t *out) {
    size_t digits = strspn(text, "0123456789");
    if (digits < 5 || digits > 12 || (text[digits] != '-' && text[digits] != '.')) {
        return NULL;
    }
    *out = (size_t)strtoull(text, NULL, 10);
    return text + digits;
}

static bool ends_with(const char *name, const char *end) {
    size_t length = strlen(name), size = strlen(end);
    return length > size && strcmp(name + length - size, end) == 0;
}

/* ---- Lists that grow as files name what is in them ---- */

static bool grow_inputs(struct hs_work *work, size_t n) {
    void *array = work->inputs;
    if (!hs_grow(&array, &work->capacity, n, sizeof *work->inputs)) {
        return false;
    }
    work->inputs = array;
    memset(work->inputs + work->n, 0, (n - work->n) * sizeof *work->inputs);
    work->n = n;
    return true;
}

static struct hs_work_input *input_at(struct hs_work *work, size_t input) {
    bool there = input < work->n;
    if (!there && !work->stated && input < MOST_UNPLANNED) {
        there = grow_inputs(work, input + 1);
    }
    return there ? &work->inputs[input] : NULL;
}

static struct hs_work_unit *unit_at(struct hs_work_input *list, size_t unit) {
    if (unit >= list->n) {
        void *array = list->items;
        if (list->planned || unit >= MOST_UNPLANNED ||
            !hs_grow(&array, &list->capacity, unit + 1, sizeof *list->items)) {
            return NULL;
        }
        list->items = array;
        memset(list->items + list->n, 0, (unit + 1 - list->n) * sizeof *list->items);
        list->n = unit + 1;
    }
    return &list->items[unit];
}

/* @param source  what the input was that this unit is of; NULL: not said */
static struct hs_work_unit *unit_of(struct hs_work *work, const char *name, const char *source) {
    size_t input, unit;
    const char *at = strncmp(name, "part-", 5) == 0 ? read_number(name + 5, &input) : NULL;
    if (at == NULL || *at != '-' || read_number(at + 1, &unit) == NULL) {
        return NULL;
    }
    struct hs_work_input *list = input_at(work, input);
    bool other = list != NULL && list->source != NULL && source != NULL && strcmp(list->source, source) != 0;
    return list != NULL && !other ? unit_at(list, unit) : NULL;
}

struct hs_work_unit *hs_work_named(struct hs_work *work, const char *name) {
    return unit_of(work, name, NULL);
}

/* ---- score.json and _index ---- */

static void read_settings(const char *directory, struct hs_work *work, struct hs_problems *problems) {
    char *path = hs_join_path(directory, "score.json");
    json_t *settings = NULL, *inputs = NULL;
    headsift_error error = {0};
    if (path == NULL || hs_json_load(path, MOST_BYTES, &settings, &error) != HEADSIFT_OK ||
        hs_json_array(settings, "inputs", true, "score.json", &inputs, &error) != HEADSIFT_OK ||
        hs_json_int(settings, "limit", 0, INT64_MAX, false, "score.json", &work->limit, &error) != HEADSIFT_OK) {
        hs_problem(problems, "%s", path != NULL ? error.message : "no memory");
    } else {
        size_t n = json_array_size(inputs);
        work->stated = grow_inputs(work, n);
    }
    json_decref(settings);
    hs_free(path);
}

static bool read_unit(const json_t *item, struct hs_work_unit *unit) {
    int64_t rows = json_integer_value(json_array_get(item, 1)), weight = json_integer_value(json_array_get(item, 2));
    if (json_array_size(item) < 3 || rows < 0 || weight < 0) {
        return false;
    }
    *unit = (struct hs_work_unit){.weight = weight > 1 ? (double)weight : 1, .rows = rows};
    return true;
}

static bool take_index(const json_t *index, struct hs_work_input *list) {
    const json_t *units = json_object_get(index, "units");
    size_t n = json_array_size(units);
    struct hs_work_unit *items = n > 0 ? hs_alloc(n, sizeof *items) : NULL;
    bool ok = items != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        ok = read_unit(json_array_get(units, i), &items[i]);
    }
    if (!ok) {
        hs_free(items);
        return false;
    }
    const char *source = json_string_value(json_object_get(index, "source"));
    hs_free(list->items);
    hs_free(list->source);
    *list = (struct hs_work_input){.items = items, .n = n, .capacity = n, .planned = true};
    list->source = source != NULL ? hs_copy_string(source) : NULL;
    return true;
}

/* What the callbacks below share. */
struct reading {
    struct hs_work *work;
    struct hs_problems *problems;
};

static void read_index(void *user, const char *folder, const char *name) {
    struct reading *reading = user;
    size_t input;
    const char *end = read_number(name, &input);
    if (end == NULL || strcmp(end, ".json") != 0) {
        return;
    }
    struct hs_work_input *list = input_at(reading->work, input);
    char *path = hs_join_path(folder, name);
    json_t *index = NULL;
    headsift_error error = {0};
    if (path == NULL || hs_json_load(path, MOST_BYTES, &index, &error) != HEADSIFT_OK) {
        hs_problem(reading->problems, "%s", path != NULL ? error.message : "no memory");
    } else if (list == NULL) {
        hs_problem(reading->problems, "%s belongs to no input of score.json", path);
    } else if (!take_index(index, list)) {
        hs_problem(reading->problems, "%s has no list of units", path);
    }
    json_decref(index);
    hs_free(path);
}

/* Units behind the limit are none; those of inputs behind it need no index. */
static void cut_at_limit(struct hs_work *work) {
    int64_t left = work->limit;
    for (size_t i = 0; work->limit > 0 && i < work->n; i++) {
        struct hs_work_input *list = &work->inputs[i];
        if (left <= 0) {
            list->n = 0;
            list->planned = true;
        } else if (!list->planned) {
            return;
        }
        for (size_t u = 0; u < list->n; u++) {
            left -= list->items[u].rows;
            if (left <= 0) {
                list->n = u + 1;
            }
        }
    }
}

/* ---- _parts and the parts ---- */

static bool read_line(struct hs_work *work, const char *line, size_t size) {
    json_t *object = json_loadb(line, size, 0, NULL);
    const char *name = NULL, *source = NULL;
    int64_t documents = 0, unscored = 0, tokens = 0;
    bool ok = hs_json_string(object, "part", true, "", &name, NULL) == HEADSIFT_OK &&
              hs_json_string(object, "source", false, "", &source, NULL) == HEADSIFT_OK &&
              hs_json_int(object, "documents", 0, INT64_MAX, true, "", &documents, NULL) == HEADSIFT_OK &&
              hs_json_int(object, "unscored", 0, INT64_MAX, true, "", &unscored, NULL) == HEADSIFT_OK &&
              hs_json_int(object, "tokens", 0, INT64_MAX, true, "", &tokens, NULL) == HEADSIFT_OK;
    struct hs_work_unit *unit = ok ? unit_of(work, name, source) : NULL;
    if (unit != NULL) {
        unit->recorded = true;
        unit->documents = documents;
        unit->unscored = unscored;
        unit->tokens = tokens;
    }
    json_decref(object);
    return ok;
}

/* A last line without its end is one that is being written, or that a crash cut short. */
static void read_parts(void *user, const char *folder, const char *name) {
    struct reading *reading = user;
    struct hs_buffer text = {0};
    headsift_error error = {0};
    if (!ends_with(name, ".jsonl")) {
        return;
    }
    char *path = hs_join_path(folder, name);
    if (path == NULL || hs_file_read(path, MOST_BYTES, &text, &error) != HEADSIFT_OK) {
        hs_problem(reading->problems, "%s", path != NULL ? error.message : "no memory");
    }
    size_t bad = 0;
    const char *end;
    for (size_t at = 0; at < text.size; at = (size_t)(end - text.data) + 1) {
        end = memchr(text.data + at, '\n', text.size - at);
        if (end == NULL) {
            hs_problem(reading->problems, "%s ends in the middle of a line", path);
            break;
        }
        bad += !read_line(reading->work, text.data + at, (size_t)(end - text.data) - at);
    }
    if (bad > 0) {
        hs_problem(reading->problems, "%s has %zu lines that are no record of a part", path, bad);
    }
    hs_buffer_free(&text);
    hs_free(path);
}

static void see_part(void *user, const char *folder, const char *name) {
    struct reading *reading = user;
    (void)folder;
    struct hs_work_unit *unit = ends_with(name, ".parquet") ? hs_work_named(reading->work, name) : NULL;
    if (unit != NULL) {
        unit->there = true;
    }
}

void hs_work_read(const char *directory, struct hs_work *out, struct hs_problems *problems) {
    struct reading reading = {out, problems};
    *out = (struct hs_work){0};
    read_settings(directory, out, problems);
    hs_each_name(directory, "_index", problems, read_index, &reading);
    cut_at_limit(out);
    hs_each_name(directory, "_parts", problems, read_parts, &reading);
    hs_each_name(directory, NULL, problems, see_part, &reading);
}

void hs_work_free(struct hs_work *work) {
    for (size_t i = 0; i < work->n; i++) {
        hs_free(work->inputs[i].items);
        hs_free(work->inputs[i].source);
    }
    hs_free(work->inputs);
    *work = (struct hs_work){0};
}
