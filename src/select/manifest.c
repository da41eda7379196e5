/* manifest.json: what was asked, from which scores, and what came of it. Written last: where it stands, the selection
 * is whole. It holds no time and no folder, so that the same selection gives the same bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "select/cursor.h"
#include "select/select.h"

enum { MANIFEST_LIMIT = 1 << 30 };

static json_t *scores_json(const struct hs_score_parts *parts) {
    return json_pack("{s:I, s:I, s:s}", "files", (json_int_t)parts->n, "bytes", (json_int_t)parts->bytes, "sha256",
                     parts->sha256);
}

json_t *hs_manifest_settings(const struct hs_selection *selection) {
    json_t *object = json_object();
    int failed = json_object_set_new(object, "version", json_string(HEADSIFT_VERSION));
    failed |= json_object_set_new(object, "options", hs_choice_json(&selection->choice));
    failed |= json_object_set_new(object, "scores", scores_json(&selection->parts));
    if (selection->rejected) {
        failed |= json_object_set_new(object, "rejected", json_true());
    }
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* ---- An earlier one ---- */

/* Name of the first option in which the two differ, or NULL. Each object may have options that the other lacks. */
static const char *different_option(const json_t *ours, const json_t *theirs) {
    const json_t *const sides[][2] = {{ours, theirs}, {theirs, ours}};
    for (int i = 0; i < 2; i++) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)sides[i][0], key, value) {
            if (!json_equal(value, json_object_get(sides[i][1], key))) {
                return key;
            }
        }
    }
    return NULL;
}

static bool files_are_there(const struct hs_selection *selection, const json_t *manifest) {
    size_t i;
    json_t *file;
    json_array_foreach(json_object_get(manifest, "files"), i, file) {
        const char *name = json_string_value(json_object_get(file, "name"));
        char *path = name != NULL ? hs_join_path(selection->directory, name) : NULL;
        struct hs_file_identity identity = {0};
        bool there = path != NULL && hs_file_identity(path, &identity, NULL) == HEADSIFT_OK;
        hs_free(path);
        if (!there || identity.size != (uint64_t)json_integer_value(json_object_get(file, "bytes"))) {
            return false;
        }
    }
    return true;
}

static headsift_status compare(const struct hs_selection *selection, const json_t *settings, const json_t *old,
                               bool overwrite, bool *done, headsift_error *error) {
    const json_t *ours = json_object_get(settings, "options"), *theirs = json_object_get(old, "options");
    const char *option = different_option(ours, theirs);
    bool same_scores = json_equal(json_object_get(settings, "scores"), json_object_get(old, "scores"));
    if (overwrite) {
        return HEADSIFT_OK;
    }
    if (option != NULL) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: holds a selection with another %s; use --overwrite to replace it, or another folder",
                       selection->directory, option);
    }
    if (!same_scores) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: holds a selection from other scores; use --overwrite to replace it, or another folder",
                       selection->directory);
    }
    *done = files_are_there(selection, old);
    return HEADSIFT_OK;
}

headsift_status hs_manifest_look(const struct hs_selection *selection, bool overwrite, bool *done, json_t **old,
                                 headsift_error *error) {
    *done = false;
    *old = NULL;
    char *path = hs_join_path(selection->directory, "manifest.json");
    json_t *settings = hs_manifest_settings(selection);
    headsift_status status = HEADSIFT_OK;
    if (path == NULL || settings == NULL) {
        status = hs_fail_memory(error, "the manifest", 1);
    } else if (hs_file_exists(path)) {
        status = hs_json_load(path, MANIFEST_LIMIT, old, error);
        if (status == HEADSIFT_OK) {
            status = compare(selection, settings, *old, overwrite, done, error);
        } else if (overwrite) {
            status = HEADSIFT_OK;
        }
    }
    hs_free(path);
    json_decref(settings);
    return status;
}

headsift_status hs_manifest_summary(const json_t *manifest, headsift_select_summary *summary, headsift_error *error) {
    const struct {
        const char *key;
        int64_t *out;
    } members[] = {{"documents", &summary->documents},
                   {"chosen", &summary->chosen},
                   {"unscored", &summary->unscored},
                   {"tokens", &summary->tokens},
                   {"chosen_tokens", &summary->chosen_tokens}};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        HS_TRY(hs_json_int(manifest, members[i].key, 0, INT64_MAX, true, "manifest.json", members[i].out, error));
    }
    return HEADSIFT_OK;
}

/* ---- A new one ---- */

static int set_integer(json_t *object, const char *key, int64_t value) {
    return json_object_set_new(object, key, json_integer(value));
}

static int set_real(json_t *object, const char *key, double value) {
    return json_object_set_new(object, key, isnan(value) ? json_null() : json_real(value));
}

