/* headsift_heads_detect_task: ablation of each head on a task's items instead of a probe.
 * What counts is the loss of the right choice, text or answer. */
#include "base/memory.h"
#include "eval/ask.h"
#include "probe/detect.h"

/* The question about what is right. */
static headsift_status encode_right(const headsift_model *model, const struct hs_task *task, size_t item,
                                    struct hs_question *out, headsift_error *error) {
    size_t gold = (size_t)task->items[item].gold;
    return task->kind == HS_TASK_CHOICE
               ? hs_question_encode(model, task, item, gold, &task->items[item].choices[gold], 0, out, error)
               : hs_item_encode(model, task, item, out, error);
}

static headsift_status encode_samples(struct hs_detection *detection, const struct hs_task *task, size_t *cut,
                                      headsift_error *error) {
    detection->samples = hs_alloc(task->n_items, sizeof *detection->samples);
    if (detection->samples == NULL) {
        return hs_fail_memory(error, "items", task->n_items * sizeof *detection->samples);
    }
    for (size_t i = 0; i < task->n_items; i++) {
        struct hs_question question;
        HS_TRY(encode_right(detection->model, task, i, &question, error));
        detection->samples[detection->n++] =
            (struct hs_sample){.ids = question.ids, .n = question.n, .n_prompt = question.given, .number = i + 1};
        *cut += question.cut;
    }
    return HEADSIFT_OK;
}

static headsift_status search(struct hs_detection *detection, const struct hs_task *task,
                              const headsift_heads_options *options, const headsift_monitor *monitor,
                              headsift_heads *heads, headsift_error *error) {
    size_t cut = 0;
    HS_TRY(encode_samples(detection, task, &cut, error));
    if (cut > 0) {
        hs_log(monitor, HEADSIFT_LOG_WARNING,
               "%zu of %zu items of %s are too long for the model's context and lost their beginning", cut,
               task->n_items, task->name);
    }
    return hs_heads_search(detection, options, monitor, heads, error);
}

static headsift_status search_task(headsift_model *model, const struct hs_task *task,
                                   const headsift_heads_options *options, const headsift_monitor *monitor,
                                   headsift_heads **out, headsift_error *error) {
    const struct hs_config *config = hs_model_config(model->model);
    struct hs_detection detection = {
        .model = model, .path = task->source, .items = true, .n_layer = config->n_layer, .n_head = config->n_head};
    headsift_heads *heads = hs_alloc(1, sizeof *heads);
    headsift_status status = heads != NULL ? search(&detection, task, options, monitor, heads, error)
                                           : hs_fail_memory(error, "heads", sizeof *heads);
    hs_samples_free(detection.samples, detection.n);
    hs_free(detection.table.rows);
    hs_free(detection.controls);
    if (status != HEADSIFT_OK) {
        headsift_heads_free(heads);
        return status;
    }
    *out = heads;
    return HEADSIFT_OK;
}

headsift_status headsift_heads_detect_task(headsift_model *model, const char *task, const headsift_task_options *asked,
                                           const headsift_heads_options *options, const headsift_monitor *monitor,
                                           headsift_heads **out, headsift_error *error) {
    struct hs_task_options how = {asked->shots, asked->limit, asked->seed};
    struct hs_task opened = {0};
    *out = NULL;
    if (options->method != HEADSIFT_METHOD_ABLATION) {
        return hs_fail(error, HEADSIFT_USAGE,
                       "heads are found on a task by --method ablation alone; --method "
                       "retrieval needs a probe");
    }
    headsift_status status = hs_task_open(task, &how, &opened, error);
    if (status == HEADSIFT_OK) {
        status = search_task(model, &opened, options, monitor, out, error);
    }
    hs_task_free(&opened);
    return status;
}
