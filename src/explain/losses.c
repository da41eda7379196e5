/* The losses of each token of one document, unmasked and masked, and its row: the pieces are those that scoring makes,
 * so that the means are the row's. */
#include "explain/explain.h"

#include <math.h>
#include <string.h>

/* Token losses of a piece, and their sums. */
static headsift_status explain_piece(const struct hs_scoring *scoring, struct hs_pack *pack,
                                     const struct hs_piece *piece, struct hs_explained *document,
                                     headsift_error *error) {
    const int32_t *tokens = pack->tokens + piece->first;
    const int64_t offsets[] = {0, (int64_t)piece->n};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    double *nll = hs_alloc(2 * piece->n, sizeof *nll);
    if (nll == NULL) {
        return hs_fail_memory(error, "token losses", 2 * piece->n * sizeof *nll);
    }
    headsift_status status = hs_engine_nll(scoring->engine, &batch, scoring->masks, 2, nll, error);
    for (size_t i = piece->counted; status == HEADSIFT_OK && i < piece->n; i++) {
        struct hs_explained_token *token = &document->tokens[piece->token + i - (piece->bos ? 1 : 0)];
        token->base = nll[i];
        token->masked = nll[piece->n + i];
        pack->sums[0].base += token->base;
        pack->sums[0].ref += token->masked;
    }
    if (status == HEADSIFT_OK) {
        hs_response_add_losses(pack, piece, nll, nll + piece->n);
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

/* Takes over row and steps. */
static headsift_status finish_row(struct hs_pack *pack, struct hs_explained *document, headsift_error *error) {
    size_t n = pack->ranges[0].n;
    document->row = pack->rows[0];
    if (document->row.n_scored > 0) {
        hs_row_finish(&document->row, &pack->sums[0]);
    }
    document->steps = hs_alloc(n, sizeof *document->steps);
    if (document->steps == NULL) {
        return hs_fail_memory(error, "steps", n * sizeof *document->steps);
    }
    if (n > 0) {
        memcpy(document->steps, pack->steps, n * sizeof *document->steps);
    }
    document->n_steps = n;
    hs_response_finish(&document->row, document->steps, n);
    return HEADSIFT_OK;
}

/* From here on the response is the text. */
static void leave_response(struct hs_explained *document) {
    size_t kept = 0, prompt = document->prompt_size;
    for (size_t i = 0; i < document->n; i++) {
        struct hs_explained_token token = document->tokens[i];
        if (token.end > prompt) {
            token.start = token.start > prompt ? token.start - prompt : 0;
            token.end -= prompt;
            document->tokens[kept++] = token;
        }
    }
    document->n = kept;
    document->text += prompt;
    document->size -= prompt;
}

headsift_status hs_explain_losses(const struct hs_scoring *scoring, struct hs_explained *document,
                                  headsift_error *error) {
    struct hs_pack pack = {0};
    headsift_status status = document->response ? hs_pack_add_response(scoring, &pack, document->text, document->size,
                                                                       document->prompt_size, error)
                                                : hs_pack_add(scoring, &pack, document->text, document->size, error);
    if (status == HEADSIFT_OK && strcmp(pack.rows[0].status, "bad_text") != 0) {
        status = list_tokens(scoring, document, error);
    }
    for (size_t i = 0; status == HEADSIFT_OK && i < pack.n_pieces; i++) {
        status = explain_piece(scoring, &pack, &pack.pieces[i], document, error);
    }
    if (status == HEADSIFT_OK) {
        status = finish_row(&pack, document, error);
    }
    if (status == HEADSIFT_OK && document->response) {
        leave_response(document);
    }
    hs_pack_free(&pack);
    return status;
}

void hs_explained_free(struct hs_explained *document) {
    hs_free(document->tokens);
    hs_free(document->steps);
    document->tokens = NULL;
    document->steps = NULL;
    document->n = document->n_steps = 0;
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
