/* JSONL: framing, bad lines that cost only themselves, numbers of any size, long lines, missing columns.
 * Each content is read plain, gzip and zstd. */
#include "corpus_files.h"

static void check_all_kinds(const char *name, const char *bytes, size_t size, const headsift_inputs *options,
                            const struct expected *wanted, size_t n) {
    static const char *const suffixes[] = {"", ".gz", ".zst"};
    for (int kind = HS_PLAIN; kind <= HS_ZSTD; kind++) {
        for (size_t parts = 1; parts <= 3; parts += 2) {
            char full[128];
            snprintf(full, sizeof full, "%s%zu.jsonl%s", name, parts, suffixes[kind]);
            const char *path = put_packed(full, (enum hs_compression)kind, bytes, size, parts);
            check_records(path, options, wanted, n);
        }
    }
}

static void test_records(void **state) {
    (void)state;
    static const char lines[] = "\xEF\xBB\xBF{\"text\": \"one\", \"id\": \"a\", \"domain\": \"x\"}\n"
                                "\n"
                                "  \t \r\n"
                                "{\"text\": \"t\\u00e4xt \\ud83d\\ude00\", \"id\": 7, \"domain\": null}\r\n"
                                "{\"text\": \"cut off\n"
                                "{\"text\": \"after\", \"id\": null, \"domain\": {\"a\": [1, \"}\"]} }\n"
                                "{\"text\": 5, \"id\": \"n\"}\n"
                                "{\"text\": null}\n"
                                "{\"id\": \"no text\"}\n"
                                "[1, 2]\n"
                                "{\"text\": \"\\ud800\"}\n"
                                "{\"text\": \"tail\"} x\n"
                                "{\"text\": \"b\xFFy\"}\n"
                                "{\"text\": \"\"}\n"
                                "{\"domain\": true, \"text\": \"last, no newline\", \"id\": -1.50e2}";
    static const struct expected wanted[] = {
        {"one", "a", "x", NULL},
        {"t\xC3\xA4xt \xF0\x9F\x98\x80", "7", "", NULL},
        {NULL, NULL, "", "not JSON at byte "},
        {"after", NULL, "{\"a\": [1, \"}\"]}", NULL},
        {NULL, "n", "", "\"text\" is a number, not a string"},
        {NULL, NULL, "", "\"text\" is null"},
        {NULL, "no text", "", "no \"text\""},
        {NULL, NULL, "", "not a JSON object"},
        {NULL, NULL, "", "not JSON at byte "},
        {NULL, NULL, "", "not JSON at byte "},
        {NULL, NULL, "", "broken UTF-8 at byte 11 of the line"},
        {"", NULL, "", NULL},
        {"last, no newline", "-1.50e2", "true", NULL},
    };
    check_all_kinds("records", lines, sizeof lines - 1, NULL, wanted, sizeof wanted / sizeof *wanted);
}

static void test_numbers_of_any_size(void **state) {
    (void)state;
    char lines[4096];
    char digits[400];
    memset(digits, '7', sizeof digits - 1);
    digits[sizeof digits - 1] = '\0';
    snprintf(lines, sizeof lines,
             "{\"id\": 123456789012345678901234567890, \"text\": \"a\"}\n"
             "{\"id\": %s, \"text\": \"b 99999999999999999999999 \\\" 1e999\"}\n"
             "{\"id\": 1e+999, \"n\": [-1E-999, 2e999], \"text\": \"c\"}\n"
             "{\"id\": 0.1, \"text\": \"d\"}\n"
             "{\"id\": 0123456789012345678901234567890, \"text\": \"e\"}\n"
             "{\"id\": 12345678901234567890123456789.5.5, \"text\": \"f\"}\n",
             digits);
    const struct expected wanted[] = {
        {"a", "123456789012345678901234567890", "", NULL},
        {"b 99999999999999999999999 \" 1e999", digits, "", NULL},
        {"c", "1e+999", "", NULL},
        {"d", "0.1", "", NULL},
        {NULL, NULL, "", "not JSON"},
        {NULL, NULL, "", "not JSON"},
    };
    check_records(put_text("numbers.jsonl", lines), NULL, wanted, 6);
}

