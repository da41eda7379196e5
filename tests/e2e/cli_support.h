/* Runs the built command through sh and keeps what it printed.
 * stdout, stderr and the exit code apart. */
#ifndef HS_TESTS_CLI_SUPPORT_H
#define HS_TESTS_CLI_SUPPORT_H

#include "support.h"

#include <sys/types.h>

#include "base/memory.h"

/** What the last cli() printed. */
struct cli_output {
    int code;
    struct hs_buffer out, err; /**< with a NUL behind them */
};

/** Runs a shell line in the test's folder. "headsift" is the built command, $MODEL the demo model, $HEADS the golden
 *  heads, $DATA the test data. */
const struct cli_output *cli(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Makes and enters an empty folder of this build's scratch folder. */
void cli_folder(const char *name);

/** Starts "headsift ARGUMENTS" in the background, stdout and stderr to the files "out" and "err". */
pid_t cli_start(const char *arguments);
/** Waits for it: the exit code. */
int cli_wait(pid_t child);

void assert_code(const struct cli_output *output, int code);
/** stderr is exactly one line, and it holds `part`. */
void assert_one_error(const struct cli_output *output, const char *part);
size_t count_lines(const struct hs_buffer *text);

#endif
