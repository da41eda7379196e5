/* Byte pair encoding with a heap of merge candidates over a linked list of symbols.
 * A candidate that the list has outgrown no longer has its pair's rank, and is skipped when it comes up. */
#include "tokenizer/bpe.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static uint64_t pair_of(int32_t left, int32_t right) { return (uint64_t)(uint32_t)left << 32 | (uint32_t)right; }

static size_t slot_of(uint64_t pair, size_t mask) {
    uint64_t hash = pair * 0x9E3779B97F4A7C15u;
    return (size_t)(hash ^ hash >> 32) & mask;
}

bool hs_bpe_reserve(struct hs_bpe *bpe, size_t n_merges) {
    size_t slots = hs_table_slots(n_merges);
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

void hs_bpe_free(struct hs_bpe *bpe) {
    hs_free(bpe->slots);
    hs_free(bpe->ranks);
    hs_pieces_free(&bpe->texts);
}

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

static void add_symbol(struct hs_bpe_scratch *scratch, int32_t id, size_t start, size_t end) {
    int32_t n = (int32_t)scratch->n++;
    scratch->symbols[n] =
        (struct hs_symbol){.id = id, .previous = n - 1, .next = n + 1, .start = (int32_t)start, .end = (int32_t)end};
}

/* A row of text without tokens that is still to become an unknown; it is written when the next token comes. */
struct pending {
    size_t start, end; /* end == 0: none */
};

static void flush_unknown(const struct hs_bpe *bpe, struct hs_bpe_scratch *scratch, struct pending *pending) {
    if (pending->end > 0) {
        add_symbol(scratch, bpe->unknown, pending->start, pending->end);
        *pending = (struct pending){0};
    }
}

static void add_unknown(const struct hs_bpe *bpe, struct hs_bpe_scratch *scratch, size_t start, size_t end,
                        struct pending *pending) {
    if (bpe->unknown < 0) {
        return;
    }
    if (pending->end == 0 || !bpe->fuse_unknown) {
        flush_unknown(bpe, scratch, pending);
        pending->start = start;
    }
    pending->end = end;
}

/* The bytes of a character, if all of them have tokens. */
static bool add_fallback(const struct hs_bpe *bpe, size_t start, size_t end, struct hs_bpe_scratch *scratch) {
    bool all = bpe->byte_fallback;
    for (size_t i = start; i < end; i++) {
        all = all && bpe->byte_ids[(unsigned char)scratch->piece[i]] >= 0;
    }
    for (size_t i = start; all && i < end; i++) {
        add_symbol(scratch, bpe->byte_ids[(unsigned char)scratch->piece[i]], i, i + 1);
    }
    return all;
}

/* The library's order, oddities included: an unknown that is not yet written lets the bytes of a fallback pass. */
static void add_units(const struct hs_bpe *bpe, size_t size, struct hs_bpe_scratch *scratch) {
    struct pending pending = {0};
    const char *piece = scratch->piece;
    for (size_t at = 0, length = 1; at < size; at += length) {
        int32_t id;
        if (bpe->kind == HS_BPE_BYTES) {
            id = bpe->byte_ids[(unsigned char)piece[at]];
        } else {
            (void)hs_utf8_decode(piece + at, &length);
            id = hs_pieces_find(&bpe->texts, piece + at, length);
            id = id < 0 && bpe->kind == HS_BPE_SCORES ? HS_NO_TOKEN : id;
        }
        if (id != -1) {
            flush_unknown(bpe, scratch, &pending);
            add_symbol(scratch, id, at, at + length);
        } else if (bpe->kind == HS_BPE_BYTES || !add_fallback(bpe, at, at + length, scratch)) {
            add_unknown(bpe, scratch, at, at + length, &pending);
        }
    }
    flush_unknown(bpe, scratch, &pending);
    if (scratch->n > 0) {
        scratch->symbols[scratch->n - 1].next = HS_NO_SYMBOL;
    }
}

/* ---- Merging ---------------------------------------------------------------------------------------------------- */

/* What the symbol and its neighbour become, if anything. */
static bool find_merge(const struct hs_bpe *bpe, const struct hs_bpe_scratch *scratch, int32_t left, uint32_t *rank,
                       int32_t *id) {
    const struct hs_symbol *first = &scratch->symbols[left];
    if (first->next == HS_NO_SYMBOL) {
        return false;
    }
    const struct hs_symbol *second = &scratch->symbols[first->next];
    if (bpe->kind == HS_BPE_SCORES) {
        *id = hs_pieces_find(&bpe->texts, scratch->piece + first->start, (size_t)(second->end - first->start));
        *rank = *id < 0 ? 0 : bpe->ranks[*id];
        return *id >= 0;
    }
    const struct hs_merge *slot = find_slot(bpe, pair_of(first->id, second->id));
    *id = slot->id;
    *rank = slot->rank;
    return slot->pair != UINT64_MAX;
}

static uint64_t candidate(uint32_t rank, int32_t left) { return (uint64_t)rank << 32 | (uint32_t)left; }

static void find_candidates(const struct hs_bpe *bpe, struct hs_bpe_scratch *scratch) {
    uint32_t rank;
    int32_t id;
    scratch->heap_n = 0;
    for (size_t i = 0; i + 1 < scratch->n; i++) {
        if (find_merge(bpe, scratch, (int32_t)i, &rank, &id)) {
            scratch->heap[scratch->heap_n++] = candidate(rank, (int32_t)i);
        }
    }
    for (size_t i = scratch->heap_n / 2; i-- > 0;) {
        sift_down(scratch->heap, scratch->heap_n, i);
    }
}

static void push_candidate(const struct hs_bpe *bpe, struct hs_bpe_scratch *scratch, int32_t left) {
    uint32_t rank;
    int32_t id;
    if (left != HS_NO_SYMBOL && find_merge(bpe, scratch, left, &rank, &id)) {
        heap_push(scratch, candidate(rank, left));
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
    scratch->piece = piece;
    scratch->n = 0;
    add_units(bpe, size, scratch);
    find_candidates(bpe, scratch);
    while (scratch->heap_n > 0) {
        uint64_t top = heap_pop(scratch);
        int32_t left = (int32_t)(top & UINT32_MAX), id;
        uint32_t rank;
        if (scratch->symbols[left].id == HS_NO_SYMBOL || !find_merge(bpe, scratch, left, &rank, &id) ||
            rank != top >> 32) {
            continue;
        }
        join(scratch->symbols, left, id);
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
