/* Which units are whose: every rank cuts the same list at the same places, and needs to ask nobody.
 * What is done already plays no role, so that a share never moves. */
#include "influence/plan.h"

__extension__ typedef unsigned __int128 wide;

static int64_t weight(const struct hs_part *part) { return part->range.text_bytes > 1 ? part->range.text_bytes : 1; }

/* The rank in whose stretch of the total the middle of this weight lies. */
static int32_t rank_of(int64_t before, int64_t own, int64_t total, int32_t world) {
    wide middle = 2 * (wide)(uint64_t)before + (wide)(uint64_t)own;
    return (int32_t)((wide)(uint32_t)world * middle / (2 * (wide)(uint64_t)total));
}

void hs_share(const struct hs_part *parts, size_t n, int32_t rank, int32_t world, size_t *first, size_t *last) {
    int64_t total = 0, before = 0;
    for (size_t i = 0; i < n; i++) {
        total += weight(&parts[i]);
    }
    *first = *last = n;
    for (size_t i = 0; i < n; i++) {
        int32_t owner = rank_of(before, weight(&parts[i]), total, world);
        if (owner >= rank && *first == n) {
            *first = i;
        }
        if (owner > rank) {
            *last = i;
            break;
        }
        before += weight(&parts[i]);
    }
}

void hs_plan_share(struct hs_score_plan *plan) {
    hs_share(plan->parts, plan->n_parts, plan->rank, plan->world, &plan->first, &plan->last);
    for (size_t i = 0; i < plan->n_parts; i++) {
        plan->parts[i].mine = i >= plan->first && i < plan->last;
    }
}
