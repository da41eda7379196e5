/* Tests of the probe's task: the template's words and what a sample is made of.
 * Token counts by the SmolLM-style tokenizer of the goldens. */
#include "support.h"

#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "probe/build.h"
#include "probe/probe.h"

static struct hs_tokenizer *tokenizer;

static int set_up(void **state) {
    (void)state;
    headsift_error error = {0};
    if (hs_tokenizer_from_json(HS_TEST_DATA "/goldens/tokenizers/smollm/tokenizer.json", &tokenizer, &error) !=
        HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    hs_tokenizer_close(tokenizer);
    return 0;
}

static size_t count(const char *text, size_t size, unsigned flags) {
    struct hs_encoding encoding = {0};
    assert_int_equal(hs_encode(tokenizer, text, size, flags, &encoding, NULL), HEADSIFT_OK);
    size_t n = encoding.n;
    hs_encoding_free(&encoding);
    return n;
}

static int compare_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void write_text(char *path, size_t size, const char *name, const char *text, size_t length) {
    test_scratch(path, size, name);
    assert_int_equal(hs_file_write(path, text, length, NULL), HEADSIFT_OK);
}

/* ---- The template ------------------------------------------------------------------------------------------- */

static void expect_template_refused(const char *text, const char *wanted) {
    char path[512];
    struct hs_template template;
    headsift_error error = {0};
    write_text(path, sizeof path, "template.json", text, strlen(text));
    assert_int_equal(hs_template_load(path, HEADSIFT_LANGUAGE_ENGLISH, &template, &error), HEADSIFT_FAILED);
    if (strstr(error.message, wanted) == NULL) {
        fail_msg("\"%s\" does not say %s", error.message, wanted);
    }
    assert_null(template.instruction);
}

static void bad_templates_are_refused(void **state) {
    (void)state;
    expect_template_refused("[]", "must be a JSON object");
    expect_template_refused("{", "is not JSON");
    expect_template_refused("{\"instruction\": \"a\", \"question\": \"b\"}", "\"answer\" is missing");
    expect_template_refused("{\"instruction\": 1, \"question\": \"b\", \"answer\": \"c\"}", "\"instruction\" must be");
    expect_template_refused("{\"instruction\": \"\", \"question\": \"b\", \"answer\": \"c\"}", "is empty");
    expect_template_refused("{\"instruction\": \"a\", \"question\": \"b\", \"answer\": \"c\", \"x\": 1}", "\"x\"");
}

/* ---- Samples ------------------------------------------------------------------------------------------------ */

struct task {
    struct hs_template template;
    struct hs_sentence_pool *pool;
    struct hs_builder *builder;
};

static void open_task(struct task *task, int64_t tokens, int shots, uint64_t seed) {
    assert_int_equal(hs_template_load(NULL, HEADSIFT_LANGUAGE_ENGLISH, &task->template, NULL), HEADSIFT_OK);
    assert_int_equal(hs_pool_open_grammar(tokenizer, HEADSIFT_LANGUAGE_ENGLISH, &task->pool, NULL), HEADSIFT_OK);
    struct hs_builder_options options = {.tokenizer = tokenizer,
                                         .template = &task->template,
                                         .pool = task->pool,
                                         .tokens = tokens,
                                         .shots = shots,
                                         .seed = seed};
    assert_int_equal(hs_builder_open(&options, &task->builder, NULL), HEADSIFT_OK);
}

static void close_task(struct task *task) {
    hs_builder_close(task->builder);
    hs_pool_close(task->pool);
    hs_template_free(&task->template);
}

/* The prompt's second line is the object: keys of 32 letters and digits, distinct values of at most 30 tokens. */
static json_t *read_object(const struct hs_built_sample *sample) {
    const char *start = memchr(sample->prompt, '\n', sample->prompt_size);
    assert_non_null(start);
    json_t *object = json_loadb(start + 1, sample->prompt_size - (size_t)(start + 1 - sample->prompt),
                                JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

static void check_pairs(const json_t *object) {
    const char *key, *values[400], *last = "";
    json_t *value;
    size_t n = 0;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        assert_int_equal(strlen(key), 32);
        assert_int_equal(strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), 32);
        assert_true(strcmp(last, key) < 0);
        last = key;
        char spaced[512];
        snprintf(spaced, sizeof spaced, " %s", json_string_value(value));
        assert_in_range(count(spaced, strlen(spaced), 0), 4, 30);
        assert_true(n < 400);
        values[n++] = json_string_value(value);
    }
    qsort(values, n, sizeof *values, compare_text);
    for (size_t i = 1; i < n; i++) {
        assert_string_not_equal(values[i - 1], values[i]);
    }
}

/* Behind the object: worked pairs of other keys, each answered as the object says, then the needle's question. */
static void check_questions(const struct hs_built_sample *sample, const json_t *object, int shots) {
    const char *at = memchr(sample->prompt, '\n', sample->prompt_size);
    at = memchr(at + 1, '\n', sample->prompt_size);
    char expected[32768] = "", key[33];
    for (int i = 0; i <= shots; i++) {
        const char *question = strstr(at, "Question: ");
        assert_non_null(question);
        snprintf(key, sizeof key, "%.32s", question + 10);
        const char *value = json_string_value(json_object_get(object, key));
        assert_non_null(value);
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "\nQuestion: %s\nAnswer:", key);
        assert_true(i == shots ? strcmp(key, sample->needle_key) == 0 : strcmp(key, sample->needle_key) != 0);
        if (i < shots) {
            used = strlen(expected);
            snprintf(expected + used, sizeof expected - used, " %s", value);
        }
        at = question + 10;
    }
    size_t size = strlen(expected);
    assert_true(size <= sample->prompt_size);
    assert_memory_equal(sample->prompt + sample->prompt_size - size, expected, size);
}

