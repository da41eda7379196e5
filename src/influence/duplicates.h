/* Counting of ids that were seen before, at 16 to 32 bytes an id whatever its length: a set of 64-bit hashes.
 * Two different ids of n fall together with a chance of n^2 / 2^65: 3 in 10,000 for 100 million ids. */
#ifndef HS_INFLUENCE_DUPLICATES_H
#define HS_INFLUENCE_DUPLICATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_id_set {
    uint64_t *slots; /**< 0: free */
    size_t capacity; /**< a power of two */
    size_t n;
    bool full; /**< no memory to grow: what is new is no longer counted */
};

/** Adds an id; true when it was there. */
bool hs_id_set_add(struct hs_id_set *set, const char *id, size_t size);
void hs_id_set_free(struct hs_id_set *set); /**< fine on a zeroed struct */

#endif
