/* Weights read from the mapped checkpoint, converted to f32 and packed: each thread takes one piece of a matrix at a
 * time, so that no more than a piece a thread is ever there unpacked. */
#include "engine/cpu/cpu.h"

/* One matrix to pack: rows of one or two weights behind each other, or columns of one. */
struct piece {
    enum hs_role roles[2];
    int n_roles;
    int32_t layer;
    int64_t first, count; /* rows of each weight, or columns */
    bool columns;
    struct hs_matrix **out;
};

/* All the matrices of a model. */
struct pieces {
    struct piece *items;
    size_t n;
};

static const struct hs_weight *weight_of(const struct hs_engine *engine, enum hs_role role, int32_t layer) {
    return hs_model_weight(engine->model, role, layer);
}

/* A family's multipliers of residuals and logits, taken into the weights that they follow. */
static float role_scale(const struct hs_engine *engine, enum hs_role role) {
    const struct hs_config *c = engine->config;
    const bool residual = c->post_norm ? role == HS_POST_ATTENTION_NORM || role == HS_POST_MLP_NORM
                                       : role == HS_O || role == HS_O_BIAS || role == HS_DOWN || role == HS_DOWN_BIAS;
    return (float)(residual ? c->residual_scale : role == HS_OUTPUT_NORM ? c->logit_scale : 1);
}

static void scale_values(float *values, int64_t n, float scale) {
    for (int64_t i = 0; scale != 1 && i < n; i++) {
        values[i] *= scale;
    }
}

static headsift_status pack_piece(struct hs_engine *engine, const struct piece *piece, struct hs_scratch *staging,
                                  headsift_error *error) {
    const struct hs_weight *weight = weight_of(engine, piece->roles[0], piece->layer);
    int64_t rows = piece->columns ? hs_weight_rows(weight) : piece->count * piece->n_roles;
    int64_t cols = piece->columns ? piece->count : hs_weight_cols(weight);
    HS_TRY(hs_scratch_need(staging, (size_t)(rows * cols) * sizeof(float), "a matrix to pack", error));
    float *w = staging->data;
    if (piece->columns) {
        hs_weight_read_columns(weight, 0, rows, piece->first, cols, w);
    } else {
        for (int i = 0; i < piece->n_roles; i++) {
            hs_weight_read(weight_of(engine, piece->roles[i], piece->layer), piece->first, piece->count,
                           w + i * piece->count * cols);
        }
    }
    scale_values(w, rows * cols, role_scale(engine, piece->roles[0]));
    struct hs_int8_input *input =
        hs_int8_input_of(engine, piece->roles[0], piece->layer, piece->first / engine->ffn_piece);
    return hs_matrix_pack(engine, w, rows, cols, input, piece->out, error);
}

static headsift_status pack_all(struct hs_engine *engine, const struct pieces *pieces, headsift_error *error) {
    headsift_status status = HEADSIFT_OK;
#pragma omp parallel num_threads(engine->threads)
    {
        struct hs_scratch staging = {0};
        headsift_error reason = {0};
        headsift_status mine = HEADSIFT_OK;
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < pieces->n; i++) {
            if (mine == HEADSIFT_OK) {
                mine = pack_piece(engine, &pieces->items[i], &staging, &reason);
            }
        }
        hs_free(staging.data);
#pragma omp critical(hs_pack_failed)
        if (mine != HEADSIFT_OK) {
            status = mine;
            if (error != NULL) {
                *error = reason;
            }
        }
    }
    return status;
}

/* ---- What there is to pack -------------------------------------------------------------------------------------- */

