/* headsift bench --kernels: each kernel of each table that this machine can run, timed against its plain twin at a
 * model's sizes. A figure is the best of several bursts: what disturbs a clock only ever adds to it. */
#include "bench/bench.h"

#include <string.h>

#include "base/random.h"
#include "engine/cpu/kernels.h"
#include "engine/cpu/kernels_s8.h"

enum { POSITIONS = 1024, VOCAB_BLOCK = 4096, BURSTS = 5, ROUNDS = 256 };
static const double burst_seconds = 2e-3;

/* Arguments of all kernels, for one element type. */
struct desk {
    struct hs_bench_sizes sizes;
    enum hs_element element;
    float *a, *b, *c; /* (n) */
    void *elements;   /* (n) */
    void *out;        /* (n) */
    void *keys, *values;
    double *sums;
    int64_t n;                   /* of each array */
    struct hs_split flat, block; /* of rows of hidden and of HS_MAX_ROTATED columns: 64 outliers each */
    uint32_t *taken;
};

/* One call of a kernel. Results go to the desk: nothing may be optimised away, these are calls by pointer. */
struct kernel_case {
    const char *name;
    void (*call)(const struct hs_kernels *k, struct desk *d); /* NULL: of the other table */
    void (*call_s8)(const struct hs_s8_kernels *k, struct desk *d);
};

static void call_rms_norm(const struct hs_kernels *k, struct desk *d) {
    k->rms_norm(d->a, d->b, d->sizes.hidden, 1e-5f, d->out);
}
static void call_add(const struct hs_kernels *k, struct desk *d) { k->add(d->c, d->a, d->sizes.hidden); }
static void call_swiglu(const struct hs_kernels *k, struct desk *d) { k->swiglu(d->a, d->b, d->sizes.ffn, d->out); }
static void call_geglu(const struct hs_kernels *k, struct desk *d) { k->geglu(d->a, d->b, d->sizes.ffn, d->out); }
/* Kernels that work in place get fresh values each time: else they would end in denormals, which are slow. */
static void call_norm_floats(const struct hs_kernels *k, struct desk *d) {
    memcpy(d->c, d->a, (size_t)d->sizes.hidden * sizeof *d->c);
    k->norm_floats(d->c, d->b, d->sizes.hidden, 1e-5f);
}
static void call_soft_cap(const struct hs_kernels *k, struct desk *d) {
    memcpy(d->c, d->a, (size_t)d->sizes.hidden * sizeof *d->c);
    k->soft_cap(d->c, d->sizes.hidden, 30);
}
static void call_round_row(const struct hs_kernels *k, struct desk *d) { k->round_row(d->a, d->sizes.hidden, d->out); }
static void call_rotate(const struct hs_kernels *k, struct desk *d) {
    k->rotate(d->a, d->b, d->b, d->sizes.head_dim / 2, 0.125f, d->out);
}
static void call_place_key(const struct hs_kernels *k, struct desk *d) {
    k->place_key(d->elements, POSITIONS - 1, d->sizes.head_dim, d->keys);
}
static void call_place_value(const struct hs_kernels *k, struct desk *d) {
    k->place_value(d->a, POSITIONS - 1, d->sizes.head_dim, true, d->values);
}
static void call_attend(const struct hs_kernels *k, struct desk *d) {
    struct hs_tile tile = {
        .q = {d->elements},
        .q_stride = d->sizes.head_dim,
        .rows = HS_TILE_ROWS,
        .position = POSITIONS - HS_TILE_ROWS,
        .keys = d->keys,
        .values = d->values,
        .head_dim = d->sizes.head_dim,
        .out = {d->out},
        .heads = 1,
        .out_stride = d->sizes.head_dim,
    };
    k->attend(&tile);
}
static void call_running_mean(const struct hs_kernels *k, struct desk *d) {
    memset(d->sums, 0, (size_t)d->sizes.head_dim * sizeof *d->sums);
    k->running_mean(d->values, 0, HS_KEY_BLOCK, d->sizes.head_dim, 0, d->sums, d->out);
}
static void call_best_key(const struct hs_kernels *k, struct desk *d) {
    d->sums[0] = (double)k->best_key(d->elements, d->keys, d->sizes.head_dim, 0, POSITIONS);
}
static void call_largest(const struct hs_kernels *k, struct desk *d) { d->sums[0] = k->largest(d->a, VOCAB_BLOCK); }
static void call_exp_sum(const struct hs_kernels *k, struct desk *d) { d->sums[0] = k->exp_sum(d->a, VOCAB_BLOCK, 2); }

static void call_quantise(const struct hs_s8_kernels *k, struct desk *d) {
    k->quantise(d->elements, &d->flat, d->keys, d->out);
}
static void call_quantise_rotated(const struct hs_s8_kernels *k, struct desk *d) {
    k->quantise(d->elements, &d->block, d->keys, d->out);
}
static void call_scale(const struct hs_s8_kernels *k, struct desk *d) {
    k->scale(d->a, 0.5f, d->b, d->sizes.hidden, d->c);
}
static void call_add_scaled(const struct hs_s8_kernels *k, struct desk *d) {
    k->add_scaled(d->a, 0.5f, d->b, d->sizes.hidden, d->c);
}

