/* Compressed streams: members and frames in any number, detection by the bytes, and files that are cut or damaged at
 * any place, which must never look like short but whole ones. */
#include "corpus_files.h"

#include "corpus/stream.h"

/* Reads all of it; the content in *out. */
static headsift_status read_all(const char *path, enum hs_compression kind, size_t room, struct hs_buffer *out,
                                headsift_error *error) {
    struct hs_stream *stream;
    headsift_status status = hs_stream_open(path, kind, &stream, error);
    for (bool more = true; status == HEADSIFT_OK && more;) {
        status = hs_stream_read(stream, room, out, &more, error);
    }
    hs_stream_close(stream);
    return status;
}

static struct hs_buffer sample(size_t size) {
    struct hs_buffer text = {0};
    assert_true(hs_buffer_reserve(&text, size));
    uint32_t state = 1;
    for (; text.size < size; text.size++) {
        state = state * 1664525u + 1013904223u;
        text.data[text.size] = (char)('a' + (state >> 24) % 20);
    }
    return text;
}

static void test_parts(void **state) {
    (void)state;
    struct hs_buffer text = sample(700000);
    static const size_t parts[] = {1, 2, 7, 5000};
    for (int kind = HS_PLAIN; kind <= HS_ZSTD; kind++) {
        for (size_t i = 0; i < 4; i++) {
            const char *path = put_packed("parts", (enum hs_compression)kind, text.data, text.size, parts[i]);
            enum hs_compression seen;
            assert_int_equal(hs_stream_detect(path, &seen, NULL), HEADSIFT_OK);
            assert_int_equal(seen, kind);
            for (size_t room = 1000; room < 10000000; room *= 40) {
                struct hs_buffer got = {0};
                assert_int_equal(read_all(path, seen, room, &got, NULL), HEADSIFT_OK);
                assert_int_equal(got.size, text.size);
                assert_memory_equal(got.data, text.data, text.size);
                hs_buffer_free(&got);
            }
        }
    }
    hs_buffer_free(&text);
}

/* Every length of a cut file fails, but for a cut between two parts. */
static void test_every_cut(void **state) {
    (void)state;
    struct hs_buffer text = sample(300);
    for (int kind = HS_GZIP; kind <= HS_ZSTD; kind++) {
        struct hs_buffer first = packed((enum hs_compression)kind, text.data, 150, 1);
        struct hs_buffer file = packed((enum hs_compression)kind, text.data, text.size, 2);
        for (size_t size = 1; size < file.size; size++) {
            const char *path = put("cut", file.data, size);
            struct hs_buffer got = {0};
            headsift_error error = {0};
            headsift_status status = read_all(path, (enum hs_compression)kind, 100, &got, &error);
            assert_int_equal(status, size == first.size ? HEADSIFT_OK : HEADSIFT_FAILED);
            assert_true(status == HEADSIFT_OK || strstr(error.message, "cut, byte ") != NULL);
            hs_buffer_free(&got);
        }
        hs_buffer_free(&first);
        hs_buffer_free(&file);
    }
    hs_buffer_free(&text);
}

static headsift_status with_tail(enum hs_compression kind, const void *tail, size_t size) {
    struct hs_buffer file = packed(kind, "some text", 9, 1), got = {0};
    assert_true(hs_buffer_append(&file, tail, size));
    const char *path = put("tail", file.data, file.size);
    headsift_status status = read_all(path, kind, 100, &got, NULL);
    if (status == HEADSIFT_OK) {
        check_bytes(got.data, got.size, "some text");
    }
    hs_buffer_free(&got);
    hs_buffer_free(&file);
    return status;
}

static void test_tails(void **state) {
    (void)state;
    static const char zeros[1000];
    assert_int_equal(with_tail(HS_GZIP, zeros, sizeof zeros), HEADSIFT_OK); /* padding of a tape */
    assert_int_equal(with_tail(HS_GZIP, "junk", 4), HEADSIFT_FAILED);
    assert_int_equal(with_tail(HS_GZIP, "\0junk", 5), HEADSIFT_FAILED);
    assert_int_equal(with_tail(HS_ZSTD, "junk", 4), HEADSIFT_FAILED);
    assert_int_equal(with_tail(HS_ZSTD, "\x28\xB5", 2), HEADSIFT_FAILED);
    assert_int_equal(with_tail(HS_ZSTD, "\x50\x2A\x4D\x18\x03\0\0\0abc", 11), HEADSIFT_OK); /* a skippable frame */
}

