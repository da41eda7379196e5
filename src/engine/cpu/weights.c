/* Weights read from the mapped checkpoint, converted to f32 and packed, one matrix at a time.
 * Queries, keys and values become one product, as do gates and ups. */
#include "engine/cpu/cpu.h"

/* One of up to three weights stacked by rows. */
struct part {
    enum hs_role role;
    enum hs_role bias;
};

static int64_t rows_of(const struct hs_engine *engine, int32_t layer, const struct part *parts, int n) {
    int64_t rows = 0;
    for (int i = 0; i < n; i++) {
        rows += hs_weight_rows(hs_model_weight(engine->model, parts[i].role, layer));
    }
    return rows;
}

static void read_rows(const struct hs_weight *weight, int64_t first, int64_t count, float *out) {
    int64_t cols = hs_weight_cols(weight);
    enum { STEP = 64 };
#pragma omp parallel for schedule(dynamic)
    for (int64_t row = 0; row < count; row += STEP) {
        hs_weight_read(weight, first + row, count - row < STEP ? count - row : STEP, out + row * cols);
    }
}

static headsift_status read_vector(const struct hs_engine *engine, enum hs_role role, int32_t layer, float **out,
                                   headsift_error *error) {
    const struct hs_weight *weight = hs_model_weight(engine->model, role, layer);
    if (weight == NULL) {
        return HEADSIFT_OK;
    }
    int64_t n = hs_weight_cols(weight);
    *out = hs_alloc_aligned((size_t)n, sizeof **out);
    if (*out == NULL) {
        return hs_fail_memory(error, "a norm", (size_t)n * sizeof **out);
    }
    hs_weight_read(weight, 0, 1, *out);
    return HEADSIFT_OK;
}

/* Biases of stacked weights behind each other, zero where a part has none; none at all stays NULL. */
static headsift_status read_biases(const struct hs_engine *engine, int32_t layer, const struct part *parts, int n,
                                   float **out, headsift_error *error) {
    bool any = false;
    for (int i = 0; i < n; i++) {
        any = any || hs_model_weight(engine->model, parts[i].bias, layer) != NULL;
    }
    if (!any) {
        return HEADSIFT_OK;
    }
    int64_t rows = rows_of(engine, layer, parts, n), at = 0;
    *out = hs_alloc((size_t)rows, sizeof **out);
    if (*out == NULL) {
        return hs_fail_memory(error, "biases", (size_t)rows * sizeof **out);
    }
    for (int i = 0; i < n; i++) {
        const struct hs_weight *bias = hs_model_weight(engine->model, parts[i].bias, layer);
        if (bias != NULL) {
            hs_weight_read(bias, 0, 1, *out + at);
        }
        at += hs_weight_rows(hs_model_weight(engine->model, parts[i].role, layer));
    }
    return HEADSIFT_OK;
}

static headsift_status pack_parts(struct hs_engine *engine, int32_t layer, const struct part *parts, int n,
                                  struct hs_scratch *staging, struct hs_gemm_matrix **out, float **bias,
                                  headsift_error *error) {
    int64_t rows = rows_of(engine, layer, parts, n), at = 0;
    int64_t cols = hs_weight_cols(hs_model_weight(engine->model, parts[0].role, layer));
    HS_TRY(hs_scratch_need(staging, (size_t)(rows * cols) * sizeof(float), "a matrix to pack", error));
    float *w = staging->data;
    for (int i = 0; i < n; i++) {
        const struct hs_weight *weight = hs_model_weight(engine->model, parts[i].role, layer);
        read_rows(weight, 0, hs_weight_rows(weight), w + at * cols);
        at += hs_weight_rows(weight);
    }
    HS_TRY(hs_gemm_pack(engine->gemm, w, rows, cols, engine->element, out, error));
    return read_biases(engine, layer, parts, n, bias, error);
}

