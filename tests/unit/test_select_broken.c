/* Tests of selections from Parquet files in which strings are no UTF-8: the chosen documents are written all the same,
 * byte for byte as from a file without the broken ones. */
#define _GNU_SOURCE
#include "corpus_parquet.h"
#include "select_support.h"

#include <unistd.h>

static char warning[1024];
static int warnings;

static void keep_warning(void *user, headsift_log_level level, const char *message) {
    (void)user;
    if (level == HEADSIFT_LOG_WARNING) {
        snprintf(warning, sizeof warning, "%s", message);
        warnings++;
    }
}

static int make_folder(void **state) {
    (void)state;
    warnings = 0;
    fresh_folder("select_broken");
    assert_int_equal(hs_make_directory(in_folder("scores"), &last_error), HEADSIFT_OK);
    assert_int_equal(hs_make_directory(in_folder("temp"), &last_error), HEADSIFT_OK);
    return 0;
}

/* Odd rows score better than even ones: half keeps the odd. */
static void score_rows(int n) {
    char text[1024];
    snprintf(text, sizeof text,
             "COPY (SELECT '@/docs.parquet' AS file, i AS row, 'd' AS domain, 5 AS n_tokens, (i %% 2)::DOUBLE AS score "
             "FROM range(%d) t(i)) TO '@/scores/p.parquet' (FORMAT parquet)",
             n);
    sql(text);
}

/* docs.parquet: `query` with `columns` made strings. */
static void make_docs(const char *query, const char *options, const char *const *columns, size_t n) {
    char text[4096];
    snprintf(text, sizeof text, "COPY (%s) TO '@/docs.parquet' (FORMAT parquet%s)", query, options);
    sql(text);
    make_strings(in_folder("docs.parquet"), columns, n);
}

static void select_watched(const char *out, const char *format, const char *temp_dir, headsift_status wanted) {
    headsift_monitor monitor = {.log = keep_warning};
    headsift_select_options options = {.keep = 0.5, .output_format = format, .temp_dir = temp_dir};
    last_error = (headsift_error){0};
    headsift_status got =
        headsift_select_files(in_folder("scores"), &options, in_folder(out), &monitor, &last_summary, &last_error);
    if (got != wanted) {
        fail_msg("status %d for %d: %s", got, wanted, last_error.message);
    }
}

static void assert_same_bytes(const char *left, const char *right) {
    struct hs_buffer a = file_bytes(left), b = file_bytes(right);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    hs_buffer_free(&a);
    hs_buffer_free(&b);
}

#define ROWS 30000

/* %s: the text of some even rows, as bytes, and of the others. Strings in lists and structs are whole. */
static const char all_columns[] =
    "SELECT i AS n, CASE WHEN i %% 4000 = 2 THEN %s ELSE (%s)::BLOB END AS text, ['a', NULL, 'b' || i] AS tags, {'s': "
    "'\xC3\xA9' || i, 'n': [i]} AS pair, '\\x00\\xFF'::BLOB AS bytes, CASE WHEN i = 3 THEN 'nan'::DOUBLE ELSE i / 3 "
    "END "
    "AS real, TIMESTAMP '2020-01-01 01:02:03.456789' + INTERVAL (i) SECOND AS at, (i / 7)::DECIMAL(12, 3) AS money, "
    "CASE WHEN i %% 3 = 0 THEN NULL ELSE ('http://' || i %% 5)::BLOB END AS \"u'r \"\"l\", NULL::BLOB AS nothing, MAP "
    "{'k': i} AS map, 'plain' AS kind FROM range(30000) t(i)";

static const char *const all_strings[] = {"text", "u'r \"l", "nothing"};

static void check_against_whole(const char *text, const char *options) {
    char query[4096], clean[4096];
    snprintf(query, sizeof query, all_columns, "'xx\\xC3('::BLOB", text);
    snprintf(clean, sizeof clean, all_columns, "'whole'::BLOB", text);
    make_folder(NULL);
    score_rows(ROWS);
    make_docs(query, options, all_strings, 3);
    select_watched("out", "parquet", NULL, HEADSIFT_OK);
    select_watched("out_json", "jsonl", NULL, HEADSIFT_OK);
    assert_int_equal(warnings, 0);
    make_docs(clean, options, all_strings, 3);
    select_watched("whole", "parquet", NULL, HEADSIFT_OK);
    select_watched("whole_json", "jsonl", NULL, HEADSIFT_OK);
    assert_same_bytes("out/p.parquet", "whole/p.parquet");
    assert_same_bytes("out/manifest.json", "whole/manifest.json");
    assert_same_bytes("out_json/p.jsonl", "whole_json/p.jsonl");
    assert_string_equal(sql_text("SELECT count(*) || ' ' || bool_and(n = 2 * file_row_number + 1) FROM "
                                 "read_parquet('@/out/p.parquet')"),
                        "15000 true");
    assert_string_equal(sql_text("SELECT string_agg(column_type, ';') FROM (DESCRIBE FROM "
                                 "read_parquet('@/out/p.parquet'))"),
                        "BIGINT;VARCHAR;VARCHAR[];STRUCT(s VARCHAR, n BIGINT[]);BLOB;DOUBLE;TIMESTAMP;DECIMAL(12,3);"
                        "VARCHAR;VARCHAR;MAP(VARCHAR, BIGINT);VARCHAR");
    assert_false(hs_file_exists(in_folder("out/.spill")));
}

