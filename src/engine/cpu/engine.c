/* Opening and closing of the CPU engine, and the scratch memory that its questions share.
 * Nothing is allocated per document once the arrays have grown to the largest batch. */
#include <omp.h>
#include <string.h>

#include "engine/cpu/cpu.h"

/* A block's widest outputs, rows x columns of f32, should stay in a core's second-level cache. */
enum { DEFAULT_BLOCK_ROWS = 128, DEFAULT_VOCAB_BLOCK = 1024, FFN_PIECE = 2 * HS_COLUMN_STEP };
_Static_assert((int)FFN_PIECE <= (int)HS_MAX_ROTATED, "a piece is transformed as a whole");

headsift_status hs_resolve_dtype(headsift_dtype wanted, headsift_dtype *out, headsift_error *error) {
    enum hs_isa isa;
    HS_TRY(hs_isa_choose(&isa, error));
    if (wanted == HEADSIFT_DTYPE_AUTO) {
        *out = hs_isa_check_bf16(isa, NULL) == HEADSIFT_OK ? HEADSIFT_DTYPE_BF16 : HEADSIFT_DTYPE_F32;
        return HEADSIFT_OK;
    }
    *out = wanted;
    if (wanted == HEADSIFT_DTYPE_INT8) {
        return hs_isa_check_int8(isa, error);
    }
    return wanted == HEADSIFT_DTYPE_BF16 ? hs_isa_check_bf16(isa, error) : HEADSIFT_OK;
}

const char *hs_dtype_name(headsift_dtype dtype) {
    return dtype == HEADSIFT_DTYPE_INT8 ? "int8" : dtype == HEADSIFT_DTYPE_BF16 ? "bf16" : "f32";
}

static void choose_sizes(struct hs_engine *engine, const struct hs_engine_options *options) {
    engine->element_size = hs_element_size(engine->element);
    engine->threads = options->threads > 0 ? options->threads : omp_get_num_procs();
    engine->block_rows = options->block_rows > 0 ? options->block_rows : DEFAULT_BLOCK_ROWS;
    engine->vocab_block = options->vocab_block > 0 ? options->vocab_block : DEFAULT_VOCAB_BLOCK;
    if (engine->vocab_block > engine->config->vocab) {
        engine->vocab_block = engine->config->vocab;
    }
    engine->n_vocabulary = (engine->config->vocab + engine->vocab_block - 1) / engine->vocab_block;
    engine->ffn_piece = engine->config->ffn < FFN_PIECE ? engine->config->ffn : FFN_PIECE;
    engine->n_ffn_pieces = (engine->config->ffn + engine->ffn_piece - 1) / engine->ffn_piece;
    engine->block_rows = (int32_t)hs_gemm_padded(engine->block_rows);
    engine->n_query_pieces = engine->config->qk_norm == HS_QK_ALL ? 1 : engine->config->n_kv_head;
    engine->stream_bytes = options->stream_bytes > 0 ? options->stream_bytes : (size_t)256 << 20;
    engine->generate_bytes = options->generate_bytes > 0 ? options->generate_bytes : (size_t)1 << 30;
}

