/* Two principal components by power iteration on the points themselves: the covariance, width x width, is never formed.
 * The second one is sought in what the first leaves. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "compare/clusters.h"

enum { ROUNDS = 2000 };
static const double settled = 1e-10; /* change of a direction's squared length, at which it stays */

struct search {
    const struct hs_points *points;
    double *mean;       /**< (width) */
    double *directions; /**< (HS_COMPONENTS, width) */
    double *next;       /**< (width) */
    double *along;      /**< (n) */
};

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* Takes out of `next` what it has of the directions before `component`, and makes it one long; its length before. */
static double make_unit(const struct search *search, int component) {
    size_t width = search->points->width;
    for (int pass = 0; pass < 2; pass++) {
        for (int c = 0; c < component; c++) {
            const double *other = search->directions + (size_t)c * width;
            double part = dot(search->next, other, width);
            for (size_t d = 0; d < width; d++) {
                search->next[d] -= part * other[d];
            }
        }
    }
    double length = sqrt(dot(search->next, search->next, width));
    for (size_t d = 0; d < width; d++) {
        search->next[d] /= length > 0 ? length : 1;
    }
    return length;
}

/* Where the points lie along a direction. */
static void project(const struct search *search, const double *direction) {
    const struct hs_points *points = search->points;
    double middle = dot(search->mean, direction, points->width);
    long n = (long)points->n;
#pragma omp parallel for schedule(static)
    for (long i = 0; i < n; i++) {
        const float *point = points->values + (size_t)i * points->width;
        double sum = 0;
        for (size_t d = 0; d < points->width; d++) {
            sum += (double)point[d] * direction[d];
        }
        search->along[i] = sum - middle;
    }
}

/* next = covariance times direction (times n): the sum of the centred points, each times its place. */
static void multiply(const struct search *search, const double *direction) {
    const struct hs_points *points = search->points;
    project(search, direction);
    long width = (long)points->width;
#pragma omp parallel for schedule(static)
    for (long d = 0; d < width; d++) {
        double sum = 0;
        for (size_t i = 0; i < points->n; i++) {
            sum += ((double)points->values[i * points->width + (size_t)d] - search->mean[d]) * search->along[i];
        }
        search->next[d] = sum;
    }
}

static void start(const struct search *search, int component) {
    struct hs_random random;
    hs_random_seed(&random, (uint64_t)component + 1);
    for (size_t d = 0; d < search->points->width; d++) {
        search->next[d] = (double)(hs_random_next(&random) >> 11) / 9007199254740992.0 - 0.5;
    }
    make_unit(search, component);
}

static void turn_positive(double *direction, size_t width) {
    size_t largest = 0;
    for (size_t d = 1; d < width; d++) {
        largest = fabs(direction[d]) > fabs(direction[largest]) ? d : largest;
    }
    double sign = direction[largest] < 0 ? -1 : 1;
    for (size_t d = 0; d < width; d++) {
        direction[d] *= sign;
    }
}

static void find_direction(const struct search *search, int component) {
    size_t width = search->points->width;
    double *direction = search->directions + (size_t)component * width;
    start(search, component);
    double change = 1;
    for (int round = 0; round < ROUNDS && change > settled * settled; round++) {
        memcpy(direction, search->next, width * sizeof *direction);
        multiply(search, direction);
        double length = make_unit(search, component);
        change = 0;
        for (size_t d = 0; d < width; d++) {
            change += (search->next[d] - direction[d]) * (search->next[d] - direction[d]);
        }
        if (!(length > 0)) {
            break; /* nothing varies any more */
        }
    }
    memcpy(direction, search->next, width * sizeof *direction);
    turn_positive(direction, width);
}

static double total_variance(const struct search *search) {
    const struct hs_points *points = search->points;
    double sum = 0;
    for (size_t i = 0; i < points->n; i++) {
        for (size_t d = 0; d < points->width; d++) {
            double off = (double)points->values[i * points->width + d] - search->mean[d];
            sum += off * off;
        }
    }
    return sum;
}

static void find_mean(const struct search *search) {
    const struct hs_points *points = search->points;
    for (size_t i = 0; i < points->n; i++) {
        for (size_t d = 0; d < points->width; d++) {
            search->mean[d] += (double)points->values[i * points->width + d] / (double)points->n;
        }
    }
}

static void find_components(const struct search *search, double *places, double explained[HS_COMPONENTS]) {
    size_t n = search->points->n;
    find_mean(search);
    double total = total_variance(search);
    for (int c = 0; c < HS_COMPONENTS; c++) {
        find_direction(search, c);
        project(search, search->directions + (size_t)c * search->points->width);
        explained[c] = total > 0 ? dot(search->along, search->along, n) / total : 0;
        for (size_t i = 0; i < n; i++) {
            places[i * HS_COMPONENTS + (size_t)c] = search->along[i];
        }
    }
}

headsift_status hs_principal(const struct hs_points *points, double *places, double explained[HS_COMPONENTS],
                             headsift_error *error) {
    size_t doubles = (2 + HS_COMPONENTS) * points->width + points->n;
    double *room = hs_alloc(doubles, sizeof *room);
    if (room == NULL) {
        return hs_fail_memory(error, "principal components", doubles * sizeof *room);
    }
    const struct search search = {.points = points,
                                  .mean = room,
                                  .next = room + points->width,
                                  .directions = room + 2 * points->width,
                                  .along = room + (2 + HS_COMPONENTS) * points->width};
    find_components(&search, places, explained);
    hs_free(room);
    return HEADSIFT_OK;
}
