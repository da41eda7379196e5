/* Tests of what a selection can be asked for beside a share: samples by temperature, the rejected documents, documents
 * that have moved, dolma's attributes, and a look at the choice without writing. */
#define _GNU_SOURCE
#include "select_support.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/json.h"

static int make_folder(void **state) {
    (void)state;
    fresh_folder("select_flags");
    assert_int_equal(hs_make_directory(in_folder("scores"), &last_error), HEADSIFT_OK);
    return 0;
}

/* ---- --temperature ---- */

/* Scores 0, 1 and 2 in each of 4,000 domains, of which one is drawn: the z-scores are -1.2247, 0 and 1.2247. */
static void score_triples(void) {
    sql("COPY (SELECT i AS n FROM range(12000) t(i)) TO '@/docs.parquet' (FORMAT parquet)");
    sql("COPY (SELECT '@/docs.parquet' AS file, i AS row, 'd' || i // 3 AS domain, 5 AS n_tokens, (i % 3)::DOUBLE AS "
        "score FROM range(12000) t(i)) TO '@/scores/p.parquet' (FORMAT parquet)");
}

static void assert_near(double got, double wanted, double error) { assert_true(fabs(got - wanted) <= error); }

static double drawn(const char *out, int score) {
    char query[256];
    snprintf(query, sizeof query, "SELECT count(*) / 4000 FROM read_parquet('@/%s/p.parquet') WHERE n %% 3 = %d", out,
             score);
    return atof(sql_text(query));
}

static void samples_follow_the_softmax_of_z_scores(void **state) {
    (void)state;
    score_triples();
    static const double temperatures[] = {1, 2.5};
    for (int i = 0; i < 2; i++) {
        double z = sqrt(1.5) / temperatures[i], sum = exp(-z) + 1 + exp(z);
        select_into("out",
                    (headsift_select_options){.keep_count = 1, .temperature = temperatures[i], .overwrite = true},
                    HEADSIFT_OK);
        assert_int_equal(last_summary.chosen, 4000);
        for (int score = 0; score < 3; score++) {
            assert_near(drawn("out", score), exp((score - 1) * z) / sum, 0.03); /* 4 standard deviations */
        }
    }
    select_into("cold", (headsift_select_options){.keep_count = 1, .temperature = 1e-6}, HEADSIFT_OK);
    assert_near(drawn("cold", 2), 1, 1e-9);
}

