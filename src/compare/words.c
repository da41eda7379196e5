/* Cutting texts into words and counting them: a hash table of words, a count a group, and in how many documents.
 * What it holds grows with the number of different words, not with the text. */
#include "compare/words.h"

#include <math.h>
#include <string.h>
#include <utf8proc.h>

#include "base/text.h"

/* ---- Words of a text ---- */

enum kind { OTHER, MARK, LETTER };

static enum kind kind_of(uint32_t point) {
    if (point < 0x80) {
        bool is = (point >= '0' && point <= '9') || (point >= 'A' && point <= 'Z') || (point >= 'a' && point <= 'z');
        return is ? LETTER : OTHER;
    }
    switch (utf8proc_category((utf8proc_int32_t)point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return LETTER;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return MARK;
    default:
        return OTHER;
    }
}

static uint32_t lower(uint32_t point) {
    if (point < 0x80) {
        return point >= 'A' && point <= 'Z' ? point + ('a' - 'A') : point;
    }
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)point);
}

bool hs_next_word(const char *text, size_t size, size_t *at, char word[HS_WORD_BYTES], size_t *word_size) {
    size_t used = 0;
    bool within = false, fits = true;
    while (*at < size) {
        size_t length;
        uint32_t point = hs_utf8_decode(text + *at, &length);
        enum kind kind = kind_of(point);
        bool belongs = kind == LETTER || (kind == MARK && within);
        if (!belongs && within && fits) {
            break;
        }
        *at += length;
        if (!belongs) {
            within = false;
            fits = true;
            used = 0;
            continue;
        }
        within = true;
        char bytes[4];
        size_t more = hs_utf8_encode(lower(point), bytes);
        fits = fits && used + more <= HS_WORD_BYTES;
        if (fits) {
            memcpy(word + used, bytes, more);
            used += more;
        }
    }
    *word_size = used;
    return within && fits;
}

uint64_t hs_hash64(const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ at[i]) * 0x100000001b3u;
    }
    return hash;
}

/* ---- The table ---- */

static size_t first_slot(const struct hs_words *words, const char *text, size_t size) {
    uint64_t hash = hs_hash64(text, size);
    return (size_t)(hash ^ hash >> 32) & (words->n_slots - 1);
}

/* The slot of a word, or the free one where it belongs. */
static size_t find_slot(const struct hs_words *words, const char *text, size_t size) {
    for (size_t slot = first_slot(words, text, size);; slot = (slot + 1) & (words->n_slots - 1)) {
        uint32_t number = words->slots[slot];
        if (number == 0) {
            return slot;
        }
        const struct hs_word *word = &words->items[number - 1];
        if (word->size == size && memcmp(words->bytes.data + word->at, text, size) == 0) {
            return slot;
        }
    }
}

static headsift_status grow_slots(struct hs_words *words, headsift_error *error) {
    struct hs_words wider = *words;
    wider.n_slots = 2 * words->n_slots;
    wider.slots = hs_alloc(wider.n_slots, sizeof *wider.slots);
    if (wider.slots == NULL) {
        return hs_fail_memory(error, "the words", wider.n_slots * sizeof *wider.slots);
    }
    for (size_t i = 0; i < words->n; i++) {
        wider.slots[find_slot(&wider, words->bytes.data + words->items[i].at, words->items[i].size)] = (uint32_t)i + 1;
    }
    hs_free(words->slots);
    words->slots = wider.slots;
    words->n_slots = wider.n_slots;
    return HEADSIFT_OK;
}

static headsift_status append_word(struct hs_words *words, const char *text, size_t size, headsift_error *error) {
    void *items = words->items, *counts = words->counts;
    bool grown = words->n < UINT32_MAX - 1 && hs_grow(&items, &words->capacity, words->n + 1, sizeof *words->items);
    words->items = items;
    grown = grown && hs_grow(&counts, &words->counts_capacity, (words->n + 1) * words->groups, sizeof *words->counts);
    words->counts = counts;
    size_t at = words->bytes.size;
    if (!grown || !hs_buffer_append(&words->bytes, text, size)) {
        return hs_fail_memory(error, "the words", words->bytes.size);
    }
    words->items[words->n] = (struct hs_word){.at = at, .size = (uint32_t)size, .last = -1};
    memset(words->counts + words->n * words->groups, 0, words->groups * sizeof *words->counts);
    words->n++;
    return HEADSIFT_OK;
}

static headsift_status count_word(struct hs_words *words, size_t group, const char *text, size_t size,
                                  headsift_error *error) {
    if (2 * (words->n + 1) > words->n_slots) {
        HS_TRY(grow_slots(words, error));
    }
    size_t slot = find_slot(words, text, size);
    if (words->slots[slot] == 0) {
        HS_TRY(append_word(words, text, size, error));
        words->slots[slot] = (uint32_t)words->n;
    }
    size_t number = words->slots[slot] - 1;
    struct hs_word *word = &words->items[number];
    word->documents += word->last != words->documents;
    word->last = words->documents;
    words->counts[number * words->groups + group]++;
    words->totals[group]++;
    return HEADSIFT_OK;
}

headsift_status hs_words_open(size_t groups, struct hs_words *words, headsift_error *error) {
    *words = (struct hs_words){.groups = groups, .n_slots = 1024};
    words->slots = hs_alloc(words->n_slots, sizeof *words->slots);
    words->totals = hs_alloc(groups, sizeof *words->totals);
    if (words->slots == NULL || words->totals == NULL) {
        hs_words_free(words);
        return hs_fail_memory(error, "the words", 1024 * sizeof *words->slots);
    }
    return HEADSIFT_OK;
}

headsift_status hs_words_add(struct hs_words *words, size_t group, const char *text, size_t size,
                             headsift_error *error) {
    char word[HS_WORD_BYTES];
    size_t at = 0, word_size;
    while (hs_next_word(text, size, &at, word, &word_size)) {
        HS_TRY(count_word(words, group, word, word_size, error));
    }
    words->documents++;
    return HEADSIFT_OK;
}

void hs_words_free(struct hs_words *words) {
    hs_free(words->items);
    hs_free(words->counts);
    hs_free(words->slots);
    hs_free(words->totals);
    hs_buffer_free(&words->bytes);
    *words = (struct hs_words){0};
}

double hs_words_idf(const struct hs_words *words, size_t word) {
    return log((1 + (double)words->documents) / (1 + (double)words->items[word].documents)) + 1;
}

json_t *hs_words_text(const struct hs_words *words, size_t word) {
    return json_stringn(words->bytes.data + words->items[word].at, words->items[word].size);
}
