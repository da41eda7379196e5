/* Rotary positions of every kind: frequencies by transformers' own functions (tests/data/rope/make_rope.py), and the
 * length at which dynamic positions end. */
#include "rope_folder.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "engine/engine.h"
#include "model/internal.h"

static json_t *load(const char *path) {
    json_t *root = NULL;
    headsift_error error = {0};
    if (hs_json_load(path, 1 << 24, &root, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return root;
}

/* Single precision made the expected values: base ** x alone rounds by 1e-6 of itself. */
static void compare(size_t at, const json_t *expected, const double *got, double factor) {
    const json_t *wanted = json_object_get(expected, "frequencies");
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        double want = json_number_value(json_array_get(wanted, i));
        if (!(fabs(got[i] / want - 1) <= 3e-6)) {
            fail_msg("case %zu, pair %zu: %.9g, transformers has %.9g", at, i, got[i], want);
        }
    }
    assert_true(fabs(factor / json_number_value(json_object_get(expected, "factor")) - 1) < 1e-12);
}

static void frequencies_of_every_kind(void **state) {
    (void)state;
    json_t *cases = load(HS_TEST_DATA "/rope/rope.json");
    assert_int_equal(json_array_size(cases), 9);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *expected = json_array_get(cases, i);
        static struct hs_hf_config read;
        headsift_error error = {0};
        double got[HS_MAX_PAIRS];
        read = (struct hs_hf_config){0};
        if (hs_hf_config_read(json_object_get(expected, "config"), "c.json", &read, &error) != HEADSIFT_OK) {
            fail_msg("case %zu: %s", i, error.message);
        }
        bool far = json_is_true(json_object_get(expected, "far"));
        assert_int_equal(read.config.rotary_dim, 2 * json_array_size(json_object_get(expected, "frequencies")));
        assert_true(!far || hs_rope_has(&read.config, HS_ROPE_FAR));
        double factor = hs_rope_frequencies(&read.config, far ? HS_ROPE_FAR : HS_ROPE_GLOBAL, got);
        compare(i, expected, got, factor);
    }
    json_decref(cases);
}

static void both_bases_of_gemma3(void **state) {
    (void)state;
    struct hs_model *model;
    headsift_error error = {0};
    double global[HS_MAX_PAIRS], local[HS_MAX_PAIRS];
    assert_int_equal(hs_model_open(HS_TEST_DATA "/goldens/tiny/gemma3", NULL, &model, &error), HEADSIFT_OK);
    const struct hs_config *c = hs_model_config(model);
    assert_true(hs_rope_has(c, HS_ROPE_LOCAL) && !hs_rope_has(c, HS_ROPE_FAR));
    hs_rope_frequencies(c, HS_ROPE_GLOBAL, global);
    hs_rope_frequencies(c, HS_ROPE_LOCAL, local);
    assert_true(fabs(global[4] - 1e-3) < 1e-15 && fabs(local[4] - 1e-2) < 1e-15);
    hs_model_close(model);
}

static headsift_status losses_of(const char *path, int32_t n, double *nll, headsift_error *error) {
    struct hs_model *model;
    struct hs_engine *engine;
    int32_t tokens[300];
    struct hs_engine_options options = {.threads = 2};
    for (int32_t i = 0; i < n; i++) {
        tokens[i] = 3 + i * 29 % 100;
    }
    assert_int_equal(hs_model_open(path, NULL, &model, error), HEADSIFT_OK);
    assert_int_equal(hs_engine_open(model, &options, &engine, error), HEADSIFT_OK);
    struct hs_mask mask = {0};
    struct hs_batch batch = {.tokens = tokens, .offsets = (const int64_t[]){0, n}, .n_documents = 1};
    headsift_status status = hs_engine_nll(engine, &batch, &mask, 1, nll, error);
    hs_engine_close(engine);
    hs_model_close(model);
    return status;
}

static void dynamic_ends_at_the_trained_length(void **state) {
    (void)state;
    enum { TRAINED = 256 };
    char path[512];
    headsift_error error = {0};
    static double dynamic[TRAINED + 1], plain[TRAINED + 1];
    write_rope_folder("rope_dynamic", "{\"rope_type\": \"dynamic\", \"rope_theta\": 10000.0, \"factor\": 2.0}", path,
                      sizeof path);
    assert_int_equal(losses_of(path, TRAINED, dynamic, &error), HEADSIFT_OK);
    assert_int_equal(losses_of(HS_TEST_DATA "/goldens/tiny/llama_mha", TRAINED, plain, &error), HEADSIFT_OK);
    assert_memory_equal(dynamic, plain, TRAINED * sizeof *plain);
    assert_int_equal(losses_of(path, TRAINED + 1, dynamic, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "dynamic rotary positions are not supported beyond the trained 256"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frequencies_of_every_kind),
        cmocka_unit_test(both_bases_of_gemma3),
        cmocka_unit_test(dynamic_ends_at_the_trained_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
