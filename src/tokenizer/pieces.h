/* Texts that are looked up to find the token they come to: a hash table over the tokenizer's bytes.
 * Filled once; read-only afterwards, so that threads may share it. */
#ifndef HS_TOKENIZER_PIECES_H
#define HS_TOKENIZER_PIECES_H

#include <stdint.h>

#include "base/memory.h"

struct hs_piece_slot {
    size_t offset; /**< in hs_pieces.bytes */
    uint32_t size, hash;
    int32_t id; /**< -1: free */
};

struct hs_pieces {
    const struct hs_buffer *bytes; /**< borrowed: where the texts stand */
    struct hs_piece_slot *slots;   /**< NULL: empty, nothing is found */
    size_t mask;
    size_t longest; /**< bytes of the longest text */
};

uint64_t hs_piece_hash(const char *bytes, size_t size);
/** The slots of a hash table for `n` entries: a power of two, at most half full. */
size_t hs_table_slots(size_t n);

/** Room for `n` texts that stand in `bytes`. False when there is no memory. */
bool hs_pieces_reserve(struct hs_pieces *pieces, const struct hs_buffer *bytes, size_t n);
/** Adds the text at `offset`; it must not be there yet. */
void hs_pieces_add(struct hs_pieces *pieces, size_t offset, size_t size, int32_t id);
/** The token of a text, or -1. */
int32_t hs_pieces_find(const struct hs_pieces *pieces, const char *text, size_t size);
void hs_pieces_free(struct hs_pieces *pieces);

#endif
