/* Byte pair encoding with a heap of merge candidates over a linked list of symbols.
 * A candidate that the list has outgrown no longer has its pair's rank, and is skipped when it comes up. */
#include "tokenizer/bpe.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"

static uint64_t pair_of(int32_t left, int32_t right) { return (uint64_t)(uint32_t)left << 32 | (uint32_t)right; }

static size_t slot_of(uint64_t pair, size_t mask) {
    uint64_t hash = pair * 0x9E3779B97F4A7C15u;
    return (size_t)(hash ^ hash >> 32) & mask;
}

bool hs_bpe_reserve(struct hs_bpe *bpe, size_t n_merges) {
    size_t slots = 16;
    while (slots < n_merges * 2) {
        slots *= 2;
    }
    bpe->slots = hs_alloc(slots, sizeof *bpe->slots);
    if (bpe->slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < slots; i++) {
        bpe->slots[i].pair = UINT64_MAX;
    }
    bpe->mask = slots - 1;
    return true;
}

/* The slot that holds the pair, or the free one where it belongs. */
static struct hs_merge *find_slot(const struct hs_bpe *bpe, uint64_t pair) {
    size_t at = slot_of(pair, bpe->mask);
    while (bpe->slots[at].pair != pair && bpe->slots[at].pair != UINT64_MAX) {
        at = (at + 1) & bpe->mask;
    }
    return &bpe->slots[at];
}

void hs_bpe_add(struct hs_bpe *bpe, uint32_t rank, int32_t left, int32_t right, int32_t id) {
    struct hs_merge *slot = find_slot(bpe, pair_of(left, right));
    *slot = (struct hs_merge){.pair = pair_of(left, right), .rank = rank, .id = id};
}

void hs_bpe_free(struct hs_bpe *bpe) { hs_free(bpe->slots); }

/* ---- The heap: the least number on top -------------------------------------------------------------------------- */

static void sift_down(uint64_t *heap, size_t n, size_t at) {
    uint64_t moving = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n) {
            break;
        }
        child += child + 1 < n && heap[child + 1] < heap[child] ? 1 : 0;
        if (heap[child] >= moving) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

static uint64_t heap_pop(struct hs_bpe_scratch *scratch) {
    uint64_t top = scratch->heap[0];
    scratch->heap[0] = scratch->heap[--scratch->heap_n];
    if (scratch->heap_n > 0) {
        sift_down(scratch->heap, scratch->heap_n, 0);
    }
    return top;
}

static void heap_push(struct hs_bpe_scratch *scratch, uint64_t entry) {
    uint64_t *heap = scratch->heap;
    size_t at = scratch->heap_n++;
    while (at > 0 && heap[(at - 1) / 2] > entry) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = entry;
}

/* ---- Symbols ---------------------------------------------------------------------------------------------------- */

/* Room for a piece: a symbol a byte, and in the heap a candidate a pair and one more a merge. */
static headsift_status reserve(struct hs_bpe_scratch *scratch, size_t size, headsift_error *error) {
    if (size > INT32_MAX / 2) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%zu bytes of text without a place to split them; at most %d can be encoded", size,
                       INT32_MAX / 2);
    }
    if (!hs_grow((void **)&scratch->symbols, &scratch->capacity, size, sizeof *scratch->symbols) ||
        !hs_grow((void **)&scratch->heap, &scratch->heap_capacity, size * 2, sizeof *scratch->heap)) {
        return hs_fail_memory(error, "a long piece of text", size * (sizeof *scratch->symbols + 16));
    }
    return HEADSIFT_OK;
}

static void add_symbol(struct hs_bpe_scratch *scratch, int32_t id, size_t at) {
    int32_t n = (int32_t)scratch->n++;
    scratch->symbols[n] =
        (struct hs_symbol){.id = id, .previous = n - 1, .next = n + 1, .start = (int32_t)at, .end = (int32_t)at + 1};
}