static void samples_belong_to_their_seed(void **state) {
    (void)state;
    score_triples();
    static const char *const outs[] = {"out0", "out1", "out2"};
    for (uint64_t i = 0; i < 3; i++) {
        select_into(outs[i], (headsift_select_options){.keep_count = 1, .temperature = 1, .seed = i / 2}, HEADSIFT_OK);
    }
    assert_string_equal(sql_text("SELECT count(*) FROM (FROM read_parquet('@/out0/*.parquet') EXCEPT FROM "
                                 "read_parquet('@/out1/*.parquet'))"),
                        "0");
    assert_true(atoi(sql_text("SELECT count(*) FROM (FROM read_parquet('@/out0/*.parquet') EXCEPT FROM "
                              "read_parquet('@/out2/*.parquet'))")) > 1000);
    static const headsift_select_options wrong[] = {{.temperature = -1},
                                                    {.temperature = (double)NAN},
                                                    {.temperature = (double)INFINITY},
                                                    {.temperature = 1, .by = "random"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        select_into("out", wrong[i], HEADSIFT_USAGE);
        assert_non_null(strstr(last_error.message, "temperature"));
    }
}

/* Equal scores have no deviation to be scaled by: the sample is an even one. */
static void a_sample_of_equal_scores_is_even(void **state) {
    (void)state;
    sql("COPY (SELECT i AS n FROM range(4000) t(i)) TO '@/docs.parquet' (FORMAT parquet)");
    sql("COPY (SELECT '@/docs.parquet' AS file, i AS row, 'd' AS domain, 5 AS n_tokens, 0.1::DOUBLE AS score FROM "
        "range(4000) t(i)) TO '@/scores/p.parquet' (FORMAT parquet)");
    select_into("out", (headsift_select_options){.keep = 0.5, .temperature = 1}, HEADSIFT_OK);
    assert_int_equal(last_summary.chosen, 2000);
    assert_in_range(atoi(sql_text("SELECT count(*) FROM read_parquet('@/out/p.parquet') WHERE n < 2000")), 900, 1100);
}

/* ---- --rejected ---- */

static void score_two_files(void) {
    write_bytes("b.jsonl", "{\"n\":\"b0\",\"text\":\"x\"}\n{\"n\":\"b1\",\"text\":\"y\"}\n");
    sql("COPY (SELECT 'a' || i AS n FROM range(10) t(i)) TO '@/a.parquet' (FORMAT parquet)");
    sql("COPY (SELECT '@/a.parquet' AS file, i AS row, 'd' AS domain, 5 AS n_tokens, CASE WHEN i <> 4 THEN i "
        "END::DOUBLE "
        "AS score FROM range(10) t(i)) TO '@/scores/part-00000-00000-a.parquet' (FORMAT parquet)");
    sql("COPY (SELECT '@/b.jsonl' AS file, i AS row, 'e' AS domain, 5 AS n_tokens, i::DOUBLE AS score FROM range(2) "
        "t(i)) TO '@/scores/part-00001-00000-b.parquet' (FORMAT parquet)");
}

static headsift_select_options both_sides(void) {
    return (headsift_select_options){.keep = 0.3, .rejected = in_folder("rest")};
}

static void the_rejected_are_all_others(void **state) {
    (void)state;
    score_two_files();
    select_into("out", both_sides(), HEADSIFT_OK);
    assert_string_equal(sql_text("SELECT string_agg(n, ' ') FROM read_parquet('@/out/part-00000-a.parquet')"),
                        "a7 a8 a9");
    assert_string_equal(sql_text("SELECT string_agg(n, ' ') FROM read_parquet('@/rest/part-00000-a.parquet')"),
                        "a0 a1 a2 a3 a4 a5 a6"); /* a4 has no score */
    assert_string_equal(sql_text("SELECT n FROM read_parquet('@/out/part-00001-b.parquet')"), "b1");
    assert_string_equal(sql_text("SELECT n FROM read_parquet('@/rest/part-00001-b.parquet')"), "b0");
    json_t *manifest;
    assert_int_equal(hs_json_load(in_folder("rest/manifest.json"), 1u << 20, &manifest, &last_error), HEADSIFT_OK);
    assert_true(json_is_true(json_object_get(manifest, "rejected")));
    const json_t *file = json_array_get(json_object_get(manifest, "files"), 0);
    assert_int_equal(json_integer_value(json_object_get(file, "rows")), 7);
    json_decref(manifest);
}

static void each_side_goes_on_where_it_is_missing(void **state) {
    (void)state;
    score_two_files();
    select_into("out", (headsift_select_options){.keep = 0.3}, HEADSIFT_OK);
    struct hs_file_identity before, after;
    assert_int_equal(hs_file_identity(in_folder("out/part-00000-a.parquet"), &before, NULL), HEADSIFT_OK);
    select_into("out", both_sides(), HEADSIFT_OK); /* the same choice, and the others beside it */
    assert_int_equal(hs_file_identity(in_folder("out/part-00000-a.parquet"), &after, NULL), HEADSIFT_OK);
    assert_memory_equal(&before, &after, sizeof before);
    assert_true(hs_file_exists(in_folder("rest/part-00000-a.parquet")));
    remove(in_folder("rest/part-00001-b.parquet"));
    select_into("out", both_sides(), HEADSIFT_OK);
    assert_true(hs_file_exists(in_folder("rest/part-00001-b.parquet")));
    assert_int_equal(last_summary.chosen, 4);
    headsift_select_options wrong = both_sides();
    wrong.rejected = in_folder("out");
    select_into("out", wrong, HEADSIFT_USAGE);
    wrong = both_sides();
    wrong.rejected = in_folder("");
    select_into("out3", wrong, HEADSIFT_USAGE); /* where the documents lie */
    wrong = both_sides();
    wrong.output_format = "dolma";
    select_into("out4", wrong, HEADSIFT_USAGE);
}

/* Rows that were never scored are neither chosen nor rejected: where these can't be told, nothing is written. */
static void rejected_rows_must_have_been_scored(void **state) {
    (void)state;
    score_two_files();
    sql("COPY (FROM read_parquet('@/scores/part-00000-00000-a.parquet') WHERE row <> 3) TO "
        "'@/scores/part-00000-00000-a.parquet' (FORMAT parquet)");
    select_into("out", both_sides(), HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "a.parquet: 9 score rows"));
    assert_false(hs_file_exists(in_folder("rest/manifest.json")));
}

