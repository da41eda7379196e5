/* Ablation of every head of the demo model on two short samples of our own builder: equal to one masked run a head,
 * and cheaper, counted in layers walked. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "probe/detect.h"

enum { SAMPLES = 2, TOKENS = 300, LAYERS = 30, HEADS = 9, ALL = LAYERS * HEADS };

static void open_model(headsift_model **model) {
    headsift_model_options options = {.path = HS_DEMO_MODEL, .dtype = HEADSIFT_DTYPE_F32};
    headsift_error error = {0};
    if (headsift_model_open(&options, NULL, model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
}

static void write_probe(headsift_model *model, char *path, size_t size) {
    headsift_probe_options options = {.samples = SAMPLES, .tokens = TOKENS, .shots = 1, .seed = 7};
    headsift_error error = {0};
    test_scratch(path, size, "ablation_probe.jsonl");
    if (headsift_probe_write(model, &options, path, NULL, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
}

/* The rise of the mean answer loss, with one engine call a head and sample. */
static void separate_runs(headsift_model *model, const char *path, double *rises, int64_t *passes) {
    struct hs_probe probe;
    struct hs_detection detection = {.model = model, .path = path, .n = SAMPLES, .n_layer = LAYERS, .n_head = HEADS};
    assert_int_equal(hs_probe_load(path, &probe, NULL), HEADSIFT_OK);
    assert_int_equal(hs_samples_encode(model, &probe, path, &detection.samples, NULL), HEADSIFT_OK);
    assert_int_equal(hs_scorer_engine(model, &detection.engine, NULL), HEADSIFT_OK);
    int64_t before = hs_engine_layer_passes(detection.engine);
    for (size_t s = 0; s < SAMPLES; s++) {
        assert_true(detection.samples[s].n <= TOKENS);
        double base, loss;
        struct hs_mask none = {.kind = HEADSIFT_MASK_UNIFORM};
        assert_int_equal(hs_answer_losses(&detection, &detection.samples[s], &none, 1, &base, NULL), HEADSIFT_OK);
        for (int i = 0; i < ALL; i++) {
            headsift_head head = {.layer = i / HEADS, .head = i % HEADS};
            struct hs_mask mask = {.kind = HEADSIFT_MASK_UNIFORM, .heads = &head, .n_heads = 1};
            assert_int_equal(hs_answer_losses(&detection, &detection.samples[s], &mask, 1, &loss, NULL), HEADSIFT_OK);
            rises[i] += (loss - base) / SAMPLES;
        }
    }
    *passes = hs_engine_layer_passes(detection.engine) - before;
    hs_samples_free(detection.samples, SAMPLES);
    hs_probe_free(&probe);
}

/* For docs/method.md: how many of the chosen heads the retrieval scores of the golden probe choose too. */
static void print_overlap(const headsift_heads *heads) {
    headsift_heads *retrieval;
    int shared = 0;
    assert_int_equal(headsift_heads_load(HS_TEST_DATA "/goldens/heads.json", &retrieval, NULL), HEADSIFT_OK);
    for (size_t i = 0; i < heads->n_heads; i++) {
        bool found = false;
        for (size_t k = 0; k < retrieval->n_heads; k++) {
            found = found || memcmp(&heads->heads[i], &retrieval->heads[k], sizeof *heads->heads) == 0;
        }
        shared += found;
        print_message("  layer %d, head %d: +%.4f%s\n", heads->heads[i].layer, heads->heads[i].head,
                      heads->scores[heads->heads[i].layer * HEADS + heads->heads[i].head],
                      found ? ", retrieval too" : "");
    }
    print_message("%d of these %zu are among the %zu by retrieval score\n", shared, heads->n_heads, retrieval->n_heads);
    print_message("answer loss %.4f, masked %.4f, random %.4f to %.4f\n", heads->effect.unmasked, heads->effect.masked,
                  heads->effect.random_low, heads->effect.random_high);
    headsift_heads_free(retrieval);
}

static void ablation_is_one_masked_run_a_head_for_less(void **state) {
    (void)state;
    headsift_model *model;
    char path[512];
    open_model(&model);
    write_probe(model, path, sizeof path);
    double rises[ALL] = {0};
    int64_t separate;
    separate_runs(model, path, rises, &separate);

    int64_t before = hs_engine_layer_passes(model->engine);
    headsift_heads_options options = {.method = HEADSIFT_METHOD_ABLATION};
    headsift_heads *heads;
    headsift_error error = {0};
    if (headsift_heads_detect(model, path, &options, NULL, &heads, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    int64_t together = hs_engine_layer_passes(model->engine) - before; /* the effect check counts too */
    double worst = 0;
    for (int i = 0; i < ALL; i++) {
        worst = fmax(worst, fabs(heads->scores[i] - rises[i]));
    }
    print_message("largest difference %.2g; %lld layer passes instead of %lld\n", worst, (long long)together,
                  (long long)separate);
    print_overlap(heads);
    assert_true(worst < 1e-5);
    assert_true((double)together <= 0.6 * (double)separate);
    assert_string_equal(heads->method, "ablation");
    assert_null(heads->decode);
    assert_int_equal(heads->n_heads, 14);
    assert_int_equal(heads->effect.samples, SAMPLES);
    headsift_heads_free(heads);
    headsift_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ablation_is_one_masked_run_a_head_for_less)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
