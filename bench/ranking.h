/* The bar for a faster way to score: how far its agreement with the exact scoring must go.
 * What headsift-ranking says. */
#ifndef HS_BENCH_RANKING_H
#define HS_BENCH_RANKING_H

#include "compare/agreement.h"

/** The bar: least Spearman of a domain, farthest document that changes sides (in sd of its domain's error), least
 * overlap of all selections (%). */
#define HS_RANKING_SPEARMAN 0.998
#define HS_RANKING_FARTHEST 3.0
#define HS_RANKING_OVERLAP 97.0

double hs_agreement_overlap(const struct hs_agreement *agreement); /**< of all selections, % */
bool hs_agreement_domain_passes(const struct hs_agreement_domain *domain);
bool hs_agreement_passes(const struct hs_agreement *agreement);

#endif
