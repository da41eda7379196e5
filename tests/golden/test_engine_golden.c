/* Losses per token against the independent references: tiny models by transformers, SmolLM2-135M by the f64 reference.
 * Tolerances are those of tests/data/goldens/README.md.
 * usage: test_engine_golden [PATTERN]      PATTERN: of the cases to run, "tiny*" */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "engine/cpu/isa.h"
#include "engine/engine.h"
#include "engine/scorer.h"
#include "tokenizer/tokenizer.h"

enum { MAX_HEADS = 64 };

/* Of a document's mean loss: bf16 and int8 were within 0.8 % here (what differs most has unusual characters). */
static const double rounded_bound = 2e-2;

/* Folders beside one another: goldens of families, and of rotary positions that none of them has. */
static const char *const FAMILIES[] = {"llama_mha",
                                       "llama_gqa_tied",
                                       "llama_mqa",
                                       "llama_bias",
                                       "llama_head_dim",
                                       "llama3_rope",
                                       "qwen2",
                                       "qwen3",
                                       "granite",
                                       "smollm3_nope",
                                       "phi3",
                                       "olmo2",
                                       "gemma2",
                                       "gemma3",
                                       "mistral_window",
                                       "llama3_rope_old",
                                       "../../rope/phi3_longrope",
                                       "../../rope/qwen2_yarn"};

struct fixture {
    struct hs_model *model;
    struct hs_engine *engine;
};

