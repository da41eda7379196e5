/* The questions that the method asks of a model, each under head masks. cpu/ answers them with oneDNN and our kernels;
 * another engine (a GPU's) answers the same ones its own way. */
#ifndef HS_ENGINE_ENGINE_H
#define HS_ENGINE_ENGINE_H

#include "base/error.h"
#include "model/model.h"

struct hs_engine;

/** AUTO resolved on this machine: BF16 where it has products of bf16, else F32. HEADSIFT_USAGE: bf16 or int8 where the
 *  CPU, or the lower set of instructions that HEADSIFT_ISA names, has no products of it; a HEADSIFT_ISA that this
 * machine lacks. */
headsift_status hs_resolve_dtype(headsift_dtype wanted, headsift_dtype *out, headsift_error *error);
const char *hs_dtype_name(headsift_dtype dtype); /**< "f32", "bf16", "int8" */

/** What products in int8 are made of. All zero: every product takes whole rows as 8-bit integers. */
struct hs_int8_recipe {
    int32_t outliers; /**< columns of each input that are multiplied in bf16 (at most half of them) */
    bool hadamard;    /**< the rest of the down projections' inputs is transformed, which spreads its outliers */
    bool bf16_down;   /**< down projections are products of bf16 */
    bool bf16_logits; /**< and those by the output matrix */
};
/** The recipe of --dtype int8. */
#define HS_INT8_RECIPE ((struct hs_int8_recipe){.outliers = 64, .hadamard = true})

struct hs_engine_options {
    headsift_dtype dtype;  /**< AUTO counts as F32: it is resolved above the engine */
    int threads;           /**< 0: as many as the process may use */
    int32_t block_rows;    /**< rows that go through a layer together; 0: chosen for the caches */
    int32_t vocab_block;   /**< logit columns alive at a time; 0: chosen for the caches */
    size_t stream_bytes;   /**< hidden states, and one layer's cache, of masked streams alive at a time; 0: 256 MB.
                            *   At least one stream is */
    size_t generate_bytes; /**< hidden states and caches of prompts that go on together; 0: 1 GB. At least one does */
    struct hs_int8_recipe int8;
    const int32_t *calibration; /**< where int8 has outliers: tokens of ordinary text that they are chosen by */
    int64_t n_calibration;
};

/** Packs the model's weights for this machine. The model must outlive the engine (embedding rows are read from it). */
headsift_status hs_engine_open(const struct hs_model *model, const struct hs_engine_options *options,
                               struct hs_engine **out, headsift_error *error);
void hs_engine_close(struct hs_engine *engine); /**< NULL is fine */

/** What some heads are made to do (method.md section 3). No heads: the model as it is. Heads may stand in any order;
 *  each must exist in the model and stand there once. */
struct hs_mask {
    headsift_mask kind;
    const headsift_head *heads;
    size_t n_heads;
    const float
        *means; /**< (n_heads, head_dim) what each of `heads` gives at every position; HEADSIFT_MASK_MEAN alone */
};

/** Documents one behind the other. They do not see each other and each starts at position 0, but for those that have
 *  parents: such a child goes on behind its parent, whose tokens (and whose own parent's, and so on) it sees as if they
 *  stood before it in one text. What several texts begin with is so computed once.
 *  Each child needs a key and value cache for its whole chain: many children behind a long parent cost memory.
 *  Refused (HEADSIFT_FAILED): a parent that does not stand before its child; a chain that ends at no multiple of
 *  hs_engine_prefix_step() but has children (put what is over at the start of each child); texts that share a parent
 *  and lie on both sides of hs_rope_near() tokens, beyond which a model of longrope turns all positions of a text
 *  differently (ask that of the lengths first, and send such texts without parents). */
struct hs_batch {
    const int32_t *tokens;
    const int64_t *offsets; /**< (n_documents + 1): document d is tokens[offsets[d] .. offsets[d + 1]) */
    int32_t n_documents;
    const uint8_t *wanted;  /**< a flag a token: its loss is wanted; NULL: all. Saves the logits of the others */
    const int32_t *parents; /**< NULL, or of each document the earlier one that it goes on behind; -1: none */
};
/** Positions that a parent's chain must be a multiple of. */
int64_t hs_engine_prefix_step(void);

/** For each mask, -log p(token | those before it in its document), natural log.
 *  Layers below a mask's first head are computed once and shared with the unmasked stream and every other mask.
 *  @param nll (n_masks, n_tokens): 0 for a text's first token and for tokens that are not wanted. A child's first token
 *             has a loss like any other: its parent's last row predicts it.
 *  @return HEADSIFT_FAILED: a token or a head out of range (named), no memory. Losses may be NaN or infinite when the
 *          weights are. */
headsift_status hs_engine_nll(struct hs_engine *engine, const struct hs_batch *batch, const struct hs_mask *masks,
                              int32_t n_masks, double *nll, headsift_error *error);

/** For rows of one unmasked sequence: in every layer and head, the column with the largest attention (lowest on ties).
 *  @param rows  ascending positions. @param columns (n_rows, n_layer, n_head). No T x T matrix exists at any time. */
headsift_status hs_engine_attend(struct hs_engine *engine, const int32_t *tokens, int64_t n_tokens, const int64_t *rows,
                                 int64_t n_rows, int32_t *columns, headsift_error *error);

