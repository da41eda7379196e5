/* headsift bench: how fast this machine scores, and how far that is from the least time it could take.
 * The report goes to stdout, with -o also as JSON to a file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "common.h"

enum { MOST_LENGTHS = 64 };

/* "128,512" to numbers. */
static headsift_status parse_lengths(const char *text, int32_t *lengths, size_t *n, headsift_error *error) {
    *n = 0;
    for (const char *at = text; at != NULL; at = strchr(at, ','), at = at != NULL ? at + 1 : NULL) {
        char *end;
        size_t digits = strspn(at, "0123456789");
        errno = 0;
        long number = digits > 0 ? strtol(at, &end, 10) : 0;
        if (digits == 0 || (at[digits] != ',' && at[digits] != '\0')) {
            return hs_fail(error, HEADSIFT_USAGE, "--lengths is \"%s\", must be integers with commas between", text);
        }
        if (errno == ERANGE || number < 2 || number > INT32_MAX) {
            return hs_fail(error, HEADSIFT_USAGE, "--lengths has %.*s, must be 2 to %d", (int)digits, at, INT32_MAX);
        }
        if (*n == MOST_LENGTHS) {
            return hs_fail(error, HEADSIFT_USAGE, "--lengths has more than %d lengths", MOST_LENGTHS);
        }
        lengths[(*n)++] = (int32_t)number;
    }
    return HEADSIFT_OK;
}

static headsift_status check(const struct cli_call *call, headsift_error *error) {
    if (!call->values.kernels) {
        HS_TRY(cli_need(call, call->values.model, "-m MODEL", error));
    }
    return call->values.output != NULL ? cli_need_place(call->values.output, error) : HEADSIFT_OK;
}

static headsift_status run(struct cli_call *call, headsift_error *error) {
    const struct cli_values *values = &call->values;
    int32_t lengths[MOST_LENGTHS];
    headsift_bench_options options = cli_bench_options(values, lengths);
    headsift_heads *heads = NULL;
    const headsift_model_options model = cli_model_options(values);
    HS_TRY(parse_lengths(values->lengths, lengths, &options.n_lengths, error));
    HS_TRY(check(call, error));
    headsift_status status = values->heads != NULL ? headsift_heads_load(values->heads, &heads, error) : HEADSIFT_OK;
    if (status == HEADSIFT_OK) {
        headsift_inputs inputs = cli_inputs(values);
        bool json_alone = values->output != NULL && strcmp(values->output, "-") == 0;
        status = headsift_bench(&model, &options, heads, &inputs, json_alone ? NULL : stdout, &call->monitor.callbacks,
                                error);
    }
    headsift_heads_free(heads);
    return status;
}

const struct cli_command cli_bench = {
    "bench",
    "[INPUT...]",
    "Measure speed: tokens/s, GF/s, share of the peak, share of the floor",
    0,
    SIZE_MAX,
    false,
    run,
    {cli_model_flags, cli_heads_file_flags, cli_bench_flags, cli_seed_flags, cli_input_flags, cli_output_flags,
     cli_common_flags},
};
