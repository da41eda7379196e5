/* What the commands share: the call they are given, and the steps from flags to the library's structs.
 * A command calls these and one function of the library. */
#ifndef HEADSIFT_CLI_COMMON_H
#define HEADSIFT_CLI_COMMON_H

#include "monitor.h"
#include "options.h"
#include "ranks.h"

/** One call of one command. */
struct cli_call {
    const struct cli_command *command;
    struct cli_values values;
    struct cli_monitor monitor;
};

extern const struct cli_command cli_probe, cli_heads, cli_score, cli_select, cli_run, cli_inspect, cli_tokenize,
    cli_bench, cli_mask, cli_join, cli_compare, cli_explain, cli_status, cli_judge, cli_eval, cli_report;

/** Refuses a call without a value that the command can't do without. @param flag for the message: "-m MODEL". */
headsift_status cli_need(const struct cli_call *call, const char *value, const char *flag, headsift_error *error);

/** Refuses an output file whose folder is not there or can't be written to, before any work is done for it. */
headsift_status cli_need_place(const char *output, headsift_error *error);

/** Refuses a call that names no documents, or stdin: a later call could not read it again. */
headsift_status cli_need_inputs(const struct cli_call *call, headsift_error *error);

/** What --model, --dtype and --threads say. */
headsift_model_options cli_model_options(const struct cli_values *values);
/** Opens the model of --model with --dtype and --threads. */
headsift_status cli_open_model(struct cli_call *call, headsift_model **out, headsift_error *error);
/** The same, and loads the heads of --heads. */
headsift_status cli_open_model_heads(struct cli_call *call, headsift_model **model, headsift_heads **heads,
                                     headsift_error *error);

/** Rank and world of this process: flags, else what a scheduler set in the environment. */
headsift_status cli_find_ranks(const struct cli_call *call, struct cli_ranks *out, headsift_error *error);

headsift_inputs cli_inputs(const struct cli_values *values);
headsift_probe_options cli_probe_options(const struct cli_values *values);
headsift_heads_options cli_heads_options(const struct cli_values *values);
headsift_score_options cli_score_options(const struct cli_values *values);
headsift_select_options cli_select_options(const struct cli_values *values);
headsift_task_options cli_task_options(const struct cli_values *values);
/** @param lengths where the caller puts those of --lengths; n_lengths stays 0. */
headsift_bench_options cli_bench_options(const struct cli_values *values, const int32_t *lengths);

/** One line on stderr, of the given level. */
void cli_say(struct cli_call *call, headsift_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
