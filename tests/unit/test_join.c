/* Two runs' losses to score rows: what a record may hold, what is worked out of it, and what is refused.
 * The runs are written by hand, so that each number can be checked by eye. */
#define _GNU_SOURCE
#include "select_support.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"

static headsift_score_summary summary;

static int set_up(void **state) {
    (void)state;
    fresh_folder("join");
    return 0;
}

static void join(const char *base, const char *ref, headsift_status wanted) {
    last_error = (headsift_error){0};
    headsift_status status =
        headsift_join_files(in_folder(base), in_folder(ref), in_folder("out"), true, &summary, &last_error);
    if (status != wanted) {
        fail_msg("%s", last_error.message);
    }
}

static const char *rows(const char *columns) {
    char query[600];
    snprintf(query, sizeof query,
             "SELECT string_agg(concat_ws(' ', %s), '; ' ORDER BY file_row_number) FROM "
             "read_parquet('@/out/part-00000-joined.parquet')",
             columns);
    return sql_text(query);
}

/* Means, sums and lists of the same losses: a 2 and 3 of 4 tokens, b 1 and 1 of 2. */
static void all_three_ways_say_the_same(void **state) {
    (void)state;
    write_bytes("base_loss.jsonl",
                "{\"id\":\"a\",\"loss\":2,\"n_scored\":4}\n{\"id\":\"b\",\"loss\":1.0,\"n_scored\":2}\n");
    write_bytes("base_nll.csv", "id,nll,n_scored\na,8,4\nb,2,2\n");
    write_bytes("base_list.jsonl",
                "{\"id\":\"a\",\"logprobs\":[null,-1,-3,-2,-2]}\n{\"id\":\"b\",\"logprobs\":[-1,-1]}\n");
    write_bytes("ref.jsonl", "{\"id\":\"b\",\"loss\":1,\"n_scored\":2}\n{\"id\":\"a\",\"loss\":3,\"n_scored\":4}\n");
    sql("COPY (SELECT 'a' AS id, [NULL, -1, -3, -2, -2]::FLOAT[] AS logprobs UNION ALL SELECT 'b', [-1, -1]::FLOAT[]) "
        "TO '@/base_list.parquet' (FORMAT parquet)");
    sql("COPY (SELECT * FROM (VALUES ('a', 8.0::DOUBLE, 4), ('b', 2.0, 2)) t(id, nll, n_scored)) TO "
        "'@/base_nll.parquet' (FORMAT parquet)");
    static const char *const bases[] = {"base_loss.jsonl", "base_nll.csv", "base_list.jsonl", "base_list.parquet",
                                        "base_nll.parquet"};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        join(bases[i], "ref.jsonl", HEADSIFT_OK);
        assert_string_equal(rows("id, n_scored, loss_base, loss_ref, score, status"),
                            "a 4 2.0 3.0 0.5 ok; b 2 1.0 1.0 0.0 ok");
        assert_int_equal(summary.documents, 2);
        assert_int_equal(summary.scored, 2);
    }
}

/* Where a document is: said by the run, or else its own record in it. Other columns go along. */
static void rows_name_their_documents(void **state) {
    (void)state;
    write_bytes("base.jsonl", "{\"id\":\"x\",\"file\":\"d.parquet\",\"row\":7,\"domain\":\"code\",\"n_tokens\":9,"
                              "\"n_bytes\":30,\"loss\":1,\"n_scored\":8}\n\n{\"id\":5,\"loss\":1,\"n_scored\":8}\n");
    write_bytes("ref.jsonl", "{\"id\":\"x\",\"loss\":2,\"n_scored\":8}\n{\"id\":\"5\",\"loss\":1,\"n_scored\":8}\n");
    join("base.jsonl", "ref.jsonl", HEADSIFT_OK);
    assert_string_equal(rows("id, \"row\", domain, n_tokens, n_bytes"), "x 7 code 9 30; 5 1  8 0");
    assert_string_equal(sql_text("SELECT string_agg(replace(\"file\", '@', 'F'), ' ' ORDER BY file_row_number) FROM "
                                 "read_parquet('@/out/part-00000-joined.parquet')"),
                        "d.parquet F/base.jsonl");
}

