/* Text to ids: added tokens, normalisation, cuts, merges, in the order of the `tokenizers` library,
 * with the bytes of the text that each id covers. */
#include <string.h>

#include "base/text.h"
#include "tokenizer/internal.h"

struct encoder {
    const struct hs_tokenizer *tokenizer;
    bool special;
    struct hs_encoding *out;
    struct hs_bpe_scratch scratch;
    struct hs_step_room room;
    struct hs_rewrite normalized[HS_MOST_STEPS], prepared[HS_MOST_STEPS]; /* what each step leaves */
    headsift_error *error;
};

/* Text on its way to ids, and the way back to the caller's text. */
struct view {
    const char *text;
    size_t size;
    const struct view *from;          /* what it was cut out of or made from; NULL: the caller's text */
    size_t offset;                    /* where it begins there */
    const struct hs_rewrite *rewrite; /* how it was made; NULL: it was cut out as it is */
};

static size_t start_of(const struct view *view, size_t at) {
    for (; view != NULL; view = view->from) {
        at = view->offset + (view->rewrite != NULL ? hs_rewrite_start(view->rewrite, at) : at);
    }
    return at;
}

static size_t end_of(const struct view *view, size_t at) {
    for (; view != NULL; view = view->from) {
        at = view->offset + (view->rewrite != NULL ? hs_rewrite_end(view->rewrite, at) : at);
    }
    return at;
}

static struct view part_of(const struct view *view, size_t start, size_t end) {
    return (struct view){.text = view->text + start, .size = end - start, .from = view, .offset = start};
}

static headsift_status push(struct encoder *encoder, int32_t id, size_t start, size_t end) {
    struct hs_encoding *out = encoder->out;
    if (out->n == out->capacity) {
        size_t capacity = out->capacity < 64 ? 64 : out->capacity * 2;
        int32_t *ids = hs_realloc(out->ids, capacity, sizeof *ids);
        out->ids = ids == NULL ? out->ids : ids;
        size_t *starts = ids == NULL ? NULL : hs_realloc(out->starts, capacity, sizeof *starts);
        out->starts = starts == NULL ? out->starts : starts;
        size_t *ends = starts == NULL ? NULL : hs_realloc(out->ends, capacity, sizeof *ends);
        if (ends == NULL) {
            return hs_fail_memory(encoder->error, "token ids", capacity * (sizeof *ids + 2 * sizeof *starts));
        }
        out->ends = ends;
        out->capacity = capacity;
    }
    out->ids[out->n] = id;
    out->starts[out->n] = start;
    out->ends[out->n] = end;
    out->n++;
    return HEADSIFT_OK;
}

/* A token that covers bytes [start, end) of the view. What was put in front covers nothing. */
static headsift_status push_from(struct encoder *encoder, const struct view *view, int32_t id, size_t start,
                                 size_t end) {
    size_t text_start = start_of(view, start), text_end = end_of(view, end);
    return push(encoder, id, text_start < text_end ? text_start : text_end, text_end);
}

/* Runs steps one after the other. views[0] is the text; a step that changes it makes the next one. *last: where the
 * text stands in the end. */
static headsift_status run_steps(struct encoder *encoder, const struct hs_steps *steps, struct hs_rewrite *rewrites,
                                 struct view *views, size_t *last) {
    *last = 0;
    for (size_t i = 0; i < steps->n; i++) {
        struct view *view = &views[*last];
        bool changed;
        HS_TRY(hs_step_run(&steps->step[i], view->text, view->size, start_of(view, 0) == 0, &encoder->room,
                           &rewrites[i], &changed, encoder->error));
        if (changed) {
            views[++*last] = (struct view){
                .text = rewrites[i].text.data, .size = rewrites[i].text.size, .from = view, .rewrite = &rewrites[i]};
        }
    }
    return HEADSIFT_OK;
}

/* ---- Pieces ----------------------------------------------------------------------------------------------------- */

/* A symbol: its token, or where it has none those of its bytes. */
static headsift_status push_symbol(struct encoder *encoder, const struct view *view, const struct hs_symbol *symbol,
                                   size_t from) {
    size_t start = from + (size_t)symbol->start, end = from + (size_t)symbol->end;
    if (symbol->id != HS_NO_TOKEN) {
        return push_from(encoder, view, symbol->id, start, end);
    }
    for (size_t at = start; at < end; at++) {
        int32_t id = encoder->tokenizer->bpe.byte_ids[(unsigned char)view->text[at]];
        HS_TRY(push_from(encoder, view, id, at, at + 1));
    }
    return HEADSIFT_OK;
}

static headsift_status encode_piece(struct encoder *encoder, const struct view *view, size_t start, size_t end) {
    const struct hs_tokenizer *tokenizer = encoder->tokenizer;
    const char *piece = view->text + start;
    int32_t id = hs_pieces_find(&tokenizer->whole, piece, end - start);
    if (id >= 0) {
        return push_from(encoder, view, id, start, end);
    }
    HS_TRY(hs_bpe_encode(&tokenizer->bpe, piece, end - start, &encoder->scratch, encoder->error));
    const struct hs_symbol *symbols = encoder->scratch.symbols;
    for (int32_t i = encoder->scratch.n > 0 ? 0 : HS_NO_SYMBOL; i != HS_NO_SYMBOL; i = symbols[i].next) {
        HS_TRY(push_symbol(encoder, view, &symbols[i], start));
    }
    return HEADSIFT_OK;
}

