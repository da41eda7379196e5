/* Rank correlations, least squares, quantiles and the bootstrap.
 * Textbook formulas in f64; what they are checked against stands in tests/unit/test_statistics.c. */
#include "base/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

struct placed {
    double value;
    size_t at;
};

static int by_value(const void *a, const void *b) {
    const struct placed *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

headsift_status hs_mean_ranks(const double *values, size_t n, double *ranks, headsift_error *error) {
    struct placed *sorted = hs_alloc(n, sizeof *sorted);
    if (sorted == NULL) {
        return hs_fail_memory(error, "ranks", n * sizeof *sorted);
    }
    for (size_t i = 0; i < n; i++) {
        sorted[i] = (struct placed){values[i], i};
    }
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && sorted[end].value == sorted[first].value; end++) {}
        for (size_t i = first; i < end; i++) {
            ranks[sorted[i].at] = 0.5 * (double)(first + 1 + end);
        }
    }
    hs_free(sorted);
    return HEADSIFT_OK;
}

static double mean_of(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum / (double)n;
}

double hs_pearson(const double *x, const double *y, size_t n) {
    double mean_x = mean_of(x, n), mean_y = mean_of(y, n), xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        double a = x[i] - mean_x, b = y[i] - mean_y;
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

headsift_status hs_spearman(const double *x, const double *y, size_t n, double *out, headsift_error *error) {
    double *ranks = hs_alloc(2 * n, sizeof *ranks);
    if (ranks == NULL) {
        return hs_fail_memory(error, "ranks", 2 * n * sizeof *ranks);
    }
    headsift_status status = hs_mean_ranks(x, n, ranks, error);
    if (status == HEADSIFT_OK) {
        status = hs_mean_ranks(y, n, ranks + n, error);
    }
    *out = hs_pearson(ranks, ranks + n, n);
    hs_free(ranks);
    return status;
}

static double dot(const double *x, const double *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * y[i];
    }
    return sum;
}

static void centre(double *x, size_t n) {
    double mean = mean_of(x, n);
    for (size_t i = 0; i < n; i++) {
        x[i] -= mean;
    }
}

/* Takes out of `from` what `unit` explains of it. */
static void take_out(double *from, const double *unit, size_t n) {
    double along = dot(from, unit, n);
    for (size_t i = 0; i < n; i++) {
        from[i] -= along * unit[i];
    }
}

/* Makes the columns orthonormal one by one; those that nothing is left of become zero. */
static void make_orthonormal(double *columns, size_t n_columns, size_t n) {
    for (size_t c = 0; c < n_columns; c++) {
        double *column = columns + c * n;
        centre(column, n);
        double before = sqrt(dot(column, column, n));
        for (size_t k = 0; k < c; k++) {
            take_out(column, columns + k * n, n);
        }
        double after = sqrt(dot(column, column, n));
        for (size_t i = 0; i < n; i++) {
            column[i] = after > 1e-10 * before ? column[i] / after : 0;
        }
    }
}

headsift_status hs_explained(const double *x, size_t n_columns, const double *y, size_t n, double *out,
                             headsift_error *error) {
    double *columns = hs_alloc((n_columns + 1) * n, sizeof *columns);
    if (columns == NULL) {
        return hs_fail_memory(error, "a fit", (n_columns + 1) * n * sizeof *columns);
    }
    double *rest = columns + n_columns * n;
    memcpy(columns, x, n_columns * n * sizeof *columns);
    memcpy(rest, y, n * sizeof *rest);
    make_orthonormal(columns, n_columns, n);
    centre(rest, n);
    double all = dot(rest, rest, n);
    for (size_t c = 0; c < n_columns; c++) {
        take_out(rest, columns + c * n, n);
    }
    *out = all > 0 ? 1 - dot(rest, rest, n) / all : NAN;
    hs_free(columns);
    return HEADSIFT_OK;
}

static int ascending(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void hs_sort_ascending(double *values, size_t n) {
    if (n > 0) {
        qsort(values, n, sizeof *values, ascending);
    }
}

double hs_quantile(const double *values, size_t n, double q) {
    if (n == 0) {
        return NAN;
    }
    double at = q * (double)(n - 1);
    size_t below = (size_t)at;
    if (below + 1 >= n) {
        return values[n - 1];
    }
    return values[below] + (at - (double)below) * (values[below + 1] - values[below]);
}

headsift_status hs_bootstrap_mean(const double *values, size_t n, int resamples, uint64_t seed, struct hs_interval *out,
                                  headsift_error *error) {
    *out = (struct hs_interval){NAN, NAN, NAN};
    if (n == 0) {
        return HEADSIFT_OK;
    }
    double *means = hs_alloc((size_t)resamples, sizeof *means);
    if (means == NULL) {
        return hs_fail_memory(error, "a bootstrap", (size_t)resamples * sizeof *means);
    }
    struct hs_random random;
    hs_random_seed(&random, seed);
    for (int r = 0; r < resamples; r++) {
        for (size_t i = 0; i < n; i++) {
            means[r] += values[hs_random_below(&random, n)];
        }
        means[r] /= (double)n;
    }
    hs_sort_ascending(means, (size_t)resamples);
    *out = (struct hs_interval){mean_of(values, n), hs_quantile(means, (size_t)resamples, 0.025),
                                hs_quantile(means, (size_t)resamples, 0.975)};
    hs_free(means);
    return HEADSIFT_OK;
}
