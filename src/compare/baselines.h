/* A selection against what else could have been taken, and what its ranking goes by: what the files of that comparison
 * share. baselines.c walks through it; the parts below stand in files of their own. */
#ifndef HS_COMPARE_BASELINES_H
#define HS_COMPARE_BASELINES_H

#include "compare/repetition.h"
#include "compare/side.h"
#include "compare/words.h"

enum {
    HS_BANDS = 5,
    HS_SHOWN_DOMAINS = 50, /**< the largest */
    HS_LEAST_SAMPLED = 10, /**< a domain with fewer documents in the sample has no figures of its own */
    HS_SCORE_BINS = 30
};

/** Another way to take as many documents of each domain. */
struct hs_baseline {
    char *name;
    struct hs_rival rival;
    uint64_t **picks;
    int64_t *chosen, *shared; /**< of each domain */
    int64_t tokens;
};

/** What a document of the sample is beside its score row. */
struct hs_facts {
    int band;
    double position; /**< in its file: 0 first, 1 last */
    struct hs_repetition repetition;
};

struct hs_baselines {
    const struct hs_compare *compare;
    struct hs_side side;
    struct hs_baseline *baselines;
    size_t n;
    int32_t *domains; /**< those that are shown: the largest, in the order of their names */
    size_t n_domains;
    struct hs_sample sample; /**< of all documents with a score */
    struct hs_facts *facts;  /**< of each */
    size_t *order;           /**< of the sample, by domain, each domain from the highest score down */
    size_t *first_of;        /**< (domains + 1): where a domain begins in `order` */
    struct hs_words words;   /**< a group a band */
};

/** Orders the sample by domain and score and says which band each document is in. */
headsift_status hs_bands_assign(struct hs_baselines *all, headsift_error *error);
/** Reads the texts of the sample: facts and words. */
headsift_status hs_bands_read(struct hs_baselines *all, headsift_error *error);
json_t *hs_bands_json(const struct hs_baselines *all,
                      headsift_error *error); /**< prints them too; NULL: error is set */
/** How much of each domain's ranking length, loss, repetition and position explain. */
headsift_status hs_explained_add(const struct hs_baselines *all, json_t *result, headsift_error *error);
/** Another pass over the score rows: how the scores of each domain are distributed. */
headsift_status hs_distribution_add(struct hs_baselines *all, json_t *result, headsift_error *error);

#endif
