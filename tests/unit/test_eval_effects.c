/* Figures, differences and verdicts of outcomes made by hand, and how results.json and the table show them. */
#include "influence_support.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "eval/results.h"

enum { ITEMS = 40, CONDITIONS = 4 }; /* unmasked, masked, two draws */

static struct hs_text text_of(const char *text) { return (struct hs_text){(char *)(uintptr_t)text, strlen(text)}; }

/* A task of ITEMS items in two groups, the second with a name that is no good on a terminal. */
static struct hs_task made_task(enum hs_task_kind kind, struct hs_item items[ITEMS]) {
    static struct hs_text choices[4];
    for (int i = 0; i < ITEMS; i++) {
        items[i] = (struct hs_item){
            .choices = choices, .n_choices = i < 20 ? 4 : 2, .group = text_of(i % 4 == 0 ? "first" : "sec\033[1mond")};
    }
    return (struct hs_task){.name = (char *)(uintptr_t) "made",
                            .source = (char *)(uintptr_t) "made.jsonl",
                            .kind = kind,
                            .items = items,
                            .n_items = ITEMS,
                            .shots = 3};
}

/* Unmasked 1, masked `masked`, draws `random` and unmasked in turn, with noise that is the same in all. */
static struct hs_outcomes made_outcomes(const struct hs_task *task, enum hs_metric metric, double masked,
                                        double random) {
    struct hs_outcomes o;
    assert_int_equal(hs_outcomes_alloc(task, CONDITIONS, &o, NULL), HEADSIFT_OK);
    for (size_t i = 0; i < ITEMS; i++) {
        double item = (double)(i % 10);
        hs_outcome(&o, metric, 0)[i] = 1 + item;
        hs_outcome(&o, metric, 1)[i] = masked + item + (i % 2 == 0 ? 0.01 : -0.01);
        hs_outcome(&o, metric, 2)[i] = random + item;
        hs_outcome(&o, metric, 3)[i] = 1 + item;
    }
    o.cut = 7;
    return o;
}

static void near(double a, double b) {
    if (!(fabs(a - b) < 1e-9)) {
        fail_msg("%.12g is not %.12g", a, b);
    }
}

static struct hs_difference difference(enum hs_metric metric, double masked, double random, size_t n_draws) {
    struct hs_item items[ITEMS];
    struct hs_task task = made_task(HS_TASK_CHOICE, items);
    struct hs_outcomes o = made_outcomes(&task, metric, masked, random);
    struct hs_difference out;
    assert_int_equal(hs_difference_make(&o, metric, n_draws, 3, &out, NULL), HEADSIFT_OK);
    hs_outcomes_free(&o);
    return out;
}

static void differences_are_of_the_same_items(void **state) {
    (void)state;
    struct hs_difference d = difference(HS_LOSS, 1.5, 1.2, 2);
    near(d.masked.value, 0.5);
    near(d.random.value, 0.1);
    near(d.beyond.value, 0.4);
    /* paired: the items' own spread of 0 to 9 is in none of the intervals */
    assert_true(d.beyond.low > 0.39 && d.beyond.low < d.beyond.value && d.beyond.high < 0.41);
    assert_true(d.masked.low > 0.49 && d.masked.high < 0.51);
    near(d.random.low, 0.1);
}

static void verdicts_take_the_harmful_side(void **state) {
    (void)state;
    assert_true(difference(HS_LOSS, 1.5, 1.2, 2).hurts);
    assert_false(difference(HS_LOSS, 0.5, 1.2, 2).hurts);
    assert_false(difference(HS_LOSS, 1.1, 1.2, 2).hurts); /* as much as random: 0 is in the interval */
    assert_true(difference(HS_ACCURACY, 0.5, 0.9, 2).hurts);
    assert_false(difference(HS_ACCURACY, 1.5, 0.9, 2).hurts);
    assert_true(difference(HS_MATCH_RATE, 0.5, 0.9, 1).hurts);
    struct hs_difference none = difference(HS_LOSS, 1.5, 1.2, 0);
    near(none.masked.value, 0.5);
    assert_true(!none.hurts && isnan(none.random.value) && isnan(none.beyond.value));
}

static void figures_are_means_by_condition_and_group(void **state) {
    (void)state;
    struct hs_item items[ITEMS];
    struct hs_task task = made_task(HS_TASK_LOSS, items);
    struct hs_outcomes o = made_outcomes(&task, HS_LOSS, 1.5, 1.2);
    struct hs_conditions conditions = {.n = CONDITIONS, .n_draws = 2};
    struct hs_task_result result;
    assert_int_equal(hs_summarise(&task, &o, &conditions, 1, &result, NULL), HEADSIFT_OK);
    assert_int_equal(result.primary, HS_LOSS);
    assert_true(isnan(result.chance) && result.cut == 7);
    near(result.all.values[0 * HS_METRICS + HS_LOSS].value, 5.5);
    near(result.all.values[1 * HS_METRICS + HS_LOSS].value, 6.0);
    near(result.all.values[2 * HS_METRICS + HS_LOSS].value, 5.7);
    assert_true(result.all.values[HS_LOSS].low < 5.0 && result.all.values[HS_LOSS].high > 6.0);
    assert_int_equal(result.n_groups, 2);
    assert_string_equal(result.groups[0].group, "first");
    assert_int_equal(result.groups[0].items, 10);
    assert_int_equal(result.groups[1].items, 30);
    near(result.groups[0].values[HS_LOSS].value, 5.0); /* items 0, 4, ..: (0 4 8 2 6) / 5 + 1 */
    hs_task_result_free(&result);
    hs_outcomes_free(&o);
    task = made_task(HS_TASK_CHOICE, items);
    o = made_outcomes(&task, HS_ACCURACY, 0.5, 0.9);
    assert_int_equal(hs_summarise(&task, &o, &conditions, 1, &result, NULL), HEADSIFT_OK);
    near(result.chance, 0.375);
    assert_int_equal(result.primary, HS_ACCURACY);
    hs_task_result_free(&result);
    hs_outcomes_free(&o);
}

