/* Losses by position and peak memory of a document of 60,000 tokens, on llamas of one and two layers that the test
 * writes. The reference is straightforward, in double precision, and shares nothing with the engine but the weights:
 * the top layer is worked out at some positions; a layer below has all its heads masked, so that running means do. */
#include "support.h"
#include "written_llama.h"

#include <math.h>
#include <string.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/engine.h"

enum { LENGTH = 60000, HIDDEN = 128, FFN = 32, N_HEAD = 4, N_KV_HEAD = 2, VOCAB = 512, MOST_LAYERS = 2 };
enum { DIM = HIDDEN / N_HEAD, KV = N_KV_HEAD * DIM, GROUP = N_HEAD / N_KV_HEAD };

/* Rows whose next token's loss is checked. */
static const int64_t positions[] = {0,     1,     2,     15,    99,    127,   128,   999,   4095,  8191, 10000,
                                    16384, 20000, 30000, 32767, 32768, 40001, 49152, 55555, 59997, 59998};

/* ---- The reference ---------------------------------------------------------------------------------------------- */

struct weights {
    double attention_norm[HIDDEN], q[HIDDEN * HIDDEN], k[KV * HIDDEN], v[KV * HIDDEN], o[HIDDEN * HIDDEN];
    double mlp_norm[HIDDEN], gate[FFN * HIDDEN], up[FFN * HIDDEN], down[HIDDEN * FFN];
};

struct reference {
    double embedding[VOCAB * HIDDEN], output_norm[HIDDEN];
    struct weights layers[MOST_LAYERS];
    int n_layer;
    double x[LENGTH][HIDDEN];
    double keys[LENGTH][KV], values[LENGTH][KV]; /* of the top layer */
};

static void read_weight(const struct hs_model *model, enum hs_role role, int layer, double *out, size_t n) {
    const struct hs_weight *weight = hs_model_weight(model, role, layer);
    const int64_t rows = hs_weight_rows(weight);
    float *values = hs_alloc(n, sizeof *values);
    assert_int_equal(rows * hs_weight_cols(weight), n);
    hs_weight_read(weight, 0, rows, values);
    for (size_t i = 0; i < n; i++) {
        out[i] = (double)values[i];
    }
    hs_free(values);
}

#define READ(role, layer, array) read_weight(model, role, layer, array, sizeof(array) / sizeof *(array))

static struct reference *read_reference(const struct hs_model *model) {
    struct reference *r = hs_alloc(1, sizeof *r);
    assert_non_null(r);
    r->n_layer = hs_model_config(model)->n_layer;
    READ(HS_EMBEDDING, 0, r->embedding);
    READ(HS_OUTPUT_NORM, 0, r->output_norm);
    for (int i = 0; i < r->n_layer; i++) {
        struct weights *w = &r->layers[i];
        READ(HS_ATTENTION_NORM, i, w->attention_norm);
        READ(HS_Q, i, w->q);
        READ(HS_K, i, w->k);
        READ(HS_V, i, w->v);
        READ(HS_O, i, w->o);
        READ(HS_MLP_NORM, i, w->mlp_norm);
        READ(HS_GATE, i, w->gate);
        READ(HS_UP, i, w->up);
        READ(HS_DOWN, i, w->down);
    }
    return r;
}

static void product(const double *w, int rows, int cols, const double *x, double *y) {
    for (int i = 0; i < rows; i++) {
        y[i] = 0;
        for (int k = 0; k < cols; k++) {
            y[i] += w[i * cols + k] * x[k];
        }
    }
}

static void norm(const double *x, const double *weight, double *y) {
    double sum = 0;
    for (int i = 0; i < HIDDEN; i++) {
        sum += x[i] * x[i];
    }
    for (int i = 0; i < HIDDEN; i++) {
        y[i] = x[i] / sqrt(sum / HIDDEN + 1e-5) * weight[i];
    }
}

static void rotate(double *heads, int n_heads, int64_t position) {
    for (int i = 0; i < DIM / 2; i++) {
        const double angle = (double)position * pow(10000, -2.0 * i / DIM);
        for (int head = 0; head < n_heads; head++) {
            double *low = heads + head * DIM + i, *high = low + DIM / 2, a = *low, b = *high;
            *low = a * cos(angle) - b * sin(angle);
            *high = b * cos(angle) + a * sin(angle);
        }
    }
}

