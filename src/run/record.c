/* run.json: the settings of the outputs in the folder, so that a later call knows which of them still hold.
 * Outputs are removed before the record changes: killed in between, the old record is still true of what is left. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "influence/plan.h"
#include "run/run.h"
#include "select/ranking.h"

enum { RECORD_LIMIT = 1 << 30 };

/* The sections in the order of the steps: what one changes is made anew, and all that follows. */
enum section { MODEL, INPUTS, PROBE, HEADS, SCORE, SELECT, N_SECTIONS };
static const char *const names[N_SECTIONS] = {"model", "inputs", "probe", "heads", "score", "select"};

static enum section first_difference(const json_t *ours, const json_t *theirs) {
    for (int i = 0; i < N_SECTIONS; i++) {
        if (!json_equal(json_object_get(ours, names[i]), json_object_get(theirs, names[i]))) {
            return (enum section)i;
        }
    }
    return N_SECTIONS;
}

/* ---- What differs, for people ---- */

/* A value on one line; free(). */
static char *value_text(const json_t *value) {
    return value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
}

static const char advice[] = "use --overwrite to make it and what follows anew, or another folder";

/* Names the first input that is not what it was in its place. */
static headsift_status refuse_inputs(const struct hs_run *run, const json_t *now, const json_t *before,
                                     headsift_error *error) {
    size_t i = 0;
    while (i < json_array_size(now) && json_equal(json_array_get(now, i), json_array_get(before, i))) {
        i++;
    }
    const char *path = json_string_value(json_object_get(json_array_get(now, i), "path"));
    const char *old = json_string_value(json_object_get(json_array_get(before, i), "path"));
    bool changed = path != NULL && old != NULL && strcmp(path, old) == 0;
    return hs_fail(error, HEADSIFT_FAILED, "%s was made from other inputs (%zu files, now %zu): %.300s %s: %s",
                   run->directory, json_array_size(before), json_array_size(now), path != NULL ? path : old,
                   changed        ? "has changed since"
                   : path != NULL ? "was not in this place"
                                  : "is gone",
                   advice);
}

static headsift_status refuse(const struct hs_run *run, enum section section, const json_t *theirs,
                              headsift_error *error) {
    const json_t *now = json_object_get(run->settings, names[section]),
                 *before = json_object_get(theirs, names[section]);
    const char *key;
    json_t *value;
    const json_t *files = json_object_get(now, "files"), *old_files = json_object_get(before, "files");
    if (section == INPUTS && !json_equal(files, old_files)) {
        return refuse_inputs(run, files, old_files, error);
    }
    json_object_foreach((json_t *)(uintptr_t)now, key, value) {
        const json_t *other = json_object_get(before, key);
        if (json_equal(value, other)) {
            continue;
        }
        char *mine = value_text(value), *old = value_text(other);
        hs_fail(error, HEADSIFT_FAILED, "%s was made with other settings: %s: %s was %.200s and is now %.200s: %s",
                run->directory, names[section], key, old != NULL ? old : "not given", mine != NULL ? mine : "?",
                advice);
        free(mine);
        free(old);
        return HEADSIFT_FAILED;
    }
    return hs_fail(error, HEADSIFT_FAILED, "%s was made with other settings of %s: %s", run->directory, names[section],
                   advice);
}

/* Without run.json files of these names are somebody else's. */
static headsift_status refuse_strangers(const struct hs_run *run, headsift_error *error) {
    const char *const files[] = {run->files.probe,  run->files.heads,    run->files.heatmap,
                                 run->files.scores, run->files.selected, run->files.report};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        bool ours = run->heads_in_place && (files[i] == run->files.heads || files[i] == run->files.heatmap);
        if (!ours && hs_file_exists(files[i])) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s is there, but no run.json that tells how it was made: use --overwrite to replace it, or "
                           "another folder",
                           files[i]);
        }
    }
    return HEADSIFT_OK;
}

/* ---- Removing ---- */

static headsift_status remove_file(const char *path, headsift_error *error) {
    bool ok = unlink(path) == 0 || errno == ENOENT;
    return ok ? HEADSIFT_OK : hs_fail_errno(error, errno, "can't remove %s", path);
}

/* Removes the outputs of a step and of those after it, last first. */
static headsift_status remove_from(const struct hs_run *run, enum section section, headsift_error *error) {
    HS_TRY(remove_file(run->files.report, error));
    HS_TRY(hs_selection_remove(run->files.selected, error));
    if (section <= SCORE) {
        HS_TRY(hs_scores_remove(run->files.scores, error));
    }
    if (section <= HEADS && !run->heads_in_place) {
        HS_TRY(remove_file(run->files.heads, error));
        HS_TRY(remove_file(run->files.heatmap, error));
    }
    return section <= PROBE ? remove_file(run->files.probe, error) : HEADSIFT_OK;
}

/* ---- The record ---- */

static headsift_status write_record(const struct hs_run *run, headsift_error *error) {
    char *text = json_dumps(run->settings, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    headsift_status status = text != NULL ? hs_file_write(run->files.record, text, strlen(text), error)
                                          : hs_fail_memory(error, "run.json", 1);
    free(text);
    return status;
}

/* Whether the folder holds an output of this step or a later one: if not, other settings contradict nothing. */
static bool anything_from(const struct hs_run *run, enum section section) {
    const struct {
        enum section of;
        const char *path;
    } outputs[] = {{PROBE, run->files.probe},
                   {HEADS, run->heads_in_place ? NULL : run->files.heads},
                   {SCORE, run->files.scores},
                   {SELECT, run->files.selected}};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        if (section <= outputs[i].of && outputs[i].path != NULL && hs_file_exists(outputs[i].path)) {
            return true;
        }
    }
    return false;
}

static headsift_status begin(struct hs_run *run, const json_t *theirs, headsift_error *error) {
    enum section section = theirs != NULL ? first_difference(run->settings, theirs) : MODEL;
    if (run->options->overwrite) {
        HS_TRY(remove_from(run, section == N_SECTIONS ? MODEL : section, error));
    } else if (theirs == NULL) {
        HS_TRY(refuse_strangers(run, error));
    } else if (section != N_SECTIONS && anything_from(run, section)) {
        return refuse(run, section, theirs, error);
    }
    return section != N_SECTIONS ? write_record(run, error) : HEADSIFT_OK;
}

headsift_status hs_run_begin(struct hs_run *run, headsift_error *error) {
    json_t *theirs = NULL;
    if (hs_file_exists(run->files.record)) {
        headsift_status status = hs_json_load(run->files.record, RECORD_LIMIT, &theirs, error);
        if (status != HEADSIFT_OK && !run->options->overwrite) {
            return status;
        }
    }
    headsift_status status = hs_make_directory(run->directory, error);
    if (status == HEADSIFT_OK) {
        status = begin(run, theirs, error);
    }
    json_decref(theirs);
    return status;
}
