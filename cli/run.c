/* headsift run: probe, heads, scores and selection in one folder; goes on where it stopped.
 * Every flag of the steps, under the same name. */
#include "common.h"

#include "base/error.h"
#include "base/memory.h"

static headsift_run_options run_options(const struct cli_values *values) {
    return (headsift_run_options){
        .probe = cli_probe_options(values),
        .heads = cli_heads_options(values),
        .score = cli_score_options(values),
        .select = cli_select_options(values),
        .heads_path = values->heads,
        .overwrite = values->overwrite,
        .show = (int)values->show,
    };
}

/* "0.05 of all" or "14"; nothing given: the default. */
static void print_amount(const char *name, const struct cli_amount *amount, const char *standard) {
    if (amount->count > 0) {
        printf("%-12s %lld\n", name, (long long)amount->count);
    } else if (amount->fraction > 0) {
        printf("%-12s %g\n", name, amount->fraction);
    } else {
        printf("%-12s %s\n", name, standard);
    }
}

static void print_steps(const struct cli_values *values) {
    printf("%-12s %s\n", "heads from", values->heads != NULL ? values->heads : "a probe");
    if (values->heads == NULL) {
        printf("%-12s %lld\n", "samples", values->samples > 0 ? (long long)values->samples : 800);
        print_amount("top-heads", &values->top_heads, "0.05");
    }
    if (values->budget > 0 || values->budget_total > 0) {
        printf("%-12s %lld tokens%s\n", "budget", (long long)(values->budget + values->budget_total),
               values->budget > 0 ? " a domain" : " in all");
    } else {
        print_amount("keep", &values->keep, "0.20");
    }
}

static headsift_status dry_run(struct cli_call *call, headsift_model *model, headsift_error *error) {
    const struct cli_values *values = &call->values;
    headsift_heads *heads = NULL;
    if (values->heads != NULL) {
        HS_TRY(headsift_heads_load(values->heads, &heads, error));
    }
    headsift_score_options options = cli_score_options(values);
    headsift_inputs inputs = cli_inputs(values);
    char *scores = hs_format("%s/scores", values->output);
    print_steps(values);
    headsift_status status = scores != NULL
                                 ? headsift_score_plan(model, heads, &options, &inputs, scores, values->overwrite,
                                                       stdout, &call->monitor.callbacks, error)
                                 : hs_fail_memory(error, "a path", 1);
    hs_free(scores);
    headsift_heads_free(heads);
    return status;
}

/* The other steps are of the whole, so that several processes would only do them over one another. */
static headsift_status need_one_process(const struct cli_call *call, headsift_error *error) {
    struct cli_ranks ranks;
    HS_TRY(cli_find_ranks(call, &ranks, error));
    return ranks.world <= 1 ? HEADSIFT_OK
                            : hs_fail(error, HEADSIFT_USAGE,
                                      "run does all steps in one process, and by %s this is one of %d; share out "
                                      "headsift score, between headsift heads and headsift select",
                                      ranks.source, ranks.world);
}

static headsift_status run(struct cli_call *call, headsift_error *error) {
    headsift_model *model;
    headsift_run_options options = run_options(&call->values);
    headsift_inputs inputs = cli_inputs(&call->values);
    HS_TRY(cli_need(call, call->values.output, "-o DIR", error));
    HS_TRY(cli_need_inputs(call, error));
    HS_TRY(need_one_process(call, error));
    HS_TRY(cli_open_model(call, &model, error));
    headsift_status status = call->values.dry_run ? dry_run(call, model, error)
                                                  : headsift_run(model, &options, &inputs, call->values.output, stdout,
                                                                 &call->monitor.callbacks, error);
    headsift_model_close(model);
    return status;
}

const struct cli_command cli_run = {
    "run",
    "INPUT...",
    "The whole pipeline: probe, heads, scores, selection, in one folder",
    0,
    SIZE_MAX,
    true,
    run,
    {cli_model_flags, cli_input_flags, cli_response_flags, cli_probe_flags, cli_heads_flags, cli_heads_file_flags,
     cli_score_flags, cli_special_flags, cli_marker_flags, cli_rank_flags, cli_select_flags, cli_seed_flags,
     cli_run_flags, cli_output_flags, cli_overwrite_flags, cli_dry_run_flags, cli_common_flags},
};
