/* Tasks asked of a model under several masks at once: questions in tokens, conditions, what each item came to.
 * In order: hs_conditions_make, hs_ask_likelihoods and hs_ask_answers for each task, hs_summarise (results.h). */
#ifndef HS_EVAL_ASK_H
#define HS_EVAL_ASK_H

#include "engine/scorer.h"
#include "eval/task.h"
#include "influence/calibration.h"
#include "probe/draws.h"
#include "probe/progress.h"

/* ---- Conditions ---- */

enum hs_condition_group { HS_UNMASKED, HS_MASKED, HS_RANDOM, HS_FRACTION };

struct hs_condition {
    char name[32]; /**< "unmasked", "masked", "random-1", "masked-0.02" */
    enum hs_condition_group group;
    double fraction; /**< heads masked / all heads */
};

/** Unmasked, the chosen heads, draws of random others, the best heads by score at some shares; in this order. */
struct hs_conditions {
    struct hs_condition *all;
    struct hs_mask *masks; /**< one a condition */
    size_t n;
    size_t n_draws; /**< conditions 2 .. 2 + n_draws */
    struct hs_draws draws;
    headsift_head *ranked; /**< all heads, best first; NULL without fractions */
    float *means;          /**< of every mask's heads; NULL: not asked for */
    int32_t n_layer, n_head;
};

/** @param heads  of the model (headsift_heads_check). HEADSIFT_USAGE: fractions without scores in them. */
headsift_status hs_conditions_make(const headsift_heads *heads, const struct hs_config *config,
                                   const headsift_eval_options *options, struct hs_conditions *out,
                                   headsift_error *error);
/** Puts means into masks of HEADSIFT_MASK_MEAN; the others stay as they are. Opens the model's engine. */
headsift_status hs_conditions_take_means(struct hs_conditions *conditions, headsift_model *model,
                                         const struct hs_calibration *calibration, headsift_error *error);
void hs_conditions_free(struct hs_conditions *conditions); /**< fine on a zeroed struct */

/* ---- Questions ---- */

/** A context and what may follow it, in tokens. */
struct hs_question {
    int32_t *ids;
    int64_t n, given; /**< ids[given .. n) are asked about */
    size_t bytes;     /**< of what is asked about, without blanks in front */
    size_t item;
    int32_t prefix; /**< of its item */
    bool cut;       /**< it was too long: its beginning is missing */
};

/** @param text  what follows; NULL: nothing, the model goes on. Blanks at the context's end count as the text's.
 *  @param room   tokens that must be left in the model's context */
headsift_status hs_question_encode(const headsift_model *model, const struct hs_task *task, size_t item, size_t choice,
                                   const struct hs_text *text, int64_t room, struct hs_question *out,
                                   headsift_error *error);
void hs_questions_free(struct hs_question *questions, size_t n); /**< the ids; not the array */
/** Questions that an item has about the likelihood of texts: a choice each, or one. */
size_t hs_item_questions(const struct hs_task *task, const struct hs_item *item);
/** They, in order: choices; the text; the first answer. */
headsift_status hs_item_encode(const headsift_model *model, const struct hs_task *task, size_t item,
                               struct hs_question *out, headsift_error *error);

/* ---- Packs of questions ---- */

/** Questions as documents of a batch; what they begin with together is a document of its own that they go on behind. */
struct hs_sheet {
    int32_t *tokens;
    int64_t *offsets;
    int32_t *parents;
    uint8_t *wanted; /**< tokens that are asked about */
    int32_t n, n_questions;
    int32_t *document; /**< of each question: where its end is */
    int64_t *shared;   /**< its tokens that stand before that document */
};

/** @param step  shared beginnings end at multiples of it; 0: nothing is shared */
headsift_status hs_sheet_make(const struct hs_question *questions, size_t n, int64_t step, struct hs_sheet *out,
                              headsift_error *error);
void hs_sheet_free(struct hs_sheet *sheet); /**< fine on a zeroed struct */
struct hs_batch hs_sheet_batch(const struct hs_sheet *sheet);
/** How many tokens at the beginning of all these questions are the same, and none of them asked about. */
int64_t hs_shared_beginning(const struct hs_question *questions, size_t n, int64_t step);

/* ---- Asking ---- */

enum hs_metric { HS_ACCURACY, HS_ACCURACY_NORM, HS_MATCH_RATE, HS_LOSS, HS_METRICS };
extern const char *const hs_metric_names[HS_METRICS]; /**< as in results.json */

struct hs_asking {
    headsift_model *model;
    struct hs_engine *engine;
    const struct hs_conditions *conditions;
    struct hs_stage *stage;
    int64_t step; /**< of shared beginnings; 0: none are shared */
};

/** Of shared beginnings, for hs_asking. None are shared where a long text turns the positions of its beginning
 * differently (longrope). */
int64_t hs_shared_step(const headsift_model *model);

/** What each item came to under each condition. */
struct hs_outcomes {
    double *values; /**< (HS_METRICS, n_conditions, n_items) */
    size_t n_conditions, n_items;
    bool has[HS_METRICS];
    size_t cut; /**< items that were too long for the context */
};
headsift_status hs_outcomes_alloc(const struct hs_task *task, size_t n_conditions, struct hs_outcomes *out,
                                  headsift_error *error);
void hs_outcomes_free(struct hs_outcomes *outcomes);
static inline double *hs_outcome(const struct hs_outcomes *o, enum hs_metric metric, size_t condition) {
    return o->values + ((size_t)metric * o->n_conditions + condition) * o->n_items;
}

/** Accuracies of choices, and the loss of what is right: choice, text or answer. */
headsift_status hs_ask_likelihoods(const struct hs_asking *asking, const struct hs_task *task,
                                   struct hs_outcomes *outcomes, headsift_error *error);
/** Greedy answers, compared. */
headsift_status hs_ask_answers(const struct hs_asking *asking, const struct hs_task *task, struct hs_outcomes *outcomes,
                               headsift_error *error);

/** Whether one of the answers is given by what was produced. */
headsift_status hs_matches(enum hs_match match, struct hs_text produced, const struct hs_text *answers, size_t n,
                           bool *out, headsift_error *error);

#endif
