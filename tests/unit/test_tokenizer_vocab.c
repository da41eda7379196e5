/* Tokenizers from a plain vocabulary (a GGUF's): what is refused, what the token types do, bytes that are missing,
 * merges in their order, and what happens when memory runs out. */
#define _GNU_SOURCE
#include "tokenizer_support.h"

/* Six tokens and two merges: enough for merging, special tokens and bytes that are missing. */
static const char *const tokens[] = {"a", "b", "c", "ab", "abc", "bc", "<|end|>", "<tag>", "\xC4\xA0", "<pad>"};
static const int32_t types[] = {1, 1, 1, 1, 1, 1, 3, 4, 1, 5};
static const char *const merges[] = {"a b", "ab c"};

static struct hs_vocab small(void) {
    return (struct hs_vocab){.style = "gpt2",
                             .pre = "gpt-2",
                             .tokens = tokens,
                             .types = types,
                             .n_tokens = sizeof tokens / sizeof tokens[0],
                             .merges = merges,
                             .n_merges = 2,
                             .bos = -1};
}

static struct hs_tokenizer *open_vocab(const struct hs_vocab *vocab) {
    struct hs_tokenizer *tokenizer;
    headsift_error error = {0};
    if (hs_tokenizer_from_vocab(vocab, "x.gguf", &tokenizer, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return tokenizer;
}

static void check_ids(const struct hs_tokenizer *tokenizer, const char *text, unsigned flags, const char *wanted) {
    struct hs_encoding encoding = {0};
    char got[256] = "";
    test_encode(tokenizer, text, strlen(text), flags, &encoding);
    for (size_t i = 0; i < encoding.n; i++) {
        size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s%d:%zu-%zu", i > 0 ? " " : "", encoding.ids[i], encoding.starts[i],
                 encoding.ends[i]);
    }
    assert_string_equal(got, wanted);
    hs_encoding_free(&encoding);
}

static void check_refused(const struct hs_vocab *vocab, const char *message) {
    struct hs_tokenizer *tokenizer;
    headsift_error error = {0};
    assert_int_equal(hs_tokenizer_from_vocab(vocab, "x.gguf", &tokenizer, &error), HEADSIFT_FAILED);
    assert_null(tokenizer);
    if (strstr(error.message, message) == NULL || strstr(error.message, "x.gguf") == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, message);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const char *const pres[] = {"default", "pixtral", "deepseek-llm", "qwen", "", "smollm "};
    for (size_t i = 0; i < sizeof pres / sizeof pres[0]; i++) {
        struct hs_vocab vocab = small();
        char message[64];
        vocab.pre = pres[i];
        snprintf(message, sizeof message, "tokenizer.ggml.pre is %s", pres[i]);
        check_refused(&vocab, message);
    }
    struct hs_vocab vocab = small();
    vocab.pre = NULL;
    check_refused(&vocab, "tokenizer.ggml.pre is missing");
    vocab = small(), vocab.style = "bert";
    check_refused(&vocab, "tokenizer.ggml.model is bert");
    vocab = small(), vocab.style = NULL;
    check_refused(&vocab, "tokenizer.ggml.model is missing");
    vocab = small(), vocab.n_tokens = 0;
    check_refused(&vocab, "the vocabulary is empty");
    vocab = small(), vocab.n_tokens = (size_t)1 << 40;
    check_refused(&vocab, "must be fewer than");
    vocab = small(), vocab.add_bos = true;
    check_refused(&vocab, "wants a BOS in front but names none");
    vocab.bos = 99;
    check_refused(&vocab, "the BOS has id 99, which is no token");
    vocab = small(), vocab.n_tokens = 4;
    check_refused(&vocab, "merge 1 needs the token \"abc\"");
}

static void test_refused_parts(void **state) {
    (void)state;
    static const char *const bad_merges[][2] = {{"a b", "nospace"}, {"a b", "a b c"}, {"a b", ""}, {"a b", "zz a"}};
    struct hs_vocab vocab = small();
    for (size_t i = 0; i < sizeof bad_merges / sizeof bad_merges[0]; i++) {
        vocab.merges = bad_merges[i];
        check_refused(&vocab, "merge 1 ");
    }
    static const char *const twice[] = {"a", "b", "a"};
    vocab = small(), vocab.tokens = twice, vocab.n_tokens = 3, vocab.n_merges = 0, vocab.types = NULL;
    check_refused(&vocab, "tokens 0 and 2 have the same name \"a\"");
    static const char *const broken[] = {"a", "\xFF\xFE"};
    vocab.tokens = broken, vocab.n_tokens = 2;
    check_refused(&vocab, "the name of token 1 is not UTF-8");
    for (int32_t type = -1; type <= 7; type += type == 0 ? 6 : 1) {
        int32_t odd[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, type};
        vocab = small(), vocab.types = odd;
        check_refused(&vocab, "token 9 has type");
    }
}

static void test_types(void **state) {
    (void)state;
    struct hs_vocab vocab = small();
    struct hs_tokenizer *tokenizer = open_vocab(&vocab);
    check_ids(tokenizer, "abc<|end|>", HS_ENCODE_SPECIAL, "4:0-3 6:3-10");
    check_ids(tokenizer, "a<tag>b", HS_ENCODE_SPECIAL, "0:0-1 7:1-6 1:6-7");
    check_ids(tokenizer, "a<tag>b", 0, "0:0-1 7:1-6 1:6-7");                 /* not special: found in any case */
    check_ids(tokenizer, "a<pad>b", HS_ENCODE_SPECIAL, "0:0-1 0:3-4 1:6-7"); /* unused: never found */
    check_ids(tokenizer, "", HS_ENCODE_SPECIAL | HS_ENCODE_BOS, "");
    assert_int_equal(hs_tokenizer_bos(tokenizer), -1);
    assert_int_equal(hs_tokenizer_size(tokenizer), 10);
    hs_tokenizer_close(tokenizer);
}

/* Bytes that the vocabulary lacks are dropped, as the library does: what is left over moves together. */
static void test_missing_bytes(void **state) {
    (void)state;
    struct hs_vocab vocab = small();
    struct hs_tokenizer *tokenizer = open_vocab(&vocab);
    check_ids(tokenizer, "axbx", 0, "3:0-3");
    check_ids(tokenizer, "xyz", 0, "");
    check_ids(tokenizer, "<|end|>", 0, "");
    hs_tokenizer_close(tokenizer);
}

static void test_bos(void **state) {
    (void)state;
    struct hs_vocab vocab = small();
    vocab.bos = 6;
    struct hs_tokenizer *without = open_vocab(&vocab);
    check_ids(without, "a", HS_ENCODE_BOS, "0:0-1"); /* has one, does not add it */
    vocab.add_bos = true;
    struct hs_tokenizer *with = open_vocab(&vocab);
    unsigned both = HS_ENCODE_SPECIAL | HS_ENCODE_BOS;
    check_ids(with, "", both, "6:0-0");
    check_ids(with, "a", both, "6:0-0 0:0-1");
    check_ids(with, "a", HS_ENCODE_SPECIAL, "0:0-1");
    check_ids(with, "<|end|>a", both, "6:0-7 0:7-8");
    check_ids(with, "<|end|><|end|>a", both, "6:0-7 6:7-14 0:14-15");
    check_ids(with, "a<|end|>", both, "6:0-0 0:0-1 6:1-8");
    check_ids(with, "<|end|>a", HS_ENCODE_BOS, "6:0-0 0:7-8"); /* the letters of "end" are not in the vocabulary */
    assert_string_equal(hs_tokenizer_style(with), "byte-level BPE, gpt2 split, BOS <|end|>");
    vocab.bos = 7; /* a token that is found without HS_ENCODE_SPECIAL too, and then is no BOS that the text brings */
    struct hs_tokenizer *user = open_vocab(&vocab);
    check_ids(user, "<tag>a", both, "7:0-5 0:5-6");
    check_ids(user, "<tag>a", HS_ENCODE_BOS, "7:0-0 7:0-5 0:5-6");
    hs_tokenizer_close(user);
    hs_tokenizer_close(without);
    hs_tokenizer_close(with);
}

/* llama-bpe takes a piece that is a token whole ("bc" has no merge), but not one that is a control token. */
static void test_ignore_merges(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "c", "bc", "cab"};
    static const int32_t kinds[] = {1, 1, 1, 1, 3};
    struct hs_vocab vocab = small();
    vocab.tokens = names, vocab.types = kinds, vocab.n_tokens = 5, vocab.n_merges = 0;
    struct hs_tokenizer *gpt2 = open_vocab(&vocab);
    vocab.pre = "llama-bpe";
    struct hs_tokenizer *llama3 = open_vocab(&vocab);
    check_ids(gpt2, "bc", 0, "1:0-1 2:1-2");
    check_ids(llama3, "bc", 0, "3:0-2");
    check_ids(llama3, "cab", 0, "2:0-1 0:1-2 1:2-3");
    check_ids(llama3, "cab", HS_ENCODE_SPECIAL, "4:0-3");
    hs_tokenizer_close(gpt2);
    hs_tokenizer_close(llama3);
}

