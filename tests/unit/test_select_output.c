/* Tests of what a selection writes: all columns and types, raw lines, strings, names, and what stands in the folder
 * when a call is repeated or killed. */
#define _GNU_SOURCE
#include "select_support.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/process.h"

static int make_folder(void **state) {
    (void)state;
    fresh_folder("select_output");
    assert_int_equal(hs_make_directory(in_folder("scores"), &last_error), HEADSIFT_OK);
    return 0;
}

/* Scores for the first n rows of a file (its name quoted for SQL): odd rows beat even ones, so half keeps the odd. */
static void score_rows(const char *part, const char *quoted_file, int n) {
    char text[1024];
    snprintf(text, sizeof text,
             "COPY (SELECT '@/%s' AS file, i AS row, 'd' AS domain, 5 AS n_tokens, (i %% 2)::DOUBLE AS score FROM "
             "range(%d) t(i)) TO '@/scores/%s.parquet' (FORMAT parquet)",
             quoted_file, n, part);
    sql(text);
}

static const headsift_select_options half = {.keep = 0.5}, half_jsonl = {.keep = 0.5, .output_format = "jsonl"};

#define ALL_TYPES                                                                                                      \
    "SELECT 'r' || i AS id, 'text' || chr(10) || i AS text, [i, NULL] AS numbers, {'x': i, 'y': ['a''b', NULL]} AS "   \
    "pair, TIMESTAMP '2020-01-01 01:02:03.456789' + INTERVAL (i) SECOND AS at, '\\x00\\xFF'::BLOB AS bytes, "          \
    "DATE '1999-12-31' AS day, (i / 7)::DECIMAL(12, 3) AS money, i::UTINYINT AS small, (i * 0.5)::FLOAT AS half, "     \
    "CASE WHEN i = 3 THEN 'nan'::DOUBLE ELSE i END AS real, i % 2 = 0 AS flag, MAP {'k': i} AS map, NULL::VARCHAR AS " \
    "nothing, i AS \"a'\"\"b[*]\" FROM range(10) t(i)"

static void all_columns_and_types_are_kept(void **state) {
    (void)state;
    sql("COPY (" ALL_TYPES ") TO '@/docs.parquet' (FORMAT parquet)");
    score_rows("part-00000-docs", "docs.parquet", 10);
    select_into("out", half, HEADSIFT_OK);
    const char *out = "read_parquet('@/out/part-00000-docs.parquet')";
    char text[1024];
    snprintf(text, sizeof text,
             "SELECT (SELECT string_agg(column_name || ' ' || column_type, ';') FROM (DESCRIBE FROM %s)) = (SELECT "
             "string_agg(column_name || ' ' || column_type, ';') FROM (DESCRIBE FROM read_parquet('@/docs.parquet')))",
             out);
    assert_string_equal(sql_text(text), "true");
    snprintf(
        text, sizeof text,
        "SELECT count(*) FROM (SELECT *, file_row_number AS n FROM %s) a JOIN (SELECT *, file_row_number AS n FROM "
        "read_parquet('@/docs.parquet')) b ON b.n = 2 * a.n + 1 AND a::VARCHAR = replace(b::VARCHAR, 'n'': ' || b.n, "
        "'n'': ' || a.n)",
        out);
    assert_string_equal(sql_text(text), "5");
    snprintf(text, sizeof text, "SELECT string_agg(DISTINCT compression) FROM parquet_metadata('%s')",
             in_folder("out/part-00000-docs.parquet"));
    assert_string_equal(sql_text(text), "ZSTD");
}

static void parquet_as_json_lines(void **state) {
    (void)state;
    sql("COPY (SELECT i AS n, [i] AS list, CASE WHEN i = 3 THEN 'nan'::DOUBLE ELSE 0.5 END AS \"r\"\"\", '\xC3\xA9\"' "
        "AS "
        "s FROM range(4) t(i)) TO '@/docs.parquet' (FORMAT parquet)");
    score_rows("p", "docs.parquet", 4);
    select_into("out", half_jsonl, HEADSIFT_OK);
    struct hs_buffer bytes = file_bytes("out/p.jsonl");
    assert_string_equal(bytes.data, "{\"n\":1,\"list\":[1],\"r\\\"\":0.5,\"s\":\"\xC3\xA9\\\"\"}\n"
                                    "{\"n\":3,\"list\":[3],\"r\\\"\":null,\"s\":\"\xC3\xA9\\\"\"}\n");
    hs_buffer_free(&bytes);
    sql("COPY (SELECT ['nan'::DOUBLE] AS list FROM range(4) t(i)) TO '@/docs.parquet' (FORMAT parquet)");
    select_into("out2", half_jsonl, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "row 1"));
    assert_false(hs_file_exists(in_folder("out2/manifest.json")));
    sql("COPY (SELECT {'x': 0.5::DOUBLE, 's': 'q,NaN,w' || chr(10) || '\",Infinity,\\'} AS pair FROM range(4) t(i)) TO "
        "'@/docs.parquet' (FORMAT parquet)");
    select_into("out3", half_jsonl, HEADSIFT_OK);
}

