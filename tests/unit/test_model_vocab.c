/* What of a GGUF's keys reaches the tokenizer where its vocabulary has scores: defaults of files without the keys, and
 * what is refused. Its ids are for golden/test_tokenizer_gguf.c. */
#include "support.h"

#include <string.h>

#include "tools/write_gguf.h"

static void no_change(struct gguf_context *gguf) { (void)gguf; }

/* Makes the written vocabulary one with scores, then changes more. */
static void (*further)(struct gguf_context *gguf) = no_change;

static void with_scores(struct gguf_context *gguf) {
    float scores[128];
    for (int i = 0; i < 128; i++) {
        scores[i] = (float)-i;
    }
    gguf_set_val_str(gguf, "tokenizer.ggml.model", "llama");
    gguf_set_val_str(gguf, "tokenizer.ggml.pre", "default");
    gguf_set_arr_data(gguf, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores, 128);
    gguf_remove_key(gguf, "tokenizer.ggml.bos_token_id");
    further(gguf);
}

static struct hs_model *open_with(void (*change)(struct gguf_context *)) {
    char path[512];
    headsift_error error = {0};
    struct hs_model *tiny, *gguf;
    snprintf(path, sizeof path, "%s/goldens/tiny/llama_mha", HS_TEST_DATA);
    assert_int_equal(hs_model_open(path, NULL, &tiny, &error), HEADSIFT_OK);
    test_scratch(path, sizeof path, "vocab_test.gguf");
    further = change;
    write_gguf(tiny, path, &(struct write_gguf_options){.edit = with_scores});
    hs_model_close(tiny);
    assert_int_equal(hs_model_open(path, NULL, &gguf, &error), HEADSIFT_OK);
    return gguf;
}

static void stated(struct gguf_context *gguf) {
    gguf_set_val_u32(gguf, "tokenizer.ggml.bos_token_id", 2);
    gguf_set_val_bool(gguf, "tokenizer.ggml.add_bos_token", false);
    gguf_set_val_bool(gguf, "tokenizer.ggml.add_space_prefix", false);
    gguf_set_val_bool(gguf, "tokenizer.ggml.remove_extra_whitespaces", false);
}

static void scores_are_handed_over(void **state) {
    (void)state;
    for (int all = 0; all < 2; all++) {
        headsift_error error = {0};
        struct hs_model *model = open_with(all ? stated : no_change);
        struct hs_gguf_vocab read;
        assert_int_equal(hs_gguf_vocab_read(model, &read, &error), HEADSIFT_OK);
        assert_true(read.vocab.scores[127] == -127.0F);
        assert_int_equal(read.vocab.bos, all ? 2 : 1);
        assert_int_equal(read.vocab.add_bos, !all);
        assert_int_equal(read.vocab.add_space_prefix, !all);
        assert_false(read.vocab.rewrites);
        hs_gguf_vocab_free(&read);
        hs_model_close(model);
    }
}

static void few_scores(struct gguf_context *gguf) {
    float scores[2] = {0};
    gguf_set_arr_data(gguf, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores, 2);
}
static void whole_scores(struct gguf_context *gguf) {
    int32_t scores[128] = {0};
    gguf_set_arr_data(gguf, "tokenizer.ggml.scores", GGUF_TYPE_INT32, scores, 128);
}
static void prefix_number(struct gguf_context *gguf) { gguf_set_val_u32(gguf, "tokenizer.ggml.add_space_prefix", 1); }
static void blanks(struct gguf_context *gguf) {
    gguf_set_val_bool(gguf, "tokenizer.ggml.remove_extra_whitespaces", true);
}
static void charsmap(struct gguf_context *gguf) {
    gguf_set_arr_data(gguf, "tokenizer.ggml.precompiled_charsmap", GGUF_TYPE_UINT8, "abc", 3);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        void (*change)(struct gguf_context *);
        const char *message;
    } cases[] = {
        {few_scores, "2 token scores for 128 tokens"},
        {whole_scores, "must be an array of 32-bit floats"},
        {prefix_number, "\"tokenizer.ggml.add_space_prefix\""},
        {blanks, "remove_extra_whitespaces and precompiled_charsmap are not supported"},
        {charsmap, "remove_extra_whitespaces and precompiled_charsmap are not supported"},
        {no_change, "the vocabulary lacks the byte token <0x00>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_error error = {0};
        struct hs_model *model = open_with(cases[i].change);
        struct hs_tokenizer *tokenizer;
        assert_int_equal(hs_model_tokenizer(model, &tokenizer, &error), HEADSIFT_FAILED);
        assert_null(tokenizer);
        if (strstr(error.message, cases[i].message) == NULL) {
            fail_msg("expected \"%s\", got \"%s\"", cases[i].message, error.message);
        }
        hs_model_close(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(scores_are_handed_over), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
