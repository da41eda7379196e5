/* The estimate in a printed plan: tokens by a sample of documents, time by one call of the engine.
 * A file's bytes stand for its text's where documents are not counted: compressed files come out too low. */
#ifndef HS_INFLUENCE_ESTIMATE_H
#define HS_INFLUENCE_ESTIMATE_H

#include "influence/plan.h"

/** Prints a line; nothing where there are no tokens, and no time where the heads are not known yet.
 *  @param documents  that would be scored; negative: not counted, and `bytes` of the files are taken. */
headsift_status hs_estimate_print(headsift_model *model, struct hs_scoring *scoring, const struct hs_score_plan *plan,
                                  const headsift_inputs *inputs, int64_t documents, double bytes, FILE *out,
                                  headsift_error *error);

#endif
