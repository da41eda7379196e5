/* Tests of the choice: synthetic score rows whose answers are worked out by hand, written out as lists of ids.
 * What is written for a choice is tested in test_select_output.c. */
#define _GNU_SOURCE
#include "select_support.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"

/* Domain a: scores .5 1 1 .25 and none (tokens 10 20 30 40 50). b: 1 2 3 4 5 (100 each). c: none, and NaN. */
static int small_corpus(void **state) {
    (void)state;
    fresh_folder("select");
    assert_int_equal(hs_make_directory(in_folder("scores"), &last_error), HEADSIFT_OK);
    sql("COPY (SELECT 'r' || i AS id, 'text ' || i AS text, 2.0 * i AS quality, i % 3 = 0 AS flag FROM range(12) t(i)) "
        "TO '@/docs.parquet' (FORMAT parquet)");
    sql("COPY (SELECT 'r' || i AS id, '@/docs.parquet' AS file, i AS row, CASE WHEN i < 5 THEN 'a' WHEN i < 10 THEN "
        "'b' "
        "ELSE 'c' END AS domain, CASE WHEN i < 5 THEN 10 * (i + 1) ELSE 100 END::INTEGER AS n_tokens, "
        "[.5, 1, 1, .25, NULL, 1, 2, 3, 4, 5, NULL, 'nan'::DOUBLE][i + 1]::DOUBLE AS score, 12.0::DOUBLE - i AS "
        "loss_base, CASE WHEN i <> 9 THEN i % 2 END::DOUBLE AS odd FROM range(12) t(i)) TO "
        "'@/scores/part-00000.parquet' "
        "(FORMAT parquet)");
    return 0;
}

static const char *chosen(void) {
    return sql_text(
        "SELECT string_agg(id, ' ' ORDER BY file_row_number) FROM read_parquet('@/out/part-00000.parquet')");
}

static void choices_are_those_worked_out_by_hand(void **state) {
    (void)state;
    static const struct {
        headsift_select_options options;
        const char *ids;
    } cases[] = {
        {{0}, "r1 r9"},                   /* floor(.2*4+.5) = 1 of a, by row on the tie; 1 of b; none of c */
        {{.keep = 0.375}, "r1 r2 r8 r9"}, /* 1.5 + .5 = 2 of a; 1.875 + .5: 2 of b */
        {{.keep = 0.3}, "r1 r8 r9"},      /* 1.2: 1 of a; 1.5 rounds up: 2 of b */
        {{.keep = 0.001}, "r1 r9"},       /* at least one */
        {{.keep = 1.0}, "r0 r1 r2 r3 r5 r6 r7 r8 r9"}, /* unscored and NaN never */
        {{.keep_count = 3}, "r0 r1 r2 r7 r8 r9"},
        {{.budget = 50}, "r1 r2"}, /* 20 + 30; b's first does not fit */
        {{.budget = 49}, "r1"},    /* r2 does not fit: it ends there, though r0 would */
        {{.budget = 100}, "r0 r1 r2 r3 r9"},
        {{.budget_total = 300}, "r1 r2 r8 r9"}, /* 100 and 500 tokens with a score: 50 and 250 */
        {{.budget_total = 299}, "r1 r8 r9"},    /* 49.8 and 249.2, rounded down */
        {{.keep_count = 2, .order = "asc"}, "r0 r3 r5 r6"},
        {{.keep_count = 2, .order = "middle"}, "r0 r1 r6 r7"}, /* medians .75 and 3, ties by row */
        {{.keep_count = 1, .by = "loss_base"}, "r0 r5"},
        {{.keep_count = 1, .by = "loss_base", .order = "asc"}, "r3 r9"}, /* r4 has a loss, but no score */
        {{.keep_count = 1, .by = "odd", .order = "desc"}, "r1 r5"},
        {{.keep_count = 5, .by = "odd"}, "r0 r1 r2 r3 r5 r6 r7 r8"}, /* r9 has no value */
        {{.keep_count = 1, .by = "quality"}, "r3 r9"},               /* a column of the documents */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_select_options options = cases[i].options;
        options.overwrite = true;
        select_into("out", options, HEADSIFT_OK);
        assert_string_equal(chosen(), cases[i].ids);
    }
}

/* The documents' own column of that name counts down, and must not be taken for the rows' numbers. */
static void a_column_called_file_row_number_is_a_column(void **state) {
    (void)state;
    sql("COPY (SELECT 'r' || i AS id, 11 - i AS \"File_Row_Number\", 2.0 * i AS quality FROM range(12) t(i)) TO "
        "'@/docs.parquet' (FORMAT parquet)");
    select_into("out", (headsift_select_options){.keep_count = 1, .by = "quality"}, HEADSIFT_OK);
    assert_string_equal(chosen(), "r9 r3");
}

