/* Text to ids: added tokens, normalisation, split, merges, in the order of the `tokenizers` library,
 * with the bytes of the text that each id covers. */
#include <string.h>

#include "base/text.h"
#include "tokenizer/internal.h"
#include "tokenizer/normalize.h"

struct encoder {
    const struct hs_tokenizer *tokenizer;
    bool special;
    struct hs_encoding *out;
    struct hs_bpe_scratch scratch;
    struct hs_normalized normalized;
    struct hs_buffer prefixed; /* a stretch with a space in front */
    headsift_error *error;
};

/* Text between added tokens on its way to ids, and the way back to the caller's text. */
struct stretch {
    const char *text;
    size_t size;
    const struct hs_normalized *normalized; /* what positions are traced back through */
    size_t offset;                          /* of text[prefix] in the normalised text */
    size_t prefix;                          /* bytes in front that the text does not have */
};

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

/* A token that covers bytes [start, end) of the stretch. */
static headsift_status push_from(struct encoder *encoder, const struct stretch *stretch, int32_t id, size_t start,
                                 size_t end) {
    start = stretch->offset + (start > stretch->prefix ? start - stretch->prefix : 0);
    end = stretch->offset + (end > stretch->prefix ? end - stretch->prefix : 0);
    return push(encoder, id, hs_normalized_start(stretch->normalized, start),
                hs_normalized_end(stretch->normalized, end));
}

static headsift_status encode_piece(struct encoder *encoder, const struct stretch *stretch, size_t start, size_t end) {
    const struct hs_tokenizer *tokenizer = encoder->tokenizer;
    const char *piece = stretch->text + start;
    int32_t id = hs_piece_find(tokenizer, piece, end - start);
    if (id >= 0) {
        return push_from(encoder, stretch, id, start, end);
    }
    HS_TRY(hs_bpe_encode(&tokenizer->bpe, piece, end - start, &encoder->scratch, encoder->error));
    const struct hs_symbol *symbols = encoder->scratch.symbols;
    for (int32_t i = encoder->scratch.n > 0 ? 0 : HS_NO_SYMBOL; i != HS_NO_SYMBOL; i = symbols[i].next) {
        HS_TRY(push_from(encoder, stretch, symbols[i].id, start + (size_t)symbols[i].start,
                         start + (size_t)symbols[i].end));
    }
    return HEADSIFT_OK;
}

/* Splits text that holds no added token any more, and encodes its pieces. */
static headsift_status encode_plain(struct encoder *encoder, struct stretch stretch) {
    if (encoder->tokenizer->prefix_space && stretch.size > 0 && stretch.text[0] != ' ') {
        encoder->prefixed.size = 0;
        if (!hs_buffer_append(&encoder->prefixed, " ", 1) ||
            !hs_buffer_append(&encoder->prefixed, stretch.text, stretch.size)) {
            return hs_fail_memory(encoder->error, "text with a space in front", stretch.size + 1);
        }
        stretch.text = encoder->prefixed.data;
        stretch.size = encoder->prefixed.size;
        stretch.prefix = 1;
    }
    for (size_t at = 0, end; at < stretch.size; at = end) {
        end = hs_split_next(encoder->tokenizer->split, stretch.text, stretch.size, at);
        HS_TRY(encode_piece(encoder, &stretch, at, end));
    }
    return HEADSIFT_OK;
}

static struct stretch part_of(const struct stretch *stretch, size_t start, size_t end) {
    struct stretch part = *stretch;
    part.text += start;
    part.size = end - start;
    part.offset += start;
    return part;
}

/* Text between tokens of the first set: normalise it, then look for the second set. */
static headsift_status encode_stretch(struct encoder *encoder, const char *text, size_t start, size_t end) {
    const struct hs_tokenizer *tokenizer = encoder->tokenizer;
    struct stretch whole = {.text = text + start, .size = end - start, .normalized = &encoder->normalized};
    encoder->normalized.base = start;
    encoder->normalized.n_changes = 0;
    if (tokenizer->nfc && hs_nfc_may_change(whole.text, whole.size)) {
        HS_TRY(hs_nfc(whole.text, whole.size, start, &encoder->normalized, encoder->error));
        whole.text = encoder->normalized.text.data;
        whole.size = encoder->normalized.text.size;
    }
    struct hs_added_search search = {0};
    struct hs_added_match match;
    size_t done = 0;
    while (hs_added_next(&tokenizer->added, &tokenizer->added.normalized, whole.text, whole.size, encoder->special,
                         &search, &match)) {
        if (done < match.start) {
            HS_TRY(encode_plain(encoder, part_of(&whole, done, match.start)));
        }
        HS_TRY(push_from(encoder, &whole, match.token->id, match.start, match.end));
        done = match.end;
    }
    return done < whole.size ? encode_plain(encoder, part_of(&whole, done, whole.size)) : HEADSIFT_OK;
}

static headsift_status encode_text(struct encoder *encoder, const char *text, size_t size) {
    const struct hs_added_tokens *added = &encoder->tokenizer->added;
    struct hs_added_search search = {0};
    struct hs_added_match match;
    size_t done = 0;
    while (hs_added_next(added, &added->raw, text, size, encoder->special, &search, &match)) {
        if (done < match.start) {
            HS_TRY(encode_stretch(encoder, text, done, match.start));
        }
        HS_TRY(push(encoder, match.token->id, match.start, match.end));
        done = match.end;
    }
    return done < size ? encode_stretch(encoder, text, done, size) : HEADSIFT_OK;
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
        status = encode_text(&encoder, text, size);
    }
    if (bos && status == HEADSIFT_OK) {
        drop_second_bos(out, encoder.special);
    }
    hs_bpe_scratch_free(&encoder.scratch);
    hs_normalized_free(&encoder.normalized);
    hs_buffer_free(&encoder.prefixed);
    return status;
}

void hs_encoding_free(struct hs_encoding *encoding) {
    hs_free(encoding->ids);
    hs_free(encoding->starts);
    hs_free(encoding->ends);
    *encoding = (struct hs_encoding){0};
}
