/* Ranges of Parquet files: row groups joined and split, of every size, with strings that are no UTF-8 in some; that
 * reading a range decodes no row group outside it; and the hash that knows a file again. */
#define _GNU_SOURCE
#include "corpus_parquet.h"
#include "corpus_ranges.h"

static const char *make(const char *name, const char *query, const char *options) {
    const char *path = scratch(name);
    char statement[4096];
    snprintf(statement, sizeof statement, "COPY (%s) TO '%s' (FORMAT parquet%s)", query, path, options);
    duckdb_do(statement);
    return path;
}

static const char clean[] = "SELECT 'document ' || i AS text, i AS id, 'd' || i % 7 AS domain FROM range(6000) t(i)";
static const char broken[] =
    "SELECT CASE WHEN i % 1500 = 700 THEN 'xx\\xC3('::BLOB ELSE ('document ' || i)::BLOB END AS text, i AS id, ('d' || "
    "i % 7)::BLOB AS domain FROM range(6000) t(i)";

/* ---- Rows --------------------------------------------------------------------------------------------------- */

static void check_sizes_of(const char *path, const headsift_inputs *inputs, int64_t rows, const int64_t *units,
                           size_t n) {
    struct hs_input_list list;
    assert_int_equal(find_one(path, inputs, &list, NULL), HEADSIFT_OK);
    struct hs_buffer whole = {0};
    assert_int_equal(note_records(must_open_range(&list.items[0], inputs, NULL), &whole), rows);
    for (size_t i = 0; i < n; i++) {
        struct hs_ranges ranges = must_scan(&list.items[0], inputs, units[i], 0);
        struct hs_buffer parts = {0};
        check_sizes(&ranges, units[i], rows);
        read_ranges(&list.items[0], inputs, &ranges, &parts);
        assert_int_equal(parts.size, whole.size);
        assert_memory_equal(parts.data, whole.data, whole.size);
        hs_buffer_free(&parts);
        hs_ranges_free(&ranges);
    }
    hs_buffer_free(&whole);
    hs_inputs_free(&list);
}

static void test_sizes(void **state) {
    (void)state;
    static const char *const options[] = {", ROW_GROUP_SIZE 2048", "", ", ROW_GROUP_SIZE 2048, COMPRESSION zstd"};
    static const char *const strings[] = {"text", "domain"};
    static const headsift_inputs none;
    static const int64_t units[] = {9000, 50001, 10000000};
    for (size_t i = 0; i < 3; i++) {
        check_sizes_of(make("sizes.parquet", clean, options[i]), &none, 6000, units, 3);
        const char *path = make("sizes.parquet", broken, options[i]);
        make_strings(path, strings, 2);
        check_sizes_of(path, &none, 6000, units, 3);
    }
}

/* Every record alone, in row groups of one row, with broken ones in the middle. */
static void test_single_rows(void **state) {
    (void)state;
    static const char *const values[] = {"a", "bb", "", "c\xFF", "d", "\xC3\xA9", "\xE9", "last"};
    static const headsift_inputs inputs = {.text = "c0"};
    assert_int_equal(check_ranges(put_single_rows("single.parquet", values, 3), &inputs), 3);
    assert_int_equal(check_ranges(put_single_rows("single.parquet", values, 8), &inputs), 8);
    assert_int_equal(check_ranges(make("few.parquet", "SELECT unnest(['a', NULL, 'c']) AS text", ""), NULL), 3);
    assert_int_equal(check_ranges(make("empty.parquet", "SELECT 'a' AS text WHERE false", ""), NULL), 0);
}

/* A column with the name of the row numbers that the reader goes by; without and with broken strings. */
static void test_column_of_row_numbers(void **state) {
    (void)state;
    static const char *const strings[] = {"text"}, *const texts[] = {"t", "t\\xFF"};
    static const headsift_inputs with_id = {.id = "File_Row_Number"};
    for (size_t i = 0; i < 2; i++) {
        char query[256];
        snprintf(query, sizeof query, "SELECT '%s'::BLOB AS text, 9 - i AS \"File_Row_Number\" FROM range(9) t(i)",
                 texts[i]);
        const char *path = make("named.parquet", query, "");
        make_strings(path, strings, 1);
        assert_int_equal(check_ranges(path, NULL), 9);
        assert_int_equal(check_ranges(path, &with_id), 9);
        struct hs_reader *reader = must_open(path, &with_id, false);
        struct hs_document document;
        for (int row = 0; row < 9; row++) {
            assert_true(next(reader, &document));
            assert_int_equal(document.id_size, 1);
            assert_int_equal(document.id[0], '9' - row);
        }
        hs_reader_close(reader);
    }
}