static headsift_status pack_layer(struct hs_engine *engine, int32_t index, struct hs_scratch *staging,
                                  headsift_error *error) {
    static const struct part qkv[] = {{HS_Q, HS_Q_BIAS}, {HS_K, HS_K_BIAS}, {HS_V, HS_V_BIAS}};
    static const struct part output[] = {{HS_O, HS_O_BIAS}};
    static const struct part gate_up[] = {{HS_GATE, HS_GATE_BIAS}, {HS_UP, HS_UP_BIAS}};
    static const struct part down[] = {{HS_DOWN, HS_DOWN_BIAS}};
    struct hs_layer *layer = &engine->layers[index];
    HS_TRY(read_vector(engine, HS_ATTENTION_NORM, index, &layer->attention_norm, error));
    HS_TRY(read_vector(engine, HS_MLP_NORM, index, &layer->mlp_norm, error));
    HS_TRY(pack_parts(engine, index, qkv, 3, staging, &layer->qkv, &layer->qkv_bias, error));
    HS_TRY(pack_parts(engine, index, output, 1, staging, &layer->output, &layer->output_bias, error));
    HS_TRY(pack_parts(engine, index, gate_up, 2, staging, &layer->gate_up, &layer->gate_up_bias, error));
    return pack_parts(engine, index, down, 1, staging, &layer->down, &layer->down_bias, error);
}

static headsift_status pack_vocabulary(struct hs_engine *engine, struct hs_scratch *staging, headsift_error *error) {
    const struct hs_weight *weight = hs_model_weight(engine->model, HS_OUTPUT, 0);
    int64_t vocab = engine->config->vocab, hidden = engine->config->hidden, step = engine->vocab_block;
    engine->vocabulary = hs_alloc((size_t)((vocab + step - 1) / step), sizeof(struct hs_gemm_matrix *));
    if (engine->vocabulary == NULL) {
        return hs_fail_memory(error, "the output matrix", (size_t)vocab);
    }
    HS_TRY(hs_scratch_need(staging, (size_t)(step * hidden) * sizeof(float), "a matrix to pack", error));
    for (int64_t first = 0; first < vocab; first += step) {
        int64_t rows = vocab - first < step ? vocab - first : step;
        read_rows(weight, first, rows, staging->data);
        HS_TRY(hs_gemm_pack(engine->gemm, staging->data, rows, hidden, engine->element,
                            &engine->vocabulary[engine->n_vocabulary], error));
        engine->n_vocabulary++;
    }
    return HEADSIFT_OK;
}

headsift_status hs_weights_pack(struct hs_engine *engine, headsift_error *error) {
    const struct hs_config *c = engine->config;
    engine->layers = hs_alloc((size_t)c->n_layer, sizeof *engine->layers);
    engine->frequencies = hs_alloc((size_t)c->head_dim / 2, sizeof *engine->frequencies);
    if (engine->layers == NULL || engine->frequencies == NULL) {
        return hs_fail_memory(error, "layers", 1);
    }
    hs_rope_frequencies(engine->model, engine->frequencies);
    struct hs_scratch staging = {0};
    headsift_status status = read_vector(engine, HS_OUTPUT_NORM, 0, &engine->output_norm, error);
    for (int32_t i = 0; status == HEADSIFT_OK && i < c->n_layer; i++) {
        status = pack_layer(engine, i, &staging, error);
    }
    if (status == HEADSIFT_OK) {
        status = pack_vocabulary(engine, &staging, error);
    }
    hs_free(staging.data);
    return status;
}

static void layer_free(struct hs_layer *layer) {
    hs_gemm_matrix_free(layer->qkv);
    hs_gemm_matrix_free(layer->output);
    hs_gemm_matrix_free(layer->gate_up);
    hs_gemm_matrix_free(layer->down);
    float *vectors[] = {layer->attention_norm, layer->mlp_norm,     layer->qkv_bias,
                        layer->output_bias,    layer->gate_up_bias, layer->down_bias};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        hs_free(vectors[i]);
    }
}

void hs_weights_free(struct hs_engine *engine) {
    for (int32_t i = 0; engine->layers != NULL && i < engine->config->n_layer; i++) {
        layer_free(&engine->layers[i]);
    }
    for (int32_t i = 0; i < engine->n_vocabulary; i++) {
        hs_gemm_matrix_free(engine->vocabulary[i]);
    }
    hs_free(engine->layers);
    hs_free(engine->vocabulary);
    hs_free(engine->output_norm);
    hs_free(engine->frequencies);
}
