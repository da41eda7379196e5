/* The four Unicode normal forms, with the way back. Equal to the `tokenizers` library's, whose tables stop at
 * Unicode 9. */
#ifndef HS_TOKENIZER_NORMALIZE_H
#define HS_TOKENIZER_NORMALIZE_H

#include <stdint.h>

#include "base/error.h"
#include "tokenizer/rewrite.h"

/** A set of bits. */
enum hs_form {
    HS_FORM_NFD = 0,
    HS_FORM_COMPOSED = 1,
    HS_FORM_COMPAT = 2,
    HS_FORM_NFC = HS_FORM_COMPOSED,
    HS_FORM_NFKD = HS_FORM_COMPAT,
    HS_FORM_NFKC = HS_FORM_COMPOSED | HS_FORM_COMPAT,
};

/** Room to work in; zero-initialise, reuse, free with hs_form_room_free. */
struct hs_form_room {
    int32_t *points;
    uint8_t *classes;
    size_t points_capacity, classes_capacity;
    struct hs_buffer bytes;
};

/** Whether the form could change the text: ASCII stays in all, below U+0300 nothing changes under NFC. */
bool hs_form_may_change(enum hs_form form, const char *text, size_t size);
/** Appends the normal form of text (well-formed UTF-8) to an empty rewrite. */
headsift_status hs_form_apply(enum hs_form form, const char *text, size_t size, struct hs_form_room *room,
                              struct hs_rewrite *out, headsift_error *error);
void hs_form_room_free(struct hs_form_room *room);

#endif
