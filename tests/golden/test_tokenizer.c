/* Ids equal to the `tokenizers` library's: on the goldens of eight styles, on strings of our own, from a GGUF's
 * vocabulary; and every code point in the class that the library has it in. */
#define _GNU_SOURCE
#include "tokenizer_support.h"

#include <gguf.h>

#include "tokenizer/unicode.h"

static const char *text_of(const json_t *row, size_t *size) {
    const json_t *text = json_object_get(row, "text");
    *size = json_string_length(text);
    return json_string_value(text);
}

/* How many ids to skip in the library's list: it puts a BOS before one that the text spells. */
static size_t second_bos(const struct hs_tokenizer *tokenizer, const json_t *ids) {
    int32_t bos = hs_tokenizer_bos(tokenizer);
    return bos >= 0 && json_integer_value(json_array_get(ids, 0)) == bos &&
                   json_integer_value(json_array_get(ids, 1)) == bos && json_array_size(ids) > 1
               ? 1
               : 0;
}

static void check_rows(const struct hs_tokenizer *tokenizer, const json_t *texts, const json_t *rows) {
    struct hs_encoding encoding = {0};
    assert_int_equal(json_array_size(texts), json_array_size(rows));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *id = json_string_value(json_object_get(row, "id"));
        size_t size;
        const char *text = text_of(json_array_get(texts, i), &size);
        test_encode(tokenizer, text, size, HS_ENCODE_SPECIAL, &encoding);
        test_same_ids(&encoding, json_object_get(row, "ids"), 0, id);
        const json_t *special = json_object_get(row, "ids_with_special");
        if (special != NULL) {
            test_encode(tokenizer, text, size, HS_ENCODE_SPECIAL | HS_ENCODE_BOS, &encoding);
            test_same_ids(&encoding, special, second_bos(tokenizer, special), id);
        }
    }
    hs_encoding_free(&encoding);
}

static void check_style(const char *style) {
    char path[1024];
    snprintf(path, sizeof path, HS_TEST_DATA "/goldens/tokenizers/%s/tokenizer.json", style);
    struct hs_tokenizer *tokenizer = test_open_tokenizer(path);
    snprintf(path, sizeof path, HS_TEST_DATA "/goldens/tokenizers/%s/expected.jsonl", style);
    json_t *rows = test_read_lines(path), *texts = test_read_lines(HS_TEST_DATA "/goldens/texts.jsonl");
    assert_int_equal(json_array_size(rows), 23);
    check_rows(tokenizer, texts, rows);
    json_decref(rows);
    json_decref(texts);
    hs_tokenizer_close(tokenizer);
}

static void test_gpt2(void **state) { (void)state, check_style("gpt2"); }
static void test_gpt2_prefix(void **state) { (void)state, check_style("gpt2_prefix"); }
static void test_smollm(void **state) { (void)state, check_style("smollm"); }
static void test_llama3(void **state) { (void)state, check_style("llama3"); }
static void test_qwen2(void **state) { (void)state, check_style("qwen2"); }
static void test_llama2(void **state) { (void)state, check_style("llama2"); }
static void test_mistral(void **state) { (void)state, check_style("mistral_metaspace"); }
static void test_gemma(void **state) { (void)state, check_style("gemma"); }

/* ---- The demo model's vocabulary -------------------------------------------------------------------------------- */

static const char **strings_of(const struct gguf_context *gguf, const char *key, size_t *n) {
    int64_t at = gguf_find_key(gguf, key);
    assert_true(at >= 0);
    *n = gguf_get_arr_n(gguf, at);
    const char **strings = calloc(*n, sizeof *strings);
    assert_non_null(strings);
    for (size_t i = 0; i < *n; i++) {
        strings[i] = gguf_get_arr_str(gguf, at, i);
    }
    return strings;
}

