/* The demo model: the GGUF and the Hugging Face directory made of it hold the same numbers and the same tokenizer.
 * Values of three rows were dequantised by another library. */
#define _GNU_SOURCE
#include "support.h"

#include <string.h>
#include <unistd.h>

#include "tools/export_hf.h"

static struct hs_model *open_model(const char *path) {
    headsift_error error = {0};
    struct hs_model *model;
    if (hs_model_open(path, NULL, &model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return model;
}

static void description(void **state) {
    (void)state;
    struct hs_model *model = open_model(HS_DEMO_MODEL);
    const struct hs_config *c = hs_model_config(model);
    double frequencies[32];
    assert_int_equal(c->n_layer, 30);
    assert_int_equal(c->n_head, 9);
    assert_int_equal(c->n_kv_head, 3);
    assert_int_equal(c->head_dim, 64);
    assert_int_equal(c->hidden, 576);
    assert_int_equal(c->ffn, 1536);
    assert_int_equal(c->vocab, 49152);
    assert_int_equal(c->context, 8192);
    assert_true(c->tied && c->norm_eps == (double)1e-5F);
    assert_int_equal(c->n_eos, 1);
    assert_int_equal(c->eos[0], 2);
    assert_ptr_equal(hs_model_weight(model, HS_OUTPUT, 0), hs_model_weight(model, HS_EMBEDDING, 0));
    hs_rope_frequencies(hs_model_config(model), HS_ROPE_GLOBAL, frequencies);
    assert_true(frequencies[0] == 1.0 && frequencies[16] < 0.0031622776602 && frequencies[16] > 0.0031622776601);
    hs_model_close(model);
}

static void values(void **state) {
    (void)state;
    struct hs_model *model = open_model(HS_DEMO_MODEL);
    float row[1536];
    hs_weight_read(hs_model_weight(model, HS_EMBEDDING, 0), 1234, 1, row); /* Q8_0 */
    assert_true(row[0] == -0x1.1940000000000p-6F && row[575] == 0x1.3c26000000000p-5F);
    hs_weight_read(hs_model_weight(model, HS_Q, 7), 65, 1, row); /* Q4_1, row 1 of head 1 */
    assert_true(row[0] == -0x1.bf00000000000p-6F && row[575] == 0x1.4e00000000000p-2F);
    hs_weight_read(hs_model_weight(model, HS_K, 29), 191, 1, row); /* Q4_1, the last row */
    assert_true(row[0] == 0x1.f540000000000p-3F && row[575] == 0x1.4fa0000000000p-4F);
    hs_weight_read(hs_model_weight(model, HS_DOWN, 3), 10, 1, row);
    assert_true(row[1535] == 0x1.5140000000000p-3F);
    hs_model_close(model);
}

static void same_tokens(const struct hs_model *a, const struct hs_model *b) {
    static const char TEXT[] = "In 1984, na\xC3\xAFve  users typed\tx_1 += 42; <|im_end|> and\n\n left.";
    struct hs_tokenizer *left, *right;
    struct hs_encoding x = {0}, y = {0};
    headsift_error error = {0};
    assert_int_equal(hs_model_tokenizer(a, &left, &error), HEADSIFT_OK);
    assert_int_equal(hs_model_tokenizer(b, &right, &error), HEADSIFT_OK);
    assert_int_equal(hs_encode(left, TEXT, sizeof TEXT - 1, HS_ENCODE_SPECIAL, &x, &error), HEADSIFT_OK);
    assert_int_equal(hs_encode(right, TEXT, sizeof TEXT - 1, HS_ENCODE_SPECIAL, &y, &error), HEADSIFT_OK);
    assert_true(x.n > 10 && x.n == y.n);
    assert_memory_equal(x.ids, y.ids, x.n * sizeof *x.ids);
    hs_encoding_free(&x);
    hs_encoding_free(&y);
    hs_tokenizer_close(left);
    hs_tokenizer_close(right);
}

static void same_weights(const struct hs_model *a, const struct hs_model *b) {
    for (int role = 0; role < HS_N_ROLES; role++) {
        for (int32_t layer = 0; layer < hs_model_config(a)->n_layer; layer++) {
            const struct hs_weight *left = hs_model_weight(a, (enum hs_role)role, layer);
            const struct hs_weight *right = hs_model_weight(b, (enum hs_role)role, layer);
            assert_int_equal(left == NULL, right == NULL);
            if (left == NULL || (layer > 0 && hs_role_of_model((enum hs_role)role))) {
                continue;
            }
            int64_t rows = hs_weight_rows(left), cols = hs_weight_cols(left);
            size_t size = (size_t)(rows * cols);
            float *x = hs_alloc(size, sizeof *x), *y = hs_alloc(size, sizeof *y);
            hs_weight_read(left, 0, rows, x);
            hs_weight_read(right, 0, rows, y);
            assert_memory_equal(x, y, size * sizeof *x);
            hs_free(x);
            hs_free(y);
        }
    }
}

static void directory_made_of_it(void **state) {
    (void)state;
    char path[512], command[600];
    headsift_error error = {0};
    struct hs_model *gguf = open_model(HS_DEMO_MODEL);
    test_scratch(path, sizeof path, "model_demo_hf");
    struct export_options options = {.directory = path, .shards = 3};
    if (export_directory(gguf, &options, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    struct hs_model *directory = open_model(path);
    same_weights(gguf, directory);
    same_tokens(gguf, directory);
    assert_true(hs_model_config(directory)->norm_eps == hs_model_config(gguf)->norm_eps);
    hs_model_close(directory);
    hs_model_close(gguf);
    snprintf(command, sizeof command, "rm -rf '%s'", path); /* half a gigabyte */
    assert_int_equal(system(command), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(description),
        cmocka_unit_test(values),
        cmocka_unit_test(directory_made_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