/* From attention rows to the residual stream behind the layer. */
static void finish(const struct weights *w, const double *attention, double *x) {
    double h[HIDDEN], gate[FFN], up[FFN], y[HIDDEN];
    product(w->o, HIDDEN, HIDDEN, attention, y);
    for (int i = 0; i < HIDDEN; i++) {
        x[i] += y[i];
    }
    norm(x, w->mlp_norm, h);
    product(w->gate, FFN, HIDDEN, h, gate);
    product(w->up, FFN, HIDDEN, h, up);
    for (int i = 0; i < FFN; i++) {
        up[i] *= gate[i] / (1 + exp(-gate[i]));
    }
    product(w->down, HIDDEN, FFN, up, y);
    for (int i = 0; i < HIDDEN; i++) {
        x[i] += y[i];
    }
}

/* All positions through a layer whose heads are all uniform. */
static void walk_uniform(struct reference *r, const struct weights *w) {
    double sums[KV] = {0}, h[HIDDEN], v[KV], attention[HIDDEN];
    for (int64_t t = 0; t < LENGTH; t++) {
        norm(r->x[t], w->attention_norm, h);
        product(w->v, KV, HIDDEN, h, v);
        for (int i = 0; i < KV; i++) {
            sums[i] += v[i];
        }
        for (int i = 0; i < HIDDEN; i++) {
            attention[i] = sums[i / DIM / GROUP * DIM + i % DIM] / (double)(t + 1);
        }
        finish(w, attention, r->x[t]);
    }
}

static void prepare(struct reference *r, const int32_t *tokens) {
    const struct weights *top = &r->layers[r->n_layer - 1];
    double h[HIDDEN];
    for (int64_t t = 0; t < LENGTH; t++) {
        memcpy(r->x[t], r->embedding + tokens[t] * HIDDEN, sizeof r->x[t]);
    }
    for (int layer = 0; layer + 1 < r->n_layer; layer++) {
        walk_uniform(r, &r->layers[layer]);
    }
    for (int64_t t = 0; t < LENGTH; t++) {
        norm(r->x[t], top->attention_norm, h);
        product(top->k, KV, HIDDEN, h, r->keys[t]);
        product(top->v, KV, HIDDEN, h, r->values[t]);
        rotate(r->keys[t], N_KV_HEAD, t);
    }
}

/* One head of the top layer at position t; a uniform head weighs all positions alike. */
static void attend(const struct reference *r, const double *query, int head, bool uniform, int64_t t, double *out) {
    static double logits[LENGTH];
    const int first = head / GROUP * DIM;
    double most = -INFINITY, total = 0;
    for (int64_t s = 0; s <= t; s++) {
        logits[s] = 0;
        for (int i = 0; i < DIM && !uniform; i++) {
            logits[s] += query[i] * r->keys[s][first + i] / sqrt(DIM);
        }
        most = fmax(most, logits[s]);
    }
    memset(out, 0, DIM * sizeof *out);
    for (int64_t s = 0; s <= t; s++) {
        const double weight = exp(logits[s] - most);
        total += weight;
        for (int i = 0; i < DIM; i++) {
            out[i] += weight * r->values[s][first + i];
        }
    }
    for (int i = 0; i < DIM; i++) {
        out[i] /= total;
    }
}

static double loss_at(const struct reference *r, const bool *uniform, int64_t t, int32_t target) {
    const struct weights *top = &r->layers[r->n_layer - 1];
    double x[HIDDEN], h[HIDDEN], q[HIDDEN], attention[HIDDEN], logits[VOCAB], most = -INFINITY, total = 0;
    memcpy(x, r->x[t], sizeof x);
    norm(x, top->attention_norm, h);
    product(top->q, HIDDEN, HIDDEN, h, q);
    rotate(q, N_HEAD, t);
    for (int head = 0; head < N_HEAD; head++) {
        attend(r, q + head * DIM, head, uniform[head], t, attention + head * DIM);
    }
    finish(top, attention, x);
    norm(x, r->output_norm, h);
    product(r->embedding, VOCAB, HIDDEN, h, logits);
    for (int i = 0; i < VOCAB; i++) {
        most = fmax(most, logits[i]);
    }
    for (int i = 0; i < VOCAB; i++) {
        total += exp(logits[i] - most);
    }
    return log(total) + most - logits[target];
}

