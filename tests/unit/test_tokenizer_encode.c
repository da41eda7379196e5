/* Properties of encoding that hold for any text: spans that tile it, bytes that give it back, prefixes, UTF-8, time
 * that grows with the length and not with its square. */
#define _GNU_SOURCE
#include "tokenizer_support.h"

#include <time.h>

#include "base/random.h"
#include "base/text.h"

static struct hs_tokenizer *open_style(const char *style) {
    char path[1024];
    snprintf(path, sizeof path, HS_TEST_DATA "/goldens/tokenizers/%s/tokenizer.json", style);
    return test_open_tokenizer(path);
}

/* Random text of all planes, blanks, contractions and special tokens. Returns its size. */
static size_t random_text(struct hs_random *random, char *out, size_t size) {
    static const char *const parts[] = {" ",   "  ",          "\n",          "\r\n",      "'s",
                                        "'LL", "it'\xC5\xBF", "12345",       "word",      "!?",
                                        "<s>", "</s>",        "<|im_st",     "e\xCC\x81", "\xE1\x84\x80\xE1\x85\xA1",
                                        "\t",  "a",           "\xE3\x80\x80"};
    size_t used = 0, wanted = (size_t)hs_random_below(random, size - 16);
    while (used < wanted) {
        uint32_t point = (uint32_t)hs_random_below(random, hs_random_below(random, 2) == 0 ? 0x3000 : 0x110000);
        if (hs_random_below(random, 2) == 0) {
            const char *part = parts[hs_random_below(random, sizeof parts / sizeof parts[0])];
            memcpy(out + used, part, strlen(part));
            used += strlen(part);
        } else if (point < 0xD800 || point > 0xDFFF) {
            used += hs_utf8_encode(point, out + used);
        }
    }
    return used;
}

static void check_tiles(const struct hs_tokenizer *tokenizer, const char *text, size_t size, unsigned flags,
                        struct hs_encoding *encoding) {
    test_encode(tokenizer, text, size, flags, encoding);
    size_t done = 0;
    for (size_t i = 0; i < encoding->n; i++) {
        size_t n;
        const char *bytes = hs_token_bytes(tokenizer, encoding->ids[i], &n);
        assert_non_null(bytes);
        assert_int_equal(encoding->starts[i], done);
        assert_int_equal(encoding->ends[i] - encoding->starts[i], n);
        assert_memory_equal(bytes, text + done, n);
        done = encoding->ends[i];
    }
    assert_int_equal(done, size);
}

static void test_tiles(void **state) {
    (void)state;
    static const char *const styles[] = {"gpt2", "smollm", "llama3"};
    struct hs_encoding encoding = {0};
    for (size_t s = 0; s < 3; s++) {
        struct hs_tokenizer *tokenizer = open_style(styles[s]);
        struct hs_random random;
        hs_random_seed(&random, 20 + s);
        for (int i = 0; i < 1500; i++) {
            char text[256];
            size_t size = random_text(&random, text, sizeof text);
            check_tiles(tokenizer, text, size, HS_ENCODE_SPECIAL, &encoding);
            check_tiles(tokenizer, text, size, 0, &encoding);
        }
        hs_tokenizer_close(tokenizer);
    }
    hs_encoding_free(&encoding);
}

/* Under NFC, with a space in front, with another sign for it: spans stay in order and inside the text, and leave no
 * byte out. */
static void test_spans_of_changed_text(void **state) {
    (void)state;
    static const char *const styles[] = {"qwen2", "gpt2_prefix", "llama2", "mistral_metaspace", "gemma"};
    struct hs_encoding encoding = {0};
    for (size_t s = 0; s < 5; s++) {
        struct hs_tokenizer *tokenizer = open_style(styles[s]);
        struct hs_random random;
        hs_random_seed(&random, 30 + s);
        for (int i = 0; i < 1500; i++) {
            char text[256];
            size_t size = random_text(&random, text, sizeof text), reached = 0;
            test_encode(tokenizer, text, size, HS_ENCODE_SPECIAL, &encoding);
            for (size_t k = 0; k < encoding.n; k++) {
                assert_true(encoding.starts[k] <= reached && encoding.starts[k] <= encoding.ends[k]);
                assert_true(k == 0 || encoding.starts[k] >= encoding.starts[k - 1]);
                reached = encoding.ends[k] > reached ? encoding.ends[k] : reached;
            }
            assert_int_equal(reached, size);
        }
        hs_tokenizer_close(tokenizer);
    }
    hs_encoding_free(&encoding);
}

static void check_spans(const char *style, const char *text, const char *wanted) {
    struct hs_tokenizer *tokenizer = open_style(style);
    struct hs_encoding encoding = {0};
    char got[256] = "";
    test_encode(tokenizer, text, strlen(text), HS_ENCODE_SPECIAL, &encoding);
    for (size_t i = 0; i < encoding.n; i++) {
        size_t used = strlen(got), n;
        const char *bytes = hs_token_bytes(tokenizer, encoding.ids[i], &n);
        snprintf(got + used, sizeof got - used, "[%.*s]%zu-%zu", (int)n, bytes, encoding.starts[i], encoding.ends[i]);
    }
    assert_string_equal(got, wanted);
    hs_encoding_free(&encoding);
    hs_tokenizer_close(tokenizer);
}

