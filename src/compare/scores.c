/* Two or more scorings of the same documents: for each pair how alike the ranks are and how many of the top documents
 * are the same, by domain and by length; and in which settings the scorings differ. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "compare/agreement.h"
#include "compare/print.h"
#include "select/ranking.h"

enum { MOST_SCORINGS = 20 };
static const double default_keep = 0.20;

struct scorings {
    const struct hs_compare *compare;
    char labels[MOST_SCORINGS][HS_LABEL_SIZE];
    struct hs_score_metadata metadata[MOST_SCORINGS];
    struct hs_agreement_options options;
    char *spill;
    json_t *pairs;
};

/* ---- Settings ---- */

static headsift_status read_metadata(const char *path, struct hs_score_metadata *out, headsift_error *error) {
    struct hs_score_parts parts;
    struct hs_sql sql = {0};
    HS_TRY(hs_score_parts_find(path, &parts, error));
    const char *const paths[] = {path};
    const struct hs_sql_options options = {.paths = paths, .n_paths = 1};
    headsift_status status = hs_sql_open(&options, &sql, error);
    for (size_t first = 0; status == HEADSIFT_OK && first < parts.n; first += HS_PARTS_AT_ONCE) {
        status = hs_score_metadata_read(&sql, &parts, first, out, error);
    }
    hs_sql_close(&sql);
    hs_score_parts_free(&parts);
    return status;
}

/* What is about the inputs or the work, not about the scores. */
static bool is_setting(const char *key) {
    static const char *const others[] = {"text", "id", "domain", "limit", "unit_bytes", "version", "inputs"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(key, others[i]) == 0) {
            return false;
        }
    }
    return true;
}

static json_t *scoring_json(const struct scorings *all, size_t i) {
    char path[1024];
    hs_escape_line(all->compare->paths[i], strlen(all->compare->paths[i]), path, sizeof path);
    json_t *object = json_pack("{s:s, s:s}", "label", all->labels[i], "path", path);
    const char *key;
    json_t *value;
    json_object_foreach(all->metadata[i].common, key, value) {
        if (is_setting(key)) {
            json_object_set(object, key, value);
        }
    }
    return object;
}

static bool differs(const struct scorings *all, const char *key) {
    const json_t *first = json_object_get(all->metadata[0].common, key);
    for (size_t i = 1; i < all->compare->n; i++) {
        const json_t *other = json_object_get(all->metadata[i].common, key);
        if (other != first && !json_equal(other, first)) {
            return true;
        }
    }
    return false;
}

static json_t *difference_json(const struct scorings *all, const char *key) {
    json_t *values = json_array();
    for (size_t i = 0; i < all->compare->n; i++) {
        json_t *value = json_object_get(all->metadata[i].common, key);
        json_array_append_new(values, value != NULL ? json_incref(value) : json_null());
    }
    return json_pack("{s:s, s:o}", "setting", key, "values", values);
}

/* Settings in the order in which the scorings name them, each once. */
static json_t *differences_json(const struct scorings *all) {
    json_t *list = json_array(), *seen = json_object();
    for (size_t i = 0; i < all->compare->n; i++) {
        const char *key;
        json_t *value;
        json_object_foreach(all->metadata[i].common, key, value) {
            if (is_setting(key) && json_object_get(seen, key) == NULL && differs(all, key)) {
                json_array_append_new(list, difference_json(all, key));
                json_object_set_new(seen, key, json_true());
            }
        }
    }
    json_decref(seen);
    return list;
}

static void print_differences(const struct scorings *all, const json_t *differences, FILE *out) {
    size_t i, k;
    json_t *difference, *value;
    if (json_array_size(differences) == 0) {
        fprintf(out, "the settings of the scorings are the same\n");
    }
    json_array_foreach(differences, i, difference) {
        fprintf(out, "%s:", json_string_value(json_object_get(difference, "setting")));
        json_array_foreach(json_object_get(difference, "values"), k, value) {
            char line[64] = "-";
            if (json_is_string(value)) {
                hs_escape_line(json_string_value(value), json_string_length(value), line, sizeof line);
            }
            fprintf(out, " %s %s%s", all->labels[k], line, k + 1 < all->compare->n ? "," : "\n");
        }
    }
}

/* ---- Pairs ---- */

static double share_of(int64_t part, int64_t whole) { return whole > 0 ? (double)part / (double)whole : (double)NAN; }

static double band_overlap(const struct hs_agreement_band *band) {
    return share_of(band->both, band->kept[0] < band->kept[1] ? band->kept[0] : band->kept[1]);
}

static json_t *domains_json(const struct hs_agreement *agreement) {
    json_t *list = json_array();
    for (size_t i = 0; i < agreement->n; i++) {
        const struct hs_agreement_domain *d = &agreement->domains[i];
        json_array_append_new(list, json_pack("{s:s%, s:I, s:o, s:o, s:I, s:I, s:o, s:o}", "domain", d->name,
                                              d->name_size, "documents", (json_int_t)d->documents, "spearman",
                                              hs_compare_number(d->spearman), "overlap",
                                              hs_compare_number(share_of(d->both, d->kept)), "kept",
                                              (json_int_t)d->kept, "both", (json_int_t)d->both, "error_sd",
                                              hs_compare_number(d->error_sd), "spread", hs_compare_number(d->spread)));
    }
    return list;
}