/* ---- --root ---- */

static void move(const char *from, const char *to) { assert_int_equal(rename(in_folder(from), in_folder(to)), 0); }

static void documents_that_moved_are_found_under_the_root(void **state) {
    (void)state;
    assert_int_equal(hs_make_directory(in_folder("old/sub"), &last_error), HEADSIFT_OK);
    score_two_files();
    move("a.parquet", "old/a.parquet");
    move("b.jsonl", "old/sub/b.jsonl");
    sql("COPY (SELECT * REPLACE ('@/old/a.parquet' AS file) FROM "
        "read_parquet('@/scores/part-00000-00000-a.parquet')) TO '@/scores/part-00000-00000-a.parquet' (FORMAT "
        "parquet)");
    sql("COPY (SELECT * REPLACE ('@/old/sub/b.jsonl' AS file) FROM "
        "read_parquet('@/scores/part-00001-00000-b.parquet')) TO '@/scores/part-00001-00000-b.parquet' (FORMAT "
        "parquet)");
    move("old", "new");
    headsift_select_options options = {.keep = 0.3, .output_format = "jsonl"};
    select_into("out", options, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "--root"));
    options.root = in_folder("elsewhere");
    select_into("out", options, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, in_folder("elsewhere/a.parquet")));
    assert_non_null(strstr(last_error.message, in_folder("old/a.parquet")));
    options.root = in_folder("new");
    select_into("out", options, HEADSIFT_OK);
    struct hs_buffer a = file_bytes("out/part-00000-a.jsonl"), b = file_bytes("out/part-00001-b.jsonl");
    assert_string_equal(a.data, "{\"n\":\"a7\"}\n{\"n\":\"a8\"}\n{\"n\":\"a9\"}\n");
    assert_string_equal(b.data, "{\"n\":\"b1\",\"text\":\"y\"}\n");
    hs_buffer_free(&a);
    hs_buffer_free(&b);
}

static void relative_paths_are_appended_to_the_root(void **state) {
    (void)state;
    assert_int_equal(hs_make_directory(in_folder("new/data"), &last_error), HEADSIFT_OK);
    write_bytes("new/data/nowhere-else.jsonl", "{\"text\":\"x\"}\n{\"text\":\"y\"}\n");
    sql("COPY (SELECT 'data/nowhere-else.jsonl' AS file, i AS row, 'e' AS domain, 5 AS n_tokens, i::DOUBLE AS score "
        "FROM "
        "range(2) t(i)) TO '@/scores/p.parquet' (FORMAT parquet)");
    select_into("out", (headsift_select_options){.root = in_folder("new"), .output_format = "jsonl"}, HEADSIFT_OK);
    struct hs_buffer bytes = file_bytes("out/p.jsonl");
    assert_string_equal(bytes.data, "{\"text\":\"y\"}\n");
    hs_buffer_free(&bytes);
}

/* ---- --output-format dolma ---- */

static void write_gzip(const char *name, const char *text) {
    gzFile file = gzopen(in_folder(name), "wb");
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), strlen(text));
    gzclose(file);
}

static const char *read_gzip(const char *name) {
    static char text[4096];
    gzFile file = gzopen(in_folder(name), "rb");
    assert_non_null(file);
    int size = gzread(file, text, sizeof text - 1);
    assert_true(size >= 0 && !gzdirect(file));
    text[size] = '\0';
    gzclose(file);
    return text;
}

