/* Parquet: types, order, file names of any kind, damaged files, and strings that are no UTF-8, which must cost only
 * their own rows. Files are written by DuckDB. */
#define _GNU_SOURCE
#include "corpus_parquet.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "corpus/parquet_bytes.h"

static const char *make(const char *name, const char *query, const char *options) {
    const char *path = scratch(name);
    char statement[4096];
    snprintf(statement, sizeof statement, "COPY (%s) TO '%s' (FORMAT parquet%s)", query, path, options);
    duckdb_do(statement);
    return path;
}

static void test_types(void **state) {
    (void)state;
    const char *path =
        make("types.parquet",
             "SELECT * FROM (VALUES ('a''s', 1.50::DECIMAL(9,2), DATE '2020-01-02'), (NULL, NULL, NULL), "
             "('\xC3\xA9' || chr(0) || 'x', 12345678901234.25, DATE '1999-12-31')) t(text, id, domain)",
             "");
    struct hs_reader *reader = must_open(path, NULL, false);
    assert_true(hs_reader_has_domain(reader));
    struct hs_document document;
    assert_true(next(reader, &document));
    check_document(&document, &(struct expected){"a's", "1.50", "2020-01-02", NULL}, 0);
    assert_true(next(reader, &document));
    check_document(&document, &(struct expected){NULL, NULL, "", "\"text\" is null"}, 1);
    assert_true(next(reader, &document));
    assert_int_equal(document.text_size, 4);
    assert_memory_equal(document.text, "\xC3\xA9\0x", 4);
    check_bytes(document.domain, document.domain_size, "1999-12-31");
    assert_false(next(reader, &document));
    hs_reader_close(reader);
}

/* A time with a zone is text in UTC, whatever the machine's zone. */
static void test_time_zone(void **state) {
    (void)state;
    setenv("TZ", "America/New_York", 1);
    const char *path = make("zone.parquet", "SELECT 'a' AS text, TIMESTAMPTZ '2020-01-02 03:04:05+00' AS id", "");
    const struct expected wanted[] = {{"a", "2020-01-02 03:04:05+00", "", NULL}};
    check_records(path, NULL, wanted, 1);
    unsetenv("TZ");
}

static void test_columns(void **state) {
    (void)state;
    const char *path = make("columns.parquet", "SELECT 'b' AS body, 5 AS \"Text\", 'q' AS \"odd \"\"name\"\"\"", "");
    refuses(path, NULL, HEADSIFT_USAGE,
            "has no column \"text\"; name one of its columns with --text: body, Text, odd \"name\"");
    headsift_inputs inputs = {.text = "odd \"name\"", .domain = "body"};
    const struct expected wanted[] = {{"q", NULL, "b", NULL}};
    check_records(path, &inputs, wanted, 1);
    inputs.text = "Text";
    refuses(path, &inputs, HEADSIFT_USAGE, "holds no text");
    inputs = (headsift_inputs){.text = "body", .id = "nix"};
    refuses(path, &inputs, HEADSIFT_USAGE, "--id");
    inputs = (headsift_inputs){.text = "body", .domain = "nix"};
    refuses(path, &inputs, HEADSIFT_USAGE, "--domain");
}

static void test_text_as_bytes(void **state) {
    (void)state;
    const char *path = make("blob.parquet", "SELECT unnest(['ok'::BLOB, 'x\\xFFy'::BLOB, ''::BLOB, NULL]) AS text", "");
    const struct expected wanted[] = {{"ok", NULL, "", NULL},
                                      {NULL, NULL, "", "broken UTF-8 at byte 1 of \"text\""},
                                      {"", NULL, "", NULL},
                                      {NULL, NULL, "", "is null"}};
    check_records(path, NULL, wanted, 4);
}

