/* See monitor.h. No colours: NO_COLOR has nothing to turn off.
 * What a document or file name holds is escaped before it is printed. */
#define _GNU_SOURCE
#include "monitor.h"

#include <string.h>
#include <unistd.h>

#include "base/human.h"
#include "base/text.h"

static const double TERMINAL_INTERVAL = 0.2, PLAIN_INTERVAL = 30;

static void clear_line(struct cli_monitor *monitor) {
    if (monitor->line_open) {
        fputs("\r\033[K", stderr);
        monitor->line_open = false;
    }
}

/* @param more  further members, each with a comma before it */
static void print_json(const char *level, const char *message, const char *more) {
    struct hs_buffer quoted = {0};
    char stamp[HS_STAMP];
    hs_stamp_write(time(NULL), stamp);
    if (hs_json_quote(&quoted, message, strlen(message))) {
        fprintf(stderr, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":%s%s}\n", stamp, level, quoted.data, more);
    }
    hs_buffer_free(&quoted);
}

static void on_log(void *user, headsift_log_level level, const char *text) {
    static const char *const names[] = {"debug", "info", "warning"};
    struct cli_monitor *monitor = user;
    if ((monitor->quiet && level < HEADSIFT_LOG_WARNING) || (!monitor->verbose && level < HEADSIFT_LOG_INFO)) {
        return;
    }
    clear_line(monitor);
    if (monitor->json) {
        print_json(names[level], text, "");
        return;
    }
    char line[2048];
    hs_escape_line(text, strlen(text), line, sizeof line);
    fprintf(stderr, "%s%s\n", level == HEADSIFT_LOG_WARNING ? "headsift: warning: " : "", line);
}

/* Seconds, at the pace of this call; negative where it can't be told. */
static double time_left(const struct cli_monitor *monitor, const headsift_progress *progress) {
    double gained = progress->share - monitor->first_share;
    return progress->share >= 0 && gained > 0 ? progress->seconds * (1 - progress->share) / gained : -1;
}

static double rate_of(const headsift_progress *progress) {
    return progress->seconds > 0 ? (double)progress->tokens / progress->seconds : 0;
}

static void format_progress(const struct cli_monitor *monitor, const headsift_progress *progress, char *out,
                            size_t size) {
    char tokens[24], rate[24], left[24], part[80] = "";
    hs_human_count((double)progress->tokens, tokens, sizeof tokens);
    hs_human_count(rate_of(progress), rate, sizeof rate);
    double seconds = time_left(monitor, progress);
    if (seconds >= 0) {
        hs_human_time(seconds, left, sizeof left);
        snprintf(part, sizeof part, ", %.1f %% done, %s left", 100 * progress->share, left);
    }
    snprintf(out, size, "%s: %lld documents, %s tokens, %s tokens/s%s", progress->stage, (long long)progress->documents,
             tokens, rate, part);
}

/* The figures of a progress line for machines: what is not known is left out. */
static void format_figures(const struct cli_monitor *monitor, const headsift_progress *progress, char *out,
                           size_t size) {
    char part[80] = "";
    double seconds = time_left(monitor, progress);
    if (seconds >= 0) {
        snprintf(part, sizeof part, ",\"share\":%.6f,\"seconds_left\":%.1f", progress->share, seconds);
    }
    snprintf(out, size, ",\"stage\":\"%s\",\"documents\":%lld,\"tokens\":%lld,\"tokens_per_second\":%.1f%s",
             progress->stage, (long long)progress->documents, (long long)progress->tokens, rate_of(progress), part);
}

static void begin_stage(struct cli_monitor *monitor, const headsift_progress *progress) {
    snprintf(monitor->stage, sizeof monitor->stage, "%s", progress->stage);
    monitor->first_share = progress->documents == 0 && progress->share > 0 ? progress->share : 0; /* done before */
    monitor->last = 0;
}

static void on_progress(void *user, const headsift_progress *progress) {
    struct cli_monitor *monitor = user;
    if (strcmp(monitor->stage, progress->stage) != 0) {
        begin_stage(monitor, progress);
    }
    double interval = monitor->terminal ? TERMINAL_INTERVAL : PLAIN_INTERVAL;
    if (monitor->quiet || progress->seconds < monitor->last + interval) {
        return;
    }
    monitor->last = progress->seconds;
    char line[256];
    format_progress(monitor, progress, line, sizeof line);
    if (monitor->json) {
        char figures[256];
        format_figures(monitor, progress, figures, sizeof figures);
        print_json("progress", line, figures);
    } else if (monitor->terminal) {
        fprintf(stderr, "\r%s\033[K", line);
        monitor->line_open = true;
    } else {
        fprintf(stderr, "%s\n", line);
    }
}

void cli_monitor_open(struct cli_monitor *monitor, bool quiet, bool verbose, bool json,
                      const volatile sig_atomic_t *stop) {
    *monitor = (struct cli_monitor){.quiet = quiet, .verbose = verbose, .json = json};
    monitor->terminal = !json && isatty(STDERR_FILENO) == 1;
    monitor->callbacks = (headsift_monitor){on_log, on_progress, monitor, stop};
}

void cli_monitor_close(struct cli_monitor *monitor) { clear_line(monitor); }

void cli_monitor_error(struct cli_monitor *monitor, const char *message) {
    clear_line(monitor);
    if (monitor->json) {
        print_json("error", message, "");
    } else {
        fprintf(stderr, "headsift: %s\n", message);
    }
}
