/* The command: finds what to do in a table, does it, and turns its status into the exit code.
 * Results go to stdout, everything else to stderr. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "common.h"
#include "signals.h"

static const struct cli_command *const commands[] = {
    &cli_run,   &cli_probe,  &cli_heads,   &cli_score, &cli_select, &cli_status,  &cli_eval,     &cli_compare,
    &cli_judge, &cli_report, &cli_explain, &cli_mask,  &cli_join,   &cli_inspect, &cli_tokenize, &cli_bench,
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *stream) {
    fputs("Usage: headsift COMMAND [FLAG...] [ARGUMENT...]\n"
          "Chooses pretraining text by how much a model's loss rises when its retrieval heads are masked.\n\n",
          stream);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        fprintf(stream, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    fputs(
        "\nheadsift COMMAND --help lists a command's flags. HEADSIFT_<FLAG> in the environment sets a flag's default.\n"
        "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some documents have no score, 4 stopped by a signal\n"
        "(the same command goes on), 5 no space.\n",
        stream);
}

static const struct cli_command *find_command(const char *name, headsift_error *error) {
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i]->name;
        if (strcmp(name, names[i]) == 0) {
            return commands[i];
        }
    }
    const char *meant = cli_closest(name, names, N_COMMANDS);
    hs_fail(error, HEADSIFT_USAGE, "there is no command %.100s%s%s%s; headsift --help lists them", name,
            meant != NULL ? " (did you mean " : "", meant != NULL ? meant : "", meant != NULL ? "?)" : "");
    return NULL;
}

static bool reader_is_gone(void) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/* Flushes stdout. A result that could not be written is a failure; a reader that left is none to talk about. */
static headsift_status finish_stdout(headsift_status status, headsift_error *error) {
    errno = 0;
    bool failed_before = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !failed_before) {
        return status;
    }
    int reason = errno != 0 ? errno : EIO;
    if (reader_is_gone()) {
        cli_die_of_pipe();
    }
    if (failed_before && errno == 0 && write(STDOUT_FILENO, "\n", 1) < 0) {
        reason = errno; /* the first failure's reason is lost: ask again */
    }
    return hs_fail_errno(error, reason, "can't write to stdout");
}

static headsift_status run_command(const struct cli_command *command, int argc, char **argv, struct cli_call *call,
                                   headsift_error *error) {
    call->command = command;
    headsift_status status = cli_parse(command, argc, argv, &call->values, error);
    if (status == HEADSIFT_OK) {
        cli_signals_install(command->stoppable);
        cli_monitor_open(&call->monitor, call->values.quiet, call->values.verbose, call->values.log_format == 1,
                         cli_stop_flag());
        status = command->run(call, error);
        cli_monitor_close(&call->monitor);
    }
    cli_values_free(&call->values);
    return finish_stdout(status, error);
}

/* Words that are no command. Returns false where the first argument is one. */
static bool handle_plain_words(int argc, char **argv, headsift_status *status) {
    const char *word = argc > 1 ? argv[1] : "";
    *status = HEADSIFT_OK;
    if (argc < 2) {
        print_help(stderr);
        *status = HEADSIFT_USAGE;
    } else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("headsift %s\n", HEADSIFT_VERSION);
    } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help(stdout);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv) {
    headsift_error error = {0};
    headsift_status status;
    struct cli_call call = {0};
    if (handle_plain_words(argc, argv, &status)) {
        status = finish_stdout(status, &error);
    } else {
        const struct cli_command *command = find_command(argv[1], &error);
        status = command != NULL ? run_command(command, argc - 1, argv + 1, &call, &error) : HEADSIFT_USAGE;
    }
    if (status != HEADSIFT_OK && error.message[0] != '\0') {
        cli_monitor_error(&call.monitor, error.message);
    }
    return (int)status;
}
