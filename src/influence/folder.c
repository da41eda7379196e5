/* The folder of scores as a whole: score.json, which one process creates and the others agree with, what was made of
 * inputs that changed, and removing all of it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "influence/plan.h"

enum { SETTINGS_LIMIT = 1 << 30 };

static const char *const own_folders[] = {"_index", "_parts", "_running", "_ranks"};

headsift_status hs_settings_read(const char *directory, json_t **out, headsift_error *error) {
    *out = NULL;
    char *path = hs_join_path(directory, "score.json");
    if (path == NULL) {
        return hs_fail_memory(error, "a path", 1);
    }
    headsift_status status = hs_file_exists(path) ? hs_json_load(path, SETTINGS_LIMIT, out, error) : HEADSIFT_OK;
    hs_free(path);
    return status;
}

/* ---- Walking through it ---- */

/* Asks `take` of every name in a folder; one that is not there has none. */
static headsift_status each_name(const char *directory, const char *below,
                                 headsift_status (*take)(int folder, const char *name, void *user,
                                                         headsift_error *error),
                                 void *user, headsift_error *error) {
    char *path = hs_join_path(directory, below);
    DIR *folder = path != NULL ? opendir(path) : NULL;
    headsift_status status = HEADSIFT_OK;
    if (path == NULL) {
        status = hs_fail_memory(error, "a path", 1);
    } else if (folder == NULL && errno != ENOENT) {
        status = hs_fail_errno(error, errno, "can't open %s", path);
    }
    for (struct dirent *entry; status == HEADSIFT_OK && folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            status = take(dirfd(folder), entry->d_name, user, error);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    hs_free(path);
    return status;
}

static headsift_status remove_at(int folder, const char *name, headsift_error *error) {
    bool ok = unlinkat(folder, name, 0) == 0 || errno == ENOENT || errno == ENOTDIR;
    return ok ? HEADSIFT_OK : hs_fail_errno(error, errno, "can't remove %s", name);
}

static headsift_status remove_any(int folder, const char *name, void *user, headsift_error *error) {
    (void)user;
    return remove_at(folder, name, error);
}

/* Whether a name is the part of an input of this list, of any unit or of the one file that old versions wrote. */
static bool is_part_of(const json_t *inputs, const char *name) {
    size_t input, unit;
    if (!hs_part_numbers(name, &input, &unit)) {
        return false;
    }
    const json_t *entry = json_array_get(inputs, input);
    const char *path = json_string_value(json_object_get(entry, "path"));
    char *wanted = path != NULL ? hs_part_name(input, unit, path) : NULL;
    bool same = wanted != NULL && strcmp(name, wanted) == 0;
    hs_free(wanted);
    return same;
}

/* ---- Somebody else's files ---- */

static headsift_status refuse_part(int folder, const char *name, void *user, headsift_error *error) {
    const struct hs_score_plan *plan = user;
    (void)folder;
    if (!is_part_of(json_object_get(plan->settings, "inputs"), name)) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED,
                   "%s/%s is there but %s/score.json is not; use --overwrite to replace it, or another folder",
                   plan->directory, name, plan->directory);
}

static headsift_status refuse_old_layout(const struct hs_score_plan *plan, headsift_error *error) {
    char *path = hs_join_path(plan->directory, "_parts.jsonl");
    bool old = path != NULL && hs_file_exists(path);
    hs_free(path);
    return !old ? HEADSIFT_OK
                : hs_fail(error, HEADSIFT_FAILED,
                          "%s was scored by an older version, a part a file; use --overwrite to score anew, or another "
                          "folder",
                          plan->directory);
}

/* ---- Comparing ---- */

static headsift_status refuse_change(const struct hs_score_plan *plan, const json_t *before, size_t input,
                                     headsift_error *error) {
    const char *path = plan->inputs.items[input].path;
    long long old = json_integer_value(json_object_get(before, "size"));
    long long now = (long long)plan->inputs.items[input].identity.size;
    char what[96];
    if (plan->sources[input].change == HS_CHANGE_TIME) {
        snprintf(what, sizeof what, "has another time of change");
    } else if (old != now) {
        snprintf(what, sizeof what, "changed from %lld to %lld bytes", old, now);
    } else {
        snprintf(what, sizeof what, "changed");
    }
    return hs_fail(error, HEADSIFT_FAILED,
                   "%s: input %s %s since it was scored; use --accept-changed to go on with it as it is%s",
                   plan->directory, path, what,
                   plan->sources[input].change == HS_CHANGE_CONTENT ? " (its parts are made again)" : "");
}