static void test_damage(void **state) {
    (void)state;
    struct hs_buffer text = sample(5000), file = packed(HS_GZIP, text.data, text.size, 1), got = {0};
    file.data[file.size - 6] ^= 1; /* the checksum */
    headsift_error error = {0};
    assert_int_equal(read_all(put("crc", file.data, file.size), HS_GZIP, 1000, &got, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "crc, byte "));
    hs_buffer_free(&got);
    hs_buffer_free(&file);
    hs_buffer_free(&text);
}

static void test_detection(void **state) {
    (void)state;
    enum hs_compression kind;
    assert_int_equal(hs_stream_detect(put_text("plain.gz", "not packed"), &kind, NULL), HEADSIFT_OK);
    assert_int_equal(kind, HS_PLAIN);
    assert_int_equal(hs_stream_detect(put_text("mark.txt", "P*M\x18 text"), &kind, NULL), HEADSIFT_OK);
    assert_int_equal(kind, HS_PLAIN);
    assert_int_equal(hs_stream_detect(put_text("mark.ZST", "P*M\x18 text"), &kind, NULL), HEADSIFT_OK);
    assert_int_equal(kind, HS_ZSTD);
    headsift_error error = {0};
    assert_int_equal(hs_stream_detect(put_text("empty.gz", ""), &kind, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "empty.gz is empty"));
    assert_int_equal(hs_stream_detect(put_text("empty.txt", ""), &kind, NULL), HEADSIFT_OK);
    assert_int_equal(hs_stream_detect(scratch("nowhere"), &kind, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "nowhere: No such file"));
}

/* A window of 128 MB and more, as zstd --long=28 makes it. */
static void test_long_window(void **state) {
    (void)state;
    struct hs_buffer text = sample(1000000), file = {0}, got = {0};
    assert_true(hs_buffer_reserve(&file, ZSTD_compressBound(text.size)));
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 28);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    ZSTD_inBuffer input = {text.data, text.size, 0};
    ZSTD_outBuffer output = {file.data, file.capacity, 0};
    size_t left = ZSTD_compressStream2(context, &output, &input, ZSTD_e_continue);
    do {
        left = ZSTD_compressStream2(context, &output, &input, ZSTD_e_end);
    } while (!ZSTD_isError(left) && left != 0);
    assert_int_equal(left, 0);
    ZSTD_freeCCtx(context);
    headsift_error error = {0};
    if (read_all(put("window", file.data, output.pos), HS_ZSTD, 100000, &got, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(got.size, text.size);
    assert_memory_equal(got.data, text.data, text.size);
    hs_buffer_free(&got);
    hs_buffer_free(&file);
    hs_buffer_free(&text);
}

/* Records before the damage are given; then the reader says what is wrong with the file. */
static void test_reader_on_cut_file(void **state) {
    (void)state;
    struct hs_buffer lines = {0};
    for (int i = 0; i < 20000; i++) {
        assert_true(hs_buffer_printf(&lines, "{\"text\": \"number %d, %d\"}\n", i, i * 7919 % 1009));
    }
    for (int kind = HS_GZIP; kind <= HS_ZSTD; kind++) {
        struct hs_buffer file = packed((enum hs_compression)kind, lines.data, lines.size, 10);
        struct hs_reader *reader = must_open(put("cut.jsonl", file.data, file.size * 3 / 4), NULL, false);
        headsift_error error = {0};
        int64_t n = read_to_failure(reader, &error);
        assert_in_range(n, 10000, 19999);
        assert_non_null(strstr(error.message, "cut.jsonl, byte "));
        hs_reader_close(reader);
        hs_buffer_free(&file);
    }
    hs_buffer_free(&lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_detection),
        cmocka_unit_test(test_long_window),
        cmocka_unit_test(test_reader_on_cut_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
