/* GGUF files of every family, in one part and in more: equal to the directory they were written from. And the values of
 * quantised blocks, by hand and as another implementation reads them. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
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
    test_scratch(path, size, "model_family.gguf");
    write_gguf(model, path, options);
    hs_model_close(model);
}

/* Largest difference of any weight; both models must have the same ones. */
static float difference(const struct hs_model *a, const struct hs_model *b) {
    float most = 0.0F;
    for (int role = 0; role < HS_N_ROLES; role++) {
        for (int32_t layer = 0; layer < hs_model_config(a)->n_layer; layer++) {
            const struct hs_weight *left = hs_model_weight(a, (enum hs_role)role, layer);
            const struct hs_weight *right = hs_model_weight(b, (enum hs_role)role, layer);
            assert_int_equal(left == NULL, right == NULL);
            if (left == NULL) {
                continue;
            }
            int64_t rows = hs_weight_rows(left), cols = hs_weight_cols(left);
            assert_int_equal(rows, hs_weight_rows(right));
            assert_int_equal(cols, hs_weight_cols(right));
            float *x = hs_alloc((size_t)(rows * cols), sizeof *x), *y = hs_alloc((size_t)(rows * cols), sizeof *y);
            hs_weight_read(left, 0, rows, x);
            hs_weight_read(right, 0, rows / 2, y); /* in two parts: the second starts inside a head */
            hs_weight_read(right, rows / 2, rows - rows / 2, y + rows / 2 * cols);
            for (int64_t i = 0; i < rows * cols; i++) {
                most = fmaxf(most, fabsf(x[i] - y[i]));
            }
            hs_free(x);
            hs_free(y);
        }
    }
    return most;
}

/* A number that went through a file's f32. */
static void same_number(double a, double b) { assert_true(fabs(a - b) <= 1e-6 * fabs(a)); }

static void same_rope(const struct hs_config *a, const struct hs_config *b) {
    double x[HS_MAX_PAIRS], y[HS_MAX_PAIRS];
    assert_int_equal(a->rotary_dim, b->rotary_dim);
    assert_int_equal(a->rope.kind, b->rope.kind);
    assert_int_equal(hs_rope_near(a), hs_rope_near(b));
    for (int table = 0; table < HS_ROPE_TABLES; table++) {
        assert_int_equal(hs_rope_has(a, (enum hs_rope_table)table), hs_rope_has(b, (enum hs_rope_table)table));
        if (hs_rope_has(a, (enum hs_rope_table)table)) {
            same_number(hs_rope_frequencies(a, (enum hs_rope_table)table, x),
                        hs_rope_frequencies(b, (enum hs_rope_table)table, y));
            for (int32_t i = 0; i < a->rotary_dim / 2; i++) {
                same_number(x[i], y[i]);
            }
        }
    }
}

static void same_config(const struct hs_config *a, const struct hs_config *b) {
    assert_int_equal(a->n_layer, b->n_layer);
    assert_int_equal(a->n_head, b->n_head);
    assert_int_equal(a->n_kv_head, b->n_kv_head);
    assert_int_equal(a->head_dim, b->head_dim);
    assert_int_equal(a->hidden, b->hidden);
    assert_int_equal(a->ffn, b->ffn);
    assert_int_equal(a->vocab, b->vocab);
    assert_int_equal(a->context, b->context);
    assert_int_equal(a->tied, b->tied);
    assert_int_equal(a->n_eos, b->n_eos);
    assert_int_equal(a->eos[0], b->eos[0]);
    assert_true((float)a->norm_eps == (float)b->norm_eps);
    assert_int_equal(a->pre_norm, b->pre_norm);
    assert_int_equal(a->post_norm, b->post_norm);
    assert_int_equal(a->qk_norm, b->qk_norm);
    assert_int_equal(a->activation, b->activation);
    same_number(a->embedding_scale, b->embedding_scale);
    same_number(a->residual_scale, b->residual_scale);
    same_number(a->attention_scale, b->attention_scale);
    same_number(a->logit_scale, b->logit_scale);
    same_number(a->attention_cap, b->attention_cap);
    same_number(a->logit_cap, b->logit_cap);
    for (int32_t layer = 0; layer < a->n_layer; layer++) {
        assert_int_equal(hs_layer_window(a, layer), hs_layer_window(b, layer));
        if (strcmp(a->family, "smollm3") != 0) { /* llama.cpp knows one interval alone */
            assert_int_equal(a->layer_flags[layer] & ~HS_LAYER_WINDOW, b->layer_flags[layer] & ~HS_LAYER_WINDOW);
        }
    }
    same_rope(a, b);
}

