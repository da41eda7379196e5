/* headsift compare: results beside one another; the library looks at what they are.
 * The table goes to stdout, with -o the comparison also as JSON to a file. */
#include <string.h>

#include "base/error.h"
#include "common.h"

static headsift_status run(struct cli_call *call, headsift_error *error) {
    const struct cli_values *values = &call->values;
    headsift_model_options model = cli_model_options(values);
    headsift_compare_options options = {.top_fraction = values->top_heads.fraction,
                                        .top_count = (int)values->top_heads.count,
                                        .keep = values->keep.fraction,
                                        .by = values->by,
                                        .scores = values->scores,
                                        .root = values->root,
                                        .sample = values->sample,
                                        .seed = (uint64_t)values->seed,
                                        .model = values->model != NULL ? &model : NULL,
                                        .clusters = (int)values->clusters,
                                        .max_tokens = values->max_tokens,
                                        .memory = values->memory,
                                        .temp_dir = values->temp_dir};
    if (values->keep.count > 0) {
        return hs_fail(error, HEADSIFT_USAGE, "--keep is a number of documents, must be a share like 0.20 here");
    }
    if (values->output != NULL) {
        HS_TRY(cli_need_place(values->output, error));
    }
    bool json_alone = values->output != NULL && strcmp(values->output, "-") == 0;
    return headsift_compare((const char *const *)values->arguments, values->n_arguments, &options, values->output,
                            json_alone ? NULL : stdout, &call->monitor.callbacks, error);
}

const struct cli_command cli_compare = {
    "compare",
    "PATH...",
    "Compare results of one kind: files of heads, folders of scores, selections",
    1,
    SIZE_MAX,
    true,
    run,
    {cli_top_heads_flags, cli_compare_flags, cli_seed_flags, cli_model_flags, cli_output_flags, cli_common_flags},
};
