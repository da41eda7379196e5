/* headsift status: how far a folder of scores, or of a run, is.
 * Reads alone: it may be called at any time, from any machine that sees the folder. */
#include "common.h"

static headsift_status run(struct cli_call *call, headsift_error *error) {
    const struct cli_values *values = &call->values;
    return headsift_status_print(values->arguments[0], values->json, values->verbose, stdout, error);
}

const struct cli_command cli_status = {
    "status",
    "DIR",
    "Say how far a folder of scores or of a run is",
    1,
    1,
    false,
    run,
    {cli_status_flags, cli_common_flags},
};
