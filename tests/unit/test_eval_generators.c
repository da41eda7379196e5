/* Generated items: the right answer is found again by reading each of them.
 * Nothing here knows how items are made, only what they ask. */
#include "eval_tasks.h"

#include <ctype.h>

/* ---- Reading items --------------------------------------------------------------------------------------------- */

/* Choices are all different, and the index is one of them. */
static void check_choices(const struct hs_item *item, size_t n) {
    assert_int_equal(item->n_choices, n);
    assert_true(item->gold >= 0 && (size_t)item->gold < n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_false(same_texts(&item->choices[i], &item->choices[j], 1));
        }
    }
}

static long long number_of(const struct hs_text *choice) {
    const char *text = string_of(choice);
    assert_int_equal(text[0], ' ');
    char *end;
    long long number = strtoll(text + 1, &end, 10);
    assert_int_equal(*end, '\0');
    return number;
}

struct pair {
    char key[16];
    long long value;
};

static bool has_value(const struct pair *pairs, size_t n, long long value) {
    for (size_t i = 0; i < n; i++) {
        if (pairs[i].value == value) {
            return true;
        }
    }
    return false;
}

/* ---- Key-value retrieval --------------------------------------------------------------------------------------- */

static void check_kv(const struct hs_item *item, size_t n_pairs, size_t n_choices, long long low, long long high) {
    const char *at = string_of(&item->context);
    struct pair pairs[600];
    char asked[16];
    size_t n = 0, right = SIZE_MAX;
    int size = 0;
    while (sscanf(at, "The code of %15s is %lld.\n%n", pairs[n].key, &pairs[n].value, &size) == 2 && *at != '\n') {
        assert_true(pairs[n].value >= low && pairs[n].value <= high);
        assert_false(has_value(pairs, n, pairs[n].value));
        for (size_t i = 0; i < n; i++) {
            assert_string_not_equal(pairs[i].key, pairs[n].key);
        }
        at = strchr(at, '\n') + 1;
        n++;
    }
    assert_int_equal(n, n_pairs);
    int end = 0;
    assert_int_equal(sscanf(at, "\nThe code of %15s is%n", asked, &end), 1);
    assert_int_equal(at[end], '\0');
    for (size_t i = 0; i < n; i++) {
        right = strcmp(pairs[i].key, asked) == 0 ? i : right;
    }
    assert_true(right < n);
    check_choices(item, n_choices);
    assert_int_equal(number_of(&item->choices[item->gold]), pairs[right].value);
    for (size_t i = 0; i < n_choices; i++) {
        assert_true(has_value(pairs, n, number_of(&item->choices[i])));
    }
}

static void kv_asks_for_one_value_of_many(void **state) {
    (void)state;
    struct hs_task task = open_task("kv", -1, 0, 3);
    assert_int_equal(task.n_items, 200);
    assert_string_equal(task.source, "kv:items=200,form=choice,choices=8,pairs=16,digits=4,seed=3");
    for (size_t i = 0; i < task.n_items; i++) {
        check_kv(&task.items[i], 16, 8, 1000, 9999);
    }
    hs_task_free(&task);
    task = open_task("kv:pairs=512,choices=512,digits=3,items=2", -1, 0, 3);
    check_kv(&task.items[1], 512, 512, 100, 999);
    hs_task_free(&task);
    task = open_task("kv:pairs=2,choices=2,digits=9,items=20", -1, 0, 3);
    for (size_t i = 0; i < task.n_items; i++) {
        check_kv(&task.items[i], 2, 2, 100000000, 999999999);
    }
    hs_task_free(&task);
}

/* ---- Induction ------------------------------------------------------------------------------------------------- */

static size_t split(const char *text, char words[][16], size_t most) {
    size_t n = 0;
    int size = 0;
    while (n < most && sscanf(text, "%15s%n", words[n], &size) == 1) {
        text += size;
        n++;
    }
    return n;
}

static void check_induction(const struct hs_item *item, size_t period, size_t n_choices) {
    static char words[1100][16];
    size_t n = split(string_of(&item->context), words, 1100);
    assert_true(n > period && n < 2 * period);
    for (size_t i = 0; i < period; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(words[i], words[j]);
        }
    }
    for (size_t i = period; i < n; i++) {
        assert_string_equal(words[i], words[i - period]);
    }
    check_choices(item, n_choices);
    for (size_t i = 0; i < n_choices; i++) {
        const char *choice = string_of(&item->choices[i]);
        size_t j = 0;
        assert_int_equal(choice[0], ' ');
        while (j < period && strcmp(words[j], choice + 1) != 0) {
            j++;
        }
        assert_true(j < period);
        assert_int_equal(j == n - period, i == (size_t)item->gold);
    }
}

