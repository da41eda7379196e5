/* What headsift status makes of ranks' reports: who is silent, who lags, who never reported, when it will end.
 * And that it shows what other machines wrote harmlessly, and thousands of ranks in a few lines. */
#define _GNU_SOURCE
#include "status_support.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

static int set_up(void **state) {
    (void)state;
    status_folder("status_ranks");
    put_settings(1, 0);
    put_index(0, 4, 10, 100);
    return 0;
}

static const struct hs_rank *find(const struct hs_folder *folder, int rank) {
    for (size_t i = 0; i < folder->ranks.n; i++) {
        if (folder->ranks.items[i].rank == rank) {
            return &folder->ranks.items[i];
        }
    }
    fail_msg("no rank %d", rank);
    return NULL;
}

static void a_rank_without_news_for_two_minutes_is_silent(void **state) {
    (void)state;
    static const struct {
        const char *state;
        int age;
        enum hs_rank_seen seen;
    } cases[] = {{"running", 1, HS_RANK_RUNNING},  {"running", 120, HS_RANK_RUNNING}, {"running", 121, HS_RANK_SILENT},
                 {"done", 9999, HS_RANK_DONE},     {"stopped", 999, HS_RANK_STOPPED}, {"failed", 999, HS_RANK_FAILED},
                 {"running", -50, HS_RANK_RUNNING}}; /* its clock is ahead */
    for (int i = 0; i < 7; i++) {
        put_rank((struct told){.rank = i, .world = 7, .state = cases[i].state, .age = cases[i].age});
    }
    struct hs_folder folder = see();
    for (int i = 0; i < 7; i++) {
        assert_int_equal(find(&folder, i)->state, cases[i].seen);
    }
    assert_int_equal(folder.ranks_in[HS_RANK_RUNNING], 3);
    assert_near(folder.rate, 30); /* not of those that do not run */
    assert_string_equal(folder.state, "running");
    hs_folder_free(&folder);
}

/* Half of 100 is done with 1000 tokens: at 10 tokens/s the rest takes 100 s, at 6 167 s, at 4 250 s. */
static void a_rank_that_ends_late_lags(void **state) {
    (void)state;
    static const double rates[] = {10, 10, 10, 6, 4};
    for (int i = 0; i < 5; i++) {
        put_rank((struct told){.rank = i, .world = 11, .rate = rates[i]});
    }
    for (int i = 5; i < 11; i++) { /* does not move the median */
        put_rank((struct told){.rank = i, .world = 11, .state = "done", .done = 100});
    }
    struct hs_folder folder = see();
    for (int i = 0; i < 5; i++) {
        assert_near(find(&folder, i)->left, 1000 / rates[i]);
        assert_int_equal(find(&folder, i)->state, i < 3 ? HS_RANK_RUNNING : HS_RANK_LAGGING);
    }
    assert_int_equal(folder.ranks.items[0].rank, 4); /* the worst first */
    assert_near(folder.left, 250); /* all of them do the 400 bytes in 200 s, but not the slowest one its own 50 */
    hs_folder_free(&folder);
    put_index(0, 4, 10, 200);
    folder = see();
    assert_near(folder.left, 800 / (0.5 + 0.5 + 0.5 + 0.3 + 0.2)); /* more than the ranks that run call their own */
    hs_folder_free(&folder);
}

static void a_rank_at_its_beginning_has_no_time_left(void **state) {
    (void)state;
    put_rank((struct told){.rank = 0, .world = 1, .done = 1e-300});
    struct hs_folder folder = see();
    assert_true(find(&folder, 0)->left > 1e6);
    hs_folder_free(&folder);
    put("_ranks/rank-00000.json",
        "{\"rank\":0,\"world\":1,\"pid\":1,\"state\":\"running\",\"started\":\"2026-01-01T00:00:00Z\","
        "\"updated\":\"2026-01-01T00:00:00Z\",\"seconds\":0,\"documents\":0,\"tokens\":0,\"unscored\":0,\"units\":4,"
        "\"units_done\":0,\"work\":400,\"work_before\":0,\"work_done\":0,\"tokens_per_second\":0}");
    folder = see();
    assert_int_equal(folder.problems.n, 0);
    assert_true(find(&folder, 0)->left < 0 && folder.left < 0);
    hs_folder_free(&folder);
    assert_non_null(strstr(seen_text(false), "time left not known"));
    assert_non_null(strstr(seen_json(), "\"seconds_left\":null"));
}