static void awkward_names_are_taken_literally(void **state) {
    (void)state;
    sql("COPY (SELECT 13 - i AS file_row_number, 'f' || i AS \"Text\" FROM range(4) t(i)) TO '@/a''b[12]*?\".parquet' "
        "(FORMAT "
        "parquet)");
    sql("COPY (SELECT i AS file_row_number, 'decoy' AS \"Text\" FROM range(4) t(i)) TO '@/a''b1xy\".parquet' (FORMAT "
        "parquet)");
    score_rows("part-[1]*", "a''b[12]*?\".parquet", 4);
    select_into("out '[x]*", half, HEADSIFT_OK);
    assert_string_equal(sql_text("SELECT string_agg(\"Text\" || file_row_number, ' ') FROM read_parquet('@/out "
                                 "''[[]x][*]/*.parquet')"),
                        "f112 f310");
}

static const char lines[] = "{\"id\": \"a\", \"text\": \"zero\"}\n"
                            "  {\"text\" :\"one \\u00e9\\ud83d\\ude00\",\"n\":1.50 , \"tags\":[1, {\"k\":null}]}  \n"
                            "{\"text\": \"two\"}\n"
                            "{\"textual\": 0, \"text\": \"a\\u0000b\", \"id\": null, \"more\": true, \"s\": \"<x>\"}\n";

static void json_lines_stay_as_they_are(void **state) {
    (void)state;
    write_bytes("docs.jsonl", lines);
    score_rows("part-00000-docs", "docs.jsonl", 4);
    select_into("out", half_jsonl, HEADSIFT_OK);
    struct hs_buffer bytes = file_bytes("out/part-00000-docs.jsonl");
    assert_string_equal(bytes.data,
                        "  {\"text\" :\"one \\u00e9\\ud83d\\ude00\",\"n\":1.50 , \"tags\":[1, {\"k\":null}]}  \n"
                        "{\"textual\": 0, \"text\": \"a\\u0000b\", \"id\": null, \"more\": true, \"s\": \"<x>\"}\n");
    hs_buffer_free(&bytes);
}

static void compressed_json_lines_are_read(void **state) {
    (void)state;
    gzFile file = gzopen(in_folder("docs.jsonl.gz"), "wb");
    assert_int_equal(gzwrite(file, lines, sizeof lines - 1), sizeof lines - 1);
    gzclose(file);
    score_rows("p", "docs.jsonl.gz", 4);
    select_into("out", half_jsonl, HEADSIFT_OK);
    struct hs_buffer bytes = file_bytes("out/p.jsonl");
    assert_non_null(strstr(bytes.data, "\"n\":1.50 , "));
    hs_buffer_free(&bytes);
}

static void json_lines_as_parquet_have_string_columns(void **state) {
    (void)state;
    write_bytes("docs.jsonl", lines);
    score_rows("p", "docs.jsonl", 4);
    select_into("out", half, HEADSIFT_OK);
    assert_string_equal(sql_text("SELECT string_agg(column_name || ' ' || column_type, ';') FROM (DESCRIBE FROM "
                                 "read_parquet('@/out/p.parquet'))"),
                        "text VARCHAR;n VARCHAR;tags VARCHAR;textual VARCHAR;id VARCHAR;more VARCHAR;s VARCHAR");
    assert_string_equal(sql_text("SELECT string_agg(concat_ws('|', text, n, tags, coalesce(id, '-'), coalesce(more, "
                                 "'-'), coalesce(s, '-')), '; ') FROM read_parquet('@/out/p.parquet') WHERE n IS NOT "
                                 "NULL"),
                        "one \xC3\xA9\xF0\x9F\x98\x80|1.50|[1, {\"k\":null}]|-|-|-");
    assert_string_equal(sql_text("SELECT (text = 'a' || chr(0) || 'b') || more || s || (id IS NULL) FROM "
                                 "read_parquet('@/out/p.parquet') WHERE n IS NULL"),
                        "truetrue<x>true");
}

