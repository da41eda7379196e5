/* Recognises the parts of a tokenizer.json that say how text is prepared: normalizer, pre_tokenizer, post_processor.
 * What is not known to give the same ids is refused by its name. */
#ifndef HS_TOKENIZER_JSON_PARTS_H
#define HS_TOKENIZER_JSON_PARTS_H

#include <jansson.h>

#include "tokenizer/internal.h"

/** @param root the whole file. */
headsift_status hs_json_normalizer(const json_t *root, const char *where, struct hs_steps *steps,
                                   headsift_error *error);
/** Fills prepare, cuts and bpe.kind. */
headsift_status hs_json_pre_tokenizer(const json_t *root, const char *where, struct hs_tokenizer *tokenizer,
                                      headsift_error *error);
/** @param bos the id that the template puts in front of a text; -1: none. */
headsift_status hs_json_post_processor(const json_t *root, const char *where, int32_t *bos, headsift_error *error);

/* ---- What the three have in common ------------------------------------------------------------------------------ */

enum { HS_MOST_JSON_STEPS = 8 };

/** A part as the list of its steps: a Sequence's members, or the part itself. */
struct hs_json_steps {
    const json_t *step[HS_MOST_JSON_STEPS];
    const char *type[HS_MOST_JSON_STEPS];
    size_t n;
};

/** @param part its name in the file. @param members the name of a Sequence's array. */
headsift_status hs_json_steps_read(const json_t *root, const char *part, const char *members, const char *where,
                                   struct hs_json_steps *steps, headsift_error *error);
/** Refuses the part, with the names of its steps. */
headsift_status hs_json_steps_refuse(const struct hs_json_steps *steps, const char *part, const char *where,
                                     const char *supported, headsift_error *error);
bool hs_json_step_is(const struct hs_json_steps *steps, size_t i, const char *type);

/** {"String": ...} or {"Regex": ...}: *regex says which; the text is borrowed and not empty. */
headsift_status hs_json_pattern(const json_t *step, const char *where, const char **text, size_t *size, bool *regex,
                                headsift_error *error);

#endif
