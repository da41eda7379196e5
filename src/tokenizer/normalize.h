/* NFC with the way back: which bytes of the text each changed stretch of the normalised text stands for.
 * Equal to the `tokenizers` library's, whose tables stop at Unicode 9. */
#ifndef HS_TOKENIZER_NORMALIZE_H
#define HS_TOKENIZER_NORMALIZE_H

#include "base/error.h"
#include "base/memory.h"

/** Bytes [start, end) of the normalised text stand for bytes [text_start, text_end) of the text. */
struct hs_change {
    size_t start, end;
    size_t text_start, text_end;
};

/** Zero-initialise, reuse, free with hs_normalized_free. */
struct hs_normalized {
    struct hs_buffer text;
    size_t base;               /**< where the text that was normalised begins */
    struct hs_change *changes; /**< ascending; what lies between two is as it was */
    size_t n_changes, changes_capacity;
    int32_t *points; /**< room to work in */
    uint8_t *classes;
    size_t points_capacity, classes_capacity;
};

/** Whether NFC could change the text: below U+0300 nothing does. */
bool hs_nfc_may_change(const char *text, size_t size);
/** Normalises text (well-formed UTF-8); positions in `changes` count from `base`. */
headsift_status hs_nfc(const char *text, size_t size, size_t base, struct hs_normalized *out, headsift_error *error);
void hs_normalized_free(struct hs_normalized *normalized);

/** The place in the text where the byte at `at` of the normalised text begins. */
size_t hs_normalized_start(const struct hs_normalized *normalized, size_t at);
/** The place in the text where what ends before byte `at` of the normalised text ends. */
size_t hs_normalized_end(const struct hs_normalized *normalized, size_t at);

#endif