static void csv_and_text_become_strings(void **state) {
    (void)state;
    write_bytes("docs.csv", "text,\"n,\"\"1\"\"\"\nzero,0\n\"one\nline\",01\n");
    score_rows("c", "docs.csv", 2);
    write_bytes("doc.txt", "all of \"it\"\n");
    sql("COPY (SELECT '@/doc.txt' AS file, 0 AS row, 'd' AS domain, 5 AS n_tokens, 2.0::DOUBLE AS score) TO "
        "'@/scores/t.parquet' (FORMAT parquet, KV_METADATA {'headsift.input': '{\"format\": \"text\"}'})");
    select_into("out", (headsift_select_options){.keep_count = 2}, HEADSIFT_OK);
    assert_string_equal(sql_text("SELECT text || '|' || \"n,\"\"1\"\"\" FROM read_parquet('@/out/c.parquet')"),
                        "one\nline|01");
    assert_string_equal(sql_text("SELECT (id = '@/doc.txt:0') || text FROM read_parquet('@/out/t.parquet')"),
                        "trueall of \"it\"\n");
    select_into("lines", (headsift_select_options){.keep_count = 2, .output_format = "jsonl"}, HEADSIFT_OK);
    struct hs_buffer bytes = file_bytes("lines/c.jsonl");
    assert_string_equal(bytes.data, "{\"text\":\"one\\nline\",\"n,\\\"1\\\"\":\"01\"}\n");
    hs_buffer_free(&bytes);
}

/* Once the first file is written: the second one, before it gets its name, is a device without room. */
static void fill_disk(void *user, const headsift_progress *progress) {
    (void)user, (void)progress;
    char *name = hs_temporary_path("out/q.jsonl");
    (void)!symlink("/dev/full", in_folder(name));
    hs_free(name);
}

static void a_full_disk_is_said_in_plain_words(void **state) {
    (void)state;
    write_bytes("p.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n");
    write_bytes("q.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n");
    score_rows("p", "p.jsonl", 2);
    score_rows("q", "q.jsonl", 2);
    const headsift_monitor monitor = {.progress = fill_disk};
    headsift_status status =
        headsift_select_files(in_folder("scores"), &half_jsonl, in_folder("out"), &monitor, &last_summary, &last_error);
    assert_int_equal(status, HEADSIFT_NO_SPACE);
    assert_non_null(
        strstr(last_error.message, in_folder("out/q.jsonl: no space left (about 13 bytes for 1 documents)")));
    assert_non_null(strstr(last_error.message, "free some, and the same command goes on"));
    select_into("out", half_jsonl, HEADSIFT_OK);
    assert_int_equal(last_summary.chosen, 2);
}

static void a_line_less_than_was_scored_is_an_error(void **state) {
    (void)state;
    write_bytes("docs.jsonl", lines);
    score_rows("p", "docs.jsonl", 6);
    select_into("out", half, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "4 records"));
    assert_false(hs_file_exists(in_folder("out/p.parquet")));
    assert_false(hs_file_exists(in_folder("out/manifest.json")));
}

static void score_files_of_several_sources_are_kept_apart(void **state) {
    (void)state;
    write_bytes("a.jsonl", lines);
    write_bytes("b.jsonl", lines);
    sql("COPY (SELECT CASE WHEN i < 2 THEN '@/b.jsonl' ELSE '@/a.jsonl' END AS file, i % 2 AS row, 'd' AS domain, 5 AS "
        "n_tokens, i::DOUBLE AS score FROM range(4) t(i)) TO '@/scores/all.parquet' (FORMAT parquet)");
    headsift_select_summary summary;
    headsift_select_options options = {.keep_count = 3, .output_format = "jsonl"};
    assert_int_equal(
        headsift_select_files(in_folder("scores/all.parquet"), &options, in_folder("out"), NULL, &summary, &last_error),
        HEADSIFT_OK);
    struct hs_buffer first = file_bytes("out/all-00000.jsonl"), second = file_bytes("out/all-00001.jsonl");
    assert_memory_equal(first.data, "  {\"text\" :\"one", 15); /* b's row 1 alone */
    assert_memory_equal(second.data, lines, second.size);      /* a's rows 0 and 1 */
    hs_buffer_free(&first);
    hs_buffer_free(&second);
}

