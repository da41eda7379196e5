/* Random heads to compare chosen ones with.
 * Drawn among the others, seeded: the same heads on every machine. */
#ifndef HS_PROBE_DRAWS_H
#define HS_PROBE_DRAWS_H

#include "base/error.h"

/** Heads among those that are not chosen. */
struct hs_draws {
    headsift_head *heads; /**< (n_draws, count); hs_free */
    size_t count;         /**< of a draw: as many as were chosen, or all the others if these are fewer */
};

/** @param chosen  each head once */
headsift_status hs_draw_heads(int32_t n_layer, int32_t n_head, const headsift_head *chosen, size_t n_chosen,
                              uint64_t seed, size_t n_draws, struct hs_draws *out, headsift_error *error);

#endif
