/* Log-likelihoods of choices against transformers, unmasked and with uniform heads, on tiny models of every family and
 * on the demo model; and the same numbers whether beginnings are shared or not. */
#include "unit/influence_support.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "eval/ask.h"

enum { MOST = 4 }; /* choices of an item */

static json_t *golden;

static struct hs_text text_of(const json_t *string) {
    const char *text = json_string_value(string);
    return (struct hs_text){hs_copy_string(text), strlen(text)};
}

static struct hs_task golden_task(void) {
    json_t *items = json_object_get(golden, "items"), *item;
    struct hs_task task = {.name = hs_copy_string("golden"),
                           .source = hs_copy_string("golden"),
                           .prefixes = hs_alloc(1, sizeof *task.prefixes),
                           .n_prefixes = 1,
                           .n_items = json_array_size(items),
                           .items = hs_alloc(json_array_size(items), sizeof *task.items)};
    size_t i;
    task.prefixes[0] = text_of(json_object_get(golden, "prefix"));
    json_array_foreach(items, i, item) {
        json_t *choices = json_object_get(item, "choices");
        struct hs_item *out = &task.items[i];
        out->context = text_of(json_object_get(item, "context"));
        out->n_choices = json_array_size(choices);
        out->choices = hs_alloc(out->n_choices, sizeof *out->choices);
        out->gold = (int32_t)json_integer_value(json_object_get(item, "gold"));
        for (size_t k = 0; k < out->n_choices; k++) {
            out->choices[k] = text_of(json_array_get(choices, k));
        }
    }
    return task;
}

static void make_conditions(headsift_model *model, const json_t *list, struct hs_conditions *out) {
    headsift_head chosen[64];
    headsift_heads heads = {.heads = chosen, .n_heads = json_array_size(list)};
    headsift_eval_options options = {.draws = 0};
    for (size_t i = 0; i < heads.n_heads; i++) {
        const json_t *pair = json_array_get(list, i);
        chosen[i] = (headsift_head){(int32_t)json_integer_value(json_array_get(pair, 0)),
                                    (int32_t)json_integer_value(json_array_get(pair, 1))};
    }
    assert_int_equal(hs_conditions_make(&heads, hs_model_config(model->model), &options, out, NULL), HEADSIFT_OK);
    headsift_head *copy = hs_alloc(heads.n_heads, sizeof *copy);
    memcpy(copy, chosen, heads.n_heads * sizeof *copy);
    out->masks[1].heads = out->ranked = copy; /* freed with the conditions */
}

