/* A checkpoint written with uniform heads: run without a mask it must have the losses that the source has with it, and
 * differ from the source in nothing but those heads' queries. */
#define _GNU_SOURCE
#include "support.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "engine/engine.h"
#include "tools/export_hf.h"

static headsift_error last;

static struct hs_model *open_model(const char *path) {
    struct hs_model *model;
    if (hs_model_open(path, NULL, &model, &last) != HEADSIFT_OK) {
        fail_msg("%s", last.message);
    }
    return model;
}

static void fresh_folder(const char *name, char *path, size_t size) {
    char command[600];
    test_scratch(path, size, name);
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

/* nll (n) of a document of pseudo-random tokens. */
static void losses(const char *path, const struct hs_mask *mask, int64_t n, double *nll) {
    struct hs_model *model = open_model(path);
    struct hs_engine *engine;
    struct hs_engine_options options = {.threads = 2};
    int32_t tokens[64];
    int64_t offsets[] = {0, n};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    for (int64_t i = 0; i < n; i++) {
        tokens[i] = (int32_t)(i * 37 % 97 + 3);
    }
    assert_int_equal(hs_engine_open(model, &options, &engine, &last), HEADSIFT_OK);
    assert_int_equal(hs_engine_nll(engine, &batch, mask, 1, nll, &last), HEADSIFT_OK);
    hs_engine_close(engine);
    hs_model_close(model);
}

static double furthest(const double *a, const double *b, int64_t n) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        most = fmax(most, fabs(a[i] - b[i]));
    }
    return most;
}

static void masked_copy_equals_mask(const char *source, const headsift_head *heads, size_t n_heads) {
    enum { N = 60 };
    char masked[512];
    fresh_folder("masked_copy", masked, sizeof masked);
    struct hs_model *model = open_model(source);
    assert_int_equal(hs_model_write_masked(model, heads, n_heads, masked, false, NULL, &last), HEADSIFT_OK);
    hs_model_close(model);
    double base[N], with_mask[N], copy[N];
    struct hs_mask none = {0}, mask = {.kind = HEADSIFT_MASK_UNIFORM, .heads = heads, .n_heads = n_heads};
    losses(source, &none, N, base);
    losses(source, &mask, N, with_mask);
    losses(masked, &none, N, copy);
    if (furthest(base, with_mask, N) < 1e-3 || furthest(with_mask, copy, N) > 1e-5) {
        fail_msg("%s: the mask moves losses by %g, the copy is off by %g", source, furthest(base, with_mask, N),
                 furthest(with_mask, copy, N));
    }
}

static void tiny_families(void **state) {
    (void)state;
    static const char *const names[] = {"llama_mha", "llama_gqa_tied", "llama_mqa", "llama_bias",    "llama3_rope",
                                        "qwen2",     "qwen3",          "granite",   "smollm3_nope",  "phi3",
                                        "olmo2",     "gemma2",         "gemma3",    "mistral_window"};
    static const headsift_head heads[] = {{0, 1}, {1, 0}, {1, 3}, {2, 2}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char source[512];
        snprintf(source, sizeof source, HS_TEST_DATA "/goldens/tiny/%s", names[i]);
        masked_copy_equals_mask(source, heads, 4);
    }
}

/* ---- The demo model, in three files ------------------------------------------------------------------------------ */

static const headsift_head demo_heads[] = {{18, 6}, {17, 3}, {20, 6}, {24, 8}};

struct against {
    const struct hs_model *source;
    size_t different;
};

