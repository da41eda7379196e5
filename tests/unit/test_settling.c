/* Tests of how firm a top set is: the curve by samples, resampling against all resamples counted one by one, and where
 * --settle stops. Tables are made by hand; no model is asked. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "probe/detect.h"

enum { LAYERS = 2, HEADS = 3, ALL = LAYERS * HEADS };

static void add(struct hs_score_table *table, const double row[ALL]) {
    double *added = hs_table_add(table);
    assert_non_null(added);
    for (int i = 0; i < ALL; i++) {
        assert_true(added[i] == 0);
        added[i] = row[i];
    }
}

/* Measures a table's top `wanted` heads; the caller frees. */
static headsift_heads *measure(const struct hs_score_table *table, size_t wanted) {
    headsift_heads *heads = hs_alloc(1, sizeof *heads);
    assert_non_null(heads);
    heads->n_layer = LAYERS;
    heads->n_head = HEADS;
    heads->scores = hs_alloc(ALL, sizeof *heads->scores);
    assert_non_null(heads->scores);
    hs_table_mean(table, table->n, heads->scores);
    assert_int_equal(hs_choose_heads(heads, wanted, NULL), HEADSIFT_OK);
    assert_int_equal(hs_settling_measure(table, heads, NULL), HEADSIFT_OK);
    return heads;
}

static const double four_rows[4][ALL] = {
    {.9, .8, .1, .0, .2, .3},
    {.1, .9, .8, .0, .2, .1},
    {.7, .0, .9, .1, .0, .2},
    {.8, .1, .9, .0, .1, .3},
};

static struct hs_score_table four_samples(void) {
    struct hs_score_table table = {.n_heads = ALL};
    for (int i = 0; i < 4; i++) {
        add(&table, four_rows[i]);
    }
    return table;
}

static void the_curve_is_what_the_first_samples_say(void **state) {
    (void)state;
    struct hs_score_table table = four_samples();
    headsift_heads *heads = measure(&table, 2);
    /* Means 2.5 1.8 2.7 .1 .5 .9 (over 4): heads 2 and 0. */
    assert_true(fabs(heads->scores[0] - .625) < 1e-15);
    assert_int_equal(heads->heads[0].head, 2);
    assert_int_equal(heads->heads[1].head, 0);
    assert_int_equal(heads->n_settling, 3);
    assert_int_equal(heads->settling[0].samples, 1);
    assert_int_equal(heads->settling[1].samples, 2);
    assert_int_equal(heads->settling[2].samples, 4);
    assert_true(heads->settling[0].overlap == .5); /* heads 0 and 1 */
    assert_true(heads->settling[1].overlap == .5); /* sums 1.0 1.7 .9: heads 1 and 0 */
    assert_true(heads->settling[2].overlap == 1);
    /* Ranks of the first row 6 5 2 1 3 4, of the means 5 4 6 1 2 3: 1 - 6 * 20 / (6 * 35). */
    assert_true(fabs(heads->settling[0].spearman - (1 - 6 * 20 / 210.)) < 1e-12);
    assert_true(fabs(heads->settling[2].spearman - 1) < 1e-12);
    headsift_heads_free(heads);
    hs_free(table.rows);
}

static void points_are_few_and_end_at_all(void **state) {
    (void)state;
    struct hs_score_table table = {.n_heads = ALL};
    for (int i = 0; i < 800; i++) {
        add(&table, four_rows[i % 4]);
    }
    headsift_heads *heads = measure(&table, 2);
    static const int wanted[] = {8, 13, 20, 30, 46, 69, 104, 157, 236, 355, 533, 800};
    assert_int_equal(heads->n_settling, 12);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(heads->settling[i].samples, wanted[i]);
    }
    headsift_heads_free(heads);
    table.n = 1;
    heads = measure(&table, 2);
    assert_null(heads->settling); /* one sample drawn again and again says nothing */
    assert_null(heads->bootstrap);
    headsift_heads_free(heads);
    hs_free(table.rows);
}

/* Whether head `which` is among the two best of these sums; they have no ties. */
static bool is_top_two(const double *sums, int which) {
    int better = 0;
    for (int i = 0; i < ALL; i++) {
        better += sums[i] > sums[which];
    }
    return better < 2;
}

