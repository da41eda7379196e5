/* The command's log and progress lines, on a terminal (a pty), in a file, and as JSON.
 * The seconds come with the progress: no test looks at a clock. */
#define _GNU_SOURCE
#include "support.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "../cli/monitor.h"

/* What a test prints on stderr, kept. */
struct screen {
    int saved, reader;
    char text[8192];
};

static void turn_stderr_to(struct screen *screen, int writer) {
    fflush(stderr);
    screen->saved = dup(STDERR_FILENO);
    assert_true(screen->saved >= 0 && dup2(writer, STDERR_FILENO) == STDERR_FILENO);
    close(writer);
    assert_int_equal(fcntl(screen->reader, F_SETFL, O_NONBLOCK), 0);
}

static void open_terminal(struct screen *screen) {
    screen->reader = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(screen->reader >= 0 && grantpt(screen->reader) == 0 && unlockpt(screen->reader) == 0);
    int terminal = open(ptsname(screen->reader), O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    turn_stderr_to(screen, terminal);
}

static void open_file(struct screen *screen) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    screen->reader = ends[0];
    turn_stderr_to(screen, ends[1]);
}

static const char *close_screen(struct screen *screen) {
    fflush(stderr);
    ssize_t got = 0, n = 0;
    while ((got = read(screen->reader, screen->text + n, sizeof screen->text - 1 - (size_t)n)) > 0) {
        n += got;
    }
    screen->text[n] = '\0';
    dup2(screen->saved, STDERR_FILENO);
    close(screen->saved);
    close(screen->reader);
    return screen->text;
}

static void assert_near(double value, double wanted) {
    if (!(fabs(value - wanted) < 1e-9)) {
        fail_msg("%.17g, wanted %.17g", value, wanted);
    }
}

static void tell(struct cli_monitor *monitor, const char *stage, int64_t documents, int64_t tokens, double seconds,
                 double share) {
    headsift_progress progress = {stage, documents, tokens, seconds, share};
    monitor->callbacks.progress(monitor, &progress);
}

static void a_terminal_has_one_line_with_the_time_left(void **state) {
    (void)state;
    struct screen screen;
    struct cli_monitor monitor;
    open_terminal(&screen);
    cli_monitor_open(&monitor, false, false, false, NULL);
    tell(&monitor, "score", 0, 0, 0, 0.1);          /* a tenth was done before this call */
    tell(&monitor, "score", 90, 9000, 0.1, 0.2);    /* too soon to be shown */
    tell(&monitor, "score", 850, 84200, 10, 0.325); /* 22.5 % in 10 s, 67.5 % to go */
    monitor.callbacks.log(&monitor, HEADSIFT_LOG_INFO, "a \x1B[31mred\x1B[0m name");
    tell(&monitor, "score", 20000, 1234567, 4000, 0.9);
    cli_monitor_close(&monitor);
    assert_string_equal(close_screen(&screen),
                        "\rscore: 850 documents, 84.2k tokens, 8420 tokens/s, 32.5 % done, 30s left\033[K"
                        "\r\033[Ka \\x1b[31mred\\x1b[0m name\r\n"
                        "\rscore: 20000 documents, 1.2M tokens, 309 tokens/s, 90.0 % done, 8m20s left\033[K"
                        "\r\033[K");
}

static void what_is_not_known_is_not_said(void **state) {
    (void)state;
    struct screen screen;
    struct cli_monitor monitor;
    open_terminal(&screen);
    cli_monitor_open(&monitor, false, false, false, NULL);
    tell(&monitor, "score", 5, 100, 0.5, -1);
    tell(&monitor, "heads", 0, 0, 0.3, 0); /* a new stage begins anew */
    tell(&monitor, "heads", 1, 10, 1, 0.5);
    assert_string_equal(close_screen(&screen),
                        "\rscore: 5 documents, 100 tokens, 200 tokens/s\033[K"
                        "\rheads: 0 documents, 0 tokens, 0 tokens/s\033[K"
                        "\rheads: 1 documents, 10 tokens, 10 tokens/s, 50.0 % done, 1s left\033[K");
}

static void a_file_gets_a_plain_line_every_half_minute(void **state) {
    (void)state;
    struct screen screen;
    struct cli_monitor monitor;
    open_file(&screen);
    cli_monitor_open(&monitor, false, false, false, NULL);
    for (int second = 0; second <= 75; second += 5) {
        tell(&monitor, "score", second, second * 1000, second, second / 150.0);
    }
    cli_monitor_close(&monitor);
    assert_string_equal(close_screen(&screen),
                        "score: 30 documents, 30.0k tokens, 1000 tokens/s, 20.0 % done, 2m00s left\n"
                        "score: 60 documents, 60.0k tokens, 1000 tokens/s, 40.0 % done, 1m30s left\n");
}

static void json_lines_hold_the_figures(void **state) {
    (void)state;
    struct screen screen;
    struct cli_monitor monitor;
    open_terminal(&screen);
    cli_monitor_open(&monitor, false, false, true, NULL);
    monitor.callbacks.log(&monitor, HEADSIFT_LOG_WARNING, "odd \x1B name");
    tell(&monitor, "score", 40, 4000, 40, 0.25);
    const char *text = close_screen(&screen), *second = strchr(text, '\n');
    assert_non_null(second);
    assert_null(strchr(text, '\033'));
    json_t *log = json_loadb(text, (size_t)(second - text), 0, NULL), *progress = json_loads(second, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(log, "message")), "odd \x1B name");
    assert_string_equal(json_string_value(json_object_get(log, "level")), "warning");
    assert_int_equal(json_integer_value(json_object_get(progress, "documents")), 40);
    assert_int_equal(json_integer_value(json_object_get(progress, "tokens")), 4000);
    assert_near(json_real_value(json_object_get(progress, "tokens_per_second")), 100);
    assert_near(json_real_value(json_object_get(progress, "share")), 0.25);
    assert_near(json_real_value(json_object_get(progress, "seconds_left")), 120);
    json_decref(log);
    json_decref(progress);
}

static void quiet_says_warnings_alone(void **state) {
    (void)state;
    struct screen screen;
    struct cli_monitor monitor;
    open_file(&screen);
    cli_monitor_open(&monitor, true, false, false, NULL);
    monitor.callbacks.log(&monitor, HEADSIFT_LOG_INFO, "news");
    monitor.callbacks.log(&monitor, HEADSIFT_LOG_WARNING, "trouble");
    tell(&monitor, "score", 40, 4000, 40, 0.25);
    assert_string_equal(close_screen(&screen), "headsift: warning: trouble\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal_has_one_line_with_the_time_left),
        cmocka_unit_test(what_is_not_known_is_not_said),
        cmocka_unit_test(a_file_gets_a_plain_line_every_half_minute),
        cmocka_unit_test(json_lines_hold_the_figures),
        cmocka_unit_test(quiet_says_warnings_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
