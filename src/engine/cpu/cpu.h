/* Inside the CPU engine: packed weights, the walk of packed documents through layers, and each thread's work memory.
 * Shapes: B = block_rows, H = hidden, D = head_dim, F = ffn. Arrays are row-major; float ones are f32. */
#ifndef HS_ENGINE_CPU_CPU_H
#define HS_ENGINE_CPU_CPU_H

#include "base/memory.h"
#include "engine/cpu/gemm.h"
#include "engine/cpu/kernels.h"
#include "engine/cpu/kernels_s8.h"
#include "engine/engine.h"

/** What some matrices of an engine in int8 take in: a few columns are multiplied in bf16, the rest as s8. */
struct hs_int8_input {
    struct hs_split split;
    uint32_t *taken;  /* split's */
    int64_t *weights; /* (split.n): how far each column stood out in the calibration; NULL where it isn't running */
    int slot;         /* of a worker's quantised rows */
};

/** A packed weight matrix. In int8, where a row of x is s (o, q) and a row of W is c (u, p): x W^T = s c (o u + q p).
 */
struct hs_matrix {
    struct hs_gemm_matrix *packed;   /* W, or the p */
    struct hs_gemm_matrix *outliers; /* the u in bf16; NULL where there are none */
    float *scales;                   /* (outputs) the c; NULL but in int8 */
    struct hs_int8_input *input;     /* NULL but in int8; also while it is being calibrated */
};

/** A layer's weights, cut so that a block's outputs stay in a core's cache. Biases are NULL where the model has none.
 */
struct hs_layer {
    float *attention_norm, *mlp_norm;           /* (H) */
    float *post_attention_norm, *post_mlp_norm; /* (H) */
    float *query_norm, *key_norm;               /* (D), or of all heads */
    struct hs_matrix **queries;                 /* (n_query_pieces): H -> the query heads of a KV head, or all */
    struct hs_matrix *key_value;                /* H -> 2 n_kv_head D: keys, then values */
    struct hs_matrix *output;                   /* n_head D -> H */
    struct hs_matrix **gate_up;                 /* (n_ffn_pieces): H -> the piece's gates, then its ups */
    struct hs_matrix **down;                    /* (n_ffn_pieces): the piece -> H */
    float *query_bias, *key_value_bias, *output_bias, *gate_bias, *up_bias, *down_bias;
};

/** One array that grows and is used again. */
struct hs_scratch {
    void *data;
    size_t bytes;
};

/** Rows as hs_quantise_row leaves them. */
struct hs_quantised {
    int8_t *rows;       /* (B, columns that aren't outliers) */
    float *scales;      /* (B) */
    uint16_t *outliers; /* (B, outliers) bf16 */
};

/** A thread's work on one block of rows. Arrays of void are of the element type that the products take. */
struct hs_worker {
    void *normed;                     /* (B, H) */
    float *product;                   /* (B, the widest product but those into x) */
    void *queries;                    /* (B, n_head D) rotated and scaled */
    void *attention;                  /* (B, n_head D) of the walk's rows */
    void *forked;                     /* (B, n_head D) of a stream that leaves the walk here */
    void *active;                     /* (B, ffn_piece) */
    void *means;                      /* (n_kv_head, B, D): running means of the values */
    float *residual;                  /* (B, H): rows of x where their number is no multiple of HS_GEMM_ROW_STEP */
    float *branch;                    /* (B, H): what attention or MLP gives, where it is normed before it is added */
    struct hs_quantised quantised[2]; /* in int8: of inputs, by their slots */
    float *scaled;                    /* in int8: (the widest product) one row of it */
    double since;                     /* when the running stage began */
    struct hs_stage_cost costs[HS_STAGES];
    headsift_status status;
    headsift_error error;
};

/** A table of rotary positions; frequencies are NULL where the model has no such table. */
struct hs_rotary {
    double *frequencies; /* (rotary_dim / 2) */
    double magnitude;
    float *cosine, *sine; /* (positions, rotary_dim / 2) */
    int64_t positions;
};

struct hs_engine {
    const struct hs_model *model;
    const struct hs_config *config;
    int threads;
    int32_t block_rows, vocab_block, ffn_piece, n_ffn_pieces;
    int32_t n_query_pieces; /* n_kv_head; 1 where a norm spans all queries of a row */
    size_t stream_bytes, generate_bytes;
    struct hs_gemm *gemm;
    const struct hs_kernels *kernels;
    enum hs_element element;        /* of activations and caches */
    const struct hs_s8_kernels *s8; /* NULL but in int8 */
    struct hs_int8_recipe recipe;
    struct hs_int8_input *inputs; /* in int8: see hs_int8_input_of in int8.c */
    size_t element_size;
    struct hs_layer *layers;
    float *output_norm;            /* (H) */
    struct hs_matrix **vocabulary; /* (n_vocabulary): the output matrix in pieces of vocab_block rows */
    int32_t n_vocabulary;
    struct hs_rotary rotary[HS_ROPE_TABLES];
    float *ones, *zeros;       /* (D / 2): angles that turn nothing */
    struct hs_worker *workers; /* (threads) */
    struct hs_scratch streams, keys, values, sums, segments, plans, means_needed; /* what grows with a batch */
    int64_t layer_passes;
    const struct hs_watch *watch; /* may be NULL */
};

