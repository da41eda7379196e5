/* What src/run needs of this room beyond the public header: the ranking of scored documents for people to look at, and
 * the removal of a selection. */
#ifndef HS_SELECT_RANKING_H
#define HS_SELECT_RANKING_H

#include "base/error.h"

/** A document at the top or the bottom of its domain. */
struct hs_ranked {
    int64_t rank; /**< 1: the highest score */
    double score, loss_base, loss_ref;
    int64_t tokens;
    char *id;
    size_t id_size;
    char *text; /**< its first bytes; may end within a character */
    size_t text_size;
    int32_t domain; /**< index of its domain */
    int32_t source; /**< which file of the documents, by name, */
    int64_t row;    /**< and its record there */
};

struct hs_domain_ranking {
    char *name;
    size_t name_size;
    int64_t documents, scored;
    double mean; /**< of the scores; NaN where there is none */
};

/** Domains in the order of their names; the documents by domain and rank. */
struct hs_ranking {
    struct hs_domain_ranking *domains;
    size_t n_domains;
    struct hs_ranked *documents; /**< of the first domains_shown domains */
    size_t n_documents;
    size_t domains_shown;
    size_t capacity;
};

enum { HS_RANKING_DOMAINS = 50 };

/** Which documents: the `show` top and bottom ones of each of the first HS_RANKING_DOMAINS domains, or, with shares,
 * those at these ranks of each of the `most_domains` largest: 0.01 is the first 1 %, the rank ceil(0.01 n). */
struct hs_ranking_wish {
    int show;
    const double *shares; /**< NULL: none */
    size_t n_shares, most_domains;
    size_t text_bytes; /**< how much of a text to keep at most */
};

/** Reads these documents, ties by file and row.
 *  @param scores  a folder that headsift_score_files wrote.
 *  @param options memory and root are looked at.
 *  @param temp_dir where sorting may spill, or NULL. */
headsift_status hs_ranking_read(const char *scores, const struct hs_ranking_wish *wish,
                                const headsift_select_options *options, const char *temp_dir, struct hs_ranking *out,
                                headsift_error *error);
void hs_ranking_free(struct hs_ranking *ranking); /**< fine on a zeroed struct */

/** Removes a selection from its folder: the files of its manifest or journal, and these two. Others stay. */
headsift_status hs_selection_remove(const char *directory, headsift_error *error);

/** Removes a folder that DuckDB spilled into, also what a call that was killed left there; other files stay. */
void hs_spill_remove(const char *folder);

#endif
