/* What headsift status makes of a folder's units: counts, shares, and files that are missing, torn or wrong.
 * Folders are made by hand; sums are worked out beside them. */
#define _GNU_SOURCE
#include "status_support.h"

#include <string.h>

static int set_up(void **state) {
    (void)state;
    status_folder("status");
    return 0;
}

static void assert_problem(const struct hs_folder *folder, const char *part) {
    for (size_t i = 0; i < folder->problems.n; i++) {
        if (strstr(folder->problems.lines[i], part) != NULL) {
            return;
        }
    }
    fail_msg("no problem about %s", part);
}

static void units_are_done_with_a_line_and_a_part(void **state) {
    (void)state;
    put_settings(2, 0);
    put_index(0, 3, 10, 100);
    put_index(1, 1, 10, 700);
    put_done(0, 0);
    put_done(0, 2);
    put("_parts/0-other-9-9.jsonl", /* the same unit by two processes, and one whose part is not there yet */
        "{\"part\":\"part-00000-00000-x.parquet\",\"documents\":10,\"unscored\":1,\"tokens\":1000}\n"
        "{\"part\":\"part-00000-00001-x.parquet\",\"documents\":10,\"unscored\":1,\"tokens\":1000}\n");
    put("part-00001-00000-x.parquet", "a part without a line");
    put("part-00000-00001-x.parquet.tmp-host-1", "rows");
    struct hs_folder folder = see();
    assert_int_equal(folder.all, 4);
    assert_int_equal(folder.done, 2);
    assert_int_equal(folder.working, 0);
    assert_int_equal(folder.documents, 20);
    assert_int_equal(folder.unscored, 2);
    assert_int_equal(folder.tokens, 2000);
    assert_near(folder.share, 0.2);
    assert_string_equal(folder.state, "waiting");
    assert_int_equal(folder.problems.n, 0);
    assert_true(folder.left < 0);
    hs_folder_free(&folder);
    put_done(0, 1);
    put_done(1, 0);
    folder = see();
    assert_string_equal(folder.state, "done");
    assert_near(folder.share, 1);
    hs_folder_free(&folder);
}

static void records_of_another_content_do_not_count(void **state) {
    (void)state;
    put_settings(1, 0);
    put("_index/00000.json", "{\"source\":\"700-abc\",\"units\":[[0,10,100,0,0],[10,10,100,0,0]]}");
    for (int unit = 0; unit < 2; unit++) {
        put_done(0, unit);
        put(unit == 0 ? "_parts/9-a-1-1.jsonl" : "_parts/9-b-1-1.jsonl",
            "{\"part\":\"part-00000-%05d-x.parquet\",\"source\":\"%s\",\"documents\":3,\"unscored\":0,\"tokens\":7}\n",
            unit, unit == 0 ? "700-abc" : "699-abc");
    }
    put("_parts/0-host-0-1.jsonl", "%s", ""); /* the lines that name no content */
    put("_parts/0-host-1-1.jsonl", "%s", "");
    struct hs_folder folder = see();
    assert_int_equal(folder.done, 1);
    assert_int_equal(folder.tokens, 7);
    assert_int_equal(folder.problems.n, 0);
    hs_folder_free(&folder);
}

static void an_empty_unit_weighs_something(void **state) {
    (void)state;
    put_settings(2, 0);
    put_index(0, 1, 0, 0);
    put_index(1, 1, 1, 3);
    put_done(0, 0);
    struct hs_folder folder = see();
    assert_near(folder.share, 0.25);
    hs_folder_free(&folder);
}

static void a_limit_ends_the_list_of_units(void **state) {
    (void)state;
    put_settings(4, 25); /* 10 + 10 + 5 of the third unit; the other inputs need no index */
    put_index(0, 2, 10, 100);
    put_index(1, 3, 10, 100);
    put_done(0, 0);
    struct hs_folder folder = see();
    assert_int_equal(folder.all, 3);
    assert_int_equal(folder.planned, 4);
    assert_near(folder.share, 1 / 3.);
    hs_folder_free(&folder);
}

static void without_an_index_the_share_is_not_known(void **state) {
    (void)state;
    put_settings(3, 0);
    put_index(0, 2, 10, 100);
    put_done(0, 0);
    put_done(2, 4); /* of an input whose index is not there (any more) */
    struct hs_folder folder = see();
    assert_true(folder.share < 0);
    assert_int_equal(folder.planned, 1);
    assert_int_equal(folder.documents, 20);
    assert_string_equal(folder.state, "waiting");
    assert_int_equal(folder.problems.n, 0);
    hs_folder_free(&folder);
    assert_non_null(strstr(seen_text(false), "1 of 3 inputs have an index"));
    assert_non_null(strstr(seen_json(), "\"share\":null"));
}

static void a_torn_file_is_said_and_passed_over(void **state) {
    (void)state;
    put_settings(2, 0);
    put_index(0, 2, 10, 100);
    put("_index/00001.json", "{\"path\":\"x\",\"units\":[[0,10,1");
    put_done(0, 0);
    put("_parts/1-a-1-1.jsonl", "{\"part\":\"part-00000-00001-x.parquet\",\"docume");
    put("_parts/1-b-1-1.jsonl", "\n{\"part\":7}\nnoise\n");
    put("_parts/1-c-1-1.jsonl", "%s", "");
    put("_ranks/rank-00000.json", "{\"rank\":0");
    put("_ranks/rank-00001.json", "%s", "");
    struct hs_folder folder = see();
    assert_int_equal(folder.done, 1);
    assert_true(folder.share < 0);
    assert_problem(&folder, "_index/00001.json");
    assert_problem(&folder, "1-a-1-1.jsonl ends in the middle of a line");
    assert_problem(&folder, "1-b-1-1.jsonl has 3 lines");
    assert_problem(&folder, "rank-00000.json");
    assert_problem(&folder, "rank-00001.json");
    assert_int_equal(folder.problems.n, 5);
    hs_folder_free(&folder);
}

