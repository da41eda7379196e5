/* Chooses the best heads, and refuses to choose where the scores say nothing.
 * A "top 5 %" must never be the tie-break of a flat table. */
#include "probe/detect.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

static const double default_fraction = 0.05;

headsift_status hs_heads_wanted(const headsift_heads_options *options, size_t total, size_t *wanted,
                                headsift_error *error) {
    double fraction = options->top_fraction != 0 ? options->top_fraction : default_fraction;
    if (options->top_count < 0 || (size_t)options->top_count > total) {
        return hs_fail(error, HEADSIFT_USAGE, "--top-heads is %d, must be 1 to %zu, the model's heads",
                       options->top_count, total);
    }
    if (options->top_count > 0) {
        *wanted = (size_t)options->top_count;
        return HEADSIFT_OK;
    }
    if (!(fraction > 0 && fraction <= 1)) {
        return hs_fail(error, HEADSIFT_USAGE, "--top-heads is %g, must be above 0.0 and at most 1.0", fraction);
    }
    double rounded = floor((double)total * fraction + 0.5 + 1e-9); /* half up, in spite of binary fractions */
    *wanted = rounded < 1 ? 1 : rounded > (double)total ? total : (size_t)rounded;
    return HEADSIFT_OK;
}

struct ranked {
    double score;
    size_t index;
};

static int compare_ranked(const void *a, const void *b) {
    const struct ranked *first = a, *second = b;
    if (first->score != second->score) {
        return first->score > second->score ? -1 : 1;
    }
    return first->index < second->index ? -1 : first->index > second->index;
}

headsift_status hs_rank_heads(const double *scores, int32_t n_layer, int32_t n_head, size_t n, headsift_head *heads,
                              headsift_error *error) {
    size_t total = (size_t)n_layer * (size_t)n_head;
    struct ranked *ranked = hs_alloc(total, sizeof *ranked);
    if (ranked == NULL) {
        return hs_fail_memory(error, "a ranking", total * sizeof *ranked);
    }
    for (size_t i = 0; i < total; i++) {
        ranked[i] = (struct ranked){.score = scores[i], .index = i};
    }
    qsort(ranked, total, sizeof *ranked, compare_ranked);
    for (size_t i = 0; i < n; i++) {
        heads[i] = (headsift_head){.layer = (int32_t)(ranked[i].index / (size_t)n_head),
                                   .head = (int32_t)(ranked[i].index % (size_t)n_head)};
    }
    hs_free(ranked);
    return HEADSIFT_OK;
}

headsift_status hs_choose_heads(headsift_heads *heads, size_t wanted, headsift_error *error) {
    headsift_head *chosen = hs_alloc(wanted, sizeof *chosen);
    if (chosen == NULL) {
        return hs_fail_memory(error, "heads", wanted * sizeof *chosen);
    }
    headsift_status status = hs_rank_heads(heads->scores, heads->n_layer, heads->n_head, wanted, chosen, error);
    if (status != HEADSIFT_OK) {
        hs_free(chosen);
        return status;
    }
    hs_free(heads->heads);
    heads->heads = chosen;
    heads->n_heads = wanted;
    heads->mask_fraction = (double)wanted / ((double)heads->n_layer * heads->n_head);
    return HEADSIFT_OK;
}

static void range(const double *values, size_t n, double *low, double *high) {
    *low = *high = values[0];
    for (size_t i = 1; i < n; i++) {
        *low = fmin(*low, values[i]);
        *high = fmax(*high, values[i]);
    }
}

headsift_status hs_refuse_noise(const double *scores, const double *controls, size_t n, headsift_error *error) {
    double low, high, control_low, control_high = 0;
    range(scores, n, &low, &high);
    if (low == high) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "all %zu heads have the same score (%g): a ranking would be noise; use a stronger model or more "
                       "or shorter samples",
                       n, high);
    }
    if (controls != NULL) {
        range(controls, n, &control_low, &control_high);
    }
    if (high <= control_high) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "no head's score (best %g) beats the best score %s (%g): a ranking would be noise; use a "
                       "stronger model or more or shorter samples",
                       high, controls != NULL ? "against a control span" : "of no effect", control_high);
    }
    return HEADSIFT_OK;
}

headsift_status hs_judge_noise(headsift_heads *heads, const double *controls, bool keep,
                               const headsift_monitor *monitor, headsift_error *error) {
    headsift_error reason = {0};
    headsift_status status =
        hs_refuse_noise(heads->scores, controls, (size_t)heads->n_layer * (size_t)heads->n_head, &reason);
    if (status == HEADSIFT_OK) {
        return HEADSIFT_OK;
    }
    if (!keep) {
        return hs_fail(error, status, "%s", reason.message);
    }
    heads->noise = hs_copy_string(reason.message);
    if (heads->noise == NULL) {
        return hs_fail_memory(error, "heads", sizeof reason.message);
    }
    hs_log(monitor, HEADSIFT_LOG_WARNING, "kept and marked as noise: %s", reason.message);
    return HEADSIFT_OK;
}