static void list_layer(const struct hs_engine *engine, int32_t index, struct pieces *out) {
    const struct hs_config *c = engine->config;
    struct hs_layer *layer = &engine->layers[index];
    const int64_t kv = (int64_t)c->n_kv_head * c->head_dim;
    const int64_t group = (int64_t)(c->n_head / engine->n_query_pieces) * c->head_dim;
    for (int32_t i = 0; i < engine->n_query_pieces; i++) {
        out->items[out->n++] = (struct piece){.roles = {HS_Q},
                                              .n_roles = 1,
                                              .layer = index,
                                              .first = i * group,
                                              .count = group,
                                              .out = &layer->queries[i]};
    }
    out->items[out->n++] =
        (struct piece){.roles = {HS_K, HS_V}, .n_roles = 2, .layer = index, .count = kv, .out = &layer->key_value};
    out->items[out->n++] =
        (struct piece){.roles = {HS_O}, .n_roles = 1, .layer = index, .count = c->hidden, .out = &layer->output};
    for (int32_t i = 0; i < engine->n_ffn_pieces; i++) {
        int64_t first = (int64_t)i * engine->ffn_piece, left = c->ffn - first;
        int64_t count = left < engine->ffn_piece ? left : engine->ffn_piece;
        out->items[out->n++] = (struct piece){.roles = {HS_GATE, HS_UP},
                                              .n_roles = 2,
                                              .layer = index,
                                              .first = first,
                                              .count = count,
                                              .out = &layer->gate_up[i]};
        out->items[out->n++] = (struct piece){.roles = {HS_DOWN},
                                              .n_roles = 1,
                                              .layer = index,
                                              .first = first,
                                              .count = count,
                                              .columns = true,
                                              .out = &layer->down[i]};
    }
}

static void list_vocabulary(const struct hs_engine *engine, struct pieces *out) {
    for (int32_t i = 0; i < engine->n_vocabulary; i++) {
        int64_t first = (int64_t)i * engine->vocab_block, left = engine->config->vocab - first;
        out->items[out->n++] = (struct piece){.roles = {HS_OUTPUT},
                                              .n_roles = 1,
                                              .first = first,
                                              .count = left < engine->vocab_block ? left : engine->vocab_block,
                                              .out = &engine->vocabulary[i]};
    }
}

static headsift_status pack_matrices(struct hs_engine *engine, headsift_error *error) {
    const struct hs_config *c = engine->config;
    size_t layer = (size_t)(engine->n_query_pieces + 2 + 2 * engine->n_ffn_pieces);
    size_t most = (size_t)c->n_layer * layer + (size_t)engine->n_vocabulary;
    struct pieces pieces = {.items = hs_alloc(most, sizeof *pieces.items)};
    if (pieces.items == NULL) {
        return hs_fail_memory(error, "a list of matrices", most * sizeof *pieces.items);
    }
    list_vocabulary(engine, &pieces);
    for (int32_t i = 0; i < c->n_layer; i++) {
        list_layer(engine, i, &pieces);
    }
    headsift_status status = pack_all(engine, &pieces, error);
    hs_free(pieces.items);
    return status;
}

/* ---- Vectors ---------------------------------------------------------------------------------------------------- */

/* A norm's or a bias' vector; NULL where the model has none. */
static headsift_status read_vector(const struct hs_engine *engine, enum hs_role role, int32_t layer, float **out,
                                   headsift_error *error) {
    const struct hs_weight *weight = weight_of(engine, role, layer);
    if (weight == NULL) {
        return HEADSIFT_OK;
    }
    int64_t n = hs_weight_cols(weight);
    *out = hs_alloc_aligned((size_t)n, sizeof **out);
    if (*out == NULL) {
        return hs_fail_memory(error, "a vector of weights", (size_t)n * sizeof **out);
    }
    hs_weight_read(weight, 0, 1, *out);
    scale_values(*out, n, role_scale(engine, role));
    return HEADSIFT_OK;
}

