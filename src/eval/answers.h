/* An answer that grows token by token until a stop string stands in it.
 * A stop string may begin in one token and end in another. */
#ifndef HS_EVAL_ANSWERS_H
#define HS_EVAL_ANSWERS_H

#include "base/memory.h"
#include "eval/task.h"

/** Adds a token's bytes. *ended: a stop string is there now; the text ends before the first of them.
 *  False: no memory. */
bool hs_answer_add(struct hs_buffer *text, const char *bytes, size_t size, const struct hs_text *stops, size_t n,
                   bool *ended);

#endif