static void test_known_spans(void **state) {
    (void)state;
    check_spans("gpt2_prefix", "the\tx", "[ the]0-3[\t]3-4[x]4-5");
    check_spans("gpt2_prefix", "\tthe", "[ ]0-0[\t]0-1[the]1-4");
    check_spans("gpt2_prefix", " the", "[ the]0-4");
    check_spans("gpt2_prefix", "<s>the<s> a", "[<s>]0-3[ the]3-6[<s>]6-9[ a]9-11");
    /* e + acute comes to two bytes (C3, A9): each stands for the three of the text. */
    check_spans("qwen2", "xe\xCC\x81y", "[x]0-1[\xC3]1-4[\xA9]1-4[y]4-5");
    check_spans("qwen2",
                "\xC3\xA9"
                "e\xCC\x81",
                "[\xC3]0-1[\xA9]1-2[\xC3]2-5[\xA9]2-5");
    check_spans("qwen2", "<s>e\xCC\x81<s>", "[<s>]0-3[\xC3]3-6[\xA9]3-6[<s>]6-9");
    /* \p{N} with Digits apart; a space before a number stands alone. */
    check_spans("smollm", "a 12", "[a]0-1[ ]1-2[1]2-3[2]3-4");
    /* A sign for a space stands for the space; what is put in front for nothing. */
    check_spans("llama2", "the  a<s> b", "[ the]0-3[ ]3-4[ a]4-6[<s>]6-9[ ]9-9[ b]9-11");
    check_spans("mistral_metaspace", "the <s>the", "[ the]0-3[ ]3-4[<s>]4-7[t]7-8[he]8-10");
    check_spans("gemma", "the a", "[t]0-1[he]1-3[ a]3-5");
    check_spans("llama3", "1234", "[12]0-2[3]2-3[4]3-4");
}

static void test_prefixes(void **state) {
    (void)state;
    static const char text[] =
        "Don't <s>e\xCC\x81 \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB 12\xC2\xBD\r\n <|im_start|>'\xC5\xBF  ";
    static const char *const styles[] = {"gpt2",   "gpt2_prefix",       "smollm", "llama3", "qwen2",
                                         "llama2", "mistral_metaspace", "gemma"};
    struct hs_encoding encoding = {0};
    for (size_t s = 0; s < 8; s++) {
        struct hs_tokenizer *tokenizer = open_style(styles[s]);
        for (size_t size = 0; size < sizeof text; size++) {
            char *copy = malloc(size + 1); /* of its own, so that a sanitizer sees a read behind it */
            memcpy(copy, text, size);
            char *exact = realloc(copy, size > 0 ? size : 1);
            headsift_error error = {0};
            size_t bad = hs_utf8_check(exact, size);
            headsift_status status = hs_encode(tokenizer, exact, size, size % 4, &encoding, &error);
            assert_int_equal(status, bad == size ? HEADSIFT_OK : HEADSIFT_FAILED);
            if (bad != size) {
                char message[64];
                snprintf(message, sizeof message, "not UTF-8 at byte %zu", bad);
                assert_non_null(strstr(error.message, message));
            }
            free(exact);
        }
        hs_tokenizer_close(tokenizer);
    }
    hs_encoding_free(&encoding);
}

static void test_nul_is_text(void **state) {
    (void)state;
    struct hs_tokenizer *tokenizer = open_style("gpt2");
    struct hs_encoding encoding = {0};
    check_tiles(tokenizer, "a\0b\0\0", 5, HS_ENCODE_SPECIAL, &encoding);
    assert_true(encoding.n >= 4);
    hs_encoding_free(&encoding);
    hs_tokenizer_close(tokenizer);
}

/* ---- Time ------------------------------------------------------------------------------------------------------- */