/* ---- The engine ------------------------------------------------------------------------------------------------- */

static size_t peak_bytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss << 10;
}

/* What both streams' hidden states, one layer's keys and values for each, and rotary tables take. */
static size_t bytes_of_the_length(void) { return (size_t)LENGTH * (2 * HIDDEN + 2 * 2 * KV + DIM) * sizeof(float); }

/* Losses of the base and of the masked stream; the memory that the question took. */
static size_t losses(const struct hs_model *model, const int32_t *tokens, const struct hs_mask *mask, double *nll) {
    const int64_t offsets[] = {0, LENGTH};
    const struct hs_mask masks[] = {{0}, *mask};
    const struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    struct hs_engine *engine = NULL;
    headsift_error error = {0};
    if (hs_engine_open(model, &(struct hs_engine_options){.threads = 2}, &engine, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    size_t before = peak_bytes();
    if (hs_engine_nll(engine, &batch, masks, 2, nll, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    size_t taken = peak_bytes() - before;
    hs_engine_close(engine);
    return taken;
}

static void compare(const struct reference *r, const bool *uniform, const int32_t *tokens, const double *nll) {
    double worst = 0;
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
        const int64_t t = positions[i];
        const double want = loss_at(r, uniform, t, tokens[t + 1]), away = fabs(nll[t + 1] - want) / want;
        worst = fmax(worst, away);
        if (!(away <= 5e-6)) {
            fail_msg("token %d: %.9g, the reference has %.9g", (int)t + 1, nll[t + 1], want);
        }
    }
    print_message("%d layers, %s: at most %.1e of a loss away\n", r->n_layer, uniform[1] ? "masked" : "base", worst);
}

/* The top layer's first head alone is left of a group of two and of the layer. */
static const headsift_head masked[] = {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 1}, {1, 2}, {1, 3}};
static const bool no_uniform[N_HEAD] = {false}, some_uniform[N_HEAD] = {false, true, true, true};

static size_t check_layers(int n_layer) {
    const struct written_llama sizes = {n_layer, HIDDEN, FFN, N_HEAD, N_KV_HEAD, VOCAB, 0.6};
    const struct hs_mask mask = {
        .kind = HEADSIFT_MASK_UNIFORM, .heads = n_layer == 1 ? masked + 1 : masked, .n_heads = n_layer == 1 ? 3 : 7};
    char folder[512];
    struct hs_model *model = NULL;
    struct hs_random random;
    headsift_error error = {0};
    int32_t *tokens = hs_alloc(LENGTH, sizeof *tokens);
    double *nll = hs_alloc(2 * LENGTH, sizeof *nll);
    memset(nll, 0, 2 * LENGTH * sizeof *nll);
    test_scratch(folder, sizeof folder, n_layer == 1 ? "long_1" : "long_2");
    written_llama(folder, &sizes);
    if (hs_model_open(folder, NULL, &model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    hs_random_seed(&random, 9);
    for (int i = 0; i < LENGTH; i++) {
        tokens[i] = (int32_t)hs_random_below(&random, VOCAB);
    }
    const size_t taken = losses(model, tokens, &mask, nll);
    struct reference *r = read_reference(model);
    prepare(r, tokens);
    if (n_layer == 1) { /* a base stream of two layers would take T x T steps here */
        compare(r, no_uniform, tokens, nll);
    }
    compare(r, some_uniform, tokens, nll + LENGTH);
    hs_free(r);
    hs_free(tokens);
    hs_free(nll);
    hs_model_close(model);
    return taken;
}

static void one_layer_by_position(void **state) {
    (void)state;
    check_layers(1);
}

/* First of all: a peak is the largest so far. Losses, their rows and targets come on top of the streams' memory. */
static void two_layers_by_position_and_their_memory(void **state) {
    (void)state;
    const size_t taken = check_layers(2), allowed = bytes_of_the_length() + (size_t)LENGTH * 2 * 128;
    print_message("60,000 tokens: %.1f MB, allowed are %.1f MB\n", (double)taken / 1e6, (double)allowed / 1e6);
    assert_in_range(taken, 1 << 20, allowed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_layers_by_position_and_their_memory),
                                       cmocka_unit_test(one_layer_by_position)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
