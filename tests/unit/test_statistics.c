/* Tests of base/statistics: equal to what NumPy 2, SciPy 1.17 (rankdata, spearmanr, stats.bootstrap with 2,000,000
 * resamples, binom.ppf) and a least-squares fit give for the same numbers. */
#include "support.h"

#include <math.h>

#include "base/statistics.h"

enum { N = 12 };
static const double x[N] = {3.5, 1.25, 3.5, -2, 0.5, 8, 8, 8, -1, 4.75, 2, 0.125};
static const double y[N] = {2, 2, 7.5, -3, 1, 9, 6, 10, 0, 0, 5, -1.5};
static const double z[N] = {1, 5, 2, 8, 3, 9, 4, 7, 6, 2, 5, 1};

static void near(double got, double wanted, double tolerance) {
    if (!(fabs(got - wanted) <= tolerance)) {
        fail_msg("%.17g instead of %.17g", got, wanted);
    }
}

static void ties_share_their_mean_rank(void **state) {
    (void)state;
    static const double wanted[N] = {7.5, 5, 7.5, 1, 4, 11, 11, 11, 2, 9, 6, 3};
    double ranks[N];
    assert_int_equal(hs_mean_ranks(x, N, ranks, NULL), HEADSIFT_OK);
    for (int i = 0; i < N; i++) {
        near(ranks[i], wanted[i], 0);
    }
}

static void correlations_are_scipy_s(void **state) {
    (void)state;
    double spearman;
    near(hs_pearson(x, y, N), 0.82258370837549832, 1e-14);
    assert_int_equal(hs_spearman(x, y, N, &spearman, NULL), HEADSIFT_OK);
    near(spearman, 0.81240083273401176, 1e-14);
    assert_int_equal(hs_spearman(x, z, N, &spearman, NULL), HEADSIFT_OK);
    near(spearman, 0.042553459041250553, 1e-14);
    static const double flat[N] = {0};
    assert_true(isnan(hs_pearson(x, flat, N)));
    assert_true(isnan(hs_pearson(x, y, 1)));
}

static void a_fit_explains_what_least_squares_does(void **state) {
    (void)state;
    double columns[4 * N], share;
    for (int i = 0; i < N; i++) {
        columns[i] = x[i];
        columns[N + i] = z[i];
        columns[2 * N + i] = 3 * x[i] - z[i] + 7; /* adds nothing */
        columns[3 * N + i] = 5;                   /* a constant adds nothing */
    }
    assert_int_equal(hs_explained(columns, 4, y, N, &share, NULL), HEADSIFT_OK);
    near(share, 0.7095329217653128, 1e-13);
    assert_int_equal(hs_explained(columns, 1, y, N, &share, NULL), HEADSIFT_OK);
    near(share, 0.82258370837549832 * 0.82258370837549832, 1e-13);
}

static void quantiles_are_numpy_s(void **state) {
    (void)state;
    static const double at[][2] = {{0, -2}, {.025, -1.725}, {.1, -0.8875}, {.5, 2.75}, {.9, 8}, {1, 8}};
    double sorted[N];
    for (int i = 0; i < N; i++) {
        sorted[i] = x[i];
    }
    hs_sort_ascending(sorted, N);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        near(hs_quantile(sorted, N, at[i][0]), at[i][1], 1e-14);
    }
    assert_true(isnan(hs_quantile(sorted, 0, 0.5)));
}

static void intervals_are_scipy_s(void **state) {
    (void)state;
    struct hs_interval interval;
    assert_int_equal(hs_bootstrap_mean(x, N, 200000, 3, &interval, NULL), HEADSIFT_OK);
    near(interval.value, 3.0520833333333335, 1e-14);
    near(interval.low, 1.1770833333333333, 0.02);
    near(interval.high, 5.0, 0.02);
    double answers[40] = {0};
    for (int i = 0; i < 27; i++) {
        answers[i] = 1;
    }
    for (uint64_t seed = 0; seed < 5; seed++) { /* steps of 1/40: binom.ppf([.025, .975], 40, 27/40) / 40 */
        assert_int_equal(hs_bootstrap_mean(answers, 40, HS_RESAMPLES, seed, &interval, NULL), HEADSIFT_OK);
        near(interval.low, 0.525, 1e-12);
        near(interval.high, 0.825, 1e-12);
    }
    assert_int_equal(hs_bootstrap_mean(answers, 0, 10, 0, &interval, NULL), HEADSIFT_OK);
    assert_true(isnan(interval.value) && isnan(interval.low));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ties_share_their_mean_rank),
        cmocka_unit_test(correlations_are_scipy_s),
        cmocka_unit_test(a_fit_explains_what_least_squares_does),
        cmocka_unit_test(quantiles_are_numpy_s),
        cmocka_unit_test(intervals_are_scipy_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
