/* headsift heads: scores every head of a model on a probe and writes the chosen ones.
 * The output's place is checked before the model is opened: a search can take hours. */
#include "common.h"

#include "base/error.h"

/* The effect is the library's line. */
static void report(struct cli_call *call, const headsift_heads *heads) {
    cli_say(call, HEADSIFT_LOG_INFO, "chose %zu of %d heads, from %d of %d samples: %s", heads->n_heads,
            heads->n_layer * heads->n_head, heads->samples_counted, heads->samples, call->values.output);
}

static headsift_status find(struct cli_call *call, headsift_model *model, headsift_error *error) {
    headsift_heads *heads;
    const struct cli_values *values = &call->values;
    const headsift_monitor *monitor = &call->monitor.callbacks;
    headsift_heads_options options = cli_heads_options(values);
    headsift_task_options asked = cli_task_options(values);
    headsift_status status;
    if (values->from != NULL) {
        status = headsift_heads_choose(model, values->from, values->probe, &options, monitor, &heads, error);
    } else if (values->probe != NULL) {
        status = headsift_heads_detect(model, values->probe, &options, monitor, &heads, error);
    } else {
        status = headsift_heads_detect_task(model, values->tasks.items[0], &asked, &options, monitor, &heads, error);
    }
    if (status != HEADSIFT_OK) {
        return status;
    }
    status = headsift_heads_save(heads, call->values.output, error);
    if (status == HEADSIFT_OK) {
        report(call, heads);
    }
    headsift_heads_free(heads);
    return status;
}

/* --probe and --task exclude each other. */
static headsift_status need_samples(const struct cli_call *call, headsift_error *error) {
    if (call->values.from != NULL) {
        return call->values.tasks.n == 0 ? HEADSIFT_OK
                                         : hs_fail(error, HEADSIFT_USAGE, "--from and --task exclude each other");
    }
    if (call->values.tasks.n > 1) {
        return hs_fail(error, HEADSIFT_USAGE, "--task is given %zu times; heads are found on one task",
                       call->values.tasks.n);
    }
    if (call->values.tasks.n == 1 && call->values.method != HEADSIFT_METHOD_ABLATION) {
        return hs_fail(error, HEADSIFT_USAGE,
                       "--task needs --method ablation; retrieval scores need what headsift probe writes");
    }
    return cli_need(call, call->values.tasks.n == 1 ? "" : call->values.probe, "--probe FILE or --task TASK", error);
}

static headsift_status run(struct cli_call *call, headsift_error *error) {
    headsift_model *model;
    headsift_status status = cli_need(call, call->values.output, "-o FILE", error);
    if (status == HEADSIFT_OK) {
        status = need_samples(call, error);
    }
    if (status == HEADSIFT_OK) {
        status = cli_need_place(call->values.output, error);
    }
    if (status == HEADSIFT_OK && (status = cli_open_model(call, &model, error)) == HEADSIFT_OK) {
        status = find(call, model, error);
        headsift_model_close(model);
    }
    return status;
}

const struct cli_command cli_heads = {
    "heads",
    "",
    "Find a model's retrieval heads on a probe, or those that a task needs (heads.json, heat map)",
    0,
    0,
    true,
    run,
    {cli_model_flags, cli_heads_flags, cli_find_flags, cli_probe_file_flags, cli_task_flags, cli_seed_flags,
     cli_output_flags, cli_common_flags},
};
