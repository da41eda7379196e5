/* One selection against baselines of as many documents a domain, and what its scores go by.
 * Overlaps are exact; what needs texts is of a sample of all documents that have a score. */
#include "compare/baselines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "compare/print.h"
#include "compare/selections.h"

static const struct {
    const char *name, *by, *order;
} usual[] = {{"random", "random", "desc"},           {"loss_lowest", "loss_base", "asc"},
             {"loss_middle", "loss_base", "middle"}, {"loss_highest", "loss_base", "desc"},
             {"longest", "n_tokens", "desc"},        {"shortest", "n_tokens", "asc"}};
enum { USUAL = sizeof usual / sizeof *usual };

/* ---- Which baselines ---- */

static headsift_status add_baseline(struct hs_baselines *all, const char *name, size_t size, const char *by,
                                    const char *order, headsift_error *error) {
    size_t domains = all->side.selection.n_domains;
    struct hs_baseline *baseline = &all->baselines[all->n++];
    baseline->name = hs_copy_bytes(name, size);
    baseline->chosen = hs_alloc(domains, sizeof *baseline->chosen);
    baseline->shared = hs_alloc(domains, sizeof *baseline->shared);
    if (baseline->name == NULL || baseline->chosen == NULL || baseline->shared == NULL) {
        return hs_fail_memory(error, "the baselines", 2 * domains * sizeof *baseline->chosen);
    }
    baseline->rival = (struct hs_rival){by != NULL ? by : baseline->name, order, all->compare->options->seed};
    return HEADSIFT_OK;
}

/* The usual ones, and the columns of --by, a list with commas. */
static headsift_status list_baselines(struct hs_baselines *all, headsift_error *error) {
    const char *by = all->compare->options->by != NULL ? all->compare->options->by : "";
    size_t most = USUAL + 1;
    for (const char *at = by; *at != '\0'; at++) {
        most += *at == ',';
    }
    all->baselines = hs_alloc(most, sizeof *all->baselines);
    if (all->baselines == NULL) {
        return hs_fail_memory(error, "the baselines", most * sizeof *all->baselines);
    }
    for (size_t i = 0; i < USUAL; i++) {
        HS_TRY(add_baseline(all, usual[i].name, strlen(usual[i].name), usual[i].by, usual[i].order, error));
    }
    for (const char *at = by; *at != '\0';) {
        size_t size = strcspn(at, ",");
        if (size == 0) {
            return hs_fail(error, HEADSIFT_USAGE, "--by \"%s\" has an empty name: give columns with commas between",
                           by);
        }
        HS_TRY(add_baseline(all, at, size, NULL, "desc", error));
        at += size + (at[size] == ',');
    }
    return HEADSIFT_OK;
}

static headsift_status choose_baselines(struct hs_baselines *all, headsift_error *error) {
    for (size_t i = 0; i < all->n; i++) {
        HS_TRY(hs_side_rival(all->compare, &all->side, &all->baselines[i].rival, &all->baselines[i].picks, error));
    }
    return HEADSIFT_OK;
}

/* ---- Which domains are shown ---- */

/* A domain and its documents. */
struct sized {
    int64_t documents;
    int32_t domain;
};

static int by_size(const void *left, const void *right) {
    const struct sized *a = left, *b = right;
    if (a->documents != b->documents) {
        return a->documents > b->documents ? -1 : 1;
    }
    return a->domain - b->domain;
}

static int by_number(const void *left, const void *right) { return *(const int32_t *)left - *(const int32_t *)right; }

static headsift_status list_domains(struct hs_baselines *all, headsift_error *error) {
    size_t n = all->side.selection.n_domains;
    struct sized *sizes = hs_alloc(n, sizeof *sizes);
    all->domains = hs_alloc(HS_SHOWN_DOMAINS, sizeof *all->domains);
    if (sizes == NULL || all->domains == NULL) {
        hs_free(sizes);
        return hs_fail_memory(error, "the list of domains", n * sizeof *sizes);
    }
    for (size_t i = 0; i < n; i++) {
        sizes[i] = (struct sized){all->side.selection.domains[i].scored, (int32_t)i};
    }
    qsort(sizes, n, sizeof *sizes, by_size);
    for (; all->n_domains < n && all->n_domains < HS_SHOWN_DOMAINS; all->n_domains++) {
        all->domains[all->n_domains] = sizes[all->n_domains].domain;
    }
    qsort(all->domains, all->n_domains, sizeof *all->domains, by_number);
    hs_free(sizes);
    return HEADSIFT_OK;
}

