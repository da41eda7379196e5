/* The arithmetic of the bench: multiply-adds that a question can't do without, default heads, medians, the last check.
 * Nothing here measures anything. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

static const double first_masked_share = 0.57, masked_share = 0.05;

struct hs_bench_needs hs_bench_pair_needs(const struct hs_config *config, int32_t first_masked) {
    return (struct hs_bench_needs){.once = first_masked, .twice = config->n_layer - first_masked, .logits = 2};
}

/* Keys that a query of a document of so many tokens sees on average. */
static double seen_on_average(int64_t window, int64_t length) {
    double n = (double)length, w = (double)window;
    return window == 0 || window >= length ? n / 2 : w - w * w / (2 * n);
}

double hs_bench_needed(const struct hs_config *config, struct hs_bench_needs needs, int64_t length) {
    double hidden = config->hidden, heads = (double)config->n_head * config->head_dim;
    double kv = (double)config->n_kv_head * config->head_dim;
    double weights = hidden * (heads + 2 * kv) + heads * hidden + 3 * hidden * config->ffn, layers = 0;
    for (int32_t i = 0; i < needs.once + needs.twice; i++) { /* keys are read once for Q K and once for P V */
        double attention = 2 * heads * seen_on_average(hs_layer_window(config, i), length);
        layers += (i < needs.once ? 1 : 2) * (weights + attention);
    }
    return layers + (double)needs.logits * hidden * config->vocab;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double hs_bench_median(double *values, size_t n) {
    qsort(values, n, sizeof *values, by_value);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

headsift_status hs_bench_default_heads(const struct hs_config *config, headsift_head **heads, size_t *n,
                                       headsift_error *error) {
    int32_t first = (int32_t)(first_masked_share * config->n_layer), layers = config->n_layer - first;
    int32_t count = (int32_t)(masked_share * config->n_layer * config->n_head + 0.5);
    count = count > 0 ? count : 1;
    *n = (size_t)count;
    *heads = hs_alloc(*n, sizeof **heads);
    if (*heads == NULL) {
        return hs_fail_memory(error, "heads", *n * sizeof **heads);
    }
    int32_t rank = 0; /* in its layer */
    for (int32_t i = 0; i < count; i++) {
        int32_t layer = first + (int32_t)((int64_t)i * layers / count);
        rank = i > 0 && layer == (*heads)[i - 1].layer ? rank + 1 : 0;
        (*heads)[i] = (headsift_head){.layer = layer, .head = (rank + 2 * layer) % config->n_head};
    }
    return HEADSIFT_OK;
}

int32_t hs_bench_first_layer(const struct hs_config *config, const headsift_head *heads, size_t n) {
    int32_t first = config->n_layer;
    for (size_t i = 0; i < n; i++) {
        first = heads[i].layer < first ? heads[i].layer : first;
    }
    return first;
}

headsift_status hs_bench_judge(const char *what, double share, double peak, headsift_error *error) {
    if (share >= 0 && share <= 1) {
        return HEADSIFT_OK;
    }
    return hs_fail(
        error, HEADSIFT_FAILED,
        "%s: %.1f %% of the floor can't be, the measured peak (%.1f GF/s) is wrong: run the bench again while "
        "nothing else uses these cores",
        what, share * 100, peak);
}