static void check_sample(const struct hs_built_sample *sample, int64_t tokens, int shots) {
    json_t *object = read_object(sample);
    check_pairs(object);
    check_questions(sample, object, shots);
    const char *value = json_string_value(json_object_get(object, sample->needle_key));
    assert_int_equal(json_object_size(object), sample->pairs);
    assert_int_equal(sample->answer_size, strlen(value) + 1);
    assert_int_equal(sample->answer[0], ' ');
    assert_memory_equal(sample->answer + 1, value, strlen(value));
    assert_int_equal(sample->value_end - sample->value_start, strlen(value));
    assert_memory_equal(sample->prompt + sample->value_start, value, strlen(value));
    assert_int_equal(sample->prompt[sample->value_start - 1], '"');
    assert_memory_equal(sample->prompt + sample->value_start - 36, sample->needle_key, 32);
    size_t size = sample->prompt_size + sample->answer_size;
    assert_int_equal(sample->tokens, count(sample->prompt, size, HS_ENCODE_SPECIAL | HS_ENCODE_BOS));
    assert_in_range(sample->tokens, tokens - 80, tokens);
    json_decref(object);
}

static void samples_are_the_task(void **state) {
    (void)state;
    static const int sizes[][2] = {{1024, 3}, {600, 0}, {2048, 5}, {4096, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct task task;
        open_task(&task, sizes[i][0], sizes[i][1], 11);
        for (uint64_t index = 0; index < 4; index++) {
            struct hs_built_sample sample;
            assert_int_equal(hs_build_sample(task.builder, index, &sample, NULL), HEADSIFT_OK);
            check_sample(&sample, sizes[i][0], sizes[i][1]);
        }
        close_task(&task);
    }
}

/* T(n), the tokens of this sample with n pairs, grows with n; each limit L must give the largest n with T(n) <= L. */
static void pairs_are_added_until_the_next_does_not_fit(void **state) {
    (void)state;
    enum { FIRST = 700, LAST = 1100 };
    int64_t table[64] = {0};
    int pairs[LAST] = {0};
    for (int limit = FIRST; limit < LAST; limit++) {
        struct task task;
        struct hs_built_sample sample;
        open_task(&task, limit, 3, 12);
        assert_int_equal(hs_build_sample(task.builder, 0, &sample, NULL), HEADSIFT_OK);
        pairs[limit] = sample.pairs;
        assert_in_range(sample.pairs, 4, 62);
        assert_true(sample.tokens <= limit);
        assert_true(table[sample.pairs] == 0 || table[sample.pairs] == sample.tokens);
        table[sample.pairs] = sample.tokens;
        close_task(&task);
    }
    for (int limit = FIRST; limit < LAST; limit++) {
        assert_true(table[pairs[limit]] <= limit);
        assert_true(limit == LAST - 1 || table[pairs[limit] + 1] == 0 || table[pairs[limit] + 1] > limit);
        assert_in_range(pairs[limit] - (limit > FIRST ? pairs[limit - 1] : pairs[limit]), 0, 1);
    }
    assert_true(pairs[LAST - 1] - pairs[FIRST] > 4);
}

static void wrong_estimates_change_nothing(void **state) {
    (void)state;
    struct hs_buffer prompts[3] = {{0}};
    static const int errors[] = {0, 9, -9};
    for (int i = 0; i < 3; i++) {
        struct task task;
        struct hs_built_sample sample;
        open_task(&task, 1024, 3, 18);
        struct hs_builder_options options = {.tokenizer = tokenizer,
                                             .template = &task.template,
                                             .pool = task.pool,
                                             .tokens = 1024,
                                             .shots = 3,
                                             .estimate_error = errors[i]};
        hs_builder_close(task.builder);
        assert_int_equal(hs_builder_open(&options, &task.builder, NULL), HEADSIFT_OK);
        assert_int_equal(hs_build_sample(task.builder, 0, &sample, NULL), HEADSIFT_OK);
        assert_true(sample.tokens <= 1024);
        assert_true(hs_buffer_append(&prompts[i], sample.prompt, sample.prompt_size));
        assert_string_equal(prompts[i].data, prompts[0].data);
        close_task(&task);
    }
    for (int i = 0; i < 3; i++) {
        hs_buffer_free(&prompts[i]);
    }
}

static void samples_depend_on_seed_and_number_alone(void **state) {
    (void)state;
    struct task a, b, c;
    struct hs_built_sample first, second;
    open_task(&a, 800, 3, 13);
    open_task(&b, 800, 3, 13);
    open_task(&c, 800, 3, 14);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(hs_build_sample(a.builder, i, &first, NULL), HEADSIFT_OK);
    }
    assert_int_equal(hs_build_sample(b.builder, 2, &second, NULL), HEADSIFT_OK);
    assert_int_equal(first.prompt_size, second.prompt_size);
    assert_memory_equal(first.prompt, second.prompt, first.prompt_size);
    assert_int_equal(hs_build_sample(c.builder, 2, &second, NULL), HEADSIFT_OK);
    assert_string_not_equal(first.prompt, second.prompt);
    close_task(&a);
    close_task(&b);
    close_task(&c);
}

