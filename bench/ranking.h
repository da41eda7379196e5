/* How far two scorings of the same documents agree: errors of the scores, ranks, and the selection that follows.
 * What headsift-ranking prints; the first scoring is the one taken for right. */
#ifndef HS_BENCH_RANKING_H
#define HS_BENCH_RANKING_H

#include "base/error.h"

/** The bar: least Spearman of a domain, farthest document that changes sides (in sd of its domain's error), least
 * overlap of all selections (%). */
#define HS_RANKING_SPEARMAN 0.998
#define HS_RANKING_FARTHEST 3.0
#define HS_RANKING_OVERLAP 97.0

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

/** Domains by name. */
struct hs_agreement {
    struct hs_agreement_domain *domains;
    size_t n, capacity;
};

/** Reads two folders of score files (or single ones). Their documents are told apart by file and row and must be the
 *  same, and the same of them scored; those without a score don't count.
 *  @param keep share of each domain that a selection keeps: floor(keep n + .5), at least 1. The cut lies halfway
 * between the last score kept and the first one dropped. */
headsift_status hs_agreement_read(const char *first, const char *second, double keep, struct hs_agreement *out,
                                  headsift_error *error);
void hs_agreement_free(struct hs_agreement *agreement); /**< fine on a zeroed struct */

double hs_agreement_overlap(const struct hs_agreement *agreement); /**< of all selections, % */
bool hs_agreement_domain_passes(const struct hs_agreement_domain *domain);
bool hs_agreement_passes(const struct hs_agreement *agreement);

#endif