/* Row i has the text "document i", but for those that `broken` says. */
static void check_numbered(const char *path, int64_t rows, bool (*broken)(int64_t), bool (*bad_id)(int64_t)) {
    struct hs_reader *reader = must_open(path, NULL, false);
    struct hs_document document;
    for (int64_t i = 0; i < rows; i++) {
        assert_true(next(reader, &document));
        char text[64], id[64], domain[64];
        snprintf(text, sizeof text, "document %d", (int)i);
        snprintf(id, sizeof id, "%d", (int)i);
        snprintf(domain, sizeof domain, "d%d", (int)(i % 7));
        bool bad = broken(i) || (bad_id != NULL && bad_id(i));
        const char *note = broken(i) ? "broken UTF-8 at byte 2 of \"text\"" : "broken UTF-8 at byte 0 of \"id\"";
        bool no_id = bad_id != NULL && bad_id(i);
        check_document(&document, &(struct expected){bad ? NULL : text, no_id ? NULL : id, domain, note}, i);
    }
    assert_false(next(reader, &document));
    hs_reader_close(reader);
}

static bool never(int64_t i) {
    (void)i;
    return false;
}
static bool some(int64_t i) { return i == 0 || i == 4095 || i == 25000 || i == 25001 || i == 59999; }
static bool last(int64_t i) { return i == 59999; }
static bool every_99th(int64_t i) { return i % 99 == 98; }

static void test_order(void **state) {
    (void)state;
    const char *path = make("order.parquet",
                            "SELECT 'document ' || i AS text, i AS id, 'd' || i % 7 AS domain FROM range(300000) t(i)",
                            ", ROW_GROUP_SIZE 4096");
    check_numbered(path, 300000, never, NULL);
}

/* Strings that are no UTF-8, in every compression, in plain and in dictionary pages. */
static void test_broken_strings(void **state) {
    (void)state;
    static const char *const options[] = {
        ", COMPRESSION uncompressed, ROW_GROUP_SIZE 8192", ", COMPRESSION snappy, ROW_GROUP_SIZE 8192",
        ", COMPRESSION gzip, ROW_GROUP_SIZE 20000",        ", COMPRESSION zstd",
        ", COMPRESSION lz4_raw, ROW_GROUP_SIZE 2048",      ", COMPRESSION brotli",
        ", PARQUET_VERSION v2, ROW_GROUP_SIZE 8192"};
    static const char *const columns[] = {"text", "domain"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const char *path =
            make("broken.parquet",
                 "SELECT CASE WHEN i IN (0, 4095, 25000, 25001, 59999) THEN 'xx\\xC3('::BLOB ELSE ('document ' || "
                 "i)::BLOB END AS text, i AS id, ('d' || i % 7)::BLOB AS domain FROM range(60000) t(i)",
                 options[i]);
        make_strings(path, columns, 2);
        check_numbered(path, 60000, some, NULL);
    }
}

static void test_broken_last(void **state) {
    (void)state;
    static const char *const columns[] = {"text", "id", "domain"};
    const char *path =
        make("last.parquet",
             "SELECT CASE WHEN i = 59999 THEN 'xx\\xFF'::BLOB ELSE ('document ' || i)::BLOB END AS text, "
             "(i::VARCHAR)::BLOB AS id, ('d' || i % 7)::BLOB AS domain FROM range(60000) t(i)",
             ", ROW_GROUP_SIZE 8192");
    make_strings(path, columns, 3);
    check_numbered(path, 60000, last, NULL);
}

static void test_broken_ids(void **state) {
    (void)state;
    static const char *const columns[] = {"text", "id", "domain"};
    const char *path = make("ids.parquet",
                            "SELECT ('document ' || i)::BLOB AS text, CASE WHEN i % 99 = 98 THEN '\\x80'::BLOB ELSE "
                            "(i::VARCHAR)::BLOB END AS id, ('d' || i % 7)::BLOB AS domain FROM range(5000) t(i)",
                            "");
    make_strings(path, columns, 3);
    check_numbered(path, 5000, never, every_99th);
}

