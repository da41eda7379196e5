/* CSV by RFC 4180, and plain text files: quoting, line ends, ragged and unclosed records, headers.
 * Each CSV is read plain, gzip and zstd. */
#include "corpus_files.h"

static void check_kinds(const char *bytes, const headsift_inputs *options, const struct expected *wanted, size_t n) {
    static const char *const names[] = {"records.csv", "records.csv.gz", "records.csv.zst"};
    for (int kind = HS_PLAIN; kind <= HS_ZSTD; kind++) {
        const char *path = put_packed(names[kind], (enum hs_compression)kind, bytes, strlen(bytes), 2);
        check_records(path, options, wanted, n);
    }
}

static void test_records(void **state) {
    (void)state;
    static const char csv[] = "\xEF\xBB\xBFid,text,domain\r\n"
                              "1,plain,a\r\n"
                              "2,\"comma, quote \"\"q\"\" and\r\nnew\n\nline\",\"b\"\n"
                              "\n"
                              "\r\n"
                              "3,,\n"
                              "too,short\n"
                              "4,after a ragged one,c\n"
                              "5,one,too,many\n"
                              "6,\"\",\"\"\n"
                              "7,say \"hi\" bare,d\n"
                              "8,\"closed\" then more,e\n"
                              "9,\"closed\"\r,e\n"
                              "10,lone \r return,\r\n"
                              "11,b\xFFy,f\n"
                              "1\xFF,fine,f\n"
                              "12, \"blank before\",f\n"
                              "\"13\",\"\"\"\",\"last\"";
    static const struct expected wanted[] = {
        {"plain", "1", "a", NULL},
        {"comma, quote \"q\" and\r\nnew\n\nline", "2", "b", NULL},
        {"", "3", "", NULL},
        {NULL, NULL, "", "2 values where the header has 3 columns"},
        {"after a ragged one", "4", "c", NULL},
        {NULL, NULL, "", "4 values where the header has 3 columns"},
        {"", "6", "", NULL},
        {"say \"hi\" bare", "7", "d", NULL},
        {NULL, NULL, "", "text behind a closing quote in column 2"},
        {NULL, NULL, "", "text behind a closing quote in column 2"},
        {"lone \r return", "10", "", NULL},
        {NULL, "11", "f", "broken UTF-8 at byte 1 of \"text\""},
        {NULL, NULL, "f", "broken UTF-8 at byte 1 of \"id\""},
        {" \"blank before\"", "12", "f", NULL},
        {"\"", "13", "last", NULL},
    };
    check_kinds(csv, NULL, wanted, sizeof wanted / sizeof *wanted);
}

static void test_unclosed_quote(void **state) {
    (void)state;
    const struct expected wanted[] = {{"fine", "1", "", NULL}, {NULL, NULL, "", "a quote that is never closed"}};
    check_kinds("id,text\n1,fine\n2,\"open\n3,swallowed\n", NULL, wanted, 2);
    check_kinds("id,text\n1,fine\n2,\"", NULL, wanted, 2);
    check_kinds("id,text\n1,fine\n\"open,1\n", NULL, wanted, 2);
    const struct expected closed[] = {{"fine", "1", "", NULL}, {"\"", "2", "", NULL}};
    check_kinds("id,text\n1,fine\n2,\"\"\"\"", NULL, closed, 2);
}

static void test_one_column(void **state) {
    (void)state;
    const struct expected wanted[] = {{"a", NULL, "", NULL}, {"", NULL, "", NULL}, {"b", NULL, "", NULL}};
    check_kinds("text\na\n\nb\n", NULL, wanted, 3);
    check_kinds("text\r\na\r\n\"\"\r\nb\r", NULL, wanted, 3);
}

static void test_header(void **state) {
    (void)state;
    check_records(put_text("empty.csv", ""), NULL, NULL, 0);
    check_records(put_text("headeronly.csv", "text,id"), NULL, NULL, 0);
    check_records(put_text("headeronly.csv", "text,id\r\n\r\n"), NULL, NULL, 0);
    const char *path = put_text("other.csv", "a,\"b \"\"c\"\"\"\n1,2\n");
    refuses(path, NULL, HEADSIFT_USAGE, "has no column \"text\"; name one of its columns with --text: a, b \"c\"");
    headsift_inputs inputs = {.text = "b \"c\"", .id = "a", .domain = "nix"};
    refuses(path, &inputs, HEADSIFT_USAGE, "--domain");
    inputs.domain = "=x";
    const struct expected wanted[] = {{"2", "1", "x", NULL}};
    check_records(path, &inputs, wanted, 1);
    refuses(put_text("twice.csv", "text,text\n1,2\n"), NULL, HEADSIFT_USAGE, "two columns \"text\"");
    refuses(put_text("twice.csv", "text,note,id,note\n1,2,3,4\n"), NULL, HEADSIFT_USAGE, "two columns \"note\"");
    refuses(put_text("open.csv", "text,\"id\n1,2\n"), NULL, HEADSIFT_FAILED, "no CSV header");
    refuses(put_text("latin.csv", "text,\xE9\n1,2\n"), NULL, HEADSIFT_FAILED, "no CSV header");
}