static void without_settings_the_rest_is_shown(void **state) {
    (void)state;
    put_index(0, 2, 10, 100);
    put_done(0, 0);
    put_rank((struct told){.rank = 0, .world = 1});
    for (int i = 0; i < 2; i++) {
        struct hs_folder folder = see();
        assert_problem(&folder, i == 0 ? "score.json" : "\"inputs\" must be an array");
        assert_int_equal(folder.done, 1);
        assert_true(folder.share < 0);
        assert_string_equal(folder.state, "running");
        hs_folder_free(&folder);
        put("score.json", "{\"inputs\":7}");
    }
}

static void names_and_numbers_are_not_trusted(void **state) {
    (void)state;
    static const char *const names[] = {"part-99999999999-00000-x.parquet",
                                        "part-00000-99999999999-x.parquet",
                                        "part-00000-00002-x.parquet",
                                        "part-0-0-x.parquet",
                                        "part-00000-x.parquet",
                                        "part--x.parquet",
                                        "part-00000-00000-x.txt"};
    put_settings(1, 0);
    put_index(0, 2, 10, 100);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[64];
        snprintf(line, sizeof line, "_parts/%zu.jsonl", i);
        put(line, "{\"part\":\"%s\",\"documents\":1,\"unscored\":0,\"tokens\":1}\n", names[i]);
        put(names[i], "rows");
    }
    put("_index/00009.json", "{\"units\":[[0,1,1,0,0]]}");
    struct hs_folder folder = see();
    assert_int_equal(folder.all, 2);
    assert_int_equal(folder.done, 0);
    assert_problem(&folder, "_index/00009.json belongs to no input");
    hs_folder_free(&folder);
    static const char *const indices[] = {
        "{\"units\":[]}",         "{\"units\":7}",       "[]",
        "{\"units\":[[0,-1,5]]}", "{\"units\":[[0,1]]}", "{\"units\":[[0,1,-1,0,0]]}"};
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) {
        put("_index/00000.json", "%s", indices[i]);
        folder = see();
        assert_problem(&folder, "_index/00000.json has no list of units");
        hs_folder_free(&folder);
    }
}

static void a_folder_of_something_else_is_refused(void **state) {
    (void)state;
    headsift_error error = {0};
    struct hs_folder folder;
    assert_int_equal(hs_folder_read(status_path(""), NOW, &folder, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "no folder of headsift score or run"));
    hs_folder_free(&folder);
    put("file", "text");
    assert_int_equal(hs_folder_read(status_path("file"), NOW, &folder, &error), HEADSIFT_FAILED);
    hs_folder_free(&folder);
    assert_int_equal(hs_folder_read(status_path("nothing"), NOW, &folder, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "nothing"));
    hs_folder_free(&folder);
}

static void a_run_says_at_which_step_it_is(void **state) {
    (void)state;
    static const struct {
        const char *file, *line;
    } steps[] = {
        {"run.json", "at: probe (probe left, heads left, scores left, selection left)"},
        {"probe.jsonl", "at: heads (probe done, heads begun, scores left, selection left)"},
        {"heads.json", "at: scores (probe done, heads done, scores left, selection left)"},
        {"scores/score.json", "at: scores (probe done, heads done, scores begun, selection left)"},
        {"scores/_index/00000.json", "at: scores (probe done, heads done, scores begun, selection left)"},
        {"scores/_parts/0.jsonl", "at: scores (probe done, heads done, scores begun, selection left)"},
        {"scores/part-00000-00000-x.parquet", "at: selection (probe done, heads done, scores done, selection left)"},
        {"selected/selecting.json", "at: selection (probe done, heads done, scores done, selection begun)"},
        {"selected/manifest.json", "at: all done (probe done, heads done, scores done, selection done)"}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const char *base = strrchr(steps[i].file, '/');
        base = base != NULL ? base + 1 : steps[i].file;
        put(steps[i].file, "%s",
            strcmp(base, "score.json") == 0   ? "{\"inputs\":[{}]}"
            : strcmp(base, "00000.json") == 0 ? "{\"units\":[[0,10,100,0,0]]}"
            : strcmp(base, "0.jsonl") == 0
                ? "{\"part\":\"part-00000-00000-x.parquet\",\"documents\":10,\"unscored\":0,\"tokens\":9}\n"
                : "{}");
        const char *text = seen_text(false);
        if (strstr(text, steps[i].line) == NULL) {
            fail_msg("with %s:\n%s", steps[i].file, text);
        }
    }
    assert_non_null(strstr(seen_json(), "\"kind\":\"run\""));
    assert_non_null(strstr(seen_json(), "\"selection\":\"done\""));
    assert_non_null(strstr(seen_json(), "\"documents\":10"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(units_are_done_with_a_line_and_a_part, set_up),
        cmocka_unit_test_setup(records_of_another_content_do_not_count, set_up),
        cmocka_unit_test_setup(an_empty_unit_weighs_something, set_up),
        cmocka_unit_test_setup(a_limit_ends_the_list_of_units, set_up),
        cmocka_unit_test_setup(without_an_index_the_share_is_not_known, set_up),
        cmocka_unit_test_setup(a_torn_file_is_said_and_passed_over, set_up),
        cmocka_unit_test_setup(without_settings_the_rest_is_shown, set_up),
        cmocka_unit_test_setup(names_and_numbers_are_not_trusted, set_up),
        cmocka_unit_test_setup(a_folder_of_something_else_is_refused, set_up),
        cmocka_unit_test_setup(a_run_says_at_which_step_it_is, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
