/* Making a selection again: its manifest says how it was chosen and the hash of the scores that it was chosen from.
 * The same choice in the same scores gives the same documents, so nothing of what it wrote has to be read. */
#include "compare/side.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "compare/words.h"
#include "select/ranking.h"

enum { MANIFEST_LIMIT = 1 << 30 };

/* ---- Labels ---- */

/* Where the last name of a path begins, slashes behind it left out: *end is behind it. */
static size_t last_name(const char *path, size_t *end) {
    while (*end > 1 && path[*end - 1] == '/') {
        --*end;
    }
    size_t at = *end;
    while (at > 0 && path[at - 1] != '/') {
        at--;
    }
    return at;
}

static void make_label(const char *path, const char *usual, bool whole, char label[HS_LABEL_SIZE]) {
    size_t end = strlen(path), at = last_name(path, &end);
    if (strlen(usual) == end - at && memcmp(path + at, usual, end - at) == 0 && at > 1) {
        size_t above = at;
        size_t folder = last_name(path, &above);
        if (above > folder && path[above - 1] != '.') {
            at = folder;
            end = above;
        }
    }
    hs_escape_line(whole ? path : path + at, whole ? strlen(path) : end - at, label, HS_LABEL_SIZE);
}

void hs_label_paths(const char *const *paths, size_t n, const char *usual, char (*labels)[HS_LABEL_SIZE]) {
    bool alike = false;
    for (size_t i = 0; i < n; i++) {
        make_label(paths[i], usual, false, labels[i]);
        for (size_t j = 0; j < i; j++) {
            alike = alike || strcmp(labels[i], labels[j]) == 0;
        }
    }
    for (size_t i = 0; alike && i < n; i++) {
        make_label(paths[i], usual, true, labels[i]);
    }
}

/* ---- The manifest ---- */

static headsift_status load_manifest(struct hs_side *side, headsift_error *error) {
    char *path = hs_join_path(side->path, "manifest.json");
    if (path == NULL) {
        return hs_fail_memory(error, side->path, strlen(side->path));
    }
    headsift_status status = hs_json_load(path, MANIFEST_LIMIT, &side->manifest, error);
    hs_free(path);
    HS_TRY(status);
    if (json_is_true(json_object_get(side->manifest, "rejected"))) {
        return hs_fail(error, HEADSIFT_USAGE, "%s holds the documents that were not chosen: compare the selection",
                       side->path);
    }
    return HEADSIFT_OK;
}

/* Large seeds are strings: see choice.c. */
static uint64_t read_seed(const json_t *options) {
    const json_t *seed = json_object_get(options, "seed");
    return json_is_string(seed) ? strtoull(json_string_value(seed), NULL, 10) : (uint64_t)json_integer_value(seed);
}

static headsift_status read_options(struct hs_side *side, headsift_error *error) {
    json_t *options;
    headsift_select_options *out = &side->options;
    HS_TRY(hs_json_object(side->manifest, "options", true, side->path, &options, error));
    HS_TRY(hs_json_number(options, "keep", false, side->path, &out->keep, error));
    HS_TRY(hs_json_int(options, "keep_count", 0, INT64_MAX, false, side->path, &out->keep_count, error));
    HS_TRY(hs_json_int(options, "budget", 0, INT64_MAX, false, side->path, &out->budget, error));
    HS_TRY(hs_json_int(options, "budget_total", 0, INT64_MAX, false, side->path, &out->budget_total, error));
    HS_TRY(hs_json_string(options, "by", true, side->path, &out->by, error));
    HS_TRY(hs_json_string(options, "order", true, side->path, &out->order, error));
    HS_TRY(hs_json_number(options, "temperature", false, side->path, &out->temperature, error));
    out->seed = read_seed(options);
    return HEADSIFT_OK;
}

/* ---- The scores ---- */