static void test_fields_and_nul(void **state) {
    (void)state;
    static const char csv[] = "text,n,x\na\0b,007,\"\0\"\nshort\nb\xFF,1,2\n";
    struct hs_reader *reader = must_open(put("fields.csv", csv, sizeof csv - 1), NULL, true);
    assert_false(hs_reader_has_domain(reader));
    struct hs_document document;
    assert_true(next(reader, &document));
    assert_false(document.bad);
    assert_int_equal(document.text_size, 3);
    assert_memory_equal(document.text, "a\0b", 3);
    assert_int_equal(document.n_fields, 3);
    check_bytes(document.fields[1].name, document.fields[1].name_size, "n");
    check_bytes(document.fields[1].value, document.fields[1].size, "007");
    assert_int_equal(document.fields[2].size, 1);
    assert_null(document.raw);
    for (int i = 0; i < 2; i++) {
        assert_true(next(reader, &document));
        assert_true(document.bad);
        assert_int_equal(document.n_fields, 0);
    }
    hs_reader_close(reader);
}

/* Records larger than any block, with quotes at every place of a block's edge. */
static void test_large_fields(void **state) {
    (void)state;
    enum { N = 40, SIZE = 131072 };
    struct hs_buffer csv = {0};
    assert_true(hs_buffer_printf(&csv, "id,text\n"));
    for (int i = 0; i < N; i++) {
        assert_true(hs_buffer_printf(&csv, "%d,\"", i));
        for (int j = 0; j < SIZE - N + 2 * i; j += 8) {
            assert_true(hs_buffer_append(&csv, "a\"\"b,\r\nc", 8));
        }
        assert_true(hs_buffer_printf(&csv, "\"\r\n"));
    }
    struct hs_reader *reader = must_open(put("large.csv", csv.data, csv.size), NULL, false);
    struct hs_document document;
    for (int i = 0; i < N; i++) {
        assert_true(next(reader, &document));
        assert_false(document.bad);
        size_t repeats = (size_t)(SIZE - N + 2 * i + 7) / 8;
        assert_int_equal(document.text_size, repeats * 7);
        for (size_t j = 0; j < repeats; j++) {
            assert_memory_equal(document.text + j * 7, "a\"b,\r\nc", 7);
        }
    }
    assert_false(next(reader, &document));
    hs_reader_close(reader);
    hs_buffer_free(&csv);
}

static void test_text_files(void **state) {
    (void)state;
    static const char *const names[] = {"doc.txt", "doc.txt.gz", "doc.txt.zst"};
    static const char text[] = "\xEF\xBB\xBFline one\r\n\nline \"two\"";
    for (int kind = HS_PLAIN; kind <= HS_ZSTD; kind++) {
        const char *path = put_packed(names[kind], (enum hs_compression)kind, text, sizeof text - 1, 3);
        const struct expected wanted[] = {{text + 3, NULL, "", NULL}};
        check_records(path, NULL, wanted, 1);
        headsift_inputs inputs = {.domain = "=FILE", .text = "body", .id = "key"};
        const struct expected named[] = {{text + 3, NULL, names[kind], NULL}};
        check_records(path, &inputs, named, 1);
    }
    const char *path = put_text("none.txt", "");
    const struct expected empty[] = {{"", NULL, "", NULL}};
    check_records(path, NULL, empty, 1);
    path = put_text("bytes.txt", "ab\xFE");
    const struct expected bad[] = {{NULL, NULL, "", "broken UTF-8 at byte 2 of \"text\""}};
    check_records(path, NULL, bad, 1);
    headsift_inputs inputs = {.domain = "source"};
    refuses(path, &inputs, HEADSIFT_USAGE, "has no columns");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),    cmocka_unit_test(test_unclosed_quote), cmocka_unit_test(test_one_column),
        cmocka_unit_test(test_header),     cmocka_unit_test(test_fields_and_nul), cmocka_unit_test(test_large_fields),
        cmocka_unit_test(test_text_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
