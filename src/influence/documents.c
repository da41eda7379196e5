/* A text to its tokens and to the pieces that go into the model: the whole document, its beginning, or chunks.
 * Rows that need no engine (bad text, nothing to predict) are complete when this is done. */
#include "influence/scoring.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { KEPT_TOKENS = 1 << 20 }; /* room for so many is kept for what comes; a giant's is given back */

static headsift_status new_row(struct hs_pack *pack, size_t size, headsift_score **row, headsift_error *error) {
    void *rows = pack->rows, *sums = pack->sums, *ranges = pack->ranges;
    bool grown = hs_grow(&rows, &pack->rows_capacity, pack->n_rows + 1, sizeof *pack->rows);
    pack->rows = rows;
    grown = grown && hs_grow(&sums, &pack->sums_capacity, pack->n_rows + 1, sizeof *pack->sums);
    pack->sums = sums;
    grown = grown && hs_grow(&ranges, &pack->ranges_capacity, pack->n_rows + 1, sizeof *pack->ranges);
    pack->ranges = ranges;
    if (!grown) {
        return hs_fail_memory(error, "score rows", (pack->n_rows + 1) * sizeof *pack->rows);
    }
    *row = &pack->rows[pack->n_rows];
    **row = (headsift_score){.n_bytes = (int64_t)size, .loss_base = NAN, .loss_ref = NAN, .score = NAN};
    pack->sums[pack->n_rows] = (struct hs_loss_sums){0};
    pack->ranges[pack->n_rows] = (struct hs_step_range){.first = pack->n_steps};
    pack->n_rows++;
    return HEADSIFT_OK;
}

headsift_status hs_pack_add_bad(struct hs_pack *pack, size_t size, const char *note, headsift_error *error) {
    headsift_score *row;
    HS_TRY(new_row(pack, size, &row, error));
    hs_row_status(row, "bad_text", note);
    return HEADSIFT_OK;
}

/* Appends tokens [first, first + n) of the encoding as a piece, with a BOS in front where one belongs. Those from
 * `counted` on count. */
static headsift_status add_piece(const struct hs_scoring *scoring, struct hs_pack *pack, size_t first, size_t n,
                                 size_t counted, int32_t bos, headsift_error *error) {
    void *tokens = pack->tokens, *pieces = pack->pieces;
    bool grown = hs_grow(&tokens, &pack->tokens_capacity, pack->n_tokens + n + 1, sizeof *pack->tokens);
    pack->tokens = tokens;
    grown = grown && hs_grow(&pieces, &pack->pieces_capacity, pack->n_pieces + 1, sizeof *pack->pieces);
    pack->pieces = pieces;
    if (!grown) {
        return hs_fail_memory(error, "a document's tokens", (pack->n_tokens + n + 1) * sizeof *pack->tokens);
    }
    struct hs_piece *piece = &pack->pieces[pack->n_pieces++];
    *piece = (struct hs_piece){.first = pack->n_tokens,
                               .document = pack->n_rows - 1,
                               .token = first,
                               .counted = counted - first + (bos >= 0 ? 1 : 0),
                               .bos = bos >= 0};
    if (bos >= 0) {
        pack->tokens[pack->n_tokens++] = bos;
    }
    memcpy(pack->tokens + pack->n_tokens, pack->encoding.ids + first, n * sizeof *pack->tokens);
    pack->n_tokens += n;
    piece->n = pack->n_tokens - piece->first;
    double length = (double)piece->n;
    pack->work += length * scoring->token_work + length * length / 2 * scoring->pair_work;
    return HEADSIFT_OK;
}

/* What became of a document's tokens. */
struct cut {
    size_t counted; /* the document's tokens from this one on count: those of the response */
    size_t seen;    /* tokens gone through */
    size_t used;    /* tokens that a piece covers */
    size_t runs;    /* runs of tokens that the document was cut into */
    size_t pieces;  /* those in which something is predicted, which are the ones that go into the model */
};

/* Cuts the encoding into pieces. Each gets its own BOS unless it begins with one. */
static headsift_status cut_document(const struct hs_scoring *scoring, struct hs_pack *pack, size_t prompt_size,
                                    headsift_score *row, struct cut *cut, headsift_error *error) {
    const struct hs_encoding *encoding = &pack->encoding;
    *cut = (struct cut){0};
    while (prompt_size > 0 && cut->counted < encoding->n && encoding->ends[cut->counted] <= prompt_size) {
        cut->counted++;
    }
    for (size_t at = 0; at < encoding->n && (scoring->chunk || at == 0); cut->runs++) {
        int32_t bos = encoding->ids[at] == scoring->bos ? -1 : scoring->bos;
        size_t room = (size_t)scoring->max_tokens - (bos >= 0 ? 1 : 0);
        size_t n = encoding->n - at < room ? encoding->n - at : room;
        size_t counted = at + (bos >= 0 ? 0 : 1);
        counted = counted > cut->counted ? counted : cut->counted;
        if (counted < at + n) {
            HS_TRY(add_piece(scoring, pack, at, n, counted, bos, error));
            size_t start = encoding->starts[counted] > prompt_size ? encoding->starts[counted] : prompt_size;
            row->n_scored += (int32_t)(at + n - counted);
            row->n_bytes_scored += (int64_t)(encoding->ends[at + n - 1] - start);
            cut->used += n;
            cut->pieces++;
        }
        at += n;
        cut->seen = at;
    }
    return HEADSIFT_OK;
}

