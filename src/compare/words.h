/* Words of many texts, counted for groups of documents: the two sides of a comparison, or bands of ranks.
 * A word is a lower-cased run of letters, digits and the marks on them (Unicode). */
#ifndef HS_COMPARE_WORDS_H
#define HS_COMPARE_WORDS_H

#include <jansson.h>

#include "base/error.h"
#include "base/memory.h"

enum { HS_WORD_BYTES = 64 }; /**< longer runs are no words: they are data */

/** The next word at or behind *at, lower-cased. false behind the last one. `text` is UTF-8. */
bool hs_next_word(const char *text, size_t size, size_t *at, char word[HS_WORD_BYTES], size_t *word_size);
/** A hash of bytes (FNV-1a, 64 bits). */
uint64_t hs_hash64(const void *bytes, size_t size);

struct hs_word {
    size_t at; /**< in the bytes of all words */
    uint32_t size;
    int64_t documents; /**< that have it */
    int64_t last;      /**< the last of these */
};

struct hs_words {
    size_t groups;
    struct hs_word *items; /**< in the order in which they were first seen */
    size_t n, capacity;
    int64_t *counts; /**< (n, groups) */
    size_t counts_capacity;
    struct hs_buffer bytes;
    uint32_t *slots; /**< of a hash table: number of a word + 1, 0: free */
    size_t n_slots;  /**< a power of two */
    int64_t documents;
    int64_t *totals; /**< words of each group */
};

headsift_status hs_words_open(size_t groups, struct hs_words *words, headsift_error *error);
headsift_status hs_words_add(struct hs_words *words, size_t group, const char *text, size_t size,
                             headsift_error *error);
void hs_words_free(struct hs_words *words); /**< fine on a zeroed struct */

/** ln((1 + documents) / (1 + documents with the word)) + 1. */
double hs_words_idf(const struct hs_words *words, size_t word);

/** A word with what it was ordered by. */
struct hs_weighed {
    double weight;
    uint32_t word;
};

/** The words of a group, the heaviest first: by how often they come, with `idf` times that; ties by their bytes.
 *  @param out  *n of them, the caller's: hs_free. */
headsift_status hs_words_order(const struct hs_words *words, size_t group, bool idf, struct hs_weighed **out, size_t *n,
                               headsift_error *error);
/** Of the first `share` of each of two ordered lists (rounded, at least one word): how many words both have, over the
 * shorter list. NaN where one is empty. */
headsift_status hs_words_overlap(const struct hs_words *words, const struct hs_weighed *a, size_t n_a,
                                 const struct hs_weighed *b, size_t n_b, double share, double *out,
                                 headsift_error *error);
/** The words that a group has more often than all others together, by the z of their log odds ratio (1/2 is added to
 * each count); at most `most`. */
headsift_status hs_words_marked(const struct hs_words *words, size_t group, size_t most, struct hs_weighed **out,
                                size_t *n, headsift_error *error);

/** How often it comes in a group, a million words of it; and the log odds ratio to the other groups. */
double hs_words_per_million(const struct hs_words *words, size_t word, size_t group);
double hs_words_log_odds(const struct hs_words *words, size_t word, size_t group, double *z);
json_t *hs_words_text(const struct hs_words *words, size_t word); /**< as a JSON string; NULL: no memory */

#endif