/* Two columns that differ in case alone: DuckDB gives the second another name than the footer has. */
static void test_renamed_column(void **state) {
    (void)state;
    const char *path = make("twins.parquet", "SELECT 'a' || i AS text, 'b' || i AS tex2 FROM range(5000) t(i)",
                            ", ROW_GROUP_SIZE 2048");
    struct hs_buffer file = {0};
    assert_int_equal(hs_file_read(path, SIZE_MAX, &file, NULL), HEADSIFT_OK);
    for (char *at; (at = memmem(file.data, file.size, "tex2", 4)) != NULL;) {
        memcpy(at, "TEXT", 4);
    }
    put("twins.parquet", file.data, file.size);
    hs_buffer_free(&file);
    headsift_inputs inputs = {.text = "TEXT_1"};
    const int64_t units[] = {20000};
    check_sizes_of(path, &inputs, 5000, units, 1);
}

/* ---- Cuts --------------------------------------------------------------------------------------------------- */

/* 20 row groups of 2048 rows: ten of them in a range, then one in ten ranges. */
static void test_cuts(void **state) {
    (void)state;
    static const headsift_inputs none;
    struct hs_input_list list;
    const char *path = make("cuts.parquet", "SELECT printf('%010d', i) AS text FROM range(40960) t(i)",
                            ", ROW_GROUP_SIZE 2048, COMPRESSION snappy");
    assert_int_equal(find_one(path, NULL, &list, NULL), HEADSIFT_OK);
    struct hs_ranges ranges = must_scan(&list.items[0], &none, 1, 1); /* the first row group's first row */
    assert_int_equal(ranges.n, 1);
    hs_ranges_free(&ranges);
    ranges = must_scan(&list.items[0], &none, INT64_MAX, 0);
    assert_int_equal(ranges.n, 1);
    int64_t group = ranges.items[0].text_bytes / 20;
    assert_in_range(group, 2048 * 10, 2048 * 20); /* uncompressed, with the lengths */
    hs_ranges_free(&ranges);
    ranges = must_scan(&list.items[0], &none, group * 10 + group / 2, 0);
    assert_int_equal(ranges.n, 2);
    assert_int_equal(ranges.items[1].first_row, 20480);
    hs_ranges_free(&ranges);
    ranges = must_scan(&list.items[0], &none, group / 10 + 20, 0);
    assert_int_equal(ranges.n, 200);
    for (size_t i = 0; i < 200; i++) {
        assert_in_range(ranges.items[i].rows, 204, 205);
    }
    hs_ranges_free(&ranges);
    hs_inputs_free(&list);
}

/* ---- What is read ------------------------------------------------------------------------------------------- */