headsift_status hs_engine_open(const struct hs_model *model, const struct hs_engine_options *options,
                               struct hs_engine **out, headsift_error *error) {
    const struct hs_config *config = hs_model_config(model);
    if (config->head_dim > HS_MAX_HEAD_DIM) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: head_dim %d is more than %d", config->name, config->head_dim,
                       HS_MAX_HEAD_DIM);
    }
    headsift_dtype dtype = options->dtype == HEADSIFT_DTYPE_AUTO ? HEADSIFT_DTYPE_F32 : options->dtype;
    enum hs_isa isa;
    HS_TRY(hs_resolve_dtype(dtype, &dtype, error));
    HS_TRY(hs_isa_choose(&isa, error));
    struct hs_engine *engine = hs_alloc(1, sizeof *engine);
    if (engine == NULL) {
        return hs_fail_memory(error, "the engine", sizeof *engine);
    }
    engine->model = model;
    engine->config = config;
    engine->element = dtype == HEADSIFT_DTYPE_F32 ? HS_F32 : HS_BF16;
    engine->s8 = dtype == HEADSIFT_DTYPE_INT8 ? hs_s8_best() : NULL;
    engine->recipe = options->int8;
    const struct hs_kernels *available[HS_MOST_TABLES];
    hs_kernels_available(engine->element, isa, available);
    engine->kernels = available[0];
    choose_sizes(engine, options);
    omp_set_num_threads(engine->threads);
    headsift_status status = hs_workers_alloc(engine, error);
    if (status == HEADSIFT_OK) {
        status = hs_gemm_open(engine->block_rows, engine->threads, &engine->gemm, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_int8_alloc(engine, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_rotary_open(engine, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_weights_pack(engine, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_int8_calibrate(engine, options->calibration, options->n_calibration, error);
    }
    if (status != HEADSIFT_OK) {
        hs_engine_close(engine);
        return status;
    }
    *out = engine;
    return HEADSIFT_OK;
}

void hs_engine_close(struct hs_engine *engine) {
    if (engine == NULL) {
        return;
    }
    hs_weights_free(engine);
    hs_int8_free(engine);
    hs_gemm_close(engine->gemm);
    hs_workers_free(engine);
    hs_rotary_close(engine);
    struct hs_scratch *arrays[] = {&engine->streams,  &engine->keys,  &engine->values,      &engine->sums,
                                   &engine->segments, &engine->plans, &engine->means_needed};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        hs_free(arrays[i]->data);
    }
    hs_free(engine);
}

headsift_status hs_scratch_need(struct hs_scratch *scratch, size_t bytes, const char *what, headsift_error *error) {
    if (bytes <= scratch->bytes) {
        return HEADSIFT_OK;
    }
    hs_free(scratch->data);
    scratch->data = hs_alloc_aligned(bytes, 1);
    scratch->bytes = scratch->data == NULL ? 0 : bytes;
    return scratch->data == NULL ? hs_fail_memory(error, what, bytes) : HEADSIFT_OK;
}

headsift_status hs_cache_need(struct hs_engine *engine, int64_t layers, int64_t slots, struct hs_cache *out,
                              headsift_error *error) {
    const struct hs_config *c = engine->config;
    size_t bytes = (size_t)(layers * slots * c->n_kv_head * c->head_dim) * engine->element_size;
    HS_TRY(hs_scratch_need(&engine->keys, bytes, "keys", error));
    HS_TRY(hs_scratch_need(&engine->values, bytes, "values", error));
    *out = (struct hs_cache){.keys = engine->keys.data, .values = engine->values.data, .slots = slots};
    return HEADSIFT_OK;
}

headsift_status hs_tokens_check(const struct hs_engine *engine, const int32_t *tokens, int64_t n,
                                headsift_error *error) {
    for (int64_t i = 0; i < n; i++) {
        if (tokens[i] < 0 || tokens[i] >= engine->config->vocab) {
            return hs_fail(error, HEADSIFT_FAILED, "token %lld has id %d, but the model knows 0 to %d", (long long)i,
                           tokens[i], engine->config->vocab - 1);
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_head_check(const struct hs_config *config, headsift_head head, headsift_error *error) {
    if (head.layer >= 0 && head.layer < config->n_layer && head.head >= 0 && head.head < config->n_head) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED, "layer %d, head %d: the model has layers 0 to %d and heads 0 to %d",
                   head.layer, head.head, config->n_layer - 1, config->n_head - 1);
}

void hs_embed(const struct hs_engine *engine, const int32_t *tokens, int64_t n, float *x) {
    const struct hs_weight *embedding = hs_model_weight(engine->model, HS_EMBEDDING, 0);
    const int64_t hidden = engine->config->hidden;
    const float scale = (float)engine->config->embedding_scale;
    hs_clock_start(&engine->workers[0]);
#pragma omp parallel for num_threads(engine->threads)
    for (int64_t i = 0; i < n; i++) {
        hs_weight_read(embedding, tokens[i], 1, x + i * hidden);
        for (int64_t d = 0; scale != 1 && d < hidden; d++) {
            x[i * hidden + d] *= scale;
        }
    }
    hs_clock_stop(engine, &engine->workers[0], HS_STAGE_EMBED);
}

void hs_engine_watch(struct hs_engine *engine, const struct hs_watch *watch) { engine->watch = watch; }

int64_t hs_engine_layer_passes(const struct hs_engine *engine) { return engine->layer_passes; }

int hs_engine_threads(const struct hs_engine *engine) { return engine->threads; }

int64_t hs_engine_batch_tokens(const struct hs_engine *engine) {
    enum { TOKENS_A_THREAD = 256, FEWEST = 2048 };
    int64_t tokens = (int64_t)engine->threads * TOKENS_A_THREAD;
    return tokens < FEWEST ? FEWEST : tokens;
}

void hs_engine_describe(const struct hs_engine *engine, struct hs_engine_facts *out) {
    *out = (struct hs_engine_facts){
        .dtype = hs_dtype_name(engine->s8 != NULL          ? HEADSIFT_DTYPE_INT8
                               : engine->element == HS_F32 ? HEADSIFT_DTYPE_F32
                                                           : HEADSIFT_DTYPE_BF16),
        .kernels = engine->kernels->name,
        .packed_bytes = hs_gemm_packed_bytes(engine->gemm),
    };
    hs_gemm_library(out->products, sizeof out->products);
}
