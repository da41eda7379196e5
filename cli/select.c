/* headsift select: chooses documents by their scores, domain by domain.
 * Flags to headsift_select_options, then headsift_select_files and a line of counts. */
#include "common.h"

static headsift_status run(struct cli_call *call, headsift_error *error) {
    const struct cli_values *values = &call->values;
    headsift_select_options options = cli_select_options(values);
    options.dry_run = values->dry_run;
    headsift_select_summary summary;
    headsift_status status = cli_need(call, values->output, "-o DIR", error);
    if (status == HEADSIFT_OK) {
        status = headsift_select_files(values->arguments[0], &options, values->output, &call->monitor.callbacks,
                                       &summary, error);
    }
    if (status == HEADSIFT_OK) {
        cli_say(call, HEADSIFT_LOG_INFO, "%s %lld of %lld documents (%lld of %lld tokens), %lld had no score",
                values->dry_run ? "would choose" : "chose", (long long)summary.chosen, (long long)summary.documents,
                (long long)summary.chosen_tokens, (long long)summary.tokens, (long long)summary.unscored);
    }
    return status;
}

const struct cli_command cli_select = {
    "select",
    "SCORES",
    "Choose documents by their scores, domain by domain",
    1,
    1,
    true,
    run,
    {cli_select_flags, cli_seed_flags, cli_output_flags, cli_overwrite_flags, cli_dry_run_flags, cli_common_flags},
};
