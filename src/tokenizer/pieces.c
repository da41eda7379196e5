/* A hash table with open addressing, keyed by bytes.
 * What is longer than its longest text is not even hashed. */
#include "tokenizer/pieces.h"

#include <string.h>

uint64_t hs_piece_hash(const char *bytes, size_t size) {
    const uint64_t factor = 0x9E3779B97F4A7C15u;
    uint64_t hash = size * factor, word;
    for (; size >= 8; size -= 8, bytes += 8) {
        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * factor;
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, bytes, size);
    hash = (hash ^ word) * factor;
    return hash ^ hash >> 32;
}

size_t hs_table_slots(size_t n) {
    size_t slots = 16;
    while (slots < n * 2) {
        slots *= 2;
    }
    return slots;
}

bool hs_pieces_reserve(struct hs_pieces *pieces, const struct hs_buffer *bytes, size_t n) {
    size_t slots = hs_table_slots(n);
    pieces->slots = hs_alloc(slots, sizeof *pieces->slots);
    if (pieces->slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < slots; i++) {
        pieces->slots[i].id = -1;
    }
    pieces->mask = slots - 1;
    pieces->bytes = bytes;
    return true;
}

void hs_pieces_add(struct hs_pieces *pieces, size_t offset, size_t size, int32_t id) {
    uint64_t hash = hs_piece_hash(pieces->bytes->data + offset, size);
    size_t at = (size_t)hash & pieces->mask;
    while (pieces->slots[at].id >= 0) {
        at = (at + 1) & pieces->mask;
    }
    pieces->slots[at] =
        (struct hs_piece_slot){.offset = offset, .size = (uint32_t)size, .hash = (uint32_t)(hash >> 32), .id = id};
    pieces->longest = size > pieces->longest ? size : pieces->longest;
}

int32_t hs_pieces_find(const struct hs_pieces *pieces, const char *text, size_t size) {
    if (pieces->slots == NULL || size > pieces->longest) {
        return -1;
    }
    uint64_t hash = hs_piece_hash(text, size);
    for (size_t at = (size_t)hash & pieces->mask;; at = (at + 1) & pieces->mask) {
        const struct hs_piece_slot *slot = &pieces->slots[at];
        if (slot->id < 0) {
            return -1;
        }
        if (slot->hash == (uint32_t)(hash >> 32) && slot->size == size &&
            memcmp(pieces->bytes->data + slot->offset, text, size) == 0) {
            return slot->id;
        }
    }
}

void hs_pieces_free(struct hs_pieces *pieces) {
    hs_free(pieces->slots);
    *pieces = (struct hs_pieces){0};
}
