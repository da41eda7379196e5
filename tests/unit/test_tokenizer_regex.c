/* Patterns for PCRE2: what is spelled anew so that it means the same, what is refused by name, and limits on time and
 * memory. That ids come out right is for golden/test_tokenizer_parts.c. */
#define _GNU_SOURCE
#include "tokenizer_support.h"

#include "tokenizer/regex.h"

static void test_translated(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"a|b", "a|b"},
        {"(a)(?:b)(?i:c)(?=d)(?!e)(?<=f)(?<!g)", "(?:a)(?:b)(?i:c)(?=d)(?!e)(?<=f)(?<!g)"},
        {"\\p{L}\\P{Nd}[\\p{M}]", "\\p{L}\\P{Nd}[\\p{M}]"},
        {"\\p{Han}", "\\p{sc:Han}"},
        {"\\r\\n\\t\\.\\-\\\\\\d\\D", "\\r\\n\\t\\.\\-\\\\\\d\\D"},
        {"\\x41\\u4e00\\x{1F600}", "\\x{41}\\x{4e00}\\x{1F600}"},
        {"a?b*c+d{2}e{2,}f{2,3}", "a?b*c+d{2}e{2,}f{2,3}"},
        {"a??b*?c+?f{2,3}?", "a??b*?c+?f{2,3}?"},
        {"a?+b*+c++", "a?+b*+c++"},
        {".", "[^\\n]"},
        {"[a-c\xE4\xB8\x80-\xE9\xBE\xA5^$.]", "[a-c\xE4\xB8\x80-\xE9\xBE\xA5^$.]"},
        {"[^(|[.,]x]", "[^(|.,x]"},
        {"}#]", "\\}\\#\\]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hs_buffer out = {0};
        headsift_error error = {0};
        if (hs_regex_translate(rows[i][0], strlen(rows[i][0]), "x", &out, &error) != HEADSIFT_OK) {
            fail_msg("%s", error.message);
        }
        assert_string_equal(out.data, rows[i][1]);
        hs_buffer_free(&out);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"\\w", "this escape"},
        {"\\b", "this escape"},
        {"\\h", "this escape"},
        {"\\1", "this escape"},
        {"\\K", "this escape"},
        {"\\", "this escape"},
        {"\\p{Alphabetic}", "this property"},
        {"\\p{^L}", "this property"},
        {"\\pL", "this property"},
        {"\\p{", "this property"},
        {"\\p{Lu Ll}", "this property"},
        {"\\xE4", "this character code"},
        {"\\u12", "this character code"},
        {"\\x{}", "this character code"},
        {"\\x4g", "this character code"},
        {"^a", "an anchor"},
        {"a$", "an anchor"},
        {"(?i)a", "this group"},
        {"(?>a)", "this group"},
        {"(?<n>a)", "this group"},
        {"[a&&b]", "this set"},
        {"[a[^b]]", "this set"},
        {"[[:alpha:]]", "this set"},
        {"[]a]", "this set"},
        {"[ab", "this set"},
        {"[a-[bc]]", "a set beside a hyphen"},
        {"[[ab]-z]", "a set beside a hyphen"},
        {"a{,3}", "this quantifier"},
        {"a{2,3}+", "this quantifier"},
        {"a{2}?", "this quantifier"},
        {"a{x}", "this quantifier"},
        {"a**", "a quantifier behind a quantifier"},
        {"(?i:stop)", "(?i:) with ss, ff, fi, fl or st"},
        {"(a", "is not supported: "},
        {"a)", "is not supported: "},
        {"*a", "is not supported: "},
        {"a*", "matches the empty text"},
        {"a|(?=b)", "matches the empty text"},
        {"\\p{L}\\x{110000}", "is not supported: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hs_regex *regex = (struct hs_regex *)state;
        headsift_error error = {0};
        if (hs_regex_new(rows[i][0], strlen(rows[i][0]), "test.json", &regex, &error) != HEADSIFT_FAILED) {
            fail_msg("%s was not refused", rows[i][0]);
        }
        assert_null(regex);
        if (strstr(error.message, rows[i][1]) == NULL || strncmp(error.message, "test.json: ", 11) != 0) {
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i][0], error.message, rows[i][1]);
        }
    }
}

/* The matches of a pattern as "start-end" with blanks between them; NULL: the search failed. */
static const char *matches(const char *pattern, const char *text, size_t size, char *out, size_t out_size) {
    struct hs_regex *regex = NULL;
    struct hs_regex_room *room = hs_regex_room_new();
    headsift_error error = {0};
    assert_int_equal(hs_regex_new(pattern, strlen(pattern), "x", &regex, &error), HEADSIFT_OK);
    headsift_status status = HEADSIFT_OK;
    out[0] = '\0';
    for (size_t at = 0, start, end; at < size && status == HEADSIFT_OK; at = end) {
        status = hs_regex_find(regex, room, text, size, at, &start, &end, &error);
        size_t used = strlen(out);
        if (status == HEADSIFT_OK && start < size) {
            snprintf(out + used, out_size - used, "%s%zu-%zu", used > 0 ? " " : "", start, end);
        }
        end = status == HEADSIFT_OK ? end : size;
    }
    hs_regex_free(regex);
    hs_regex_room_free(room);
    return status == HEADSIFT_OK ? out : NULL;
}

static void test_found(void **state) {
    (void)state;
    char out[256];
    assert_string_equal(matches("\\s", "a\xE1\xA0\x8E \xC2\x85y", 8, out, sizeof out), "4-5 5-7"); /* not U+180E */
    assert_string_equal(matches("[^\\S\\n]+", "a\xE1\xA0\x8E \t\nb", 8, out, sizeof out), "4-6");
    assert_string_equal(matches("\\S+", " ab\xE1\xA0\x8E c", 8, out, sizeof out), "1-6 7-8");
    assert_string_equal(matches("(?<=a)b|c(?!d)", "abcdbc", 6, out, sizeof out), "1-2 5-6");
    assert_string_equal(matches("(?i:'s)", "'s'S'\xC5\xBF", 7, out, sizeof out), "0-2 2-4 4-7");
    assert_string_equal(matches("a\\x{0}b", "xa\0b", 4, out, sizeof out), "1-4");
    assert_string_equal(matches("q", "abc", 3, out, sizeof out), "");
}

/* A search that would take for ever fails. */
static void test_limits(void **state) {
    (void)state;
    char text[64], out[64];
    memset(text, 'a', sizeof text);
    assert_null(matches("(a|aa)+[bd]", text, sizeof text, out, sizeof out));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_translated),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
