/* A benchmark task ready to be asked: what readers and generators make, and what conditions are measured on.
 * Texts are as the model gets them: blanks and line breaks between their parts stand in them. */
#ifndef HS_EVAL_TASK_H
#define HS_EVAL_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum hs_task_kind {
    HS_TASK_CHOICE,   /**< which of some continuations is the likeliest */
    HS_TASK_GENERATE, /**< a greedy answer is compared with the right ones */
    HS_TASK_LOSS,     /**< how likely a text is behind its context: reference solutions, plain documents */
};

/** How a generated answer is compared, after blanks at both ends are taken off. */
enum hs_match {
    HS_MATCH_EXACT,  /**< the same bytes */
    HS_MATCH_WORDS,  /**< the same words: case, punctuation and articles don't count (SQuAD, DROP) */
    HS_MATCH_NUMBER, /**< the last number of the answer (behind the last `#### ` or in the last \boxed{} if there is
                        one) */
    HS_MATCH_BOXED,  /**< MATH: the last \boxed{}, spelt in one way */
};

enum { HS_MATCHES = HS_MATCH_BOXED + 1 };
const char *hs_match_name(enum hs_match match); /**< "exact", "words", "number", "boxed" */

/** Bytes of UTF-8, NUL is text. */
struct hs_text {
    char *data; /**< NULL only where size is 0 */
    size_t size;
};

struct hs_item {
    struct hs_text context;
    int32_t prefix;          /**< index in the task's prefixes; -1: none */
    struct hs_text *choices; /**< CHOICE: continuations. LOSS: the one text */
    size_t n_choices;
    struct hs_text *contexts; /**< NULL; or a context for each choice instead of `context` */
    int32_t gold;             /**< CHOICE: index of the right one */
    struct hs_text *answers;  /**< GENERATE: each of them is right */
    size_t n_answers;
    struct hs_text group; /**< a subject or category that the results tell apart; may be empty */
};

struct hs_task {
    char *name;
    char *source; /**< the path or the generator's name with its settings, for the results */
    enum hs_task_kind kind;
    enum hs_match match;
    int32_t shots;
    struct hs_text *prefixes; /**< worked examples that stand in front of contexts */
    size_t n_prefixes;
    struct hs_item *items;
    size_t n_items;
    struct hs_text *stops; /**< GENERATE: the answer ends before the first of them */
    size_t n_stops;
    int32_t most_tokens; /**< GENERATE: of an answer */
};

struct hs_task_options {
    int shots;     /**< worked examples; negative: as the layout is usually asked. Not for generators, nor for layouts
                        whose prompts are whole */
    int64_t limit; /**< items at most, spread evenly over the file; 0: all */
    uint64_t seed; /**< of generated tasks */
};

/** Reads or generates a task. @param spec "NAME=PATH[,shots=PATH]" or "GENERATOR[:setting=value,...]", see
 *  docs/eval.md. *out is the caller's: hs_task_free. */
headsift_status hs_task_open(const char *spec, const struct hs_task_options *options, struct hs_task *out,
                             headsift_error *error);
/** Writes a task in our own JSONL form, which reads back as an equal task (but for name and source). */
headsift_status hs_task_save(const struct hs_task *task, const char *path, headsift_error *error);
void hs_task_free(struct hs_task *task); /**< fine on a zeroed struct */

#endif
