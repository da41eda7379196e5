/* What a rank writes of itself: the report, the metrics against the grammar of Prometheus' text format, the log.
 * The clock is the test's. */
#define _GNU_SOURCE
#include "support.h"

#include <math.h>
#include <regex.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "influence/rank_report.h"

static const time_t begin = 1767225600; /* 2026-01-01T00:00:00Z */

static char folder[512];

static int set_up(void **state) {
    (void)state;
    char line[1200];
    test_scratch(folder, sizeof folder, "rank_report");
    snprintf(line, sizeof line, "rm -rf '%s' && mkdir -p '%s'", folder, folder);
    return system(line);
}

static const char *path_of(const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* hs_free it. */
static char *text_of(const char *name) {
    struct hs_buffer text = {0};
    hs_buffer_append(&text, "", 0);
    assert_int_equal(hs_file_read(path_of(name), 1 << 20, &text, NULL), HEADSIFT_OK);
    return text.data;
}

static json_t *report_of(const char *name) {
    json_t *report = NULL;
    headsift_error error = {0};
    if (hs_json_load(path_of(name), 1 << 20, &report, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return report;
}

static int64_t integer(const json_t *object, const char *key) {
    assert_true(json_is_integer(json_object_get(object, key)));
    return json_integer_value(json_object_get(object, key));
}

static double real(const json_t *object, const char *key) {
    assert_true(json_is_number(json_object_get(object, key)));
    return json_number_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key) {
    assert_true(json_is_string(json_object_get(object, key)));
    return json_string_value(json_object_get(object, key));
}

static void assert_near(double value, double wanted) {
    if (!(fabs(value - wanted) < 1e-9)) {
        fail_msg("%.17g, wanted %.17g", value, wanted);
    }
}

static struct hs_rank_report *open_report(int32_t rank, int32_t world, bool json_log) {
    struct hs_rank_report *report;
    headsift_error error = {0};
    if (hs_rank_open(folder, rank, world, json_log, begin, &report, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return report;
}

static void update(struct hs_rank_report *report, struct hs_rank_state state) {
    assert_int_equal(hs_rank_update(report, &state, begin + (time_t)state.seconds, NULL), HEADSIFT_OK);
}

static struct hs_rank_state state_at(double seconds, int64_t tokens) {
    return (struct hs_rank_state){.seconds = seconds,
                                  .documents = tokens / 100,
                                  .tokens = tokens,
                                  .unscored = 2,
                                  .units = 20,
                                  .units_done = 7,
                                  .work = 1000,
                                  .work_before = 100,
                                  .work_done = 350,
                                  .part = "part-00001-00007-a.parquet",
                                  .part_share = 0.5,
                                  .part_documents = 11,
                                  .part_tokens = 1100};
}

static void a_report_says_how_far_the_rank_is(void **state) {
    (void)state;
    struct hs_rank_report *report = open_report(3, 12, false);
    json_t *first = report_of("_ranks/rank-00003.json");
    assert_string_equal(string(first, "state"), "running");
    assert_true(json_is_null(json_object_get(first, "part")));
    json_decref(first);
    update(report, state_at(10, 5000));
    json_t *now = report_of("_ranks/rank-00003.json");
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    assert_string_equal(string(now, "host"), host);
    assert_int_equal(integer(now, "pid"), getpid());
    assert_int_equal(integer(now, "rank"), 3);
    assert_int_equal(integer(now, "world"), 12);
    assert_string_equal(string(now, "started"), "2026-01-01T00:00:00Z");
    assert_string_equal(string(now, "updated"), "2026-01-01T00:00:10Z");
    assert_int_equal(integer(now, "documents"), 50);
    assert_int_equal(integer(now, "tokens"), 5000);
    assert_int_equal(integer(now, "unscored"), 2);
    assert_int_equal(integer(now, "units"), 20);
    assert_int_equal(integer(now, "units_done"), 7);
    assert_near(real(now, "share"), 0.35);
    assert_near(real(now, "work_before"), 100);
    assert_near(real(now, "tokens_per_second"), 500);
    assert_string_equal(string(json_object_get(now, "part"), "name"), "part-00001-00007-a.parquet");
    assert_int_equal(integer(json_object_get(now, "part"), "tokens"), 1100);
    json_decref(now);
    assert_int_equal(hs_rank_close(report, NULL, HEADSIFT_OK, "", begin + 11, NULL), HEADSIFT_OK);
}

static void reports_are_five_seconds_apart(void **state) {
    (void)state;
    static const double seconds[] = {1, 5.9, 6, 10.9, 11.1}; /* at 1 the share is known */
    static const int64_t seen[] = {100, 100, 600, 600, 1110};
    struct hs_rank_report *report = open_report(0, 1, false);
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        update(report, state_at(seconds[i], (int64_t)(100 * seconds[i])));
        json_t *now = report_of("_ranks/rank-00000.json");
        assert_int_equal(integer(now, "tokens"), seen[i]);
        json_decref(now);
    }
    struct hs_rank_state last = state_at(11.2, 2000); /* the last report waits for nothing */
    assert_int_equal(hs_rank_close(report, &last, HEADSIFT_OK, "", begin + 10, NULL), HEADSIFT_OK);
    json_t *now = report_of("_ranks/rank-00000.json");
    assert_int_equal(integer(now, "tokens"), 2000);
    json_decref(now);
}

/* 1000 tokens/s for five minutes, then 10: two minutes later nothing of the old rate is left. */
static void the_rate_is_that_of_the_last_minutes(void **state) {
    (void)state;
    struct hs_rank_report *report = open_report(0, 1, false);
    int64_t tokens = 0;
    for (int second = 0; second <= 450; second += 5) {
        tokens += second == 0 ? 0 : second <= 300 ? 5000 : 50;
        update(report, state_at(second, tokens));
        if (second == 300 || second == 450) {
            json_t *now = report_of("_ranks/rank-00000.json");
            assert_near(real(now, "tokens_per_second"), second == 300 ? 1000 : 10);
            json_decref(now);
        }
    }
    hs_rank_close(report, NULL, HEADSIFT_OK, "", begin + 450, NULL);
}

static void the_end_says_how_it_ended(void **state) {
    (void)state;
    static const struct {
        headsift_status status;
        const char *state;
    } cases[] = {{HEADSIFT_OK, "done"},
                 {HEADSIFT_UNSCORED, "done"},
                 {HEADSIFT_STOPPED, "stopped"},
                 {HEADSIFT_NO_SPACE, "failed"},
                 {HEADSIFT_FAILED, "failed"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hs_rank_report *report = open_report(5, 6, false);
        struct hs_rank_state last = state_at(3, 300);
        assert_int_equal(hs_rank_close(report, &last, cases[i].status, "a \"quoted\" \x1B[2J line", begin + 3, NULL),
                         HEADSIFT_OK);
        char *raw = text_of("_ranks/rank-00005.json");
        assert_null(strchr(raw, '\x1B'));
        hs_free(raw);
        json_t *now = report_of("_ranks/rank-00005.json");
        assert_string_equal(string(now, "state"), cases[i].state);
        assert_string_equal(string(now, "message"), "a \"quoted\" \x1B[2J line");
        json_decref(now);
    }
    assert_int_equal(hs_rank_close(NULL, NULL, HEADSIFT_OK, "", begin, NULL), HEADSIFT_OK);
}

/* ---- Metrics ---- */

static bool matches(const char *pattern, const char *line, regmatch_t *groups, size_t n) {
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED), 0);
    bool match = regexec(&regex, line, n, groups, 0) == 0;
    regfree(&regex);
    return match;
}

/* The text format 0.0.4, line by line: HELP, TYPE, then samples of that metric; counters end with _total. */
static void check_metrics(char *text) {
    char name[128] = "", type[16] = "", seen[4096] = " ", samples[4096] = " ";
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        regmatch_t group[4];
        if (matches("^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ([^\\]|\\\\|\\n)+$", line, group, 4)) {
            snprintf(name, sizeof name, "%.*s", (int)(group[1].rm_eo - group[1].rm_so), line + group[1].rm_so);
            char key[140];
            snprintf(key, sizeof key, " %s ", name);
            assert_null(strstr(seen, key)); /* one HELP a metric */
            strncat(seen, key + 1, sizeof seen - strlen(seen) - 1);
            type[0] = '\0';
        } else if (matches("^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)$", line, group, 4)) {
            assert_int_equal(strncmp(line + group[1].rm_so, name, strlen(name)), 0);
            snprintf(type, sizeof type, "%s", line + group[2].rm_so);
            bool total = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
            assert_int_equal(strcmp(type, "counter") == 0, total);
        } else {
            const char *label = "[a-zA-Z_][a-zA-Z0-9_]*=\"([^\"\\]|\\\\[\\\"n])*\"";
            char pattern[512], key[256];
            snprintf(pattern, sizeof pattern, "^([a-zA-Z_:][a-zA-Z0-9_:]*\\{%s(,%s)*\\}) ([^ ]+)$", label, label);
            regmatch_t parts[6];
            if (!matches(pattern, line, parts, 6)) {
                fail_msg("no line of the format: %s", line);
            }
            assert_true(type[0] != '\0' && strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == '{');
            snprintf(key, sizeof key, " %.*s ", (int)parts[1].rm_eo, line);
            assert_null(strstr(samples, key)); /* each series once */
            strncat(samples, key + 1, sizeof samples - strlen(samples) - 1);
            char *end;
            const char *value = strrchr(line, ' ') + 1;
            assert_true(isfinite(strtod(value, &end)) && *end == '\0' && end != value);
        }
    }
    assert_non_null(strstr(seen, " headsift_tokens_total "));
}

static void metrics_are_of_the_text_format(void **state) {
    (void)state;
    struct hs_rank_report *report = open_report(3, 12, false);
    char *text = text_of("_ranks/rank-00003.prom");
    check_metrics(text);
    hs_free(text);
    update(report, state_at(10, 123456789012345));
    text = text_of("_ranks/rank-00003.prom");
    static const char *const lines[] = {"\nheadsift_tokens_total{rank=\"3\",world=\"12\"} 123456789012345\n",
                                        "\nheadsift_unscored_documents_total{rank=\"3\",world=\"12\"} 2\n",
                                        "\nheadsift_done_ratio{rank=\"3\",world=\"12\"} 0.35\n",
                                        "\nheadsift_units_done{rank=\"3\",world=\"12\"} 7\n",
                                        "\nheadsift_start_time_seconds{rank=\"3\",world=\"12\"} 1767225600\n",
                                        "\nheadsift_rank_state{rank=\"3\",world=\"12\",state=\"running\"} 1\n",
                                        "\nheadsift_rank_state{rank=\"3\",world=\"12\",state=\"failed\"} 0\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strstr(text, lines[i]) == NULL) {
            fail_msg("no%sin\n%s", lines[i], text);
        }
    }
    check_metrics(text);
    hs_free(text);
    hs_rank_close(report, NULL, HEADSIFT_FAILED, "x", begin + 20, NULL);
    text = text_of("_ranks/rank-00003.prom");
    assert_non_null(strstr(text, "state=\"failed\"} 1\n"));
    assert_non_null(strstr(text, "state=\"running\"} 0\n"));
    hs_free(text);
}

/* ---- The log ---- */

static void log_lines_have_a_time_and_are_added(void **state) {
    (void)state;
    for (int call = 0; call < 2; call++) {
        struct hs_rank_report *report = open_report(1, 2, false);
        hs_rank_log(report, HEADSIFT_LOG_INFO, call == 0 ? "one" : "two", begin + 60 * call);
        hs_rank_log(report, HEADSIFT_LOG_WARNING, "odd \x1B[2J\nname", begin + 60 * call + 1);
        hs_rank_close(report, NULL, HEADSIFT_OK, "", begin + 100, NULL);
    }
    char *text = text_of("_ranks/rank-00001.log");
    assert_string_equal(text, "2026-01-01T00:00:00Z info one\n2026-01-01T00:00:01Z warning odd \\x1b[2J\\nname\n"
                              "2026-01-01T00:01:00Z info two\n2026-01-01T00:01:01Z warning odd \\x1b[2J\\nname\n");
    hs_free(text);
    hs_rank_log(NULL, HEADSIFT_LOG_INFO, "nowhere", begin);
}

static void a_json_log_has_an_object_a_line(void **state) {
    (void)state;
    struct hs_rank_report *report = open_report(1, 2, true);
    hs_rank_log(report, HEADSIFT_LOG_WARNING, "odd \x1B[2J\nname", begin);
    hs_rank_close(report, NULL, HEADSIFT_OK, "", begin, NULL);
    char *text = text_of("_ranks/rank-00001.log");
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    json_t *line = json_loads(text, 0, NULL);
    assert_string_equal(string(line, "time"), "2026-01-01T00:00:00Z");
    assert_string_equal(string(line, "level"), "warning");
    assert_int_equal(integer(line, "rank"), 1);
    assert_string_equal(string(line, "message"), "odd \x1B[2J\nname");
    json_decref(line);
    hs_free(text);
}

/* ---- Files ---- */

static void only_its_own_files_are_left(void **state) {
    (void)state;
    struct hs_rank_report *report = open_report(1, 2, false);
    update(report, state_at(10, 10));
    hs_rank_close(report, NULL, HEADSIFT_OK, "", begin, NULL);
    char line[1200];
    snprintf(line, sizeof line,
             "test \"$(ls '%s/_ranks' | tr '\\n' ' ')\" = 'rank-00001.json rank-00001.log "
             "rank-00001.prom '",
             folder);
    assert_int_equal(system(line), 0);
}

static void a_place_that_can_not_be_written_is_one_line(void **state) {
    (void)state;
    struct hs_rank_report *report;
    headsift_error error = {0};
    assert_int_equal(hs_file_write(path_of("_ranks"), "x", 1, NULL), HEADSIFT_OK);
    assert_int_equal(hs_rank_open(folder, 0, 1, false, begin, &report, &error), HEADSIFT_FAILED);
    assert_null(report);
    assert_non_null(strstr(error.message, "_ranks"));
    assert_int_equal(unlink(path_of("_ranks")), 0);
    report = open_report(0, 1, false);
    assert_int_equal(unlink(path_of("_ranks/rank-00000.json")), 0);
    assert_int_equal(mkdir(path_of("_ranks/rank-00000.json"), 0777), 0);
    struct hs_rank_state now = state_at(10, 10);
    assert_int_equal(hs_rank_update(report, &now, begin, &error), HEADSIFT_FAILED); /* the call itself goes on */
    assert_non_null(strstr(error.message, "rank-00000.json"));
    hs_rank_close(report, NULL, HEADSIFT_OK, "", begin, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_report_says_how_far_the_rank_is, set_up),
        cmocka_unit_test_setup(reports_are_five_seconds_apart, set_up),
        cmocka_unit_test_setup(the_rate_is_that_of_the_last_minutes, set_up),
        cmocka_unit_test_setup(the_end_says_how_it_ended, set_up),
        cmocka_unit_test_setup(metrics_are_of_the_text_format, set_up),
        cmocka_unit_test_setup(log_lines_have_a_time_and_are_added, set_up),
        cmocka_unit_test_setup(a_json_log_has_an_object_a_line, set_up),
        cmocka_unit_test_setup(only_its_own_files_are_left, set_up),
        cmocka_unit_test_setup(a_place_that_can_not_be_written_is_one_line, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
