/* headsift compare: results beside one another; the library looks at what they are.
 * The table goes to stdout, with -o the comparison also as JSON to a file. */
#include <string.h>

#include "base/error.h"
#include "common.h"

static headsift_status run(struct cli_call *call, headsift_error *error) {
    const struct cli_values *values = &call->values;
    headsift_compare_options options = {.top_fraction = values->top_heads.fraction,
                                        .top_count = (int)values->top_heads.count};
    if (values->output != NULL) {
        HS_TRY(cli_need_place(values->output, error));
    }
    bool json_alone = values->output != NULL && strcmp(values->output, "-") == 0;
    return headsift_compare((const char *const *)values->arguments, values->n_arguments, &options, values->output,
                            json_alone ? NULL : stdout, &call->monitor.callbacks, error);
}

const struct cli_command cli_compare = {
    "compare",
    "PATH PATH...",
    "Compare results of one kind: files of heads",
    1,
    SIZE_MAX,
    false,
    run,
    {cli_top_heads_flags, cli_output_flags, cli_common_flags},
};
