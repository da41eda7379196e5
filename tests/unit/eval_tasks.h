/* Helpers of the tests of tasks: open or be refused, and look at texts byte for byte.
 * Files come from tests/data/eval/. */
#ifndef HS_TESTS_EVAL_TASKS_H
#define HS_TESTS_EVAL_TASKS_H

#include "support.h"

#include <string.h>

#include "eval/task.h"

#define EVAL_DATA HS_TEST_DATA "/eval/"

static inline struct hs_task open_task(const char *spec, int shots, int64_t limit, uint64_t seed) {
    struct hs_task_options options = {.shots = shots, .limit = limit, .seed = seed};
    struct hs_task task;
    headsift_error error = {0};
    if (hs_task_open(spec, &options, &task, &error) != HEADSIFT_OK) {
        fail_msg("%s: %s", spec, error.message);
    }
    return task;
}

/** Opening must fail with a message that holds `wanted`; nothing may stay in the task. */
static inline void refuse_task(const char *spec, int shots, headsift_status status, const char *wanted) {
    struct hs_task_options options = {.shots = shots};
    struct hs_task task;
    headsift_error error = {0};
    headsift_status got = hs_task_open(spec, &options, &task, &error);
    if (got == HEADSIFT_OK) {
        fail_msg("%s was taken, but should be refused: %s", spec, wanted);
    }
    if (got != status || strstr(error.message, wanted) == NULL) {
        fail_msg("%s: status %d, not %d, or \"%s\" lacks \"%s\"", spec, (int)got, (int)status, error.message, wanted);
    }
    assert_null(task.items);
    assert_null(task.name);
}

static inline void check_text(const struct hs_text *text, const char *wanted) {
    if (text->size != strlen(wanted) || (text->size > 0 && memcmp(text->data, wanted, text->size) != 0)) {
        fail_msg("\"%.*s\" is not \"%s\"", (int)text->size, text->size > 0 ? text->data : "", wanted);
    }
}

/** @param prefix NULL: none. @param choices ends with NULL. */
static inline void check_choice(const struct hs_task *task, size_t i, const char *prefix, const char *context,
                                const char *const *choices, int gold) {
    assert_int_equal(task->kind, HS_TASK_CHOICE);
    assert_true(i < task->n_items);
    const struct hs_item *item = &task->items[i];
    assert_int_equal(item->prefix >= 0, prefix != NULL);
    if (prefix != NULL) {
        assert_true((size_t)item->prefix < task->n_prefixes);
        check_text(&task->prefixes[item->prefix], prefix);
    }
    check_text(&item->context, context);
    size_t n = 0;
    for (; choices[n] != NULL; n++) {
        assert_true(n < item->n_choices);
        check_text(&item->choices[n], choices[n]);
    }
    assert_int_equal(item->n_choices, n);
    assert_int_equal(item->gold, gold);
}

/** @param answers ends with NULL. */
static inline void check_generate(const struct hs_task *task, size_t i, const char *prefix, const char *context,
                                  const char *const *answers) {
    assert_int_equal(task->kind, HS_TASK_GENERATE);
    assert_true(i < task->n_items);
    const struct hs_item *item = &task->items[i];
    assert_int_equal(item->prefix >= 0, prefix != NULL);
    if (prefix != NULL) {
        check_text(&task->prefixes[item->prefix], prefix);
    }
    check_text(&item->context, context);
    size_t n = 0;
    for (; answers[n] != NULL; n++) {
        assert_true(n < item->n_answers);
        check_text(&item->answers[n], answers[n]);
    }
    assert_int_equal(item->n_answers, n);
    assert_int_equal(item->n_choices, 0);
}

static inline void check_stops(const struct hs_task *task, enum hs_match match, int most, const char *const *stops) {
    assert_int_equal(task->match, match);
    assert_int_equal(task->most_tokens, most);
    size_t n = 0;
    for (; stops[n] != NULL; n++) {
        assert_true(n < task->n_stops);
        check_text(&task->stops[n], stops[n]);
    }
    assert_int_equal(task->n_stops, n);
}

static inline void check_loss(const struct hs_task *task, size_t i, const char *context, const char *text) {
    assert_int_equal(task->kind, HS_TASK_LOSS);
    assert_true(i < task->n_items);
    assert_int_equal(task->items[i].prefix, -1);
    check_text(&task->items[i].context, context);
    assert_int_equal(task->items[i].n_choices, 1);
    check_text(&task->items[i].choices[0], text);
}

static inline bool same_texts(const struct hs_text *a, const struct hs_text *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (a[i].size != b[i].size || (a[i].size > 0 && memcmp(a[i].data, b[i].data, a[i].size) != 0)) {
            return false;
        }
    }
    return true;
}

/** The same but for name and source. */
static inline bool same_task(const struct hs_task *a, const struct hs_task *b) {
    bool same = a->kind == b->kind && a->match == b->match && a->shots == b->shots &&
                a->most_tokens == b->most_tokens && a->n_items == b->n_items && a->n_prefixes == b->n_prefixes &&
                a->n_stops == b->n_stops && same_texts(a->prefixes, b->prefixes, a->n_prefixes) &&
                same_texts(a->stops, b->stops, a->n_stops);
    for (size_t i = 0; same && i < a->n_items; i++) {
        const struct hs_item *x = &a->items[i], *y = &b->items[i];
        same = x->prefix == y->prefix && x->gold == y->gold && x->n_choices == y->n_choices &&
               x->n_answers == y->n_answers && (x->contexts == NULL) == (y->contexts == NULL) &&
               same_texts(&x->context, &y->context, 1) && same_texts(&x->group, &y->group, 1) &&
               same_texts(x->choices, y->choices, x->n_choices) && same_texts(x->answers, y->answers, x->n_answers) &&
               (x->contexts == NULL || same_texts(x->contexts, y->contexts, x->n_choices));
    }
    return same;
}

/** The text with a NUL behind it; the last 32 stay valid. */
static inline const char *string_of(const struct hs_text *text) {
    static char *strings[32];
    static unsigned next;
    char **string = &strings[next++ % 32];
    free(*string);
    *string = calloc(text->size + 1, 1);
    assert_non_null(*string);
    if (text->size > 0) {
        memcpy(*string, text->data, text->size);
    }
    return *string;
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
