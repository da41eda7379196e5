/* The steps that change a text before it is split, as data: normalizers, and what a pre-tokenizer does to its text.
 * Each equals the normalizer of its name in the `tokenizers` library. */
#ifndef HS_TOKENIZER_STEPS_H
#define HS_TOKENIZER_STEPS_H

#include "tokenizer/normalize.h"
#include "tokenizer/regex.h"

enum hs_step_kind {
    HS_STEP_FORM,
    HS_STEP_LOWERCASE,
    HS_STEP_STRIP,
    HS_STEP_STRIP_ACCENTS,
    HS_STEP_REPLACE,
    HS_STEP_PREPEND, /**< in front of a text that is not empty */
};

struct hs_step {
    enum hs_step_kind kind;
    enum hs_form form;    /**< of HS_STEP_FORM */
    bool left, right;     /**< of HS_STEP_STRIP: at which ends */
    bool only_if_missing; /**< of HS_STEP_PREPEND: not where the text begins with it */
    bool only_at_start;   /**< of HS_STEP_PREPEND: only where the whole text begins */
    char *pattern;        /**< of HS_STEP_REPLACE: what is looked for; owned */
    size_t pattern_size;
    struct hs_regex *regex; /**< of HS_STEP_REPLACE, in place of `pattern`; owned */
    char *content;          /**< what is put there; owned */
    size_t content_size;
};

enum { HS_MOST_STEPS = 8 };

struct hs_steps {
    struct hs_step step[HS_MOST_STEPS];
    size_t n;
};

/** The next step of the list, zeroed; NULL when it is full. */
struct hs_step *hs_steps_add(struct hs_steps *steps);
void hs_steps_free(struct hs_steps *steps);

/** What one thread needs to run steps; zero-initialise, reuse, free with hs_step_room_free. */
struct hs_step_room {
    struct hs_form_room form;
    struct hs_regex_room *regex;
};

void hs_step_room_free(struct hs_step_room *room);
/** The room's hs_regex_room, made where there is none yet. */
headsift_status hs_step_room_regex(struct hs_step_room *room, struct hs_regex_room **out, headsift_error *error);

/** Rewrites a text (well-formed UTF-8). *changed: whether it differs; if not, out is not to be looked at.
 *  @param at_start whether the text begins where the caller's whole text begins. */
headsift_status hs_step_run(const struct hs_step *step, const char *text, size_t size, bool at_start,
                            struct hs_step_room *room, struct hs_rewrite *out, bool *changed, headsift_error *error);

/** All steps one after the other, for a text whose places nobody asks for. *out: the result, in one of the two rewrites
 *  or the text itself. */
headsift_status hs_steps_run_plain(const struct hs_steps *steps, const char *text, size_t size,
                                   struct hs_step_room *room, struct hs_rewrite rewrites[2], const char **out,
                                   size_t *out_size, headsift_error *error);

#endif
