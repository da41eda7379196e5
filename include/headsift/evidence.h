/* Evidence: tasks with heads masked, comparisons, judges, the report.
 * A part of headsift/headsift.h, which includes it: include that. */
#ifndef HEADSIFT_EVIDENCE_H
#define HEADSIFT_EVIDENCE_H

#include "headsift/headsift.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Tasks, masked and not (docs/eval.md) -------------------------------------------------------------------- */

/** How tasks are read or generated. */
typedef struct headsift_task_options {
    int shots;     /**< worked examples in front of each item; negative: as the task is usually asked. Not for
                        generators, nor for layouts whose prompts are whole */
    int64_t limit; /**< items of a task at most, spread evenly over its file; 0: all */
    uint64_t seed; /**< of generated tasks, random heads and intervals */
} headsift_task_options;

typedef struct headsift_eval_options {
    const char *const *tasks; /**< "NAME=PATH", "GENERATOR", ... (docs/eval.md) */
    size_t n_tasks;
    headsift_task_options task;
    headsift_mask mask;
    const char *calibration; /**< of HEADSIFT_MASK_MEAN: a text file; NULL: a text that is built in */
    int draws;               /**< of as many random other heads; negative: 3 */
    const double *fractions; /**< shares of all heads, above 0 and at most 1: the best by score are masked too */
    size_t n_fractions;
    const char *save_tasks; /**< a folder: NAME.jsonl of each task as it was asked; NULL: none */
} headsift_eval_options;

/** Asks the model tasks as it is, with the heads masked, and with as many random others masked. Writes results.json
 *  (docs/formats.md) and prints a table.
 *  @param path  "-" is stdout. @param table  NULL: none. A stopped call writes nothing. */
HEADSIFT_API headsift_status headsift_eval(headsift_model *model, const headsift_heads *heads,
                                           const headsift_eval_options *options, const char *path, FILE *table,
                                           const headsift_monitor *monitor, headsift_error *error);

/** headsift_heads_detect on a task instead of a probe, by ablation: a head's score is how much the loss of the right
 *  choice, text or answer rises (nats a token, mean over the items) when that head alone is masked. */
HEADSIFT_API headsift_status headsift_heads_detect_task(headsift_model *model, const char *task,
                                                        const headsift_task_options *task_options,
                                                        const headsift_heads_options *options,
                                                        const headsift_monitor *monitor, headsift_heads **out,
                                                        headsift_error *error);

/* ---- Comparing ----------------------------------------------------------------------------------------------- */

/** What was not given is 0 or NULL. */
typedef struct headsift_compare_options {
    double top_fraction; /**< heads: compare the best of each file's scores at this share, 0..1; 0: 0.05 */
    int top_count;       /**< > 0: so many heads, instead of a share */

    double keep;        /**< scores: the share of each domain whose overlap is counted; 0: 0.20 */
    const char *by;     /**< one selection: further baselines, numeric columns with commas between them */
    const char *scores; /**< selections: the scores they were chosen from; NULL: the folder "scores" beside each */
    const char *root;   /**< selections: where the source files are now, as in headsift_select_options */
    int64_t sample;     /**< selections: documents of a sample, for what needs texts; 0: 100,000 (clusters: 1,000) */
    uint64_t seed;      /**< of samples, random choices and clusters */
    const headsift_model_options *model; /**< two selections: cluster them by this model's states; NULL: don't */
    int clusters;                        /**< 0: a tenth of the documents, at most 100 */
    int64_t max_tokens;                  /**< of a document, for its states; 0: 1,024 */
    const char *memory;                  /**< of the SQL, like "4GB"; NULL: as DuckDB sees fit */
    const char *temp_dir;                /**< where it spills; NULL: the system's folder for such files */
} headsift_compare_options;

/** Compares results of one kind and prints a table: two or more files of heads (heads.json), two or more folders of
 *  scores, two selections, or one selection against other ways to choose as many documents.
 *  @param output  the comparison as JSON to this file (docs/formats.md); "-": stdout; NULL: none.
 *  @param out     the table; NULL: nowhere.
 *  @return HEADSIFT_USAGE where the paths are of several kinds or of a wrong number. */
HEADSIFT_API headsift_status headsift_compare(const char *const *paths, size_t n,
                                              const headsift_compare_options *options, const char *output, FILE *out,
                                              const headsift_monitor *monitor, headsift_error *error);

/* ---- Judges (docs/judges.md) --------------------------------------------------------------------------------- */

typedef struct headsift_judge_options {
    int64_t documents; /**< of each group and domain; 0: 20 */
    int64_t bytes;     /**< of a text at most; 0: 8000 */
    uint64_t seed;     /**< of the draw and the order */
    const char *root;  /**< not NULL: where the source files are now, see docs/formats.md */
    bool overwrite;
} headsift_judge_options;

/** Draws documents from the top 20 %, the bottom 20 % and all of each domain and writes them to directory/sample.jsonl,
 *  shuffled and without a word of their group, with a prompt each; directory/key.json tells the groups.
 *  @param n  on HEADSIFT_OK the number of documents. */
HEADSIFT_API headsift_status headsift_judge_sample(const char *scores, const headsift_judge_options *options,
                                                   const char *directory, const headsift_monitor *monitor, size_t *n,
                                                   headsift_error *error);
/** Reads answers about such a sample and writes means with intervals by group and domain, and agreement, to `path` as
 *  JSON ("-": stdout). Records that can't be used are logged and counted. @param answers  a file, a folder or a glob of
 *  JSONL or CSV. @param out  the figures as a table; NULL: nowhere. */
HEADSIFT_API headsift_status headsift_judge_answers(const char *directory, const char *answers, const char *path,
                                                    FILE *out, const headsift_monitor *monitor, headsift_error *error);

/* ---- The report (docs/report.md) ---------------------------------------------------------------------------- */

typedef struct headsift_report_options {
    double price;            /**< of an hour of the machine that scored, in any currency; 0: not known */
    double classifier_speed; /**< tokens a second of a classifier to compare with; 0: none */
    const char *root;        /**< as in headsift_select_options, as are the next two */
    const char *memory;
    const char *temp_dir; /**< NULL: beside the output */
} headsift_report_options;

/** Writes one self-contained HTML page about a folder that headsift_run made, or one of the same layout: heads.json,
 *  scores/, selected/, what of these is there, and the JSON files in it whose "kind" is known.
 *  @param model  for tokens coloured by their loss and for operations; NULL: without. @param output "-": stdout. */
HEADSIFT_API headsift_status headsift_report(headsift_model *model, const char *directory,
                                             const headsift_report_options *options, const char *output,
                                             const headsift_monitor *monitor, headsift_error *error);

#ifdef __cplusplus
}
#endif
#endif
