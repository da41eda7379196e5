/* An open-addressing set of id hashes, at most half full.
 * Running out of memory ends the counting, not the run. */
#include "influence/duplicates.h"

#include "base/memory.h"
#include "base/random.h"

enum { FIRST_CAPACITY = 1024 };

/* FNV-1a, mixed so that the low bits may index a table; never 0. */
static uint64_t hash_id(const char *id, size_t size) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)id[i]) * 0x100000001B3u;
    }
    hash = hs_random_at(hash, size);
    return hash != 0 ? hash : 1;
}

/* The hash's slot, or the free one where it belongs. */
static uint64_t *find_slot(uint64_t *slots, size_t capacity, uint64_t hash) {
    size_t at = hash & (capacity - 1);
    while (slots[at] != 0 && slots[at] != hash) {
        at = (at + 1) & (capacity - 1);
    }
    return &slots[at];
}

static bool grow(struct hs_id_set *set) {
    size_t capacity = set->capacity > 0 ? 2 * set->capacity : FIRST_CAPACITY;
    uint64_t *slots = hs_alloc(capacity, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i] != 0) {
            *find_slot(slots, capacity, set->slots[i]) = set->slots[i];
        }
    }
    hs_free(set->slots);
    set->slots = slots;
    set->capacity = capacity;
    return true;
}

bool hs_id_set_add(struct hs_id_set *set, const char *id, size_t size) {
    if (2 * (set->n + 1) > set->capacity && !set->full) {
        set->full = !grow(set);
    }
    if (set->capacity == 0) {
        return false;
    }
    uint64_t hash = hash_id(id, size);
    uint64_t *slot = find_slot(set->slots, set->capacity, hash);
    if (*slot == hash) {
        return true;
    }
    if (!set->full) {
        *slot = hash;
        set->n++;
    }
    return false;
}

void hs_id_set_free(struct hs_id_set *set) {
    hs_free(set->slots);
    *set = (struct hs_id_set){0};
}
