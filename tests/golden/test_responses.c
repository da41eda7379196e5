/* Scores of responses to prompts and of their steps on the demo model, against transformers in double
 * (tests/data/responses/make_responses.py). */
#include "support.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "headsift/headsift.h"

struct fixture {
    headsift_model *model;
    headsift_heads *heads;
    json_t *documents;
};

static int set_up(void **state) {
    static struct fixture fixture;
    headsift_error error = {0};
    headsift_model_options options = {.path = HS_DEMO_MODEL, .dtype = HEADSIFT_DTYPE_F32};
    if (headsift_model_open(&options, NULL, &fixture.model, &error) != HEADSIFT_OK ||
        headsift_heads_load(HS_TEST_DATA "/goldens/heads.json", &fixture.heads, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    fixture.documents = json_load_file(HS_TEST_DATA "/responses/responses.json", 0, NULL);
    assert_true(json_array_size(fixture.documents) == 7);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    json_decref(fixture->documents);
    headsift_heads_free(fixture->heads);
    headsift_model_close(fixture->model);
    return 0;
}

static double number(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    assert_non_null(value);
    return json_is_null(value) ? (double)NAN : json_number_value(value);
}

static void near(double value, double wanted, double tolerance, const char *name, const char *what) {
    if (isnan(wanted) ? !isnan(value) : !(fabs(value - wanted) <= tolerance)) {
        fail_msg("%s: %s is %.12g, wanted %.12g", name, what, value, wanted);
    }
}

static void compare_step(const headsift_step *step, const json_t *wanted, const char *name) {
    assert_int_equal(step->start, json_integer_value(json_object_get(wanted, "start")));
    assert_int_equal(step->n_bytes, json_integer_value(json_object_get(wanted, "n_bytes")));
    assert_int_equal(step->n_scored, json_integer_value(json_object_get(wanted, "n_scored")));
    near(step->loss_base, number(wanted, "loss_base"), 5e-5, name, "a step's loss_base");
    near(step->loss_ref, number(wanted, "loss_ref"), 5e-5, name, "a step's loss_ref");
    near(step->score, number(wanted, "score"), 1e-4, name, "a step's score");
    near(step->weight, number(wanted, "weight"), 1e-3, name, "a step's weight");
}

static void compare(const struct fixture *fixture, size_t i) {
    const json_t *wanted = json_array_get(fixture->documents, i), *steps = json_object_get(wanted, "steps");
    const char *name = json_string_value(json_object_get(wanted, "name"));
    const char *prompt = json_string_value(json_object_get(wanted, "prompt"));
    const char *response = json_string_value(json_object_get(wanted, "response"));
    size_t prompt_size = strlen(prompt), size = strlen(response);
    headsift_score_options options = {.step_marker = json_string_value(json_object_get(wanted, "marker"))};
    headsift_score row;
    headsift_steps got;
    headsift_error error = {0};
    if (headsift_score_responses(fixture->model, fixture->heads, &options, &prompt, &prompt_size, &response, &size, 1,
                                 &row, &got, &error) != HEADSIFT_OK) {
        fail_msg("%s: %s", name, error.message);
    }
    assert_string_equal(row.status, "ok");
    assert_int_equal(row.n_bytes, prompt_size + size);
    assert_int_equal(row.n_tokens, json_integer_value(json_object_get(wanted, "n_tokens")));
    assert_int_equal(row.n_scored, json_integer_value(json_object_get(wanted, "n_scored")));
    near(row.loss_base, number(wanted, "loss_base"), 2e-5, name, "loss_base");
    near(row.loss_ref, number(wanted, "loss_ref"), 2e-5, name, "loss_ref");
    near(row.score, number(wanted, "score"), 2e-5, name, "score");
    assert_int_equal(got.n, json_array_size(steps));
    for (size_t s = 0; s < got.n; s++) {
        compare_step(&got.items[s], json_array_get(steps, s), name);
    }
    headsift_free(got.items);
}

static void scores_and_steps_equal_the_reference(void **state) {
    const struct fixture *fixture = *state;
    for (size_t i = 0; i < json_array_size(fixture->documents); i++) {
        compare(fixture, i);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(scores_and_steps_equal_the_reference)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