/** A mask made ready for a walk. */
struct hs_plan {
    headsift_mask kind;
    int32_t index;       /* which of the caller's masks */
    int32_t first_layer; /* n_layer where no head is masked */
    const bool *masked;  /* (n_layer, n_head) */
    const void *means;   /* (n_layer, n_head, D) of the element type: what masked heads give; HEADSIFT_MASK_MEAN */
};

/** Neighbouring rows of one document (of one stream) in a walk. */
struct hs_segment {
    int64_t row; /* first row in the walk's x */
    int64_t length;
    int64_t position; /* of the first row in its document; what is before is in the cache, or comes from the parent */
    bool far;         /* of a document beyond longrope's original context */
    int64_t slot;     /* of the document's position 0 in the cache: a multiple of HS_KEY_BLOCK */
    const struct hs_plan *plan;      /* NULL: unmasked */
    const struct hs_segment *parent; /* of the same walk and stream: it ends at `position`, whole blocks, which are
                                      * copied to this segment's slots in each layer. NULL: none */
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
    void *outputs;                           /* (rows, n_head D) receives what attention gives; NULL: not wanted */
    const struct hs_plan *forks;             /* streams that leave at this layer (see hs_layer_fork) */
    int32_t n_forks;
};

/* weights.c */
headsift_status hs_weights_pack(struct hs_engine *engine, headsift_error *error);
void hs_weights_free(struct hs_engine *engine);
/** Packs the matrices again, as the engine's inputs now say. */
headsift_status hs_weights_repack(struct hs_engine *engine, headsift_error *error);

/* engine.c */
/** Ensures bytes in a scratch array (contents are lost when it grows). */
headsift_status hs_scratch_need(struct hs_scratch *scratch, size_t bytes, const char *what, headsift_error *error);
/** A cache over the engine's scratch arrays. */
headsift_status hs_cache_need(struct hs_engine *engine, int64_t layers, int64_t slots, struct hs_cache *out,
                              headsift_error *error);
headsift_status hs_tokens_check(const struct hs_engine *engine, const int32_t *tokens, int64_t n,
                                headsift_error *error);
headsift_status hs_head_check(const struct hs_config *config, headsift_head head, headsift_error *error);
/** x (n, H) = rows of the embedding. */
void hs_embed(const struct hs_engine *engine, const int32_t *tokens, int64_t n, float *x);
/** Element `index` of an array of the engine's element type. */
static inline void *hs_at(const struct hs_engine *engine, void *array, int64_t index) {
    return (char *)array + (size_t)index * engine->element_size;
}
static inline int64_t hs_slots(int64_t length) { return (length + HS_KEY_BLOCK - 1) / HS_KEY_BLOCK * HS_KEY_BLOCK; }

/* batch.c */
/** Where a document of a batch stands. */
struct hs_place {
    int64_t position, end; /* of its first token, and behind its last */
    int64_t last_row;      /* of the last token before `end`, its own or an ancestor's; -1: none */
    int32_t segment;       /* of a stream: its own, or, where it is empty, that of an ancestor; -1: none */
    bool has_children;
    bool near, far; /* what has this document or one behind it at its end lies within hs_rope_near(), or beyond */
};
/** A batch laid out as one stream: rows as the tokens stand, cache slots for each document's whole chain. */
struct hs_layout {
    const struct hs_batch *batch;
    struct hs_place *places; /* (n_documents) */
    int64_t more;            /* positions that are kept free behind documents without children */
    int64_t n_tokens, slots, longest;
    int32_t n_segments; /* documents that aren't empty */
};
headsift_status hs_batch_check(const struct hs_engine *engine, const struct hs_batch *batch, headsift_error *error);
/** Checks the batch; it must stay where it is. */
headsift_status hs_layout_make(const struct hs_engine *engine, const struct hs_batch *batch, int64_t more,
                               struct hs_layout *out, headsift_error *error);
void hs_layout_free(struct hs_layout *layout);
/** The segments (n_segments) of the stream that stands behind `stream` others in rows and slots. */
void hs_layout_segments(const struct hs_layout *layout, int64_t stream, const struct hs_plan *plan,
                        struct hs_segment *out);

/* nll.c */
/** The masks' plans, in an array of the engine's: by first layer, those without heads last.
 *  @param n_masked how many have heads */