static headsift_status is_source(const struct hs_side *side, const char *scores, bool *same, headsift_error *error) {
    json_t *known;
    const char *sha256;
    struct hs_score_parts parts;
    HS_TRY(hs_json_object(side->manifest, "scores", true, side->path, &known, error));
    HS_TRY(hs_json_string(known, "sha256", true, side->path, &sha256, error));
    HS_TRY(hs_score_parts_find(scores, &parts, error));
    headsift_status status = hs_score_parts_hash(&parts, error);
    *same = status == HEADSIFT_OK && strcmp(parts.sha256, sha256) == 0;
    hs_score_parts_free(&parts);
    return status;
}

/* The folder "scores" beside the selection, as in a run. */
static char *scores_beside(const char *path) {
    size_t end = strlen(path), at = last_name(path, &end);
    bool nameless = end - at <= 2 && strspn(path + at, "./") >= end - at; /* ".", ".." or "/" */
    return nameless ? hs_format("%s/../scores", path) : hs_format("%.*sscores", (int)at, path);
}

static headsift_status find_scores(const struct hs_compare *compare, struct hs_side *side, headsift_error *error) {
    bool same = false;
    if (compare->options->scores != NULL) {
        HS_TRY(is_source(side, compare->options->scores, &same, error));
        side->scores = hs_copy_string(compare->options->scores);
    }
    if (!same) {
        hs_free(side->scores);
        side->scores = scores_beside(side->path);
        if (side->scores != NULL && hs_is_directory(side->scores)) {
            HS_TRY(is_source(side, side->scores, &same, error));
        }
    }
    if (side->scores == NULL) {
        return hs_fail_memory(error, side->path, strlen(side->path));
    }
    return same ? HEADSIFT_OK
                : hs_fail(error, HEADSIFT_USAGE,
                          "%s: the scores that it was chosen from are not in %s%s%s: say with --scores where they are",
                          side->path, compare->options->scores != NULL ? compare->options->scores : "",
                          compare->options->scores != NULL ? " nor " : "", side->scores);
}

/* ---- The choice ---- */

headsift_status hs_compare_spill(const struct hs_compare *compare, size_t number, char **out, headsift_error *error) {
    const char *given = compare->options->temp_dir, *usual = getenv("TMPDIR");
    const char *folder = given != NULL ? given : usual != NULL && usual[0] != '\0' ? usual : "/tmp";
    *out = hs_format("%s/headsift-compare-%ld-%zu", folder, (long)getpid(), number);
    return *out != NULL ? hs_make_directory(*out, error) : hs_fail_memory(error, folder, strlen(folder));
}

void hs_compare_unspill(char *folder) {
    if (folder != NULL) {
        hs_spill_remove(folder);
    }
    hs_free(folder);
}

static headsift_status load(struct hs_selection *selection, const headsift_select_options *options, const char *scores,
                            const char *spill, headsift_error *error) {
    HS_TRY(hs_selection_begin(selection, options, error));
    HS_TRY(hs_score_parts_find(scores, &selection->parts, error));
    HS_TRY(hs_units_read(selection, error));
    HS_TRY(hs_sources_find(selection, error));
    HS_TRY(hs_selection_open(selection, spill, error));
    return hs_table_load(selection, error);
}

/* What came out must be what the manifest says came out. */
static headsift_status check_choice(struct hs_side *side, headsift_error *error) {
    json_t *domains;
    HS_TRY(hs_json_array(side->manifest, "domains", true, side->path, &domains, error));
    bool same = json_array_size(domains) == side->selection.n_domains;
    for (size_t i = 0; same && i < side->selection.n_domains; i++) {
        const struct hs_domain *domain = &side->selection.domains[i];
        int64_t chosen = json_integer_value(json_object_get(json_array_get(domains, i), "chosen"));
        same = chosen == domain->chosen;
        side->documents += domain->chosen;
        side->tokens += domain->chosen_tokens;
    }
    if (!same) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: choosing again from %s gives other counts than its manifest.json: select again", side->path,
                       side->scores);
    }
    return side->documents > 0 ? HEADSIFT_OK
                               : hs_fail(error, HEADSIFT_FAILED, "%s: no document was chosen", side->path);
}