static void what_has_no_loss_has_no_score(void **state) {
    (void)state;
    write_bytes("base.jsonl", "{\"id\":\"a\",\"logprobs\":[null]}\n{\"id\":\"b\",\"loss\":0,\"n_scored\":1}\n"
                              "{\"id\":\"c\",\"loss\":null,\"n_scored\":3,\"status\":\"bad_text\",\"note\":\"n\"}\n"
                              "{\"id\":\"d\",\"loss\":1,\"n_scored\":3,\"status\":\"truncated\"}\n"
                              "{\"id\":\"e\",\"loss\":1,\"n_scored\":0}\n");
    write_bytes("ref.jsonl", "{\"id\":\"a\",\"logprobs\":[]}\n{\"id\":\"b\",\"loss\":1,\"n_scored\":1}\n"
                             "{\"id\":\"c\",\"loss\":1,\"n_scored\":3}\n{\"id\":\"d\",\"loss\":1,\"n_scored\":3}\n"
                             "{\"id\":\"e\",\"loss\":2,\"n_scored\":0}\n");
    join("base.jsonl", "ref.jsonl", HEADSIFT_UNSCORED);
    assert_string_equal(rows("id, coalesce(score::VARCHAR, 'none'), status"),
                        "a none too_short; b none failed; c none bad_text; d 0.0 truncated; e none too_short");
    assert_string_equal(rows("coalesce(loss_base::VARCHAR, 'none')"), "none; 0.0; none; 1.0; none");
    assert_int_equal(summary.unscored, 4);
    write_bytes("base.csv", "id,loss,n_scored\na,1,2\nb,,3\n");
    write_bytes("ref.csv", "id,loss,n_scored\na,1.5,2\nb,1,3\n");
    join("base.csv", "ref.csv", HEADSIFT_UNSCORED);
    assert_string_equal(rows("id, coalesce(score::VARCHAR, 'none'), status"), "a 0.5 ok; b none failed");
    sql("COPY (SELECT * FROM (VALUES ('a', 1.0::DOUBLE, 2), ('b', 'inf', 3), ('c', 1, NULL)) t(id, loss, n_scored)) TO "
        "'@/base.parquet' (FORMAT parquet)");
    join("base.parquet", "base.parquet", HEADSIFT_UNSCORED);
    assert_string_equal(rows("id, coalesce(loss_base::VARCHAR, 'none'), n_scored, status"),
                        "a 1.0 2 ok; b none 3 failed; c none 0 too_short");
}

static void runs_that_do_not_fit_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *base, *ref, *part;
        headsift_status status;
    } cases[] = {
        {"{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n", "{\"id\":\"a\",\"loss\":1,\"n_scored\":2}\n",
         "\"a\" has 2 scored tokens here and 3", HEADSIFT_FAILED},
        {"{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n{\"id\":\"b\",\"loss\":1,\"n_scored\":3}\n",
         "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n", "ref.jsonl: id \"b\" is missing here", HEADSIFT_FAILED},
        {"{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n",
         "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n{\"id\":\"b\",\"loss\":1,\"n_scored\":3}\n",
         "base.jsonl: id \"b\" is missing here", HEADSIFT_FAILED},
        {"{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n{\"id\":\"a\",\"loss\":2,\"n_scored\":3}\n",
         "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n", "stands 2 times", HEADSIFT_FAILED},
        {"{\"id\":\"a\",\"loss\":1}\n", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n", "\"n_scored\" is missing",
         HEADSIFT_FAILED},
        {"{\"id\":\"a\",\"loss\":\"one\",\"n_scored\":3}\n", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n",
         "record 0: \"loss\" is no number", HEADSIFT_FAILED},
        {"{\"id\":\"a\",\"loss\":1,\"n_scored\":1e300}\n", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n",
         "record 0: \"n_scored\" is no count", HEADSIFT_FAILED},
        {"{\"id\":\"a\",\"loss\":1,\"n_scored\":2.5}\n", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n",
         "record 0: \"n_scored\" is no count", HEADSIFT_FAILED},
        {"{\"id\":\"a\",\"row\":-1,\"loss\":1,\"n_scored\":3}\n", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n",
         "record 0: \"row\" is no count", HEADSIFT_FAILED},
        {"{\"id\":\"a\",\"logprobs\":[1,\"x\"]}\n", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n", "no list of numbers",
         HEADSIFT_FAILED},
        {"{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\nnot json\n", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n",
         "record 1", HEADSIFT_FAILED},
        {"{\"loss\":1,\"n_scored\":3}\n", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n", "\"id\"", HEADSIFT_USAGE},
        {"{\"id\":\"a\",\"loss\":-1,\"n_scored\":3}\n", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n",
         "\"a\" has a loss below 0", HEADSIFT_FAILED},
        {"", "", "there are no records", HEADSIFT_FAILED},
        {"{\"id\":\"a\",\"loss\":1,\"n_scored\":16}\n{\"id\":\"b\",\"loss\":1,\"n_scored\":15}\n",
         "{\"id\":\"a\",\"loss\":1,\"n_scored\":16}\n{\"id\":\"b\",\"loss\":2,\"n_scored\":15}\n",
         "ref.jsonl: the losses of all 1 documents", HEADSIFT_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_bytes("base.jsonl", cases[i].base);
        write_bytes("ref.jsonl", cases[i].ref);
        join("base.jsonl", "ref.jsonl", cases[i].status);
        if (strstr(last_error.message, cases[i].part) == NULL) {
            fail_msg("\"%s\" does not hold \"%s\"", last_error.message, cases[i].part);
        }
        assert_false(hs_file_exists(in_folder("out/part-00000-joined.parquet")));
    }
}

