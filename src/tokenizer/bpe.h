/* Byte pair encoding of one piece of text: the bytes' tokens, merged by rank, lowest position first.
 * n log n in the length of the piece. */
#ifndef HS_TOKENIZER_BPE_H
#define HS_TOKENIZER_BPE_H

#include "base/error.h"

struct hs_merge {
    uint64_t pair; /**< left id << 32 | right id; all ones: free slot */
    uint32_t rank;
    int32_t id; /**< what the two become */
};

/** The merges and the tokens of single bytes. */
struct hs_bpe {
    int32_t byte_ids[256]; /**< -1: the vocabulary has no such byte */
    int32_t unknown;       /**< stands for such bytes; -1: they are dropped, as the `tokenizers` library does */
    bool fuse_unknown;     /**< one unknown for a row of such bytes */
    struct hs_merge *slots;
    size_t mask; /**< slots - 1 */
};

enum { HS_NO_SYMBOL = -1 };

/** A part of the piece, in a list of its neighbours. */
struct hs_symbol {
    int32_t id; /**< HS_NO_SYMBOL: merged into the one before */
    int32_t previous, next;
    int32_t start, end; /**< bytes of the piece */
};

/** Room to work in; zero-initialise, reuse, free with hs_bpe_scratch_free. */
struct hs_bpe_scratch {
    struct hs_symbol *symbols;
    uint64_t *heap; /**< merges that may be done: rank << 32 | position of the left symbol */
    size_t n, capacity, heap_n, heap_capacity;
};

/** Prepares `bpe` for `n_merges` merges. False when there is no memory. */
bool hs_bpe_reserve(struct hs_bpe *bpe, size_t n_merges);
/** The merge of this rank, ranks ascending; a pair named again takes the later rank. */
void hs_bpe_add(struct hs_bpe *bpe, uint32_t rank, int32_t left, int32_t right, int32_t id);
void hs_bpe_free(struct hs_bpe *bpe);

/** Leaves the piece's tokens in scratch->symbols: from 0 along `next`; scratch->n == 0: none. */
headsift_status hs_bpe_encode(const struct hs_bpe *bpe, const char *piece, size_t size, struct hs_bpe_scratch *scratch,
                              headsift_error *error);
void hs_bpe_scratch_free(struct hs_bpe_scratch *scratch);

#endif