/* A dictionary page with one broken string in it; a struct with members of the same names beside the columns. */
static void test_broken_dictionary(void **state) {
    (void)state;
    static const char *const columns[] = {"text"};
    const char *path = make(
        "dictionary.parquet",
        "SELECT {'id': 'x', 'domain': i} AS meta, CASE WHEN i % 100 = 50 THEN 'xx\\xFF'::BLOB ELSE ('same ' || i % "
        "10)::BLOB END AS text FROM range(50000) t(i)",
        ", ROW_GROUP_SIZE 16384");
    make_strings(path, columns, 1);
    struct hs_reader *reader = must_open(path, NULL, false);
    struct hs_document document;
    for (int64_t i = 0; i < 50000; i++) {
        assert_true(next(reader, &document));
        assert_int_equal(document.bad, i % 100 == 50);
        assert_null(document.id);
        char text[32];
        snprintf(text, sizeof text, "same %d", (int)(i % 10));
        check_bytes(document.text, document.text_size, i % 100 == 50 ? "xx\xFF" : text);
    }
    assert_false(next(reader, &document));
    hs_reader_close(reader);
}

static void test_broken_required(void **state) {
    (void)state;
    static const char *const values[] = {"a", "b\xFF", "", "d"};
    const char *path = put_single_rows("required.parquet", values, 4);
    headsift_inputs inputs = {.text = "c0"};
    const struct expected wanted[] = {
        {"a", NULL, "", NULL}, {NULL, NULL, "", "at byte 1"}, {"", NULL, "", NULL}, {"d", NULL, "", NULL}};
    check_records(path, &inputs, wanted, 4);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* 20,000 row groups of one row, without and with a broken string in every hundredth. */
static void test_tiny_row_groups(void **state) {
    (void)state;
    enum { N = 20000 };
    static const char *values[N];
    headsift_inputs inputs = {.text = "c0"};
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < N; i++) {
            values[i] = pass == 1 && i % 100 == 99 ? "b\xFF" : "value";
        }
        const char *path = put_single_rows("tiny.parquet", values, N);
        double start = now();
        struct hs_reader *reader = must_open(path, &inputs, false);
        struct hs_document document;
        for (int i = 0; i < N; i++) {
            assert_true(next(reader, &document));
            assert_int_equal(document.bad, pass == 1 && i % 100 == 99);
        }
        assert_false(next(reader, &document));
        hs_reader_close(reader);
        printf("20,000 row groups of one row, %s: %.2f s\n", pass == 0 ? "clean" : "some broken", now() - start);
        assert_true(now() - start < 60.0);
    }
}

static void test_damaged(void **state) {
    (void)state;
    refuses(put_text("nothing.parquet", ""), NULL, HEADSIFT_FAILED, "nothing.parquet");
    refuses(put_text("words.parquet", "these are no columns at all"), NULL, HEADSIFT_FAILED, "words.parquet");
    const char *path = make("whole.parquet", "SELECT 'document ' || i AS text FROM range(50000) t(i)", "");
    struct hs_buffer file = {0};
    assert_int_equal(hs_file_read(path, SIZE_MAX, &file, NULL), HEADSIFT_OK);
    for (size_t tenth = 1; tenth < 10; tenth++) {
        refuses(put("cut.parquet", file.data, file.size * tenth / 10), NULL, HEADSIFT_FAILED, "cut.parquet");
    }
    refuses(put("cut.parquet", file.data, file.size - 1), NULL, HEADSIFT_FAILED, "cut.parquet");
    /* The end is there and what it speaks of is not. */
    char *middle = file.data + file.size / 4;
    memset(middle, 0, file.size / 2);
    headsift_error error = {0};
    struct hs_reader *reader = must_open(put("hole.parquet", file.data, file.size), NULL, false);
    read_to_failure(reader, &error);
    assert_non_null(strstr(error.message, "hole.parquet"));
    hs_reader_close(reader);
    hs_buffer_free(&file);
}

static void test_no_rows(void **state) {
    (void)state;
    check_records(make("empty.parquet", "SELECT 'a' AS text WHERE false", ""), NULL, NULL, 0);
}

static void write_named(const char *path, const char *text) {
    char statement[2048], quoted[1024];
    size_t size = 0;
    for (const char *at = path; *at != '\0'; at++) {
        quoted[size++] = *at;
        if (*at == '\'') {
            quoted[size++] = '\'';
        }
    }
    quoted[size] = '\0';
    snprintf(statement, sizeof statement, "COPY (SELECT '%s' AS text) TO './%s' (FORMAT parquet, USE_TMP_FILE false)",
             text, quoted);
    duckdb_do(statement);
}