/* Cuts bytes [start, end) of the view with the cuts from `level` on, each in the pieces of the one before. */
static headsift_status cut_piece(struct encoder *encoder, const struct view *view, size_t level, size_t start,
                                 size_t end) {
    const struct hs_cuts *cuts = &encoder->tokenizer->cuts;
    if (level == cuts->n) {
        return encode_piece(encoder, view, start, end);
    }
    struct hs_cutting cutting = {.cut = &cuts->cut[level], .text = view->text + start, .size = end - start};
    if (cutting.cut->pattern == HS_PATTERN_REGEX) {
        HS_TRY(hs_step_room_regex(&encoder->room, &cutting.room, encoder->error));
    }
    for (size_t from, to;;) {
        HS_TRY(hs_cut_next(&cutting, &from, &to, encoder->error));
        if (from == to) {
            return HEADSIFT_OK;
        }
        HS_TRY(cut_piece(encoder, view, level + 1, start + from, start + to));
    }
}

/* ---- Stretches -------------------------------------------------------------------------------------------------- */

/* Text that holds no added token any more. */
static headsift_status encode_plain(struct encoder *encoder, const struct view *stretch) {
    struct view views[HS_MOST_STEPS + 1] = {*stretch};
    size_t last;
    HS_TRY(run_steps(encoder, &encoder->tokenizer->prepare, encoder->prepared, views, &last));
    return views[last].size > 0 ? cut_piece(encoder, &views[last], 0, 0, views[last].size) : HEADSIFT_OK;
}

/* Looks for the tokens of a set in a text, and does the rest with `between`. */
static headsift_status encode_between(struct encoder *encoder, const struct view *view,
                                      const struct hs_added_tree *tree,
                                      headsift_status (*between)(struct encoder *, const struct view *)) {
    struct hs_added_search search = {0};
    struct hs_added_match match;
    size_t done = 0;
    while (hs_added_next(&encoder->tokenizer->added, tree, view->text, view->size, encoder->special, &search, &match)) {
        if (done < match.start) {
            struct view part = part_of(view, done, match.start);
            HS_TRY(between(encoder, &part));
        }
        HS_TRY(push_from(encoder, view, match.token->id, match.start, match.end));
        done = match.end;
    }
    struct view rest = part_of(view, done, view->size);
    return done < view->size ? between(encoder, &rest) : HEADSIFT_OK;
}

/* Text between tokens of the first set: normalise it, then look for the second set. */
static headsift_status encode_stretch(struct encoder *encoder, const struct view *stretch) {
    struct view views[HS_MOST_STEPS + 1] = {*stretch};
    size_t last;
    HS_TRY(run_steps(encoder, &encoder->tokenizer->normalizer, encoder->normalized, views, &last));
    return encode_between(encoder, &views[last], &encoder->tokenizer->added.normalized, encode_plain);
}

/* Takes the BOS out again where the text brings its own. */
static void drop_second_bos(struct hs_encoding *out, bool special) {
    if (!special || out->n < 2 || out->ids[1] != out->ids[0]) {
        return;
    }
    out->n--;
    memmove(out->ids, out->ids + 1, out->n * sizeof *out->ids);
    memmove(out->starts, out->starts + 1, out->n * sizeof *out->starts);
    memmove(out->ends, out->ends + 1, out->n * sizeof *out->ends);
}

headsift_status hs_encode(const struct hs_tokenizer *tokenizer, const char *text, size_t size, unsigned flags,
                          struct hs_encoding *out, headsift_error *error) {
    out->n = 0;
    size_t bad = hs_utf8_check(text, size);
    if (bad != size) {
        return hs_fail(error, HEADSIFT_FAILED, "the text is not UTF-8 at byte %zu", bad);
    }
    struct encoder encoder = {
        .tokenizer = tokenizer, .special = (flags & HS_ENCODE_SPECIAL) != 0, .out = out, .error = error};
    bool bos = (flags & HS_ENCODE_BOS) != 0 && tokenizer->bos >= 0;
    headsift_status status = bos ? push(&encoder, tokenizer->bos, 0, 0) : HEADSIFT_OK;
    if (status == HEADSIFT_OK) {
        struct view whole = {.text = text, .size = size};
        status = encode_between(&encoder, &whole, &tokenizer->added.raw, encode_stretch);
    }
    if (bos && status == HEADSIFT_OK) {
        drop_second_bos(out, encoder.special);
    }
    hs_bpe_scratch_free(&encoder.scratch);
    hs_step_room_free(&encoder.room);
    for (size_t i = 0; i < HS_MOST_STEPS; i++) {
        hs_rewrite_free(&encoder.normalized[i]);
        hs_rewrite_free(&encoder.prepared[i]);
    }
    return status;
}

void hs_encoding_free(struct hs_encoding *encoding) {
    hs_free(encoding->ids);
    hs_free(encoding->starts);
    hs_free(encoding->ends);
    *encoding = (struct hs_encoding){0};
}