static void resampled_shares_are_those_of_all_resamples(void **state) {
    (void)state;
    struct hs_score_table table = four_samples();
    headsift_heads *heads = measure(&table, 2);
    int chosen[2] = {0, 0};
    for (int code = 0; code < 256; code++) { /* every way to draw 4 of 4 with replacement */
        double sums[ALL] = {0};
        for (int draw = 0, rest = code; draw < 4; draw++, rest /= 4) {
            for (int i = 0; i < ALL; i++) {
                sums[i] += four_rows[rest % 4][i] + 1e-9 * i;
            }
        }
        chosen[0] += is_top_two(sums, 2);
        chosen[1] += is_top_two(sums, 0);
    }
    assert_int_equal(heads->resamples, 500);
    assert_true(chosen[0] < 256 && chosen[1] < 240);
    for (int i = 0; i < 2; i++) { /* 500 draws: a standard deviation of .022 at most */
        assert_true(fabs(heads->bootstrap[i] - chosen[i] / 256.) < .07);
    }
    assert_true(fabs(heads->bootstrap_overlap - (heads->bootstrap[0] + heads->bootstrap[1]) / 2) < 1e-12);
    headsift_heads *again = measure(&table, 2);
    assert_memory_equal(again->bootstrap, heads->bootstrap, 2 * sizeof *heads->bootstrap);
    headsift_heads_free(again);
    headsift_heads_free(heads);
    hs_free(table.rows);
}

/* The order of a tie must not look firm. */
static void heads_without_a_score_are_never_firm(void **state) {
    (void)state;
    static const double row[ALL] = {0, 0, 0, 0, 1, 0};
    struct hs_score_table table = {.n_heads = ALL};
    for (int i = 0; i < 8; i++) {
        add(&table, row);
    }
    headsift_heads *heads = measure(&table, 2);
    assert_true(heads->bootstrap[0] == 1);
    assert_true(heads->bootstrap[1] == 0);
    assert_true(heads->bootstrap_overlap == .5);
    assert_true(heads->settling[heads->n_settling - 1].overlap == .5);
    headsift_heads_free(heads);
    hs_free(table.rows);
}

/* ---- Where --settle stops ---- */

/* Adds samples one by one until it stops. @return how many; 0: not within `most`. */
static size_t stops_at(struct hs_detection *detection, const double *(*row)(size_t), size_t most) {
    size_t stopped = 0;
    for (size_t i = 0; i < most && stopped == 0; i++) {
        add(&detection->table, row(i));
        assert_int_equal(hs_settling_check(detection, NULL), HEADSIFT_OK);
        assert_int_equal(hs_settling_check(detection, NULL), HEADSIFT_OK); /* a sample that does not count */
        stopped = detection->settled ? i + 1 : 0;
    }
    hs_free(detection->table.rows);
    return stopped;
}

static struct hs_detection detection_of(double settle) {
    return (struct hs_detection){
        .n_layer = LAYERS, .n_head = HEADS, .table.n_heads = ALL, .wanted = 1, .settle = settle};
}

static const double *always_head_one(size_t i) {
    static const double row[ALL] = {0, 1, 0, 0, 0, .5};
    (void)i;
    return row;
}

static const double *two_take_turns(size_t i) {
    static const double rows[2][ALL] = {{1, 0}, {0, 1}};
    return rows[i % 2];
}

/* Head 0 is firm at 20, head 1 comes to a tie with it at 25, and is firm at 30. */
static const double *another_comes_up(size_t i) {
    static const double first[ALL] = {1, 0}, tie[ALL] = {0, 4}, second[ALL] = {0, 30};
    return i < 20 ? first : i < 25 ? tie : second;
}

static void it_stops_when_two_checks_in_a_row_are_firm(void **state) {
    (void)state;
    struct hs_detection detection = detection_of(.95);
    assert_int_equal(stops_at(&detection, always_head_one, 100), 25);
    detection = detection_of(1);
    assert_int_equal(stops_at(&detection, always_head_one, 100), 25);
    detection = detection_of(.95);
    assert_int_equal(stops_at(&detection, another_comes_up, 100), 35);
    detection = detection_of(.95);
    assert_int_equal(stops_at(&detection, two_take_turns, 200), 0);
    detection = detection_of(.3); /* less is wanted: a coin is enough */
    assert_int_equal(stops_at(&detection, two_take_turns, 200), 25);
    detection = detection_of(0);
    assert_int_equal(stops_at(&detection, always_head_one, 100), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_curve_is_what_the_first_samples_say),
        cmocka_unit_test(points_are_few_and_end_at_all),
        cmocka_unit_test(resampled_shares_are_those_of_all_resamples),
        cmocka_unit_test(heads_without_a_score_are_never_firm),
        cmocka_unit_test(it_stops_when_two_checks_in_a_row_are_firm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
