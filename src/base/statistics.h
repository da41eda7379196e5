/* Rank correlations, quantiles and bootstrap intervals of numbers at hand.
 * Sums are f64, ties get mean ranks, resampling is seeded: the same numbers on every machine. */
#ifndef HS_BASE_STATISTICS_H
#define HS_BASE_STATISTICS_H

#include <stdint.h>

#include "base/error.h"

/** ranks[i] = 1 + how many values are smaller, and the mean of these among equal values. No value may be NaN. */
headsift_status hs_mean_ranks(const double *values, size_t n, double *ranks, headsift_error *error);
/** NaN where one side is constant or n < 2. */
double hs_pearson(const double *x, const double *y, size_t n);
/** Pearson's correlation of mean ranks. NaN as there. */
headsift_status hs_spearman(const double *x, const double *y, size_t n, double *out, headsift_error *error);
/** Share of the variance of y that a linear fit by the `n_columns` columns of x (column by column, (n_columns, n)) and
 * a constant explains: R squared. Columns that others explain count once. NaN where y is constant. */
headsift_status hs_explained(const double *x, size_t n_columns, const double *y, size_t n, double *out,
                             headsift_error *error);
/** Quantile q (0..1) of ascending values, between neighbours linearly. NaN for n = 0. */
double hs_quantile(const double *ascending, size_t n, double q);
void hs_sort_ascending(double *values, size_t n);

struct hs_interval {
    double value, low, high;
};
enum { HS_RESAMPLES = 10000 };
/** Mean of the values with its bootstrap percentile interval that holds 95 %: `resamples` times n values are drawn with
 *  replacement. n = 0: NaN. */
headsift_status hs_bootstrap_mean(const double *values, size_t n, int resamples, uint64_t seed, struct hs_interval *out,
                                  headsift_error *error);

#endif
