/* What a tokenizer is made of, for the files of this room.
 * Filled by struct hs_builder (vocab.h); read-only afterwards, so that threads may share it. */
#ifndef HS_TOKENIZER_INTERNAL_H
#define HS_TOKENIZER_INTERNAL_H

#include "base/memory.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/cut.h"
#include "tokenizer/steps.h"
#include "tokenizer/tokenizer.h"

/** The bytes of one token, in hs_tokenizer.bytes. */
struct hs_token {
    size_t offset;
    uint32_t size;
    bool present;
    bool added; /**< among the added tokens: the bytes are its content as it is spelled */
};

/** In the order in which a text meets them: tokens found as they are spelled (added.raw), the normalizer, tokens found
 * in the normalised text (added.normalized), what is done to each stretch between them, cuts, merges. */
struct hs_tokenizer {
    struct hs_token *tokens; /**< by id */
    size_t n_tokens, tokens_capacity;
    struct hs_buffer bytes;

    struct hs_added_tokens added;
    struct hs_steps normalizer;
    struct hs_steps prepare; /**< the pre-tokenizer's own changes: a space in front, another sign for it */
    struct hs_cuts cuts;
    struct hs_pieces whole; /**< pieces that come to one token whatever stands around them */
    struct hs_bpe bpe;
    int32_t bos; /**< -1: none */
    char *style;
};

/** In words; NULL when there is no memory. */
char *hs_describe(const struct hs_tokenizer *tokenizer);

#endif