static struct hs_outcomes asked(headsift_model *model, const struct hs_task *task,
                                const struct hs_conditions *conditions, int64_t step) {
    struct hs_stage stage = {0};
    struct hs_asking asking = {.model = model, .conditions = conditions, .stage = &stage, .step = step};
    struct hs_outcomes outcomes;
    headsift_error error = {0};
    assert_int_equal(hs_scorer_engine(model, &asking.engine, NULL), HEADSIFT_OK);
    assert_int_equal(hs_outcomes_alloc(task, conditions->n, &outcomes, NULL), HEADSIFT_OK);
    if (hs_ask_likelihoods(&asking, task, &outcomes, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return outcomes;
}

/* Each choice counts as the right one once, so that its loss can be seen. @param worst  relative difference */
static void compare(headsift_model *model, struct hs_task *task, const struct hs_conditions *conditions,
                    const json_t *wanted, int64_t step, double *worst) {
    static const char *const names[] = {"unmasked", "masked"};
    for (size_t choice = 0; choice < MOST; choice++) {
        for (size_t i = 0; i < task->n_items; i++) {
            task->items[i].gold = (int32_t)(choice < task->items[i].n_choices ? choice : 0);
        }
        struct hs_outcomes outcomes = asked(model, task, conditions, step);
        for (size_t condition = 0; condition < 2; condition++) {
            json_t *rows = json_object_get(wanted, names[condition]);
            for (size_t i = 0; i < task->n_items; i++) {
                const json_t *row = json_array_get(json_array_get(rows, i), (size_t)task->items[i].gold);
                double right = json_number_value(json_array_get(row, 0)), n = json_number_value(json_array_get(row, 1));
                double ours = -n * hs_outcome(&outcomes, HS_LOSS, condition)[i];
                *worst = fmax(*worst, fabs(ours - right) / fabs(right));
            }
        }
        hs_outcomes_free(&outcomes);
    }
}

/* The likeliest choice by transformers' numbers. */
static size_t likeliest(const json_t *rows, const struct hs_task *task, size_t item, bool norm) {
    size_t best = 0;
    double most = -INFINITY;
    for (size_t i = 0; i < task->items[item].n_choices; i++) {
        double p = json_number_value(json_array_get(json_array_get(json_array_get(rows, item), i), 0));
        const char *choice = task->items[item].choices[i].data;
        p /= norm ? (double)(strlen(choice) - (choice[0] == ' ')) : 1;
        best = p > most ? i : best;
        most = fmax(most, p);
    }
    return best;
}

static void compare_accuracy(headsift_model *model, struct hs_task *task, const struct hs_conditions *conditions,
                             const json_t *wanted) {
    static const char *const names[] = {"unmasked", "masked"};
    for (size_t i = 0; i < task->n_items; i++) {
        task->items[i].gold = (int32_t)likeliest(json_object_get(wanted, "unmasked"), task, i, i % 2 == 1);
    }
    struct hs_outcomes outcomes = asked(model, task, conditions, 32);
    for (size_t condition = 0; condition < 2; condition++) {
        json_t *rows = json_object_get(wanted, names[condition]);
        for (size_t i = 0; i < task->n_items; i++) {
            size_t gold = (size_t)task->items[i].gold;
            assert_true((hs_outcome(&outcomes, HS_ACCURACY, condition)[i] == 1) ==
                        (likeliest(rows, task, i, false) == gold));
            assert_true((hs_outcome(&outcomes, HS_ACCURACY_NORM, condition)[i] == 1) ==
                        (likeliest(rows, task, i, true) == gold));
        }
    }
    hs_outcomes_free(&outcomes);
}

static void compare_model(headsift_model *model, const char *name) {
    const json_t *wanted = json_object_get(json_object_get(golden, "models"), name);
    struct hs_task task = golden_task();
    struct hs_conditions conditions;
    double shared = 0, alone = 0;
    make_conditions(model, json_object_get(wanted, "heads"), &conditions);
    compare(model, &task, &conditions, wanted, 32, &shared);
    compare(model, &task, &conditions, wanted, 0, &alone);
    compare_accuracy(model, &task, &conditions, wanted);
    print_message("%s: largest relative difference %.2g shared, %.2g alone\n", name, shared, alone);
    assert_true(shared < 1e-4 && alone < 1e-4);
    hs_conditions_free(&conditions);
    hs_task_free(&task);
}

static void tiny_families(void **state) {
    (void)state;
    const char *name;
    json_t *model;
    int n = 0;
    json_object_foreach(json_object_get(golden, "models"), name, model) {
        if (strcmp(name, "demo") != 0) {
            headsift_model *tiny = tiny_family(name, false);
            compare_model(tiny, name);
            headsift_model_close(tiny);
            n++;
        }
    }
    assert_int_equal(n, 16);
}

static void the_demo_model(void **state) {
    (void)state;
    headsift_model_options options = {.path = HS_DEMO_MODEL, .dtype = HEADSIFT_DTYPE_F32};
    headsift_model *model;
    assert_int_equal(headsift_model_open(&options, NULL, &model, NULL), HEADSIFT_OK);
    compare_model(model, "demo");
    headsift_model_close(model);
}

/* Every item alone, without shared beginnings: the same numbers. */
static void items_alone_are_the_same(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    struct hs_task task = golden_task();
    struct hs_conditions conditions;
    make_conditions(model,
                    json_object_get(json_object_get(json_object_get(golden, "models"), "llama_gqa_tied"), "heads"),
                    &conditions);
    struct hs_outcomes together = asked(model, &task, &conditions, 32);
    for (size_t i = 0; i < task.n_items; i++) {
        struct hs_task one = task;
        one.items = &task.items[i];
        one.n_items = 1;
        struct hs_outcomes alone = asked(model, &one, &conditions, 0);
        for (size_t c = 0; c < 2; c++) {
            double a = hs_outcome(&alone, HS_LOSS, c)[0], b = hs_outcome(&together, HS_LOSS, c)[i];
            assert_true(fabs(a - b) < 1e-6 * a);
        }
        hs_outcomes_free(&alone);
    }
    hs_outcomes_free(&together);
    hs_conditions_free(&conditions);
    hs_task_free(&task);
    headsift_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tiny_families), cmocka_unit_test(the_demo_model),
                                       cmocka_unit_test(items_alone_are_the_same)};
    if (hs_json_load(HS_TEST_DATA "/goldens/eval/likelihoods.json", 1 << 24, &golden, NULL) != HEADSIFT_OK) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(golden);
    return failed;
}
