/* Whether a folder of scores is whole: DIR/_index/ says how many units each input has, DIR/_parts/ which are done, and
 * each must have its file (docs/formats.md). Folders without score.json are taken as they are. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "select/select.h"

enum { JSON_LIMIT = 1 << 30 };

/* What there should be, and what is there. */
struct count {
    json_t *files, *done; /* names of parts, as keys */
    int64_t units, rows;
};

static headsift_status load(const char *folder, const char *name, json_t **out, headsift_error *error) {
    char *path = hs_join_path(folder, name);
    *out = NULL;
    if (path == NULL) {
        return hs_fail_memory(error, "a path", 1);
    }
    headsift_status status = hs_file_exists(path) ? hs_json_load(path, JSON_LIMIT, out, error) : HEADSIFT_OK;
    hs_free(path);
    return status;
}

/* Adds the units and rows of one input; *known is false where it has no index. */
static headsift_status count_units(const char *folder, size_t input, struct count *count, bool *known,
                                   headsift_error *error) {
    char name[64];
    json_t *index, *unit;
    size_t i;
    snprintf(name, sizeof name, "_index/%05zu.json", input);
    HS_TRY(load(folder, name, &index, error));
    *known = index != NULL;
    json_array_foreach(json_object_get(index, "units"), i, unit) {
        count->units++;
        count->rows += json_integer_value(json_array_get(unit, 1));
    }
    json_decref(index);
    return HEADSIFT_OK;
}

static void read_lines(const struct hs_buffer *text, json_t *done) {
    const char *end;
    for (size_t at = 0; at < text->size && (end = memchr(text->data + at, '\n', text->size - at)) != NULL;
         at = (size_t)(end - text->data) + 1) {
        json_t *line = json_loadb(text->data + at, (size_t)(end - text->data) - at, 0, NULL);
        const char *part = json_string_value(json_object_get(line, "part"));
        if (part != NULL) {
            json_object_set_new(done, part, json_true());
        }
        json_decref(line);
    }
}

static headsift_status take_file(void *user, const char *folder, const char *name, headsift_error *error) {
    struct count *count = user;
    (void)folder;
    return json_object_set_new(count->files, name, json_true()) == 0 ? HEADSIFT_OK
                                                                     : hs_fail_memory(error, "a list of parts", 1);
}

static headsift_status take_records(void *user, const char *folder, const char *name, headsift_error *error) {
    struct count *count = user;
    struct hs_buffer text = {0};
    char *path = hs_join_path(folder, name);
    headsift_status status =
        path != NULL ? hs_file_read(path, JSON_LIMIT, &text, error) : hs_fail_memory(error, "a path", 1);
    if (status == HEADSIFT_OK) {
        read_lines(&text, count->done);
    }
    hs_buffer_free(&text);
    hs_free(path);
    return status;
}

static headsift_status count_parts(const char *folder, struct count *count, headsift_error *error) {
    char *records = hs_join_path(folder, "_parts");
    count->files = json_object();
    count->done = json_object();
    if (records == NULL || count->files == NULL || count->done == NULL) {
        hs_free(records);
        return hs_fail_memory(error, "a list of parts", 1);
    }
    headsift_status status = hs_each_file(folder, ".parquet", take_file, count, error);
    if (status == HEADSIFT_OK) {
        status = hs_each_file(records, ".jsonl", take_records, count, error);
    }
    hs_free(records);
    return status;
}

/* Inputs behind a limit have no index, nor do they need one. */
static headsift_status check(const char *folder, const json_t *settings, struct count *count, headsift_error *error) {
    size_t inputs = json_array_size(json_object_get(settings, "inputs"));
    int64_t limit = json_integer_value(json_object_get(settings, "limit")), finished = 0;
    bool known = true;
    for (size_t i = 0; known && i < inputs && (limit <= 0 || count->rows < limit); i++) {
        HS_TRY(count_units(folder, i, count, &known, error));
    }
    HS_TRY(count_parts(folder, count, error));
    const char *name;
    json_t *ignored;
    json_object_foreach(count->done, name, ignored) { finished += json_object_get(count->files, name) != NULL; }
    if (known && finished >= count->units) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED,
                   "%s: the scoring is not finished (%lld of %s%lld units): run headsift score again, it goes on",
                   folder, (long long)finished, known ? "" : "more than ", (long long)count->units);
}

headsift_status hs_scores_finished(const char *folder, headsift_error *error) {
    json_t *settings;
    struct count count = {0};
    HS_TRY(load(folder, "score.json", &settings, error));
    headsift_status status = settings != NULL ? check(folder, settings, &count, error) : HEADSIFT_OK;
    json_decref(count.files);
    json_decref(count.done);
    json_decref(settings);
    return status;
}