static void nothing_to_choose_is_a_manifest_without_files(void **state) {
    (void)state;
    select_into("out", (headsift_select_options){.budget = 1}, HEADSIFT_OK);
    assert_int_equal(last_summary.chosen, 0);
    assert_false(hs_file_exists(in_folder("out/part-00000.parquet")));
    assert_true(hs_file_exists(in_folder("out/manifest.json")));
}

static int64_t number(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void the_manifest_counts(void **state) {
    (void)state;
    select_into("out", (headsift_select_options){.keep_count = 2}, HEADSIFT_OK);
    assert_int_equal(last_summary.documents, 12);
    assert_int_equal(last_summary.unscored, 3);
    assert_int_equal(last_summary.chosen, 4);
    assert_int_equal(last_summary.tokens, 150 + 700);
    assert_int_equal(last_summary.chosen_tokens, 250);
    json_t *manifest;
    assert_int_equal(hs_json_load(in_folder("out/manifest.json"), 1u << 20, &manifest, &last_error), HEADSIFT_OK);
    const json_t *domains = json_object_get(manifest, "domains"), *a = json_array_get(domains, 0);
    assert_int_equal(json_array_size(domains), 3);
    assert_string_equal(json_string_value(json_object_get(a, "domain")), "a");
    assert_int_equal(number(a, "documents"), 5);
    assert_int_equal(number(a, "scored"), 4);
    assert_int_equal(number(a, "unscored"), 1);
    assert_int_equal(number(a, "chosen"), 2);
    assert_int_equal(number(a, "tokens"), 150);
    assert_int_equal(number(a, "scored_tokens"), 100);
    assert_int_equal(number(a, "chosen_tokens"), 50);
    assert_true(json_real_value(json_object_get(json_array_get(domains, 1), "threshold")) == 4);
    assert_true(json_is_null(json_object_get(json_array_get(domains, 2), "threshold")));
    const json_t *file = json_array_get(json_object_get(manifest, "files"), 0);
    assert_string_equal(json_string_value(json_object_get(file, "name")), "part-00000.parquet");
    assert_string_equal(json_string_value(json_object_get(file, "source")), in_folder("docs.parquet"));
    assert_int_equal(number(file, "rows"), 4);
    assert_int_equal(number(json_object_get(manifest, "options"), "keep_count"), 2);
    json_decref(manifest);
}

static void random_choices_belong_to_their_seed(void **state) {
    (void)state;
    sql("COPY (SELECT 'r' || i AS id, 'x' AS text FROM range(2000) t(i)) TO '@/docs.parquet' (FORMAT parquet)");
    sql("COPY (SELECT 'r' || i AS id, '@/docs.parquet' AS file, i AS row, 'd' AS domain, 1 AS n_tokens, 1.0::DOUBLE AS "
        "score FROM range(2000) t(i)) TO '@/scores/part-00000.parquet' (FORMAT parquet)");
    static const char *const outs[] = {"out", "out1", "out2"};
    for (uint64_t i = 0; i < 3; i++) {
        select_into(outs[i], (headsift_select_options){.keep = 0.5, .by = "random", .seed = i == 2 ? 8 : 7},
                    HEADSIFT_OK);
        assert_int_equal(last_summary.chosen, 1000);
    }
    assert_string_equal(sql_text("SELECT count(*) FROM (FROM read_parquet('@/out/*.parquet') EXCEPT FROM "
                                 "read_parquet('@/out1/*.parquet'))"),
                        "0");
    int both = atoi(sql_text("SELECT count(*) FROM (FROM read_parquet('@/out/*.parquet') INTERSECT FROM "
                             "read_parquet('@/out2/*.parquet'))"));
    assert_in_range(both, 430, 570); /* 500 on average, sd 11 */
    int first_half =
        atoi(sql_text("SELECT count(*) FROM read_parquet('@/out/*.parquet') WHERE id[2:]::INTEGER < 1000"));
    assert_in_range(first_half, 430, 570);
}

static void ties_go_by_file_then_row(void **state) {
    (void)state;
    sql("COPY (SELECT 'b' || i AS id, 'x' AS text FROM range(3) t(i)) TO '@/b.parquet' (FORMAT parquet)");
    sql("COPY (SELECT 'a' || i AS id, 'x' AS text FROM range(3) t(i)) TO '@/a.parquet' (FORMAT parquet)");
    static const char *const files[][2] = {{"b", "part-00000"}, {"a", "part-00001"}};
    for (int i = 0; i < 2; i++) {
        char text[512];
        snprintf(
            text, sizeof text,
            "COPY (SELECT '@/%s.parquet' AS file, i AS row, 'd' AS domain, 1 AS n_tokens, 1.0::DOUBLE AS score FROM "
            "range(3) t(i)) TO '@/scores/%s.parquet' (FORMAT parquet)",
            files[i][0], files[i][1]);
        sql(text);
    }
    select_into("out", (headsift_select_options){.keep_count = 4}, HEADSIFT_OK);
    assert_string_equal(sql_text("SELECT string_agg(id, ' ' ORDER BY filename, file_row_number) FROM "
                                 "read_parquet('@/out/*.parquet', filename=true)"),
                        "b0 a0 a1 a2");
}

static void wrong_options_are_refused(void **state) {
    (void)state;
    static const struct {
        headsift_select_options options;
        const char *says;
    } cases[] = {
        {{.keep = 1.5}, "share"},     {{.keep = -0.1}, "share"},      {{.keep = 0.1, .budget = 5}, "exclude"},
        {{.budget = -5}, "negative"}, {{.order = "up"}, "order"},     {{.output_format = "csv"}, "format"},
        {{.by = "id"}, "numbers"},    {{.by = "nothing"}, "quality"}, /* lists the columns */
        {{.memory = "much"}, "much"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        select_into("out", cases[i].options, HEADSIFT_USAGE);
        assert_non_null(strstr(last_error.message, cases[i].says));
        assert_false(hs_file_exists(in_folder("out/manifest.json")));
    }
}

static void scores_that_are_none_or_twice_are_refused(void **state) {
    (void)state;
    sql("COPY (FROM read_parquet('@/scores/part-00000.parquet')) TO '@/scores/part-00001.parquet' (FORMAT parquet)");
    select_into("out", (headsift_select_options){0}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "twice"));
    sql("COPY (SELECT 1 AS file) TO '@/scores/part-00001.parquet' (FORMAT parquet)");
    select_into("out", (headsift_select_options){0}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "row"));
    write_bytes("scores/part-00001.parquet", "PAR1 and no more");
    select_into("out", (headsift_select_options){0}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "part-00001"));
    fresh_folder("select_empty");
    assert_int_equal(hs_make_directory(in_folder("scores"), &last_error), HEADSIFT_OK);
    select_into("out", (headsift_select_options){0}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "no score file"));
}

