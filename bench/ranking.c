/* Whether an agreement of two scorings meets the bar for a faster way to score.
 * The figures come from src/compare/agreement.c. */
#include "ranking.h"

double hs_agreement_overlap(const struct hs_agreement *agreement) {
    int64_t kept = 0, both = 0;
    for (size_t i = 0; i < agreement->n; i++) {
        kept += agreement->domains[i].kept;
        both += agreement->domains[i].both;
    }
    return 100.0 * (double)both / (double)kept;
}

/* A figure that is not known does not pass. */
bool hs_agreement_domain_passes(const struct hs_agreement_domain *domain) {
    return domain->spearman >= HS_RANKING_SPEARMAN && domain->farthest <= HS_RANKING_FARTHEST;
}

bool hs_agreement_passes(const struct hs_agreement *agreement) {
    bool passes = hs_agreement_overlap(agreement) >= HS_RANKING_OVERLAP;
    for (size_t i = 0; i < agreement->n; i++) {
        passes = passes && hs_agreement_domain_passes(&agreement->domains[i]);
    }
    return passes;
}
