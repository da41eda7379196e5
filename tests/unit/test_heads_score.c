/* Tests of what a head's score is, which heads are chosen, and when a ranking is refused.
 * Each number is worked out by hand. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "probe/detect.h"

/* ---- Copying ------------------------------------------------------------------------------------------------ */

static const int32_t ids[] = {7, 1, 2, 3, 2, 9, 2, 7}; /* the value is [1, 6): ids 1 2 3 2 9, four different ones */
static const struct hs_token_span span = {.first = 1, .last = 6};

static double score(const int32_t *produced, const int32_t *columns, int64_t n) {
    double out = 0;
    hs_add_copy_scores(ids, span, produced, n, columns, 1, &out);
    return out;
}

static void copying_is_the_same_token_inside_the_span(void **state) {
    (void)state;
    const int32_t produced[] = {1, 2, 3};
    assert_true(score(produced, (int32_t[]){1, 2, 3}, 3) == 0.75);
    assert_true(score(produced, (int32_t[]){1, 6, 3}, 3) == 0.5);  /* id 2 behind the span does not count */
    assert_true(score(produced, (int32_t[]){1, 4, 3}, 3) == 0.75); /* its other place inside does */
    assert_true(score(produced, (int32_t[]){2, 3, 4}, 3) == 0);    /* inside, but another token */
    assert_true(score((int32_t[]){7}, (int32_t[]){0}, 1) == 0);    /* before the span */
    assert_true(score((int32_t[]){9}, (int32_t[]){5}, 1) == 0.25); /* the span's last token is in it */
}

static void repeated_copies_count_once(void **state) {
    (void)state;
    assert_true(score((int32_t[]){2, 2, 2}, (int32_t[]){2, 4, 2}, 3) == 0.25);
    assert_true(score((int32_t[]){2, 2}, (int32_t[]){0, 4}, 2) == 0.25); /* missed first, copied then */
}

static void each_head_has_its_own_column(void **state) {
    (void)state;
    double out[3] = {0, 0, 1};
    hs_add_copy_scores(ids, span, (int32_t[]){1, 3}, 2, (int32_t[]){1, 0, 1, /* second step */ 3, 3, 1}, 3, out);
    assert_true(out[0] == 0.5 && out[1] == 0.25 && out[2] == 1.25);
}

static void an_empty_span_scores_nothing(void **state) {
    (void)state;
    double out = 0;
    hs_add_copy_scores(ids, (struct hs_token_span){0}, (int32_t[]){7}, 1, (int32_t[]){0}, 1, &out);
    assert_true(out == 0);
}

/* ---- ROUGE-1 recall ----------------------------------------------------------------------------------------- */

static double recall(const char *wanted, const char *got) {
    double out = -1;
    assert_int_equal(hs_rouge1_recall(wanted, strlen(wanted), got, strlen(got), &out, NULL), HEADSIFT_OK);
    return out;
}

static void rouge_counts_words_with_repeats(void **state) {
    (void)state;
    assert_true(recall(" The cat and the dog.", " the cat and the dog.") == 1);
    assert_true(recall(" The cat and the dog.", "THE  dog.\n") == 0.4);
    assert_true(recall("a a b", "a") == 1.0 / 3);
    assert_true(recall("a", "a a a") == 1);
    assert_true(recall("a b", "ab") == 0);
    assert_true(recall("dog.", "dog") == 0);
    assert_true(recall("x", "") == 0);
    assert_true(recall("", "x") == 0);
    assert_true(recall("\xC3\x84rger \xCE\xA3", "\xC3\xA4RGER\xC2\xA0\xCF\x83") ==
                1); /* umlaut, sigma, no-break space */
    assert_true(recall("a b", "a \xFF b") == 1);
    assert_true(recall("a \xE2\x82", "\xE2\x82 a") == 1);
}

/* ---- Choosing ----------------------------------------------------------------------------------------------- */

static size_t wanted(double fraction, int top, size_t total) {
    headsift_heads_options options = {.top_fraction = fraction, .top_count = top};
    size_t out = 0;
    assert_int_equal(hs_heads_wanted(&options, total, &out, NULL), HEADSIFT_OK);
    return out;
}

static void shares_are_rounded_half_up(void **state) {
    (void)state;
    assert_int_equal(wanted(0, 0, 270), 14); /* 13.5 */
    assert_int_equal(wanted(0, 0, 1024), 51);
    assert_int_equal(wanted(0.05, 0, 4), 1); /* at least one */
    assert_int_equal(wanted(0.145, 0, 100), 15);
    assert_int_equal(wanted(0.144, 0, 100), 14);
    assert_int_equal(wanted(1, 0, 30), 30);
    assert_int_equal(wanted(0.5, 7, 30), 7);
    headsift_error error = {0};
    static const headsift_heads_options bad[] = {
        {.top_fraction = 1.5}, {.top_fraction = -0.1}, {.top_fraction = NAN}, {.top_count = 31}, {.top_count = -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t out;
        assert_int_equal(hs_heads_wanted(&bad[i], 30, &out, &error), HEADSIFT_USAGE);
        assert_non_null(strstr(error.message, "--top-heads"));
    }
}

static void ties_go_by_layer_then_head(void **state) {
    (void)state;
    const double scores[] = {.1, .5, .2, .5, .9, .1, .5, .1, .5};
    static const headsift_head best[] = {{1, 1}, {0, 1}, {1, 0}, {2, 0}, {2, 2}, {0, 2}, {0, 0}};
    headsift_head heads[7];
    assert_int_equal(hs_rank_heads(scores, 3, 3, 7, heads, NULL), HEADSIFT_OK);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(heads[i].layer, best[i].layer);
        assert_int_equal(heads[i].head, best[i].head);
    }
}

static void noise_is_refused(void **state) {
    (void)state;
    headsift_error error = {0};
    const double flat[4] = {0}, some[] = {0, .3, 0, .1}, strong[] = {.3, 0, 0, 0}, weak[] = {.2, .2, .2, .2};
    const double falling[] = {-.2, -.1, 0, -.3};
    assert_int_equal(hs_refuse_noise(flat, flat, 4, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "all 4 heads have the same score"));
    assert_int_equal(hs_refuse_noise(weak, flat, 4, &error), HEADSIFT_FAILED);
    assert_int_equal(hs_refuse_noise(some, strong, 4, &error), HEADSIFT_FAILED); /* equal is not better */
    assert_non_null(strstr(error.message, "control"));
    assert_int_equal(hs_refuse_noise(some, weak, 4, &error), HEADSIFT_OK);
    assert_int_equal(hs_refuse_noise(falling, NULL, 4, &error), HEADSIFT_FAILED);
    assert_int_equal(hs_refuse_noise(some, NULL, 4, &error), HEADSIFT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copying_is_the_same_token_inside_the_span),
        cmocka_unit_test(repeated_copies_count_once),
        cmocka_unit_test(each_head_has_its_own_column),
        cmocka_unit_test(an_empty_span_scores_nothing),
        cmocka_unit_test(rouge_counts_words_with_repeats),
        cmocka_unit_test(shares_are_rounded_half_up),
        cmocka_unit_test(ties_go_by_layer_then_head),
        cmocka_unit_test(noise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
