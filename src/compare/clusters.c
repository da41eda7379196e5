/* k-means: seeded starts and Lloyd's rounds.
 * Points are assigned on all threads; means are summed in the order of the points. */
#include "compare/clusters.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

static double distance(const float *point, const double *centre, size_t width) {
    double sum = 0;
    for (size_t i = 0; i < width; i++) {
        double off = (double)point[i] - centre[i];
        sum += off * off;
    }
    return sum;
}

static void copy_point(const struct hs_points *points, size_t at, double *centre) {
    for (size_t i = 0; i < points->width; i++) {
        centre[i] = (double)points->values[at * points->width + i];
    }
}

/* ---- The start ---- */

static double uniform(struct hs_random *random) { return (double)(hs_random_next(random) >> 11) / 9007199254740992.0; }

/* A point drawn with these weights. */
static size_t draw(struct hs_random *random, const double *weights, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weights[i];
    }
    double left = uniform(random) * sum;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) {
        if (weights[i] > 0) {
            last = i;
            left -= weights[i];
            if (left < 0) {
                break;
            }
        }
    }
    return last;
}

headsift_status hs_kmeans_start(const struct hs_points *points, size_t k, uint64_t seed, double *centres,
                                headsift_error *error) {
    struct hs_random random;
    double *nearest = hs_alloc(points->n, sizeof *nearest);
    if (nearest == NULL) {
        return hs_fail_memory(error, "clusters", points->n * sizeof *nearest);
    }
    hs_random_seed(&random, seed);
    for (size_t i = 0; i < points->n; i++) {
        nearest[i] = 1; /* the first centre is any point */
    }
    for (size_t c = 0; c < k; c++) {
        copy_point(points, draw(&random, nearest, points->n), centres + c * points->width);
        for (size_t i = 0; i < points->n; i++) {
            double far = distance(points->values + i * points->width, centres + c * points->width, points->width);
            nearest[i] = c == 0 || far < nearest[i] ? far : nearest[i];
        }
    }
    hs_free(nearest);
    return HEADSIFT_OK;
}

/* ---- Rounds ---- */

/* Gives each point its nearest centre, the first of equal ones; true where one changed. */
static bool assign(const struct hs_points *points, size_t k, const double *centres, int32_t *assigned, double *far) {
    bool changed = false;
    long n = (long)points->n;
#pragma omp parallel for schedule(static) reduction(|| : changed)
    for (long i = 0; i < n; i++) {
        const float *point = points->values + (size_t)i * points->width;
        int32_t best = 0;
        far[i] = INFINITY;
        for (size_t c = 0; c < k; c++) {
            double to = distance(point, centres + c * points->width, points->width);
            if (to < far[i]) {
                far[i] = to;
                best = (int32_t)c;
            }
        }
        changed = changed || best != assigned[i];
        assigned[i] = best;
    }
    return changed;
}

/* The point farthest from its centre, of those whose centre has others. */
static size_t farthest(size_t n, const int32_t *assigned, const int64_t *counts, const double *far) {
    size_t best = 0;
    double most = -1;
    for (size_t i = 0; i < n; i++) {
        if (counts[assigned[i]] > 1 && far[i] > most) {
            most = far[i];
            best = i;
        }
    }
    return best;
}

static void fill_empty(size_t n, size_t k, int32_t *assigned, int64_t *counts, double *far) {
    for (size_t c = 0; c < k; c++) {
        if (counts[c] == 0) {
            size_t taken = farthest(n, assigned, counts, far);
            counts[assigned[taken]]--;
            assigned[taken] = (int32_t)c;
            counts[c] = 1;
            far[taken] = 0;
        }
    }
}

static void update(const struct hs_points *points, size_t k, const int32_t *assigned, const int64_t *counts,
                   double *centres) {
    memset(centres, 0, k * points->width * sizeof *centres);
    for (size_t i = 0; i < points->n; i++) {
        double *centre = centres + (size_t)assigned[i] * points->width;
        for (size_t d = 0; d < points->width; d++) {
            centre[d] += (double)points->values[i * points->width + d];
        }
    }
    for (size_t c = 0; c < k; c++) {
        for (size_t d = 0; d < points->width; d++) {
            centres[c * points->width + d] /= (double)(counts[c] > 0 ? counts[c] : 1);
        }
    }
}

headsift_status hs_kmeans_run(const struct hs_points *points, size_t k, double *centres, int32_t *assigned,
                              struct hs_kmeans *out, headsift_error *error) {
    double *far = hs_alloc(points->n, sizeof *far);
    int64_t *counts = hs_alloc(k, sizeof *counts);
    *out = (struct hs_kmeans){0};
    if (far == NULL || counts == NULL) {
        hs_free(far);
        hs_free(counts);
        return hs_fail_memory(error, "clusters", points->n * sizeof *far);
    }
    memset(assigned, -1, points->n * sizeof *assigned);
    while (assign(points, k, centres, assigned, far) && out->rounds < HS_KMEANS_ROUNDS) {
        memset(counts, 0, k * sizeof *counts);
        for (size_t i = 0; i < points->n; i++) {
            counts[assigned[i]]++;
        }
        fill_empty(points->n, k, assigned, counts, far);
        update(points, k, assigned, counts, centres);
        out->rounds++;
    }
    for (size_t i = 0; i < points->n; i++) {
        out->objective += far[i];
    }
    hs_free(far);
    hs_free(counts);
    return HEADSIFT_OK;
}

double hs_balance(const int64_t *counts, size_t n) {
    double all = 0, entropy = 0;
    for (size_t i = 0; i < n; i++) {
        all += (double)counts[i];
    }
    for (size_t i = 0; i < n; i++) {
        double share = (double)counts[i] / all;
        entropy -= share > 0 ? share * log(share) : 0;
    }
    return n > 1 ? entropy / log((double)n) : 1;
}
