/* Ranges of JSONL, CSV and text: they hold the rows of a whole read, each once, however large they are and however the
 * file is packed; where they say decoding begins; files that changed, broke or were stopped at. */
#include "corpus_ranges.h"

enum { KINDS = 3 };
static const uint32_t pieces[] = {0, 2, 50, 5000}; /* 0: one member or frame */

static void add_text(struct hs_buffer *out, const char *text) {
    assert_true(hs_buffer_append(out, text, strlen(text)));
}

/* ---- Lines -------------------------------------------------------------------------------------------------- */

static void add_line(struct hs_buffer *out, uint32_t *state, int i) {
    static const char *const others[] = {"\n",
                                         " \t\r\n",
                                         "\r\n",
                                         "not JSON\n",
                                         "{\"text\": 5}\n",
                                         "{\"id\": \"no text\"}\r\n",
                                         "{\"text\": \"b\xFF\"}\n",
                                         "{\"text\": \"\"}\n",
                                         "\xEF\xBB\xBF\n",
                                         "{\"text\": \"lone \r return\", \"domain\": \"d\"} \n"};
    uint32_t which = draw(state, 20);
    if (which < sizeof others / sizeof *others) {
        add_text(out, others[which]);
        return;
    }
    assert_true(hs_buffer_printf(out, "{\"text\": \"document %d %.*s\", \"id\": %d, \"domain\": \"d%d\", \"n\": null}",
                                 i, (int)draw(state, 60),
                                 "............................................................", i, i % 3));
    add_text(out, draw(state, 3) == 0 ? "\r\n" : "\n");
}

static struct hs_buffer make_lines(uint32_t seed, int n) {
    struct hs_buffer out = {0};
    uint32_t state = seed;
    add_text(&out, seed % 2 == 0 ? "\xEF\xBB\xBF" : "");
    add_text(&out, seed % 3 == 0 ? "\n" : "");
    for (int i = 0; i < n; i++) {
        add_line(&out, &state, i);
    }
    out.size -= seed % 4 == 1 ? 1 : 0; /* no newline at the end */
    return out;
}

static void test_lines(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        struct hs_buffer lines = make_lines(seed, 60);
        for (int kind = 0; kind < KINDS; kind++) {
            for (size_t i = 0; i < (kind == HS_PLAIN ? 1 : 4); i++) {
                const char *path = put_pieces("ranges.jsonl", (enum hs_compression)kind, &lines, pieces[i]);
                assert_in_range(check_ranges(path, NULL), 20, 60);
            }
        }
        hs_buffer_free(&lines);
    }
}

/* Lines longer than any block, among short ones. */
static void test_huge_lines(void **state) {
    (void)state;
    struct hs_buffer lines = {0};
    for (int i = 0; i < 12; i++) {
        add_text(&lines, "{\"text\": \"");
        for (int j = 0; j < (i % 4 == 3 ? 50000 : 2); j++) {
            assert_true(hs_buffer_printf(&lines, "word%05d ", j));
        }
        add_text(&lines, "\"}\n\n");
    }
    for (int kind = 0; kind < KINDS; kind++) {
        const char *path = put_pieces("huge.jsonl", (enum hs_compression)kind, &lines, 200000);
        assert_int_equal(check_ranges(path, NULL), 12);
    }
    hs_buffer_free(&lines);
}

/* ---- CSV ---------------------------------------------------------------------------------------------------- */

static void add_row(struct hs_buffer *out, uint32_t *state, int i) {
    static const char *const others[] = {"\n",
                                         "\r\n",
                                         "short\n",
                                         "1,\"quoted\r\n\"\"new\"\"\n\nline\",d\n",
                                         "2,\"closed\" and more,d\n",
                                         "3,lone \r return,\r\n",
                                         "4,b\xFFy,d\n",
                                         "\"\",,\n",
                                         ",\n",
                                         "a,b,c,d\n"};
    uint32_t which = draw(state, 20);
    if (which < sizeof others / sizeof *others) {
        add_text(out, others[which]);
        return;
    }
    assert_true(hs_buffer_printf(out, "%d,\"document, %d %.*s\",d%d", i, i, (int)draw(state, 40),
                                 "........................................", i % 3));
    add_text(out, draw(state, 3) == 0 ? "\r\n" : "\n");
}