static void too_few_tokens_say_how_many_are_needed(void **state) {
    (void)state;
    struct task task;
    struct hs_built_sample sample;
    headsift_error error = {0};
    open_task(&task, 100, 3, 15);
    assert_int_equal(hs_build_sample(task.builder, 0, &sample, &error), HEADSIFT_USAGE);
    close_task(&task);
    const char *number = strstr(error.message, "at least ");
    assert_non_null(number);
    long needed = strtol(number + 9, NULL, 10);
    open_task(&task, needed, 3, 15);
    assert_int_equal(hs_build_sample(task.builder, 0, &sample, &error), HEADSIFT_OK);
    assert_int_equal(sample.pairs, 4);
    assert_int_equal(sample.tokens, needed);
    close_task(&task);
    open_task(&task, needed - 1, 3, 15);
    assert_int_equal(hs_build_sample(task.builder, 0, &sample, &error), HEADSIFT_USAGE);
    close_task(&task);
}

static void too_few_sentences_are_an_error(void **state) {
    (void)state;
    const char *lines[] = {"The first of five lines.", "The second of five lines.", "The third of five lines.",
                           "The fourth of five lines.", "The fifth of five lines."};
    struct task task;
    struct hs_built_sample sample;
    headsift_error error = {0};
    open_task(&task, 1024, 3, 16);
    hs_builder_close(task.builder);
    hs_pool_close(task.pool);
    assert_int_equal(hs_pool_open_lines(tokenizer, lines, 5, "five.txt", &task.pool, NULL), HEADSIFT_OK);
    struct hs_builder_options options = {
        .tokenizer = tokenizer, .template = &task.template, .pool = task.pool, .tokens = 1024, .shots = 3};
    assert_int_equal(hs_builder_open(&options, &task.builder, NULL), HEADSIFT_OK);
    assert_int_equal(hs_build_sample(task.builder, 0, &sample, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "five.txt: 5 usable sentences"));
    close_task(&task);
}

static void enough_sentences_are_enough(void **state) {
    (void)state;
    struct task task;
    struct hs_built_sample sample;
    open_task(&task, 4096, 0, 17);
    assert_int_equal(hs_build_sample(task.builder, 0, &sample, NULL), HEADSIFT_OK);
    assert_true((size_t)sample.pairs + 1 < hs_probe_sentences_needed(4096));
    close_task(&task);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_templates_are_refused),
        cmocka_unit_test(samples_are_the_task),
        cmocka_unit_test(pairs_are_added_until_the_next_does_not_fit),
        cmocka_unit_test(wrong_estimates_change_nothing),
        cmocka_unit_test(samples_depend_on_seed_and_number_alone),
        cmocka_unit_test(too_few_tokens_say_how_many_are_needed),
        cmocka_unit_test(too_few_sentences_are_an_error),
        cmocka_unit_test(enough_sentences_are_enough),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