static struct hs_tokenizer *open_demo(void) {
    struct gguf_context *gguf = gguf_init_from_file(HS_DEMO_MODEL, (struct gguf_init_params){.no_alloc = true});
    if (gguf == NULL) {
        fail_msg("can't open the demo model %s: sh scripts/setup.sh", HS_DEMO_MODEL);
    }
    struct hs_vocab vocab = {.bos = -1};
    vocab.style = gguf_get_val_str(gguf, gguf_find_key(gguf, "tokenizer.ggml.model"));
    vocab.pre = gguf_get_val_str(gguf, gguf_find_key(gguf, "tokenizer.ggml.pre"));
    const char **tokens = strings_of(gguf, "tokenizer.ggml.tokens", &vocab.n_tokens);
    const char **merges = strings_of(gguf, "tokenizer.ggml.merges", &vocab.n_merges);
    vocab.tokens = tokens;
    vocab.merges = merges;
    vocab.types = gguf_get_arr_data(gguf, gguf_find_key(gguf, "tokenizer.ggml.token_type"));
    struct hs_tokenizer *tokenizer;
    headsift_error error = {0};
    if (hs_tokenizer_from_vocab(&vocab, "the demo model", &tokenizer, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    free(tokens);
    free(merges);
    gguf_free(gguf);
    return tokenizer;
}

static void test_demo_vocabulary(void **state) {
    (void)state;
    struct hs_tokenizer *tokenizer = open_demo();
    json_t *rows = test_read_lines(HS_TEST_DATA "/goldens/tokens.jsonl");
    json_t *texts = test_read_lines(HS_TEST_DATA "/goldens/texts.jsonl");
    assert_int_equal(json_array_size(rows), 23);
    assert_int_equal(hs_tokenizer_size(tokenizer), 49152);
    assert_string_equal(hs_tokenizer_style(tokenizer), "byte-level BPE, digits + gpt2 split, no BOS");
    check_rows(tokenizer, texts, rows);
    json_decref(rows);
    json_decref(texts);
    hs_tokenizer_close(tokenizer);
}

/* ---- Character classes ------------------------------------------------------------------------------------------ */

static uint8_t *wanted_classes(void) {
    static const char *const names[] = {"L", "N", "s", "is_numeric", "w", "canonical", "compat", "mark"};
    static const char *const files[] = {HS_TEST_DATA "/goldens/unicode.json",
                                        HS_TEST_DATA "/tokenizer/unicode_more.json"};
    uint8_t *classes = calloc(0x110000, 1);
    assert_non_null(classes);
    for (size_t f = 0; f < 2; f++) {
        json_t *root = json_load_file(files[f], 0, NULL);
        assert_non_null(root);
        for (size_t c = 0; c < sizeof names / sizeof names[0]; c++) {
            const json_t *ranges = json_object_get(root, names[c]);
            for (size_t i = 0; i < json_array_size(ranges); i++) {
                const json_t *range = json_array_get(ranges, i);
                json_int_t last = json_integer_value(json_array_get(range, 1));
                for (json_int_t p = json_integer_value(json_array_get(range, 0)); p <= last; p++) {
                    classes[p] = (uint8_t)(classes[p] | 1u << c);
                }
            }
        }
        json_decref(root);
    }
    return classes;
}

static void test_every_code_point(void **state) {
    (void)state;
    uint8_t *classes = wanted_classes();
    size_t letters = 0;
    for (uint32_t point = 0; point < 0x110000; point++) {
        if (hs_class_of(point) != classes[point] || hs_class_search(point) != classes[point]) {
            fail_msg("U+%04X has class %u, not %u", point, hs_class_of(point), classes[point]);
        }
        letters += classes[point] & 1;
    }
    assert_int_equal(letters, 141028);
    free(classes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point), cmocka_unit_test(test_gpt2),    cmocka_unit_test(test_gpt2_prefix),
        cmocka_unit_test(test_smollm),           cmocka_unit_test(test_llama3),  cmocka_unit_test(test_qwen2),
        cmocka_unit_test(test_llama2),           cmocka_unit_test(test_mistral), cmocka_unit_test(test_gemma),
        cmocka_unit_test(test_demo_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