static void induction_goes_on_as_before(void **state) {
    (void)state;
    struct hs_task task = open_task("induction:items=100", -1, 0, 3);
    for (size_t i = 0; i < task.n_items; i++) {
        check_induction(&task.items[i], 32, 8);
    }
    hs_task_free(&task);
    task = open_task("induction:items=20,words=4,choices=4", -1, 0, 3);
    for (size_t i = 0; i < task.n_items; i++) {
        check_induction(&task.items[i], 4, 4);
    }
    hs_task_free(&task);
    task = open_task("induction:items=5,form=loss", -1, 0, 3);
    for (size_t i = 0; i < task.n_items; i++) {
        assert_int_equal(task.items[i].n_choices, 1);
        const char *context = string_of(&task.items[i].context), *text = string_of(&task.items[i].choices[0]);
        assert_int_equal(text[0], ' ');
        assert_string_equal(text + 1, context);
    }
    hs_task_free(&task);
    refuse_task("induction:form=generate", 0, HEADSIFT_USAGE, "the task induction has the forms choice and loss only");
}

/* ---- Labels ---------------------------------------------------------------------------------------------------- */

struct example {
    char sentence[128], noun[16], label[16];
};

/* Reads an example and returns where the next one begins; the asked one has no label. */
static const char *read_example(const char *at, struct example *out) {
    const char *end = strchr(at, '\n');
    assert_non_null(end);
    assert_memory_equal(at, "Text: The ", 10);
    snprintf(out->sentence, sizeof out->sentence, "%.*s", (int)(end - at - 6), at + 6);
    assert_int_equal(sscanf(at, "Text: The %15s", out->noun), 1);
    assert_memory_equal(end + 1, "Label:", 6);
    out->label[0] = '\0';
    at = end + 7;
    if (*at == ' ') {
        assert_int_equal(sscanf(at, " %15s", out->label), 1);
        at = strstr(at, "\n\n");
        assert_non_null(at);
        at += 2;
    }
    return at;
}

/* Each label of the choices stands as often as any other, up to one. */
static void check_balance(const struct hs_item *item, const struct example *all, size_t examples) {
    size_t least = SIZE_MAX, largest = 0;
    for (size_t c = 0; c < item->n_choices; c++) {
        size_t count = 0;
        const char *label = string_of(&item->choices[c]);
        for (size_t i = 0; i < examples; i++) {
            count += strcmp(all[i].label, label + 1) == 0;
        }
        least = count < least ? count : least;
        largest = count > largest ? count : largest;
    }
    assert_true(least > 0 && largest - least <= 1);
}

/* A label is told by its example's noun, which belongs to one topic. Returns whether the asked noun stands in one. */
static bool check_labels(const struct hs_item *item, size_t classes, size_t examples) {
    static struct example all[200];
    const char *at = string_of(&item->context);
    size_t n = 0;
    do {
        at = read_example(at, &all[n++]);
    } while (all[n - 1].label[0] != '\0');
    assert_int_equal(*at, '\0');
    assert_int_equal(n, examples + 1);
    check_choices(item, classes);
    check_balance(item, all, examples);
    const char *right = string_of(&item->choices[item->gold]);
    bool told = false;
    for (size_t i = 0; i < examples; i++) {
        assert_string_not_equal(all[i].sentence, all[examples].sentence);
        if (strcmp(all[i].noun, all[examples].noun) == 0) {
            assert_string_equal(all[i].label, right + 1);
            told = true;
        }
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(all[i].sentence, all[j].sentence);
            assert_true(strcmp(all[i].noun, all[j].noun) != 0 || strcmp(all[i].label, all[j].label) == 0);
        }
    }
    return told;
}

static void labels_can_be_learned_from_the_examples(void **state) {
    (void)state;
    struct hs_task task = open_task("labels", -1, 0, 3);
    for (size_t i = 0; i < task.n_items; i++) {
        check_labels(&task.items[i], 4, 16);
    }
    assert_false(same_texts(task.items[0].choices, task.items[1].choices, 4)); /* labels are drawn for each item */
    hs_task_free(&task);
    task = open_task("labels:classes=8,examples=128,items=50", -1, 0, 3);
    size_t told = 0;
    for (size_t i = 0; i < task.n_items; i++) {
        told += check_labels(&task.items[i], 8, 128);
    }
    assert_true(told > 35);
    hs_task_free(&task);
    task = open_task("labels:classes=2,examples=3,items=20", -1, 0, 3);
    for (size_t i = 0; i < task.n_items; i++) {
        check_labels(&task.items[i], 2, 3);
    }
    hs_task_free(&task);
    refuse_task("labels:classes=4,examples=3", 0, HEADSIFT_USAGE, "examples (3) must not be fewer than classes (4)");
}

/* ---- Arithmetic ------------------------------------------------------------------------------------------------ */