static void add_bytes(const struct hs_bpe *bpe, const char *piece, size_t size, struct hs_bpe_scratch *scratch) {
    bool after_unknown = false;
    scratch->n = 0;
    for (size_t i = 0; i < size; i++) {
        int32_t id = bpe->byte_ids[(unsigned char)piece[i]];
        if (id >= 0) {
            add_symbol(scratch, id, i);
        } else if (after_unknown && bpe->fuse_unknown) {
            scratch->symbols[scratch->n - 1].end = (int32_t)i + 1;
        } else if (bpe->unknown >= 0) {
            add_symbol(scratch, bpe->unknown, i);
        }
        after_unknown = id < 0 && bpe->unknown >= 0;
    }
    if (scratch->n > 0) {
        scratch->symbols[scratch->n - 1].next = HS_NO_SYMBOL;
    }
}

/* ---- Merging ---------------------------------------------------------------------------------------------------- */

static const struct hs_merge *merge_of(const struct hs_bpe *bpe, const struct hs_bpe_scratch *scratch, int32_t left) {
    int32_t right = scratch->symbols[left].next;
    if (right == HS_NO_SYMBOL) {
        return NULL;
    }
    const struct hs_merge *slot = find_slot(bpe, pair_of(scratch->symbols[left].id, scratch->symbols[right].id));
    return slot->pair == UINT64_MAX ? NULL : slot;
}

static uint64_t candidate(const struct hs_merge *merge, int32_t left) {
    return (uint64_t)merge->rank << 32 | (uint32_t)left;
}

static void find_candidates(const struct hs_bpe *bpe, struct hs_bpe_scratch *scratch) {
    scratch->heap_n = 0;
    for (size_t i = 0; i + 1 < scratch->n; i++) {
        const struct hs_merge *merge = merge_of(bpe, scratch, (int32_t)i);
        if (merge != NULL) {
            scratch->heap[scratch->heap_n++] = candidate(merge, (int32_t)i);
        }
    }
    for (size_t i = scratch->heap_n / 2; i-- > 0;) {
        sift_down(scratch->heap, scratch->heap_n, i);
    }
}

static void push_candidate(const struct hs_bpe *bpe, struct hs_bpe_scratch *scratch, int32_t left) {
    const struct hs_merge *merge = left == HS_NO_SYMBOL ? NULL : merge_of(bpe, scratch, left);
    if (merge != NULL) {
        heap_push(scratch, candidate(merge, left));
    }
}

static void join(struct hs_symbol *symbols, int32_t left, int32_t id) {
    struct hs_symbol *right = &symbols[symbols[left].next];
    symbols[left].id = id;
    symbols[left].end = right->end;
    symbols[left].next = right->next;
    right->id = HS_NO_SYMBOL;
    if (right->next != HS_NO_SYMBOL) {
        symbols[right->next].previous = left;
    }
}

headsift_status hs_bpe_encode(const struct hs_bpe *bpe, const char *piece, size_t size, struct hs_bpe_scratch *scratch,
                              headsift_error *error) {
    HS_TRY(reserve(scratch, size, error));
    add_bytes(bpe, piece, size, scratch);
    find_candidates(bpe, scratch);
    while (scratch->heap_n > 0) {
        uint64_t top = heap_pop(scratch);
        int32_t left = (int32_t)(top & UINT32_MAX);
        if (scratch->symbols[left].id == HS_NO_SYMBOL) {
            continue;
        }
        const struct hs_merge *merge = merge_of(bpe, scratch, left);
        if (merge == NULL || merge->rank != top >> 32) {
            continue;
        }
        join(scratch->symbols, left, merge->id);
        push_candidate(bpe, scratch, scratch->symbols[left].previous);
        push_candidate(bpe, scratch, left);
    }
    return HEADSIFT_OK;
}

void hs_bpe_scratch_free(struct hs_bpe_scratch *scratch) {
    hs_free(scratch->symbols);
    hs_free(scratch->heap);
    *scratch = (struct hs_bpe_scratch){0};
}
