/* The losses of each token of one document, unmasked and masked, and its row: the pieces are those that scoring makes,
 * so that the means are the row's. */
#include "explain/explain.h"

#include <math.h>
#include <string.h>

/* Token losses of a piece, and where its tokens stand in the document. */
static headsift_status explain_piece(const struct hs_scoring *scoring, const struct hs_pack *pack,
                                     const struct hs_piece *piece, struct hs_explained *document, size_t *at,
                                     struct hs_loss_sums *sums, headsift_error *error) {
    const int32_t *tokens = pack->tokens + piece->first;
    const int64_t offsets[] = {0, (int64_t)piece->n};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    double *nll = hs_alloc(2 * piece->n, sizeof *nll);
    if (nll == NULL) {
        return hs_fail_memory(error, "token losses", 2 * piece->n * sizeof *nll);
    }
    headsift_status status = hs_engine_nll(scoring->engine, &batch, scoring->masks, 2, nll, error);
    bool added_bos = scoring->bos >= 0 && tokens[0] == scoring->bos && document->tokens[*at].id != scoring->bos;
    for (size_t i = 0; status == HEADSIFT_OK && i < piece->n; i++) {
        if (i == 0 && added_bos) {
            continue;
        }
        struct hs_explained_token *token = &document->tokens[(*at)++];
        if (i > 0) {
            token->base = nll[i];
            token->masked = nll[piece->n + i];
            sums->base += token->base;
            sums->ref += token->masked;
        }
    }
    hs_free(nll);
    return status;
}

static headsift_status list_tokens(const struct hs_scoring *scoring, struct hs_explained *document,
                                   headsift_error *error) {
    struct hs_encoding encoding = {0};
    unsigned flags = scoring->special_as_text ? 0u : HS_ENCODE_SPECIAL;
    headsift_status status = hs_encode(scoring->tokenizer, document->text, document->size, flags, &encoding, error);
    document->tokens = status == HEADSIFT_OK ? hs_alloc(encoding.n, sizeof *document->tokens) : NULL;
    if (status == HEADSIFT_OK && document->tokens == NULL) {
        status = hs_fail_memory(error, "tokens", encoding.n * sizeof *document->tokens);
    }
    for (size_t i = 0; status == HEADSIFT_OK && i < encoding.n; i++) {
        document->tokens[i] = (struct hs_explained_token){encoding.starts[i], encoding.ends[i], encoding.ids[i],
                                                          (double)NAN, (double)NAN};
        document->n++;
    }
    hs_encoding_free(&encoding);
    return status;
}

headsift_status hs_explain_losses(const struct hs_scoring *scoring, struct hs_explained *document,
                                  headsift_error *error) {
    struct hs_pack pack = {0};
    struct hs_loss_sums sums = {0};
    headsift_status status = hs_pack_add(scoring, &pack, document->text, document->size, error);
    if (status == HEADSIFT_OK && strcmp(pack.rows[0].status, "bad_text") != 0) {
        status = list_tokens(scoring, document, error);
    }
    size_t at = 0;
    for (size_t i = 0; status == HEADSIFT_OK && i < pack.n_pieces; i++) {
        status = explain_piece(scoring, &pack, &pack.pieces[i], document, &at, &sums, error);
    }
    if (status == HEADSIFT_OK) {
        document->row = pack.rows[0];
        if (document->row.n_scored > 0) {
            hs_row_finish(&document->row, &sums);
        }
    }
    hs_pack_free(&pack);
    return status;
}

void hs_explained_free(struct hs_explained *document) {
    hs_free(document->tokens);
    document->tokens = NULL;
    document->n = 0;
}

static bool inside_character(const struct hs_explained *document, size_t at) {
    return at < document->size && ((unsigned char)document->text[at] & 0xC0) == 0x80;
}

struct hs_span_of_tokens hs_explained_span(const struct hs_explained *document, size_t first) {
    const struct hs_explained_token *tokens = document->tokens;
    struct hs_span_of_tokens span = {.first = first, .start = tokens[first].start};
    bool predicted = false;
    do {
        const struct hs_explained_token *token = &tokens[first + span.n++];
        if (!isnan(token->base) && !isnan(token->masked)) {
            span.base += token->base;
            span.masked += token->masked;
            predicted = true;
        }
        span.end = token->end > span.end ? token->end : span.end;
    } while (first + span.n < document->n &&
             (inside_character(document, span.end) || tokens[first + span.n].start < span.end));
    if (!predicted) {
        span.base = span.masked = (double)NAN;
    }
    span.rise = span.masked - span.base;
    return span;
}

int hs_rise_level(double rise) {
    static const double steps[] = {0.1, 0.5, 1.0, 2.0};
    int level = 0;
    while (level < 4 && fabs(rise) >= steps[level]) {
        level++;
    }
    return rise < 0 ? -level : level;
}
