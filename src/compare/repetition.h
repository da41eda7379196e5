/* How much a text repeats itself: how well it compresses, and what share of its word triples and lines came before.
 * What a high score may only mean, so that it can stand beside it. */
#ifndef HS_COMPARE_REPETITION_H
#define HS_COMPARE_REPETITION_H

#include "base/error.h"

struct hs_repetition {
    double compression;     /**< bytes of the text over bytes of its deflate stream (zlib, level 6) */
    double repeated_ngrams; /**< share of the triples of words that stood in the text before; 0 under three words */
    double duplicate_lines; /**< share of the lines that stood in the text before; blanks around them and empty lines
                               don't count */
};

struct hs_repetition_meter; /**< room that is used again for each text */
headsift_status hs_repetition_open(struct hs_repetition_meter **out, headsift_error *error);
/** An empty text: compression 1 and no repetition. `text` is UTF-8. */
headsift_status hs_repetition_measure(struct hs_repetition_meter *meter, const char *text, size_t size,
                                      struct hs_repetition *out, headsift_error *error);
void hs_repetition_close(struct hs_repetition_meter *meter); /**< NULL is fine */

#endif