static long long value_of(const char *line, char *sign) {
    long long a, b;
    assert_int_equal(sscanf(line, "%lld %c %lld =", &a, sign, &b), 3);
    return *sign == '+' ? a + b : a - b;
}

static int digits_of(long long number) { return snprintf(NULL, 0, "%lld", number); }

static void check_arithmetic(const struct hs_item *item, size_t examples, size_t n_choices, const char *signs) {
    const char *text = string_of(&item->context), *at = text;
    char sign;
    for (size_t i = 0; i < examples; i++) {
        long long wanted = value_of(at, &sign), stated;
        assert_int_equal(sscanf(strchr(at, '='), "= %lld\n", &stated), 1);
        assert_int_equal(stated, wanted);
        assert_non_null(strchr(signs, sign));
        at = strchr(at, '\n') + 1;
    }
    long long right = value_of(at, &sign);
    assert_non_null(strchr(signs, sign));
    assert_true(right >= 0);
    assert_ptr_equal(strstr(text, at), at); /* no example gives it away */
    assert_int_equal(at[strlen(at) - 1], '=');
    if (n_choices == 0) {
        char number[32];
        snprintf(number, sizeof number, "%lld", right);
        assert_int_equal(item->n_answers, 1);
        check_text(&item->answers[0], number);
        return;
    }
    check_choices(item, n_choices);
    assert_int_equal(number_of(&item->choices[item->gold]), right);
    for (size_t i = 0; i < n_choices; i++) {
        assert_int_equal(digits_of(number_of(&item->choices[i])), digits_of(right));
    }
}

static void arithmetic_is_right_and_near_misses_are_not(void **state) {
    (void)state;
    static const struct {
        const char *spec, *signs;
        size_t examples, choices;
    } cases[] = {
        {"arithmetic", "+-", 8, 4},
        {"arithmetic:digits=2,choices=8,items=2000,operation=subtract", "-", 8, 8},
        {"arithmetic:digits=15,choices=8,examples=0,operation=add", "+", 0, 8},
        {"arithmetic:digits=3,form=generate", "+-", 8, 0},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct hs_task task = open_task(cases[c].spec, -1, 0, 3);
        for (size_t i = 0; i < task.n_items; i++) {
            check_arithmetic(&task.items[i], cases[c].examples, cases[c].choices, cases[c].signs);
        }
        if (cases[c].choices == 0) {
            check_stops(&task, HS_MATCH_NUMBER, 24, LIST("\n", "."));
        }
        hs_task_free(&task);
    }
}

/* ---- Variables ------------------------------------------------------------------------------------------------- */

static void check_variables(const struct hs_item *item, size_t chains, size_t hops) {
    static struct pair variables[2000];
    const char *at = string_of(&item->context);
    size_t n = 0, starts = 0;
    char name[16], from[16];
    while (*at != '\n') {
        assert_int_equal(sscanf(at, "%15s = %15s\n", name, from), 2);
        bool number = isdigit((unsigned char)from[0]);
        starts += number;
        variables[n].value = number ? strtoll(from, NULL, 10) : -1;
        for (size_t i = 0; i < n; i++) {
            assert_string_not_equal(variables[i].key, name);
            if (strcmp(variables[i].key, from) == 0) {
                variables[n].value = variables[i].value;
            }
        }
        assert_true(variables[n].value > 0); /* what is passed on was set before */
        snprintf(variables[n++].key, sizeof name, "%s", name);
        at = strchr(at, '\n') + 1;
    }
    assert_int_equal(starts, chains);
    assert_int_equal(n, chains * (hops + 1));
    assert_int_equal(sscanf(at, "\nThe value of %15s is", name), 1);
    check_choices(item, chains);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(variables[i].key, name) == 0) {
            assert_int_equal(number_of(&item->choices[item->gold]), variables[i].value);
        }
    }
    for (size_t i = 0; i < chains; i++) {
        assert_true(has_value(variables, n, number_of(&item->choices[i])));
    }
}

static void variables_are_passed_on(void **state) {
    (void)state;
    static const size_t cases[][2] = {{4, 2}, {2, 0}, {32, 32}, {3, 5}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char spec[100];
        snprintf(spec, sizeof spec, "variables:chains=%zu,hops=%zu,items=%d", cases[c][0], cases[c][1],
                 cases[c][0] > 8 ? 3 : 100);
        struct hs_task task = open_task(spec, -1, 0, 3);
        for (size_t i = 0; i < task.n_items; i++) {
            check_variables(&task.items[i], cases[c][0], cases[c][1]);
        }
        hs_task_free(&task);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kv_asks_for_one_value_of_many),
        cmocka_unit_test(induction_goes_on_as_before),
        cmocka_unit_test(labels_can_be_learned_from_the_examples),
        cmocka_unit_test(arithmetic_is_right_and_near_misses_are_not),
        cmocka_unit_test(variables_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