static const struct kernel_case cases[] = {
    {"rms_norm", call_rms_norm, NULL},       {"add", call_add, NULL},
    {"swiglu", call_swiglu, NULL},           {"rotate", call_rotate, NULL},
    {"place_key", call_place_key, NULL},     {"place_value", call_place_value, NULL},
    {"attend", call_attend, NULL},           {"running_mean", call_running_mean, NULL},
    {"best_key", call_best_key, NULL},       {"largest", call_largest, NULL},
    {"exp_sum", call_exp_sum, NULL},         {"geglu", call_geglu, NULL},
    {"norm_floats", call_norm_floats, NULL}, {"soft_cap", call_soft_cap, NULL},
    {"round_row", call_round_row, NULL},
};
enum { CASES = sizeof cases / sizeof *cases };

static const struct kernel_case s8_cases[] = {{"quantise", NULL, call_quantise},
                                              {"quantise_512", NULL, call_quantise_rotated},
                                              {"scale", NULL, call_scale},
                                              {"add_scaled", NULL, call_add_scaled}};
enum { S8_CASES = sizeof s8_cases / sizeof *s8_cases };

/* A table of either kind. */
struct table {
    const char *name, *type;
    const struct hs_kernels *of_elements;
    const struct hs_s8_kernels *of_s8;
};

static void call_once(const struct kernel_case *which, const struct table *table, struct desk *d) {
    if (which->call != NULL) {
        which->call(table->of_elements, d);
    } else {
        which->call_s8(table->of_s8, d);
    }
}

static double nanoseconds(const struct kernel_case *which, const struct table *table, struct desk *d) {
    double best = 0;
    int64_t times = 1;
    for (int burst = 0; burst < BURSTS;) {
        double start = hs_bench_now();
        for (int64_t i = 0; i < times; i++) {
            call_once(which, table, d);
        }
        double seconds = hs_bench_now() - start;
        if (seconds < burst_seconds) {
            times *= 2; /* also what warms the caches */
            continue;
        }
        double each = seconds / (double)times * 1e9;
        best = burst == 0 || each < best ? each : best;
        burst++;
    }
    return best;
}

/* Multiply-adds a nanosecond of one core's registers. */
static double saturated(const struct table *table) {
    double best = 0;
    int64_t rounds = ROUNDS;
    for (int burst = 0; burst < BURSTS;) {
        double start = hs_bench_now();
        double done =
            table->of_elements != NULL ? table->of_elements->saturate(rounds) : table->of_s8->saturate(rounds);
        double seconds = hs_bench_now() - start;
        if (seconds < burst_seconds) {
            rounds *= 2;
            continue;
        }
        best = done / seconds * 1e-9 > best ? done / seconds * 1e-9 : best;
        burst++;
    }
    return best;
}

/* ---- The desk ---- */

static void desk_free(struct desk *d) {
    void *arrays[] = {d->a, d->b, d->c, d->elements, d->out, d->keys, d->values, d->sums, d->taken};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        hs_free(arrays[i]);
    }
}

static void set_element(const struct desk *d, void *array, int64_t i, float value) {
    if (d->element == HS_F32) {
        ((float *)array)[i] = value;
    } else {
        ((uint16_t *)array)[i] = hs_to_bf16(value);
    }
}

static void desk_fill(struct desk *d) {
    struct hs_random random;
    hs_random_seed(&random, 1);
    for (int64_t i = 0; i < d->n; i++) {
        float value = (float)((double)(hs_random_next(&random) >> 11) * 0x1p-53 * 4 - 2);
        d->a[i] = value;
        d->b[i] = value / 2;
        set_element(d, d->elements, i, value / 8);
        set_element(d, d->keys, i, value);
        set_element(d, d->values, i, value);
    }
}

static headsift_status split_columns(struct desk *d, headsift_error *error) {
    const int64_t most = d->sizes.hidden > HS_MAX_ROTATED ? d->sizes.hidden : HS_MAX_ROTATED;
    d->taken = hs_alloc((size_t)most / 32 + 1, sizeof *d->taken);
    if (d->taken == NULL) {
        return hs_fail_memory(error, "arguments of kernels", (size_t)most);
    }
    d->block = (struct hs_split){.n = HS_MAX_ROTATED, .taken = d->taken, .block = HS_MOST_ROTATED};
    d->flat = (struct hs_split){.n = d->sizes.hidden, .taken = d->taken, .block = 1};
    for (int64_t i = 0; i < most && d->block.n_taken < HS_MOST_ROTATED; i += HS_MAX_ROTATED / HS_MOST_ROTATED) {
        d->taken[i / 32] |= 1U << i % 32;
        d->block.n_taken++;
        d->flat.n_taken += i < d->sizes.hidden;
    }
    return HEADSIFT_OK;
}

