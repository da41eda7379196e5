/* Clusters and principal components of points: one row of `width` floats a document.
 * Seeded, and the same on any number of threads: sums are f64, in the order of the points. */
#ifndef HS_COMPARE_CLUSTERS_H
#define HS_COMPARE_CLUSTERS_H

#include "base/error.h"

struct hs_points {
    const float *values; /**< (n, width) */
    size_t n, width;
};

/** k-means++ (Arthur and Vassilvitskii, 2007): centres drawn one by one from the points, with probabilities in
 * proportion to the squared distance to the nearest one so far. @param centres (k, width), k <= n. */
headsift_status hs_kmeans_start(const struct hs_points *points, size_t k, uint64_t seed, double *centres,
                                headsift_error *error);

struct hs_kmeans {
    double objective; /**< sum of squared distances of the points to their centres */
    int rounds;
};
enum { HS_KMEANS_ROUNDS = 300 };
/** Lloyd's rounds until no point changes its centre, HS_KMEANS_ROUNDS at most. A centre without points takes the point
 *  that is farthest from its own. @param centres in: where to begin; out: the means. @param assigned (n) */
headsift_status hs_kmeans_run(const struct hs_points *points, size_t k, double *centres, int32_t *assigned,
                              struct hs_kmeans *out, headsift_error *error);

/** Entropy of shares over that of equal ones: 1 where all are equal, 0 where one has all. */
double hs_balance(const int64_t *counts, size_t n);

enum { HS_COMPONENTS = 2 };
/** The first two principal components, by power iteration.
 *  @param places (n, 2): the points without their mean, along each; its sign makes the largest weight positive.
 *  @param explained each one's share of the variance; 0 where nothing is left. */
headsift_status hs_principal(const struct hs_points *points, double *places, double explained[HS_COMPONENTS],
                             headsift_error *error);

#endif
