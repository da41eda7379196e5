/* headsift eval: tasks on the model as it is, with the heads masked, and with random others masked.
 * The table goes to stdout, the figures to a file; with -o - the figures alone go to stdout. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "common.h"

enum { MOST_FRACTIONS = 64 };

/* "0.01,0.1" to numbers; the library checks their range. */
static headsift_status parse_fractions(const char *text, double *fractions, size_t *n, headsift_error *error) {
    *n = 0;
    for (const char *at = text; at != NULL; at = strchr(at, ','), at = at != NULL ? at + 1 : NULL) {
        size_t size = strcspn(at, ","), plain = strspn(at, "0123456789.");
        char *end;
        double fraction = strtod(at, &end);
        if (size == 0 || plain != size || end != at + size) {
            return hs_fail(error, HEADSIFT_USAGE, "--fractions is \"%s\", must be shares like 0.01 with commas between",
                           text);
        }
        if (*n == MOST_FRACTIONS) {
            return hs_fail(error, HEADSIFT_USAGE, "--fractions has more than %d shares", MOST_FRACTIONS);
        }
        fractions[(*n)++] = fraction;
    }
    return HEADSIFT_OK;
}

static headsift_status check(const struct cli_call *call, headsift_error *error) {
    const struct cli_values *values = &call->values;
    HS_TRY(cli_need(call, values->tasks.n > 0 ? "" : NULL, "--task NAME=PATH or --task GENERATOR", error));
    HS_TRY(cli_need(call, values->output, "-o FILE", error));
    return cli_need_place(values->output, error);
}

static headsift_status run(struct cli_call *call, headsift_error *error) {
    const struct cli_values *values = &call->values;
    headsift_model *model = NULL;
    headsift_heads *heads = NULL;
    double fractions[MOST_FRACTIONS];
    headsift_eval_options options = {
        .tasks = (const char *const *)values->tasks.items,
        .n_tasks = values->tasks.n,
        .task = cli_task_options(values),
        .mask = (headsift_mask)values->mask,
        .calibration = values->calibration,
        .draws = (int)values->draws,
        .fractions = fractions,
        .save_tasks = values->save_tasks,
    };
    HS_TRY(parse_fractions(values->fractions, fractions, &options.n_fractions, error));
    HS_TRY(check(call, error));
    headsift_status status = cli_open_model_heads(call, &model, &heads, error);
    if (status == HEADSIFT_OK) {
        FILE *table = strcmp(values->output, "-") == 0 ? NULL : stdout;
        status = headsift_eval(model, heads, &options, values->output, table, &call->monitor.callbacks, error);
    }
    headsift_heads_free(heads);
    headsift_model_close(model);
    return status;
}

const struct cli_command cli_eval = {
    "eval",
    "",
    "Ask tasks of a model as it is, with the heads masked, and with random others masked",
    0,
    0,
    true,
    run,
    {cli_model_flags, cli_heads_file_flags, cli_task_flags, cli_eval_flags, cli_seed_flags, cli_output_flags,
     cli_common_flags},
};
