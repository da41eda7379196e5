/* Log and progress lines on stderr: one line rewritten in place on a terminal, a plain line every 30 s otherwise.
 * Text that others wrote is escaped before it gets there. */
#ifndef HEADSIFT_CLI_MONITOR_H
#define HEADSIFT_CLI_MONITOR_H

#include "headsift/headsift.h"

struct cli_monitor {
    headsift_monitor callbacks; /**< what the library is given */
    bool quiet, verbose, json, terminal;
    bool line_open;     /**< a progress line stands on the terminal */
    char stage[16];     /**< of the last progress */
    double first_share; /**< where this stage began: work of earlier calls is not this call's speed */
    double last;        /**< seconds of the stage at the last line */
};

void cli_monitor_open(struct cli_monitor *monitor, bool quiet, bool verbose, bool json,
                      const volatile sig_atomic_t *stop);
/** Ends a progress line that stands on the terminal. */
void cli_monitor_close(struct cli_monitor *monitor);
/** "headsift: MESSAGE", or a JSON object. Works before cli_monitor_open on a zeroed struct. */
void cli_monitor_error(struct cli_monitor *monitor, const char *message);

#endif
