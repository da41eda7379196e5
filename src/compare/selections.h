/* Two selections beside each other: what the files of that comparison share.
 * selections.c walks through it; pair_words.c and pair_states.c look at the texts of samples. */
#ifndef HS_COMPARE_SELECTIONS_H
#define HS_COMPARE_SELECTIONS_H

#include "compare/side.h"

enum { HS_LENGTH_BINS = 64, HS_SAMPLE = 100000, HS_STATE_SAMPLE = 1000, HS_STATE_TOKENS = 1024 };

/** A domain of either selection. */
struct hs_pair_domain {
    const char *name; /**< borrowed */
    size_t name_size;
    int64_t chosen[2], shared;
};

struct hs_pair {
    const struct hs_compare *compare;
    struct hs_side sides[2];
    int32_t *twins[2];              /**< of each source file: the one of that name on the other side, or -1 */
    int32_t *domains_of[2];         /**< of each domain of a side: its number in `domains` */
    struct hs_pair_domain *domains; /**< by name */
    size_t n_domains;
    int64_t shared;
    int64_t lengths[3][HS_LENGTH_BINS]; /**< documents by tokens: first, second selection, all that were scored */
    struct hs_sample samples[2];        /**< of each selection, for words */
    struct hs_sample states[2];         /**< for clusters: fewer, since each costs a pass of the model */
};

/** The least number of tokens of a bin: 0, then 16 and on by factors of the square root of 2. */
int64_t hs_length_edge(int bin);
int hs_length_bin(int64_t tokens);

/** Adds "words" and "frequent" to the result, and prints them. */
headsift_status hs_pair_words(struct hs_pair *pair, json_t *result, headsift_error *error);
/** Adds "clusters" and "pca". */
headsift_status hs_pair_states(struct hs_pair *pair, json_t *result, headsift_error *error);

#endif
