/* Texts to score rows: a pack of documents is cut into pieces, the pieces go through the engine in batches of about the
 * same length, the losses become rows. In order: hs_pack_add (often), hs_pack_score, hs_pack.rows, hs_pack_clear. */
#ifndef HS_INFLUENCE_SCORING_H
#define HS_INFLUENCE_SCORING_H

#include "base/memory.h"
#include "engine/scorer.h"
#include "influence/calibration.h"

enum {
    HS_PACK_TOKENS = 32768,         /**< a pack takes documents until it has so many tokens, */
    HS_PACK_DOCUMENTS = 8192,       /**< or so many documents, or HS_PACK_WORK for the model; but tokens for a */
    HS_FIRST_PACK_TOKENS = 2048,    /**< small batch at least, and no more than that where work should begin early */
    HS_MOST_BATCH_TOKENS = 1 << 16, /**< a batch is bounded, whatever the engine would take */
    HS_CHECKED_TOKENS = 16          /**< so many scored tokens or more, and the mask should change the loss */
};

#define HS_PACK_WORK 15e12 /**< floating-point operations: minutes on two slow cores, seconds on a large machine */

/** The message of a call that was stopped. */
#define HS_STOPPED_SCORE "stopped; what is finished is kept, the same command goes on from there"

/** Told after each batch but a pack's last one. */
struct hs_pack_watch {
    void (*batch_done)(void *user, double share); /**< of the pack's tokens */
    void *user;
};

/** What all documents of a call share. */
struct hs_scoring {
    const struct hs_tokenizer *tokenizer;
    struct hs_engine *engine; /**< NULL until hs_scoring_start */
    size_t batch_tokens;      /**< a batch takes pieces until it has so many; 0 until hs_scoring_start */
    const headsift_monitor *monitor;
    const struct hs_pack_watch *watch; /**< NULL: none */
    struct hs_mask masks[2];           /**< none, the heads */
    struct hs_calibration calibration; /**< of HEADSIFT_MASK_MEAN */
    float *means;                      /**< those of masks[1], from hs_scoring_start on */
    int32_t bos;                       /**< -1: the tokenizer adds none */
    int64_t max_tokens;                /**< positions, an added BOS included */
    double token_work, pair_work;      /**< operations of the model a token, and a token seen by another, both passes */
    bool chunk;
    bool special_as_text;
};

/** Checks heads and options against the model; packs no weights yet. The model and the heads must outlive it.
 *  @param heads NULL: not known yet, for a plan. @param out hs_scoring_free it, unless this fails. */
headsift_status hs_scoring_prepare(headsift_model *model, const headsift_heads *heads,
                                   const headsift_score_options *options, const headsift_monitor *monitor,
                                   struct hs_scoring *out, headsift_error *error);
/** Opens the engine; takes the means of a mask that needs them. */
headsift_status hs_scoring_start(headsift_model *model, struct hs_scoring *scoring, headsift_error *error);
void hs_scoring_free(struct hs_scoring *scoring);
const char *hs_mask_name(headsift_mask mask); /**< "uniform", "zero", "mean" */

/** A run of tokens that goes into the model as a document of its own: tokens[first .. first + n) of the pack. */
struct hs_piece {
    size_t first, n;
    size_t document; /**< index of its row */
};

/** Sums of a document's token losses, in double. */
struct hs_loss_sums {
    double base, ref;
};

/** How many documents of HS_CHECKED_TOKENS scored tokens or more there were, and in how many the mask changed the loss.
 */
struct hs_mask_check {
    int64_t compared, changed;
};

/** Documents on their way through the model. Everything in it grows and is reused. */
struct hs_pack {
    headsift_score *rows; /**< of each document added, in order; final after hs_pack_score */
    struct hs_loss_sums *sums;
    size_t n_rows, rows_capacity, sums_capacity;
    struct hs_piece *pieces;
    size_t n_pieces, pieces_capacity;
    int32_t *tokens;
    size_t n_tokens, tokens_capacity;
    double work;                 /**< operations of the model on the pieces */
    struct hs_encoding encoding; /**< of the document that is being added */
    int32_t *batch;              /**< the tokens of the batch that is in the engine, its offsets, losses (2, tokens) */
    size_t batch_capacity;
    int64_t *offsets;
    size_t offsets_capacity;
    double *nll;
    size_t nll_capacity;
};

/** Adds a text: tokens, pieces, and a row that is final already where there is nothing to score. Fails only for want
 * of memory for the pack itself. */
headsift_status hs_pack_add(const struct hs_scoring *scoring, struct hs_pack *pack, const char *text, size_t size,
                            headsift_error *error);
/** Adds a row that has no text to score. */
headsift_status hs_pack_add_bad(struct hs_pack *pack, size_t size, const char *note, headsift_error *error);
/** Depends on the documents, the model and the settings alone, so that packs are cut the same way wherever and however
 *  often a call goes on. @param first  a small one is enough. */
bool hs_pack_full(const struct hs_pack *pack, bool first);
/** Sends all pieces through the engine, long ones first (their order in the pack changes, that of the rows does not),
 *  and completes the rows. Documents that the engine can't do become `failed`.
 *  @return HEADSIFT_STOPPED between two batches when the monitor asks for it; the rows are not complete then. */
headsift_status hs_pack_score(const struct hs_scoring *scoring, struct hs_pack *pack, headsift_error *error);
void hs_pack_clear(struct hs_pack *pack); /**< forgets the documents, keeps the memory unless it is a lot */
void hs_pack_free(struct hs_pack *pack);  /**< fine on a zeroed struct */

/** Whether the row has a score. */
bool hs_row_scored(const headsift_score *row);
/** Makes the means and the score of a row with n_scored tokens; status `failed` where they are not numbers. */
void hs_row_finish(headsift_score *row, const struct hs_loss_sums *sums);
/** No losses, `failed`, and why. */
void hs_row_fail(headsift_score *row, const char *note);
/** Sets status and note (escaped to one line). */
void hs_row_status(headsift_score *row, const char *status, const char *note);

void hs_mask_check_add(struct hs_mask_check *check, const headsift_score *row);
/** @return HEADSIFT_FAILED when documents were compared and the mask changed none. */
headsift_status hs_mask_check_end(const struct hs_mask_check *check, headsift_error *error);

#endif