static void test_qwen2_is_nfc(void **state) {
    (void)state;
    static const char *const names[] = {"e", "\xC3\x83", "\xC2\xA9", "\xC3\x8C", "\xC4\xA3"}; /* e C3 A9 CC 81 */
    struct hs_vocab vocab = small();
    vocab.tokens = names, vocab.types = NULL, vocab.n_tokens = 5, vocab.n_merges = 0;
    struct hs_tokenizer *gpt2 = open_vocab(&vocab);
    vocab.pre = "qwen2";
    struct hs_tokenizer *qwen2 = open_vocab(&vocab);
    check_ids(gpt2, "e\xCC\x81", 0, "0:0-1 3:1-2 4:2-3");
    check_ids(qwen2, "e\xCC\x81", 0, "1:0-3 2:0-3");
    hs_tokenizer_close(gpt2);
    hs_tokenizer_close(qwen2);
}

static void test_bytes(void **state) {
    (void)state;
    static const char *const names[] = {"\xC4\xA0\x61", /* the space's letter, then a */
                                        "\xC4\x80",     "\xC3\xBF", "\xC5\x83", "\xE2\x96\x81", "\xC3\xA9"};
    static const int32_t kinds[] = {1, 1, 1, 1, 1, 4};
    static const char *const wanted[] = {" a", "\0", "\xFF", "\xAD", "\xE2\x96\x81", "\xC3\xA9"};
    static const size_t sizes[] = {2, 1, 1, 1, 3, 2};
    struct hs_vocab vocab = small();
    vocab.tokens = names, vocab.types = kinds, vocab.n_tokens = 6, vocab.n_merges = 0;
    struct hs_tokenizer *tokenizer = open_vocab(&vocab);
    size_t size;
    for (int32_t id = 0; id < 6; id++) {
        const char *bytes = hs_token_bytes(tokenizer, id, &size);
        assert_int_equal(size, sizes[id]);
        assert_memory_equal(bytes, wanted[id], size);
    }
    assert_null(hs_token_bytes(tokenizer, -1, &size));
    assert_null(hs_token_bytes(tokenizer, 6, &size));
    hs_tokenizer_close(tokenizer);
    hs_tokenizer_close(NULL);
}