static void sources_that_changed_are_refused(void **state) {
    (void)state;
    sql("COPY (SELECT 'r' || i AS id, 'x' AS text FROM range(9) t(i)) TO '@/docs.parquet' (FORMAT parquet)");
    select_into("out", (headsift_select_options){0}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "changed"));
    remove(in_folder("docs.parquet"));
    select_into("out", (headsift_select_options){0}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "docs.parquet"));
    select_into("scores", (headsift_select_options){.overwrite = true}, HEADSIFT_USAGE);
    assert_true(hs_file_exists(in_folder("scores/part-00000.parquet")));
}

static void recorded_size_and_unfinished_scores_are_looked_at(void **state) {
    (void)state;
    sql("COPY (FROM read_parquet('@/scores/part-00000.parquet')) TO '@/scores/part-00000.parquet' (FORMAT parquet, "
        "KV_METADATA {'headsift.input': '{\"path\":\"@/docs.parquet\",\"size\":5}', 'headsift.mask': 'uniform'})");
    select_into("out", (headsift_select_options){0}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "5 when it was scored"));
    write_bytes("scores/score.json", "{\"inputs\": [1, 2], \"limit\": 0}");
    select_into("out", (headsift_select_options){0}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "0 of more than 0 units")); /* not even planned */
}

static void write_index(int input, const char *units) {
    char name[64], text[256];
    snprintf(name, sizeof name, "scores/_index/%05d.json", input);
    snprintf(text, sizeof text, "{\"units\": [%s]}", units);
    write_bytes(name, text);
}

