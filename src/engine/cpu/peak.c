/* What this machine can do at most, measured now: a loop that stays in registers, and packed products of the model's
 * shapes. The matrices are a meter's own, whole: how the engine cuts its weights is not the machine's limit. */
#include <omp.h>

#include "engine/cpu/cpu.h"

enum { ROWS = 128, PIECE = 1024, SHAPES = 5, FEWEST_ROUNDS = 1 << 12 };

struct shape {
    int64_t outputs, inputs;
    struct hs_gemm_matrix *matrix;
};

struct hs_peak_meter {
    const struct hs_engine *engine;
    struct hs_gemm *gemm;
    struct shape shapes[SHAPES];
    void *x; /* (threads, ROWS, most inputs) */
    float *y;
};

/* What the products of the engine take. */
static enum hs_element element_of(const struct hs_engine *engine) {
    return engine->s8 != NULL ? HS_S8 : engine->element;
}

static headsift_status open_products(struct hs_peak_meter *meter, headsift_error *error) {
    return hs_gemm_open((int64_t)ROWS * meter->engine->threads, meter->engine->threads, &meter->gemm, error);
}

static headsift_status pack(struct hs_peak_meter *meter, struct shape *shape, const float *w, headsift_error *error) {
    return hs_gemm_pack(meter->gemm, w, shape->inputs, shape->outputs, shape->inputs, element_of(meter->engine),
                        &shape->matrix, error);
}

/* Rows of x from `first` on. */
static headsift_status multiply(const struct hs_peak_meter *meter, const struct shape *shape, int64_t first,
                                int64_t rows, headsift_error *error) {
    return hs_gemm_run(meter->gemm, shape->matrix, rows,
                       (char *)meter->x + (size_t)(first * shape->inputs) * hs_element_size(element_of(meter->engine)),
                       meter->y + first * shape->outputs, HS_GEMM_SET, error);
}

/* ---- In registers ---- */

static double loop_in_registers(const struct hs_engine *engine, double seconds) {
    double rate = 0, took = 0;
    for (int64_t rounds = FEWEST_ROUNDS; took < seconds; rounds *= 2) {
        double done = 0, start = omp_get_wtime();
#pragma omp parallel num_threads(engine->threads) reduction(+ : done)
        done += engine->s8 != NULL ? engine->s8->saturate(rounds) : engine->kernels->saturate(rounds);
        took = omp_get_wtime() - start;
        rate = took > 0 ? done / took : 0;
    }
    return rate;
}

/* ---- Packed products ---- */

/* The team runs one product of all rows. */
static headsift_status run_together(const struct hs_peak_meter *meter, const struct shape *shape, int64_t times,
                                    headsift_error *error) {
    for (int64_t i = 0; i < times; i++) {
        HS_TRY(multiply(meter, shape, 0, (int64_t)ROWS * meter->engine->threads, error));
    }
    return HEADSIFT_OK;
}

/* Each thread runs a product of its own. */
static headsift_status run_apart(const struct hs_peak_meter *meter, const struct shape *shape, int64_t times,
                                 headsift_error *error) {
    headsift_status status = HEADSIFT_OK;
#pragma omp parallel num_threads(meter->engine->threads)
    for (int64_t i = 0; i < times; i++) {
        headsift_error reason = {0};
        headsift_status mine = multiply(meter, shape, (int64_t)omp_get_thread_num() * ROWS, ROWS, &reason);
        if (mine != HEADSIFT_OK) {
#pragma omp critical(hs_peak_failure)
            status = hs_fail(error, mine, "%s", reason.message);
            break;
        }
    }
    return status;
}

static headsift_status time_product(const struct hs_peak_meter *meter, const struct shape *shape, bool apart,
                                    int64_t times, double *seconds, headsift_error *error) {
    double start = omp_get_wtime();
    HS_TRY(apart ? run_apart(meter, shape, times, error) : run_together(meter, shape, times, error));
    *seconds = omp_get_wtime() - start;
    return HEADSIFT_OK;
}

/* @param rate grows to this product's if that is higher */
static headsift_status rate_product(const struct hs_peak_meter *meter, const struct shape *shape, bool apart,
                                    double seconds, double *rate, headsift_error *error) {
    double once, all;
    HS_TRY(time_product(meter, shape, apart, 1, &once, error)); /* the caches get to know it */
    HS_TRY(time_product(meter, shape, apart, 1, &once, error));
    int64_t times = once > 0 && once < seconds ? (int64_t)(seconds / once) : 1;
    HS_TRY(time_product(meter, shape, apart, times, &all, error));
    double rows = (double)times * ROWS * meter->engine->threads;
    double now = all > 0 ? rows * (double)shape->outputs * (double)shape->inputs / all : 0;
    *rate = now > *rate ? now : *rate;
    return HEADSIFT_OK;
}