static void a_rank_that_looks_for_its_share_has_none(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "_ranks/rank-%05d.json", i);
        put(name,
            "{\"rank\":%d,\"world\":2,\"pid\":1,\"state\":\"%s\",\"started\":\"2026-01-01T00:00:00Z\","
            "\"updated\":\"2026-01-01T00:00:00Z\",\"seconds\":9,\"documents\":0,\"tokens\":0,\"unscored\":0,\"units\":"
            "0,"
            "\"units_done\":0,\"work\":0,\"work_before\":0,\"work_done\":0,\"tokens_per_second\":0}",
            i, i == 0 ? "running" : "done");
    }
    struct hs_folder folder = see();
    assert_true(hs_rank_share(find(&folder, 0)) < 0 && find(&folder, 0)->left < 0);
    assert_near(hs_rank_share(find(&folder, 1)), 1);
    hs_folder_free(&folder);
    assert_non_null(strstr(seen_text(false), "     0  running        -        0/0 "));
    assert_non_null(strstr(seen_text(false), "     1  done     100.0 %        0/0 "));
    assert_non_null(strstr(seen_json(), "\"share\":null,\"tokens_per_second\""));
}

static void the_part_in_work_counts(void **state) {
    (void)state;
    put_done(0, 0);
    put_rank((struct told){.rank = 0, .world = 3, .part = "part-00000-00001-x.parquet", .share = 0.5});
    put_rank((struct told){.rank = 1, .world = 3, .part = "part-00000-00001-x.parquet", .share = 0.25}); /* the same */
    put_rank((struct told){.rank = 2, .world = 3, .part = "part-00000-00000-x.parquet", .share = 0.5}); /* done since */
    struct hs_folder folder = see();
    assert_near(folder.share, 1.5 / 4);
    assert_int_equal(folder.documents, 14);
    assert_int_equal(folder.tokens, 1400);
    assert_int_equal(folder.working, 1);
    hs_folder_free(&folder);
    for (int i = 0; i < 2; i++) { /* a rank that stopped keeps its rows, and is at nothing */
        put_rank((struct told){
            .rank = i, .world = 3, .state = "stopped", .part = "part-00000-00001-x.parquet", .share = 0.5});
    }
    put_rank((struct told){.rank = 2, .world = 3, .state = "done", .done = 100});
    folder = see();
    assert_near(folder.share, 1.5 / 4);
    assert_int_equal(folder.working, 0);
    assert_string_equal(folder.state, "stopped");
    hs_folder_free(&folder);
}

static void reports_of_another_number_of_ranks_are_history(void **state) {
    (void)state;
    for (int i = 2; i < 7; i++) {
        put_rank((struct told){.rank = i, .world = 7, .state = i == 6 ? "running" : "failed", .age = 5000});
    }
    put_rank((struct told){.rank = 5, .world = 7, .started = 7200}); /* still at it */
    for (int i = 0; i < 2; i++) {
        put_rank((struct told){.rank = i, .world = 4, .started = 100});
    }
    struct hs_folder folder = see();
    assert_int_equal(folder.ranks.world, 4);
    assert_int_equal(folder.earlier, 4);
    assert_int_equal(folder.ranks_in[HS_RANK_FAILED], 0);
    assert_int_equal(folder.ranks_in[HS_RANK_SILENT], 0);
    assert_int_equal(folder.ranks_in[HS_RANK_RUNNING], 3);
    assert_int_equal(folder.ranks.n_missing, 2);
    assert_int_equal(folder.ranks.missing[0], 2);
    assert_int_equal(folder.ranks.missing[1], 3);
    hs_folder_free(&folder);
    assert_non_null(strstr(seen_text(false), "4 reports of earlier calls"));
    assert_non_null(strstr(seen_text(false), "no report 2 ranks: 2-3\n"));
}

static void a_report_that_is_none_is_a_problem(void **state) {
    (void)state;
    static const char *const reports[] = {
        "[]",
        "{\"rank\":1,\"world\":1}",
        "{\"rank\":0,\"world\":2000000000}",
        "{\"rank\":-1,\"world\":2}",
        "{\"rank\":0,\"world\":1,\"state\":\"asleep\",\"started\":\"2026-01-01T00:00:00Z\","
        "\"updated\":\"2026-01-01T00:00:00Z\"}",
        "{\"rank\":0,\"world\":1,\"state\":\"running\",\"started\":\"yesterday\",\"updated\":\"2026-01-01T00:00:00Z\"}",
        "{\"rank\":0,\"world\":1,\"state\":\"running\",\"started\":\"2026-02-31T00:00:00Z\","
        "\"updated\":\"2026-01-01T00:00:00Z\"}"};
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        put("_ranks/rank-00000.json", "%s", reports[i]);
        struct hs_folder folder = see();
        assert_int_equal(folder.ranks.n, 0);
        assert_int_equal(folder.problems.n, 1);
        assert_non_null(strstr(folder.problems.lines[0], "is no report of a rank"));
        hs_folder_free(&folder);
    }
}

