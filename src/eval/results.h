/* From what items came to to figures with intervals, and how they are shown: JSON and a table.
 * hs_summarise for each task, then hs_results_write and hs_results_print. */
#ifndef HS_EVAL_RESULTS_H
#define HS_EVAL_RESULTS_H

#include "base/memory.h"
#include "base/statistics.h"
#include "eval/ask.h"

/** What a metric does under the masks; differences are of the same items. */
struct hs_difference {
    enum hs_metric metric;
    struct hs_interval masked; /**< masked - unmasked */
    struct hs_interval random; /**< mean of the random draws - unmasked; NaN without draws */
    struct hs_interval beyond; /**< masked - mean of the random draws */
    bool hurts;                /**< `beyond` lies wholly on the harmful side */
};

/** Figures of some items: (n_conditions, HS_METRICS). */
struct hs_figures {
    char *group; /**< NULL: all items */
    size_t group_size, items;
    struct hs_interval *values;
};

struct hs_task_result {
    char *name, *source;
    enum hs_task_kind kind;
    int32_t shots;
    enum hs_metric primary;
    bool has[HS_METRICS];
    double chance; /**< NaN: not known */
    size_t cut;
    struct hs_figures all;
    struct hs_figures *groups;
    size_t n_groups;
    struct hs_difference primary_effect, loss_effect;
};

/** All that a call found. */
struct hs_results {
    headsift_model *model;
    const headsift_eval_options *options;
    const struct hs_conditions *conditions;
    const char *calibration; /**< SHA-256 of the text of a mask of means; NULL: none */
    struct hs_task_result *tasks;
    size_t n_tasks, n_heads;
};

headsift_status hs_summarise(const struct hs_task *task, const struct hs_outcomes *outcomes,
                             const struct hs_conditions *conditions, uint64_t seed, struct hs_task_result *out,
                             headsift_error *error);
void hs_task_result_free(struct hs_task_result *result); /**< fine on a zeroed struct */

headsift_status hs_difference_make(const struct hs_outcomes *outcomes, enum hs_metric metric, size_t n_draws,
                                   uint64_t seed, struct hs_difference *out, headsift_error *error);

/** results.json (docs/formats.md); "-" is stdout. */
headsift_status hs_results_write(const struct hs_results *results, const char *path, headsift_error *error);
/** A table for people. */
headsift_status hs_results_print(const struct hs_results *results, FILE *out, headsift_error *error);

#endif