static void fixture_open(struct fixture *f, const char *path, const struct hs_engine_options *options) {
    headsift_error error = {0};
    if (hs_model_open(path, NULL, &f->model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    if (hs_engine_open(f->model, options, &f->engine, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
}

static void fixture_close(struct fixture *f) {
    hs_engine_close(f->engine);
    hs_model_close(f->model);
}

static json_t *load(const char *path) {
    json_t *out = NULL;
    headsift_error error = {0};
    if (hs_json_load(path, 1 << 26, &out, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return out;
}

static size_t read_heads(const json_t *list, headsift_head *heads) {
    assert_in_range(json_array_size(list), 1, MAX_HEADS);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *pair = json_array_get(list, i);
        heads[i].layer = (int32_t)json_integer_value(json_array_get(pair, 0));
        heads[i].head = (int32_t)json_integer_value(json_array_get(pair, 1));
    }
    return json_array_size(list);
}

static int32_t *read_ids(const json_t *list, int64_t *n) {
    *n = (int64_t)json_array_size(list);
    int32_t *ids = hs_alloc((size_t)*n, sizeof *ids);
    for (int64_t i = 0; i < *n; i++) {
        ids[i] = (int32_t)json_integer_value(json_array_get(list, (size_t)i));
    }
    return ids;
}

/* nll[1..n-1] against expected[0..n-2]. */
static void compare(const char *what, const double *nll, int64_t n, const json_t *expected, double per_token,
                    double on_mean) {
    double sum = 0, wanted = 0;
    assert_int_equal(json_array_size(expected), n - 1);
    for (int64_t t = 1; t < n; t++) {
        double want = json_number_value(json_array_get(expected, (size_t)t - 1));
        if (!(fabs(nll[t] - want) <= per_token)) {
            fail_msg("%s, token %lld: %.9f, the reference has %.9f", what, (long long)t, nll[t], want);
        }
        sum += nll[t];
        wanted += want;
    }
    if (!(fabs(sum - wanted) <= on_mean * (double)(n - 1))) {
        fail_msg("%s: mean is off", what);
    }
}

/* Sums of a family's losses under a mask, and how many there are. */
struct sums {
    double got, wanted;
    int64_t n;
};

static void add_sums(struct sums *sums, const double *nll, int64_t n, const json_t *expected) {
    assert_int_equal(json_array_size(expected), n - 1);
    for (int64_t t = 1; t < n; t++) {
        sums->got += nll[t];
        sums->wanted += json_number_value(json_array_get(expected, (size_t)t - 1));
        sums->n++;
    }
}

/* In f32 each token is compared; in bf16, the mean over all tokens of the family. */
static void tiny_model(const char *name, enum hs_isa isa, headsift_dtype dtype, int32_t block_rows) {
    const bool bf16 = dtype == HEADSIFT_DTYPE_BF16;
    char path[512];
    snprintf(path, sizeof path, HS_TEST_DATA "/goldens/tiny/%s", name);
    struct fixture f;
    struct hs_engine_options options = {.threads = 2, .dtype = dtype, .block_rows = block_rows};
    fixture_open(&f, path, &options);
    struct hs_engine_facts facts;
    hs_engine_describe(f.engine, &facts);
    assert_true(hs_isa_has_bf16(isa) || strcmp(facts.kernels, hs_isa_name(isa)) == 0);
    snprintf(path, sizeof path, HS_TEST_DATA "/goldens/tiny/%s/expected.json", name);
    json_t *expected = load(path);
    struct sums sums[4] = {{0}};
    struct hs_mask masks[4] = {{0}};
    headsift_head heads[3][MAX_HEADS];
    static const char *const names[] = {"one", "three", "layer"};
    for (int m = 0; m < 3; m++) {
        const json_t *mask = json_object_get(json_object_get(expected, "masks"), names[m]);
        masks[m + 1].n_heads = read_heads(json_object_get(mask, "heads"), heads[m]);
        masks[m + 1].heads = heads[m];
    }
    for (size_t s = 0; s < json_array_size(json_object_get(expected, "ids")); s++) {
        int64_t n;
        int32_t *ids = read_ids(json_array_get(json_object_get(expected, "ids"), s), &n);
        double *nll = hs_alloc((size_t)(4 * n), sizeof *nll);
        int64_t offsets[] = {0, n};
        struct hs_batch batch = {.tokens = ids, .offsets = offsets, .n_documents = 1};
        headsift_error error = {0};
        assert_int_equal(hs_engine_nll(f.engine, &batch, masks, 4, nll, &error), HEADSIFT_OK);
        for (int m = 0; m < 4; m++) {
            const json_t *mask = m == 0 ? NULL : json_object_get(json_object_get(expected, "masks"), names[m - 1]);
            const json_t *all = m == 0 ? json_object_get(expected, "base") : json_object_get(mask, "nll");
            char what[64];
            snprintf(what, sizeof what, "%s, %s", name, m == 0 ? "base" : names[m - 1]);
            add_sums(&sums[m], nll + m * n, n, json_array_get(all, s));
            if (!bf16) {
                compare(what, nll + m * n, n, json_array_get(all, s), 2e-4, 2e-5);
            }
        }
        hs_free(ids);
        hs_free(nll);
    }
    for (int m = 0; m < 4; m++) {
        double off = fabs(sums[m].got - sums[m].wanted) / (double)sums[m].n;
        if (!(off <= (bf16 ? 3e-2 : 2e-5))) {
            fail_msg("%s, mask %d: the mean is off by %g", name, m, off);
        }
    }
    json_decref(expected);
    fixture_close(&f);
}

static void tiny_models(headsift_dtype dtype) {
    enum hs_isa isa;
    if (hs_isa_choose(&isa, NULL) != HEADSIFT_OK || hs_resolve_dtype(dtype, &dtype, NULL) != HEADSIFT_OK) {
        skip(); /* HEADSIFT_ISA names what this machine lacks, or it has no products of bf16 */
    }
    for (size_t i = 0; i < sizeof FAMILIES / sizeof *FAMILIES; i++) {
        tiny_model(FAMILIES[i], isa, dtype, 0);
        tiny_model(FAMILIES[i], isa, dtype, 16); /* documents over several blocks */
    }
}

static void tiny_families(void **state) {
    (void)state;
    tiny_models(HEADSIFT_DTYPE_F32);
}

static void tiny_families_in_bf16(void **state) {
    (void)state;
    tiny_models(HEADSIFT_DTYPE_BF16);
}

/* The key that each head looks at most is the same for a document that goes through the layers at once, and for one
 * that is generated token by token over caches; in a windowed layer it is never outside the window. */
static void tiny_generation(void **state) {
    (void)state;
    enum { PROMPT = 61, MOST = 24, ALL = PROMPT + MOST, HEADS = 64 };
    for (size_t i = 0; i < sizeof FAMILIES / sizeof *FAMILIES; i++) {
        char path[512];
        struct fixture f;
        struct hs_engine_options options = {.threads = 2};
        snprintf(path, sizeof path, HS_TEST_DATA "/goldens/tiny/%s", FAMILIES[i]);
        fixture_open(&f, path, &options);
        const struct hs_config *c = hs_model_config(f.model);
        int32_t tokens[ALL], n = 0;
        int64_t rows[MOST];
        static int32_t columns[MOST * HEADS], wanted[MOST * HEADS];
        for (int32_t t = 0; t < PROMPT; t++) {
            tokens[t] = 3 + t * 37 % 60;
        }
        headsift_error error = {0};
        assert_in_range(c->n_layer * c->n_head, 1, HEADS);
        assert_int_equal(
            hs_engine_generate(f.engine, tokens, PROMPT, MOST, NULL, NULL, tokens + PROMPT, &n, columns, &error),
            HEADSIFT_OK);
        assert_int_equal(n, MOST);
        for (int32_t r = 0; r < MOST; r++) {
            rows[r] = PROMPT - 1 + r;
        }
        assert_int_equal(hs_engine_attend(f.engine, tokens, ALL, rows, MOST, wanted, &error), HEADSIFT_OK);
        assert_memory_equal(columns, wanted, (size_t)(MOST * c->n_layer * c->n_head) * sizeof *columns);
        for (int32_t at = 0; at < MOST * c->n_layer * c->n_head; at++) {
            int64_t row = rows[at / (c->n_layer * c->n_head)];
            int64_t window = hs_layer_window(c, at / c->n_head % c->n_layer);
            assert_true(columns[at] <= row && (window == 0 || columns[at] > row - window));
        }
        fixture_close(&f);
    }
}

static void compare_mean(const char *id, const json_t *row, const char *key, double mean, double bound) {
    double want = json_number_value(json_object_get(row, key));
    if (!(fabs(mean - want) <= bound * want)) {
        fail_msg("%s %s: %.9f, the reference has %.9f", id, key, mean, want);
    }
}

static void compare_document(struct fixture *f, const json_t *row, const json_t *tokens, const struct hs_mask *masks,
                             headsift_dtype dtype) {
    const bool exact = dtype == HEADSIFT_DTYPE_F32;
    const double bound = exact ? 5e-6 : rounded_bound;
    static const char *const kinds[] = {"base", "uniform", "zero"};
    const char *id = json_string_value(json_object_get(row, "id"));
    assert_string_equal(id, json_string_value(json_object_get(tokens, "id")));
    int64_t n;
    int32_t *ids = read_ids(json_object_get(tokens, "ids"), &n);
    double *nll = hs_alloc((size_t)(3 * n + 1), sizeof *nll), mean[3] = {0};
    int64_t offsets[] = {0, n};
    struct hs_batch batch = {.tokens = ids, .offsets = offsets, .n_documents = 1};
    assert_int_equal(hs_engine_nll(f->engine, &batch, masks, 3, nll, NULL), HEADSIFT_OK);
    for (int m = 0; m < 3 && n > 1; m++) {
        char key[32];
        for (int64_t t = 1; t < n; t++) {
            mean[m] += nll[m * n + t] / (double)(n - 1);
        }
        snprintf(key, sizeof key, "loss_%s", kinds[m]);
        compare_mean(id, row, key, mean[m], bound);
        snprintf(key, sizeof key, "nll_%s", kinds[m]);
        const json_t *per_token = json_object_get(row, key);
        if (per_token != NULL && exact) {
            compare(id, nll + m * n, n, per_token, 2e-4, 2e-5);
        }
    }
    if (n > 1 && exact) {
        double score = (mean[1] - mean[0]) / mean[0], want = json_number_value(json_object_get(row, "score"));
        assert_true(fabs(score - want) <= 1e-5);
    }
    hs_free(ids);
    hs_free(nll);
}

/* With the text that headsift_model_open's engine takes. */
static void calibrate(struct hs_encoding *text, struct hs_engine_options *options) {
    struct hs_model *model;
    struct hs_tokenizer *tokenizer;
    assert_int_equal(hs_model_open(HS_DEMO_MODEL, NULL, &model, NULL), HEADSIFT_OK);
    assert_int_equal(hs_model_tokenizer(model, &tokenizer, NULL), HEADSIFT_OK);
    assert_int_equal(hs_encode(tokenizer, hs_calibration_text, strlen(hs_calibration_text), HS_ENCODE_BOS, text, NULL),
                     HEADSIFT_OK);
    assert_in_range(text->n, 500, 2000);
    options->int8 = HS_INT8_RECIPE;
    options->calibration = text->ids;
    options->n_calibration = (int64_t)text->n;
    hs_tokenizer_close(tokenizer);
    hs_model_close(model);
}

static void smollm2_in(headsift_dtype dtype) {
    struct fixture f;
    struct hs_engine_options options = {.dtype = dtype};
    struct hs_encoding text = {0};
    if (dtype == HEADSIFT_DTYPE_INT8) {
        calibrate(&text, &options);
    }
    fixture_open(&f, HS_DEMO_MODEL, &options);
    hs_encoding_free(&text);
    json_t *heads_file = load(HS_TEST_DATA "/goldens/heads.json");
    headsift_head heads[MAX_HEADS];
    struct hs_mask masks[3] = {{0}};
    masks[1].heads = masks[2].heads = heads;
    masks[1].n_heads = masks[2].n_heads = read_heads(json_object_get(heads_file, "heads"), heads);
    masks[2].kind = HEADSIFT_MASK_ZERO;
    FILE *rows = fopen(HS_TEST_DATA "/goldens/losses.jsonl", "r"),
         *ids = fopen(HS_TEST_DATA "/goldens/tokens.jsonl", "r");
    assert_true(rows != NULL && ids != NULL);
    int documents = 0;
    for (;; documents++) {
        json_t *row = json_loadf(rows, JSON_DISABLE_EOF_CHECK, NULL);
        json_t *tokens = json_loadf(ids, JSON_DISABLE_EOF_CHECK, NULL);
        if (row == NULL || tokens == NULL) {
            break;
        }
        compare_document(&f, row, tokens, masks, dtype);
        json_decref(row);
        json_decref(tokens);
    }
    assert_int_equal(documents, 23);
    fclose(rows);
    fclose(ids);
    json_decref(heads_file);
    fixture_close(&f);
}

static void smollm2_losses(void **state) {
    (void)state;
    smollm2_in(HEADSIFT_DTYPE_F32);
}

static void smollm2_losses_in_bf16(void **state) {
    (void)state;
    headsift_dtype dtype;
    if (hs_resolve_dtype(HEADSIFT_DTYPE_BF16, &dtype, NULL) != HEADSIFT_OK) {
        skip();
    }
    smollm2_in(dtype);
}

static void smollm2_losses_in_int8(void **state) {
    (void)state;
    headsift_dtype dtype;
    if (hs_resolve_dtype(HEADSIFT_DTYPE_INT8, &dtype, NULL) != HEADSIFT_OK) {
        skip();
    }
    smollm2_in(dtype);
}

int main(int argc, char **argv) {
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_families),          cmocka_unit_test(tiny_families_in_bf16),
        cmocka_unit_test(tiny_generation),        cmocka_unit_test(smollm2_losses),
        cmocka_unit_test(smollm2_losses_in_bf16), cmocka_unit_test(smollm2_losses_in_int8)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
