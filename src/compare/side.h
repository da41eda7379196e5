/* A selection to be compared: made again from its manifest and the scores it came from, as a bit a score row.
 * And the passes over score rows and texts that comparisons are made of. */
#ifndef HS_COMPARE_SIDE_H
#define HS_COMPARE_SIDE_H

#include "compare/compare.h"
#include "select/select.h"

enum { HS_LABEL_SIZE = 64 };

struct hs_side {
    const char *path; /**< of the selection */
    char label[HS_LABEL_SIZE];
    char *scores; /**< folder */
    char *spill;  /**< where its database spills */
    json_t *manifest;
    headsift_select_options options; /**< that the manifest records; strings are its own */
    struct hs_selection selection;   /**< chosen: picks and domains; its database is open */
    int64_t documents, tokens;       /**< chosen */
    uint64_t *keys;                  /**< of the source files' names: see hs_row_key */
};

/** Finds the scores of a selection (its hash says which) and makes the choice again. @param number  tells the sides
 *  of one comparison apart. hs_side_close in any case. */
headsift_status hs_side_open(const struct hs_compare *compare, size_t number, struct hs_side *side,
                             headsift_error *error);
void hs_side_close(struct hs_side *side); /**< fine on a zeroed struct */
/** Names of folders that tell them apart; those called `usual` are called like the folder above them. */
void hs_label_paths(const char *const *paths, size_t n, const char *usual, char (*labels)[HS_LABEL_SIZE]);

/** Makes a folder for what SQL spills, under --temp-dir or the system's folder for such files. @param number  tells
 * those of one call apart. hs_compare_unspill. */
headsift_status hs_compare_spill(const struct hs_compare *compare, size_t number, char **out, headsift_error *error);
void hs_compare_unspill(char *folder); /**< removes and frees it; NULL is fine */

/** Another choice from the same scores: as many documents of each domain. */
struct hs_rival {
    const char *by, *order;
    uint64_t seed;
};
/** The bits of its choice: an array a source file, NULL where none of it is chosen. hs_picks_free. */
headsift_status hs_side_rival(const struct hs_compare *compare, const struct hs_side *side,
                              const struct hs_rival *rival, uint64_t ***picks, headsift_error *error);
void hs_picks_free(uint64_t **picks, size_t n);

static inline bool hs_picked(const uint64_t *picks, int64_t row) {
    return picks != NULL && (picks[row / 64] >> (row % 64) & 1) != 0;
}

/* ---- Score rows ---- */

/** One document that has a score. */
struct hs_scored {
    int32_t source, domain;
    int64_t row, tokens;
    double score, loss;
};
typedef headsift_status (*hs_take_scored)(void *user, const struct hs_scored *row, headsift_error *error);
/** Calls `take` for each scored row of the side's scores, in their order, in bounded memory. */
headsift_status hs_side_rows(struct hs_side *side, hs_take_scored take, void *user, headsift_error *error);

/* ---- Samples ---- */

/** A random number of a document: depends on the seed, the file's name and the row alone. */
uint64_t hs_row_key(const struct hs_side *side, uint64_t seed, const struct hs_scored *row);

struct hs_drawn {
    uint64_t key;
    struct hs_scored row;
};

/** Those of the lowest keys, at most `most` of all that were offered. */
struct hs_sample {
    struct hs_drawn *items;
    size_t n, capacity, most;
    int64_t offered;
};

headsift_status hs_sample_offer(struct hs_sample *sample, uint64_t key, const struct hs_scored *row,
                                headsift_error *error);
/** Puts them into the order of the source files and rows; no more may be offered. */
void hs_sample_finish(struct hs_sample *sample);
void hs_sample_free(struct hs_sample *sample);

/** Fails unless the files of a finished sample are there and what they were when they were scored: before anything is
 * printed, and before hs_side_texts. */
headsift_status hs_side_check(struct hs_side *side, const struct hs_sample *sample, headsift_error *error);

typedef headsift_status (*hs_take_text)(void *user, size_t number, const char *text, size_t size,
                                        headsift_error *error);
/** Calls `take` with the text of each document of a finished sample, by its number in it: one pass over each file. */
headsift_status hs_side_texts(struct hs_side *side, const struct hs_sample *sample, hs_take_text take, void *user,
                              headsift_error *error);

#endif