/* ---- Memory that runs out --------------------------------------------------------------------------------------- */

static long allocations_left = -1; /* negative: no limit */

static bool refuse_allocation(void) {
    if (allocations_left < 0) {
        return false;
    }
    if (allocations_left > 0) {
        allocations_left--;
        return false;
    }
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);

void *__wrap_malloc(size_t size) { return refuse_allocation() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return refuse_allocation() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *pointer, size_t size) { return refuse_allocation() ? NULL : __real_realloc(pointer, size); }

static headsift_status open_and_encode(const struct hs_vocab *vocab) {
    static const char text[] = "abc e\xCC\x81 cab<|end|> a\xCC\x81\xCC\xA3<tag>";
    struct hs_tokenizer *tokenizer = NULL;
    struct hs_encoding encoding = {0};
    headsift_error error = {0};
    headsift_status status = hs_tokenizer_from_vocab(vocab, "x.gguf", &tokenizer, &error);
    if (status == HEADSIFT_OK) {
        status = hs_encode(tokenizer, text, strlen(text), HS_ENCODE_SPECIAL | HS_ENCODE_BOS, &encoding, &error);
    }
    assert_true(status == HEADSIFT_OK || (status == HEADSIFT_FAILED && strstr(error.message, "memory") != NULL));
    hs_encoding_free(&encoding);
    hs_tokenizer_close(tokenizer);
    return status;
}

static void test_no_memory(void **state) {
    (void)state;
    struct hs_vocab vocab = small();
    vocab.pre = "qwen2";
    long allowed = 0;
    headsift_status status;
    do {
        allocations_left = allowed;
        status = open_and_encode(&vocab);
        allocations_left = -1;
        allowed++;
    } while (status != HEADSIFT_OK && allowed < 1000);
    assert_int_equal(status, HEADSIFT_OK);
    assert_true(allowed > 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_refused_parts),
        cmocka_unit_test(test_types),        cmocka_unit_test(test_missing_bytes),
        cmocka_unit_test(test_bos),          cmocka_unit_test(test_ignore_merges),
        cmocka_unit_test(test_qwen2_is_nfc), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
