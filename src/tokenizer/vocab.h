/* Builds a tokenizer from its vocabulary: tokens first, then merges and added tokens, then finish.
 * Every error is one line that begins with `where`. */
#ifndef HS_TOKENIZER_VOCAB_H
#define HS_TOKENIZER_VOCAB_H

#include "tokenizer/internal.h"

enum { HS_MAX_TOKENS = 1 << 20 }; /**< ids are below this: real vocabularies have at most some 260,000 */

/** A token's name as the file spells it. */
struct hs_name {
    const char *text; /**< borrowed; NULL: free slot */
    size_t size;
    size_t offset;  /**< of the piece of text that comes to it, in hs_tokenizer.bytes */
    uint32_t bytes; /**< of that piece; 0: none does, as of a name that is not in the byte alphabet */
    int32_t id;
};

struct hs_builder {
    struct hs_tokenizer *tokenizer;
    const char *where;
    struct hs_name *names; /**< a hash table */
    size_t names_mask;
    size_t n_names;     /**< tokens of the vocabulary, added ones not counted */
    bool marked_spaces; /**< in names and in the text U+2581 stands for a space: tokens stand for text with spaces */
    bool ignore_merges; /**< a piece that is a token is that token, whatever the merges make of it */
    bool *hidden;       /**< by id, may be NULL: tokens that ignore_merges does not find */
    struct hs_buffer joined;
};

/** @param n_names how many tokens hs_builder_token will add at most. @param where borrowed until the end. */
headsift_status hs_builder_begin(struct hs_builder *builder, const char *where, size_t n_names, headsift_error *error);
/** A token of the vocabulary, in GPT-2's byte alphabet where the tokenizer's kind is HS_BPE_BYTES. @param name borrowed
 *  until the end; refuses an id or a name that is taken and an id out of range. */
headsift_status hs_builder_token(struct hs_builder *builder, const char *name, size_t size, int64_t id,
                                 headsift_error *error);
/** The byte that a token "<0xNN>" stands for, or -1. */
int hs_byte_of_name(const char *name, size_t size);
/** The id of a name, or -1. */
int32_t hs_builder_find(const struct hs_builder *builder, const char *name, size_t size);
/** Says how many merges follow. */
headsift_status hs_builder_merges(struct hs_builder *builder, size_t n_merges, headsift_error *error);
headsift_status hs_builder_merge(struct hs_builder *builder, uint32_t rank, const char *left, size_t left_size,
                                 const char *right, size_t right_size, headsift_error *error);
/** The same from "left right". */
headsift_status hs_builder_merge_line(struct hs_builder *builder, uint32_t rank, const char *line, size_t size,
                                      headsift_error *error);
/** A token that is found as it is spelled; its id may be new, or that of the vocabulary's token of that name. */
headsift_status hs_builder_added(struct hs_builder *builder, const struct hs_added_token *token, headsift_error *error);
/** Builds what encoding looks things up in, and hands the tokenizer over. */
headsift_status hs_builder_finish(struct hs_builder *builder, struct hs_tokenizer **out, headsift_error *error);
/** Frees the builder and, unless it was handed over, the tokenizer. */
void hs_builder_end(struct hs_builder *builder);

#endif
