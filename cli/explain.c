/* headsift explain: a document's tokens with their losses, as a table, coloured text, JSON or a page.
 * Colours only where stdout is a terminal and NO_COLOR is not set. */
#define _GNU_SOURCE
#include "common.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

static headsift_explain_format format_of(const struct cli_values *values, bool to_file) {
    static const headsift_explain_format formats[] = {HEADSIFT_EXPLAIN_TEXT, HEADSIFT_EXPLAIN_JSON,
                                                      HEADSIFT_EXPLAIN_HTML};
    const char *no_colour = getenv("NO_COLOR");
    bool colour = !to_file && isatty(STDOUT_FILENO) && (no_colour == NULL || no_colour[0] == '\0');
    return values->format == 0 && colour ? HEADSIFT_EXPLAIN_COLOUR : formats[values->format];
}

static headsift_status explain(struct cli_call *call, headsift_model *model, const headsift_heads *heads, bool to_file,
                               FILE *out, headsift_error *error) {
    headsift_inputs inputs = cli_inputs(&call->values);
    headsift_score_options options = cli_score_options(&call->values);
    return headsift_explain_file(model, heads, &options, &inputs, call->values.row, format_of(&call->values, to_file),
                                 out, &call->monitor.callbacks, error);
}

/* A file gets its name when all of it is there; a document without a score is shown too. */
static headsift_status explain_to_file(struct cli_call *call, headsift_model *model, const headsift_heads *heads,
                                       headsift_error *error) {
    struct hs_atomic_file file;
    HS_TRY(cli_need_place(call->values.output, error));
    HS_TRY(hs_atomic_open(call->values.output, &file, error));
    headsift_status status = explain(call, model, heads, true, file.stream, error);
    if (status != HEADSIFT_OK && status != HEADSIFT_UNSCORED) {
        hs_atomic_abort(&file);
        return status;
    }
    headsift_status written = hs_atomic_commit(&file, error);
    return written != HEADSIFT_OK ? written : status;
}

static headsift_status run(struct cli_call *call, headsift_error *error) {
    headsift_model *model = NULL;
    headsift_heads *heads = NULL;
    const char *output = call->values.output;
    headsift_status status = cli_open_model_heads(call, &model, &heads, error);
    if (status == HEADSIFT_OK && output != NULL && strcmp(output, "-") != 0) {
        status = explain_to_file(call, model, heads, error);
    } else if (status == HEADSIFT_OK) {
        status = explain(call, model, heads, false, stdout, error);
    }
    headsift_heads_free(heads);
    headsift_model_close(model);
    return status;
}

const struct cli_command cli_explain = {
    "explain",
    "FILE",
    "Show the tokens of one document: their loss, and how it changes when the heads are masked",
    1,
    1,
    false,
    run,
    {cli_model_flags, cli_heads_file_flags, cli_explain_flags, cli_response_flags, cli_score_flags, cli_marker_flags,
     cli_special_flags, cli_output_flags, cli_common_flags},
};
