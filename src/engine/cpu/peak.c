/* What this machine can do at most, measured now: a loop that stays in registers, and the model's own packed products.
 * A bench divides by it; see engine.h. */
#include <dnnl.h>
#include <omp.h>
#include <stdio.h>

#include "engine/cpu/cpu.h"

enum { OWN_ROWS = 128, FEWEST_ROUNDS = 1 << 12 };

/* A new hs_gemm_run that all threads may call at once: true. */
static const bool products_may_run_at_once = false;

/* One packed matrix of the model and the products over it. */
struct packed_product {
    struct hs_engine *engine;
    const struct hs_gemm_matrix *matrix;
    int64_t outputs, inputs;
    bool own;     /* each thread runs a product of its own, else the team runs one */
    int64_t rows; /* of one product */
    void *x;      /* (threads, rows, inputs) or (rows, inputs) */
    float *y;
};

/* ---- In registers ---- */

static double loop_in_registers(const struct hs_engine *engine, double seconds) {
    double rate = 0, took = 0;
    for (int64_t rounds = FEWEST_ROUNDS; took < seconds; rounds *= 2) {
        double done = 0, start = omp_get_wtime();
#pragma omp parallel num_threads(engine->threads) reduction(+ : done)
        done += engine->kernels->saturate(rounds);
        took = omp_get_wtime() - start;
        rate = took > 0 ? done / took : 0;
    }
    return rate;
}

/* ---- Packed products ---- */

/* The one call of the products: what to change when gemm.h does. */
static headsift_status multiply(const struct packed_product *p, int thread, headsift_error *error) {
    int64_t first = thread * p->rows;
    return hs_gemm_run(p->engine->gemm, p->matrix, p->rows, hs_at(p->engine, p->x, first * p->inputs),
                       p->y + first * p->outputs, error);
}

static headsift_status multiply_often(const struct packed_product *p, int64_t times, double *seconds,
                                      headsift_error *error) {
    headsift_status status = HEADSIFT_OK;
    double start = omp_get_wtime();
    if (!p->own) {
        for (int64_t i = 0; status == HEADSIFT_OK && i < times; i++) {
            status = multiply(p, 0, error);
        }
    } else {
#pragma omp parallel num_threads(p->engine->threads)
        for (int64_t i = 0; i < times; i++) {
            headsift_error reason = {0};
            headsift_status mine = multiply(p, omp_get_thread_num(), &reason);
            if (mine != HEADSIFT_OK) {
#pragma omp critical(hs_peak_failure)
                status = hs_fail(error, mine, "%s", reason.message);
                break;
            }
        }
    }
    *seconds = omp_get_wtime() - start;
    return status;
}

/* @param rate grows to this product's if that is higher */
static headsift_status time_product(struct packed_product *p, double seconds, double *rate, headsift_error *error) {
    int copies = p->own ? p->engine->threads : 1;
    double once, all;
    HS_TRY(multiply_often(p, 1, &once, error)); /* primitives are made, memory is touched */
    HS_TRY(multiply_often(p, 1, &once, error));
    int64_t times = once > 0 && once < seconds ? (int64_t)(seconds / once) : 1;
    HS_TRY(multiply_often(p, times, &all, error));
    double done = (double)times * copies * (double)(p->rows * p->inputs) * (double)p->outputs;
    if (all > 0 && done / all > *rate) {
        *rate = done / all;
    }
    return HEADSIFT_OK;
}

static void fill_rows(struct packed_product *p, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        float value = (float)(i % 13 - 6) / 8;
        if (p->engine->element == HS_F32) {
            ((float *)p->x)[i] = value;
        } else {
            ((uint16_t *)p->x)[i] = hs_to_bf16(value);
        }
    }
}

static headsift_status time_matrix(struct packed_product p, double seconds, double *rate, headsift_error *error) {
    int64_t most = p.engine->block_rows, copies = p.own ? p.engine->threads : 1;
    p.rows = hs_gemm_padded(p.own && most > OWN_ROWS ? OWN_ROWS : most);
    size_t rows = (size_t)(p.rows * copies), inputs = (size_t)p.inputs, outputs = (size_t)p.outputs;
    p.x = hs_alloc_aligned(rows, inputs * p.engine->element_size);
    p.y = hs_alloc_aligned(rows, outputs * sizeof *p.y);
    headsift_status status;
    if (p.x == NULL || p.y == NULL) {
        status = hs_fail_memory(error, "rows for products", rows * (inputs + outputs) * sizeof *p.y);
    } else {
        fill_rows(&p, (int64_t)(rows * inputs));
        status = time_product(&p, seconds, rate, error);
    }
    hs_free(p.x);
    hs_free(p.y);
    return status;
}

headsift_status hs_engine_peak(struct hs_engine *engine, double seconds, struct hs_peak *out, headsift_error *error) {
    const struct hs_config *c = engine->config;
    const struct hs_layer *layer = &engine->layers[0];
    int64_t heads = (int64_t)c->n_head * c->head_dim, kv = (int64_t)c->n_kv_head * c->head_dim;
    const struct packed_product products[] = {
        {.engine = engine, .matrix = layer->qkv, .outputs = heads + 2 * kv, .inputs = c->hidden},
        {.engine = engine, .matrix = layer->output, .outputs = c->hidden, .inputs = heads},
        {.engine = engine, .matrix = layer->gate_up, .outputs = 2 * (int64_t)c->ffn, .inputs = c->hidden},
        {.engine = engine, .matrix = layer->down, .outputs = c->hidden, .inputs = c->ffn},
    };
    enum { PRODUCTS = sizeof products / sizeof *products, SLOTS = 2 * PRODUCTS + 1 };
    double slot = seconds / SLOTS;
    out->registers = loop_in_registers(engine, slot);
    out->products = 0;
    for (int i = 0; i < 2 * PRODUCTS; i++) {
        struct packed_product product = products[i / 2];
        product.own = i % 2 == 1;
        if (!product.own || products_may_run_at_once) {
            HS_TRY(time_matrix(product, slot, &out->products, error));
        }
    }
    return HEADSIFT_OK;
}

void hs_engine_describe(const struct hs_engine *engine, struct hs_engine_facts *out) {
    const dnnl_version_t *version = dnnl_version();
    *out = (struct hs_engine_facts){
        .dtype = hs_dtype_name(engine->element == HS_F32 ? HEADSIFT_DTYPE_F32 : HEADSIFT_DTYPE_BF16),
        .kernels = engine->kernels->name,
        .packed_bytes = hs_gemm_packed_bytes(engine->gemm),
    };
    snprintf(out->products, sizeof out->products, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
}