headsift_status hs_plans_make(struct hs_engine *engine, const struct hs_mask *masks, int32_t n_masks,
                              struct hs_plan **plans, int32_t *n_masked, headsift_error *error);

/* rotary.c */
headsift_status hs_rotary_open(struct hs_engine *engine, headsift_error *error);
void hs_rotary_close(struct hs_engine *engine);
/** Ensures rotary tables for so many positions. */
headsift_status hs_rope_need(struct hs_engine *engine, int64_t positions, headsift_error *error);

/* matrix.c */
/** Packs w (outputs, inputs) f32. @param input NULL: in the engine's element type. w is lost. */
headsift_status hs_matrix_pack(struct hs_engine *engine, float *w, int64_t outputs, int64_t inputs,
                               struct hs_int8_input *input, struct hs_matrix **out, headsift_error *error);
void hs_matrix_free(struct hs_matrix *matrix); /**< NULL is fine */
int64_t hs_matrix_outputs(const struct hs_matrix *matrix);
int64_t hs_matrix_inputs(const struct hs_matrix *matrix);
/** worker->product (rows, outputs) = x (rows, inputs) W^T; its multiply-adds go to `stage`. In int8 hs_quantise_row has
 *  been called for all rows, and hs_product_row scales what comes out. */
headsift_status hs_multiply(struct hs_engine *engine, struct hs_worker *worker, enum hs_engine_stage stage,
                            const struct hs_matrix *matrix, int64_t rows, const void *x, headsift_error *error);
/** A row of the product by this matrix, once: it is valid until the next call. */
float *hs_product_row(const struct hs_engine *engine, const struct hs_worker *worker, const struct hs_matrix *matrix,
                      int64_t row);
/** y (rows, outputs) += x (rows, inputs) W^T, complete. worker->product is lost. */
headsift_status hs_multiply_add(struct hs_engine *engine, struct hs_worker *worker, enum hs_engine_stage stage,
                                const struct hs_matrix *matrix, int64_t rows, const void *x, float *y,
                                headsift_error *error);

/* int8.c: all of it does nothing in engines of other types. */
headsift_status hs_int8_alloc(struct hs_engine *engine, headsift_error *error);
void hs_int8_free(struct hs_engine *engine);
/** @param piece of the down projection. @return NULL where the product is not of s8 */
struct hs_int8_input *hs_int8_input_of(const struct hs_engine *engine, enum hs_role role, int32_t layer, int64_t piece);
/** Makes row `row` of x, given alone, ready for products by all matrices that have this one's input. */
void hs_quantise_row(const struct hs_engine *engine, struct hs_worker *worker, const struct hs_matrix *matrix,
                     int64_t row, const void *x);
/** Chooses each input's outliers over these tokens, in bf16, in which the weights are packed now, and packs them again.
 */
headsift_status hs_int8_calibrate(struct hs_engine *engine, const int32_t *tokens, int64_t n, headsift_error *error);

/* workers.c */
headsift_status hs_workers_alloc(struct hs_engine *engine, headsift_error *error);
void hs_workers_free(struct hs_engine *engine);
/** Rows cut into blocks that keep all threads equally busy: block b is rows b * size .. of `rows`. */
struct hs_cut {
    int64_t rows, size, n;
};
struct hs_cut hs_cut_rows(const struct hs_engine *engine, int64_t rows);
/** One block of a job, on one thread. */
typedef headsift_status (*hs_block_fn)(struct hs_engine *engine, struct hs_worker *worker, const void *job,
                                       int64_t block, headsift_error *error);
/** fn for blocks n-1 .. 0, shared out among the threads; a lone block is called by the caller's thread, so that its
 *  products run on all of them. */
headsift_status hs_for_blocks(struct hs_engine *engine, int64_t n, hs_block_fn fn, const void *job,
                              headsift_error *error);
void hs_clock_start(struct hs_worker *worker);
/** What went by since the last call was spent on `stage`. */
void hs_clock_stop(const struct hs_engine *engine, struct hs_worker *worker, enum hs_engine_stage stage);

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
/** Losses of the same rows of several streams that stand behind each other in x: for stream s and row i,
 *  nll[s][out[i]] = -log softmax(logits(x row s * stream_rows + rows[i]))[targets[i]]. */
struct hs_loss_rows {
    const int64_t *rows; /* of a stream */
    const int32_t *targets;
    const int64_t *out; /* where in nll */
    int64_t n;
    int64_t stream_rows;
    int32_t n_streams;
    double *const *nll;
};
headsift_status hs_losses(struct hs_engine *engine, const float *x, const struct hs_loss_rows *which,
                          headsift_error *error);
/** For each of n rows of x the id with the largest logit, the lowest on ties. @param out (n) */
headsift_status hs_best_tokens(struct hs_engine *engine, const float *x, const int64_t *rows, int64_t n, int32_t *out,
                               headsift_error *error);

#endif