static json_t *lengths_json(const struct hs_agreement *agreement) {
    json_t *list = json_array();
    for (size_t i = 0; i < agreement->n_bands; i++) {
        const struct hs_agreement_band *band = &agreement->bands[i];
        json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:o, s:o}", "low", (json_int_t)band->low, "high",
                                              (json_int_t)band->high, "documents", (json_int_t)band->documents,
                                              "spearman", hs_compare_number(band->spearman), "overlap",
                                              hs_compare_number(band_overlap(band))));
    }
    return list;
}

static void print_pair(const struct scorings *all, size_t a, size_t b, const struct hs_agreement *agreement,
                       FILE *out) {
    fprintf(out, "\n%s against %s\n%-*s %9s %9s %9s\n", all->labels[b], all->labels[a], HS_NAME_CELLS, "domain",
            "documents", "Spearman", "overlap");
    for (size_t i = 0; i < agreement->n; i++) {
        const struct hs_agreement_domain *d = &agreement->domains[i];
        hs_print_name(out, d->name, d->name_size);
        fprintf(out, " %9lld", (long long)d->documents);
        hs_print_real(out, d->spearman, 4);
        hs_print_percent(out, share_of(d->both, d->kept));
        fputc('\n', out);
    }
    for (size_t i = 0; i < agreement->n_bands; i++) {
        const struct hs_agreement_band *band = &agreement->bands[i];
        char name[64];
        int size = snprintf(name, sizeof name, "%lld to %lld tokens", (long long)band->low, (long long)band->high);
        hs_print_name(out, name, (size_t)size);
        fprintf(out, " %9lld", (long long)band->documents);
        hs_print_real(out, band->spearman, 4);
        hs_print_percent(out, band_overlap(band));
        fputc('\n', out);
    }
}

static headsift_status compare_two(struct scorings *all, size_t a, size_t b, headsift_error *error) {
    struct hs_agreement agreement;
    HS_TRY(hs_agreement_read(all->compare->paths[a], all->compare->paths[b], &all->options, &agreement, error));
    if (all->compare->out != NULL) {
        print_pair(all, a, b, &agreement, all->compare->out);
    }
    json_t *pair = json_pack("{s:s, s:s, s:o, s:o}", "a", all->labels[a], "b", all->labels[b], "domains",
                             domains_json(&agreement), "lengths", lengths_json(&agreement));
    hs_agreement_free(&agreement);
    return json_array_append_new(all->pairs, pair) == 0 ? HEADSIFT_OK : hs_fail_memory(error, "a comparison", 1);
}

static headsift_status compare_pairs(struct scorings *all, headsift_error *error) {
    for (size_t a = 0; a < all->compare->n; a++) {
        for (size_t b = a + 1; b < all->compare->n; b++) {
            if (hs_stop_wanted(all->compare->monitor)) {
                return hs_fail(error, HEADSIFT_STOPPED, "stopped while scores were compared");
            }
            HS_TRY(compare_two(all, a, b, error));
        }
    }
    return HEADSIFT_OK;
}

/* ---- The whole ---- */

static headsift_status do_all(struct scorings *all, json_t **out, headsift_error *error) {
    const struct hs_compare *compare = all->compare;
    json_t *scores = json_array();
    hs_label_paths(compare->paths, compare->n, "scores", all->labels);
    for (size_t i = 0; i < compare->n; i++) {
        headsift_status status = read_metadata(compare->paths[i], &all->metadata[i], error);
        if (status != HEADSIFT_OK) {
            json_decref(scores);
            return status;
        }
        json_array_append_new(scores, scoring_json(all, i));
    }
    json_t *differences = differences_json(all);
    *out = json_pack("{s:s, s:o, s:o, s:f, s:O}", "kind", "compare-scores", "scores", scores, "differences",
                     differences, "keep", all->options.keep, "pairs", all->pairs);
    if (*out == NULL) {
        return hs_fail_memory(error, "a comparison", 1);
    }
    if (compare->out != NULL) {
        print_differences(all, differences, compare->out);
    }
    return compare_pairs(all, error);
}

headsift_status hs_compare_scores(const struct hs_compare *compare, json_t **out, headsift_error *error) {
    struct scorings all = {
        .compare = compare,
        .options = {.keep = compare->options->keep > 0 ? compare->options->keep : default_keep, .by_length = true},
        .pairs = json_array()};
    char memory[32];
    int64_t bytes;
    HS_TRY(hs_choice_memory(compare->options->memory, &bytes, error));
    if (bytes > 0) {
        snprintf(memory, sizeof memory, "%lldB", (long long)bytes);
        all.options.memory = memory;
    }
    headsift_status status = hs_compare_spill(compare, 0, &all.spill, error);
    all.options.temp_dir = all.spill;
    if (status == HEADSIFT_OK) {
        status = do_all(&all, out, error);
    }
    for (size_t i = 0; i < compare->n; i++) {
        hs_score_metadata_free(&all.metadata[i]);
    }
    hs_compare_unspill(all.spill);
    json_decref(all.pairs);
    return status;
}
