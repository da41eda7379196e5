/* GGUF files: rotary positions, the vocabulary, every refusal by its message, no damage that crashes.
 * The files are written here from the tiny golden models. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "tools/write_gguf.h"

static struct hs_model *open_tiny(const char *name) {
    char path[512];
    headsift_error error = {0};
    struct hs_model *model;
    snprintf(path, sizeof path, "%s/goldens/tiny/%s", HS_TEST_DATA, name);
    if (hs_model_open(path, NULL, &model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return model;
}

static void scratch_gguf(const char *name, const struct write_gguf_options *options, char *path, size_t size) {
    struct hs_model *model = open_tiny(name);
    test_scratch(path, size, "model_test.gguf");
    write_gguf(model, path, options);
    hs_model_close(model);
}

static void rope_of_a_file(void **state) {
    (void)state;
    struct hs_model *directory = open_tiny("llama3_rope"), *gguf;
    char path[512];
    headsift_error error = {0};
    float divisors[4];
    double plain[4], wanted[4], got[4];
    hs_rope_frequencies(hs_model_config(directory), HS_ROPE_GLOBAL, wanted);
    for (int i = 0; i < 4; i++) {
        plain[i] = pow(10000.0, -i / 4.0);
        divisors[i] = (float)(plain[i] / wanted[i]);
    }
    scratch_gguf("llama3_rope", &(struct write_gguf_options){.rope_freqs = divisors}, path, sizeof path);
    assert_int_equal(hs_model_open(path, NULL, &gguf, &error), HEADSIFT_OK);
    hs_rope_frequencies(hs_model_config(gguf), HS_ROPE_GLOBAL, got);
    assert_true(wanted[3] < plain[3] / 4.0);
    for (int i = 0; i < 4; i++) {
        assert_true(fabs(got[i] / wanted[i] - 1.0) < 1e-7);
    }
    hs_model_close(gguf);
    hs_model_close(directory);
}

static void linear_scaling(struct gguf_context *gguf) { gguf_set_val_f32(gguf, "llama.rope.scaling.factor", 4.0F); }

static void no_scaling(struct gguf_context *gguf) {
    linear_scaling(gguf);
    gguf_set_val_str(gguf, "llama.rope.scaling.type", "none");
}

static void rope_scaling_of_a_file(void **state) {
    (void)state;
    char path[512];
    headsift_error error = {0};
    double got[4];
    struct hs_model *gguf;
    scratch_gguf("llama_mha", &(struct write_gguf_options){.edit = linear_scaling}, path, sizeof path);
    assert_int_equal(hs_model_open(path, NULL, &gguf, &error), HEADSIFT_OK);
    assert_int_equal(hs_model_config(gguf)->rope.kind, HS_ROPE_LINEAR);
    hs_rope_frequencies(hs_model_config(gguf), HS_ROPE_GLOBAL, got);
    assert_true(fabs(got[1] - 0.025) < 1e-15);
    hs_model_close(gguf);
    scratch_gguf("llama_mha", &(struct write_gguf_options){.edit = no_scaling}, path, sizeof path);
    assert_int_equal(hs_model_open(path, NULL, &gguf, &error), HEADSIFT_OK);
    hs_rope_frequencies(hs_model_config(gguf), HS_ROPE_GLOBAL, got);
    assert_true(fabs(got[1] - 0.1) < 1e-15);
    hs_model_close(gguf);
}

static void vocabulary_is_handed_over(void **state) {
    (void)state;
    char path[512];
    headsift_error error = {0};
    struct hs_model *gguf;
    struct hs_gguf_vocab read;
    scratch_gguf("llama_mha", &(struct write_gguf_options){0}, path, sizeof path);
    assert_int_equal(hs_model_open(path, NULL, &gguf, &error), HEADSIFT_OK);
    assert_int_equal(hs_gguf_vocab_read(gguf, &read, &error), HEADSIFT_OK);
    assert_int_equal(read.vocab.n_tokens, 128);
    assert_string_equal(read.vocab.tokens[127], "t127");
    assert_int_equal(read.vocab.types[2], HS_TOKEN_CONTROL);
    assert_int_equal(read.vocab.types[3], HS_TOKEN_NORMAL);
    assert_int_equal(read.vocab.n_merges, 2);
    assert_string_equal(read.vocab.merges[1], "t 2");
    assert_string_equal(read.vocab.style, "gpt2");
    assert_string_equal(read.vocab.pre, "smollm");
    assert_int_equal(read.vocab.bos, 1);
    assert_false(read.vocab.add_bos);
    hs_gguf_vocab_free(&read);
    hs_model_close(gguf);
}

#define EDIT(name, body)                                                                                               \
    static void name(struct gguf_context *gguf) { body; }
EDIT(other_architecture, gguf_set_val_str(gguf, "general.architecture", "bert"))
EDIT(no_architecture, gguf_remove_key(gguf, "general.architecture"))
EDIT(number_as_architecture, gguf_set_val_u32(gguf, "general.architecture", 3))
EDIT(no_layers, gguf_remove_key(gguf, "llama.block_count"))
EDIT(float_layers, gguf_set_val_f32(gguf, "llama.block_count", 3))
EDIT(zero_layers, gguf_set_val_u32(gguf, "llama.block_count", 0))
EDIT(many_layers, gguf_set_val_u32(gguf, "llama.block_count", 2000))
EDIT(one_more_layer, gguf_set_val_u32(gguf, "llama.block_count", 4))
EDIT(one_layer_less, gguf_set_val_u32(gguf, "llama.block_count", 2))
EDIT(huge_heads, gguf_set_val_u64(gguf, "llama.attention.head_count", UINT64_MAX))
EDIT(uneven_heads, gguf_set_val_u32(gguf, "llama.attention.head_count_kv", 3))
EDIT(odd_head, (gguf_set_val_u32(gguf, "llama.attention.key_length", 7),
                gguf_set_val_u32(gguf, "llama.attention.value_length", 7),
                gguf_set_val_u32(gguf, "llama.rope.dimension_count", 7)))
EDIT(other_values, gguf_set_val_u32(gguf, "llama.attention.value_length", 16))
EDIT(part_rotated, gguf_set_val_u32(gguf, "llama.rope.dimension_count", 4))
EDIT(other_scaling, gguf_set_val_str(gguf, "llama.rope.scaling.type", "ntk"))
EDIT(alibi, gguf_set_val_f32(gguf, "llama.attention.max_alibi_bias", 8))
EDIT(scaling_number, gguf_set_val_u32(gguf, "llama.rope.scaling.type", 1))
EDIT(negative_factor, gguf_set_val_f32(gguf, "llama.rope.scaling.factor", -2))
EDIT(nan_base, gguf_set_val_f32(gguf, "llama.rope.freq_base", NAN))
EDIT(no_eps, gguf_remove_key(gguf, "llama.attention.layer_norm_rms_epsilon"))
EDIT(large_eps, gguf_set_val_f32(gguf, "llama.attention.layer_norm_rms_epsilon", 2))
EDIT(string_eps, gguf_set_val_str(gguf, "llama.attention.layer_norm_rms_epsilon", "1e-5"))
EDIT(experts, gguf_set_val_u32(gguf, "llama.expert_count", 8))
EDIT(split, gguf_set_val_u16(gguf, "split.count", 3))
EDIT(other_vocab, gguf_set_val_u32(gguf, "llama.vocab_size", 129))
EDIT(wide_ffn, gguf_set_val_u32(gguf, "llama.feed_forward_length", 64))
EDIT(string_eos, gguf_set_val_str(gguf, "tokenizer.ggml.eos_token_id", "2"))

static void refusals(void **state) {
    (void)state;
    static const struct {
        void (*edit)(struct gguf_context *);
        const char *message;
    } cases[] = {
        {other_architecture, "architecture \"bert\" is not supported (llama, qwen2, "},
        {no_architecture, "key \"general.architecture\" is missing"},
        {number_as_architecture, "key \"general.architecture\" has type u32, must be a string"},
        {no_layers, "key \"llama.block_count\" is missing"},
        {float_layers, "key \"llama.block_count\" has type f32, must be one integer"},
        {zero_layers, "key \"llama.block_count\" is 0, must be 1 to 1024"},
        {many_layers, "key \"llama.block_count\" is 2000, must be 1 to 1024"},
        {one_more_layer, "tensor \"blk.3.attn_norm.weight\" of shape [32] is missing"},
        {one_layer_less, "is no part of a llama"},
        {huge_heads, "key \"llama.attention.head_count\" is 9223372036854775807, must be 1 to 1024"},
        {uneven_heads, "4 query heads can't share 3 KV heads evenly"},
        {odd_head, "a head dimension of 7 is not supported"},
        {other_values, "keys of 8 and values of 16 are not supported"},
        {part_rotated, "rotary positions on 4 of 8 dimensions"},
        {other_scaling, "rope scaling \"ntk\" is not supported"},
        {alibi, "ALiBi positions are not supported"},
        {scaling_number, "key \"llama.rope.scaling.type\" has type u32, must be a string"},
        {negative_factor, "a rope scaling factor of -2 must be above 0"},
        {nan_base, "a rope base of nan must be above 0"},
        {no_eps, "key \"llama.attention.layer_norm_rms_epsilon\" is missing"},
        {large_eps, "an RMS norm epsilon of 2 is out of range"},
        {string_eps, "epsilon\" has type str, must be a float"},
        {experts, "a mixture of 8 experts is not supported"},
        {split, "is one of 3 parts: name it and the others NAME-00001-of-00003.gguf"},
        {other_vocab, "the embedding has 128 rows, the vocabulary 129 tokens"},
        {wide_ffn, "tensor \"blk.0.ffn_gate.weight\" has shape [48, 32], expected [64, 32]"},
        {string_eos, "key \"tokenizer.ggml.eos_token_id\" has type str, must be one integer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        headsift_error error = {0};
        struct hs_model *model;
        scratch_gguf("llama_mha", &(struct write_gguf_options){.edit = cases[i].edit}, path, sizeof path);
        assert_int_equal(hs_model_open(path, NULL, &model, &error), HEADSIFT_FAILED);
        assert_null(model);
        if (strstr(error.message, cases[i].message) == NULL || strstr(error.message, path) != error.message) {
            fail_msg("expected \"%s\", got \"%s\"", cases[i].message, error.message);
        }
    }
}

static void unknown_tensors_and_types_are_refused(void **state) {
    (void)state;
    char path[512];
    headsift_error error = {0};
    struct hs_model *model;
    struct write_gguf_options extra = {.extra_tensor = "blk.0.attn_q_norm.weight"};
    scratch_gguf("llama_mha", &extra, path, sizeof path);
    assert_int_equal(hs_model_open(path, NULL, &model, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "tensor \"blk.0.attn_q_norm.weight\" is no part of a llama"));
    extra.extra_tensor = "rope_freqs.weight"; /* 4 values above 0 are right for heads of 8 */
    scratch_gguf("llama_mha", &extra, path, sizeof path);
    assert_int_equal(hs_model_open(path, NULL, &model, &error), HEADSIFT_OK);
    hs_model_close(model);
    scratch_gguf("llama_head_dim", &extra, path, sizeof path);
    assert_int_equal(hs_model_open(path, NULL, &model, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "\"rope_freqs.weight\" must hold 8 values of F32"));
    scratch_gguf("llama_mha", &(struct write_gguf_options){.type = GGML_TYPE_MXFP4}, path, sizeof path);
    assert_int_equal(hs_model_open(path, NULL, &model, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "tensor \"token_embd.weight\" has type mxfp4, which is not supported"));
}