headsift_status hs_peak_measure(struct hs_peak_meter *meter, double seconds, struct hs_peak *out,
                                headsift_error *error) {
    double slot = seconds / (2 * SHAPES + 1);
    *out = (struct hs_peak){.registers = loop_in_registers(meter->engine, slot)};
    for (int i = 0; i < SHAPES; i++) {
        HS_TRY(rate_product(meter, &meter->shapes[i], false, slot, &out->products, error));
        HS_TRY(rate_product(meter, &meter->shapes[i], true, slot, &out->products, error));
    }
    return HEADSIFT_OK;
}

/* ---- Opening ---- */

/* Small numbers that a sum does not carry away. */
static float value_at(int64_t i) { return (float)(i % 13 - 6) / 64; }

static headsift_status pack_shape(struct hs_peak_meter *meter, struct shape *shape, headsift_error *error) {
    int64_t n = shape->outputs * shape->inputs;
    float *w = hs_alloc_aligned((size_t)n, sizeof *w);
    if (w == NULL) {
        return hs_fail_memory(error, "a matrix to measure with", (size_t)n * sizeof *w);
    }
    for (int64_t i = 0; i < n; i++) {
        w[i] = value_at(i) * (meter->engine->s8 != NULL ? 64 : 1);
    }
    headsift_status status = pack(meter, shape, w, error);
    hs_free(w);
    return status;
}

static headsift_status alloc_rows(struct hs_peak_meter *meter, headsift_error *error) {
    const struct hs_engine *engine = meter->engine;
    int64_t inputs = 0, outputs = 0, rows = (int64_t)ROWS * engine->threads;
    for (int i = 0; i < SHAPES; i++) {
        inputs = meter->shapes[i].inputs > inputs ? meter->shapes[i].inputs : inputs;
        outputs = meter->shapes[i].outputs > outputs ? meter->shapes[i].outputs : outputs;
    }
    meter->x = hs_alloc_aligned((size_t)(rows * inputs), hs_element_size(element_of(engine)));
    meter->y = hs_alloc_aligned((size_t)(rows * outputs), sizeof *meter->y);
    if (meter->x == NULL || meter->y == NULL) {
        return hs_fail_memory(error, "rows to measure with", (size_t)(rows * (inputs + outputs)) * sizeof *meter->y);
    }
    for (int64_t i = 0; i < rows * inputs; i++) {
        if (engine->s8 != NULL) {
            ((int8_t *)meter->x)[i] = (int8_t)(64 * value_at(i));
        } else if (engine->element == HS_F32) {
            ((float *)meter->x)[i] = value_at(i);
        } else {
            ((uint16_t *)meter->x)[i] = hs_to_bf16(value_at(i));
        }
    }
    return HEADSIFT_OK;
}

static void choose_shapes(const struct hs_config *c, struct shape shapes[SHAPES]) {
    const int64_t heads = (int64_t)c->n_head * c->head_dim, kv = (int64_t)c->n_kv_head * c->head_dim;
    shapes[0] = (struct shape){.outputs = heads + 2 * kv, .inputs = c->hidden};
    shapes[1] = (struct shape){.outputs = c->hidden, .inputs = heads};
    shapes[2] = (struct shape){.outputs = 2 * (int64_t)c->ffn, .inputs = c->hidden};
    shapes[3] = (struct shape){.outputs = c->hidden, .inputs = c->ffn};
    shapes[4] = (struct shape){.outputs = c->vocab < PIECE ? c->vocab : PIECE, .inputs = c->hidden};
}

headsift_status hs_peak_open(const struct hs_engine *engine, struct hs_peak_meter **out, headsift_error *error) {
    struct hs_peak_meter *meter = hs_alloc(1, sizeof *meter);
    if (meter == NULL) {
        return hs_fail_memory(error, "a meter", sizeof *meter);
    }
    meter->engine = engine;
    choose_shapes(engine->config, meter->shapes);
    headsift_status status = open_products(meter, error);
    for (int i = 0; status == HEADSIFT_OK && i < SHAPES; i++) {
        status = pack_shape(meter, &meter->shapes[i], error);
    }
    if (status == HEADSIFT_OK) {
        status = alloc_rows(meter, error);
    }
    if (status != HEADSIFT_OK) {
        hs_peak_close(meter);
        return status;
    }
    *out = meter;
    return HEADSIFT_OK;
}

void hs_peak_close(struct hs_peak_meter *meter) {
    if (meter == NULL) {
        return;
    }
    for (int i = 0; i < SHAPES; i++) {
        hs_gemm_matrix_free(meter->shapes[i].matrix);
    }
    hs_gemm_close(meter->gemm);
    hs_free(meter->x);
    hs_free(meter->y);
    hs_free(meter);
}
