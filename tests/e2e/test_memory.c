/* Memory of a long document on a model with a large vocabulary: never T x vocabulary, never T x T.
 * The model is written by the test: hidden 64, one layer, 152,000 ids; the document has 200,000 tokens. */
#define _GNU_SOURCE
#include "support.h"

#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "engine/engine.h"

enum { HIDDEN = 64, FFN = 16, VOCAB = 152000, LENGTH = 200000, NARROW_LENGTH = 3000 };

static const char config[] =
    "{\"model_type\":\"llama\",\"hidden_size\":64,\"intermediate_size\":16,\"num_hidden_layers\":1,"
    "\"num_attention_heads\":2,\"num_key_value_heads\":1,\"vocab_size\":152000,\"max_position_embeddings\":1048576,"
    "\"rms_norm_eps\":1e-5,\"rope_theta\":10000.0,\"tie_word_embeddings\":true,\"hidden_act\":\"silu\"}";

static const struct {
    const char *name;
    int rows, cols; /* rows 0: a vector */
} tensors[] = {
    {"model.embed_tokens.weight", VOCAB, HIDDEN},
    {"model.layers.0.input_layernorm.weight", 0, HIDDEN},
    {"model.layers.0.self_attn.q_proj.weight", HIDDEN, HIDDEN},
    {"model.layers.0.self_attn.k_proj.weight", HIDDEN / 2, HIDDEN},
    {"model.layers.0.self_attn.v_proj.weight", HIDDEN / 2, HIDDEN},
    {"model.layers.0.self_attn.o_proj.weight", HIDDEN, HIDDEN},
    {"model.layers.0.post_attention_layernorm.weight", 0, HIDDEN},
    {"model.layers.0.mlp.gate_proj.weight", FFN, HIDDEN},
    {"model.layers.0.mlp.up_proj.weight", FFN, HIDDEN},
    {"model.layers.0.mlp.down_proj.weight", HIDDEN, FFN},
    {"model.norm.weight", 0, HIDDEN},
};

static void write_model(const char *folder) {
    struct hs_buffer header = {0}, data = {0};
    struct hs_random random;
    char path[600];
    size_t offset = 0;
    hs_random_seed(&random, 5);
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        size_t rows = tensors[i].rows > 0 ? (size_t)tensors[i].rows : 1, n = rows * (size_t)tensors[i].cols;
        char shape[64];
        if (tensors[i].rows > 0) {
            snprintf(shape, sizeof shape, "%d,%d", tensors[i].rows, tensors[i].cols);
        } else {
            snprintf(shape, sizeof shape, "%d", tensors[i].cols);
        }
        hs_buffer_printf(&header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                         i > 0 ? "," : "{", tensors[i].name, shape, offset, offset + 4 * n);
        offset += 4 * n;
        for (size_t k = 0; k < n; k++) {
            float value = (float)((double)hs_random_below(&random, 2001) / 1000 - 1);
            hs_buffer_append(&data, &value, sizeof value);
        }
    }
    hs_buffer_append(&header, "}", 1);
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/config.json", folder);
    assert_int_equal(hs_file_write(path, config, strlen(config), NULL), HEADSIFT_OK);
    uint64_t size = header.size;
    struct hs_buffer file = {0};
    hs_buffer_append(&file, &size, sizeof size);
    hs_buffer_append(&file, header.data, header.size);
    hs_buffer_append(&file, data.data, data.size);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    assert_int_equal(hs_file_write(path, file.data, file.size, NULL), HEADSIFT_OK);
    hs_buffer_free(&header);
    hs_buffer_free(&data);
    hs_buffer_free(&file);
}

static double peak_gib(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / (1 << 20);
}

static void losses(const struct hs_model *model, int32_t vocab_block, const int32_t *tokens, int64_t n, double *nll) {
    struct hs_engine_options options = {.vocab_block = vocab_block};
    struct hs_engine *engine = NULL;
    headsift_error error = {0};
    struct hs_mask unmasked = {0};
    int64_t offsets[] = {0, n};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    assert_int_equal(hs_engine_open(model, &options, &engine, &error), HEADSIFT_OK);
    if (hs_engine_nll(engine, &batch, &unmasked, 1, nll, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    hs_engine_close(engine);
}

static void a_long_document_needs_no_matrix_of_logits(void **state) {
    (void)state;
    char folder[512];
    test_scratch(folder, sizeof folder, "wide_vocabulary");
    write_model(folder);
    struct hs_model *model = NULL;
    headsift_error error = {0};
    if (hs_model_open(folder, NULL, &model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    int32_t *tokens = hs_alloc(LENGTH, sizeof *tokens);
    double *nll = hs_alloc(LENGTH, sizeof *nll), *narrow = hs_alloc(NARROW_LENGTH, sizeof *nll);
    struct hs_random random;
    hs_random_seed(&random, 6);
    for (int i = 0; i < LENGTH; i++) {
        tokens[i] = (int32_t)hs_random_below(&random, VOCAB);
    }
    losses(model, 0, tokens, LENGTH, nll);
    losses(model, 1000, tokens, NARROW_LENGTH, narrow); /* what stands behind changes nothing, nor does the block */
    for (int i = 1; i < NARROW_LENGTH; i++) {
        assert_true(fabs(nll[i] - narrow[i]) <= 1e-6 * narrow[i]);
    }
    printf("200,000 tokens, 152,000 ids: peak %.2f GiB\n", peak_gib());
    assert_true(peak_gib() < 1);
    hs_free(tokens);
    hs_free(nll);
    hs_free(narrow);
    hs_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_long_document_needs_no_matrix_of_logits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
