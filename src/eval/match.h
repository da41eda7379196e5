/* One spelling for answers that mean the same: words, numbers, formulas.
 * Each function replaces *out; false: no memory. */
#ifndef HS_EVAL_MATCH_H
#define HS_EVAL_MATCH_H

#include "base/memory.h"
#include "eval/task.h"

/** Without ASCII blanks at both ends; points into `text`. */
struct hs_text hs_trimmed(struct hs_text text);
bool hs_text_equal(struct hs_text a, struct hs_text b);

/** Lower case (ASCII), no punctuation (ASCII), no a, an or the, one blank between words. */
bool hs_plain_words(struct hs_text text, struct hs_buffer *out);
/** The number that a text gives: the first behind its last "####", else the last one in its last box, else the last
 *  one. "-1,234.50" is "-1234.5". */
bool hs_plain_number(struct hs_text text, struct hs_buffer *out, bool *found);
/** What stands in the last \boxed{} or \fbox{} (or behind "\boxed "). False: there is none. Points into `text`. */
bool hs_last_box(struct hs_text text, struct hs_text *box);
/** The last box of a text, or all of it, spelt in one way: no blanks, dollars, degrees or \left and \right; one kind of
 *  fraction; no unit behind; no "x =" in front. */
bool hs_plain_formula(struct hs_text text, struct hs_buffer *out);

#endif
