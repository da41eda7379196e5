/* headsift mask: the reference model as a checkpoint that other engines run.
 * What is written stands in docs/formats.md. */
#include "common.h"

static headsift_status run(struct cli_call *call, headsift_error *error) {
    headsift_model *model = NULL;
    headsift_heads *heads = NULL;
    headsift_status status = cli_need(call, call->values.output, "-o DIR", error);
    if (status == HEADSIFT_OK) {
        status = cli_open_model_heads(call, &model, &heads, error);
    }
    if (status == HEADSIFT_OK) {
        status = headsift_mask_model(model, heads, call->values.output, call->values.overwrite,
                                     &call->monitor.callbacks, error);
    }
    if (status == HEADSIFT_OK) {
        cli_say(call, HEADSIFT_LOG_INFO, "%s: the model with %zu heads uniform", call->values.output, heads->n_heads);
    }
    headsift_heads_free(heads);
    headsift_model_close(model);
    return status;
}

const struct cli_command cli_mask = {
    "mask",
    "",
    "Write the masked model as a checkpoint for other engines",
    0,
    0,
    true,
    run,
    {cli_model_path_flags, cli_heads_file_flags, cli_output_flags, cli_overwrite_flags, cli_common_flags},
};
