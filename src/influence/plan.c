/* The plan of headsift_score_files: inputs, parts, settings, and what the folder holds from earlier calls.
 * hs_plan_compare only looks; hs_plan_begin is the first to write. */
#define _GNU_SOURCE
#include "influence/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SETTINGS_LIMIT = 1 << 30 };

/* Whether a found input is one of our own files in the output folder (a rerun over a folder that holds it). */
static bool is_own_file(const char *path, const char *real_directory) {
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    if (real_directory == NULL || !(hs_is_part_name(name) || strcmp(name, "score.json") == 0)) {
        return false;
    }
    char *real = realpath(path, NULL);
    char *last = real != NULL ? strrchr(real, '/') : NULL;
    bool own = false;
    if (last != NULL) {
        *last = '\0';
        own = strcmp(real, real_directory) == 0;
    }
    free(real);
    return own;
}

static void drop_own_files(struct hs_input_list *inputs, const char *directory) {
    char *real = realpath(directory, NULL);
    size_t kept = 0;
    for (size_t i = 0; i < inputs->n; i++) {
        if (is_own_file(inputs->items[i].path, real)) {
            hs_free(inputs->items[i].path);
        } else {
            inputs->items[kept++] = inputs->items[i];
        }
    }
    inputs->n = kept;
    free(real);
}

static headsift_status name_parts(struct hs_score_plan *plan, headsift_error *error) {
    plan->parts = hs_alloc(plan->inputs.n, sizeof *plan->parts);
    for (size_t i = 0; plan->parts != NULL && i < plan->inputs.n; i++) {
        struct hs_part *part = &plan->parts[i];
        part->name = hs_part_name(i, plan->inputs.items[i].path);
        part->path = part->name != NULL ? hs_join_path(plan->directory, part->name) : NULL;
        if (part->path == NULL) {
            return hs_fail_memory(error, "the names of the parts", plan->inputs.n * sizeof *part);
        }
    }
    return plan->parts != NULL ? HEADSIFT_OK : hs_fail_memory(error, "the parts", plan->inputs.n * sizeof *plan->parts);
}

headsift_status hs_plan_make(headsift_model *model, const struct hs_scoring *scoring,
                             const headsift_score_options *options, const headsift_inputs *inputs,
                             const char *directory, struct hs_score_plan *plan, headsift_error *error) {
    *plan = (struct hs_score_plan){.directory = directory, .limit = inputs->limit};
    headsift_status status = hs_inputs_find(inputs, &plan->inputs, error);
    if (status == HEADSIFT_OK) {
        drop_own_files(&plan->inputs, directory);
        status = name_parts(plan, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_settings_make(model, scoring, options, inputs, plan, &plan->settings, error);
    }
    if (status != HEADSIFT_OK) {
        hs_plan_free(plan);
    }
    return status;
}

void hs_plan_free(struct hs_score_plan *plan) {
    for (size_t i = 0; plan->parts != NULL && i < plan->inputs.n; i++) {
        hs_free(plan->parts[i].name);
        hs_free(plan->parts[i].path);
    }
    hs_free(plan->parts);
    hs_inputs_free(&plan->inputs);
    json_decref(plan->settings);
    *plan = (struct hs_score_plan){0};
}

/* Reads DIR/score.json; *out is NULL where there is none. */
static headsift_status read_settings(const struct hs_score_plan *plan, json_t **out, headsift_error *error) {
    *out = NULL;
    char *path = hs_join_path(plan->directory, "score.json");
    if (path == NULL) {
        return hs_fail_memory(error, "a path", 1);
    }
    headsift_status status = hs_file_exists(path) ? hs_json_load(path, SETTINGS_LIMIT, out, error) : HEADSIFT_OK;
    hs_free(path);
    return status;
}

/* Without score.json the files in the folder are not ours to replace. */
static headsift_status no_stray_parts(const struct hs_score_plan *plan, headsift_error *error) {
    for (size_t i = 0; i < plan->inputs.n; i++) {
        if (hs_file_exists(plan->parts[i].path)) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s is there but %s/score.json is not; use --overwrite to replace it, or another folder",
                           plan->parts[i].path, plan->directory);
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_plan_compare(struct hs_score_plan *plan, headsift_error *error) {
    json_t *before;
    HS_TRY(read_settings(plan, &before, error));
    if (before == NULL) {
        return no_stray_parts(plan, error);
    }
    bool differ = hs_settings_differ(plan->settings, before, plan->directory, error);
    json_decref(before);
    return differ ? HEADSIFT_FAILED : hs_journal_read(plan, error);
}

static headsift_status remove_file(const char *directory, const char *name, headsift_error *error) {
    char *path = hs_join_path(directory, name);
    if (path == NULL) {
        return hs_fail_memory(error, "a path", 1);
    }
    bool ok = unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR;
    headsift_status status = ok ? HEADSIFT_OK : hs_fail_errno(error, errno, "can't remove %s", path);
    hs_free(path);
    return status;
}

headsift_status hs_plan_remove_old(const struct hs_score_plan *plan, headsift_error *error) {
    json_t *before = NULL, *entry;
    size_t i;
    headsift_error ignored = {0};
    (void)read_settings(plan, &before, &ignored); /* a broken one is as good as none: it goes */
    headsift_status status = HEADSIFT_OK;
    json_array_foreach(json_object_get(before, "inputs"), i, entry) {
        const char *name = json_string_value(json_object_get(entry, "part"));
        if (status == HEADSIFT_OK && name != NULL && hs_is_part_name(name) && strchr(name, '/') == NULL) {
            status = remove_file(plan->directory, name, error);
        }
    }
    json_decref(before);
    HS_TRY(status);
    HS_TRY(remove_file(plan->directory, "_parts.jsonl", error));
    return remove_file(plan->directory, "score.json", error);
}

headsift_status hs_plan_begin(const struct hs_score_plan *plan, headsift_error *error) {
    HS_TRY(hs_make_directory(plan->directory, error));
    char *path = hs_join_path(plan->directory, "score.json");
    char *text = json_dumps(plan->settings, JSON_INDENT(1));
    headsift_status status = path != NULL && text != NULL ? hs_file_write(path, text, strlen(text), error)
                                                          : hs_fail_memory(error, "the settings", 1);
    free(text);
    hs_free(path);
    HS_TRY(status);
    return hs_journal_write(plan, error);
}
