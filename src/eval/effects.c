/* Means of items with bootstrap intervals, by condition and group, and what masking does to them: differences of the
 * same items, so that easy and hard ones don't blur them. */
#include <math.h>
#include <string.h>

#include "eval/results.h"

/* ---- Differences ---- */

static double mean_of_draws(const struct hs_outcomes *outcomes, enum hs_metric metric, size_t n_draws, size_t item) {
    double sum = 0;
    for (size_t i = 0; i < n_draws; i++) {
        sum += hs_outcome(outcomes, metric, 2 + i)[item];
    }
    return sum / (double)n_draws;
}

enum pair { MASKED_UNMASKED, RANDOM_UNMASKED, MASKED_RANDOM };

static headsift_status difference(const struct hs_outcomes *outcomes, enum hs_metric metric, size_t n_draws,
                                  enum pair pair, uint64_t seed, double *work, struct hs_interval *out,
                                  headsift_error *error) {
    const double *unmasked = hs_outcome(outcomes, metric, 0), *masked = hs_outcome(outcomes, metric, 1);
    if (n_draws == 0 && pair != MASKED_UNMASKED) {
        *out = (struct hs_interval){(double)NAN, (double)NAN, (double)NAN};
        return HEADSIFT_OK;
    }
    for (size_t i = 0; i < outcomes->n_items; i++) {
        double random = pair == MASKED_UNMASKED ? 0 : mean_of_draws(outcomes, metric, n_draws, i);
        work[i] = pair == MASKED_UNMASKED   ? masked[i] - unmasked[i]
                  : pair == RANDOM_UNMASKED ? random - unmasked[i]
                                            : masked[i] - random;
    }
    return hs_bootstrap_mean(work, outcomes->n_items, HS_RESAMPLES, seed, out, error);
}

headsift_status hs_difference_make(const struct hs_outcomes *outcomes, enum hs_metric metric, size_t n_draws,
                                   uint64_t seed, struct hs_difference *out, headsift_error *error) {
    double *work = hs_alloc(outcomes->n_items, sizeof *work);
    struct hs_interval *const into[] = {&out->masked, &out->random, &out->beyond};
    headsift_status status =
        work != NULL ? HEADSIFT_OK : hs_fail_memory(error, "differences", outcomes->n_items * sizeof *work);
    out->metric = metric;
    for (int pair = MASKED_UNMASKED; status == HEADSIFT_OK && pair <= MASKED_RANDOM; pair++) {
        status = difference(outcomes, metric, n_draws, (enum pair)pair, seed, work, into[pair], error);
    }
    out->hurts = status == HEADSIFT_OK && (metric == HS_LOSS ? out->beyond.low > 0 : out->beyond.high < 0);
    hs_free(work);
    return status;
}

/* ---- Figures ---- */

/* @param chosen  indices of the items that count */
static headsift_status make_figures(const struct hs_outcomes *outcomes, const size_t *chosen, size_t n, uint64_t seed,
                                    struct hs_figures *out, headsift_error *error) {
    out->items = n;
    out->values = hs_alloc(outcomes->n_conditions * HS_METRICS, sizeof *out->values);
    double *work = hs_alloc(n, sizeof *work);
    headsift_status status =
        out->values != NULL && work != NULL ? HEADSIFT_OK : hs_fail_memory(error, "figures", n * sizeof *work);
    for (size_t i = 0; status == HEADSIFT_OK && i < outcomes->n_conditions * HS_METRICS; i++) {
        enum hs_metric metric = (enum hs_metric)(i % HS_METRICS);
        const double *values = hs_outcome(outcomes, metric, i / HS_METRICS);
        for (size_t k = 0; k < n; k++) {
            work[k] = values[chosen[k]];
        }
        if (outcomes->has[metric]) {
            status = hs_bootstrap_mean(work, n, HS_RESAMPLES, seed, &out->values[i], error);
        }
    }
    hs_free(work);
    return status;
}