static void test_nul_is_text(void **state) {
    (void)state;
    static const char lines[] = "{\"text\": \"a\\u0000b\", \"id\": \"\\u0000\"}\n";
    struct hs_reader *reader = must_open(put("nul.jsonl", lines, sizeof lines - 1), NULL, false);
    struct hs_document document;
    assert_true(next(reader, &document));
    assert_false(document.bad);
    assert_int_equal(document.text_size, 3);
    assert_memory_equal(document.text, "a\0b", 3);
    assert_int_equal(document.id_size, 1);
    hs_reader_close(reader);
    static const char raw[] = "{\"text\": \"a\"}\n{\"text\": \"a\0b\"}\n\0\n{\"text\": \"c\"}\n";
    const struct expected wanted[] = {
        {"a", NULL, "", NULL}, {NULL, NULL, "", "not JSON"}, {NULL, NULL, "", "not JSON"}, {"c", NULL, "", NULL}};
    check_records(put("rawnul.jsonl", raw, sizeof raw - 1), NULL, wanted, 4);
}

static void test_all_fields(void **state) {
    (void)state;
    static const char line[] = "{\"b\": [1, {\"x\": \"]\"}], \"text\": \"t\", \"a\\n\": \"v\", \"b\" : 2 , \"z\":null}";
    char bytes[256];
    snprintf(bytes, sizeof bytes, "%s\r\n", line);
    struct hs_reader *reader = must_open(put_text("fields.jsonl", bytes), NULL, true);
    struct hs_document document;
    assert_true(next(reader, &document));
    check_bytes(document.raw, document.raw_size, line);
    static const char *const wanted[][2] = {{"text", "t"}, {"a\n", "v"}, {"b", "2"}, {"z", NULL}};
    assert_int_equal(document.n_fields, 4);
    for (size_t i = 0; i < 4; i++) {
        check_bytes(document.fields[i].name, document.fields[i].name_size, wanted[i][0]);
        assert_int_equal(document.fields[i].value == NULL, wanted[i][1] == NULL);
        if (wanted[i][1] != NULL) {
            check_bytes(document.fields[i].value, document.fields[i].size, wanted[i][1]);
        }
    }
    hs_reader_close(reader);
}

static void test_many_repeated_names(void **state) {
    (void)state;
    struct hs_buffer line = {0};
    assert_true(hs_buffer_printf(&line, "{\"text\": \"first\""));
    for (int i = 0; i < 100000; i++) {
        assert_true(hs_buffer_printf(&line, ", \"k%d\": %d", i / 2, i));
    }
    assert_true(hs_buffer_printf(&line, ", \"text\": \"last\"}\n"));
    struct hs_reader *reader = must_open(put("repeated.jsonl", line.data, line.size), NULL, true);
    struct hs_document document;
    assert_true(next(reader, &document));
    check_bytes(document.text, document.text_size, "last");
    assert_int_equal(document.n_fields, 50001);
    check_bytes(document.fields[0].value, document.fields[0].size, "1");
    hs_reader_close(reader);
    hs_buffer_free(&line);
}

static void test_long_line(void **state) {
    (void)state;
    enum { SIZE = 50 * 1000 * 1000 };
    struct hs_buffer lines = {0};
    assert_true(hs_buffer_printf(&lines, "{\"text\": \"before\"}\n{\"text\": \""));
    assert_true(hs_buffer_reserve(&lines, SIZE));
    memset(lines.data + lines.size, 'x', SIZE);
    lines.size += SIZE;
    assert_true(hs_buffer_printf(&lines, "\"}\n{\"text\": \"after\"}\n"));
    for (int kind = HS_PLAIN; kind <= HS_ZSTD; kind++) {
        const char *path = put_packed("long.jsonl", (enum hs_compression)kind, lines.data, lines.size, 2);
        struct hs_reader *reader = must_open(path, NULL, false);
        struct hs_document document;
        assert_true(next(reader, &document));
        assert_true(next(reader, &document));
        assert_false(document.bad);
        assert_int_equal(document.text_size, SIZE);
        assert_true(next(reader, &document));
        check_bytes(document.text, document.text_size, "after");
        assert_false(next(reader, &document));
        hs_reader_close(reader);
        remove(path);
    }
    hs_buffer_free(&lines);
}

