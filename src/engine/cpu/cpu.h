/* Inside the CPU engine: packed weights, the walk of packed documents through layers, and scratch memory.
 * Shapes: B = block_rows, H = hidden, D = head_dim, F = ffn. Arrays are row-major; float ones are f32. */
#ifndef HS_ENGINE_CPU_CPU_H
#define HS_ENGINE_CPU_CPU_H

#include "base/memory.h"
#include "engine/cpu/gemm.h"
#include "engine/cpu/kernels.h"
#include "engine/engine.h"

/** A layer's weights. Biases are NULL where the model has none. */
struct hs_layer {
    float *attention_norm, *mlp_norm; /* (H) */
    struct hs_gemm_matrix *qkv;       /* H -> (n_head + 2 n_kv_head) D: queries, keys, values */
    struct hs_gemm_matrix *output;    /* n_head D -> H */
    struct hs_gemm_matrix *gate_up;   /* H -> 2 F: gates, then ups */
    struct hs_gemm_matrix *down;      /* F -> H */
    float *qkv_bias, *output_bias, *gate_up_bias, *down_bias;
};

/** One array that grows and is used again. */
struct hs_scratch {
    void *data;
    size_t bytes;
};

/** Work of one block of rows. Arrays of void are of the element type that the products take. */
struct hs_block {
    void *normed;     /* (B, H) */
    float *qkv;       /* (B, (n_head + 2 n_kv_head) D) */
    void *queries;    /* (B, n_head D) rotated and scaled */
    void *attention;  /* (B, n_head D) of the walk's rows */
    void *forked;     /* (B, n_head D) of a stream that leaves the walk here */
    float *projected; /* (B, H) */
    float *gate_up;   /* (B, 2 F) */
    void *active;     /* (B, F) */
    void *means;      /* (n_kv_head, B, D): running means of the values */
    float *logits;    /* (B, vocab_block) */
};

struct hs_engine {
    const struct hs_model *model;
    const struct hs_config *config;
    int threads;
    int32_t block_rows, vocab_block;
    size_t stream_bytes;
    struct hs_gemm *gemm;
    const struct hs_kernels *kernels;
    enum hs_element element;
    size_t element_size;
    struct hs_layer *layers;
    float *output_norm;                 /* (H) */
    struct hs_gemm_matrix **vocabulary; /* the output matrix in pieces of vocab_block rows */
    int32_t n_vocabulary;
    double *frequencies;  /* (D / 2) */
    float *cosine, *sine; /* (rope_positions, D / 2) */
    int64_t rope_positions;
    struct hs_block block;
    struct hs_scratch streams, keys, values, sums, segments, plans, tiles; /* what grows with a batch */
    int64_t layer_passes;
    struct hs_stage_cost costs[HS_STAGES];
    const struct hs_watch *watch; /* may be NULL */
};

/** A mask made ready for a walk. */
struct hs_plan {
    headsift_mask kind;
    int32_t index;       /* which of the caller's masks */
    int32_t first_layer; /* n_layer where no head is masked */
    const bool *masked;  /* (n_layer, n_head) */
};

/** Neighbouring rows of one document (of one stream) in a walk. */
struct hs_segment {
    int64_t row; /* first row in the walk's x */
    int64_t length;
    int64_t position;           /* of the first row in its document: 0 unless a cache holds what was before */
    int64_t slot;               /* of the document's first position in the cache: a multiple of HS_KEY_BLOCK */
    const struct hs_plan *plan; /* NULL: unmasked */
};

/** Keys and values of one layer: for each KV head the caches that kernels.h describes, `slots` positions long. */
struct hs_cache {
    void *keys, *values;
    int64_t slots;
};

/** Which keys some rows attend to most. */
struct hs_attend_request {
    const int64_t *rows; /* of the walk, ascending */
    int64_t n_rows;
    int32_t *columns; /* (n_rows, n_layer, n_head) */
};

/** Rows that go through layers together. */
struct hs_walk {
    float *x; /* (rows, H) the residual stream */
    int64_t rows;
    const struct hs_segment *segments; /* cover the rows in order */
    int32_t n_segments;
    struct hs_cache cache;
    const struct hs_attend_request *request; /* NULL: none */
    const struct hs_plan *forks;             /* streams that leave at this layer (see hs_layer_fork) */
    int32_t n_forks;
};

/* weights.c */
headsift_status hs_weights_pack(struct hs_engine *engine, headsift_error *error);
void hs_weights_free(struct hs_engine *engine);

/* engine.c */
/** Ensures bytes in a scratch array (contents are lost when it grows). */
headsift_status hs_scratch_need(struct hs_scratch *scratch, size_t bytes, const char *what, headsift_error *error);
/** Ensures rotary tables for so many positions. */
headsift_status hs_rope_need(struct hs_engine *engine, int64_t positions, headsift_error *error);
/** A cache over the engine's scratch arrays. */
headsift_status hs_cache_need(struct hs_engine *engine, int64_t layers, int64_t slots, struct hs_cache *out,
                              headsift_error *error);
headsift_status hs_tokens_check(const struct hs_engine *engine, const int32_t *tokens, int64_t n,
                                headsift_error *error);
/** x (n, H) = rows of the embedding. */
void hs_embed(const struct hs_engine *engine, const int32_t *tokens, int64_t n, float *x);
/** Element `index` of an array of the engine's element type. */
static inline void *hs_at(const struct hs_engine *engine, void *array, int64_t index) {
    return (char *)array + (size_t)index * engine->element_size;
}
static inline int64_t hs_slots(int64_t length) { return (length + HS_KEY_BLOCK - 1) / HS_KEY_BLOCK * HS_KEY_BLOCK; }

/* layer.c */
/** x goes through one layer. */
headsift_status hs_layer_walk(struct hs_engine *engine, int32_t layer, const struct hs_walk *walk,
                              headsift_error *error);
/** The same for streams that leave the walk at this layer: the attention of the walk's rows is computed once, and fork
 * f takes it with its masked heads replaced. @param forked_x (n_forks, rows, H) receives the forks' residual streams.
 *  @param advance also let the walk's own x go through the layer; else it stays. */
headsift_status hs_layer_fork(struct hs_engine *engine, int32_t layer, const struct hs_walk *walk, float *forked_x,
                              bool advance, headsift_error *error);

/* loss.c */
/** For each row i, -log softmax(logits(x row rows[i]))[targets[i]]. @param nll (n), at stride 1, indexed by out[i]. */
struct hs_loss_rows {
    const int64_t *rows; /* of x */
    const int32_t *targets;
    const int64_t *out; /* where in nll */
    int64_t n;
};
headsift_status hs_losses(struct hs_engine *engine, const float *x, const struct hs_loss_rows *which, double *nll,
                          headsift_error *error);
/** The id with the largest logit for one row (H) of x; the lowest on ties. */
headsift_status hs_best_token(struct hs_engine *engine, const float *x, int32_t *out, headsift_error *error);

#endif