static int64_t ask(const char *query) {
    duckdb_database database;
    duckdb_connection connection;
    duckdb_result result;
    assert_int_equal(duckdb_open(NULL, &database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
    assert_int_equal(duckdb_query(connection, query, &result), DuckDBSuccess);
    int64_t number = duckdb_value_int64(&result, 0, 0);
    duckdb_destroy_result(&result);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return number;
}

static int64_t group_edge(const char *path, const char *edge, int group) {
    char query[2048];
    snprintf(query, sizeof query,
             "SELECT %s FROM (SELECT coalesce(dictionary_page_offset, data_page_offset) AS s, total_compressed_size AS "
             "c FROM parquet_metadata('%s') WHERE row_group_id = %d)",
             edge, path, group);
    return ask(query);
}

/* Zeroes all pages but those of one row group. */
static void damage_others(const char *path, int group) {
    int64_t start = group_edge(path, "min(s)", group), end = group_edge(path, "max(s + c)", group);
    struct hs_buffer file = {0};
    assert_int_equal(hs_file_read(path, SIZE_MAX, &file, NULL), HEADSIFT_OK);
    int64_t footer = (int64_t)file.size - 8 - footer_size(file.data + file.size);
    assert_true(4 < start && start < end && end < footer);
    memset(file.data + 4, 0, (size_t)start - 4);
    memset(file.data + end, 0, (size_t)(footer - end));
    put(strrchr(path, '/') + 1, file.data, file.size);
    hs_buffer_free(&file);
}

/* Row groups outside of the range may be damaged: they are not looked at. Nor is more read than was asked for. */
static void test_only_the_range_is_read(void **state) {
    (void)state;
    static const char *const queries[] = {
        "SELECT ('document ' || i)::BLOB AS text, i AS id FROM range(40960) t(i)",
        "SELECT CASE WHEN i % 2048 = 700 THEN 'x\\xFF'::BLOB ELSE ('document ' || i)::BLOB END AS text, i AS id FROM "
        "range(40960) t(i)"};
    static const char *const strings[] = {"text"};
    static const headsift_inputs none;
    for (size_t pass = 0; pass < 2; pass++) {
        const char *path = make("range.parquet", queries[pass], ", ROW_GROUP_SIZE 2048");
        make_strings(path, strings, 1);
        damage_others(path, 13);
        struct hs_input_list list;
        assert_int_equal(find_one(path, NULL, &list, NULL), HEADSIFT_OK);
        struct hs_reader *whole = must_open_range(&list.items[0], &none, NULL);
        read_to_failure(whole, NULL);
        hs_reader_close(whole);
        const struct hs_range range = {.first_row = 13 * 2048 + 5, .rows = 2000};
        struct hs_reader *reader = must_open_range(&list.items[0], &none, &range);
        struct hs_document document;
        for (int64_t i = range.first_row; i < range.first_row + range.rows; i++) {
            char text[64];
            snprintf(text, sizeof text, pass == 1 && i % 2048 == 700 ? "x\xFF" : "document %d", (int)i);
            assert_true(next(reader, &document));
            assert_int_equal(document.row, i);
            check_bytes(document.text, document.text_size, text);
        }
        assert_false(next(reader, &document));
        hs_reader_close(reader);
        hs_inputs_free(&list);
    }
}

/* A range of rows that the file has no more. */
static void test_missing_rows(void **state) {
    (void)state;
    static const headsift_inputs none;
    struct hs_input_list list;
    assert_int_equal(find_one(make("short.parquet", clean, ""), NULL, &list, NULL), HEADSIFT_OK);
    const struct hs_range range = {.first_row = 5990, .rows = 20};
    struct hs_reader *reader = must_open_range(&list.items[0], &none, &range);
    headsift_error error = {0};
    assert_int_equal(read_to_failure(reader, &error), 10);
    assert_non_null(strstr(error.message, "short.parquet promises 20 rows from row 5990 on and holds 10"));
    hs_reader_close(reader);
    hs_inputs_free(&list);
}

static void test_no_text_column(void **state) {
    (void)state;
    static const headsift_inputs inputs = {.text = "nix"};
    struct hs_input_list list;
    struct hs_ranges ranges;
    headsift_error error = {0};
    assert_int_equal(find_one(make("columns.parquet", clean, ""), NULL, &list, NULL), HEADSIFT_OK);
    assert_int_equal(hs_scan(&list.items[0], &inputs, 10, 0, NULL, &ranges, &error), HEADSIFT_USAGE);
    assert_non_null(strstr(error.message, "has no column \"nix\""));
    hs_inputs_free(&list);
}

/* ---- The hash ----------------------------------------------------------------------------------------------- */

static void test_footer_hash(void **state) {
    (void)state;
    char first[HS_HASH_HEX], second[HS_HASH_HEX], wanted[HS_HASH_HEX];
    const char *path = make("hash.parquet", "SELECT 'a' AS text", "");
    struct hs_buffer file = {0};
    assert_int_equal(hs_file_read(path, SIZE_MAX, &file, NULL), HEADSIFT_OK);
    size_t size = footer_size(file.data + file.size);
    assert_int_equal(hs_hash_bytes(file.data + file.size - 8 - size, size, wanted, NULL), HEADSIFT_OK);
    assert_int_equal(hs_parquet_footer_sha256(path, first, NULL), HEADSIFT_OK);
    assert_string_equal(first, wanted);
    path = make("hash.parquet", "SELECT 'b' AS text", ""); /* the footer holds the smallest and largest value */
    assert_int_equal(hs_parquet_footer_sha256(path, second, NULL), HEADSIFT_OK);
    assert_string_not_equal(first, second);
    headsift_error error = {0};
    path = put("hash.parquet", file.data, file.size - 1);
    assert_int_equal(hs_parquet_footer_sha256(path, second, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "hash.parquet: is no Parquet file"));
    assert_int_equal(hs_parquet_footer_sha256(put_text("hash.parquet", "short"), second, &error), HEADSIFT_FAILED);
    assert_int_equal(hs_parquet_footer_sha256(scratch("nowhere"), second, &error), HEADSIFT_FAILED);
    hs_buffer_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_single_rows),
        cmocka_unit_test(test_column_of_row_numbers),
        cmocka_unit_test(test_renamed_column),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_only_the_range_is_read),
        cmocka_unit_test(test_missing_rows),
        cmocka_unit_test(test_no_text_column),
        cmocka_unit_test(test_footer_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