static headsift_status desk_open(struct desk *d, headsift_error *error) {
    int64_t wanted[] = {d->sizes.hidden, d->sizes.ffn, (int64_t)d->sizes.head_dim * POSITIONS, VOCAB_BLOCK};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        d->n = wanted[i] > d->n ? wanted[i] : d->n;
    }
    void **arrays[] = {(void **)&d->a, (void **)&d->b, (void **)&d->c, &d->elements,
                       &d->out,        &d->keys,       &d->values,     (void **)&d->sums};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i] = hs_alloc_aligned((size_t)d->n, sizeof(double));
        if (*arrays[i] == NULL) {
            return hs_fail_memory(error, "arguments of kernels", (size_t)d->n * sizeof(double));
        }
        memset(*arrays[i], 0, (size_t)d->n * sizeof(double));
    }
    desk_fill(d);
    return split_columns(d, error);
}

/* ---- Tables ---- */

static bool report(const struct table *table, const char *kernel, double each, double twin, FILE *out, json_t *json) {
    if (out != NULL) {
        fprintf(out, "%-14s %-5s %-14s %12.1f %9.1fx\n", kernel, table->type, table->name, each, twin / each);
    }
    return json == NULL ||
           json_array_append_new(json, json_pack("{s:s, s:s, s:s, s:f, s:f}", "kernel", kernel, "type", table->type,
                                                 "table", table->name, "ns", each, "speed_up", twin / each)) == 0;
}

/* Each case of each table against the twin, which is the last one; and ns of a thousand multiply-adds. */
static bool time_cases(const struct kernel_case *which, int n_cases, const struct table *tables, int n_tables,
                       struct desk *d, FILE *out, json_t *json) {
    const struct table *twin = &tables[n_tables - 1];
    bool ok = true;
    for (int i = 0; ok && i < n_cases; i++) {
        double slow = nanoseconds(&which[i], twin, d);
        for (int t = 0; ok && t < n_tables; t++) {
            ok = report(&tables[t], which[i].name, &tables[t] == twin ? slow : nanoseconds(&which[i], &tables[t], d),
                        slow, out, json);
        }
    }
    double slow = saturated(twin);
    for (int t = 0; ok && t < n_tables; t++) {
        double fast = &tables[t] == twin ? slow : saturated(&tables[t]);
        ok = report(&tables[t], "saturate/1000", 1000 / fast, 1000 / slow, out, json);
    }
    return ok;
}

static headsift_status time_tables(enum hs_element element, struct hs_bench_sizes sizes, FILE *out, json_t *json,
                                   headsift_error *error) {
    const struct hs_kernels *available[HS_MOST_TABLES];
    struct table tables[HS_MOST_TABLES] = {{0}};
    struct desk desk = {.sizes = sizes, .element = element};
    int n = 0;
    hs_kernels_available(element, hs_isa_of_machine(), available);
    for (; available[n] != NULL; n++) {
        tables[n] = (struct table){available[n]->name, element == HS_F32 ? "f32" : "bf16", available[n], NULL};
    }
    headsift_status status = desk_open(&desk, error);
    bool ok = status != HEADSIFT_OK || time_cases(cases, CASES, tables, n, &desk, out, json);
    desk_free(&desk);
    return ok ? status : hs_fail_memory(error, "a report", 1);
}

static headsift_status time_s8(struct hs_bench_sizes sizes, FILE *out, json_t *json, headsift_error *error) {
    const struct table tables[] = {{hs_s8_best()->name, "int8", NULL, hs_s8_best()},
                                   {hs_s8_plain.name, "int8", NULL, &hs_s8_plain}};
    struct desk desk = {.sizes = sizes, .element = HS_BF16};
    headsift_status status = desk_open(&desk, error);
    bool ok = status != HEADSIFT_OK || time_cases(s8_cases, S8_CASES, tables, 2, &desk, out, json);
    desk_free(&desk);
    return ok ? status : hs_fail_memory(error, "a report", 1);
}

headsift_status hs_bench_kernels(struct hs_bench_sizes sizes, FILE *out, json_t *json, headsift_error *error) {
    if (sizes.head_dim > HS_MAX_HEAD_DIM) {
        return hs_fail(error, HEADSIFT_FAILED, "head_dim %d is more than %d", sizes.head_dim, HS_MAX_HEAD_DIM);
    }
    if (out != NULL) {
        fprintf(out, "one thread, hidden %d, ffn %d, head_dim %d, %d positions, %d logits; the best of %d bursts\n\n",
                sizes.hidden, sizes.ffn, sizes.head_dim, POSITIONS, VOCAB_BLOCK, BURSTS);
        fprintf(out, "%-14s %-5s %-14s %12s %10s\n", "kernel", "type", "table", "ns a call", "speed-up");
    }
    HS_TRY(time_tables(HS_F32, sizes, out, json, error));
    HS_TRY(time_tables(HS_BF16, sizes, out, json, error));
    const bool in_int8 = hs_isa_check_int8(hs_isa_of_machine(), NULL) == HEADSIFT_OK;
    return in_int8 ? time_s8(sizes, out, json, error) : HEADSIFT_OK;
}
