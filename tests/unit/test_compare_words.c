/* Words, TF-IDF, log odds and repetition: by hand, and TF-IDF as scikit-learn has it.
 * tests/data/compare/make_compare.py made the stored values. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "compare/repetition.h"
#include "compare/words.h"

static headsift_error error;

/* ---- Words ---- */

static const char *words_of(const char *text) {
    static char line[1024];
    char word[HS_WORD_BYTES];
    size_t at = 0, size, used = 0;
    line[0] = '\0';
    while (hs_next_word(text, strlen(text), &at, word, &size)) {
        used += (size_t)snprintf(line + used, sizeof line - used, "%s%.*s", used > 0 ? " " : "", (int)size, word);
    }
    return line;
}

static void words_are_runs_of_letters_and_digits(void **state) {
    (void)state;
    assert_string_equal(words_of("The mill's wheel, x_1=2;"), "the mill s wheel x 1 2");
    assert_string_equal(words_of("\xC3\x84RGER \xCE\x97 \xD0\xA0\xD0\x95\xD0\x9A\xD0\x90"),
                        "\xC3\xA4rger \xCE\xB7 \xD1\x80\xD0\xB5\xD0\xBA\xD0\xB0");
    /* a mark belongs to the letter before it and starts no word */
    assert_string_equal(words_of("\xCC\x81 e\xCC\x81t"), "e\xCC\x81t");
    assert_string_equal(words_of(" .,- \n"), "");
    assert_string_equal(words_of(""), "");
}

static void runs_of_over_64_bytes_are_no_words(void **state) {
    (void)state;
    char text[140], wanted[80];
    memset(text, 'a', 65);
    strcpy(text + 65, " b");
    assert_string_equal(words_of(text), "b");
    memcpy(text, "c ", 2);
    memset(text + 2, 'A', 64);
    text[66] = '\0';
    memset(wanted, 'a', sizeof wanted);
    memcpy(wanted, "c ", 2);
    wanted[66] = '\0';
    assert_string_equal(words_of(text), wanted);
}

static size_t find_word(const struct hs_words *words, const char *text) {
    for (size_t i = 0; i < words->n; i++) {
        if (words->items[i].size == strlen(text) &&
            memcmp(words->bytes.data + words->items[i].at, text, strlen(text)) == 0) {
            return i;
        }
    }
    fail_msg("no word \"%s\"", text);
    return 0;
}

static void add(struct hs_words *words, size_t group, const char *text) {
    assert_int_equal(hs_words_add(words, group, text, strlen(text), &error), HEADSIFT_OK);
}

/* ---- TF-IDF ---- */

static void tfidf_equals_scikit_learn(void **state) {
    (void)state;
    json_t *stored;
    struct hs_words words;
    assert_int_equal(hs_json_load(HS_TEST_DATA "/compare/compare.json", 1 << 24, &stored, &error), HEADSIFT_OK);
    assert_int_equal(hs_words_open(2, &words, &error), HEADSIFT_OK);
    size_t side, i;
    json_t *texts, *text, *weights;
    json_array_foreach(json_object_get(stored, "sides"), side, texts) {
        json_array_foreach(texts, i, text) { add(&words, side, json_string_value(text)); }
    }
    json_t *wanted = json_object_get(stored, "tfidf");
    assert_int_equal(words.n, json_object_size(wanted));
    const char *name;
    json_object_foreach(wanted, name, weights) {
        size_t word = find_word(&words, name);
        for (side = 0; side < 2; side++) {
            double weight = (double)words.counts[2 * word + side] * hs_words_idf(&words, word);
            double expected = json_real_value(json_array_get(weights, side));
            if (!(fabs(weight - expected) <= 1e-12 * (1 + expected))) {
                fail_msg("%s: %.17g for %.17g", name, weight, expected);
            }
        }
    }
    struct hs_weighed *order;
    size_t n;
    assert_int_equal(hs_words_order(&words, 0, true, &order, &n, &error), HEADSIFT_OK);
    for (i = 1; i < n; i++) {
        assert_true(order[i - 1].weight >= order[i].weight);
    }
    hs_free(order);
    hs_words_free(&words);
    json_decref(stored);
}

/* ---- Lists ---- */

/* a: x x x y y z (3 words); b: y y y w x (3 words). Top third: x and y: none of one. Top two thirds: {x y} and {y w}
 * (w before x by its bytes): 1 of 2. All: {x y z} and {y w x}: 2 of 3. */
static void overlaps_are_those_worked_out_by_hand(void **state) {
    (void)state;
    static const double shares[] = {0.34, 0.67, 1.0}, wanted[] = {0, 0.5, 2.0 / 3};
    struct hs_words words;
    struct hs_weighed *a, *b;
    size_t n_a, n_b;
    assert_int_equal(hs_words_open(2, &words, &error), HEADSIFT_OK);
    add(&words, 0, "x x x y y z");
    add(&words, 1, "y y y w x");
    assert_int_equal(hs_words_order(&words, 0, false, &a, &n_a, &error), HEADSIFT_OK);
    assert_int_equal(hs_words_order(&words, 1, false, &b, &n_b, &error), HEADSIFT_OK);
    assert_int_equal(n_a, 3);
    for (int i = 0; i < 3; i++) {
        double overlap;
        assert_int_equal(hs_words_overlap(&words, a, n_a, b, n_b, shares[i], &overlap, &error), HEADSIFT_OK);
        assert_true(fabs(overlap - wanted[i]) < 1e-12);
    }
    double none;
    assert_int_equal(hs_words_overlap(&words, a, n_a, b, 0, 1, &none, &error), HEADSIFT_OK);
    assert_true(isnan(none));
    hs_free(a);
    hs_free(b);
    hs_words_free(&words);
}

