/* How firm the top set is: what the first samples alone say, and what top sets of resampled samples say.
 * A head without a score above 0 is in no set: that would be the order of a tie. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/statistics.h"
#include "probe/detect.h"

enum {
    RESAMPLES = 500,
    MOST_POINTS = 12,
    CHECK_FROM = 20, /* samples */
    CHECK_EVERY = 5,
    FIRM_CHECKS = 2 /* in a row */
};
static const uint64_t resample_seed = 1;

double *hs_table_add(struct hs_score_table *table) {
    void *rows = table->rows;
    size_t row_size = table->n_heads * sizeof *table->rows;
    if (!hs_grow(&rows, &table->capacity, table->n + 1, row_size)) {
        return NULL;
    }
    table->rows = rows;
    double *row = table->rows + table->n++ * table->n_heads;
    memset(row, 0, row_size);
    return row;
}

static void add_row(const struct hs_score_table *table, size_t row, double *sums) {
    for (size_t i = 0; i < table->n_heads; i++) {
        sums[i] += table->rows[row * table->n_heads + i];
    }
}

void hs_table_mean(const struct hs_score_table *table, size_t n, double *scores) {
    memset(scores, 0, table->n_heads * sizeof *scores);
    for (size_t row = 0; row < n; row++) {
        add_row(table, row, scores);
    }
    for (size_t i = 0; i < table->n_heads; i++) {
        scores[i] /= (double)n;
    }
}

/* A top set against which others are held. */
struct top_set {
    int32_t n_layer, n_head;
    size_t n;
    headsift_head *others; /* scratch: n of another set */
    size_t *places;        /* of each head in the set, counted from 1; 0: not in it */
    double *sums;          /* scratch: a score a head */
};

static void close_set(struct top_set *set) {
    hs_free(set->others);
    hs_free(set->places);
    hs_free(set->sums);
}

static headsift_status open_set(int32_t n_layer, int32_t n_head, const headsift_head *heads, size_t n,
                                struct top_set *out, headsift_error *error) {
    size_t total = (size_t)n_layer * (size_t)n_head;
    *out = (struct top_set){.n_layer = n_layer,
                            .n_head = n_head,
                            .n = n,
                            .others = hs_alloc(n, sizeof *out->others),
                            .places = hs_alloc(total, sizeof *out->places),
                            .sums = hs_alloc(total, sizeof *out->sums)};
    if (out->others == NULL || out->places == NULL || out->sums == NULL) {
        close_set(out);
        return hs_fail_memory(error, "a set of heads", total * sizeof *out->sums);
    }
    for (size_t i = 0; i < n; i++) {
        out->places[heads[i].layer * n_head + heads[i].head] = i + 1;
    }
    return HEADSIFT_OK;
}

/* How many heads of the set are in the top set of these scores. @param counts of each head of the set; may be NULL. */
static headsift_status count_shared(struct top_set *set, const double *scores, double *counts, size_t *shared,
                                    headsift_error *error) {
    *shared = 0;
    HS_TRY(hs_rank_heads(scores, set->n_layer, set->n_head, set->n, set->others, error));
    for (size_t i = 0; i < set->n; i++) {
        size_t index = (size_t)(set->others[i].layer * set->n_head + set->others[i].head);
        if (scores[index] > 0 && set->places[index] > 0) {
            ++*shared;
            if (counts != NULL) {
                counts[set->places[index] - 1]++;
            }
        }
    }
    return HEADSIFT_OK;
}

/* @param shares of each head of the set, the share of resamples in which it is chosen; may be NULL. */
static headsift_status resample(const struct hs_score_table *table, struct top_set *set, double *shares,
                                double *overlap, headsift_error *error) {
    struct hs_random random;
    size_t all = 0, shared;
    hs_random_seed(&random, resample_seed);
    for (int i = 0; i < RESAMPLES; i++) {
        memset(set->sums, 0, table->n_heads * sizeof *set->sums);
        for (size_t drawn = 0; drawn < table->n; drawn++) {
            add_row(table, hs_random_below(&random, table->n), set->sums);
        }
        HS_TRY(count_shared(set, set->sums, shares, &shared, error));
        all += shared;
    }
    *overlap = (double)all / ((double)set->n * RESAMPLES);
    for (size_t i = 0; shares != NULL && i < set->n; i++) {
        shares[i] /= RESAMPLES;
    }
    return HEADSIFT_OK;
}

