/* What holds for all generators: where the right choice stands, forms, seeds, settings, and bytes that are the same on
 * every machine. */
#include "eval_tasks.h"

#include "base/file.h"
#include "base/hash.h"

static void the_right_choice_stands_anywhere(void **state) {
    (void)state;
    static const char *const specs[] = {"kv:choices=8,items=4000", "induction:choices=8,items=4000",
                                        "labels:classes=8,items=4000", "arithmetic:choices=8,items=4000",
                                        "variables:chains=8,items=4000"};
    for (size_t s = 0; s < sizeof specs / sizeof *specs; s++) {
        struct hs_task task = open_task(specs[s], -1, 0, 5);
        size_t counts[8] = {0};
        for (size_t i = 0; i < task.n_items; i++) {
            counts[task.items[i].gold]++;
        }
        for (size_t i = 0; i < 8; i++) {
            if (counts[i] < 400 || counts[i] > 600) {
                fail_msg("%s: choice %zu is right %zu times of 4000", specs[s], i, counts[i]);
            }
        }
        hs_task_free(&task);
    }
}

static void other_forms_ask_the_same(void **state) {
    (void)state;
    struct hs_task choice = open_task("variables:items=20", -1, 0, 5);
    struct hs_task answer = open_task("variables:items=20,form=generate", -1, 0, 5);
    struct hs_task loss = open_task("variables:items=20,form=loss", -1, 0, 5);
    for (size_t i = 0; i < 20; i++) {
        const struct hs_text *right = &choice.items[i].choices[choice.items[i].gold];
        check_generate(&answer, i, NULL, string_of(&choice.items[i].context), LIST(string_of(right) + 1));
        check_loss(&loss, i, string_of(&choice.items[i].context), string_of(right));
    }
    check_stops(&answer, HS_MATCH_EXACT, 24, LIST("\n", "."));
    hs_task_free(&choice);
    hs_task_free(&answer);
    hs_task_free(&loss);
}

static bool same_items(const struct hs_task *a, const struct hs_task *b, size_t n) {
    struct hs_task x = *a, y = *b;
    x.n_items = n;
    y.n_items = n;
    return same_task(&x, &y);
}

static void items_depend_on_the_seed_alone(void **state) {
    (void)state;
    static const char *const names[] = {"kv", "induction", "labels", "arithmetic", "variables"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char spec[64];
        snprintf(spec, sizeof spec, "%s:items=5,name=five", names[i]);
        struct hs_task five = open_task(spec, 3, 0, 1), all = open_task(names[i], -1, 0, 1);
        struct hs_task limited = open_task(names[i], -1, 5, 1), other = open_task(names[i], -1, 5, 2);
        snprintf(spec, sizeof spec, "%s:seed=1", names[i]);
        struct hs_task own = open_task(spec, -1, 5, 99);
        assert_string_equal(five.name, "five");
        assert_string_equal(all.name, names[i]);
        assert_int_equal(all.n_items, 200);
        assert_int_equal(limited.n_items, 5);
        assert_true(same_items(&five, &all, 5));
        assert_true(same_task(&five, &limited));
        assert_true(same_task(&five, &own));
        assert_false(same_items(&five, &other, 1));
        hs_task_free(&five);
        hs_task_free(&all);
        hs_task_free(&limited);
        hs_task_free(&other);
        hs_task_free(&own);
    }
}

/* What a task's file hashes to, on every machine. */
static void bytes_are_known(void **state) {
    (void)state;
    static const char *const tasks[][2] = {
        {"kv:items=50", "0dc03ccdd895dd6a8388c577a950a62d7e7d7c5dab4c3518c2bc3014930e20f3"},
        {"arithmetic:items=50", "0ee3572166ec7074f95733917f40a5a08ee7f30fc3591ec400d00113bdc4145a"},
    };
    char path[1024];
    test_scratch(path, sizeof path, "eval_generated.jsonl");
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        struct hs_task task = open_task(tasks[i][0], -1, 0, 1);
        struct hs_buffer bytes = {0};
        char hex[HS_HASH_HEX];
        assert_int_equal(hs_task_save(&task, path, NULL), HEADSIFT_OK);
        assert_int_equal(hs_file_read(path, SIZE_MAX, &bytes, NULL), HEADSIFT_OK);
        assert_int_equal(hs_hash_bytes(bytes.data, bytes.size, hex, NULL), HEADSIFT_OK);
        if (strcmp(hex, tasks[i][1]) != 0) {
            fail_msg("%s hashes to %s, not %s", tasks[i][0], hex, tasks[i][1]);
        }
        hs_buffer_free(&bytes);
        hs_task_free(&task);
    }
}

static void settings_out_of_range_are_refused(void **state) {
    (void)state;
    refuse_task("kv:foo=1", 0, HEADSIFT_USAGE,
                "has no setting \"foo\": it has name, seed, items, form, choices, pairs");
    refuse_task("kv:hops=1", 0, HEADSIFT_USAGE, "has no setting \"hops\"");
    refuse_task("kv:pairs=513", 0, HEADSIFT_USAGE, "pairs must be 2 to 512");
    refuse_task("kv:pairs=1", 0, HEADSIFT_USAGE, "pairs must be 2 to 512");
    refuse_task("kv:pairs=-3", 0, HEADSIFT_USAGE, "pairs must be 2 to 512");
    refuse_task("kv:pairs=", 0, HEADSIFT_USAGE, "pairs must be 2 to 512");
    refuse_task("kv:pairs", 0, HEADSIFT_USAGE, "pairs must be 2 to 512");
    refuse_task("kv:pairs=3x", 0, HEADSIFT_USAGE, "pairs must be 2 to 512");
    refuse_task("kv:items=99999999999999999999", 0, HEADSIFT_USAGE, "items must be 1 to 100000");
    refuse_task("kv:items=0", 0, HEADSIFT_USAGE, "items must be 1 to 100000");
    refuse_task("kv:pairs=4", 0, HEADSIFT_USAGE, "choices (8) must not be more than pairs (4)");
    refuse_task("induction:words=4", 0, HEADSIFT_USAGE, "choices (8) must not be more than words (4)");
    refuse_task("kv:form=essay", 0, HEADSIFT_USAGE, "form must be choice, generate or loss");
    refuse_task("arithmetic:operation=divide", 0, HEADSIFT_USAGE, "operation must be add, subtract or both");
    refuse_task("kv:seed=x", 0, HEADSIFT_USAGE, "seed must be");
    refuse_task("kv:name=a/b", 0, HEADSIFT_USAGE, "a task's name may hold");
    refuse_task("kvs", 0, HEADSIFT_USAGE, "no such task");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_choice_stands_anywhere),  cmocka_unit_test(other_forms_ask_the_same),
        cmocka_unit_test(items_depend_on_the_seed_alone),    cmocka_unit_test(bytes_are_known),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
