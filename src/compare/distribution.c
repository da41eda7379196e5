/* Scores of each domain: a histogram of all of them, and of the chosen ones, between quantiles of the sample.
 * The first and the last bin also hold what lies beyond them. */
#include <math.h>
#include <string.h>

#include "base/statistics.h"
#include "compare/baselines.h"

static const double quantiles[] = {0.001, 0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 0.999};
enum { QUANTILES = sizeof quantiles / sizeof *quantiles };
static const double outside = 0.005; /* share of the scores below the first edge, and above the last one */

/* One domain. */
struct histogram {
    double low, high;
    int64_t counts[HS_SCORE_BINS], chosen[HS_SCORE_BINS];
};

struct distribution {
    struct hs_baselines *all;
    struct histogram *histograms; /**< of the shown domains */
    int32_t *number_of;           /**< of each domain: which of them, or -1 */
};

static headsift_status count_row(void *user, const struct hs_scored *row, headsift_error *error) {
    const struct distribution *distribution = user;
    (void)error;
    int32_t number = distribution->number_of[row->domain];
    if (number < 0) {
        return HEADSIFT_OK;
    }
    struct histogram *histogram = &distribution->histograms[number];
    double width = (histogram->high - histogram->low) / HS_SCORE_BINS;
    double at = width > 0 ? floor((row->score - histogram->low) / width) : 0;
    int bin = at < 0 ? 0 : at >= HS_SCORE_BINS ? HS_SCORE_BINS - 1 : (int)at;
    histogram->counts[bin]++;
    histogram->chosen[bin] += hs_picked(distribution->all->side.selection.sources[row->source].picks, row->row);
    return HEADSIFT_OK;
}

/* The scores of a domain in the sample, from the lowest: the caller frees them. */
static double *sampled_scores(const struct hs_baselines *all, int32_t domain, size_t *n) {
    size_t first = all->first_of[domain], end = all->first_of[domain + 1];
    double *scores = hs_alloc(end - first, sizeof *scores);
    *n = end - first;
    for (size_t i = 0; scores != NULL && i < *n; i++) {
        scores[i] = all->sample.items[all->order[end - 1 - i]].row.score;
    }
    return scores;
}

static json_t *domain_json(const struct hs_baselines *all, int32_t number, const struct histogram *histogram,
                           const double *scores, size_t n) {
    const struct hs_domain *domain = &all->side.selection.domains[number];
    json_t *edges = json_array(), *counts = json_array(), *chosen = json_array(), *list = json_array();
    for (int bin = 0; bin <= HS_SCORE_BINS; bin++) {
        double share = (double)bin / HS_SCORE_BINS;
        json_array_append_new(edges, json_real((1 - share) * histogram->low + share * histogram->high));
    }
    for (int bin = 0; bin < HS_SCORE_BINS; bin++) {
        json_array_append_new(counts, json_integer(histogram->counts[bin]));
        json_array_append_new(chosen, json_integer(histogram->chosen[bin]));
    }
    for (int i = 0; i < QUANTILES; i++) {
        json_array_append_new(
            list, json_pack("[f, o]", quantiles[i], hs_compare_number(hs_quantile(scores, n, quantiles[i]))));
    }
    bool by_score = strcmp(all->side.options.by, "score") == 0;
    return json_pack("{s:s%, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "domain", domain->name, domain->name_size,
                     "documents", (json_int_t)domain->scored, "chosen", (json_int_t)domain->chosen, "threshold",
                     hs_compare_number(by_score ? domain->threshold : (double)NAN), "edges", edges, "counts", counts,
                     "selected", chosen, "quantiles", list);
}

/* Before the pass over the rows the edges, behind it the result. */
static headsift_status each_domain(struct distribution *distribution, json_t *list, headsift_error *error) {
    const struct hs_baselines *all = distribution->all;
    for (size_t i = 0; i < all->n_domains; i++) {
        size_t n;
        struct histogram *histogram = &distribution->histograms[i];
        double *scores = sampled_scores(all, all->domains[i], &n);
        if (scores == NULL) {
            return hs_fail_memory(error, "scores", n * sizeof *scores);
        }
        if (n > 0 && list == NULL) {
            histogram->low = hs_quantile(scores, n, outside);
            histogram->high = hs_quantile(scores, n, 1 - outside);
            distribution->number_of[all->domains[i]] = (int32_t)i;
        } else if (n > 0) {
            json_array_append_new(list, domain_json(all, all->domains[i], histogram, scores, n));
        }
        hs_free(scores);
    }
    return HEADSIFT_OK;
}

static headsift_status count_and_list(struct distribution *distribution, json_t *list, headsift_error *error) {
    struct hs_baselines *all = distribution->all;
    size_t domains = all->side.selection.n_domains;
    if (distribution->histograms == NULL || distribution->number_of == NULL) {
        return hs_fail_memory(error, "histograms", all->n_domains * sizeof *distribution->histograms);
    }
    memset(distribution->number_of, -1, domains * sizeof *distribution->number_of);
    HS_TRY(each_domain(distribution, NULL, error));
    HS_TRY(hs_side_rows(&all->side, count_row, distribution, error));
    return each_domain(distribution, list, error);
}

headsift_status hs_distribution_add(struct hs_baselines *all, json_t *result, headsift_error *error) {
    struct distribution distribution = {.all = all,
                                        .histograms = hs_alloc(all->n_domains, sizeof *distribution.histograms),
                                        .number_of =
                                            hs_alloc(all->side.selection.n_domains, sizeof *distribution.number_of)};
    json_t *list = json_array();
    headsift_status status = json_object_set_new(result, "distribution", list) == 0
                                 ? count_and_list(&distribution, list, error)
                                 : hs_fail_memory(error, "a comparison", 1);
    hs_free(distribution.histograms);
    hs_free(distribution.number_of);
    return status;
}