static void many_rows_pass_in_order(void **state) {
    (void)state;
    struct hs_buffer text = {0};
    for (int i = 0; i < 7001; i++) {
        assert_true(hs_buffer_printf(&text, "{\"text\":\"t%d\"}\n", i));
    }
    write_bytes("docs.jsonl", text.data);
    hs_buffer_free(&text);
    score_rows("p", "docs.jsonl", 7001);
    select_into("out", half, HEADSIFT_OK);
    assert_int_equal(last_summary.chosen, 3501); /* 3500 odd rows, and of the even ones, all tied, the first */
    assert_string_equal(sql_text("SELECT count(*) FROM read_parquet('@/out/p.parquet') WHERE text = 't' || "
                                 "greatest(0, 2 * file_row_number - 1)"),
                        "3501");
}

static void many_parquet_rows_pass_in_order(void **state) {
    (void)state;
    sql("COPY (SELECT i AS n, md5(i::VARCHAR) AS text FROM range(300000) t(i)) TO '@/docs.parquet' (FORMAT parquet, "
        "ROW_GROUP_SIZE 20000)");
    score_rows("p", "docs.parquet", 300000);
    select_into("out", half, HEADSIFT_OK);
    assert_string_equal(sql_text("SELECT count(*) || ' ' || bool_and(n = 2 * file_row_number + 1 AND text = "
                                 "md5(n::VARCHAR)) FROM read_parquet('@/out/p.parquet')"),
                        "150000 true");
    assert_string_equal(sql_text("SELECT count(DISTINCT row_group_id) FROM parquet_metadata('@/out/p.parquet')"), "2");
}

/* Rows of 80,000 bytes: groups of 2,048 rows, not of 122,880. */
static void large_rows_make_small_groups(void **state) {
    (void)state;
    sql("COPY (SELECT repeat(md5(i::VARCHAR), 2500) AS text FROM range(6000) t(i)) TO '@/docs.parquet' (FORMAT "
        "parquet)");
    score_rows("p", "docs.parquet", 6000);
    select_into("out", (headsift_select_options){.keep = 1.0}, HEADSIFT_OK);
    assert_string_equal(sql_text("SELECT max(row_group_num_rows) FROM parquet_metadata('@/out/p.parquet')"), "2048");
}

/* ---- A folder that holds something already ---- */

static struct timespec changed_at(const char *name) {
    struct stat info;
    assert_int_equal(stat(in_folder(name), &info), 0);
    return info.st_mtim;
}

static void the_same_again_does_nothing_and_other_options_are_refused(void **state) {
    (void)state;
    write_bytes("docs.jsonl", lines);
    score_rows("p", "docs.jsonl", 4);
    select_into("out", half, HEADSIFT_OK);
    struct timespec before = changed_at("out/p.parquet");
    select_into("out", half, HEADSIFT_OK);
    struct timespec after = changed_at("out/p.parquet");
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(last_summary.chosen, 2);
    select_into("out", half_jsonl, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "output_format"));
    headsift_select_options other = half_jsonl;
    other.overwrite = true;
    select_into("out", other, HEADSIFT_OK);
    assert_true(hs_file_exists(in_folder("out/p.jsonl")));
    assert_false(hs_file_exists(in_folder("out/p.parquet"))); /* the old selection is gone */
    score_rows("p", "docs.jsonl", 2);
    select_into("out", half_jsonl, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "other scores"));
}

static void a_lost_output_is_made_again(void **state) {
    (void)state;
    write_bytes("docs.jsonl", lines);
    score_rows("p", "docs.jsonl", 4);
    select_into("out", half_jsonl, HEADSIFT_OK);
    remove(in_folder("out/p.jsonl"));
    select_into("out", half_jsonl, HEADSIFT_OK);
    assert_true(hs_file_exists(in_folder("out/p.jsonl")));
}

static void files_of_others_are_not_touched(void **state) {
    (void)state;
    write_bytes("docs.jsonl", lines);
    score_rows("p", "docs.jsonl", 4);
    assert_int_equal(hs_make_directory(in_folder("out"), &last_error), HEADSIFT_OK);
    write_bytes("out/p.jsonl", "mine");
    select_into("out", half_jsonl, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "p.jsonl is there"));
    struct hs_buffer bytes = file_bytes("out/p.jsonl");
    assert_string_equal(bytes.data, "mine");
    hs_buffer_free(&bytes);
}