static struct hs_buffer make_rows(uint32_t seed, int n) {
    static const char *const ends[] = {"", "9,\"open\n1,x,y\n", "9,\"\"\"", "\r", "last,one,x"};
    struct hs_buffer out = {0};
    uint32_t state = seed;
    add_text(&out, seed % 2 == 0 ? "\xEF\xBB\xBF" : "");
    add_text(&out, seed == 5 ? "\"text\"\n" : "id,\"text\",domain\r\n");
    for (int i = 0; i < n; i++) {
        add_row(&out, &state, i);
    }
    add_text(&out, ends[seed % 5]);
    return out;
}

static void test_csv(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        struct hs_buffer rows = make_rows(seed, 60);
        for (int kind = 0; kind < KINDS; kind++) {
            for (size_t i = 0; i < (kind == HS_PLAIN ? 1 : 4); i++) {
                const char *path = put_pieces("ranges.csv", (enum hs_compression)kind, &rows, pieces[i]);
                assert_in_range(check_ranges(path, NULL), 30, 70);
            }
        }
        hs_buffer_free(&rows);
    }
}

/* ---- Nothing, and text -------------------------------------------------------------------------------------- */

static void test_nothing(void **state) {
    (void)state;
    static const char *const contents[] = {"", "\xEF\xBB\xBF", "\n \n\r\n"};
    for (size_t i = 0; i < 3; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            const char *bytes = contents[i];
            const char *path = put_packed("none.jsonl", (enum hs_compression)kind, bytes, strlen(bytes), 1);
            assert_int_equal(check_ranges(path, NULL), 0);
        }
    }
    assert_int_equal(check_ranges(put_text("none.csv", ""), NULL), 0);
    assert_int_equal(check_ranges(put_text("none.csv", "text,id"), NULL), 0);
    assert_int_equal(check_ranges(put_text("none.csv", "text,id\r\n\n"), NULL), 0);
}

static void test_text_files(void **state) {
    (void)state;
    static const char text[] = "\xEF\xBB\xBFone\n\ntwo \xFF three";
    for (int kind = 0; kind < KINDS; kind++) {
        const char *path = put_packed("doc.txt", (enum hs_compression)kind, text, sizeof text - 1, 3);
        assert_int_equal(check_ranges(path, NULL), 1);
        assert_int_equal(check_ranges(put_packed("doc.txt", (enum hs_compression)kind, "", 0, 1), NULL), 1);
    }
}

/* ---- Places ------------------------------------------------------------------------------------------------- */

static struct hs_ranges scan_path(const char *path, struct hs_input_list *list, int64_t unit_bytes) {
    static const headsift_inputs none;
    assert_int_equal(find_one(path, NULL, list, NULL), HEADSIFT_OK);
    return must_scan(&list->items[0], &none, unit_bytes, 0);
}

/* Plain: the record's own byte. */
static void test_plain_places(void **state) {
    (void)state;
    static const char lines[] = "\xEF\xBB\xBF{\"text\": 1}\n\n  {\"text\": 2}\r\n{\"text\": 3}";
    struct hs_input_list list;
    struct hs_ranges ranges = scan_path(put_text("places.jsonl", lines), &list, 1);
    static const struct hs_range wanted[] = {{0, 1, 12, 3, 0}, {1, 1, 15, 16, 0}, {2, 1, 11, 31, 0}};
    assert_int_equal(ranges.n, 3);
    assert_memory_equal(ranges.items, wanted, sizeof wanted);
    hs_ranges_free(&ranges);
    hs_inputs_free(&list);
    ranges = scan_path(put_text("places.csv", "\xEF\xBB\xBFtext,id\na,1\n\n\"b\n\",2\nc"), &list, 9);
    static const struct hs_range records[] = {{0, 1, 4, 11, 0}, {1, 2, 8, 16, 0}};
    assert_int_equal(ranges.n, 2);
    assert_memory_equal(ranges.items, records, sizeof records);
    hs_ranges_free(&ranges);
    hs_inputs_free(&list);
}

/* Packed: the last member or frame that begins at or before the record, so that little is decoded for nothing. */
static void test_packed_places(void **state) {
    (void)state;
    static const char line[] = "{\"text\": \"of one size\"}\n";
    enum { SIZE = sizeof line - 1, N = 400 };
    struct hs_buffer lines = {0};
    for (int i = 0; i < N; i++) {
        add_text(&lines, line);
    }
    for (int kind = HS_GZIP; kind <= HS_ZSTD; kind++) {
        struct hs_buffer first = packed((enum hs_compression)kind, lines.data, SIZE * 2, 1);
        struct hs_input_list list;
        const char *path = put_packed("places.jsonl", (enum hs_compression)kind, lines.data, lines.size, N / 2);
        struct hs_ranges ranges = scan_path(path, &list, 1);
        assert_int_equal(ranges.n, N);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(ranges.items[i].file_offset, first.size * (i / 2));
            assert_int_equal(ranges.items[i].skip_bytes, i % 2 * SIZE);
        }
        hs_ranges_free(&ranges);
        hs_inputs_free(&list);
        hs_buffer_free(&first);
    }
    hs_buffer_free(&lines);
}