/* x: 3 of 6 in group 0, 1 of 5 in group 1: ln(3.5 / 3.5) - ln(1.5 / 4.5) = ln 3, variance 1/3.5 + 1/1.5. */
static void marked_words_go_by_their_log_odds(void **state) {
    (void)state;
    struct hs_words words;
    struct hs_weighed *marked;
    size_t n;
    double z;
    assert_int_equal(hs_words_open(2, &words, &error), HEADSIFT_OK);
    add(&words, 0, "x x x y y z");
    add(&words, 1, "y y y w x");
    size_t x = find_word(&words, "x");
    assert_true(fabs(hs_words_log_odds(&words, x, 0, &z) - log(3)) < 1e-12);
    assert_true(fabs(z - log(3) / sqrt(1 / 3.5 + 1 / 1.5)) < 1e-12);
    assert_true(fabs(hs_words_per_million(&words, x, 0) - 5e5) < 1e-6);
    assert_int_equal(hs_words_marked(&words, 0, 1, &marked, &n, &error), HEADSIFT_OK);
    assert_int_equal(n, 1);
    assert_int_equal(marked[0].word, x);
    hs_free(marked);
    assert_int_equal(hs_words_marked(&words, 1, 9, &marked, &n, &error), HEADSIFT_OK);
    assert_int_equal(n, 2); /* w and y: x and z are rarer there */
    hs_free(marked);
    hs_words_free(&words);
}

/* Thousands of words go through several sizes of the table. */
static void many_words_are_all_counted(void **state) {
    (void)state;
    struct hs_words words;
    struct hs_buffer text = {0};
    for (int i = 0; i < 5000; i++) {
        assert_true(hs_buffer_printf(&text, "w%d w%d ", i, i % 10));
    }
    assert_int_equal(hs_words_open(1, &words, &error), HEADSIFT_OK);
    add(&words, 0, text.data);
    add(&words, 0, "w7 w7");
    assert_int_equal(words.n, 5000);
    size_t seven = find_word(&words, "w7");
    assert_int_equal(words.counts[seven], 503);
    assert_int_equal(words.items[seven].documents, 2);
    assert_int_equal(words.totals[0], 10002);
    hs_buffer_free(&text);
    hs_words_free(&words);
}

/* ---- Repetition ---- */

static struct hs_repetition measure(const char *text, size_t size) {
    struct hs_repetition_meter *meter;
    struct hs_repetition out;
    assert_int_equal(hs_repetition_open(&meter, &error), HEADSIFT_OK);
    assert_int_equal(hs_repetition_measure(meter, "an earlier text an earlier text an earlier text", 47, &out, &error),
                     HEADSIFT_OK);
    assert_int_equal(hs_repetition_measure(meter, text, size, &out, &error), HEADSIFT_OK);
    hs_repetition_close(meter);
    return out;
}

static void repetition_is_that_counted_by_hand(void **state) {
    (void)state;
    /* a b c d a b c: abc bcd cda dab abc: one of five came before */
    assert_true(fabs(measure("a b c d a b c", 13).repeated_ngrams - 0.2) < 1e-12);
    assert_true(measure("a b", 3).repeated_ngrams == 0);
    /* the lines x, y, x, x without the empty ones and blanks: two of four */
    static const char lines[] = "x\n  y\n\n x \nx\r\n";
    assert_true(fabs(measure(lines, sizeof lines - 1).duplicate_lines - 0.5) < 1e-12);
    assert_true(measure("one line", 8).duplicate_lines == 0);
    struct hs_repetition empty = measure("", 0);
    assert_true(empty.compression == 1 && empty.repeated_ngrams == 0 && empty.duplicate_lines == 0);
}

/* Deflate's longest match is 258 bytes: a run of one letter takes a few bits for each of them. */
static void what_repeats_compresses(void **state) {
    (void)state;
    static char run[100000], noise[100000];
    uint32_t random = 1;
    memset(run, 'a', sizeof run);
    for (size_t i = 0; i < sizeof noise; i++) {
        random = random * 1664525u + 1013904223u;
        noise[i] = (char)('!' + (random >> 24) % 64);
    }
    assert_true(measure(run, sizeof run).compression > 500);
    double bits = measure(noise, sizeof noise).compression; /* six of eight bits say nothing twice */
    assert_true(bits > 1.2 && bits < 8.0 / 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_runs_of_letters_and_digits),
        cmocka_unit_test(runs_of_over_64_bytes_are_no_words),
        cmocka_unit_test(tfidf_equals_scikit_learn),
        cmocka_unit_test(overlaps_are_those_worked_out_by_hand),
        cmocka_unit_test(marked_words_go_by_their_log_odds),
        cmocka_unit_test(many_words_are_all_counted),
        cmocka_unit_test(repetition_is_that_counted_by_hand),
        cmocka_unit_test(what_repeats_compresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