/* Keys' and values' biases behind each other, zero where one has none; none at all stays NULL. */
static headsift_status read_key_value_bias(const struct hs_engine *engine, int32_t index, headsift_error *error) {
    const int64_t kv = (int64_t)engine->config->n_kv_head * engine->config->head_dim;
    const struct hs_weight *biases[] = {weight_of(engine, HS_K_BIAS, index), weight_of(engine, HS_V_BIAS, index)};
    float **out = &engine->layers[index].key_value_bias;
    if (biases[0] == NULL && biases[1] == NULL) {
        return HEADSIFT_OK;
    }
    *out = hs_alloc(2 * (size_t)kv, sizeof **out);
    if (*out == NULL) {
        return hs_fail_memory(error, "biases", 2 * (size_t)kv * sizeof **out);
    }
    for (int i = 0; i < 2; i++) {
        if (biases[i] != NULL) {
            hs_weight_read(biases[i], 0, 1, *out + i * kv);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status open_layer(const struct hs_engine *engine, int32_t index, headsift_error *error) {
    struct hs_layer *layer = &engine->layers[index];
    const struct {
        enum hs_role role;
        float **out;
    } vectors[] = {{HS_ATTENTION_NORM, &layer->attention_norm},
                   {HS_MLP_NORM, &layer->mlp_norm},
                   {HS_POST_ATTENTION_NORM, &layer->post_attention_norm},
                   {HS_POST_MLP_NORM, &layer->post_mlp_norm},
                   {HS_Q_NORM, &layer->query_norm},
                   {HS_K_NORM, &layer->key_norm},
                   {HS_Q_BIAS, &layer->query_bias},
                   {HS_O_BIAS, &layer->output_bias},
                   {HS_GATE_BIAS, &layer->gate_bias},
                   {HS_UP_BIAS, &layer->up_bias},
                   {HS_DOWN_BIAS, &layer->down_bias}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        HS_TRY(read_vector(engine, vectors[i].role, index, vectors[i].out, error));
    }
    HS_TRY(read_key_value_bias(engine, index, error));
    struct {
        struct hs_matrix ***out;
        int32_t n;
    } lists[] = {{&layer->queries, engine->n_query_pieces},
                 {&layer->gate_up, engine->n_ffn_pieces},
                 {&layer->down, engine->n_ffn_pieces}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        *lists[i].out = hs_alloc((size_t)lists[i].n, sizeof **lists[i].out);
        if (*lists[i].out == NULL) {
            return hs_fail_memory(error, "a layer", (size_t)lists[i].n * sizeof **lists[i].out);
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_weights_pack(struct hs_engine *engine, headsift_error *error) {
    const struct hs_config *c = engine->config;
    engine->layers = hs_alloc((size_t)c->n_layer, sizeof *engine->layers);
    engine->vocabulary = hs_alloc((size_t)engine->n_vocabulary, sizeof(struct hs_matrix *));
    if (engine->layers == NULL || engine->vocabulary == NULL) {
        return hs_fail_memory(error, "layers", (size_t)c->n_layer * sizeof *engine->layers);
    }
    HS_TRY(read_vector(engine, HS_OUTPUT_NORM, 0, &engine->output_norm, error));
    for (int32_t i = 0; i < c->n_layer; i++) {
        HS_TRY(open_layer(engine, i, error));
    }
    return pack_matrices(engine, error);
}

static void clear_list(struct hs_matrix **list, int32_t n) {
    for (int32_t i = 0; list != NULL && i < n; i++) {
        hs_matrix_free(list[i]);
        list[i] = NULL;
    }
}

static void clear_layer(const struct hs_engine *engine, struct hs_layer *layer) {
    clear_list(layer->queries, engine->n_query_pieces);
    clear_list(layer->gate_up, engine->n_ffn_pieces);
    clear_list(layer->down, engine->n_ffn_pieces);
    clear_list(&layer->key_value, 1);
    clear_list(&layer->output, 1);
}

headsift_status hs_weights_repack(struct hs_engine *engine, headsift_error *error) {
    for (int32_t i = 0; i < engine->config->n_layer; i++) {
        clear_layer(engine, &engine->layers[i]);
    }
    clear_list(engine->vocabulary, engine->n_vocabulary);
    return pack_matrices(engine, error);
}

static void layer_free(const struct hs_engine *engine, struct hs_layer *layer) {
    clear_layer(engine, layer);
    hs_free(layer->queries);
    hs_free(layer->gate_up);
    hs_free(layer->down);
    float *vectors[] = {
        layer->attention_norm,      layer->mlp_norm,     layer->query_bias, layer->key_value_bias, layer->output_bias,
        layer->gate_bias,           layer->up_bias,      layer->down_bias,  layer->query_norm,     layer->key_norm,
        layer->post_attention_norm, layer->post_mlp_norm};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        hs_free(vectors[i]);
    }
}

void hs_weights_free(struct hs_engine *engine) {
    for (int32_t i = 0; engine->layers != NULL && i < engine->config->n_layer; i++) {
        layer_free(engine, &engine->layers[i]);
    }
    clear_list(engine->vocabulary, engine->n_vocabulary);
    hs_free(engine->vocabulary);
    hs_free(engine->layers);
    hs_free(engine->output_norm);
}