static const char five_lines[] = "{\"id\":\"<one>\",\"text\":\"\xC3\xA9\xF0\x9F\x98\x80x\"}\n"
                                 "{\"text\":\"\"}\n"
                                 "not JSON\n"
                                 "{\"id\":\"four\",\"text\":\"abcd\"}\n"
                                 "{\"id\":\"five\",\"text\":\"abcde\"}\n";

static void dolma_gets_a_line_for_each_record(void **state) {
    (void)state;
    assert_int_equal(hs_make_directory(in_folder("set/documents/2019"), &last_error), HEADSIFT_OK);
    write_gzip("set/documents/2019/docs.jsonl.gz", five_lines);
    write_bytes("set/documents/2019/plain.jsonl", "{\"id\":\"p\",\"text\":\"p\"}\n");
    sql("COPY (SELECT '@/set/documents/2019/docs.jsonl.gz' AS file, i AS row, 'd' AS domain, 5 AS n_tokens, "
        "[0.25, NULL, NULL, 0.1, 0.5][i + 1]::DOUBLE AS score FROM range(5) t(i) ORDER BY i DESC) TO "
        "'@/scores/part-00000-00000-docs.parquet' (FORMAT parquet)");
    sql("COPY (SELECT '@/set/documents/2019/plain.jsonl' AS file, 0 AS row, 'e' AS domain, 5 AS n_tokens, 2.0::DOUBLE "
        "AS "
        "score) TO '@/scores/part-00001-00000-plain.parquet' (FORMAT parquet)");
    select_into("out", (headsift_select_options){.keep_count = 2, .output_format = "dolma"}, HEADSIFT_OK);
    char wanted[2048];
    snprintf(
        wanted, sizeof wanted,
        "{\"id\":\"\\u003cone\\u003e\",\"attributes\":{\"headsift__score\":[[0,3,0.25]],\"headsift__keep\":[[0,3,1.0]]"
        "}}\n"
        "{\"id\":\"%s:1\",\"attributes\":{\"headsift__score\":[],\"headsift__keep\":[[0,0,0.0]]}}\n"
        "{\"id\":\"%s:2\",\"attributes\":{\"headsift__score\":[],\"headsift__keep\":[[0,0,0.0]]}}\n"
        "{\"id\":\"four\",\"attributes\":{\"headsift__score\":[[0,4,0.10000000000000001]],\"headsift__keep\":[[0,4,"
        "0.0]]}}\n"
        "{\"id\":\"five\",\"attributes\":{\"headsift__score\":[[0,5,0.5]],\"headsift__keep\":[[0,5,1.0]]}}\n",
        in_folder("set/documents/2019/docs.jsonl.gz"), in_folder("set/documents/2019/docs.jsonl.gz"));
    assert_string_equal(read_gzip("out/attributes/headsift/2019/docs.jsonl.gz"), wanted);
    struct hs_buffer plain = file_bytes("out/attributes/headsift/2019/plain.jsonl");
    assert_string_equal(plain.data,
                        "{\"id\":\"p\",\"attributes\":{\"headsift__score\":[[0,1,2]],\"headsift__keep\":[[0,1,"
                        "1.0]]}}\n");
    hs_buffer_free(&plain);
}

