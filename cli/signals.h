/* The stop flag: SIGTERM, SIGINT and SIGUSR1 ask for a stop after the batch, a second SIGINT leaves at once (130).
 * SIGPIPE is ignored, so that a closed pipe is a write error that can be told apart. */
#ifndef HEADSIFT_CLI_SIGNALS_H
#define HEADSIFT_CLI_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/** @param stoppable false: the command does not look at the flag, so the signals end it as usual. */
void cli_signals_install(bool stoppable);
const volatile sig_atomic_t *cli_stop_flag(void);
/** Ends the process as SIGPIPE would have. */
void cli_die_of_pipe(void);

#endif
