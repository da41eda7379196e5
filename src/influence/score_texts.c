/* headsift_score_texts: texts in memory to rows in memory.
 * The same pack as for files, so that a text has the same score either way. */
#include <string.h>

#include "influence/scoring.h"

/* Adds texts from `at` on until the pack is full; returns where it stopped through *next. */
static headsift_status fill(const struct hs_scoring *scoring, struct hs_pack *pack, const char *const *texts,
                            const size_t *sizes, size_t n, size_t at, size_t *next, headsift_error *error) {
    while (at < n && !hs_pack_full(pack, false)) {
        HS_TRY(hs_pack_add(scoring, pack, texts[at], sizes[at], error));
        at++;
    }
    *next = at;
    return HEADSIFT_OK;
}

static headsift_status score_all(const struct hs_scoring *scoring, struct hs_pack *pack, const char *const *texts,
                                 const size_t *sizes, size_t n, headsift_score *out, headsift_error *error) {
    struct hs_mask_check check = {0};
    size_t unscored = 0;
    for (size_t first = 0, next; first < n; first = next) {
        HS_TRY(fill(scoring, pack, texts, sizes, n, first, &next, error));
        HS_TRY(hs_pack_score(scoring, pack, error));
        memcpy(out + first, pack->rows, pack->n_rows * sizeof *out);
        for (size_t i = 0; i < pack->n_rows; i++) {
            hs_mask_check_add(&check, &pack->rows[i]);
            unscored += !hs_row_scored(&pack->rows[i]);
        }
        hs_pack_clear(pack);
    }
    HS_TRY(hs_mask_check_end(&check, error));
    return unscored == 0 ? HEADSIFT_OK
                         : hs_fail(error, HEADSIFT_UNSCORED, "%zu of %zu documents have no score", unscored, n);
}

headsift_status headsift_score_texts(headsift_model *model, const headsift_heads *heads,
                                     const headsift_score_options *options, const char *const *texts,
                                     const size_t *sizes, size_t n, headsift_score *out, headsift_error *error) {
    struct hs_scoring scoring;
    struct hs_pack pack = {0};
    HS_TRY(hs_scoring_prepare(model, heads, options, NULL, &scoring, error));
    headsift_status status = hs_scoring_start(model, &scoring, error);
    if (status == HEADSIFT_OK) {
        status = score_all(&scoring, &pack, texts, sizes, n, out, error);
    }
    hs_pack_free(&pack);
    hs_scoring_free(&scoring);
    return status;
}
