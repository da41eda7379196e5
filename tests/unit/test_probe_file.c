/* Tests of reading a probe: where a value is in a prompt, and every kind of row that is refused.
 * Spans are worked out by hand. */
#include "support.h"

#include <string.h>

#include "base/file.h"
#include "probe/probe_file.h"

static void expect_span(const char *prompt, const char *key, const char *value, const char *control) {
    struct hs_bytes at, other;
    assert_true(hs_find_value(prompt, strlen(prompt), key, &at, &other));
    assert_int_equal(at.end - at.start, strlen(value));
    assert_memory_equal(prompt + at.start, value, strlen(value));
    assert_int_equal(other.end - other.start, strlen(control));
    assert_memory_equal(prompt + other.start, control, strlen(control));
}

static void values_are_found_in_the_object(void **state) {
    (void)state;
    static const char three[] = "Say {it}:\n{\"a\": \"one\", \"b\": \"two\", \"c\": \"three\"}\nQ: \"b\": \"no\"";
    expect_span(three, "a", "one", "two");
    expect_span(three, "b", "two", "three");
    expect_span(three, "c", "three", "one");
    expect_span("{ \"a\" :\n\"one\" }", "a", "one", "");
    expect_span("{\"a\": \"b\\\"}, {\", \"c\": \"x\"}", "a", "b\\\"}, {", "x");
    expect_span("{\"a\": \"1\"} {\"b\": \"2\"}", "b", "2", "");
    expect_span("{\"x\": \"a\", \"a\": \"y\"}", "a", "y", "a"); /* a value that spells the key is no key */
}

static void what_is_no_object_with_the_key_is_not_found(void **state) {
    (void)state;
    static const char *const prompts[] = {
        "",
        "{",
        "{\"a\": \"one\"",
        "{\"a\": \"one\",}",
        "{\"a\": 1}",
        "{\"b\": \"one\"}",
        "\"a\": \"one\"",
        "{\"a\": \"one\\",
        "{\"a\"}",
    };
    struct hs_bytes at, other;
    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++) {
        assert_false(hs_find_value(prompts[i], strlen(prompts[i]), "a", &at, &other));
    }
}

#define PROMPT "\"prompt\": \"{\\\"k\\\": \\\"value\\\"} Q\""

static void rows_are_read(void **state) {
    (void)state;
    static const char text[] =
        "\n{" PROMPT ", \"answer\": \" value\", \"needle_key\": \"k\"}\r\n  \n"
        "{" PROMPT ", \"answer\": \" value\", \"needle_key\": \"k\", \"value_start\": 7, \"value_end\": 12, \"x\": []}";
    struct hs_probe probe;
    assert_int_equal(hs_probe_parse(text, sizeof text - 1, "p", &probe, NULL), HEADSIFT_OK);
    assert_int_equal(probe.n, 2);
    assert_int_equal(probe.rows[0].line, 2);
    assert_int_equal(probe.rows[1].line, 4);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(probe.rows[i].prompt_size, 16);
        assert_int_equal(probe.rows[i].size, 22);
        assert_memory_equal(probe.rows[i].text, "{\"k\": \"value\"} Q value", 22);
        assert_int_equal(probe.rows[i].value.start, 7);
        assert_int_equal(probe.rows[i].value.end, 12);
        assert_int_equal(probe.rows[i].control.end, 0);
    }
    hs_probe_free(&probe);
}

static void bad_rows_are_refused_with_their_line(void **state) {
    (void)state;
    static const char good[] = "{" PROMPT ", \"answer\": \" value\", \"needle_key\": \"k\"}\n";
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"nonsense", "is not JSON"},
        {"[1]", "must be a JSON object"},
        {"{\"answer\": \"a\", \"needle_key\": \"k\"}", "\"prompt\" is missing"},
        {"{\"prompt\": 5, \"answer\": \"a\", \"needle_key\": \"k\"}", "\"prompt\" must be a string"},
        {"{" PROMPT ", \"answer\": null, \"needle_key\": \"k\"}", "\"answer\" is missing"},
        {"{" PROMPT ", \"answer\": \"\", \"needle_key\": \"k\"}", "\"answer\" is empty"},
        {"{\"prompt\": \"\", \"answer\": \"a\", \"needle_key\": \"k\"}", "\"prompt\" is empty"},
        {"{" PROMPT ", \"answer\": \"a\"}", "\"needle_key\" is missing"},
        {"{" PROMPT ", \"answer\": \"a\", \"needle_key\": \"z\"}", "needle's key \"z\""},
        {"{\"prompt\": \"{\\\"k\\\": \\\"\\\"}\", \"answer\": \"a\", \"needle_key\": \"k\"}", "is empty"},
        {"{" PROMPT ", \"answer\": \"a\", \"needle_key\": \"k\", \"value_start\": 6}", "6 to 12"},
        {"{" PROMPT ", \"answer\": \"a\", \"needle_key\": \"k\", \"value_start\": -1}", "-1, must be 0 to 16"},
        {"{" PROMPT ", \"answer\": \"a\", \"needle_key\": \"k\", \"value_end\": 17}", "17, must be 0 to 16"},
        {"{" PROMPT ", \"answer\": \"a\", \"needle_key\": \"k\", \"value_end\": \"12\"}", "must be an integer"},
        {"{" PROMPT ", \"answer\": \"a\", \"answer\": \"b\", \"needle_key\": \"k\"}", "is not JSON"},
        {"{\"prompt\": \"\xFF\", \"answer\": \"a\", \"needle_key\": \"k\"}", "is not JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        struct hs_probe probe;
        headsift_error error = {0};
        snprintf(text, sizeof text, "%s%s\n", good, cases[i].line);
        assert_int_equal(hs_probe_parse(text, strlen(text), "p.jsonl", &probe, &error), HEADSIFT_FAILED);
        if (strstr(error.message, cases[i].message) == NULL || strstr(error.message, "p.jsonl: line 2") == NULL) {
            fail_msg("case %zu: \"%s\" does not say \"%s\" of line 2", i, error.message, cases[i].message);
        }
        assert_int_equal(probe.n, 0);
    }
}

static void a_probe_without_samples_is_refused(void **state) {
    (void)state;
    struct hs_probe probe;
    headsift_error error = {0};
    assert_int_equal(hs_probe_parse("", 0, "p.jsonl", &probe, &error), HEADSIFT_FAILED);
    assert_string_equal(error.message, "p.jsonl holds no probe samples");
    assert_int_equal(hs_probe_parse("\n \n", 3, "p.jsonl", &probe, &error), HEADSIFT_FAILED);
    assert_int_equal(hs_probe_load("no/such/file", &probe, &error), HEADSIFT_FAILED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_in_the_object),
        cmocka_unit_test(what_is_no_object_with_the_key_is_not_found),
        cmocka_unit_test(rows_are_read),
        cmocka_unit_test(bad_rows_are_refused_with_their_line),
        cmocka_unit_test(a_probe_without_samples_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