static void test_missing_columns(void **state) {
    (void)state;
    const char *path = put_text("missing.jsonl", "not json\n{\"body\": \"a\", \"title\": \"b\"}\n");
    refuses(path, NULL, HEADSIFT_USAGE, "has no column \"text\"; name one of its columns with --text: body, title");
    headsift_inputs inputs = {.text = "body"};
    const struct expected wanted[] = {{NULL, NULL, "", "not JSON"}, {"a", NULL, "", NULL}};
    check_records(path, &inputs, wanted, 2);
    inputs.domain = "source";
    refuses(path, &inputs, HEADSIFT_USAGE, "has no column \"source\"; name one of its columns with --domain");
    inputs.domain = NULL;
    inputs.id = "key";
    refuses(path, &inputs, HEADSIFT_USAGE, "has no column \"key\"; name one of its columns with --id");
    /* Nothing but bad lines, or nothing at all, is no missing column. */
    const struct expected bad[] = {{NULL, NULL, "", "not JSON"}};
    check_records(put_text("onlybad.jsonl", "{\"text\n"), NULL, bad, 1);
    check_records(put_text("nothing.jsonl", ""), NULL, NULL, 0);
    check_records(put_text("blanks.jsonl", "\n \n\r\n"), NULL, NULL, 0);
    check_records(put_text("onlymark.jsonl", "\xEF\xBB\xBF"), NULL, NULL, 0);
}

/* The columns there are are told from a line that is long gone when the search ends. */
static void test_missing_column_of_a_long_file(void **state) {
    (void)state;
    struct hs_buffer lines = {0};
    assert_true(hs_buffer_printf(&lines, "{\"body\": 1, \"ti\\u0074le\": 2}\n"));
    for (int i = 0; i < 999; i++) {
        assert_true(hs_buffer_printf(&lines, "{\"other\": \"%01000d\"}\n", i));
    }
    assert_true(hs_buffer_printf(&lines, "not json\n"));
    refuses(put("longmissing.jsonl", lines.data, lines.size), NULL, HEADSIFT_USAGE, "--text: body, title");
    hs_buffer_free(&lines);
}

/* A column that first stands in record 999 is found, one in record 1001 is not. */
static void test_search_limit(void **state) {
    (void)state;
    for (int last = 1000; last <= 1001; last++) {
        struct hs_buffer lines = {0};
        for (int i = 1; i < last; i++) {
            assert_true(hs_buffer_printf(&lines, "{\"other\": 1}\n"));
        }
        assert_true(hs_buffer_printf(&lines, "{\"text\": \"late\"}\n"));
        const char *path = put("late.jsonl", lines.data, lines.size);
        if (last == 1000) {
            hs_reader_close(must_open(path, NULL, false));
        } else {
            refuses(path, NULL, HEADSIFT_USAGE, "other");
        }
        hs_buffer_free(&lines);
    }
}

static void test_has_domain(void **state) {
    (void)state;
    static const struct {
        const char *lines;
        const char *rule;
        bool wanted;
        const char *domain;
    } cases[] = {
        {"{\"text\": \"a\"}\n", NULL, false, ""},
        {"{\"text\": \"a\", \"domain\": \"d\"}\n", NULL, true, "d"},
        {"{\"text\": \"a\"}\n{\"text\": \"b\", \"domain\": \"d\"}\n", NULL, true, ""},
        {"{\"text\": \"a\", \"domain\": \"d\"}\n", "=maths", true, "maths"},
        {"{\"text\": \"a\", \"domain\": \"d\"}\n", "=FILE", true, "domain.jsonl"},
        {"{\"text\": \"a\", \"domain\": \"d\"}\n", "=DIR", true, "scratch"},
        {"{\"text\": \"a\", \"kind\": 3}\n", "kind", true, "3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_inputs inputs = {.domain = cases[i].rule};
        struct hs_reader *reader = must_open(put_text("domain.jsonl", cases[i].lines), &inputs, false);
        assert_int_equal(hs_reader_has_domain(reader), cases[i].wanted);
        struct hs_document document;
        assert_true(next(reader, &document));
        check_bytes(document.domain, document.domain_size, cases[i].domain);
        hs_reader_close(reader);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_numbers_of_any_size),
        cmocka_unit_test(test_nul_is_text),
        cmocka_unit_test(test_all_fields),
        cmocka_unit_test(test_many_repeated_names),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_missing_columns),
        cmocka_unit_test(test_search_limit),
        cmocka_unit_test(test_has_domain),
        cmocka_unit_test(test_missing_column_of_a_long_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
