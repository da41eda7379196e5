/* Bins of equal width.
 * The report holds counts, so that its size does not depend on the run's. */
#include <math.h>

#include "report/report.h"

struct hs_bins hs_bins_over(double low, double high, int n) {
    if (!(isfinite(low) && isfinite(high))) {
        low = 0;
        high = 1;
    }
    if (!(high > low)) {
        double half = fabs(low) > 1 ? fabs(low) / 2 : 0.5;
        high = low + half;
        low -= half;
    }
    return (struct hs_bins){low, high, n};
}

int hs_bin_of(const struct hs_bins *bins, double value) {
    double at = (value - bins->low) / (bins->high - bins->low) * bins->n;
    return at <= 0 ? 0 : at >= bins->n ? bins->n - 1 : (int)at;
}

double hs_bin_edge(const struct hs_bins *bins, int i) {
    return i == bins->n ? bins->high : bins->low + (bins->high - bins->low) * i / bins->n;
}
