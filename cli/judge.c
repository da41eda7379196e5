/* headsift judge: a blind sample of documents for people or a model, and the figures of what they answered.
 * With --answers the argument is the sample's folder, else it is a folder of scores. */
#include "common.h"

#include "base/error.h"

static headsift_status sample(struct cli_call *call, headsift_error *error) {
    const struct cli_values *values = &call->values;
    headsift_judge_options options = {.documents = values->documents,
                                      .bytes = values->bytes,
                                      .seed = (uint64_t)values->seed,
                                      .root = values->root,
                                      .overwrite = values->overwrite};
    size_t n;
    HS_TRY(cli_need(call, values->output, "-o DIR", error));
    HS_TRY(headsift_judge_sample(values->arguments[0], &options, values->output, &call->monitor.callbacks, &n, error));
    cli_say(call, HEADSIFT_LOG_INFO, "%zu documents in %s/sample.jsonl; show no judge %s/key.json", n, values->output,
            values->output);
    return HEADSIFT_OK;
}

static headsift_status answers(struct cli_call *call, headsift_error *error) {
    const struct cli_values *values = &call->values;
    bool to_stdout = values->output != NULL && values->output[0] == '-' && values->output[1] == '\0';
    HS_TRY(cli_need(call, values->output, "-o FILE", error));
    HS_TRY(cli_need_place(values->output, error));
    return headsift_judge_answers(values->arguments[0], values->answers, values->output, to_stdout ? NULL : stdout,
                                  &call->monitor.callbacks, error);
}

static headsift_status run(struct cli_call *call, headsift_error *error) {
    return call->values.answers != NULL ? answers(call, error) : sample(call, error);
}

const struct cli_command cli_judge = {
    "judge",
    "SCORES|DIR",
    "Draw a blind sample of documents for judges, or make figures of their answers",
    1,
    1,
    true,
    run,
    {cli_judge_flags, cli_seed_flags, cli_output_flags, cli_overwrite_flags, cli_common_flags},
};