static bool same_group(const struct hs_text *a, const struct hs_text *b) {
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static bool seen_before(const struct hs_task *task, size_t item) {
    for (size_t i = 0; i < item; i++) {
        if (same_group(&task->items[i].group, &task->items[item].group)) {
            return true;
        }
    }
    return false;
}

/* Groups stand in the order of their first items. One alone is no group. */
static headsift_status add_group(const struct hs_task *task, const struct hs_outcomes *outcomes, size_t first,
                                 uint64_t seed, size_t *chosen, struct hs_task_result *out, headsift_error *error) {
    const struct hs_text *group = &task->items[first].group;
    size_t n = 0;
    for (size_t i = first; i < task->n_items; i++) {
        if (same_group(&task->items[i].group, group)) {
            chosen[n++] = i;
        }
    }
    if (n == task->n_items) {
        return HEADSIFT_OK;
    }
    struct hs_figures *figures = hs_realloc(out->groups, out->n_groups + 1, sizeof *figures);
    if (figures == NULL) {
        return hs_fail_memory(error, "groups", (out->n_groups + 1) * sizeof *figures);
    }
    out->groups = figures;
    figures += out->n_groups++;
    *figures = (struct hs_figures){.group = hs_copy_bytes(group->size > 0 ? group->data : "", group->size),
                                   .group_size = group->size};
    return figures->group != NULL ? make_figures(outcomes, chosen, n, seed, figures, error)
                                  : hs_fail_memory(error, "a group's name", group->size);
}

static headsift_status add_figures(const struct hs_task *task, const struct hs_outcomes *outcomes, uint64_t seed,
                                   struct hs_task_result *out, headsift_error *error) {
    size_t *chosen = hs_alloc(task->n_items, sizeof *chosen);
    if (chosen == NULL) {
        return hs_fail_memory(error, "items", task->n_items * sizeof *chosen);
    }
    for (size_t i = 0; i < task->n_items; i++) {
        chosen[i] = i;
    }
    headsift_status status = make_figures(outcomes, chosen, task->n_items, seed, &out->all, error);
    for (size_t i = 0; status == HEADSIFT_OK && i < task->n_items; i++) {
        if (!seen_before(task, i)) {
            status = add_group(task, outcomes, i, seed, chosen, out, error);
        }
    }
    hs_free(chosen);
    return status;
}

static double chance_of(const struct hs_task *task) {
    double sum = 0;
    for (size_t i = 0; i < task->n_items; i++) {
        sum += task->kind == HS_TASK_CHOICE ? 1.0 / (double)task->items[i].n_choices : (double)NAN;
    }
    return sum / (double)task->n_items;
}

static headsift_status summarise(const struct hs_task *task, const struct hs_outcomes *outcomes, size_t n_draws,
                                 uint64_t seed, struct hs_task_result *out, headsift_error *error) {
    out->name = hs_copy_string(task->name);
    out->source = hs_copy_string(task->source);
    if (out->name == NULL || out->source == NULL) {
        return hs_fail_memory(error, "a task's name", strlen(task->name));
    }
    HS_TRY(add_figures(task, outcomes, seed, out, error));
    HS_TRY(hs_difference_make(outcomes, out->primary, n_draws, seed, &out->primary_effect, error));
    return hs_difference_make(outcomes, HS_LOSS, n_draws, seed, &out->loss_effect, error);
}

headsift_status hs_summarise(const struct hs_task *task, const struct hs_outcomes *outcomes,
                             const struct hs_conditions *conditions, uint64_t seed, struct hs_task_result *out,
                             headsift_error *error) {
    static const enum hs_metric primary[] = {
        [HS_TASK_CHOICE] = HS_ACCURACY, [HS_TASK_GENERATE] = HS_MATCH_RATE, [HS_TASK_LOSS] = HS_LOSS};
    *out = (struct hs_task_result){.kind = task->kind,
                                   .shots = task->shots,
                                   .primary = primary[task->kind],
                                   .chance = chance_of(task),
                                   .cut = outcomes->cut};
    memcpy(out->has, outcomes->has, sizeof out->has);
    headsift_status status = summarise(task, outcomes, conditions->n_draws, seed, out, error);
    if (status != HEADSIFT_OK) {
        hs_task_result_free(out);
    }
    return status;
}

static void free_figures(struct hs_figures *figures) {
    hs_free(figures->group);
    hs_free(figures->values);
}

void hs_task_result_free(struct hs_task_result *result) {
    free_figures(&result->all);
    for (size_t i = 0; i < result->n_groups; i++) {
        free_figures(&result->groups[i]);
    }
    hs_free(result->groups);
    hs_free(result->name);
    hs_free(result->source);
    *result = (struct hs_task_result){0};
}