static json_t *domain_json(const struct hs_choice *choice, const struct hs_domain *domain) {
    json_t *object = json_object();
    int failed = json_object_set_new(object, "domain", json_stringn(domain->name, domain->name_size));
    failed |= set_integer(object, "documents", domain->documents);
    failed |= set_integer(object, "scored", domain->scored);
    failed |= set_integer(object, "unscored", domain->documents - domain->scored);
    failed |= set_integer(object, "without_value", domain->scored - domain->valued);
    failed |= set_integer(object, "tokens", domain->tokens);
    failed |= set_integer(object, "scored_tokens", domain->scored_tokens);
    if (choice->keep == HS_KEEP_BUDGET || choice->keep == HS_KEEP_BUDGET_TOTAL) {
        failed |= set_integer(object, "budget", domain->most_tokens);
    }
    failed |= set_integer(object, "chosen", domain->chosen);
    failed |= set_integer(object, "chosen_tokens", domain->chosen_tokens);
    failed |= set_real(object, "threshold", domain->threshold);
    if (choice->order == HS_ORDER_MIDDLE) {
        failed |= set_real(object, "median", domain->median);
    }
    if (failed != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static headsift_status add_domains(const struct hs_selection *selection, json_t *manifest, headsift_error *error) {
    json_t *list = json_array();
    bool ok = json_object_set_new(manifest, "domains", list) == 0;
    for (size_t i = 0; ok && i < selection->n_domains; i++) {
        ok = json_array_append_new(list, domain_json(&selection->choice, &selection->domains[i])) == 0;
    }
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "the manifest", 1);
}

void hs_domains_summary(const struct hs_selection *selection, headsift_select_summary *summary) {
    *summary = (headsift_select_summary){0};
    for (size_t i = 0; i < selection->n_domains; i++) {
        const struct hs_domain *domain = &selection->domains[i];
        summary->documents += domain->documents;
        summary->unscored += domain->documents - domain->scored;
        summary->tokens += domain->tokens;
        summary->chosen += domain->chosen;
        summary->chosen_tokens += domain->chosen_tokens;
    }
}

static headsift_status add_files(const struct hs_selection *selection, json_t *manifest, headsift_error *error) {
    json_t *list = json_array();
    bool ok = json_object_set_new(manifest, "files", list) == 0;
    for (size_t i = 0; ok && i < selection->n_sources; i++) {
        const struct hs_source *source = &selection->sources[i];
        if (source->output == NULL) {
            continue;
        }
        char *path = hs_join_path(selection->directory, source->output);
        struct hs_file_identity identity = {0};
        headsift_status status = path != NULL ? hs_file_identity(path, &identity, error)
                                              : hs_fail_memory(error, source->output, strlen(source->output));
        hs_free(path);
        HS_TRY(status);
        ok = json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "name", source->output, "source",
                                                   source->name, "rows", (json_int_t)source->wanted, "bytes",
                                                   (json_int_t)identity.size)) == 0;
    }
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "the manifest", 1);
}

static headsift_status add_summary(json_t *manifest, const headsift_select_summary *summary, headsift_error *error) {
    int failed = json_object_set_new(manifest, "documents", json_integer(summary->documents));
    failed |= json_object_set_new(manifest, "chosen", json_integer(summary->chosen));
    failed |= json_object_set_new(manifest, "unscored", json_integer(summary->unscored));
    failed |= json_object_set_new(manifest, "tokens", json_integer(summary->tokens));
    failed |= json_object_set_new(manifest, "chosen_tokens", json_integer(summary->chosen_tokens));
    return failed == 0 ? HEADSIFT_OK : hs_fail_memory(error, "the manifest", 1);
}

static headsift_status save(const struct hs_selection *selection, const json_t *manifest, headsift_error *error) {
    char *path = hs_join_path(selection->directory, "manifest.json");
    char *text = json_dumps(manifest, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    headsift_status status = path != NULL && text != NULL ? hs_file_write(path, text, strlen(text), error)
                                                          : hs_fail_memory(error, "the manifest", 1);
    free(text);
    hs_free(path);
    return status;
}

headsift_status hs_manifest_write(struct hs_selection *selection, headsift_error *error) {
    headsift_select_summary summary;
    hs_domains_summary(selection, &summary);
    json_t *manifest = hs_manifest_settings(selection);
    if (manifest == NULL || json_object_set(manifest, "metadata", selection->metadata.common) != 0) {
        json_decref(manifest);
        return hs_fail_memory(error, "the manifest", 1);
    }
    headsift_status status = add_domains(selection, manifest, error);
    if (status == HEADSIFT_OK) {
        status = add_summary(manifest, &summary, error);
    }
    if (status == HEADSIFT_OK) {
        status = add_files(selection, manifest, error);
    }
    if (status == HEADSIFT_OK) {
        status = save(selection, manifest, error);
    }
    json_decref(manifest);
    return status;
}
