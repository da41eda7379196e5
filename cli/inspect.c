/* headsift inspect: what a model is, and what of it is not supported.
 * headsift_inspect prints; its status is the exit code. */
#include "common.h"

static headsift_status run(struct cli_call *call, headsift_error *error) {
    return headsift_inspect(call->values.arguments[0], stdout, error);
}

const struct cli_command cli_inspect = {
    "inspect", "MODEL", "Say what a model is and whether it can be used", 1, 1, false, run, {cli_common_flags},
};
