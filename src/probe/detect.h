/* One search for heads: tokenised samples and the model in, a score a head out.
 * retrieval.c and ablation.c fill a table, rank.c chooses, effect.c measures what the choice does, settling.c how firm
 * it is. */
#ifndef HS_PROBE_DETECT_H
#define HS_PROBE_DETECT_H

#include "engine/scorer.h"
#include "probe/probe_file.h"
#include "probe/progress.h"

/** Tokens [first, last). */
struct hs_token_span {
    int64_t first, last;
};

/** A probe row in tokens. */
struct hs_sample {
    int32_t *ids; /**< prompt and answer, tokenised together */
    int64_t n, n_prompt;
    struct hs_token_span value, control; /**< tokens that overlap the bytes, edge tokens included */
    size_t number;                       /**< for messages: its line in the probe */
    const struct hs_probe_row *row;      /**< NULL: ablation alone needs none */
};

/** Scores of single samples; a head's score is the mean of its column. */
struct hs_score_table {
    double *rows; /**< (n, n_heads) */
    size_t n, capacity, n_heads;
};

/** A zeroed row for one more sample, valid until the next one; NULL when there is no memory. */
double *hs_table_add(struct hs_score_table *table);
/** @param scores n_heads means over the first n rows (at least 1). */
void hs_table_mean(const struct hs_score_table *table, size_t n, double *scores);

struct hs_detection {
    headsift_model *model;
    struct hs_engine *engine;
    int32_t n_layer, n_head;
    const char *path; /**< of the probe, for messages */
    bool items;       /**< samples are numbered items of a task, not lines of a probe */
    struct hs_sample *samples;
    size_t n;
    struct hs_stage stage;
    struct hs_score_table table; /**< of the samples that count */
    double *controls;            /**< (n_layer, n_head), means against control spans; NULL: not measured */
    const char *decode;
    size_t wanted;   /**< heads to choose */
    double settle;   /**< > 0: stop once resampled top sets share so much of the top set */
    size_t checked;  /**< samples at the last check of that */
    int firm_checks; /**< in a row */
    bool settled;
};

/** Scores, refuses noise, chooses, and measures what the choice does: fills *heads.
 *  @param detection  model, path, samples and shape; its table.rows and controls are to be freed in any case. */
headsift_status hs_heads_search(struct hs_detection *detection, const headsift_heads_options *options,
                                const headsift_monitor *monitor, headsift_heads *heads, headsift_error *error);

/** Tokenises every row; one that is longer than the model's context, or without answer tokens, is an error. */
headsift_status hs_samples_encode(headsift_model *model, const struct hs_probe *probe, const char *path,
                                  struct hs_sample **out, headsift_error *error);
void hs_samples_free(struct hs_sample *samples, size_t n);

/** Adds each head's retrieval score of one sample (method.md section 2) against one span to scores.
 *  @param columns (n_produced, n_heads): where the row that produced a token attends to most. */
void hs_add_copy_scores(const int32_t *ids, struct hs_token_span span, const int32_t *produced, int64_t n_produced,
                        const int32_t *columns, size_t n_heads, double *scores);

/** Share of the wanted text's words (lower case, split at blanks) that the other text has too. */
headsift_status hs_rouge1_recall(const char *wanted, size_t wanted_size, const char *got, size_t got_size,
                                 double *recall, headsift_error *error);

/** A sample answered greedily; free with hs_greedy_free. */
struct hs_greedy {
    int32_t *produced;
    int32_t n;
    int32_t *columns; /**< (n, n_layer, n_head) */
    double recall;
};
headsift_status hs_greedy_answer(struct hs_detection *detection, const struct hs_sample *sample, struct hs_greedy *out,
                                 headsift_error *error);
void hs_greedy_free(struct hs_greedy *greedy);

headsift_status hs_retrieval_scores(struct hs_detection *detection, headsift_decode decode, headsift_error *error);
headsift_status hs_ablation_scores(struct hs_detection *detection, headsift_error *error);

/** Mean loss of a sample's answer tokens under each mask. @param losses n_masks. */
headsift_status hs_answer_losses(struct hs_detection *detection, const struct hs_sample *sample,
                                 const struct hs_mask *masks, int32_t n_masks, double *losses, headsift_error *error);

enum { HS_EFFECT_SAMPLES = 32, HS_EFFECT_DRAWS = 5 };
/** Samples that the effect check goes through. */
size_t hs_effect_samples(const struct hs_detection *detection);
/** What the chosen heads do to the answer loss, against random other heads. */
headsift_status hs_effect_measure(struct hs_detection *detection, const headsift_head *heads, size_t n_heads,
                                  uint64_t seed, headsift_effect *effect, headsift_error *error);

/** How many heads are chosen of `total`: a count, or a share rounded half up; at least 1. */
headsift_status hs_heads_wanted(const headsift_heads_options *options, size_t total, size_t *wanted,
                                headsift_error *error);
/** The best heads by their scores into heads->heads, with mask_fraction. */
headsift_status hs_choose_heads(headsift_heads *heads, size_t wanted, headsift_error *error);
/** The best heads; ties by layer, then head. */
headsift_status hs_rank_heads(const double *scores, int32_t n_layer, int32_t n_head, size_t n, headsift_head *heads,
                              headsift_error *error);
/** HEADSIFT_FAILED, with the reason, when a ranking by these scores would be noise. @param controls may be NULL. */
headsift_status hs_refuse_noise(const double *scores, const double *controls, size_t n, headsift_error *error);
/** The same; with `keep` the reason goes into heads->noise and a warning instead. */
headsift_status hs_judge_noise(headsift_heads *heads, const double *controls, bool keep,
                               const headsift_monitor *monitor, headsift_error *error);

/** Name, hash and shape of the model. */
headsift_status hs_describe_model(headsift_model *model, headsift_heads *heads, headsift_error *error);
/** Measures heads->effect, says it, and warns where random heads do as much. */
headsift_status hs_check_effect(struct hs_detection *detection, headsift_heads *heads, headsift_error *error);

/** Fills heads->settling and heads->bootstrap from the table (docs/formats.md); nothing with fewer than 2 samples. */
headsift_status hs_settling_measure(const struct hs_score_table *table, headsift_heads *heads, headsift_error *error);
/** After each sample, with detection->settle: sets detection->settled where two checks in a row found the top set firm.
 *  Checks come every 5 samples that count, from 20 on. */
headsift_status hs_settling_check(struct hs_detection *detection, headsift_error *error);

#endif
