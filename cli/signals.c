/* Handlers and the one variable they may write.
 * Only async-signal-safe calls happen in them. */
#define _GNU_SOURCE
#include "signals.h"

#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_stop(int number) {
    static const char note[] = "headsift: stopping after this batch; once more leaves at once\n";
    if (number != SIGINT) {
        stop = 1;
        return;
    }
    if (stop == 2) {
        _exit(130);
    }
    stop = 2;
    ssize_t ignored = write(STDERR_FILENO, note, sizeof note - 1);
    (void)ignored;
}

void cli_signals_install(bool stoppable) {
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
    if (!stoppable) {
        return;
    }
    action.sa_handler = on_stop;
    action.sa_flags = SA_RESTART;
    const int numbers[] = {SIGTERM, SIGINT, SIGUSR1};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], &action, NULL);
    }
}

const volatile sig_atomic_t *cli_stop_flag(void) { return &stop; }

void cli_die_of_pipe(void) {
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
}
