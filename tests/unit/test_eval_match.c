/* Answers that mean the same: each rule of match.c and formula.c, and what must stay different.
 * Stop strings that end an answer, wherever tokens are cut. */
#include "support.h"

#include <string.h>

#include "eval/answers.h"
#include "eval/ask.h"
#include "eval/match.h"

static struct hs_text text_of(const char *text) { return (struct hs_text){(char *)(uintptr_t)text, strlen(text)}; }

static bool matches(enum hs_match match, const char *produced, const char *answer) {
    struct hs_text answers[] = {{(char *)(uintptr_t) "never", 5}, text_of(answer)};
    bool out = false;
    assert_int_equal(hs_matches(match, text_of(produced), answers, 2, &out, NULL), HEADSIFT_OK);
    return out;
}

static void exact(void **state) {
    (void)state;
    assert_true(matches(HS_MATCH_EXACT, " 42\n", "42"));
    assert_true(matches(HS_MATCH_EXACT, "42", "\t42 "));
    assert_true(matches(HS_MATCH_EXACT, "", " "));
    assert_false(matches(HS_MATCH_EXACT, "42.", "42"));
    assert_false(matches(HS_MATCH_EXACT, "Paris", "paris"));
    assert_false(matches(HS_MATCH_EXACT, "", "42"));
    assert_false(matches(HS_MATCH_EXACT, "a  b", "a b"));
}

static void words(void **state) {
    (void)state;
    assert_true(matches(HS_MATCH_WORDS, "The  U.S. Navy", "us navy"));
    assert_true(matches(HS_MATCH_WORDS, " an Apple, a pear!", "apple pear"));
    assert_true(matches(HS_MATCH_WORDS, "the", "a"));
    assert_true(matches(HS_MATCH_WORDS, "caf\xC3\xA9", "Caf\xC3\xA9."));
    assert_false(matches(HS_MATCH_WORDS, "another", "other"));
    assert_false(matches(HS_MATCH_WORDS, "theatre", "atre"));
    assert_false(matches(HS_MATCH_WORDS, "pear apple", "apple pear"));
    assert_false(matches(HS_MATCH_WORDS, "", "apple"));
}

static const char *number(const char *text) {
    static struct hs_buffer out;
    bool found;
    assert_true(hs_plain_number(text_of(text), &out, &found));
    return found ? (out.data[out.size] = '\0', out.data) : "none";
}

static void numbers(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"3 + 4 = 7", "7"},
        {"so it is 18.", "18"},
        {"$1,234.50 in all", "1234.5"},
        {"7, 8,9", "9"},
        {"1,2345", "2345"},
        {"12,345,678", "12345678"},
        {"#### 18\n\nQuestion: 5 apples", "18"},
        {"#### -5", "-5"},
        {"one #### 4 two #### 6", "6"},
        {"#### none, but 3 before: 3 ####", "none"},
        {"we get \\boxed{12} of 13", "12"},
        {"007", "7"},
        {"0.50", "0.5"},
        {".5", "0.5"},
        {"3.00", "3"},
        {"-0.0", "0"},
        {"x = -2", "-2"},
        {"-$3", "-3"},
        {"10-4", "4"},
        {"1.5.2", "2"},
        {"no", "none"},
        {"", "none"},
        {"0", "0"},
        {"000", "0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(number(cases[i][0]), cases[i][1]) != 0) {
            fail_msg("the number of \"%s\" is %s, wanted %s", cases[i][0], number(cases[i][0]), cases[i][1]);
        }
    }
    assert_true(matches(HS_MATCH_NUMBER, "It costs 1,200.", "#### 1200.0"));
    assert_false(matches(HS_MATCH_NUMBER, "It costs -12.", "12"));
    assert_false(matches(HS_MATCH_NUMBER, "nothing", "nothing")); /* no number is no match */
    assert_false(matches(HS_MATCH_NUMBER, "12", "123"));
}

static void boxes(void **state) {
    (void)state;
    struct hs_text box;
    assert_true(hs_last_box(text_of("\\boxed{1} or \\boxed{\\frac{2}{3}}."), &box));
    assert_true(hs_text_equal(box, text_of("\\frac{2}{3}")));
    assert_true(hs_last_box(text_of("$\\boxed 5$ so"), &box));
    assert_true(hs_text_equal(box, text_of("5")));
    assert_true(hs_last_box(text_of("\\fbox{a}"), &box));
    assert_false(hs_last_box(text_of("\\boxed{1"), &box));
    assert_true(hs_last_box(text_of("\\boxed{1} \\boxed{2"), &box));
    assert_true(hs_text_equal(box, text_of("1")));
    assert_false(hs_last_box(text_of("boxed{1}"), &box));
}

