/* headsift probe: writes the key-value retrieval task for a model.
 * Flags to headsift_probe_options, then headsift_probe_write. */
#include "common.h"

static headsift_status run(struct cli_call *call, headsift_error *error) {
    headsift_model *model;
    headsift_probe_options options = cli_probe_options(&call->values);
    headsift_status status = cli_need(call, call->values.output, "-o FILE", error);
    if (status == HEADSIFT_OK) {
        status = cli_need_place(call->values.output, error);
    }
    if (status == HEADSIFT_OK && (status = cli_open_model(call, &model, error)) == HEADSIFT_OK) {
        status = headsift_probe_write(model, &options, call->values.output, &call->monitor.callbacks, error);
        headsift_model_close(model);
    }
    return status;
}

const struct cli_command cli_probe = {
    "probe",
    "",
    "Write the key-value retrieval task (JSONL)",
    0,
    0,
    true,
    run,
    {cli_model_flags, cli_probe_flags, cli_seed_flags, cli_output_flags, cli_common_flags},
};
