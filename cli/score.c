/* headsift score: influence scores of documents, a Parquet file for each unit of work.
 * With --dry-run the plan alone, on stdout. */
#include "common.h"

#include "base/error.h"

/* Which share is this process's, said once where there are others. */
static headsift_status take_share(struct cli_call *call, headsift_score_options *options, headsift_error *error) {
    struct cli_ranks ranks;
    HS_TRY(cli_find_ranks(call, &ranks, error));
    options->rank = ranks.rank;
    options->world = ranks.world;
    options->steal = options->steal || ranks.steal;
    if (ranks.warning[0] != '\0') {
        cli_say(call, HEADSIFT_LOG_WARNING, "%s", ranks.warning);
    }
    if (ranks.world > 1) {
        cli_say(call, HEADSIFT_LOG_INFO, "rank %d of %d, from %s%s", ranks.rank, ranks.world, ranks.source,
                ranks.steal ? "; the array has holes: then what others leave" : "");
    }
    return HEADSIFT_OK;
}

static headsift_status score(struct cli_call *call, headsift_model *model, const headsift_heads *heads,
                             const headsift_score_options *options, headsift_error *error) {
    const struct cli_values *values = &call->values;
    const headsift_monitor *monitor = &call->monitor.callbacks;
    headsift_inputs inputs = cli_inputs(values);
    if (values->dry_run) {
        return headsift_score_plan(model, heads, options, &inputs, values->output, values->overwrite, stdout, monitor,
                                   error);
    }
    headsift_score_summary summary;
    headsift_status status = headsift_score_files(model, heads, options, &inputs, values->output, values->overwrite,
                                                  monitor, &summary, error);
    if (status == HEADSIFT_OK || status == HEADSIFT_UNSCORED || status == HEADSIFT_STOPPED) {
        cli_say(call, HEADSIFT_LOG_INFO, "%lld documents, %lld tokens, %lld scored, in %s, %.1f s",
                (long long)summary.documents, (long long)summary.tokens, (long long)summary.scored, values->output,
                summary.seconds);
    }
    return status;
}

static headsift_status run(struct cli_call *call, headsift_error *error) {
    headsift_model *model = NULL;
    headsift_heads *heads = NULL;
    headsift_score_options options = cli_score_options(&call->values);
    headsift_status status = cli_need(call, call->values.output, "-o DIR", error);
    if (status == HEADSIFT_OK) {
        status = cli_need_inputs(call, error);
    }
    if (status == HEADSIFT_OK) {
        status = take_share(call, &options, error);
    }
    if (status == HEADSIFT_OK) {
        status = cli_open_model_heads(call, &model, &heads, error);
    }
    if (status == HEADSIFT_OK) {
        status = score(call, model, heads, &options, error);
    }
    headsift_heads_free(heads);
    headsift_model_close(model);
    return status;
}

const struct cli_command cli_score = {
    "score",
    "INPUT...",
    "Score documents: how much their loss rises when the heads are masked",
    0,
    SIZE_MAX,
    true,
    run,
    {cli_model_flags, cli_heads_file_flags, cli_score_flags, cli_special_flags, cli_marker_flags, cli_rank_flags,
     cli_again_flags, cli_input_flags, cli_response_flags, cli_output_flags, cli_overwrite_flags, cli_dry_run_flags,
     cli_common_flags},
};
