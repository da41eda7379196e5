/* Retrieval heads of the demo model on the golden probe, against the values of the independent reference.
 * Scores, heads, needle spans, greedy tokens, the choice of decoding and the effect. */
#include "support.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "probe/detect.h"

#define PROBE HS_TEST_DATA "/goldens/probe.jsonl"

enum { LINE = 1024 };

struct fixture {
    headsift_model *model;
    json_t *heads, *details;
    struct hs_probe probe;
    struct hs_sample *samples;
    struct hs_detection detection;
};

static json_t *golden(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/goldens/%s", HS_TEST_DATA, name);
    json_t *value = json_load_file(path, 0, NULL);
    assert_non_null(value);
    return value;
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    headsift_model_options options = {.path = HS_DEMO_MODEL, .dtype = HEADSIFT_DTYPE_F32};
    headsift_error error = {0};
    assert_non_null(f);
    if (headsift_model_open(&options, NULL, &f->model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    f->heads = golden("heads.json");
    f->details = golden("probe_details.json");
    assert_int_equal(hs_probe_load(PROBE, &f->probe, &error), HEADSIFT_OK);
    assert_int_equal(hs_samples_encode(f->model, &f->probe, PROBE, &f->samples, &error), HEADSIFT_OK);
    f->detection = (struct hs_detection){
        .model = f->model, .path = PROBE, .samples = f->samples, .n = f->probe.n, .n_layer = 30, .n_head = 9};
    assert_int_equal(hs_scorer_engine(f->model, &f->detection.engine, &error), HEADSIFT_OK);
    hs_stage_begin(&f->detection.stage, NULL, "heads", 6);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    hs_samples_free(f->samples, f->probe.n);
    hs_probe_free(&f->probe);
    json_decref(f->heads);
    json_decref(f->details);
    headsift_model_close(f->model);
    free(f);
    return 0;
}

static void needle_spans_and_prompt_lengths(void **state) {
    struct fixture *f = *state;
    const json_t *teacher = json_object_get(f->details, "teacher");
    assert_int_equal(f->probe.n, json_array_size(teacher));
    for (size_t i = 0; i < f->probe.n; i++) {
        const json_t *want = json_array_get(teacher, i), *span = json_object_get(want, "span");
        const struct hs_sample *sample = &f->samples[i];
        assert_int_equal(sample->value.first, json_integer_value(json_array_get(span, 0)));
        assert_int_equal(sample->value.last, json_integer_value(json_array_get(span, 1)));
        assert_int_equal(sample->n_prompt, json_integer_value(json_object_get(want, "prompt_tokens")));
        assert_true(sample->control.last > sample->control.first);
        assert_true(sample->control.last <= sample->value.first || sample->control.first >= sample->value.last);
    }
}

static void greedy_gives_the_reference_s_tokens(void **state) {
    struct fixture *f = *state;
    const json_t *greedy = json_object_get(f->details, "greedy");
    for (size_t i = 0; i < f->probe.n; i++) {
        const json_t *want = json_array_get(greedy, i), *ids = json_object_get(want, "produced");
        struct hs_greedy answer;
        assert_int_equal(hs_greedy_answer(&f->detection, &f->samples[i], &answer, NULL), HEADSIFT_OK);
        assert_int_equal(answer.n, json_array_size(ids));
        for (int32_t t = 0; t < answer.n; t++) {
            assert_int_equal(answer.produced[t], json_integer_value(json_array_get(ids, (size_t)t)));
        }
        assert_true(fabs(answer.recall - json_real_value(json_object_get(want, "rouge1_recall"))) < 1e-12);
        hs_greedy_free(&answer);
    }
}

/* Keeps the lines of the log. */
static void keep_log(void *user, headsift_log_level level, const char *line) {
    (void)level;
    char *log = user;
    size_t used = strlen(log);
    snprintf(log + used, LINE - used, "%s\n", line);
}

static void expect_golden_heads(const struct fixture *f, const headsift_heads *heads) {
    const json_t *rows = json_object_get(f->heads, "scores"), *list = json_object_get(f->heads, "heads");
    assert_int_equal(heads->n_layer, 30);
    assert_int_equal(heads->n_head, 9);
    for (size_t i = 0; i < 270; i++) {
        double want = json_number_value(json_array_get(json_array_get(rows, i / 9), i % 9));
        assert_true(fabs(heads->scores[i] - want) < 1e-6);
    }
    assert_int_equal(heads->n_heads, 14);
    for (size_t i = 0; i < 14; i++) {
        assert_int_equal(heads->heads[i].layer, json_integer_value(json_array_get(json_array_get(list, i), 0)));
        assert_int_equal(heads->heads[i].head, json_integer_value(json_array_get(json_array_get(list, i), 1)));
    }
}

static void auto_ends_in_teacher_forcing_and_gives_the_reference_s_heads(void **state) {
    struct fixture *f = *state;
    char log[LINE] = "";
    headsift_monitor monitor = {.log = keep_log, .user = log};
    headsift_heads_options options = {.decode = HEADSIFT_DECODE_AUTO};
    headsift_heads *heads;
    headsift_error error = {0};
    if (headsift_heads_detect(f->model, PROBE, &options, &monitor, &heads, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    assert_non_null(strstr(log, "retrieved 0 of the first 6 answers"));
    assert_non_null(strstr(log, "teacher forcing"));
    assert_string_equal(heads->decode, "teacher");
    assert_string_equal(heads->method, "retrieval");
    assert_int_equal(heads->samples, 6);
    assert_int_equal(heads->samples_counted, 6);
    expect_golden_heads(f, heads);
    print_message("effect: %.5f unmasked, %.5f masked, random %.4f (%.4f to %.4f)\n", heads->effect.unmasked,
                  heads->effect.masked, heads->effect.random_mean, heads->effect.random_low, heads->effect.random_high);
    assert_true(fabs(heads->effect.unmasked / 0.46247 - 1) < 1e-4);
    assert_true(fabs(heads->effect.masked / 3.81635 - 1) < 1e-4);
    assert_int_equal(heads->effect.draws, 5);
    assert_true(heads->effect.random_low > heads->effect.unmasked);
    assert_true(heads->effect.random_low <= heads->effect.random_mean);
    assert_true(heads->effect.random_mean <= heads->effect.random_high);
    assert_true(heads->effect.random_high < heads->effect.masked);
    assert_int_equal(headsift_heads_check(heads, f->model, NULL, &error), HEADSIFT_OK);
    headsift_heads_free(heads);
}

/* The golden probe's first sample alone, for what needs no more. */
static void write_first_sample(char *path, size_t size) {
    struct hs_buffer text = {0};
    assert_int_equal(hs_file_read(PROBE, 1 << 20, &text, NULL), HEADSIFT_OK);
    test_scratch(path, size, "golden_first_sample.jsonl");
    size_t line = (size_t)((char *)memchr(text.data, '\n', text.size) - text.data) + 1;
    assert_int_equal(hs_file_write(path, text.data, line, NULL), HEADSIFT_OK);
    hs_buffer_free(&text);
}

static void greedy_alone_is_refused(void **state) {
    struct fixture *f = *state;
    char path[512];
    write_first_sample(path, sizeof path);
    headsift_heads_options options = {.decode = HEADSIFT_DECODE_GREEDY};
    headsift_heads *heads;
    headsift_error error = {0};
    assert_int_equal(headsift_heads_detect(f->model, path, &options, NULL, &heads, &error), HEADSIFT_FAILED);
    assert_null(heads);
    assert_non_null(strstr(error.message, "--decode teacher"));
}

static void two_runs_give_the_same_bytes(void **state) {
    struct fixture *f = *state;
    headsift_heads_options options = {.decode = HEADSIFT_DECODE_TEACHER};
    char path[512], names[2][512];
    struct hs_buffer text[2] = {{0}};
    write_first_sample(path, sizeof path);
    for (int i = 0; i < 2; i++) {
        headsift_heads *heads;
        snprintf(names[i], sizeof names[i], "%s/golden_heads_%d.json", HS_TEST_SCRATCH, i);
        assert_int_equal(headsift_heads_detect(f->model, path, &options, NULL, &heads, NULL), HEADSIFT_OK);
        assert_int_equal(headsift_heads_save(heads, names[i], NULL), HEADSIFT_OK);
        headsift_heads_free(heads);
        assert_int_equal(hs_file_read(names[i], 1 << 20, &text[i], NULL), HEADSIFT_OK);
    }
    assert_int_equal(text[0].size, text[1].size);
    assert_memory_equal(text[0].data, text[1].data, text[0].size);
    hs_buffer_free(&text[0]);
    hs_buffer_free(&text[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needle_spans_and_prompt_lengths),
        cmocka_unit_test(greedy_gives_the_reference_s_tokens),
        cmocka_unit_test(auto_ends_in_teacher_forcing_and_gives_the_reference_s_heads),
        cmocka_unit_test(greedy_alone_is_refused),
        cmocka_unit_test(two_runs_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