/* The folder is where the work spills to: it must be there first, and is gone again where there is nothing to keep. */
static void the_folder_comes_first(void **state) {
    (void)state;
    write_bytes("base.jsonl", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n");
    write_bytes("other.jsonl", "{\"id\":\"b\",\"loss\":1,\"n_scored\":3}\n");
    assert_int_equal(headsift_join_files(in_folder("base.jsonl"), in_folder("other.jsonl"), in_folder("base.jsonl/out"),
                                         false, NULL, &last_error),
                     HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "can't make the folder"));
    join("base.jsonl", "other.jsonl", HEADSIFT_FAILED);
    assert_false(hs_is_directory(in_folder("out")));
    assert_int_equal(hs_make_directory(in_folder("out/.spill-join"), NULL), HEADSIFT_OK);
    join("base.jsonl", "base.jsonl", HEADSIFT_OK); /* what a call that was killed left */
    assert_false(hs_is_directory(in_folder("out/.spill-join")));
}

static void a_document_that_failed_in_one_run_has_no_score(void **state) {
    (void)state;
    write_bytes("base.jsonl", "{\"id\":\"a\",\"logprobs\":[-1,-1]}\n{\"id\":\"b\",\"logprobs\":[-1,-3]}\n");
    write_bytes("ref.jsonl", "{\"id\":\"a\",\"logprobs\":[]}\n{\"id\":\"b\",\"logprobs\":[-2,-4]}\n");
    join("base.jsonl", "ref.jsonl", HEADSIFT_UNSCORED);
    assert_string_equal(rows("id, coalesce(score::VARCHAR, 'none'), status"), "a none failed; b 0.5 ok");
}

static void scores_of_the_command_are_left_alone(void **state) {
    (void)state;
    write_bytes("base.jsonl", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n");
    assert_int_equal(hs_make_directory(in_folder("out"), &last_error), HEADSIFT_OK);
    write_bytes("out/score.json", "{}");
    join("base.jsonl", "base.jsonl", HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "headsift score"));
}

static void parquet_without_the_columns_is_refused(void **state) {
    (void)state;
    sql("COPY (SELECT 'a' AS id, 1.0 AS loss) TO '@/short.parquet' (FORMAT parquet)");
    join("short.parquet", "short.parquet", HEADSIFT_USAGE);
    assert_non_null(strstr(last_error.message, "short.parquet: a record needs"));
    sql("COPY (SELECT 'a' AS id, 'x' AS loss, 3 AS n_scored) TO '@/words.parquet' (FORMAT parquet)");
    join("words.parquet", "words.parquet", HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "words.parquet: "));
}

static void a_selection_takes_the_rows(void **state) {
    (void)state;
    write_bytes("base.jsonl", "{\"id\":\"a\",\"text\":\"one\",\"loss\":1,\"n_scored\":3}\n"
                              "{\"id\":\"b\",\"text\":\"two\",\"loss\":1,\"n_scored\":3}\n");
    write_bytes("ref.jsonl", "{\"id\":\"a\",\"loss\":1,\"n_scored\":3}\n{\"id\":\"b\",\"loss\":2,\"n_scored\":3}\n");
    join("base.jsonl", "ref.jsonl", HEADSIFT_OK);
    headsift_select_options options = {.keep_count = 1};
    assert_int_equal(headsift_select_files(in_folder("out"), &options, in_folder("chosen"), NULL, NULL, &last_error),
                     HEADSIFT_OK);
    assert_string_equal(sql_text("SELECT string_agg(text) FROM read_parquet('@/chosen/*.parquet')"), "two");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_three_ways_say_the_same, set_up),
        cmocka_unit_test_setup(rows_name_their_documents, set_up),
        cmocka_unit_test_setup(what_has_no_loss_has_no_score, set_up),
        cmocka_unit_test_setup(runs_that_do_not_fit_are_refused, set_up),
        cmocka_unit_test_setup(the_folder_comes_first, set_up),
        cmocka_unit_test_setup(a_document_that_failed_in_one_run_has_no_score, set_up),
        cmocka_unit_test_setup(scores_of_the_command_are_left_alone, set_up),
        cmocka_unit_test_setup(parquet_without_the_columns_is_refused, set_up),
        cmocka_unit_test_setup(a_selection_takes_the_rows, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
