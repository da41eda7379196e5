/* What stands in a run's folder: heads.json, scores/, selected/, and JSON files of a known kind.
 * Each of them may be missing; one that is there and can't be read is an error, a stranger is passed over. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "report/report.h"

enum { JSON_LIMIT = 256 << 20 };

/* Loads a file that may be missing. */
static headsift_status load(const char *directory, const char *name, json_t **out, headsift_error *error) {
    char *path = hs_join_path(directory, name);
    headsift_status status = HEADSIFT_OK;
    if (path == NULL) {
        return hs_fail_memory(error, "a path", strlen(name));
    }
    if (hs_file_exists(path)) {
        status = hs_json_load(path, JSON_LIMIT, out, error);
    }
    hs_free(path);
    return status;
}

static headsift_status load_heads(const char *directory, struct hs_run_folder *folder, headsift_error *error) {
    HS_TRY(load(directory, "heads.json", &folder->heads_json, error));
    if (folder->heads_json == NULL) {
        return HEADSIFT_OK;
    }
    char *path = hs_join_path(directory, "heads.json");
    headsift_status status =
        path != NULL ? headsift_heads_load(path, &folder->heads, error) : hs_fail_memory(error, "a path", 1);
    hs_free(path);
    return status;
}

/* ---- Results of other commands ---- */

const char *hs_result_kind(const json_t *value) {
    static const char *const kinds[] = {"eval",           "judges",       "compare-baselines", "compare-selections",
                                        "compare-scores", "compare-heads"};
    const char *kind = json_string_value(json_object_get(value, "kind"));
    for (size_t i = 0; kind != NULL && i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            return kinds[i];
        }
    }
    bool bench = kind == NULL && json_is_object(json_object_get(value, "machine")) &&
                 json_is_object(json_object_get(value, "peak"));
    return bench ? "bench" : NULL;
}

struct taking {
    struct hs_run_folder *folder;
    const headsift_monitor *monitor;
};

static headsift_status take_result(void *user, const char *directory, const char *name, headsift_error *error) {
    struct taking *taking = user;
    struct hs_run_folder *folder = taking->folder;
    json_t *value = NULL;
    headsift_error reason = {0};
    if (strcmp(name, "heads.json") == 0 || strcmp(name, "run.json") == 0) {
        return HEADSIFT_OK;
    }
    if (load(directory, name, &value, &reason) != HEADSIFT_OK) {
        hs_log(taking->monitor, HEADSIFT_LOG_WARNING, "left out: %s", reason.message);
        return HEADSIFT_OK;
    }
    const char *kind = hs_result_kind(value);
    void *results = folder->results;
    bool grown = hs_grow(&results, &folder->capacity, folder->n_results + 1, sizeof *folder->results);
    folder->results = results;
    char *copy = grown ? hs_copy_string(name) : NULL;
    if (kind == NULL || copy == NULL) {
        json_decref(value);
        hs_free(copy);
        return kind == NULL ? HEADSIFT_OK : hs_fail_memory(error, "a file's name", strlen(name));
    }
    folder->results[folder->n_results++] = (struct hs_result){copy, kind, value};
    return HEADSIFT_OK;
}

static int by_name(const void *left, const void *right) {
    return strcmp(((const struct hs_result *)left)->name, ((const struct hs_result *)right)->name);
}

/* ---- The time that scoring took ---- */

/* A line about a finished part: its tokens and seconds, the longest of several. */
static void take_line(const char *line, size_t size, json_t *parts) {
    json_t *entry = json_loadb(line, size, 0, NULL);
    const char *part = json_string_value(json_object_get(entry, "part"));
    const json_t *seconds = json_object_get(entry, "seconds");
    if (part != NULL && json_is_number(seconds) && json_is_integer(json_object_get(entry, "tokens"))) {
        const json_t *known = json_object_get(json_object_get(parts, part), "seconds");
        if (known == NULL || json_number_value(known) < json_number_value(seconds)) {
            json_object_set(parts, part, entry);
        }
    }
    json_decref(entry);
}

static headsift_status take_parts(void *user, const char *directory, const char *name, headsift_error *error) {
    char *path = hs_join_path(directory, name);
    struct hs_buffer text = {0};
    headsift_status status =
        path != NULL ? hs_file_read(path, JSON_LIMIT, &text, error) : hs_fail_memory(error, "a path", strlen(name));
    for (size_t at = 0; status == HEADSIFT_OK && at < text.size;) {
        const char *end = memchr(text.data + at, '\n', text.size - at);
        size_t size = end != NULL ? (size_t)(end - text.data) - at : text.size - at;
        take_line(text.data + at, size, user);
        at += size + 1;
    }
    hs_buffer_free(&text);
    hs_free(path);
    return status;
}

static headsift_status read_times(struct hs_run_folder *folder, headsift_error *error) {
    char *path = hs_join_path(folder->scores, "_parts");
    json_t *parts = json_object(), *entry;
    const char *part;
    headsift_status status = path != NULL && parts != NULL ? hs_each_file(path, ".jsonl", take_parts, parts, error)
                                                           : hs_fail_memory(error, "a path", 1);
    json_object_foreach(parts, part, entry) {
        folder->seconds += json_number_value(json_object_get(entry, "seconds"));
        folder->timed_tokens += json_integer_value(json_object_get(entry, "tokens"));
    }
    json_decref(parts);
    hs_free(path);
    return status;
}

/* ---- All of it ---- */

static headsift_status read_scores(const char *directory, struct hs_run_folder *folder, headsift_error *error) {
    folder->scores = hs_join_path(directory, "scores");
    if (folder->scores == NULL) {
        return hs_fail_memory(error, "a path", strlen(directory));
    }
    if (!hs_is_directory(folder->scores)) {
        hs_free(folder->scores);
        folder->scores = NULL;
        return HEADSIFT_OK;
    }
    HS_TRY(load(directory, "scores/score.json", &folder->score, error));
    return read_times(folder, error);
}

headsift_status hs_run_folder_read(const char *directory, const headsift_monitor *monitor, struct hs_run_folder *out,
                                   headsift_error *error) {
    struct taking taking = {out, monitor};
    *out = (struct hs_run_folder){0};
    if (!hs_is_directory(directory)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s is not a folder: name one that headsift run made", directory);
    }
    HS_TRY(load_heads(directory, out, error));
    HS_TRY(read_scores(directory, out, error));
    HS_TRY(load(directory, "selected/manifest.json", &out->manifest, error));
    HS_TRY(load(directory, "run.json", &out->run, error));
    HS_TRY(hs_each_file(directory, ".json", take_result, &taking, error));
    if (out->n_results > 0) {
        qsort(out->results, out->n_results, sizeof *out->results, by_name);
    }
    if (out->heads == NULL && out->scores == NULL && out->n_results == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s holds neither heads.json nor scores/: nothing to report", directory);
    }
    return HEADSIFT_OK;
}

void hs_run_folder_free(struct hs_run_folder *folder) {
    headsift_heads_free(folder->heads);
    json_decref(folder->heads_json);
    json_decref(folder->score);
    json_decref(folder->manifest);
    json_decref(folder->run);
    hs_free(folder->scores);
    for (size_t i = 0; i < folder->n_results; i++) {
        hs_free(folder->results[i].name);
        json_decref(folder->results[i].value);
    }
    hs_free(folder->results);
    *folder = (struct hs_run_folder){0};
}