static void load_tiny(struct hs_buffer *bytes) {
    char path[512];
    headsift_error error = {0};
    scratch_gguf("llama_bias", &(struct write_gguf_options){.type = GGML_TYPE_Q8_0}, path, sizeof path);
    assert_int_equal(hs_file_read(path, SIZE_MAX, bytes, &error), HEADSIFT_OK);
}

/* Opens an exact copy, so that a sanitizer sees a read behind the end. */
static headsift_status open_copy(const struct hs_buffer *bytes, size_t size, headsift_error *error) {
    struct hs_model model;
    unsigned char *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, bytes->data, size);
    headsift_status status = memory_gguf_open(copy, size, &model, error);
    if (status == HEADSIFT_OK) {
        const struct hs_weight *weight = hs_model_weight(&model, HS_Q, 0);
        float *out = hs_alloc((size_t)(weight->rows * weight->cols), sizeof *out);
        hs_weight_read(weight, 0, weight->rows, out);
        hs_free(out);
    } else {
        assert_true(strlen(error->message) > 10 && strchr(error->message, '\n') == NULL);
    }
    memory_gguf_close(&model);
    free(copy);
    return status;
}

static void cut_anywhere(void **state) {
    (void)state;
    struct hs_buffer bytes = {0};
    headsift_error error = {0};
    load_tiny(&bytes);
    assert_int_equal(open_copy(&bytes, bytes.size, &error), HEADSIFT_OK);
    for (size_t size = 0; size < bytes.size; size += size < 12000 ? 1 : 97) {
        assert_int_equal(open_copy(&bytes, size, &error), HEADSIFT_FAILED);
    }
    hs_buffer_free(&bytes);
}