static void equals_its_directory(void **state) {
    (void)state;
    static const char *const NAMES[] = {"llama_mha",
                                        "llama_gqa_tied",
                                        "llama_mqa",
                                        "llama_bias",
                                        "llama_head_dim",
                                        "qwen2",
                                        "qwen3",
                                        "granite",
                                        "smollm3_nope",
                                        "mistral_window",
                                        "phi3",
                                        "olmo2",
                                        "gemma2",
                                        "gemma3",
                                        "../../rope/phi3_longrope",
                                        "../../rope/qwen2_yarn"};
    static const struct {
        enum ggml_type type;
        const char *dtype;
        float bound;
    } types[] = {
        /* half a step of a number near 1.5, the largest weights' size; Q8_0: 1/254 of the largest of a block */
        {GGML_TYPE_F32, "F32", 0.0F},
        {GGML_TYPE_F16, "F16", 0x1p-11F},
        {GGML_TYPE_BF16, "BF16", 0x1p-8F},
        {GGML_TYPE_Q8_0, "Q8_0", 1.0F / 150.0F},
    };
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        struct hs_model *directory = open_tiny(NAMES[i]);
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            char path[512];
            headsift_error error = {0};
            struct hs_model *gguf;
            scratch_gguf(NAMES[i], &(struct write_gguf_options){.type = types[t].type}, path, sizeof path);
            if (hs_model_open(path, NULL, &gguf, &error) != HEADSIFT_OK) {
                fail_msg("%s: %s", NAMES[i], error.message);
            }
            same_config(hs_model_config(directory), hs_model_config(gguf));
            assert_string_equal(hs_model_config(gguf)->name, "tiny");
            assert_string_equal(hs_weight_dtype(hs_model_weight(gguf, HS_Q, 1)), types[t].dtype);
            assert_string_equal(hs_weight_dtype(hs_model_weight(gguf, HS_OUTPUT_NORM, 0)), "F32");
            float most = difference(directory, gguf);
            assert_true(most <= types[t].bound);
            assert_int_equal(most > 0.0F, types[t].type != GGML_TYPE_F32);
            hs_model_close(gguf);
        }
        hs_model_close(directory);
    }
}

static void smollm3_has_no_positions_in_each_fourth_layer(void **state) {
    (void)state;
    char path[512];
    headsift_error error = {0};
    struct hs_model *gguf;
    scratch_gguf("smollm3_nope", &(struct write_gguf_options){0}, path, sizeof path);
    assert_int_equal(hs_model_open(path, NULL, &gguf, &error), HEADSIFT_OK);
    for (int32_t layer = 0; layer < 4; layer++) {
        assert_int_equal(hs_model_config(gguf)->layer_flags[layer], layer == 3 ? HS_LAYER_NO_ROPE : 0);
    }
    hs_model_close(gguf);
}

/* ---- Parts ------------------------------------------------------------------------------------------------------ */

static void in_parts(const struct write_gguf_options *options, char *path, size_t size, const char *end) {
    struct hs_model *model = open_tiny("llama_bias");
    test_scratch(path, size, "model_parts.gguf");
    write_gguf(model, path, options);
    hs_model_close(model);
    snprintf(path + strlen(path) - strlen(".gguf"), 64, "%s", end);
}

static void parts_are_one_model(void **state) {
    (void)state;
    struct hs_model *directory = open_tiny("llama_bias"), *gguf;
    char path[512];
    headsift_error error = {0};
    for (int parts = 2; parts <= 3; parts++) {
        struct write_gguf_options options = {.parts = parts};
        in_parts(&options, path, sizeof path, parts == 2 ? "-00001-of-00002.gguf" : "-00001-of-00003.gguf");
        assert_int_equal(hs_model_open(path, NULL, &gguf, &error), HEADSIFT_OK);
        assert_int_equal(gguf->n_shards, parts);
        same_config(hs_model_config(directory), hs_model_config(gguf));
        assert_true(difference(directory, gguf) == 0.0F);
        hs_model_close(gguf);
    }
    hs_model_close(directory);
}