static headsift_status compare_inputs(struct hs_score_plan *plan, const json_t *before, headsift_error *error) {
    const json_t *ours = json_object_get(plan->settings, "inputs"), *theirs = json_object_get(before, "inputs");
    if (hs_inputs_differ(ours, theirs, plan->directory, error)) {
        return HEADSIFT_FAILED;
    }
    for (size_t i = 0; i < plan->inputs.n; i++) {
        const json_t *entry = json_array_get(theirs, i);
        plan->sources[i].change = hs_input_change(json_array_get(ours, i), entry);
        if (plan->sources[i].change != HS_CHANGE_NONE && !plan->accept_changed) {
            return refuse_change(plan, entry, i, error);
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_plan_compare(struct hs_score_plan *plan, headsift_error *error) {
    json_t *before;
    HS_TRY(hs_settings_read(plan->directory, &before, error));
    headsift_status status = refuse_old_layout(plan, error);
    if (status == HEADSIFT_OK && before == NULL) {
        status =
            hs_is_directory(plan->directory) ? each_name(plan->directory, "", refuse_part, plan, error) : HEADSIFT_OK;
    } else if (status == HEADSIFT_OK) {
        status = hs_settings_differ(plan->settings, before, plan->directory, error)
                     ? HEADSIFT_FAILED
                     : compare_inputs(plan, before, error);
    }
    json_decref(before);
    return status;
}

headsift_status hs_input_unchanged(const struct hs_score_plan *plan, size_t input, headsift_error *error) {
    const struct hs_input *known = &plan->inputs.items[input];
    const char *footer = plan->sources[input].footer;
    struct hs_file_identity now;
    char hex[HS_HASH_HEX] = "";
    HS_TRY(hs_file_identity(known->path, &now, error));
    if (footer[0] != '\0') {
        HS_TRY(hs_parquet_footer_sha256(known->path, hex, error));
    }
    bool same = now.size == known->identity.size && now.mtime_seconds == known->identity.mtime_seconds &&
                now.mtime_nanoseconds == known->identity.mtime_nanoseconds && strcmp(hex, footer) == 0;
    return same
               ? HEADSIFT_OK
               : hs_fail(error, HEADSIFT_FAILED,
                         "%s changed while it was being scored; run it again with --accept-changed to go on with it as "
                         "it is",
                         known->path);
}

/* ---- Changed inputs that were accepted ---- */

/* With a limit, what one input holds decides what is taken of those behind it. */
static bool must_go(const struct hs_score_plan *plan, size_t input) {
    for (size_t i = 0; i <= input && i < plan->inputs.n; i++) {
        if (plan->sources[i].change == HS_CHANGE_CONTENT && (i == input || plan->limit > 0)) {
            return true;
        }
    }
    return false;
}

static headsift_status remove_changed(int folder, const char *name, void *user, headsift_error *error) {
    const struct hs_score_plan *plan = user;
    size_t input, unit;
    bool gone = is_part_of(json_object_get(plan->settings, "inputs"), name) && hs_part_numbers(name, &input, &unit) &&
                must_go(plan, input);
    return gone ? remove_at(folder, name, error) : HEADSIFT_OK;
}

static headsift_status remove_changed_index(int folder, const char *name, void *user, headsift_error *error) {
    const struct hs_score_plan *plan = user;
    char *end;
    unsigned long long input = strtoull(name, &end, 10);
    return end != name && input < plan->inputs.n && must_go(plan, (size_t)input) ? remove_at(folder, name, error)
                                                                                 : HEADSIFT_OK;
}

static bool anything_changed(const struct hs_score_plan *plan) {
    for (size_t i = 0; i < plan->inputs.n; i++) {
        if (plan->sources[i].change != HS_CHANGE_NONE) {
            return true;
        }
    }
    return false;
}

/* The old score.json stands until the last stale file is gone: killed in between, the next call begins here again. */
static headsift_status accept_changes(const struct hs_score_plan *plan, const char *text, const char *path,
                                      headsift_error *error) {
    HS_TRY(each_name(plan->directory, "", remove_changed, (void *)(uintptr_t)plan, error));
    HS_TRY(each_name(plan->directory, "_index", remove_changed_index, (void *)(uintptr_t)plan, error));
    return hs_file_write(path, text, strlen(text), error);
}

/* ---- Beginning ---- */

headsift_status hs_dtype_adopt(headsift_model *model, const char *directory, headsift_error *error) {
    json_t *settings;
    headsift_error ignored = {0};
    if (model->wanted != HEADSIFT_DTYPE_AUTO || hs_settings_read(directory, &settings, &ignored) != HEADSIFT_OK) {
        return HEADSIFT_OK; /* a broken score.json is refused where it is compared */
    }
    const char *name = json_string_value(json_object_get(settings, "dtype"));
    headsift_status status = HEADSIFT_OK;
    if (name != NULL && strcmp(name, hs_dtype_name(model->dtype)) != 0) {
        headsift_error reason = {0};
        status = hs_scorer_use_dtype(model, name, &reason);
        if (status != HEADSIFT_OK) {
            hs_fail(error, status, "%s was begun in %s: %s", directory, name, reason.message);
        }
    }
    json_decref(settings);
    return status;
}

/* Another process was first: what it decided holds. */
static headsift_status agree(headsift_model *model, struct hs_score_plan *plan, headsift_error *error) {
    HS_TRY(hs_dtype_adopt(model, plan->directory, error));
    if (json_object_set_new(plan->settings, "dtype", json_string(hs_dtype_name(model->dtype))) != 0) {
        return hs_fail_memory(error, "the settings", 1);
    }
    return hs_plan_compare(plan, error);
}

static headsift_status write_settings(headsift_model *model, struct hs_score_plan *plan, const char *path,
                                      headsift_error *error) {
    char *text = json_dumps(plan->settings, JSON_INDENT(1));
    bool created = false;
    if (text == NULL) {
        return hs_fail_memory(error, "the settings", 1);
    }
    headsift_status status =
        hs_file_exists(path) ? HEADSIFT_OK : hs_file_create(path, text, strlen(text), &created, error);
    if (status == HEADSIFT_OK && !created) {
        status = agree(model, plan, error); /* looks once more what changed: another rank may just have accepted it */
        if (status == HEADSIFT_OK && anything_changed(plan)) {
            status = accept_changes(plan, text, path, error);
        }
    }
    free(text);
    return status;
}

headsift_status hs_plan_begin(headsift_model *model, struct hs_score_plan *plan, headsift_error *error) {
    char *path = hs_join_path(plan->directory, "score.json"), *running = hs_join_path(plan->directory, "_running");
    headsift_status status =
        path != NULL && running != NULL ? hs_make_directory(running, error) : hs_fail_memory(error, "a path", 1);
    if (status == HEADSIFT_OK) {
        status = write_settings(model, plan, path, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_settings_sha256(plan->settings, plan->settings_sha256, error);
    }
    hs_free(running);
    hs_free(path);
    return status;
}

/* ---- Removing ---- */

static headsift_status remove_own_folder(const char *directory, const char *name, headsift_error *error) {
    char *path = hs_join_path(directory, name);
    headsift_status status =
        path != NULL ? each_name(directory, name, remove_any, NULL, error) : hs_fail_memory(error, "a path", 1);
    if (status == HEADSIFT_OK && rmdir(path) != 0 && errno != ENOENT && errno != ENOTDIR) {
        status = hs_fail_errno(error, errno, "can't remove %s", path);
    }
    hs_free(path);
    return status;
}

static headsift_status remove_part(int folder, const char *name, void *user, headsift_error *error) {
    return is_part_of(user, name) ? remove_at(folder, name, error) : HEADSIFT_OK;
}

/* Parts of the inputs that are listed, then all that is beside them, score.json last. */
static headsift_status remove_all(const char *directory, const json_t *inputs, headsift_error *error) {
    if (!hs_is_directory(directory)) {
        return HEADSIFT_OK;
    }
    HS_TRY(each_name(directory, "", remove_part, (void *)(uintptr_t)inputs, error));
    for (size_t i = 0; i < sizeof own_folders / sizeof *own_folders; i++) {
        HS_TRY(remove_own_folder(directory, own_folders[i], error));
    }
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return hs_fail_errno(error, errno, "can't open %s", directory);
    }
    headsift_status status = remove_at(folder, "_parts.jsonl", error);
    size_t i;
    json_t *entry;
    json_array_foreach(inputs, i, entry) { /* of old versions: a part a file, named in score.json */
        const char *name = json_string_value(json_object_get(entry, "part"));
        if (status == HEADSIFT_OK && name != NULL && strncmp(name, "part-", 5) == 0 && strchr(name, '/') == NULL) {
            status = remove_at(folder, name, error);
        }
    }
    status = status == HEADSIFT_OK ? remove_at(folder, "score.json", error) : status;
    close(folder);
    return status;
}

headsift_status hs_scores_remove(const char *directory, headsift_error *error) {
    json_t *before = NULL;
    headsift_error ignored = {0};
    (void)hs_settings_read(directory, &before, &ignored); /* a broken one is as good as none: it goes */
    headsift_status status = remove_all(directory, json_object_get(before, "inputs"), error);
    json_decref(before);
    return status;
}

headsift_status hs_plan_remove_old(const struct hs_score_plan *plan, headsift_error *error) {
    HS_TRY(hs_scores_remove(plan->directory, error));
    return remove_all(plan->directory, json_object_get(plan->settings, "inputs"), error);
}
