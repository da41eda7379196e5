/* headsift join: the losses of two runs of any engine to score rows.
 * What a run's file holds stands in docs/formats.md. */
#include "common.h"

#include "base/error.h"

static headsift_status run(struct cli_call *call, headsift_error *error) {
    headsift_score_summary summary;
    HS_TRY(cli_need(call, call->values.output, "-o DIR", error));
    headsift_status status = headsift_join_files(call->values.arguments[0], call->values.arguments[1],
                                                 call->values.output, call->values.overwrite, &summary, error);
    if (status == HEADSIFT_OK || status == HEADSIFT_UNSCORED) {
        cli_say(call, HEADSIFT_LOG_INFO, "%lld documents, %lld scored, in %s", (long long)summary.documents,
                (long long)summary.scored, call->values.output);
    }
    return status;
}

const struct cli_command cli_join = {
    "join", "BASE REF", "Make score rows of the losses of two runs of any engine", 2, 2,
    false,  run,        {cli_output_flags, cli_overwrite_flags, cli_common_flags},
};