/* Each name beside files that it would match as a pattern. */
static void test_any_name(void **state) {
    (void)state;
    static const char *const names[] = {"a'b[1]*.parquet",
                                        "a'b1x.parquet",
                                        "q?.parquet",
                                        "qq.parquet",
                                        "new\nline[2].parquet",
                                        "back\\sl.parquet",
                                        "back\\s[l].parquet",
                                        "**.parquet",
                                        "~.parquet",
                                        "file:x.parquet",
                                        "s3:y.parquet",
                                        "[!a].parquet",
                                        "{a,b}.parquet",
                                        "\"quoted\".parquet",
                                        "-.parquet",
                                        " .parquet",
                                        "\xC3\xA9*\xE2\x82\xAC.parquet"};
    char folder[1024];
    test_scratch(folder, sizeof folder, "na[m]e*s='1'");
    mkdir(folder, 0777);
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[32];
        snprintf(text, sizeof text, "number %zu", i);
        write_named(names[i], text);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[32], full[2048];
        snprintf(text, sizeof text, "number %zu", i);
        const struct expected wanted[] = {{text, NULL, "", NULL}};
        check_records(names[i], NULL, wanted, 1);
        snprintf(full, sizeof full, "%s/%s", folder, names[i]);
        check_records(full, NULL, wanted, 1);
    }
}

/* A link with such a name, and a way to it through "..". */
static void test_links_and_dots(void **state) {
    (void)state;
    char folder[1024];
    test_scratch(folder, sizeof folder, "links[1]");
    mkdir(folder, 0777);
    assert_int_equal(chdir(folder), 0);
    mkdir("be*low", 0777);
    write_named("target.parquet", "linked");
    unlink("l[1].parquet");
    assert_int_equal(symlink("target.parquet", "l[1].parquet"), 0);
    static const struct expected wanted[] = {{"linked", NULL, "", NULL}};
    check_records("l[1].parquet", NULL, wanted, 1);
    check_records("be*low/../l[1].parquet", NULL, wanted, 1);
    assert_int_equal(chdir("be*low"), 0);
    check_records("../l[1].parquet", NULL, wanted, 1);
    check_records("../target.parquet", NULL, wanted, 1);
    headsift_inputs inputs = {.domain = "=DIR"};
    static const struct expected named[] = {{"linked", NULL, "links[1]", NULL}};
    check_records("../target.parquet", &inputs, named, 1);
}

/* A folder called domain=x is a folder. */
static void test_folder_is_no_column(void **state) {
    (void)state;
    char folder[1024];
    test_scratch(folder, sizeof folder, "domain=x");
    mkdir(folder, 0777);
    const char *path = make("domain=x/a.parquet", "SELECT 'a' AS text", "");
    struct hs_reader *reader = must_open(path, NULL, false);
    assert_false(hs_reader_has_domain(reader));
    hs_reader_close(reader);
    headsift_inputs inputs = {.domain = "=DIR"};
    const struct expected wanted[] = {{"a", NULL, "domain=x", NULL}};
    check_records(path, &inputs, wanted, 1);
}

/* Documents of a megabyte each: more than a memory limit's worth of vectors would be a fault. */
static void test_large_documents(void **state) {
    (void)state;
    const char *path =
        make("large.parquet", "SELECT repeat(chr((97 + i % 26)::INT), 1000000) AS text FROM range(200) t(i)", "");
    struct hs_reader *reader = must_open(path, NULL, false);
    struct hs_document document;
    for (int i = 0; i < 200; i++) {
        assert_true(next(reader, &document));
        assert_int_equal(document.text_size, 1000000);
        assert_int_equal(document.text[999999], 'a' + i % 26);
    }
    assert_false(next(reader, &document));
    hs_reader_close(reader);
}

/* ---- Strings made bytes in the footer ---- */

#define TEXT "\x15\x0C\x25\x02\x18\x01" /* an optional byte array called ... */
#define UTF8 "\x25\x00"                 /* converted type */
#define STRING "\x4C\x1C\x00\x00"       /* logical type, behind it */

