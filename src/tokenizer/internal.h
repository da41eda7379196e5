/* What a tokenizer is made of, for the files of this room.
 * Filled by struct hs_builder (vocab.h); read-only afterwards, so that threads may share it. */
#ifndef HS_TOKENIZER_INTERNAL_H
#define HS_TOKENIZER_INTERNAL_H

#include "base/memory.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/split.h"
#include "tokenizer/tokenizer.h"

/** The bytes of one token, in hs_tokenizer.bytes. */
struct hs_token {
    size_t offset;
    uint32_t size;
    bool present;
    bool added; /**< among the added tokens: the bytes are its content as it is spelled */
};

/** Pieces of text that come to one token whatever stands around them, by their bytes. */
struct hs_piece_slot {
    size_t offset; /**< in hs_tokenizer.bytes */
    uint32_t size, hash;
    int32_t id; /**< -1: free */
};

struct hs_tokenizer {
    struct hs_token *tokens; /**< by id */
    size_t n_tokens, tokens_capacity;
    struct hs_buffer bytes;

    struct hs_bpe bpe;
    struct hs_piece_slot *pieces;
    size_t pieces_mask;
    size_t longest_piece;

    struct hs_added_tokens added;
    enum hs_split split;
    bool prefix_space; /**< a space in front of each stretch of text that does not begin with one */
    bool nfc;
    int32_t bos; /**< -1: none */
    char *style;
};

/** The token that these bytes come to in one step, or -1: then they have to be merged. */
int32_t hs_piece_find(const struct hs_tokenizer *tokenizer, const char *piece, size_t size);

#endif
