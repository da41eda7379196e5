/* results.json: conditions with their heads, and each task's figures and effects (docs/formats.md).
 * Same input, same bytes: it holds no time. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "eval/results.h"
#include "influence/scoring.h"

static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *interval(const struct hs_interval *interval) {
    return json_pack("{s:o, s:o, s:o}", "value", number(interval->value), "low", number(interval->low), "high",
                     number(interval->high));
}

/* A JSON string of bytes that may not be UTF-8: NULL counts as no memory. */
static json_t *string(const char *text, size_t size) {
    json_t *whole = json_stringn(text, size);
    return whole != NULL ? whole : json_string("");
}

static json_t *heads_json(const struct hs_mask *mask) {
    json_t *list = json_array();
    for (size_t i = 0; i < mask->n_heads; i++) {
        json_array_append_new(list, json_pack("[i, i]", mask->heads[i].layer, mask->heads[i].head));
    }
    return list;
}

static json_t *conditions_json(const struct hs_conditions *conditions) {
    static const char *const groups[] = {"unmasked", "masked", "random", "fraction"};
    json_t *list = json_array();
    for (size_t i = 0; i < conditions->n; i++) {
        const struct hs_condition *condition = &conditions->all[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:I, s:f, s:o}", "name", condition->name, "group",
                                        groups[condition->group], "n_heads", (json_int_t)conditions->masks[i].n_heads,
                                        "fraction", condition->fraction, "heads", heads_json(&conditions->masks[i])));
    }
    return list;
}

static json_t *figures_json(const struct hs_figures *figures, const struct hs_task_result *task,
                            const struct hs_conditions *conditions) {
    json_t *list = json_array();
    for (size_t i = 0; i < conditions->n; i++) {
        json_t *metrics = json_object();
        for (int metric = 0; metric < HS_METRICS; metric++) {
            if (task->has[metric]) {
                json_object_set_new(metrics, hs_metric_names[metric],
                                    interval(&figures->values[i * HS_METRICS + (size_t)metric]));
            }
        }
        json_array_append_new(list, json_pack("{s:s, s:o}", "condition", conditions->all[i].name, "metrics", metrics));
    }
    return list;
}

static json_t *difference_json(const struct hs_difference *difference) {
    return json_pack("{s:s, s:o, s:o, s:o, s:b}", "metric", hs_metric_names[difference->metric], "masked",
                     interval(&difference->masked), "random", interval(&difference->random), "beyond_random",
                     interval(&difference->beyond), "hurts_more_than_random", (int)difference->hurts);
}

static json_t *groups_json(const struct hs_task_result *task, const struct hs_conditions *conditions) {
    json_t *list = json_array();
    for (size_t i = 0; i < task->n_groups; i++) {
        const struct hs_figures *group = &task->groups[i];
        json_array_append_new(list,
                              json_pack("{s:o, s:I, s:o}", "group", string(group->group, group->group_size), "items",
                                        (json_int_t)group->items, "results", figures_json(group, task, conditions)));
    }
    return list;
}

static json_t *task_json(const struct hs_task_result *task, const struct hs_conditions *conditions) {
    static const char *const kinds[] = {
        [HS_TASK_CHOICE] = "choice", [HS_TASK_GENERATE] = "generate", [HS_TASK_LOSS] = "loss"};
    json_t *object =
        json_pack("{s:o, s:s, s:o, s:I, s:i, s:I, s:s, s:o, s:o, s:o, s:o}", "name",
                  string(task->name, strlen(task->name)), "task_kind", kinds[task->kind], "source",
                  string(task->source, strlen(task->source)), "items", (json_int_t)task->all.items, "shots",
                  task->shots, "truncated", (json_int_t)task->cut, "primary", hs_metric_names[task->primary], "chance",
                  number(task->chance), "results", figures_json(&task->all, task, conditions), "effect",
                  difference_json(&task->primary_effect), "groups", groups_json(task, conditions));
    if (object != NULL && task->primary != HS_LOSS) {
        json_object_set_new(object, "effect_loss", difference_json(&task->loss_effect));
    }
    return object;
}

static json_t *model_json(headsift_model *model, const char *sha256) {
    const struct hs_config *config = hs_model_config(model->model);
    return json_pack("{s:o, s:s, s:s}", "name", string(config->name, strlen(config->name)), "sha256", sha256, "dtype",
                     hs_dtype_name(model->dtype));
}

static json_t *results_json(const struct hs_results *results, const char *sha256) {
    const struct hs_conditions *conditions = results->conditions;
    json_t *tasks = json_array();
    for (size_t i = 0; i < results->n_tasks; i++) {
        json_array_append_new(tasks, task_json(&results->tasks[i], conditions));
    }
    return json_pack("{s:s, s:s, s:o, s:s, s:s*, s:I, s:I, s:i, s:[i, i], s:o, s:o}", "kind", "eval", "headsift",
                     HEADSIFT_VERSION, "model", model_json(results->model, sha256), "mask",
                     hs_mask_name(results->options->mask), "calibration_sha256", results->calibration, "seed",
                     (json_int_t)results->options->task.seed, "draws", (json_int_t)conditions->n_draws, "resamples",
                     HS_RESAMPLES, "shape", conditions->n_layer, conditions->n_head, "conditions",
                     conditions_json(conditions), "tasks", tasks);
}

headsift_status hs_results_write(const struct hs_results *results, const char *path, headsift_error *error) {
    char sha256[HS_HASH_HEX];
    HS_TRY(hs_model_sha256(results->model->model, sha256, error));
    json_t *object = results_json(results, sha256);
    char *text = object != NULL ? json_dumps(object, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(object);
    if (text == NULL) {
        return hs_fail_memory(error, "results.json", sizeof *results);
    }
    struct hs_buffer bytes = {0};
    headsift_status status = hs_buffer_printf(&bytes, "%s\n", text)
                                 ? hs_file_write(path, bytes.data, bytes.size, error)
                                 : hs_fail_memory(error, "results.json", strlen(text));
    hs_buffer_free(&bytes);
    free(text);
    return status;
}