/* FileMetaData: version, a schema of `n` elements below the root, which has `children`; rows. */
static struct hs_buffer metadata(const char *elements, size_t size, unsigned n, unsigned children) {
    struct hs_buffer out = {0};
    char head[] = {0x15, 2, 0x19, (char)((n + 1) << 4 | 12), 0x48, 1, 'r', 0x15, (char)(2 * children), 0};
    assert_true(hs_buffer_append(&out, head, sizeof head) && hs_buffer_append(&out, elements, size) &&
                hs_buffer_append(&out, "\x16\x08\x00", 3));
    return out;
}

static void check_retyped(const char *elements, size_t size, unsigned n, unsigned children, const char *wanted,
                          size_t wanted_size) {
    struct hs_buffer from = metadata(elements, size, n, children), to = {0};
    struct hs_buffer expected = metadata(wanted, wanted_size, n, children);
    bool ok = false;
    assert_true(hs_parquet_retype(&to, from.data, from.size, &ok));
    assert_true(ok);
    assert_int_equal(to.size, expected.size);
    assert_memory_equal(to.data, expected.data, to.size);
    for (size_t cut = 0; cut < from.size - 3; cut++) { /* the rest behind the schema is not read */
        to.size = 0;
        char *exact = hs_copy_bytes(from.data, cut);
        assert_true(hs_parquet_retype(&to, exact, cut, &ok));
        assert_false(ok);
        hs_free(exact);
    }
    hs_buffer_free(&from);
    hs_buffer_free(&to);
    hs_buffer_free(&expected);
}

#define CHECK_RETYPED(from, n, children, to) check_retyped(from, sizeof(from) - 1, n, children, to, sizeof(to) - 1)

static void test_retype(void **state) {
    (void)state;
    CHECK_RETYPED(TEXT "a" UTF8 STRING "\0" TEXT "b" UTF8 "\0", 2, 2, TEXT "a\0" TEXT "b\0");
    /* field_id between the two, and numbers of members written in full */
    CHECK_RETYPED(TEXT "a" UTF8 "\x35\x04\x1C\x1C\0\0\0", 1, 1, TEXT "a\x55\x04\0");
    CHECK_RETYPED(TEXT "a\x0C\x14\x1C\0\0\x05\x12\x06\0", 1, 1, TEXT "a\x55\x06\0");
    /* no annotation, JSON, a number, REPEATED: as they are */
    CHECK_RETYPED(TEXT "a\0", 1, 1, TEXT "a\0");
    CHECK_RETYPED(TEXT "a\x25\x26\0", 1, 1, TEXT "a\x25\x26\0");
    CHECK_RETYPED("\x15\x04\x25\x02\x18\x01"
                  "a\0",
                  1, 1,
                  "\x15\x04\x25\x02\x18\x01"
                  "a\0");
    CHECK_RETYPED("\x15\x0C\x25\x04\x18\x01"
                  "a" UTF8 "\0",
                  1, 1,
                  "\x15\x0C\x25\x04\x18\x01"
                  "a" UTF8 "\0");
    /* a group of two strings between two strings */
    CHECK_RETYPED(TEXT "a" UTF8 "\0"
                       "\x35\x02\x18\x01"
                       "g\x15\x04\0" TEXT "b" UTF8 "\0" TEXT "c" UTF8 "\0" TEXT "d" UTF8 "\0",
                  5, 3,
                  TEXT "a\0"
                       "\x35\x02\x18\x01"
                       "g\x15\x04\0" TEXT "b" UTF8 "\0" TEXT "c" UTF8 "\0" TEXT "d\0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_time_zone),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_text_as_bytes),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_broken_strings),
        cmocka_unit_test(test_broken_last),
        cmocka_unit_test(test_broken_ids),
        cmocka_unit_test(test_broken_dictionary),
        cmocka_unit_test(test_broken_required),
        cmocka_unit_test(test_tiny_row_groups),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_any_name),
        cmocka_unit_test(test_folder_is_no_column),
        cmocka_unit_test(test_links_and_dots),
        cmocka_unit_test(test_large_documents),
        cmocka_unit_test(test_retype),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