static double seconds_of(const struct hs_tokenizer *tokenizer, const char *text, size_t size,
                         struct hs_encoding *encoding) {
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    test_encode(tokenizer, text, size, HS_ENCODE_SPECIAL, encoding);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    return (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
}

/* A golden style with its pattern replaced, and a normalizer. */
static struct hs_tokenizer *open_patterned(void) {
    json_t *root = test_style("llama3");
    static const char parts[] =
        "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFKC\"}, {\"type\": \"Strip\", "
        "\"strip_left\": true, \"strip_right\": false}]}, \"pre_tokenizer\": {\"type\": \"Sequence\", "
        "\"pretokenizers\": "
        "[{\"type\": \"Split\", \"behavior\": \"MergedWithNext\", \"invert\": false, \"pattern\": {\"Regex\": "
        "\"[^\\\\r\\\\n\\\\p{L}]?[\\\\p{Lu}\\\\p{Lo}]*[\\\\p{Ll}\\\\p{Lo}]+|[\\\\p{Lu}\\\\p{Lo}]+|\\\\p{N}{1,3}| "
        "?[^\\\\s\\\\p{L}\\\\p{N}]+|"
        "\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s\"}}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
        "\"use_regex\": "
        "false}]}}";
    json_t *changes = json_loads(parts, 0, NULL);
    struct hs_tokenizer *tokenizer;
    headsift_error error = {0};
    assert_int_equal(json_object_update(root, changes), 0);
    if (test_open_json(root, &tokenizer, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    json_decref(changes);
    json_decref(root);
    return tokenizer;
}

/* One million times the same: two seconds are the promise, in a release build; the square of the length would take
 * hours. */
static void check_long_pieces(const struct hs_tokenizer *tokenizer, const char *what) {
    static const char *const units[] = {
        "a", " ", "!", "7", "\n", "\t", "th", "<", "'", "\xCC\xA3\xCC\x81", "\xE4\xBD\xA0", "A", "\xE2\x96\x81"};
    enum { TIMES = 1000000 };
    struct hs_encoding encoding = {0};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        size_t unit = strlen(units[u]);
        char *text = malloc(unit * TIMES);
        assert_non_null(text);
        for (size_t i = 0; i < TIMES; i++) {
            memcpy(text + i * unit, units[u], unit);
        }
        double seconds = seconds_of(tokenizer, text, unit * TIMES, &encoding);
        if (seconds > 10) {
            fail_msg("%s: a million of \"%s\" took %.1f s", what, units[u], seconds);
        }
        assert_true(encoding.n == 0 || encoding.ends[encoding.n - 1] == unit * TIMES);
        free(text);
    }
    hs_encoding_free(&encoding);
}

static void test_long_pieces(void **state) {
    (void)state;
    static const char *const styles[] = {"smollm", "llama3", "qwen2", "llama2", "mistral_metaspace", "gemma"};
    for (size_t s = 0; s < sizeof styles / sizeof styles[0]; s++) {
        struct hs_tokenizer *tokenizer = open_style(styles[s]);
        check_long_pieces(tokenizer, styles[s]);
        hs_tokenizer_close(tokenizer);
    }
    struct hs_tokenizer *patterned = open_patterned();
    check_long_pieces(patterned, "a pattern in PCRE2");
    hs_tokenizer_close(patterned);
}

/* Many special tokens, each of which begins like all the others. */
static void test_long_almost_special(void **state) {
    (void)state;
    struct hs_tokenizer *tokenizer = open_style("gpt2");
    enum { TIMES = 100000 };
    static const char unit[] = "<|im_star<|im_en";
    char *text = malloc(TIMES * (sizeof unit - 1));
    struct hs_encoding encoding = {0};
    assert_non_null(text);
    for (size_t i = 0; i < TIMES; i++) {
        memcpy(text + i * (sizeof unit - 1), unit, sizeof unit - 1);
    }
    assert_true(seconds_of(tokenizer, text, TIMES * (sizeof unit - 1), &encoding) < 10);
    free(text);
    hs_encoding_free(&encoding);
    hs_tokenizer_close(tokenizer);
}

/* ---- What a tokenizer.json may not do to a text ----------------------------------------------------------------- */

static void check_fails(const char *normalizer, const char *text, size_t size, const char *message) {
    json_t *root = test_style("gpt2");
    struct hs_tokenizer *tokenizer;
    struct hs_encoding encoding = {0};
    headsift_error error = {0};
    json_object_set_new(root, "normalizer", json_loads(normalizer, 0, NULL));
    assert_int_equal(test_open_json(root, &tokenizer, &error), HEADSIFT_OK);
    assert_int_equal(hs_encode(tokenizer, text, size, 0, &encoding, &error), HEADSIFT_FAILED);
    if (strstr(error.message, message) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, message);
    }
    assert_int_equal(hs_encode(tokenizer, "word", 4, 0, &encoding, &error), HEADSIFT_OK); /* others go on */
    hs_encoding_free(&encoding);
    hs_tokenizer_close(tokenizer);
    json_decref(root);
}

#define TENFOLD "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaaaa\"}"

static void test_text_that_is_too_much(void **state) {
    (void)state;
    char text[2000];
    memset(text, 'a', sizeof text);
    check_fails("{\"type\":\"Sequence\",\"normalizers\":[" TENFOLD "," TENFOLD "," TENFOLD "," TENFOLD "," TENFOLD
                "," TENFOLD "," TENFOLD "," TENFOLD "]}",
                text, sizeof text, "normalizer makes more than 193536 bytes");
    check_fails("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(a|aa)+[bd]\"},\"content\":\"\"}", text, sizeof text,
                "a pattern of the tokenizer fails on this text");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiles),       cmocka_unit_test(test_spans_of_changed_text),
        cmocka_unit_test(test_known_spans), cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_nul_is_text), cmocka_unit_test(test_text_that_is_too_much),
        cmocka_unit_test(test_long_pieces), cmocka_unit_test(test_long_almost_special),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