/* ---- Counting ---- */

static headsift_status count_row(void *user, const struct hs_scored *row, headsift_error *error) {
    struct hs_baselines *all = user;
    bool chosen = hs_picked(all->side.selection.sources[row->source].picks, row->row);
    for (size_t i = 0; i < all->n; i++) {
        struct hs_baseline *baseline = &all->baselines[i];
        bool taken = hs_picked(baseline->picks[row->source], row->row);
        baseline->chosen[row->domain] += taken;
        baseline->shared[row->domain] += taken && chosen;
        baseline->tokens += taken ? row->tokens : 0;
    }
    if (!isfinite(row->loss)) {
        return HEADSIFT_OK;
    }
    return hs_sample_offer(&all->sample, hs_row_key(&all->side, all->compare->options->seed, row), row, error);
}

static headsift_status count_rows(struct hs_baselines *all, headsift_error *error) {
    int64_t wanted = all->compare->options->sample;
    all->sample.most = wanted > 0 ? (size_t)wanted : HS_SAMPLE;
    HS_TRY(hs_side_rows(&all->side, count_row, all, error));
    hs_sample_finish(&all->sample);
    if (all->sample.n == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: no document has a loss in loss_base", all->side.scores);
    }
    return hs_side_check(&all->side, &all->sample, error);
}

/* ---- The result ---- */

static double share_of(int64_t part, int64_t whole) { return whole > 0 ? (double)part / (double)whole : (double)NAN; }

static int64_t sum_of(const int64_t *values, size_t n) {
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += values[i];
    }
    return sum;
}

/* The share of the selection that as many documents of each domain, drawn evenly, hold on average. */
static double by_chance(const struct hs_side *side) {
    double expected = 0;
    for (size_t i = 0; i < side->selection.n_domains; i++) {
        const struct hs_domain *domain = &side->selection.domains[i];
        expected += domain->scored > 0 ? (double)domain->chosen * (double)domain->chosen / (double)domain->scored : 0;
    }
    return expected / (double)side->documents;
}

static json_t *baseline_json(const struct hs_baselines *all, const struct hs_baseline *baseline) {
    const struct hs_selection *selection = &all->side.selection;
    json_t *domains = json_array();
    for (size_t i = 0; i < all->n_domains; i++) {
        int32_t number = all->domains[i];
        const struct hs_domain *domain = &selection->domains[number];
        json_array_append_new(
            domains, json_pack("{s:s%, s:o, s:o, s:I, s:I}", "domain", domain->name, domain->name_size, "overlap",
                               hs_compare_number(share_of(baseline->shared[number], domain->chosen)), "expected",
                               hs_compare_number(share_of(domain->chosen, domain->scored)), "n",
                               (json_int_t)domain->chosen, "taken", (json_int_t)baseline->chosen[number]));
    }
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o}", "name", baseline->name, "by", baseline->rival.by,
                     "order", baseline->rival.order, "documents",
                     (json_int_t)sum_of(baseline->chosen, selection->n_domains), "tokens", (json_int_t)baseline->tokens,
                     "overlap",
                     hs_compare_number(share_of(sum_of(baseline->shared, selection->n_domains), all->side.documents)),
                     "expected", hs_compare_number(by_chance(&all->side)), "domains", domains);
}