/* Each count of samples is two thirds of the next, the last is all. */
static size_t list_points(size_t n, int points[MOST_POINTS]) {
    size_t count = 0;
    for (size_t at = n; at > 0 && count < MOST_POINTS; at = at * 2 / 3) {
        points[count++] = (int)at;
    }
    for (size_t i = 0; i < count / 2; i++) {
        int swapped = points[i];
        points[i] = points[count - 1 - i];
        points[count - 1 - i] = swapped;
    }
    return count;
}

static headsift_status measure_points(const struct hs_score_table *table, struct top_set *set, headsift_heads *heads,
                                      headsift_error *error) {
    int points[MOST_POINTS];
    heads->n_settling = list_points(table->n, points);
    heads->settling = hs_alloc(heads->n_settling, sizeof *heads->settling);
    if (heads->settling == NULL) {
        return hs_fail_memory(error, "heads", heads->n_settling * sizeof *heads->settling);
    }
    for (size_t i = 0; i < heads->n_settling; i++) {
        size_t shared;
        headsift_settling *point = &heads->settling[i];
        point->samples = points[i];
        hs_table_mean(table, (size_t)points[i], set->sums);
        HS_TRY(count_shared(set, set->sums, NULL, &shared, error));
        point->overlap = (double)shared / (double)set->n;
        HS_TRY(hs_spearman(set->sums, heads->scores, table->n_heads, &point->spearman, error));
    }
    return HEADSIFT_OK;
}

headsift_status hs_settling_measure(const struct hs_score_table *table, headsift_heads *heads, headsift_error *error) {
    struct top_set set;
    if (table->n < 2) {
        return HEADSIFT_OK;
    }
    heads->bootstrap = hs_alloc(heads->n_heads, sizeof *heads->bootstrap);
    if (heads->bootstrap == NULL) {
        return hs_fail_memory(error, "heads", heads->n_heads * sizeof *heads->bootstrap);
    }
    HS_TRY(open_set(heads->n_layer, heads->n_head, heads->heads, heads->n_heads, &set, error));
    headsift_status status = measure_points(table, &set, heads, error);
    if (status == HEADSIFT_OK) {
        heads->resamples = RESAMPLES;
        status = resample(table, &set, heads->bootstrap, &heads->bootstrap_overlap, error);
    }
    close_set(&set);
    return status;
}

/* ---- Stopping early ---- */

static headsift_status overlap_now(const struct hs_detection *detection, double *overlap, headsift_error *error) {
    const struct hs_score_table *table = &detection->table;
    struct top_set set;
    headsift_heads now = {.n_layer = detection->n_layer,
                          .n_head = detection->n_head,
                          .scores = hs_alloc(table->n_heads, sizeof *now.scores)};
    if (now.scores == NULL) {
        return hs_fail_memory(error, "scores", table->n_heads * sizeof *now.scores);
    }
    hs_table_mean(table, table->n, now.scores);
    headsift_status status = hs_choose_heads(&now, detection->wanted, error);
    if (status == HEADSIFT_OK) {
        status = open_set(now.n_layer, now.n_head, now.heads, now.n_heads, &set, error);
    }
    if (status == HEADSIFT_OK) {
        status = resample(table, &set, NULL, overlap, error);
        close_set(&set);
    }
    hs_free(now.scores);
    hs_free(now.heads);
    return status;
}

headsift_status hs_settling_check(struct hs_detection *detection, headsift_error *error) {
    size_t n = detection->table.n;
    double overlap;
    bool due = detection->settle > 0 && n >= CHECK_FROM && n % CHECK_EVERY == 0 && n != detection->checked;
    if (!due) {
        return HEADSIFT_OK;
    }
    HS_TRY(overlap_now(detection, &overlap, error));
    detection->checked = n;
    detection->firm_checks = overlap >= detection->settle ? detection->firm_checks + 1 : 0;
    detection->settled = detection->firm_checks >= FIRM_CHECKS;
    hs_log(detection->stage.monitor, HEADSIFT_LOG_DEBUG, "%zu samples: resampled top sets share %.3f of the top %zu", n,
           overlap, detection->wanted);
    return HEADSIFT_OK;
}