static void formulas(void **state) {
    (void)state;
    static const char *const same[][2] = {
        {"so $\\boxed{\\dfrac{1}{2}}$.", "\\frac12"},
        {"\\boxed{1/2}", "\\frac{1}{2}"},
        {"\\boxed{0.5}", "\\frac{1}{2}"},
        {"\\boxed{-3/4}", "\\frac{-3}{4}"},
        {"\\boxed{x = 5}", "5"},
        {"\\boxed{.25}", "0.25"},
        {"\\boxed{\\sqrt3}", "\\sqrt{3}"},
        {"\\boxed{2\\sqrt{3}}", "2 \\sqrt3"},
        {"\\boxed{5 \\text{ cm}}", "5"},
        {"\\boxed{90^\\circ}", "90"},
        {"\\boxed{50\\%}", "50"},
        {"\\boxed{\\left( 1, 2 \\right)}", "(1,2)"},
        {"\\boxed{\\$12}", "12"},
        {"\\boxed{\\text{even}}", "\\mbox{even}"},
        {"7", "\\boxed{7}"},
        {"\\boxed{\\frac1{72}}", "\\frac{1}{72}"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        if (!matches(HS_MATCH_BOXED, same[i][0], same[i][1])) {
            fail_msg("%s is not %s", same[i][0], same[i][1]);
        }
    }
    assert_false(matches(HS_MATCH_BOXED, "\\boxed{\\frac{1}{3}}", "\\frac{1}{2}"));
    assert_false(matches(HS_MATCH_BOXED, "\\boxed{12}", "1 2 3"));
    assert_false(matches(HS_MATCH_BOXED, "\\boxed{1} or \\boxed{2}", "1"));
    assert_false(matches(HS_MATCH_BOXED, "\\boxed{2x + 1 = 5}", "5")); /* an equation, no name of the answer */
    assert_false(matches(HS_MATCH_BOXED, "\\boxed{\\frac\\pi2}", "\\frac{1}{2}"));
    assert_false(matches(HS_MATCH_BOXED, "\\frac", "\\sqrt"));
}

/* Adds the tokens one by one; gives how many were taken. */
static int feed(const char *const *tokens, struct hs_buffer *answer) {
    struct hs_text stops[] = {text_of("\n\n"), text_of("Question:"), text_of("")};
    bool ended = false;
    int n = 0;
    answer->size = 0;
    while (tokens[n] != NULL && !ended) {
        assert_true(hs_answer_add(answer, tokens[n], strlen(tokens[n]), stops, 3, &ended));
        n++;
    }
    return ended ? n : -1;
}

static void stop_strings_may_straddle_tokens(void **state) {
    (void)state;
    struct hs_buffer answer = {0};
    assert_int_equal(feed((const char *[]){" 42", "\n", "\nand", " on", NULL}, &answer), 3);
    assert_true(hs_text_equal((struct hs_text){answer.data, answer.size}, text_of(" 42")));
    assert_int_equal(feed((const char *[]){"a Q", "uesti", "on", ": b", NULL}, &answer), 4);
    assert_true(hs_text_equal((struct hs_text){answer.data, answer.size}, text_of("a ")));
    assert_int_equal(feed((const char *[]){"x Question: y\n\n", NULL}, &answer), 1); /* the first of both */
    assert_true(hs_text_equal((struct hs_text){answer.data, answer.size}, text_of("x ")));
    assert_int_equal(feed((const char *[]){"y\n\nQuestion: x", NULL}, &answer), 1);
    assert_true(hs_text_equal((struct hs_text){answer.data, answer.size}, text_of("y")));
    assert_int_equal(feed((const char *[]){"\n", "a\n", "b", "Question", " :", NULL}, &answer), -1);
    assert_int_equal(feed((const char *[]){"\n\n", NULL}, &answer), 1);
    assert_int_equal(answer.size, 0);
    hs_buffer_free(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact), cmocka_unit_test(words),    cmocka_unit_test(numbers),
        cmocka_unit_test(boxes), cmocka_unit_test(formulas), cmocka_unit_test(stop_strings_may_straddle_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
