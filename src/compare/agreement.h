/* How far two scorings of the same documents agree: errors of the scores, ranks, and the selection that follows.
 * The first scoring is the one taken for right. headsift compare and bench/'s headsift-ranking show it. */
#ifndef HS_COMPARE_AGREEMENT_H
#define HS_COMPARE_AGREEMENT_H

#include "base/error.h"

struct hs_agreement_domain {
    char *name;
    size_t name_size;
    int64_t documents;
    double error_sd, bias; /**< of second minus first; sd over n - 1, NaN for one document */
    double spread;         /**< sd of the first scores */
    double spearman;       /**< ties have the mean of their ranks; NaN where all scores of a side are equal */
    int64_t kept, both;    /**< documents that a selection keeps; that both keep */
    int64_t changed;       /**< kept by one alone */
    double farthest; /**< of those: distance of the first score from the first cut, in error_sd; 0 where none changed */
};

enum { HS_LENGTH_BANDS = 4 };

/** A quarter of the documents by length; equal lengths stand in one band. */
struct hs_agreement_band {
    int64_t low, high; /**< tokens, both inclusive */
    int64_t documents;
    double spearman; /**< of the ranks within the domains */
    int64_t kept[2]; /**< by the selections, which go by domain */
    int64_t both;
};

/** Domains by name. */
struct hs_agreement {
    struct hs_agreement_domain *domains;
    size_t n, capacity;
    struct hs_agreement_band bands[HS_LENGTH_BANDS];
    size_t n_bands; /**< 0: not asked for */
};

struct hs_agreement_options {
    double keep; /**< share of each domain that a selection keeps: floor(keep n + .5), at least 1. The cut lies halfway
                    between the last score kept and the first one dropped. */
    bool by_length;
    const char *memory, *temp_dir; /**< of the SQL; NULL: DuckDB's default; no spilling */
};

/** Reads two folders of score files (or single ones). Their documents are told apart by file and row and must be the
 *  same, and the same of them scored; those without a score don't count. */
headsift_status hs_agreement_read(const char *first, const char *second, const struct hs_agreement_options *options,
                                  struct hs_agreement *out, headsift_error *error);
void hs_agreement_free(struct hs_agreement *agreement); /**< fine on a zeroed struct */

#endif
