/* Byte pair encoding of one piece of text: the tokens of its bytes or characters, merged by rank, lowest position
 * first. n log n in the length of the piece. */
#ifndef HS_TOKENIZER_BPE_H
#define HS_TOKENIZER_BPE_H

#include "base/error.h"
#include "tokenizer/pieces.h"

enum hs_bpe_kind {
    HS_BPE_BYTES,      /**< begins with bytes, merges pairs of tokens: byte-level BPE */
    HS_BPE_CHARACTERS, /**< begins with characters, merges pairs of tokens */
    HS_BPE_SCORES,     /**< begins with characters, merges what spells a token, best score first: SentencePiece */
};

struct hs_merge {
    uint64_t pair; /**< left id << 32 | right id; all ones: free slot */
    uint32_t rank;
    int32_t id; /**< what the two become */
};

/** The merges and what a piece begins with. */
struct hs_bpe {
    enum hs_bpe_kind kind;
    int32_t byte_ids[256];  /**< the tokens of single bytes: the units of HS_BPE_BYTES, else "<0xNN>"; -1: none */
    bool byte_fallback;     /**< a character that is no token becomes its bytes' tokens, where all of them are there */
    int32_t unknown;        /**< stands for what has no token; -1: it is dropped, as the `tokenizers` library does */
    bool fuse_unknown;      /**< one unknown for a row of such characters or bytes */
    struct hs_pieces texts; /**< HS_BPE_CHARACTERS: the tokens of one character; HS_BPE_SCORES: all that text becomes */
    uint32_t *ranks;        /**< HS_BPE_SCORES: by id, the best score is 0 */
    struct hs_merge *slots; /**< the pairs of the other two */
    size_t mask;            /**< slots - 1 */
};

enum {
    HS_NO_SYMBOL = -1,
    HS_NO_TOKEN = -2, /**< of HS_BPE_SCORES: text without a token, to be spelled in the tokens of its bytes */
};

/** A part of the piece, in a list of its neighbours. */
struct hs_symbol {
    int32_t id; /**< HS_NO_SYMBOL: merged into the one before; or HS_NO_TOKEN */
    int32_t previous, next;
    int32_t start, end; /**< bytes of the piece */
};

/** Room to work in; zero-initialise, reuse, free with hs_bpe_scratch_free. */
struct hs_bpe_scratch {
    const char *piece; /**< what is being encoded */
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