static void failures_are_shown_harmlessly(void **state) {
    (void)state;
    put_rank((struct told){.rank = 0,
                           .world = 2,
                           .state = "failed",
                           .host = "evil\x1B[2J",
                           .message = "can't open \x1B]0;title\x07"
                                      "a\nb"});
    put_rank((struct told){.rank = 1,
                           .world = 2,
                           .host = "\xC2\x9B"
                                   "5m"});
    put("_parts/\x1B[31m.jsonl", "noise\n");
    const char *text = seen_text(false);
    assert_null(strchr(text, '\x1B'));
    assert_null(strstr(text, "\xC2\x9B"));
    assert_non_null(strstr(text, "rank 0 on evil\\x1b[2J: can't open \\x1b]0;title\\x07a\\nb\n"));
    assert_non_null(strstr(text, "folder    "));
    const char *raw = seen_json();
    assert_null(strchr(raw, '\x1B'));
    json_t *json = json_loads(raw, 0, NULL);
    const json_t *first = json_array_get(json_object_get(json, "ranks"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "host")), "evil\x1B[2J");
    assert_string_equal(json_string_value(json_object_get(first, "message")), "can't open \x1B]0;title\x07"
                                                                              "a\nb");
    assert_string_equal(json_string_value(json_object_get(json, "state")), "running");
    assert_int_equal(json_array_size(json_object_get(json, "problems")), 1);
    json_decref(json);
}

static size_t lines_of(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

static void thousands_of_ranks_are_a_few_lines(void **state) {
    (void)state;
    put_settings(37, 0);
    for (int i = 0; i < 37; i++) {
        put_index(i, 1200, 10, 100);
    }
    for (int i = 0; i < 2000; i++) {
        if (i % 100 != 99) {
            put_rank((struct told){.rank = i,
                                   .world = 2000,
                                   .state = i % 500 == 7 ? "failed" : "running",
                                   .message = "no memory",
                                   .age = i == 1234 ? 600 : 1,
                                   .rate = i == 77 ? 1 : 10});
        }
    }
    struct hs_folder folder = see();
    assert_int_equal(folder.all, 44400);
    assert_int_equal(folder.ranks.n, 1980);
    assert_int_equal(folder.ranks.n_missing, 20);
    assert_near(folder.rate, 10 * 1974 + 1);
    hs_folder_free(&folder);
    const char *text = seen_text(false);
    assert_in_range(lines_of(text), 15, 30);
    assert_non_null(strstr(text, "ranks     2000: 4 failed, 1 silent, 1 lagging, 1974 running\n"));
    assert_non_null(strstr(text, "no report 20 ranks: 99, 199, 299, 399, 499, 599, 699, 799, 899, 999, ...\n"));
    assert_non_null(strstr(text, "  1234  silent "));
    assert_non_null(strstr(text, "    77  lagging "));
    assert_non_null(strstr(text, "rank 1507 on node1: no memory\n"));
    assert_true(lines_of(seen_text(true)) > 1980);
    json_t *json = json_loads(seen_json(), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(json, "ranks")), 1980);
    assert_int_equal(json_array_size(json_object_get(json, "no_report")), 20);
    json_decref(json);
}

static void nothing_is_written(void **state) {
    (void)state;
    put_done(0, 0);
    put_rank((struct told){.rank = 0, .world = 1});
    char before[1200], after[1200];
    snprintf(before, sizeof before, "cd '%s' && find . -printf '%%p %%s %%T@ %%C@\\n' | sort > ../status_before",
             status_path("."));
    snprintf(after, sizeof after, "cd '%s' && find . -printf '%%p %%s %%T@ %%C@\\n' | sort | cmp - ../status_before",
             status_path("."));
    assert_int_equal(system(before), 0);
    seen_text(true);
    seen_json();
    assert_int_equal(system(after), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_rank_without_news_for_two_minutes_is_silent, set_up),
        cmocka_unit_test_setup(a_rank_that_ends_late_lags, set_up),
        cmocka_unit_test_setup(a_rank_at_its_beginning_has_no_time_left, set_up),
        cmocka_unit_test_setup(a_rank_that_looks_for_its_share_has_none, set_up),
        cmocka_unit_test_setup(the_part_in_work_counts, set_up),
        cmocka_unit_test_setup(reports_of_another_number_of_ranks_are_history, set_up),
        cmocka_unit_test_setup(a_report_that_is_none_is_a_problem, set_up),
        cmocka_unit_test_setup(failures_are_shown_harmlessly, set_up),
        cmocka_unit_test_setup(thousands_of_ranks_are_a_few_lines, set_up),
        cmocka_unit_test_setup(nothing_is_written, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
