/* Recognises the parts of a tokenizer.json that say how text is prepared: normalizer, pre_tokenizer, post_processor.
 * What is not known to give the same ids is refused by its name. */
#ifndef HS_TOKENIZER_JSON_PARTS_H
#define HS_TOKENIZER_JSON_PARTS_H

#include <jansson.h>

#include "base/error.h"
#include "tokenizer/split.h"

/** @param root the whole file. */
headsift_status hs_json_normalizer(const json_t *root, const char *where, bool *nfc, headsift_error *error);
headsift_status hs_json_pre_tokenizer(const json_t *root, const char *where, enum hs_split *split, bool *prefix_space,
                                      headsift_error *error);
/** @param bos the id that the template puts in front of a text; -1: none. */
headsift_status hs_json_post_processor(const json_t *root, const char *where, int32_t *bos, headsift_error *error);

#endif