/* Why nothing of the document counts. */
static void name_short(headsift_score *row, const struct cut *cut, bool response) {
    char note[sizeof row->note];
    if (response && cut->counted == (size_t)row->n_tokens) {
        hs_row_status(row, "too_short", "the response is empty");
        return;
    }
    if (row->n_bytes == 0) {
        hs_row_status(row, "too_short", "the text is empty");
        return;
    }
    if (response && cut->seen <= cut->counted) {
        snprintf(note, sizeof note, "the first %zu of %d tokens are the prompt's: the response is cut away", cut->seen,
                 row->n_tokens);
    } else {
        snprintf(note, sizeof note, "%d %s, none of them predicted", row->n_tokens,
                 row->n_tokens == 1 ? "token" : "tokens");
    }
    hs_row_status(row, "too_short", note);
}

static void name_status(headsift_score *row, const struct cut *cut, bool response) {
    char note[sizeof row->note];
    if (row->n_scored == 0) {
        name_short(row, cut, response);
    } else if (cut->runs > 1) {
        snprintf(note, sizeof note, "%zu of %d tokens, in %zu chunks", cut->used, row->n_tokens, cut->pieces);
        hs_row_status(row, "chunked", note);
    } else if (cut->used < (size_t)row->n_tokens) {
        snprintf(note, sizeof note, "the first %zu of %d tokens", cut->used, row->n_tokens);
        hs_row_status(row, "truncated", note);
    } else {
        hs_row_status(row, "ok", "");
    }
}

static headsift_status encode(const struct hs_scoring *scoring, struct hs_pack *pack, const char *text, size_t size,
                              headsift_error *error) {
    unsigned flags = scoring->special_as_text ? 0u : HS_ENCODE_SPECIAL;
    HS_TRY(hs_encode(scoring->tokenizer, text, size, flags, &pack->encoding, error));
    if (pack->encoding.n > INT32_MAX) {
        return hs_fail(error, HEADSIFT_FAILED, "%zu tokens, at most %d can be scored", pack->encoding.n, INT32_MAX);
    }
    return HEADSIFT_OK;
}

/* The tokens of a text, or of a prompt with its response, to pieces, steps and a row. */
static headsift_status add_text(const struct hs_scoring *scoring, struct hs_pack *pack, const char *text, size_t size,
                                size_t prompt_size, bool response, headsift_error *error) {
    headsift_score *row;
    HS_TRY(new_row(pack, size, &row, error));
    headsift_error reason = {0};
    if (encode(scoring, pack, text, size, &reason) != HEADSIFT_OK) {
        hs_row_fail(row, reason.message);
        return HEADSIFT_OK;
    }
    row->n_tokens = (int32_t)pack->encoding.n;
    struct cut cut;
    size_t first_piece = pack->n_pieces;
    HS_TRY(cut_document(scoring, pack, prompt_size, row, &cut, error));
    name_status(row, &cut, response);
    return response && row->n_scored > 0 ? hs_response_cut(scoring, pack, text + prompt_size, size - prompt_size,
                                                           prompt_size, first_piece, cut.seen, error)
                                         : HEADSIFT_OK;
}

static headsift_status add_checked(const struct hs_scoring *scoring, struct hs_pack *pack, const char *text,
                                   size_t size, size_t prompt_size, bool response, headsift_error *error) {
    char note[64];
    size_t good = hs_utf8_check(text, size);
    if (good < size) {
        snprintf(note, sizeof note, "not UTF-8 at byte %zu", good);
        return hs_pack_add_bad(pack, size, note, error);
    }
    headsift_status status = add_text(scoring, pack, text, size, prompt_size, response, error);
    if (pack->encoding.capacity > KEPT_TOKENS) {
        hs_encoding_free(&pack->encoding);
    }
    return status;
}

headsift_status hs_pack_add(const struct hs_scoring *scoring, struct hs_pack *pack, const char *text, size_t size,
                            headsift_error *error) {
    return add_checked(scoring, pack, text, size, 0, false, error);
}

headsift_status hs_pack_add_response(const struct hs_scoring *scoring, struct hs_pack *pack, const char *text,
                                     size_t size, size_t prompt_size, headsift_error *error) {
    return add_checked(scoring, pack, text, size, prompt_size, true, error);
}

bool hs_pack_full(const struct hs_pack *pack, bool first) {
    bool enough = pack->n_tokens >= HS_FIRST_PACK_TOKENS && (first || pack->work >= HS_PACK_WORK);
    return enough || pack->n_tokens >= HS_PACK_TOKENS || pack->n_rows >= HS_PACK_DOCUMENTS;
}

void hs_pack_clear(struct hs_pack *pack) {
    if (pack->tokens_capacity > KEPT_TOKENS || pack->steps_capacity > KEPT_TOKENS) {
        hs_pack_free(pack);
    }
    pack->n_steps = pack->n_rows = pack->n_pieces = pack->n_tokens = 0;
    pack->work = 0;
}

void hs_pack_free(struct hs_pack *pack) {
    hs_encoding_free(&pack->encoding);
    hs_free(pack->rows);
    hs_free(pack->sums);
    hs_free(pack->ranges);
    hs_free(pack->steps);
    hs_free(pack->step_of);
    hs_free(pack->pieces);
    hs_free(pack->tokens);
    hs_free(pack->batch);
    hs_free(pack->offsets);
    hs_free(pack->nll);
    *pack = (struct hs_pack){0};
}
