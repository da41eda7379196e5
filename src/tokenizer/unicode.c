/* Looks a code point up in the generated class table.
 * The table itself is in unicode_tables.c. */
#include "tokenizer/unicode.h"

unsigned hs_class_search(uint32_t point) {
    size_t low = 0, high = hs_class_starts_count; /* starts[low] <= point < starts[high] */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (hs_class_starts[middle] >> 8 <= point) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return hs_class_starts[low] & 0xFF;
}
