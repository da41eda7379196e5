/* Packing: pieces of about the same length go through the engine together, without a mask and with it, in one call.
 * When a call fails its pieces are tried one by one, so that only the documents at fault lose their rows. */
#include "influence/scoring.h"

#include <stdlib.h>
#include <string.h>

static headsift_status room_for_batch(struct hs_pack *pack, size_t n_pieces, size_t n_tokens, headsift_error *error) {
    void *batch = pack->batch, *offsets = pack->offsets, *nll = pack->nll;
    bool grown = hs_grow(&batch, &pack->batch_capacity, n_tokens, sizeof *pack->batch);
    pack->batch = batch;
    grown = grown && hs_grow(&offsets, &pack->offsets_capacity, n_pieces + 1, sizeof *pack->offsets);
    pack->offsets = offsets;
    grown = grown && hs_grow(&nll, &pack->nll_capacity, 2 * n_tokens, sizeof *pack->nll);
    pack->nll = nll;
    return grown ? HEADSIFT_OK : hs_fail_memory(error, "the losses of a batch", 2 * n_tokens * sizeof *pack->nll);
}

/* Pieces [first, first + n) through the engine: pack->nll (2, n_tokens of these pieces). */
static headsift_status run_engine(const struct hs_scoring *scoring, struct hs_pack *pack, size_t first, size_t n,
                                  headsift_error *error) {
    const struct hs_piece *pieces = pack->pieces + first;
    size_t n_tokens = 0;
    for (size_t i = 0; i < n; i++) {
        n_tokens += pieces[i].n;
    }
    HS_TRY(room_for_batch(pack, n, n_tokens, error));
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        pack->offsets[i] = (int64_t)at;
        memcpy(pack->batch + at, pack->tokens + pieces[i].first, pieces[i].n * sizeof *pack->batch);
        at += pieces[i].n;
    }
    pack->offsets[n] = (int64_t)at;
    struct hs_batch batch = {.tokens = pack->batch, .offsets = pack->offsets, .n_documents = (int32_t)n};
    return hs_engine_nll(scoring->engine, &batch, scoring->masks, 2, pack->nll, error);
}

/* Adds the batch's losses to their documents. A piece's first token is never predicted. */
static void add_losses(struct hs_pack *pack, size_t first, size_t n) {
    const double *base = pack->nll, *ref = pack->nll + pack->offsets[n];
    for (size_t i = 0; i < n; i++) {
        struct hs_loss_sums *sums = &pack->sums[pack->pieces[first + i].document];
        for (int64_t at = pack->offsets[i] + 1; at < pack->offsets[i + 1]; at++) {
            sums->base += base[at];
            sums->ref += ref[at];
        }
    }
}

static void score_one(const struct hs_scoring *scoring, struct hs_pack *pack, size_t at) {
    headsift_score *row = &pack->rows[pack->pieces[at].document];
    if (row->n_scored == 0) {
        return; /* an earlier piece of this document failed */
    }
    headsift_error reason = {0};
    if (run_engine(scoring, pack, at, 1, &reason) == HEADSIFT_OK) {
        add_losses(pack, at, 1);
        return;
    }
    row->n_scored = 0;
    row->n_bytes_scored = 0;
    hs_row_fail(row, reason.message);
}

static void score_batch(const struct hs_scoring *scoring, struct hs_pack *pack, size_t first, size_t n) {
    headsift_error reason = {0};
    if (n > 1 && run_engine(scoring, pack, first, n, &reason) == HEADSIFT_OK) {
        add_losses(pack, first, n);
        return;
    }
    if (n > 1) {
        hs_log(scoring->monitor, HEADSIFT_LOG_DEBUG, "a batch failed, its documents are tried one by one: %s",
               reason.message);
    }
    for (size_t i = 0; i < n; i++) {
        score_one(scoring, pack, first + i);
    }
}

/* Long pieces first; equal ones as they came. */
static int by_length(const void *left, const void *right) {
    const struct hs_piece *a = left, *b = right;
    if (a->n != b->n) {
        return a->n > b->n ? -1 : 1;
    }
    return (a->first > b->first) - (a->first < b->first);
}

/* How many pieces from `first` on make a batch, and their tokens. A piece that fills a batch goes alone. */
static size_t batch_size(const struct hs_pack *pack, size_t first, size_t enough, size_t *tokens) {
    size_t n = 0;
    for (*tokens = 0; first + n < pack->n_pieces && *tokens < enough; n++) {
        *tokens += pack->pieces[first + n].n;
    }
    return n;
}

static headsift_status score_batches(const struct hs_scoring *scoring, struct hs_pack *pack, headsift_error *error) {
    size_t tokens, done = 0;
    for (size_t first = 0, n; first < pack->n_pieces; first += n) {
        if (hs_stop_wanted(scoring->monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, HS_STOPPED_SCORE);
        }
        n = batch_size(pack, first, scoring->batch_tokens, &tokens);
        score_batch(scoring, pack, first, n);
        done += tokens;
        if (scoring->watch != NULL && done < pack->n_tokens) {
            scoring->watch->batch_done(scoring->watch->user, (double)done / (double)pack->n_tokens);
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_pack_score(const struct hs_scoring *scoring, struct hs_pack *pack, headsift_error *error) {
    if (pack->n_pieces > 1) {
        qsort(pack->pieces, pack->n_pieces, sizeof *pack->pieces, by_length);
    }
    HS_TRY(score_batches(scoring, pack, error));
    for (size_t i = 0; i < pack->n_rows; i++) {
        if (pack->rows[i].n_scored > 0) {
            hs_row_finish(&pack->rows[i], &pack->sums[i]);
        }
    }
    return HEADSIFT_OK;
}