static void plain_pages_cost_no_chosen_row(void **state) {
    (void)state;
    check_against_whole("'document ' || i", ", COMPRESSION snappy, ROW_GROUP_SIZE 8192");
    check_against_whole("'document ' || i", ", COMPRESSION zstd, PARQUET_VERSION v2, ROW_GROUP_SIZE 8192");
}

static void dictionary_pages_cost_no_chosen_row(void **state) {
    (void)state;
    check_against_whole("'same ' || i % 10", ", ROW_GROUP_SIZE 8192");
    assert_non_null(strstr(sql_text("SELECT string_agg(encodings) FROM parquet_metadata('@/docs.parquet') WHERE "
                                    "path_in_schema = 'text'"),
                           "DICTIONARY"));
}

static void a_broken_value_in_a_chosen_row_is_mended_and_told(void **state) {
    (void)state;
    static const char *const strings[] = {"text", "url"};
    make_docs("SELECT 'text'::BLOB AS text, CASE WHEN i IN (0, 5, 7) THEN ('a\\xFFb\\xE2\\x82'::BLOB) ELSE 'u'::BLOB "
              "END AS url, 9 - i AS file_row_number FROM range(10) t(i)",
              "", strings, 2);
    score_rows(10);
    select_watched("out", "parquet", in_folder("temp"), HEADSIFT_OK);
    assert_string_equal(sql_text("SELECT string_agg(url || file_row_number, ' ') FROM read_parquet('@/out/p.parquet')"),
                        "u8 u6 a\xEF\xBF\xBD"
                        "b\xEF\xBF\xBD\xEF\xBF\xBD"
                        "4 a\xEF\xBF\xBD"
                        "b\xEF\xBF\xBD\xEF\xBF\xBD"
                        "2 u0");
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(warning, "docs.parquet: row 5: column \"url\""));
    assert_non_null(strstr(warning, "(2 such values"));
    assert_int_equal(rmdir(in_folder("temp")), 0); /* it is empty */
}

static void a_broken_string_in_a_list_is_refused(void **state) {
    (void)state;
    static const char *const strings[] = {"text", "element"};
    make_docs("SELECT 'text'::BLOB AS text, [CASE WHEN i = 4 THEN '\\xFF'::BLOB ELSE 'u'::BLOB END] AS tags FROM "
              "range(10) t(i)",
              "", strings, 2);
    score_rows(10);
    static const char *const formats[] = {"parquet", "jsonl"};
    for (size_t i = 0; i < 2; i++) {
        select_watched("out", formats[i], in_folder("temp"), HEADSIFT_FAILED);
        assert_non_null(strstr(last_error.message, "docs.parquet: a string inside a list"));
        assert_null(strchr(last_error.message, '\n'));
        assert_false(hs_file_exists(in_folder("out/p.parquet")));
        assert_false(hs_file_exists(in_folder("out/manifest.json")));
    }
    assert_int_equal(rmdir(in_folder("temp")), 0);
}

static void copies_of_killed_calls_are_removed(void **state) {
    (void)state;
    static const char *const strings[] = {"text"};
    make_docs("SELECT CASE WHEN i = 2 THEN '\\xFF'::BLOB ELSE 'a'::BLOB END AS text FROM range(10) t(i)", "", strings,
              1);
    score_rows(10);
    assert_int_equal(hs_make_directory(in_folder("out/.spill"), &last_error), HEADSIFT_OK);
    write_bytes("out/.spill/headsift-copy-123.parquet", "half");
    select_watched("out", "parquet", NULL, HEADSIFT_OK);
    assert_false(hs_file_exists(in_folder("out/.spill")));
}

#define TEST(name) cmocka_unit_test_setup(name, make_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(plain_pages_cost_no_chosen_row),
        TEST(dictionary_pages_cost_no_chosen_row),
        TEST(a_broken_value_in_a_chosen_row_is_mended_and_told),
        TEST(a_broken_string_in_a_list_is_refused),
        TEST(copies_of_killed_calls_are_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
