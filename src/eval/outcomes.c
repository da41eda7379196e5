/* What items came to, as arrays of numbers.
 * Which metrics there are depends on the kind of the task. */
#include "base/memory.h"
#include "eval/ask.h"

const char *const hs_metric_names[HS_METRICS] = {"accuracy", "accuracy_norm", "match", "loss"};

headsift_status hs_outcomes_alloc(const struct hs_task *task, size_t n_conditions, struct hs_outcomes *out,
                                  headsift_error *error) {
    size_t count = HS_METRICS * n_conditions * task->n_items;
    bool choice = task->kind == HS_TASK_CHOICE;
    *out = (struct hs_outcomes){.values = hs_alloc(count, sizeof *out->values),
                                .n_conditions = n_conditions,
                                .n_items = task->n_items,
                                .has = {[HS_ACCURACY] = choice,
                                        [HS_ACCURACY_NORM] = choice,
                                        [HS_MATCH_RATE] = task->kind == HS_TASK_GENERATE,
                                        [HS_LOSS] = true}};
    return out->values != NULL ? HEADSIFT_OK : hs_fail_memory(error, "results", count * sizeof *out->values);
}

void hs_outcomes_free(struct hs_outcomes *outcomes) {
    hs_free(outcomes->values);
    outcomes->values = NULL;
}
