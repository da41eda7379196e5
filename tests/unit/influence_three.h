/* A plan of two inputs, of one and of two units, in a scratch folder where the parts' files exist.
 * No model is needed to ask what is done and what a journal holds. */
#ifndef HS_TESTS_INFLUENCE_THREE_H
#define HS_TESTS_INFLUENCE_THREE_H

#include "support.h"

#include "influence/plan.h"

struct three {
    char directory[512];
    struct hs_input inputs[2];
    struct hs_source sources[2];
    struct hs_part parts[3];
    size_t input_parts[3];
    struct hs_score_plan plan;
};

/** In an empty scratch folder of this name. */
void make_three(struct three *three, const char *name);

#endif
