/* Character classes as the `tokenizers` library has them (it mixes Unicode versions), from generated tables.
 * A class is a set of bits; a character that is neither letter, number nor space has none of these three. */
#ifndef HS_TOKENIZER_UNICODE_H
#define HS_TOKENIZER_UNICODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum hs_class {
    HS_CLASS_LETTER = 1,     /**< \p{L} of the split patterns */
    HS_CLASS_NUMBER = 2,     /**< \p{N} of the split patterns */
    HS_CLASS_SPACE = 4,      /**< \s of the split patterns and of lstrip and rstrip */
    HS_CLASS_NUMERIC = 8,    /**< what the Digits splitter cuts out */
    HS_CLASS_WORD = 16,      /**< \w of single_word tokens */
    HS_CLASS_CANONICAL = 32, /**< has a decomposition or a combining class in the normaliser's Unicode version */
    HS_CLASS_COMPAT = 64,    /**< the same for the decompositions of NFKC and NFKD */
    HS_CLASS_MARK = 128,     /**< what StripAccents takes out */
};

/** Where each class begins, ascending: code point << 8 | bits; it holds up to the next entry. */
extern const uint32_t hs_class_starts[];
extern const size_t hs_class_starts_count;
/** The bits of the first 128 code points. */
extern const uint8_t hs_class_ascii[128];

unsigned hs_class_search(uint32_t point);

static inline unsigned hs_class_of(uint32_t point) {
    return point < 128 ? hs_class_ascii[point] : hs_class_search(point);
}

/** The class of the character at text[0] (well-formed, not empty) and its length. */
static inline unsigned hs_class_at(const char *text, size_t *length) {
    unsigned char byte = (unsigned char)text[0];
    if (byte < 128) {
        *length = 1;
        return hs_class_ascii[byte];
    }
    return hs_class_search(hs_utf8_decode(text, length));
}

#endif