static void every_byte_of_the_header_changed(void **state) {
    (void)state;
    static const unsigned char flips[] = {0x01, 0x80, 0xff};
    struct hs_buffer bytes = {0};
    headsift_error error = {0};
    load_tiny(&bytes);
    int refused = 0;
    for (size_t at = 0; at < 12000 && at < bytes.size; at++) {
        for (size_t i = 0; i < sizeof flips; i++) {
            bytes.data[at] = (char)(bytes.data[at] ^ flips[i]);
            refused += open_copy(&bytes, bytes.size, &error) != HEADSIFT_OK;
            bytes.data[at] = (char)(bytes.data[at] ^ flips[i]);
        }
    }
    assert_true(refused > 1000);
    hs_buffer_free(&bytes);
}

static void absurd_headers(void **state) {
    (void)state;
    static const struct {
        unsigned char bytes[24];
        const char *message;
    } cases[] = {
        {"GGUX\3\0\0\0", "is not a GGUF file"},
        {"GGUF\0\0\0\3\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1", "a big-endian GGUF is not supported"},
        {"GGUF\1\0\0\0", "GGUF version 1 is not supported"},
        {"GGUF\0\0\0\0", "GGUF version 0 is not supported"},
        {"GGUF\11\0\0\0", "GGUF version 9 is not supported"},
        {"GGUF\3\0\0\0\377\377\377\377\377\377\377\177", "9223372036854775807 tensors and 0 keys are absurd"},
        {"GGUF\3\0\0\0\377\377\377\377\377\377\377\377", "-1 tensors and 0 keys are absurd"},
        {"GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0", "0 tensors and 16777216 keys are absurd"},
        {"GGUF\3\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "the file ends inside the header"},
        {"GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "key \"general.architecture\" is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_error error = {0};
        struct hs_buffer bytes = {.data = (char *)(uintptr_t)cases[i].bytes, .size = sizeof cases[i].bytes};
        assert_int_equal(open_copy(&bytes, bytes.size, &error), HEADSIFT_FAILED);
        if (strstr(error.message, cases[i].message) == NULL) {
            fail_msg("expected \"%s\", got \"%s\"", cases[i].message, error.message);
        }
    }
}

/* A header of no keys and one tensor. */
static void one_tensor(struct hs_buffer *out, const char *name, uint32_t n_dims, const int64_t *sizes, uint32_t type) {
    uint64_t length = strlen(name), offset = 0;
    *out = (struct hs_buffer){0};
    hs_buffer_append(out, "GGUF\3\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
    hs_buffer_append(out, &length, sizeof length);
    hs_buffer_append(out, name, length);
    hs_buffer_append(out, &n_dims, sizeof n_dims);
    hs_buffer_append(out, sizes, (n_dims < 5 ? n_dims : 5) * sizeof *sizes);
    hs_buffer_append(out, &type, sizeof type);
    hs_buffer_append(out, &offset, sizeof offset);
    hs_buffer_append(out, (const char[64]){0}, 64);
}

static void absurd_tensors(void **state) {
    (void)state;
    static const char LONG[] = "a name of sixty-four bytes, one more than ggml has room to store.";
    static const struct {
        const char *name;
        uint32_t n_dims;
        int64_t sizes[5];
        uint32_t type;
        const char *message;
    } cases[] = {
        {"a", 1, {8}, GGML_TYPE_F32, "key \"general.architecture\" is missing"}, /* the tensor is fine */
        {"a", 1, {0}, GGML_TYPE_F32, "a tensor's shape is absurd"},
        {"a", 2, {4, 0}, GGML_TYPE_F32, "a tensor's shape is absurd"},
        {"a", 1, {-4}, GGML_TYPE_F32, "a tensor's shape is absurd"},
        {"a", 2, {INT64_C(1) << 40, INT64_C(1) << 40}, GGML_TYPE_F32, "a tensor's shape is absurd"},
        {"a", 1, {INT64_MAX / 2}, GGML_TYPE_F32, "a tensor's shape is absurd"},
        {"a", 0, {0}, GGML_TYPE_F32, "a tensor must have 1 to 4 dimensions"},
        {"a", 5, {1, 1, 1, 1, 1}, GGML_TYPE_F32, "a tensor must have 1 to 4 dimensions"},
        {"a", UINT32_MAX, {1}, GGML_TYPE_F32, "a tensor must have 1 to 4 dimensions"},
        {"a", 1, {32}, 4, "tensor \"a\" has type 4, which is not supported"},
        {"a", 1, {32}, 1000, "tensor \"a\" has type 1000, which is not supported"},
        {"a", 1, {33}, GGML_TYPE_Q4_0, "rows of 33 are no whole blocks of q4_0"},
        {"a", 1, {1 << 20}, GGML_TYPE_F32, "needs 4194304 bytes at byte"},
        {LONG, 1, {8}, GGML_TYPE_F32, "a name is absurdly long"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_error error = {0};
        struct hs_buffer bytes;
        one_tensor(&bytes, cases[i].name, cases[i].n_dims, cases[i].sizes, cases[i].type);
        assert_int_equal(open_copy(&bytes, bytes.size, &error), HEADSIFT_FAILED);
        if (strstr(error.message, cases[i].message) == NULL) {
            fail_msg("case %zu: expected \"%s\", got \"%s\"", i, cases[i].message, error.message);
        }
        hs_buffer_free(&bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rope_of_a_file),
        cmocka_unit_test(rope_scaling_of_a_file),
        cmocka_unit_test(vocabulary_is_handed_over),
        cmocka_unit_test(refusals),
        cmocka_unit_test(unknown_tensors_and_types_are_refused),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(every_byte_of_the_header_changed),
        cmocka_unit_test(absurd_headers),
        cmocka_unit_test(absurd_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
