/* Compression by zlib, and repeated triples and lines by the hashes of them in a set.
 * Two different triples or lines are taken for equal once in some 2^64 pairs. */
#include "compare/repetition.h"

#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "compare/words.h"

enum { LEVEL = 6, WINDOW_BITS = -15 /**< no header and no checksum */, MEMORY_LEVEL = 8, TRIPLE = 3 };

struct hs_repetition_meter {
    z_stream stream;
    uint64_t *hashes; /**< of the words, or the lines, of a text */
    size_t n, capacity;
    uint64_t *set; /**< 0: free */
    size_t set_capacity;
};

headsift_status hs_repetition_open(struct hs_repetition_meter **out, headsift_error *error) {
    struct hs_repetition_meter *meter = *out = hs_alloc(1, sizeof *meter);
    if (meter == NULL ||
        deflateInit2(&meter->stream, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        hs_free(meter);
        *out = NULL;
        return hs_fail_memory(error, "compressing", 1 << 18);
    }
    return HEADSIFT_OK;
}

void hs_repetition_close(struct hs_repetition_meter *meter) {
    if (meter != NULL) {
        deflateEnd(&meter->stream);
        hs_free(meter->hashes);
        hs_free(meter->set);
        hs_free(meter);
    }
}

/* Bytes that it takes. */
static size_t compressed(z_stream *stream, const char *text, size_t size) {
    enum { STEP = 1 << 30 }; /* zlib counts in unsigned int */
    unsigned char room[1 << 14];
    deflateReset(stream);
    size_t out = 0;
    for (size_t at = 0; at < size;) {
        size_t step = size - at < STEP ? size - at : STEP;
        stream->next_in = (unsigned char *)(uintptr_t)(text + at);
        stream->avail_in = (uInt)step;
        at += step;
        do {
            stream->next_out = room;
            stream->avail_out = sizeof room;
            deflate(stream, at == size ? Z_FINISH : Z_NO_FLUSH);
            out += sizeof room - stream->avail_out;
        } while (stream->avail_out == 0);
    }
    return out;
}

static headsift_status take_hash(struct hs_repetition_meter *meter, uint64_t hash, headsift_error *error) {
    void *hashes = meter->hashes;
    bool grown = hs_grow(&hashes, &meter->capacity, meter->n + 1, sizeof *meter->hashes);
    meter->hashes = hashes;
    if (!grown) {
        return hs_fail_memory(error, "the words of a document", meter->n * sizeof *meter->hashes);
    }
    meter->hashes[meter->n++] = hash;
    return HEADSIFT_OK;
}

static uint64_t mix(uint64_t hash) {
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 33;
}

/* Share of the runs of `length` hashes that are equal to an earlier one. */
static headsift_status repeated(struct hs_repetition_meter *meter, size_t length, double *out, headsift_error *error) {
    size_t n = meter->n >= length ? meter->n - length + 1 : 0, slots = 16;
    while (slots < 2 * n) {
        slots *= 2;
    }
    void *set = meter->set;
    bool grown = hs_grow(&set, &meter->set_capacity, slots, sizeof *meter->set);
    meter->set = set;
    if (!grown) {
        return hs_fail_memory(error, "the words of a document", slots * sizeof *meter->set);
    }
    memset(meter->set, 0, slots * sizeof *meter->set);
    size_t again = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t hash = 0;
        for (size_t k = 0; k < length; k++) {
            hash = mix(hash + meter->hashes[i + k]);
        }
        hash += hash == 0;
        size_t slot = (size_t)hash & (slots - 1);
        while (meter->set[slot] != 0 && meter->set[slot] != hash) {
            slot = (slot + 1) & (slots - 1);
        }
        again += meter->set[slot] != 0;
        meter->set[slot] = hash;
    }
    *out = n > 0 ? (double)again / (double)n : 0;
    return HEADSIFT_OK;
}

static headsift_status take_words(struct hs_repetition_meter *meter, const char *text, size_t size,
                                  headsift_error *error) {
    char word[HS_WORD_BYTES];
    size_t at = 0, word_size;
    meter->n = 0;
    while (hs_next_word(text, size, &at, word, &word_size)) {
        HS_TRY(take_hash(meter, hs_hash64(word, word_size), error));
    }
    return HEADSIFT_OK;
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static headsift_status take_lines(struct hs_repetition_meter *meter, const char *text, size_t size,
                                  headsift_error *error) {
    meter->n = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t stop = end != NULL ? (size_t)(end - text) : size, first = at, last = stop;
        while (first < last && is_blank(text[first])) {
            first++;
        }
        while (last > first && is_blank(text[last - 1])) {
            last--;
        }
        if (last > first) {
            HS_TRY(take_hash(meter, hs_hash64(text + first, last - first), error));
        }
        at = stop + 1;
    }
    return HEADSIFT_OK;
}

headsift_status hs_repetition_measure(struct hs_repetition_meter *meter, const char *text, size_t size,
                                      struct hs_repetition *out, headsift_error *error) {
    *out = (struct hs_repetition){.compression = 1};
    if (size > 0) {
        out->compression = (double)size / (double)compressed(&meter->stream, text, size);
    }
    HS_TRY(take_words(meter, text, size, error));
    HS_TRY(repeated(meter, TRIPLE, &out->repeated_ngrams, error));
    HS_TRY(take_lines(meter, text, size, error));
    return repeated(meter, 1, &out->duplicate_lines, error);
}
