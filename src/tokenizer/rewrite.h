/* A text that a step has changed, with the way back: which bytes of the text each changed stretch stands for.
 * Steps append to it from left to right: what stays as it was, and what does not. */
#ifndef HS_TOKENIZER_REWRITE_H
#define HS_TOKENIZER_REWRITE_H

#include "base/memory.h"

/** Bytes [start, end) of the new text stand for bytes [text_start, text_end) of the old one. */
struct hs_change {
    size_t start, end;
    size_t text_start, text_end;
};

/** Zero-initialise, reuse, free with hs_rewrite_free. */
struct hs_rewrite {
    struct hs_buffer text;
    struct hs_change *changes; /**< ascending; what lies between two is as it was */
    size_t n_changes, changes_capacity;
};

void hs_rewrite_clear(struct hs_rewrite *rewrite);
void hs_rewrite_free(struct hs_rewrite *rewrite);

/** Appends bytes that are as they were. False when there is no memory. */
bool hs_rewrite_keep(struct hs_rewrite *rewrite, const char *bytes, size_t size);
/** Appends bytes that stand for [text_start, text_end) of the old text. False when there is no memory. */
bool hs_rewrite_put(struct hs_rewrite *rewrite, const char *bytes, size_t size, size_t text_start, size_t text_end);

/** The place in the old text where the byte at `at` of the new text begins. */
size_t hs_rewrite_start(const struct hs_rewrite *rewrite, size_t at);
/** The place in the old text where what ends before byte `at` of the new text ends. */
size_t hs_rewrite_end(const struct hs_rewrite *rewrite, size_t at);

#endif
