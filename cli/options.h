/* Flags as data: each command lists groups of flags, each flag says where its value goes and what it may be.
 * A value comes from the flag, else from HEADSIFT_<FLAG>, else stays at its default. */
#ifndef HEADSIFT_CLI_OPTIONS_H
#define HEADSIFT_CLI_OPTIONS_H

#include "headsift/headsift.h"

/** "an integer is a count, a value with a decimal point a fraction"; what was not given is 0. */
struct cli_amount {
    double fraction;
    int64_t count;
};

enum { CLI_ESCAPED_SIZE = 128 };

/** The values of a flag that may stand several times, in order; or the words of its variable. */
struct cli_list {
    char **items;
    size_t n, capacity;
};

/** Every value that any command takes. A flag has one meaning whatever the command. */
struct cli_values {
    const char *model, *output;
    int64_t threads;
    int dtype, log_format;
    bool quiet, verbose, overwrite, dry_run;

    const char *text, *prompt, *response, *id, *domain, *input_format, *files_from;
    int64_t limit;

    int64_t samples, probe_tokens, shots, seed;
    int language;
    const char *sentences, *template_path;

    const char *probe, *heads, *from;
    int method, decode;
    struct cli_amount top_heads;
    double settle;
    bool keep_noise;

    int mask, long_documents, special;
    const char *calibration;
    int64_t max_tokens, unit_size;
    char step_marker[CLI_ESCAPED_SIZE];

    int64_t rank, world; /**< rank -1: not given; world 0: not given */
    bool steal, accept_changed;

    struct cli_amount keep;
    int64_t budget, budget_total;
    double temperature;
    const char *by, *memory, *temp_dir, *rejected, *root;
    int order, output_format;

    int64_t sample, clusters;
    const char *scores;

    int64_t show;
    bool jsonl, bos;

    const char *lengths;
    int64_t repeat, mix_tokens;
    bool kernels, json;

    int64_t row;
    int format;

    double price, classifier_speed;

    int64_t documents, bytes;
    const char *answers;

    struct cli_list tasks;
    const char *fractions, *save_tasks;
    int64_t draws; /**< -1: not given */

    char **arguments; /**< what is not a flag */
    size_t n_arguments;
};
void cli_values_free(struct cli_values *values); /**< what the struct owns */

enum cli_kind {
    CLI_HEADER,
    CLI_SWITCH,
    CLI_TEXT,
    CLI_COUNT,
    CLI_SIZE,
    CLI_CHOICE,
    CLI_AMOUNT,
    CLI_REAL,
    CLI_SHARE,
    CLI_ESCAPED,
    CLI_LIST
};

struct cli_flag {
    const char *name; /**< long name; NULL: `help` is the title of the flags that follow */
    char letter;      /**< 0: none */
    const char *value;
    const char *help;
    enum cli_kind kind;
    size_t at; /**< offset in struct cli_values */
    int64_t low, high;
    const char *choices; /**< "auto|f32": the value becomes the index */
    int exclusive;       /**< not 0: of the flags with this number only one may be given */
    const char *alone;   /**< not NULL: what the flag without a value means; a value then needs `=` */
};

extern const struct cli_flag cli_common_flags[], cli_model_flags[], cli_model_path_flags[], cli_output_flags[],
    cli_input_flags[], cli_probe_flags[], cli_probe_file_flags[], cli_heads_flags[], cli_heads_file_flags[],
    cli_score_flags[], cli_select_flags[], cli_seed_flags[], cli_overwrite_flags[], cli_dry_run_flags[],
    cli_run_flags[], cli_special_flags[], cli_rank_flags[], cli_again_flags[], cli_tokenize_flags[], cli_text_flags[],
    cli_bench_flags[], cli_explain_flags[], cli_status_flags[], cli_top_heads_flags[], cli_find_flags[],
    cli_response_flags[], cli_marker_flags[], cli_judge_flags[], cli_compare_flags[], cli_task_flags[],
    cli_eval_flags[], cli_report_flags[];

enum { CLI_MAX_GROUPS = 24, CLI_MAX_FLAGS = 128 };

struct cli_call; /* common.h */

/** One command: what main.c's table is made of. */
struct cli_command {
    const char *name;
    const char *arguments; /**< for the help: "INPUT..." */
    const char *summary;
    size_t least, most; /**< how many arguments */
    bool stoppable;     /**< it looks at the stop flag */
    headsift_status (*run)(struct cli_call *call, headsift_error *error);
    const struct cli_flag *groups[CLI_MAX_GROUPS]; /**< up to a NULL */
};

/** Fills *values from the command line and the environment. Prints and exits for --help and --version.
 *  argv[0] is the command's name. @return HEADSIFT_USAGE with a hint; cli_values_free in any case. */
headsift_status cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_values *values,
                          headsift_error *error);

/** The one of `names` that `typed` probably meant, or NULL. */
const char *cli_closest(const char *typed, const char *const *names, size_t n);

/** Sets one flag's value. @param source for messages: "--limit", "HEADSIFT_LIMIT". */
headsift_status cli_set(const struct cli_flag *flag, const char *text, const char *source, struct cli_values *values,
                        headsift_error *error);

#endif
