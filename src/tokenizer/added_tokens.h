/* Added tokens: found in the text as they are spelled, before it is split, leftmost and longest first.
 * Two sets, as in the `tokenizers` library: one for the text as it is, one for the text once normalised. */
#ifndef HS_TOKENIZER_ADDED_TOKENS_H
#define HS_TOKENIZER_ADDED_TOKENS_H

#include "base/error.h"

struct hs_added_token {
    int32_t id;
    char *content; /**< owned */
    size_t size;
    bool special;     /**< skipped when the text is to be split like any text */
    bool lstrip;      /**< takes the spaces before it along */
    bool rstrip;      /**< takes the spaces behind it along */
    bool single_word; /**< not beside a word character */
    bool normalized;  /**< looked for in the normalised text */
};

/** A tree of the contents by byte; node 0 is the root. */
struct hs_added_node {
    unsigned char byte;
    int32_t child, sibling; /**< 0: none */
    int32_t token;          /**< index of the token that ends here, or -1 */
};

struct hs_added_tree {
    struct hs_added_node *nodes;
    size_t n, capacity;
    int32_t roots[256]; /**< node by first byte; 0: none */
};

struct hs_added_tokens {
    struct hs_added_token *tokens;
    size_t n, capacity;
    struct hs_added_tree raw, normalized;
};

/** Adds a token (content copied). False when there is no memory. */
bool hs_added_tokens_add(struct hs_added_tokens *added, const struct hs_added_token *token);
/** Puts the content of token `index` into a tree. *other is the token that has the same content, which then stays, or
 * -1. False when there is no memory. */
bool hs_added_tree_insert(struct hs_added_tree *tree, const char *content, size_t size, int32_t index, int32_t *other);
void hs_added_tokens_free(struct hs_added_tokens *added);

/** A token found in a text. start may lie before the end of the one before where that took spaces along. */
struct hs_added_match {
    const struct hs_added_token *token;
    size_t start, end; /**< with the spaces that the token takes along */
};

/** Where a search stands; zero-initialise. */
struct hs_added_search {
    size_t at;   /**< where to look next */
    size_t done; /**< the end of the last match */
};

/** The next token in the text; false when there is none left. Without `special` those tokens are passed over. */
bool hs_added_next(const struct hs_added_tokens *added, const struct hs_added_tree *tree, const char *text, size_t size,
                   bool special, struct hs_added_search *search, struct hs_added_match *match);

#endif
