/* A tiny random model with a tokenizer of one token a character, so that tests can count tokens by eye.
 * Used by the unit tests of src/influence and src/bench. */
#ifndef HS_TESTS_INFLUENCE_SUPPORT_H
#define HS_TESTS_INFLUENCE_SUPPORT_H

#include "support.h"

#include "engine/scorer.h"

/** Ids of the tokenizer: 0 "<pad>", 1 "<s>", 2 "</s>", then "!" to "y", space and newline; "z" is 128, which the model
 *  does not have. Other bytes have no token. */
headsift_model *tiny_scorer(bool add_bos);
/** The same with another of the tiny goldens. */
headsift_model *tiny_family(const char *family, bool add_bos);
/** Two heads of it; static. */
const headsift_heads *tiny_heads(void);

/** Scores one text; fails the test on an error other than HEADSIFT_UNSCORED. */
headsift_score tiny_score(headsift_model *model, const headsift_score_options *options, const char *text, size_t size);

#endif
