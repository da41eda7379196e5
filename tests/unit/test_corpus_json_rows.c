/* Records as JSON values out of every format: order, types, compression, damaged files.
 * Parquet files are written by DuckDB. */
#define _GNU_SOURCE
#include "corpus_parquet.h"

#include "corpus/json_rows.h"

/* All rows as one line of JSON values; fails where the file can't be read. */
static char *rows_of(const char *path) {
    struct hs_input_list list;
    struct hs_json_rows *rows = NULL;
    headsift_error error = {0};
    struct hs_buffer out = {0};
    json_t *row = NULL;
    if (find_one(path, NULL, &list, &error) != HEADSIFT_OK ||
        hs_json_rows_open(&list.items[0], &rows, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    do {
        if (hs_json_rows_next(rows, &row, &error) != HEADSIFT_OK) {
            fail_msg("%s", error.message);
        }
        char *text = row != NULL ? json_dumps(row, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        assert_true(hs_buffer_printf(&out, "%s", text != NULL ? text : ""));
        free(text);
        json_decref(row);
    } while (row != NULL);
    assert_int_equal(hs_json_rows_next(rows, &row, &error), HEADSIFT_OK);
    assert_null(row);
    hs_json_rows_close(rows);
    hs_inputs_free(&list);
    return out.data;
}

static void check_rows(const char *path, const char *wanted) {
    char *got = rows_of(path);
    if (strcmp(got, wanted) != 0) {
        fail_msg("%s: %s, not %s", path, got, wanted);
    }
    hs_free(got);
}

/* Reading must fail at some record with `part` in the message. */
static void refuses_rows(const char *path, const char *part) {
    struct hs_input_list list;
    struct hs_json_rows *rows = NULL;
    headsift_error error = {0};
    json_t *row = NULL;
    assert_int_equal(find_one(path, NULL, &list, &error), HEADSIFT_OK);
    headsift_status status = hs_json_rows_open(&list.items[0], &rows, &error);
    while (status == HEADSIFT_OK && (status = hs_json_rows_next(rows, &row, &error)) == HEADSIFT_OK && row != NULL) {
        json_decref(row);
    }
    if (status != HEADSIFT_FAILED || strstr(error.message, part) == NULL || strstr(error.message, path) == NULL) {
        fail_msg("status %d, \"%s\" lacks %s or \"%s\"", (int)status, error.message, path, part);
    }
    hs_json_rows_close(rows);
    hs_inputs_free(&list);
}

static void check_packed(const char *name, const char *bytes, const char *wanted) {
    static const char *const endings[] = {"", ".gz", ".zst"};
    for (int kind = HS_PLAIN; kind <= HS_ZSTD; kind++) {
        char packed_name[64];
        snprintf(packed_name, sizeof packed_name, "%s%s", name, endings[kind]);
        check_rows(put_packed(packed_name, (enum hs_compression)kind, bytes, strlen(bytes), 2), wanted);
    }
}

static void json_values_one_behind_the_other(void **state) {
    (void)state;
    check_packed("rows.jsonl", "{\"a\":1}\n\n  {\"b\":[null,\n2.5]}\r\n[3]\n{\"c\":\"\\u0000}\"}",
                 "{\"a\":1}{\"b\":[null,2.5]}[3]{\"c\":\"\\u0000}\"}");
    check_packed("rows.json", "\xEF\xBB\xBF [{\"a\":1}, {\"b\":2},\n7]\n", "{\"a\":1}{\"b\":2}7");
    check_packed("object.json", "{\"canary\":\"x\",\"examples\":[{\"a\":1},{\"b\":2}]}\n", "{\"a\":1}{\"b\":2}");
    check_packed("one.json", "{\n \"a\":{\"examples\":[1]}\n}", "{\"a\":{\"examples\":[1]}}");
    check_rows(put_text("two.jsonl", "{\"examples\":[1]}\n{\"examples\":[2]}"), "{\"examples\":[1]}{\"examples\":[2]}");
    check_rows(put_text("two.jsonl", "[1]\n[2]"), "[1][2]");
    check_rows(put_text("none.jsonl", ""), "");
    check_rows(put_text("none.jsonl", " \n\t\n"), "");
    check_rows(put_text("none.json", "[]"), "");
}

static void broken_json_is_named(void **state) {
    (void)state;
    refuses_rows(put_text("broken.jsonl", "{\"a\":1}\n{\"a\":1,\n{}"), "record 2 is not JSON");
    refuses_rows(put_text("broken.jsonl", "{\"a\":1}\nnix"), "record 2 is not JSON");
    refuses_rows(put_text("broken.jsonl", "nix"), "record 1 is not JSON");
    refuses_rows(put_text("broken.jsonl", "{\"a\":1}\n{\"a\":\"\xFF\"}"), "record 2 is not JSON");
    refuses_rows(put("broken.jsonl", "{\"a\":1}\n\0{}", 11), "record 2 is not JSON");
    refuses_rows(put_text("broken.json", "[{\"a\":1},"), "record 1 is not JSON");
    struct hs_buffer bytes = packed(HS_GZIP, "{\"a\":1}\n{\"a\":2}\n", 16, 1);
    refuses_rows(put("cut.jsonl.gz", bytes.data, bytes.size - 9), "cut.jsonl.gz");
    hs_buffer_free(&bytes);
}

static void csv_records_are_lists_of_strings(void **state) {
    (void)state;
    check_packed("rows.csv", "a,\"b \"\"c\"\"\"\r\n1,\"x\ny\"\n\n,\n3",
                 "[\"a\",\"b \\\"c\\\"\"][\"1\",\"x\\ny\"][\"\",\"\"][\"3\"]");
    check_rows(put_text("none.csv", ""), "");
    refuses_rows(put_text("broken.csv", "a,b\n1,\"x"), "record 2: a quote is never closed");
    refuses_rows(put_text("broken.csv", "a,b\n1,\"x\"y"), "record 2: there is text behind a closing quote");
    refuses_rows(put_text("broken.csv", "a,b\n1,\xFF"), "record 2: broken UTF-8");
}

static void a_text_is_one_record(void **state) {
    (void)state;
    check_packed("rows.txt", "line\n\"two\"\n", "{\"text\":\"line\\n\\\"two\\\"\\n\"}");
    check_rows(put_text("empty.txt", ""), "{\"text\":\"\"}");
    check_rows(put("nul.txt", "a\0b", 3), "{\"text\":\"a\\u0000b\"}");
    refuses_rows(put_text("broken.txt", "ab\xFF"), "broken UTF-8 at byte 2");
}

static const char *make(const char *name, const char *query, const char *options) {
    const char *path = scratch(name);
    char statement[4096];
    snprintf(statement, sizeof statement, "COPY (%s) TO '%s' (FORMAT parquet%s)", query, path, options);
    duckdb_do(statement);
    return path;
}

static void parquet_rows_keep_their_shape(void **state) {
    (void)state;
    check_rows(
        make("shapes [1]*.parquet",
             "SELECT 'q' || chr(0) || '\"\xC3\xA9' AS s, 7::BIGINT AS i, 0.5 AS d, true AS b, NULL::VARCHAR AS n, "
             "['a', NULL] AS l, {'text': ['x', 'y'], 'label': [1, 2]} AS c, [{'k': 1}] AS ls",
             ""),
        "{\"s\":\"q\\u0000\\\"\xC3\xA9\",\"i\":7,\"d\":0.5,\"b\":true,\"n\":null,\"l\":[\"a\",null],"
        "\"c\":{\"text\":[\"x\",\"y\"],\"label\":[1,2]},\"ls\":[{\"k\":1}]}");
    check_rows(make("norows.parquet", "SELECT 1 AS a WHERE false", ""), "");
    refuses_rows(put_text("broken.parquet", "PAR1 and no more"), "");
    const char *blob = make("latin.parquet", "SELECT 'x\\xFFy'::BLOB AS text", "");
    make_strings(blob, (const char *const[]){"text"}, 1);
    refuses_rows(blob, "");
}

static void many_parquet_rows_stand_in_order(void **state) {
    (void)state;
    enum { N = 7000 };
    char *got = rows_of(make("many.parquet", "SELECT range AS i FROM range(7000)", ", ROW_GROUP_SIZE 2048"));
    struct hs_buffer wanted = {0};
    for (int i = 0; i < N; i++) {
        assert_true(hs_buffer_printf(&wanted, "{\"i\":%d}", i));
    }
    assert_string_equal(got, wanted.data);
    hs_free(got);
    hs_buffer_free(&wanted);
}

static void check_features(const char *path, const char *wanted) {
    struct hs_input_list list;
    struct hs_json_rows *rows;
    assert_int_equal(find_one(path, NULL, &list, NULL), HEADSIFT_OK);
    assert_int_equal(hs_json_rows_open(&list.items[0], &rows, NULL), HEADSIFT_OK);
    const json_t *features = hs_json_rows_features(rows);
    char *text = features != NULL ? json_dumps(features, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    assert_int_equal(text == NULL, wanted == NULL);
    if (wanted != NULL) {
        assert_string_equal(text, wanted);
    }
    free(text);
    hs_json_rows_close(rows);
    hs_inputs_free(&list);
}

static void features_are_found(void **state) {
    (void)state;
    check_features(
        make("features.parquet", "SELECT 1 AS label",
             ", KV_METADATA {other: 'x', huggingface: '{\"info\":{\"features\":{\"label\":{\"names\":[\"a\"]}}}}'}"),
        "{\"label\":{\"names\":[\"a\"]}}");
    check_features(make("features.parquet", "SELECT 1 AS label", ""), NULL);
    check_features(make("features.parquet", "SELECT 1 AS label", ", KV_METADATA {huggingface: 'no JSON'}"), NULL);
    check_features(make("features.parquet", "SELECT 1 AS label", ", KV_METADATA {huggingface: '[1]'}"), NULL);
    check_features(put_text("features.jsonl", "{\"a\":1}"), NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_values_one_behind_the_other),
        cmocka_unit_test(broken_json_is_named),
        cmocka_unit_test(csv_records_are_lists_of_strings),
        cmocka_unit_test(a_text_is_one_record),
        cmocka_unit_test(parquet_rows_keep_their_shape),
        cmocka_unit_test(many_parquet_rows_stand_in_order),
        cmocka_unit_test(features_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