static headsift_status hash_names(struct hs_side *side, headsift_error *error) {
    const struct hs_selection *selection = &side->selection;
    side->keys = hs_alloc(selection->n_sources, sizeof *side->keys);
    if (side->keys == NULL) {
        return hs_fail_memory(error, "the source files", selection->n_sources * sizeof *side->keys);
    }
    for (size_t i = 0; i < selection->n_sources; i++) {
        side->keys[i] = hs_hash64(selection->sources[i].name, strlen(selection->sources[i].name));
    }
    return HEADSIFT_OK;
}

headsift_status hs_side_open(const struct hs_compare *compare, size_t number, struct hs_side *side,
                             headsift_error *error) {
    *side = (struct hs_side){.path = compare->paths[number]};
    char labels[2][HS_LABEL_SIZE];
    hs_label_paths(compare->paths, compare->n < 2 ? compare->n : 2, "selected", labels);
    memcpy(side->label, labels[number], sizeof side->label);
    HS_TRY(load_manifest(side, error));
    HS_TRY(read_options(side, error));
    HS_TRY(find_scores(compare, side, error));
    HS_TRY(hs_compare_spill(compare, number, &side->spill, error));
    side->options.memory = compare->options->memory;
    side->options.root = compare->options->root;
    side->selection.monitor = compare->monitor;
    HS_TRY(load(&side->selection, &side->options, side->scores, side->spill, error));
    HS_TRY(hs_choose(&side->selection, error));
    HS_TRY(check_choice(side, error));
    return hash_names(side, error);
}

void hs_side_close(struct hs_side *side) {
    hs_selection_free(&side->selection);
    hs_compare_unspill(side->spill);
    json_decref(side->manifest);
    hs_free(side->scores);
    hs_free(side->keys);
    *side = (struct hs_side){0};
}

/* ---- Other choices from the same scores ---- */

static headsift_status choose_rival(struct hs_selection *rival, const struct hs_side *side,
                                    const headsift_select_options *options, const char *spill, headsift_error *error) {
    HS_TRY(hs_make_directory(spill, error));
    HS_TRY(load(rival, options, side->scores, spill, error));
    rival->choice.keep = HS_KEEP_GIVEN;
    if (rival->n_domains != side->selection.n_domains || rival->n_sources != side->selection.n_sources) {
        return hs_fail(error, HEADSIFT_FAILED, "%s changed while it was compared: try again", side->scores);
    }
    for (size_t i = 0; i < rival->n_domains; i++) {
        rival->domains[i].most_documents = side->selection.domains[i].chosen;
    }
    return hs_choose(rival, error);
}

static headsift_status take_picks(struct hs_selection *rival, uint64_t ***picks, headsift_error *error) {
    *picks = hs_alloc(rival->n_sources, sizeof **picks);
    if (*picks == NULL) {
        return hs_fail_memory(error, "the chosen rows", rival->n_sources * sizeof **picks);
    }
    for (size_t i = 0; i < rival->n_sources; i++) {
        (*picks)[i] = rival->sources[i].picks;
        rival->sources[i].picks = NULL;
    }
    return HEADSIFT_OK;
}

headsift_status hs_side_rival(const struct hs_compare *compare, const struct hs_side *side,
                              const struct hs_rival *wanted, uint64_t ***picks, headsift_error *error) {
    const headsift_select_options options = {.by = wanted->by,
                                             .order = wanted->order,
                                             .seed = wanted->seed,
                                             .memory = compare->options->memory,
                                             .root = compare->options->root};
    struct hs_selection rival = {.monitor = compare->monitor};
    char *spill = hs_join_path(side->spill, "rival");
    *picks = NULL;
    headsift_status status = spill != NULL ? choose_rival(&rival, side, &options, spill, error)
                                           : hs_fail_memory(error, "a path", strlen(side->spill));
    if (status == HEADSIFT_OK) {
        status = take_picks(&rival, picks, error);
    }
    hs_selection_free(&rival);
    hs_compare_unspill(spill);
    return status;
}

void hs_picks_free(uint64_t **picks, size_t n) {
    for (size_t i = 0; picks != NULL && i < n; i++) {
        hs_free(picks[i]);
    }
    hs_free(picks);
}
