/* headsift report: a run's folder as one HTML page.
 * With a model the tokens of its examples are coloured. */
#include "common.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static headsift_status write_report(struct cli_call *call, headsift_model *model, const char *output,
                                    headsift_error *error) {
    const struct cli_values *values = &call->values;
    const headsift_report_options options = {
        .price = values->price,
        .classifier_speed = values->classifier_speed,
        .root = values->root,
        .memory = values->memory,
        .temp_dir = values->temp_dir,
    };
    HS_TRY(headsift_report(model, values->arguments[0], &options, output, &call->monitor.callbacks, error));
    if (strcmp(output, "-") != 0) {
        cli_say(call, HEADSIFT_LOG_INFO, "wrote %s", output);
    }
    return HEADSIFT_OK;
}

static headsift_status run(struct cli_call *call, headsift_error *error) {
    headsift_model *model = NULL;
    char *own = call->values.output == NULL ? hs_format("%s/report.html", call->values.arguments[0]) : NULL;
    const char *output = own != NULL ? own : call->values.output;
    headsift_status status = output != NULL ? cli_need_place(output, error) : hs_fail_memory(error, "a path", 1);
    if (status == HEADSIFT_OK && call->values.model != NULL) {
        status = cli_open_model(call, &model, error);
    }
    if (status == HEADSIFT_OK) {
        status = write_report(call, model, output, error);
    }
    headsift_model_close(model);
    hs_free(own);
    return status;
}

const struct cli_command cli_report = {
    "report",
    "DIR",
    "One HTML page about a run's folder: heads, effect, scores, selection, examples, cost (default: DIR/report.html)",
    1,
    1,
    true,
    run,
    {cli_report_flags, cli_model_flags, cli_output_flags, cli_common_flags},
};