static json_t *make_result(const struct hs_baselines *all) {
    json_t *list = json_array();
    for (size_t i = 0; i < all->n; i++) {
        json_array_append_new(list, baseline_json(all, &all->baselines[i]));
    }
    int64_t scored = 0;
    for (size_t i = 0; i < all->side.selection.n_domains; i++) {
        scored += all->side.selection.domains[i].scored;
    }
    return json_pack("{s:s, s:o, s:I, s:I, s:I, s:o}", "kind", "compare-baselines", "selection",
                     hs_side_json(&all->side), "scored", (json_int_t)scored, "sample", (json_int_t)all->sample.n,
                     "seed", (json_int_t)all->compare->options->seed, "baselines", list);
}

static void print_domains(const struct hs_baselines *all, const struct hs_baseline *baseline, FILE *out) {
    for (size_t i = 0; i < all->n_domains; i++) {
        const struct hs_domain *domain = &all->side.selection.domains[all->domains[i]];
        fprintf(out, "  ");
        hs_print_name(out, domain->name, domain->name_size);
        fprintf(out, " %9lld %11s", (long long)baseline->chosen[all->domains[i]], "");
        hs_print_percent(out, share_of(baseline->shared[all->domains[i]], domain->chosen));
        hs_print_percent(out, share_of(domain->chosen, domain->scored));
        fputc('\n', out);
    }
}

static void print_baselines(const struct hs_baselines *all, FILE *out) {
    const struct hs_side *side = &all->side;
    fprintf(out, "%s: %lld documents, %lld tokens, against as many documents of each domain taken otherwise\n\n",
            side->label, (long long)side->documents, (long long)side->tokens);
    fprintf(out, "%-*s %9s %11s %9s %9s\n", HS_NAME_CELLS + 2, "baseline", "documents", "tokens", "overlap",
            "by chance");
    for (size_t i = 0; i < all->n; i++) {
        const struct hs_baseline *baseline = &all->baselines[i];
        hs_print_name(out, baseline->name, strlen(baseline->name));
        fprintf(out, "   %9lld %11lld", (long long)sum_of(baseline->chosen, side->selection.n_domains),
                (long long)baseline->tokens);
        hs_print_percent(out, share_of(sum_of(baseline->shared, side->selection.n_domains), side->documents));
        hs_print_percent(out, by_chance(side));
        fputc('\n', out);
        if (side->selection.n_domains > 1) {
            print_domains(all, baseline, out);
        }
    }
}

static headsift_status do_all(struct hs_baselines *all, json_t **out, headsift_error *error) {
    HS_TRY(hs_side_open(all->compare, 0, &all->side, error));
    HS_TRY(list_baselines(all, error));
    HS_TRY(choose_baselines(all, error));
    HS_TRY(list_domains(all, error));
    HS_TRY(count_rows(all, error));
    if (all->compare->out != NULL) {
        print_baselines(all, all->compare->out);
    }
    HS_TRY(hs_bands_assign(all, error));
    HS_TRY(hs_bands_read(all, error));
    *out = make_result(all);
    if (*out == NULL) {
        return hs_fail_memory(error, "a comparison", 1);
    }
    HS_TRY(hs_explained_add(all, *out, error));
    json_t *bands = hs_bands_json(all, error);
    if (bands == NULL || json_object_set_new(*out, "bands", bands) != 0) {
        return bands == NULL ? HEADSIFT_FAILED : hs_fail_memory(error, "a comparison", 1);
    }
    return hs_distribution_add(all, *out, error);
}

headsift_status hs_compare_baselines(const struct hs_compare *compare, json_t **out, headsift_error *error) {
    struct hs_baselines all = {.compare = compare};
    headsift_status status = do_all(&all, out, error);
    for (size_t i = 0; i < all.n; i++) {
        hs_picks_free(all.baselines[i].picks, all.side.selection.n_sources);
        hs_free(all.baselines[i].name);
        hs_free(all.baselines[i].chosen);
        hs_free(all.baselines[i].shared);
    }
    hs_side_close(&all.side);
    hs_sample_free(&all.sample);
    hs_words_free(&all.words);
    hs_free(all.baselines);
    hs_free(all.domains);
    hs_free(all.facts);
    hs_free(all.order);
    hs_free(all.first_of);
    return status;
}