/* Of several members or frames that begin at one record, the empty ones are passed over. */
static void test_places_behind_nothing(void **state) {
    (void)state;
    static const char line[] = "{\"text\": 1}\n";
    for (int kind = HS_GZIP; kind <= HS_ZSTD; kind++) {
        struct hs_buffer file = packed((enum hs_compression)kind, line, sizeof line - 1, 1);
        for (uint32_t which = 0; which < 2; which++) {
            add_nothing(&file, (enum hs_compression)kind, which);
        }
        size_t behind = file.size;
        (kind == HS_GZIP ? gzip_member : zstd_frame)(&file, line, sizeof line - 1);
        struct hs_input_list list;
        struct hs_ranges ranges = scan_path(put("nothing.jsonl", file.data, file.size), &list, 1);
        assert_int_equal(ranges.n, 2);
        assert_int_equal(ranges.items[1].file_offset, behind);
        assert_int_equal(ranges.items[1].skip_bytes, 0);
        hs_ranges_free(&ranges);
        hs_inputs_free(&list);
        hs_buffer_free(&file);
    }
}

/* ---- What goes wrong ---------------------------------------------------------------------------------------- */

static void test_changed_file(void **state) {
    (void)state;
    static const headsift_inputs none;
    struct hs_input_list list;
    struct hs_ranges ranges =
        scan_path(put_text("changed.jsonl", "{\"text\":1}\n{\"text\":2}\n{\"text\":3}\n"), &list, 25);
    assert_int_equal(ranges.n, 2);
    put_text("changed.jsonl", "{\"text\":1}\n");
    for (size_t i = 0; i < 2; i++) {
        headsift_error error = {0};
        struct hs_reader *reader = must_open_range(&list.items[0], &none, &ranges.items[i]);
        assert_int_equal(read_to_failure(reader, &error), i == 0 ? 1 : 0);
        assert_non_null(
            strstr(error.message, i == 0 ? "ends at record 1, 1 before its last one" : "ends at record 2, 1"));
        hs_reader_close(reader);
    }
    hs_ranges_free(&ranges);
    hs_inputs_free(&list);
}

static void scan_fails(const char *path, const headsift_monitor *monitor, headsift_status status, const char *part) {
    static const headsift_inputs none;
    struct hs_input_list list;
    struct hs_ranges ranges;
    headsift_error error = {0};
    assert_int_equal(find_one(path, NULL, &list, NULL), HEADSIFT_OK);
    assert_int_equal(hs_scan(&list.items[0], &none, 10, 0, monitor, &ranges, &error), status);
    assert_null(ranges.items);
    if (strstr(error.message, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, error.message);
    }
    hs_inputs_free(&list);
}

static void test_broken_file(void **state) {
    (void)state;
    struct hs_buffer lines = make_lines(1, 2000);
    for (int kind = HS_GZIP; kind <= HS_ZSTD; kind++) {
        static const char *const names[] = {"cut.jsonl", "cut.csv", "cut.txt"};
        struct hs_buffer file = packed((enum hs_compression)kind, lines.data, lines.size, 1);
        for (size_t i = 0; i < 3; i++) {
            scan_fails(put(names[i], file.data, file.size / 2), NULL, HEADSIFT_FAILED, ", byte ");
        }
        hs_buffer_free(&file);
    }
    hs_buffer_free(&lines);
}

static void test_stop(void **state) {
    (void)state;
    volatile sig_atomic_t stop = 1;
    headsift_monitor monitor = {.stop = &stop};
    static const char *const names[] = {"stop.jsonl", "stop.csv", "stop.txt"};
    for (size_t i = 0; i < 3; i++) {
        scan_fails(put_text(names[i], "text\n{\"text\": 1}\n"), &monitor, HEADSIFT_STOPPED, names[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_huge_lines),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_text_files),
        cmocka_unit_test(test_plain_places),
        cmocka_unit_test(test_packed_places),
        cmocka_unit_test(test_changed_file),
        cmocka_unit_test(test_broken_file),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_places_behind_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
