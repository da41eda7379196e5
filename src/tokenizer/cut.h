/* Cuts a text into pieces: what a pattern matches, what lies between, and what is done with the two.
 * The behaviours are those of the `tokenizers` library's Split; a list of cuts works each on the pieces of the last. */
#ifndef HS_TOKENIZER_CUT_H
#define HS_TOKENIZER_CUT_H

#include "tokenizer/regex.h"
#include "tokenizer/split.h"

enum hs_pattern {
    HS_PATTERN_KNOWN,   /**< one of the known splits: it matches every character */
    HS_PATTERN_NUMERIC, /**< one digit, as the library's Digits has them */
    HS_PATTERN_LITERAL,
    HS_PATTERN_REGEX,
};

enum hs_behavior {
    HS_ISOLATED,      /**< each match, and each stretch between two, is a piece */
    HS_REMOVED,       /**< matches are dropped */
    HS_WITH_PREVIOUS, /**< a match ends the piece before it */
    HS_WITH_NEXT,     /**< a match begins the piece behind it */
    HS_CONTIGUOUS,    /**< matches side by side are one piece */
};

struct hs_cut {
    enum hs_pattern pattern;
    enum hs_behavior behavior;
    bool invert; /**< what lies between is the match */
    enum hs_split split;
    char *literal; /**< owned */
    size_t literal_size;
    struct hs_regex *regex; /**< owned */
};

enum { HS_MOST_CUTS = 6 };

struct hs_cuts {
    struct hs_cut cut[HS_MOST_CUTS];
    size_t n;
};

void hs_cuts_free(struct hs_cuts *cuts);

/** Where cutting a text stands; fill the first four, zero the rest. */
struct hs_cutting {
    const struct hs_cut *cut;
    const char *text;
    size_t size;
    struct hs_regex_room *room; /**< for HS_PATTERN_REGEX */
    size_t at;
    size_t match_start, match_end; /**< the next match, where match_end > at */
};

/** The next piece [*start, *end), never empty; *start == size at the end of the text. */
headsift_status hs_cut_next(struct hs_cutting *cutting, size_t *start, size_t *end, headsift_error *error);

#endif