static bool is_query_of(const char *name, int32_t *layer) {
    char expected[64];
    for (*layer = 0; *layer < 30; (*layer)++) {
        snprintf(expected, sizeof expected, "model.layers.%d.self_attn.q_proj.weight", *layer);
        if (strcmp(name, expected) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_masked_row(int32_t layer, int64_t row) {
    for (size_t i = 0; i < sizeof demo_heads / sizeof *demo_heads; i++) {
        if (demo_heads[i].layer == layer && row / 64 == demo_heads[i].head) {
            return true;
        }
    }
    return false;
}

static bool compare_tensor(void *user, const char *name, const struct hs_tensor *tensor) {
    struct against *against = user;
    const struct hs_shard *shard;
    const json_t *entry;
    struct hs_tensor theirs;
    assert_int_equal(hs_hf_find(against->source, name, &shard, &entry, &last), HEADSIFT_OK);
    hs_safetensors_tensor(entry, shard->data, &theirs);
    assert_int_equal(tensor->size, theirs.size);
    if (memcmp(tensor->data, theirs.data, tensor->size) == 0) {
        return true;
    }
    int32_t layer;
    assert_true(is_query_of(name, &layer));
    against->different++;
    size_t row_bytes = 576 * sizeof(float);
    for (int64_t row = 0; row < 576; row++) {
        const unsigned char *ours = tensor->data + (size_t)row * row_bytes;
        static const unsigned char zero[576 * sizeof(float)];
        assert_memory_equal(ours, is_masked_row(layer, row) ? zero : theirs.data + (size_t)row * row_bytes, row_bytes);
    }
    return true;
}

static void only_the_heads_rows_differ(void **state) {
    (void)state;
    char source[512], masked[512], bin[4096];
    fresh_folder("mask_source", source, sizeof source);
    fresh_folder("mask_copy", masked, sizeof masked);
    struct hs_model *gguf = open_model(HS_DEMO_MODEL);
    struct export_options options = {source, EXPORT_F32, 3, false};
    assert_int_equal(export_directory(gguf, &options, &last), HEADSIFT_OK);
    assert_int_equal(hs_model_write_masked(gguf, demo_heads, 4, masked, false, NULL, &last), HEADSIFT_FAILED);
    assert_non_null(strstr(last.message, "GGUF"));
    hs_model_close(gguf);
    snprintf(bin, sizeof bin, "%s/pytorch_model.bin", source);
    assert_int_equal(hs_file_write(bin, "unmasked", 8, &last), HEADSIFT_OK);
    struct hs_model *model = open_model(source);
    snprintf(bin, sizeof bin, "%s/model.safetensors", masked); /* would be loaded in place of the shards */
    assert_int_equal(hs_make_directory(masked, &last), HEADSIFT_OK);
    assert_int_equal(hs_file_write(bin, "another model", 13, &last), HEADSIFT_OK);
    assert_int_equal(hs_model_write_masked(model, demo_heads, 4, masked, false, NULL, &last), HEADSIFT_FAILED);
    assert_non_null(strstr(last.message, "model.safetensors is there"));
    assert_int_equal(hs_model_write_masked(model, demo_heads, 4, masked, true, NULL, &last), HEADSIFT_OK);
    struct hs_model *copy = open_model(masked);
    struct against against = {.source = model};
    assert_int_equal(copy->n_shards, 3);
    hs_model_visit(copy, compare_tensor, &against);
    assert_int_equal(against.different, 4);
    snprintf(bin, sizeof bin,
             "cmp -s '%s/tokenizer.json' '%s/tokenizer.json' && cmp -s '%s/config.json' "
             "'%s/config.json' && ! test -e '%s/pytorch_model.bin'",
             source, masked, source, masked, masked);
    assert_int_equal(system(bin), 0);
    hs_model_close(copy);
    hs_model_close(model);
}

/* ---- Refusals ---------------------------------------------------------------------------------------------------- */

static void refusals(void **state) {
    (void)state;
    const char *source = HS_TEST_DATA "/goldens/tiny/llama_mha";
    static const headsift_head head = {1, 1}, beyond = {3, 0};
    char masked[512], config[600];
    fresh_folder("mask_refused", masked, sizeof masked);
    struct hs_model *model = open_model(source);
    assert_int_equal(hs_model_write_masked(model, &beyond, 1, masked, false, NULL, &last), HEADSIFT_FAILED);
    assert_non_null(strstr(last.message, "layer 3, head 0"));
    assert_false(hs_is_directory(masked));
    assert_int_equal(hs_model_write_masked(model, &head, 1, source, true, NULL, &last), HEADSIFT_USAGE);
    assert_int_equal(hs_model_write_masked(model, &head, 1, masked, false, NULL, &last), HEADSIFT_OK);
    assert_int_equal(hs_model_write_masked(model, &head, 1, masked, false, NULL, &last), HEADSIFT_FAILED);
    assert_non_null(strstr(last.message, "--overwrite"));
    assert_int_equal(hs_model_write_masked(model, &head, 1, masked, true, NULL, &last), HEADSIFT_OK);
    char other[512], file[600];
    fresh_folder("mask_other", other, sizeof other);
    assert_int_equal(hs_make_directory(other, &last), HEADSIFT_OK);
    snprintf(file, sizeof file, "%s/README.md", other);
    assert_int_equal(hs_file_write(file, "mine", 4, &last), HEADSIFT_OK);
    assert_int_equal(hs_model_write_masked(model, &head, 1, other, false, NULL, &last), HEADSIFT_FAILED);
    assert_non_null(strstr(last.message, "not empty"));
    volatile sig_atomic_t stop = 1;
    headsift_monitor monitor = {.stop = &stop};
    assert_int_equal(hs_model_write_masked(model, &head, 1, masked, true, &monitor, &last), HEADSIFT_STOPPED);
    snprintf(config, sizeof config, "%s/config.json", masked);
    assert_false(hs_file_exists(config)); /* what is not whole can't be loaded */
    assert_int_equal(hs_model_write_masked(model, &head, 1, masked, false, NULL, &last), HEADSIFT_OK); /* it goes on */
    hs_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_families),
        cmocka_unit_test(only_the_heads_rows_differ),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