/* The scores of set_up are one unit; two more stand in the index. */
static void every_unit_must_have_its_part_and_its_record(void **state) {
    (void)state;
    static const char done[] = "{\"part\":\"part-00000.parquet\",\"documents\":12}\n";
    char twice[256];
    assert_int_equal(hs_make_directory(in_folder("scores/_index"), NULL), HEADSIFT_OK);
    assert_int_equal(hs_make_directory(in_folder("scores/_parts"), NULL), HEADSIFT_OK);
    write_bytes("scores/score.json", "{\"inputs\": [1, 2], \"limit\": 0}");
    write_index(0, "[0, 12, 99, 0, 0]");
    write_index(1, "[0, 3, 9, 0, 0], [3, 1, 2, 0, 0]");
    select_into("out", (headsift_select_options){0}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "0 of 3 units")); /* a part without a record counts for nothing */
    snprintf(twice, sizeof twice, "%s%s{\"part\":\"part-00001.parquet\",\"docu", done, done);
    write_bytes("scores/_parts/00000-a-1-1.jsonl", twice);
    select_into("out", (headsift_select_options){0}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "1 of 3 units"));
    write_bytes("scores/_parts/00001-b-1-1.jsonl", "{\"part\":\"part-00001.parquet\"}\n{\"part\":\"x.parquet\"}\n");
    select_into("out", (headsift_select_options){0}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "1 of 3 units")); /* records without parts neither */
    write_bytes("scores/score.json", "{\"inputs\": [1, 2], \"limit\": 12}");
    select_into("out", (headsift_select_options){0}, HEADSIFT_OK); /* the second input is behind the limit */
    write_bytes("scores/score.json", "{\"inputs\": [1, 2], \"limit\": 13}");
    select_into("out", (headsift_select_options){.overwrite = true}, HEADSIFT_FAILED);
}

static void keep_line(void *user, headsift_log_level level, const char *line) {
    if (level == HEADSIFT_LOG_WARNING) {
        snprintf(user, 1024, "%s", line);
    }
}

static void score_with_time(const struct hs_file_identity *was, int64_t earlier) {
    char text[1024];
    snprintf(text, sizeof text,
             "COPY (SELECT '@/docs.parquet' AS file, i AS row, 'd' AS domain, 1 AS n_tokens, 1.0::DOUBLE AS score FROM "
             "range(12) t(i)) TO '@/scores/part-00000.parquet' (FORMAT parquet, KV_METADATA {'headsift.input': "
             "'{\"path\":\"@/docs.parquet\",\"size\":%lld,\"mtime\":%lld,\"mtime_ns\":%lld}'})",
             (long long)was->size, (long long)(was->mtime_seconds - earlier), (long long)was->mtime_nanoseconds);
    sql(text);
}

static void a_touched_source_is_said(void **state) {
    (void)state;
    struct hs_file_identity identity;
    assert_int_equal(hs_file_identity(in_folder("docs.parquet"), &identity, &last_error), HEADSIFT_OK);
    char line[1024] = "";
    const headsift_monitor monitor = {.log = keep_line, .user = line};
    const headsift_select_options options = {.overwrite = true};
    for (int64_t earlier = 0; earlier < 2; earlier++) {
        score_with_time(&identity, earlier);
        assert_int_equal(
            headsift_select_files(in_folder("scores"), &options, in_folder("out"), &monitor, NULL, &last_error),
            HEADSIFT_OK);
        assert_int_equal(strstr(line, in_folder("docs.parquet: its time of change")) != NULL, earlier == 1);
    }
}

/* Scores under means of different texts do not compare, as those of different masks do not. */
static void calibrations_do_not_mix(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "COPY (SELECT '@/docs.parquet' AS file, %d AS row, 'd' AS domain, 2 AS n_tokens, 0.5 AS score) TO "
                 "'@/mixed/part-00000-%05d-docs.parquet' (FORMAT parquet, KV_METADATA {'headsift.mask': 'mean', "
                 "'headsift.calibration_sha256': '%d'})",
                 i, i, i);
        assert_int_equal(hs_make_directory(in_folder("mixed"), &last_error), HEADSIFT_OK);
        sql(text);
    }
    const headsift_select_options options = {0};
    assert_int_equal(headsift_select_files(in_folder("mixed"), &options, in_folder("out2"), NULL, NULL, &last_error),
                     HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "another calibration_sha256"));
}

#define TEST(name) cmocka_unit_test_setup(name, small_corpus)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(choices_are_those_worked_out_by_hand),
        TEST(a_column_called_file_row_number_is_a_column),
        TEST(nothing_to_choose_is_a_manifest_without_files),
        TEST(the_manifest_counts),
        TEST(random_choices_belong_to_their_seed),
        TEST(ties_go_by_file_then_row),
        TEST(wrong_options_are_refused),
        TEST(scores_that_are_none_or_twice_are_refused),
        TEST(sources_that_changed_are_refused),
        TEST(recorded_size_and_unfinished_scores_are_looked_at),
        TEST(every_unit_must_have_its_part_and_its_record),
        TEST(a_touched_source_is_said),
        TEST(calibrations_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