/* Writes and prints the results of one task; the caller's are the JSON and the table. */
static void show(enum hs_task_kind kind, enum hs_metric metric, double masked, double random, json_t **json,
                 struct hs_buffer *table) {
    struct hs_item items[ITEMS];
    struct hs_task task = made_task(kind, items);
    struct hs_outcomes o = made_outcomes(&task, metric, masked, random);
    headsift_eval_options options = {.draws = 2, .task = {.seed = 9}};
    struct hs_task_result result;
    struct hs_conditions conditions;
    char path[512];
    headsift_model *model = tiny_scorer(false);
    assert_int_equal(hs_conditions_make(tiny_heads(), hs_model_config(model->model), &options, &conditions, NULL),
                     HEADSIFT_OK);
    assert_int_equal(hs_summarise(&task, &o, &conditions, 1, &result, NULL), HEADSIFT_OK);
    struct hs_results results = {
        .model = model, .options = &options, .conditions = &conditions, .tasks = &result, .n_tasks = 1, .n_heads = 2};
    test_scratch(path, sizeof path, "eval_results.json");
    assert_int_equal(hs_results_write(&results, path, NULL), HEADSIFT_OK);
    assert_int_equal(hs_json_load(path, 1 << 20, json, NULL), HEADSIFT_OK);
    test_scratch(path, sizeof path, "eval_table.txt");
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(hs_results_print(&results, out, NULL), HEADSIFT_OK);
    fclose(out);
    table->size = 0;
    assert_int_equal(hs_file_read(path, 1 << 20, table, NULL), HEADSIFT_OK);
    hs_task_result_free(&result);
    hs_conditions_free(&conditions);
    hs_outcomes_free(&o);
    headsift_model_close(model);
}

static void results_say_what_was_found(void **state) {
    (void)state;
    json_t *json;
    struct hs_buffer table = {0};
    show(HS_TASK_CHOICE, HS_ACCURACY, 0.5, 0.9, &json, &table);
    assert_string_equal(json_string_value(json_object_get(json, "kind")), "eval");
    assert_int_equal(json_integer_value(json_object_get(json, "seed")), 9);
    assert_int_equal(json_array_size(json_object_get(json, "conditions")), 4);
    json_t *masked = json_array_get(json_object_get(json, "conditions"), 1);
    assert_string_equal(json_string_value(json_object_get(masked, "group")), "masked");
    assert_int_equal(json_array_size(json_object_get(masked, "heads")), 2);
    json_t *task = json_array_get(json_object_get(json, "tasks"), 0);
    assert_string_equal(json_string_value(json_object_get(task, "task_kind")), "choice");
    assert_int_equal(json_integer_value(json_object_get(task, "truncated")), 7);
    near(json_real_value(json_object_get(task, "chance")), 0.375);
    json_t *effect = json_object_get(task, "effect");
    assert_true(json_is_true(json_object_get(effect, "hurts_more_than_random")));
    near(json_real_value(json_object_get(json_object_get(effect, "beyond_random"), "value")), -0.45);
    json_t *result = json_array_get(json_object_get(task, "results"), 1);
    assert_string_equal(json_string_value(json_object_get(result, "condition")), "masked");
    json_t *metrics = json_object_get(result, "metrics");
    near(json_real_value(json_object_get(json_object_get(metrics, "accuracy"), "value")), 5.0);
    assert_null(json_object_get(metrics, "match"));
    assert_int_equal(json_array_size(json_object_get(task, "groups")), 2);
    assert_non_null(strstr(table.data, "made: with the 2 chosen heads masked, accuracy is lower by 0.450 (0.4"));
    assert_non_null(strstr(table.data, "made: the 2 chosen heads do NOT hurt loss more than random ones"));
    assert_non_null(strstr(table.data, "7 of 40 items are too long"));
    assert_non_null(strstr(table.data, "sec\\x1b[1mond"));
    assert_null(strchr(table.data, '\033'));
    json_decref(json);
    show(HS_TASK_LOSS, HS_LOSS, 1.1, 1.2, &json, &table);
    task = json_array_get(json_object_get(json, "tasks"), 0);
    assert_true(json_is_null(json_object_get(task, "chance")));
    assert_true(json_is_false(json_object_get(json_object_get(task, "effect"), "hurts_more_than_random")));
    assert_null(json_object_get(task, "effect_loss"));
    assert_non_null(strstr(table.data, "made: the 2 chosen heads do NOT hurt loss more than random ones: difference"));
    json_decref(json);
    hs_buffer_free(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_are_of_the_same_items),
        cmocka_unit_test(verdicts_take_the_harmful_side),
        cmocka_unit_test(figures_are_means_by_condition_and_group),
        cmocka_unit_test(results_say_what_was_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