/** The mean over each document's positions of the unmasked hidden state behind the last layer, before the output norm.
 *  A batch of any size; no parents, here and in the next one.
 *  @param out (n_documents, hidden); zeros for a document without tokens. */
headsift_status hs_engine_embed(struct hs_engine *engine, const struct hs_batch *batch, float *out,
                                headsift_error *error);

/** The mean over all positions of all documents of what each of these heads gives, unmasked, to the output projection:
 *  what hs_mask.means takes. @param means (n_heads, head_dim). HEADSIFT_FAILED: no tokens at all. */
headsift_status hs_engine_mean_outputs(struct hs_engine *engine, const struct hs_batch *batch,
                                       const headsift_head *heads, size_t n_heads, float *means, headsift_error *error);

/** Asked after each generated token: true ends the generation (the token stays). */
typedef bool (*hs_stop_fn)(void *user, int32_t token);

/** Greedy continuation of one unmasked prompt, with a KV cache; of equal logits the lowest id wins.
 *  @param out     (at most) `most` tokens; *n_out how many came.
 *  @param columns NULL or (most, n_layer, n_head): hs_engine_attend's answer for the query that produced each token. */
headsift_status hs_engine_generate(struct hs_engine *engine, const int32_t *prompt, int64_t n_prompt, int32_t most,
                                   hs_stop_fn stop, void *user, int32_t *out, int32_t *n_out, int32_t *columns,
                                   headsift_error *error);

/** Asked after each generated token: true ends the continuation of this prompt under this mask (the token stays). */
typedef bool (*hs_stop_stream_fn)(void *user, int32_t mask, int32_t document, int32_t token);

/** The same for many prompts, each under each mask; all of them go on together, so that weights are read once for one
 *  token of each. Layers below a mask's first head, and what prompts share as a parent, are computed once. What doesn't
 *  fit in memory together goes in rounds.
 *  @param batch prompts, of one token or more; a document that others go on behind is part of theirs and no prompt
 *  @param out   (n_masks, n_documents, most). @param n_out (n_masks, n_documents) how many came; 0 for parents */
headsift_status hs_engine_generate_masked(struct hs_engine *engine, const struct hs_batch *batch,
                                          const struct hs_mask *masks, int32_t n_masks, int32_t most,
                                          hs_stop_stream_fn stop, void *user, int32_t *out, int32_t *n_out,
                                          headsift_error *error);

/** Asked by hs_engine_nll whenever some masks are done and others are left: false ends it with HEADSIFT_STOPPED. */
struct hs_watch {
    bool (*go_on)(void *user, int32_t masks_done, int32_t masks);
    void *user;
};
/** Long questions (a mask a head) ask `watch` from now on; NULL: none. It must stay valid until it is replaced. */
void hs_engine_watch(struct hs_engine *engine, const struct hs_watch *watch);

/** Layers walked so far, counted once for each stream of each document batch: the cost that sharing saves. */
int64_t hs_engine_layer_passes(const struct hs_engine *engine);
int hs_engine_threads(const struct hs_engine *engine);
/** So many tokens in a batch keep every thread's products full; more gain nothing. */
int64_t hs_engine_batch_tokens(const struct hs_engine *engine);

/** What the engine's time goes into. */
enum hs_engine_stage {
    HS_STAGE_EMBED,
    HS_STAGE_QKV, /**< norm, queries, keys and values, rotary positions, caches */
    HS_STAGE_ATTENTION,
    HS_STAGE_PROJECTION,
    HS_STAGE_MLP,  /**< norm, gates, ups, SwiGLU, downs */
    HS_STAGE_LOSS, /**< norm, logits, cross entropy */
    HS_STAGES
};

/** Of all calls since the engine was opened. */
struct hs_stage_cost {
    double seconds;       /**< of every thread, summed */
    double multiply_adds; /**< of products and attention; what a causal mask hides is not counted */
    double in_s8;         /**< of those: of 8-bit integers */
};
void hs_engine_costs(const struct hs_engine *engine, struct hs_stage_cost costs[HS_STAGES]);

/** Multiply-adds a second of all threads together, the most that was reached. */
struct hs_peak {
    double registers; /**< a loop that touches no memory */
    double products;  /**< the best packed product of the model's shapes */
};
struct hs_peak_meter; /**< matrices and rows to measure with */
headsift_status hs_peak_open(const struct hs_engine *engine, struct hs_peak_meter **out, headsift_error *error);
/** Measures within about so many seconds (more where one product takes longer). */
headsift_status hs_peak_measure(struct hs_peak_meter *meter, double seconds, struct hs_peak *out,
                                headsift_error *error);
void hs_peak_close(struct hs_peak_meter *meter); /**< before its engine; NULL is fine */

/** What an engine runs on, for people. */
struct hs_engine_facts {
    const char *dtype;   /**< "f32", "bf16", "int8" */
    const char *kernels; /**< the kernel set */
    char products[32];   /**< "oneDNN 3.6.2" */
    size_t packed_bytes; /**< of weights */
};
void hs_engine_describe(const struct hs_engine *engine, struct hs_engine_facts *out);

#endif