/* The folders of two sets are kept apart; what is no JSON lines gets a name of such; leftovers in sub-folders go. */
static void dolma_keeps_the_documents_names(void **state) {
    (void)state;
    assert_int_equal(hs_make_directory(in_folder("s/one/documents"), &last_error), HEADSIFT_OK);
    assert_int_equal(hs_make_directory(in_folder("s/two"), &last_error), HEADSIFT_OK);
    write_bytes("s/one/documents/d.json", "{\"id\":\"p\",\"text\":\"p\"}\n");
    sql("COPY (SELECT 'q' AS id, 'qq' AS text) TO '@/s/two/d.parquet' (FORMAT parquet)");
    sql("COPY (SELECT unnest(['@/s/one/documents/d.json', '@/s/two/d.parquet']) AS file, 0 AS row, 'd' AS domain, 5 AS "
        "n_tokens, 1.0::DOUBLE AS score) TO '@/scores/p.parquet' (FORMAT parquet)");
    const headsift_select_options options = {.output_format = "dolma"};
    select_into("out", options, HEADSIFT_OK);
    assert_true(hs_file_exists(in_folder("out/one/attributes/headsift/d.json")));
    assert_non_null(strstr(read_gzip("out/attributes/headsift/two/d.parquet.jsonl.gz"), "{\"id\":\"q\","));
    remove(in_folder("out/manifest.json"));
    write_bytes("out/selecting.json", "[\"one/attributes/headsift/d.json\", \"attributes/headsift/old.jsonl.gz\", "
                                      "\"attributes/headsift/two/d.parquet.jsonl.gz\", "
                                      "\"attributes/headsift/../../../s/two/d.parquet\"]");
    write_bytes("out/one/attributes/headsift/d.json.tmp-node7-1", "half");
    write_bytes("out/attributes/headsift/old.jsonl.gz", "half");
    write_bytes("out/attributes/headsift/mine.jsonl.gz", "mine");
    select_into("out", options, HEADSIFT_OK);
    assert_false(hs_file_exists(in_folder("out/one/attributes/headsift/d.json.tmp-node7-1")));
    assert_false(hs_file_exists(in_folder("out/attributes/headsift/old.jsonl.gz")));
    assert_true(hs_file_exists(in_folder("out/attributes/headsift/mine.jsonl.gz")));
    assert_true(hs_file_exists(in_folder("s/two/d.parquet")));
}

static void dolma_needs_every_scored_record(void **state) {
    (void)state;
    write_bytes("docs.jsonl", "{\"id\":\"p\",\"text\":\"p\"}\n");
    sql("COPY (SELECT '@/docs.jsonl' AS file, i AS row, 'd' AS domain, 5 AS n_tokens, 1.0::DOUBLE AS score FROM "
        "range(2) "
        "t(i)) TO '@/scores/p.parquet' (FORMAT parquet)");
    select_into("out", (headsift_select_options){.output_format = "dolma"}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "1 records"));
    assert_false(hs_file_exists(in_folder("out/attributes/headsift/docs.jsonl")));
}

/* ---- --dry-run, --memory ---- */

static void a_dry_run_writes_nothing_and_needs_no_documents(void **state) {
    (void)state;
    score_two_files();
    remove(in_folder("a.parquet"));
    select_into("out", (headsift_select_options){.keep = 0.3, .dry_run = true}, HEADSIFT_OK);
    assert_int_equal(last_summary.chosen, 4);
    assert_int_equal(last_summary.chosen_tokens, 20);
    assert_false(hs_is_directory(in_folder("out")));
}

static void sizes_of_memory(void **state) {
    (void)state;
    score_two_files();
    static const char *const wrong[] = {"", "4", "4G", "GB", "-4GB", "100MB", "4GB more", "inf GB", "1e30 GB"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        select_into("out", (headsift_select_options){.memory = wrong[i]}, HEADSIFT_USAGE);
        assert_non_null(strstr(last_error.message, "size of memory"));
    }
    static const char *const right[] = {"600MB", "0.5GiB", "1 gb"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        select_into("out", (headsift_select_options){.memory = right[i], .overwrite = true}, HEADSIFT_OK);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, make_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(samples_follow_the_softmax_of_z_scores),
        TEST(samples_belong_to_their_seed),
        TEST(a_sample_of_equal_scores_is_even),
        TEST(the_rejected_are_all_others),
        TEST(each_side_goes_on_where_it_is_missing),
        TEST(rejected_rows_must_have_been_scored),
        TEST(documents_that_moved_are_found_under_the_root),
        TEST(relative_paths_are_appended_to_the_root),
        TEST(dolma_gets_a_line_for_each_record),
        TEST(dolma_keeps_the_documents_names),
        TEST(dolma_needs_every_scored_record),
        TEST(a_dry_run_writes_nothing_and_needs_no_documents),
        TEST(sizes_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