static void what_a_killed_call_left_is_removed(void **state) {
    (void)state;
    write_bytes("docs.jsonl", lines);
    score_rows("p", "docs.jsonl", 4);
    assert_int_equal(hs_make_directory(in_folder("out/.spill"), &last_error), HEADSIFT_OK);
    write_bytes("out/selecting.json", "[\"old.parquet\", \"p.jsonl\", \"../scores/p.parquet\", \"docs.txt\"]");
    write_bytes("out/old.parquet", "half");
    write_bytes("out/p.jsonl.tmp-node7-123", "half");
    write_bytes("out/other.tmp-node7-123", "mine");
    write_bytes("out/docs.txt", "mine");
    write_bytes("out/.spill/duckdb_temp_storage-0.tmp", "spilled");
    select_into("out", half_jsonl, HEADSIFT_OK);
    static const char *const gone[] = {"out/old.parquet", "out/p.jsonl.tmp-node7-123", "out/selecting.json",
                                       "out/.spill"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        assert_false(hs_file_exists(in_folder(gone[i])));
    }
    assert_true(hs_file_exists(in_folder("scores/p.parquet")));
    assert_true(hs_file_exists(in_folder("out/other.tmp-node7-123")));
    assert_true(hs_file_exists(in_folder("out/docs.txt")));
}

static void select_in_child(const char *out, unsigned microseconds) {
    pid_t child = fork();
    if (child == 0) {
        headsift_select_options options = half;
        (void)headsift_select_files(in_folder("scores"), &options, in_folder(out), NULL, NULL, NULL);
        _exit(0);
    }
    usleep(microseconds);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void assert_same_bytes(const char *left, const char *right) {
    struct hs_buffer a = file_bytes(left), b = file_bytes(right);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    hs_buffer_free(&a);
    hs_buffer_free(&b);
}

static void killed_at_any_moment_it_ends_with_the_same_bytes(void **state) {
    (void)state;
    sql("COPY (SELECT repeat(md5(i::VARCHAR), 20) AS text FROM range(3000) t(i)) TO '@/a.parquet' (FORMAT parquet)");
    sql("COPY (SELECT repeat(md5(i::VARCHAR), 20) AS text FROM range(3000) t(i)) TO '@/b.parquet' (FORMAT parquet)");
    score_rows("a", "a.parquet", 3000);
    score_rows("b", "b.parquet", 3000);
    select_into("whole", half, HEADSIFT_OK);
    for (unsigned i = 0; i < 12; i++) {
        select_in_child("out", 15000 * (i + 1));
        bool complete = hs_file_exists(in_folder("out/manifest.json"));
        if (hs_file_exists(in_folder("out/a.parquet")) || complete) {
            assert_same_bytes("out/a.parquet", "whole/a.parquet"); /* whole or not there */
        }
        if (i % 3 == 2) {
            select_into("out", half, HEADSIFT_OK);
            assert_same_bytes("out/a.parquet", "whole/a.parquet");
            assert_same_bytes("out/b.parquet", "whole/b.parquet");
            assert_same_bytes("out/manifest.json", "whole/manifest.json");
            remove(in_folder("out/manifest.json"));
            remove(in_folder("out/a.parquet"));
            remove(in_folder("out/b.parquet"));
        }
    }
}

static void a_wanted_stop_leaves_no_manifest(void **state) {
    (void)state;
    write_bytes("docs.jsonl", lines);
    score_rows("p", "docs.jsonl", 4);
    static const volatile sig_atomic_t stop = 1;
    headsift_monitor monitor = {.stop = &stop};
    assert_int_equal(headsift_select_files(in_folder("scores"), &half, in_folder("out"), &monitor, NULL, &last_error),
                     HEADSIFT_STOPPED);
    assert_false(hs_file_exists(in_folder("out/manifest.json")));
}

#define TEST(name) cmocka_unit_test_setup(name, make_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(all_columns_and_types_are_kept),
        TEST(parquet_as_json_lines),
        TEST(awkward_names_are_taken_literally),
        TEST(json_lines_stay_as_they_are),
        TEST(compressed_json_lines_are_read),
        TEST(json_lines_as_parquet_have_string_columns),
        TEST(csv_and_text_become_strings),
        TEST(a_full_disk_is_said_in_plain_words),
        TEST(a_line_less_than_was_scored_is_an_error),
        TEST(score_files_of_several_sources_are_kept_apart),
        TEST(many_rows_pass_in_order),
        TEST(many_parquet_rows_pass_in_order),
        TEST(large_rows_make_small_groups),
        TEST(the_same_again_does_nothing_and_other_options_are_refused),
        TEST(a_lost_output_is_made_again),
        TEST(files_of_others_are_not_touched),
        TEST(what_a_killed_call_left_is_removed),
        TEST(killed_at_any_moment_it_ends_with_the_same_bytes),
        TEST(a_wanted_stop_leaves_no_manifest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