static void parts_that_do_not_fit(void **state) {
    (void)state;
    static const struct {
        const char *end, *gone, *message;
    } cases[] = {
        {"-00002-of-00003.gguf", NULL, "is part 2 of 3: give the first one"},
        {"-00001-of-00003.gguf", "-00003-of-00003.gguf", "00003-of-00003.gguf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512], gone[512];
        headsift_error error = {0};
        struct hs_model *gguf;
        in_parts(&(struct write_gguf_options){.parts = 3}, path, sizeof path, cases[i].end);
        if (cases[i].gone != NULL) {
            in_parts(&(struct write_gguf_options){.parts = 3}, gone, sizeof gone, cases[i].gone);
            assert_int_equal(remove(gone), 0);
        }
        assert_int_equal(hs_model_open(path, NULL, &gguf, &error), HEADSIFT_FAILED);
        if (strstr(error.message, cases[i].message) == NULL) {
            fail_msg("expected \"%s\", got \"%s\"", cases[i].message, error.message);
        }
    }
}

static void parts_of_another_model(void **state) {
    (void)state;
    char path[512], second[512];
    headsift_error error = {0};
    struct hs_model *gguf;
    in_parts(&(struct write_gguf_options){.parts = 3}, path, sizeof path, "-00003-of-00003.gguf");
    snprintf(second, sizeof second, "%.*s-00002-of-00003.gguf", (int)(strlen(path) - 20), path);
    assert_int_equal(rename(path, second), 0);
    snprintf(path + strlen(path) - 20, 32, "-00001-of-00003.gguf");
    assert_int_equal(hs_model_open(path, NULL, &gguf, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "00002-of-00003.gguf says that it is part 3 of 3"));
}

/* ---- Types ------------------------------------------------------------------------------------------------------ */

/* Blocks written down byte by byte with the values they stand for. 0x3800 is 0.5, 0x3400 0.25, 0xbc00 -1 in F16. */
static void blocks_by_hand(void **state) {
    (void)state;
    float out[32];
    unsigned char q4_0[18] = {0x00, 0x38, 0x80, 0x1f}; /* d 0.5; element 0: 0, 16: 8; element 1: 15, 17: 1 */
    ggml_get_type_traits(GGML_TYPE_Q4_0)->to_float(q4_0, out, 32);
    assert_true(out[0] == -4.0F && out[16] == 0.0F && out[1] == 3.5F && out[17] == -3.5F && out[2] == -4.0F);
    unsigned char q4_1[20] = {0x00, 0x34, 0x00, 0xbc, 0x80, 0x1f}; /* d 0.25, m -1 */
    ggml_get_type_traits(GGML_TYPE_Q4_1)->to_float(q4_1, out, 32);
    assert_true(out[0] == -1.0F && out[16] == 1.0F && out[1] == 2.75F && out[17] == -0.75F);
    unsigned char q8_0[34] = {0x00, 0x38, 0x7f, 0x80, 0x03}; /* d 0.5 */
    ggml_get_type_traits(GGML_TYPE_Q8_0)->to_float(q8_0, out, 32);
    assert_true(out[0] == 63.5F && out[1] == -64.0F && out[2] == 1.5F && out[31] == 0.0F);
}

/* One tensor of bytes as a GGUF in memory. */
static void one_tensor(struct hs_buffer *out, uint32_t type, int64_t n, const unsigned char *bytes, size_t size) {
    const uint64_t length = 1, offset = 0;
    const uint32_t n_dims = 1;
    hs_buffer_append(out, "GGUF\3\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
    hs_buffer_append(out, &length, sizeof length);
    hs_buffer_append(out, "a", 1);
    hs_buffer_append(out, &n_dims, sizeof n_dims);
    hs_buffer_append(out, &n, sizeof n);
    hs_buffer_append(out, &type, sizeof type);
    hs_buffer_append(out, &offset, sizeof offset);
    hs_buffer_append(out, (const char[32]){0}, (32 - out->size % 32) % 32);
    hs_buffer_append(out, bytes, size);
    hs_buffer_append(out, (const char[32]){0}, (32 - size % 32) % 32);
}

static void check_type(const json_t *entry) {
    const char *name = json_string_value(json_object_get(entry, "type"));
    const char *hex = json_string_value(json_object_get(entry, "bytes"));
    const json_t *values = json_object_get(entry, "values");
    unsigned char bytes[1024];
    float got[256];
    const size_t size = strlen(hex) / 2, n = json_array_size(values);
    assert_true(size <= sizeof bytes && n <= sizeof got / sizeof *got);
    for (size_t i = 0; i < size; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        bytes[i] = (unsigned char)value;
    }
    struct hs_buffer file = {0};
    headsift_error error = {0};
    struct hs_shard shard = {0};
    struct hs_model model = {.shards = &shard, .n_shards = 1};
    struct hs_tensor tensor;
    one_tensor(&file, (uint32_t)json_integer_value(json_object_get(entry, "id")), (int64_t)n, bytes, size);
    shard.map = (struct hs_map){.data = (const unsigned char *)file.data, .size = file.size};
    if (hs_gguf_parse(shard.map.data, shard.map.size, "memory", &shard.gguf, &error) != HEADSIFT_OK) {
        fail_msg("%s: %s", name, error.message);
    }
    assert_true(hs_gguf_find(&model, "a", &tensor));
    assert_string_equal(tensor.dtype, name);
    assert_non_null(tensor.convert);
    tensor.convert(tensor.data, got, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        double want = json_number_value(json_array_get(values, i));
        if (!(fabs(got[i] - want) <= 1e-6 * fmax(fabs(want), 1e-3))) {
            fail_msg("%s, value %zu: %.9g, expected %.9g", name, i, (double)got[i], want);
        }
    }
    hs_gguf_close(shard.gguf);
    hs_buffer_free(&file);
}

/* Random blocks as the gguf package of Python reads them (tests/data/gguf/make_blocks.py). */
static void blocks_of_every_type(void **state) {
    (void)state;
    json_t *cases;
    headsift_error error = {0};
    assert_int_equal(hs_json_load(HS_TEST_DATA "/gguf/blocks.json", 1 << 24, &cases, &error), HEADSIFT_OK);
    assert_int_equal(json_array_size(cases), 15);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        check_type(json_array_get(cases, i));
    }
    json_decref(cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_its_directory),   cmocka_unit_test(smollm3_has_no_positions_in_each_fourth_layer),
        cmocka_unit_test(parts_are_one_model),    cmocka_unit_test(parts_that_do_not_fit),
        cmocka_unit_test(parts_of_another_model), cmocka_unit_test(blocks_by_hand),
        cmocka_unit_test(blocks_of_every_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
