/* headsift: choose pretraining text by AttentionInfluence (arXiv 2505.07293).
 * This header is the whole public interface: open a model, find its retrieval heads, score documents, select. */
#ifndef HEADSIFT_HEADSIFT_H
#define HEADSIFT_HEADSIFT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HEADSIFT_API __attribute__((visibility("default")))
#else
#define HEADSIFT_API
#endif

#define HEADSIFT_VERSION "0.1.0"

/* ---- Errors ------------------------------------------------------------------------------------------------- */

/** What a call came to. The values are the command's exit codes. */
typedef enum headsift_status {
    HEADSIFT_OK = 0,       /**< done */
    HEADSIFT_FAILED = 1,   /**< bad input, no memory, an I/O error: the message says which */
    HEADSIFT_USAGE = 2,    /**< the options contradict each other or name something that is not there */
    HEADSIFT_UNSCORED = 3, /**< done, but some documents have no score */
    HEADSIFT_STOPPED = 4,  /**< the caller's stop flag was seen; the same call goes on from there */
    HEADSIFT_NO_SPACE = 5, /**< the disk or the quota is full */
} headsift_status;

/** One line that says what went wrong, where, and what to do. Zero-initialise; may be passed as NULL. */
typedef struct headsift_error {
    headsift_status status;
    char message[1024];
} headsift_error;

/* ---- What the caller sees while a call runs ----------------------------------------------------------------- */

typedef enum headsift_log_level { HEADSIFT_LOG_DEBUG, HEADSIFT_LOG_INFO, HEADSIFT_LOG_WARNING } headsift_log_level;

/** How far a call is. Counts are of this call; `share` is 0..1 of the whole work, negative where unknown. */
typedef struct headsift_progress {
    const char *stage; /**< "probe", "heads", "score", "select", "eval" */
    int64_t documents;
    int64_t tokens;
    double seconds; /**< since the stage began */
    double share;
} headsift_progress;

/** Callbacks of the caller. Every member may be NULL; a NULL monitor is a silent one. Called on the calling thread. */
typedef struct headsift_monitor {
    void (*log)(void *user, headsift_log_level level,
                const char *line); /**< line: one line, no newline, may hold raw text */
    void (*progress)(void *user, const headsift_progress *progress);
    void *user;
    const volatile sig_atomic_t *stop; /**< not 0: finish the batch, write it, return HEADSIFT_STOPPED */
} headsift_monitor;

/* ---- Model -------------------------------------------------------------------------------------------------- */

/** Type of weights, activations and products; sums, norms, softmax and losses are f32 or f64 in any case. AUTO: bf16
 *  where the CPU has products of it (AVX-512 BF16, AMX, ARMv8.6 BF16), else f32. INT8: as bf16, but most of a product
 * is of 8-bit integers (AVX-512 VNNI, BF16 and VBMI2); scores differ more, and AUTO never chooses it. */
typedef enum headsift_dtype {
    HEADSIFT_DTYPE_AUTO,
    HEADSIFT_DTYPE_F32,
    HEADSIFT_DTYPE_BF16,
    HEADSIFT_DTYPE_INT8,
} headsift_dtype;

/** A model, its tokenizer and, from the first call that needs it, its weights packed for this machine.
 *  Not thread-safe: one call at a time. */
typedef struct headsift_model headsift_model;

typedef struct headsift_model_options {
    const char *path; /**< a GGUF file, or a directory in the Hugging Face layout */
    headsift_dtype dtype;
    int threads; /**< 0: as many as the process may use */
} headsift_model_options;

/** Opens a model. Maps its files; weights are not read yet.
 *  @param out  on HEADSIFT_OK the model, owned by the caller: headsift_model_close.
 *  @return HEADSIFT_FAILED with the part that is missing or unsupported named. */
HEADSIFT_API headsift_status headsift_model_open(const headsift_model_options *options, const headsift_monitor *monitor,
                                                 headsift_model **out, headsift_error *error);
HEADSIFT_API void headsift_model_close(headsift_model *model); /**< NULL is fine */

/** Prints what the model is: architecture, which KV head each query head uses, dtype, tokenizer, memory per dtype, and
 *  what is not supported and why. Works for models that headsift_model_open refuses, as far as they can be read.
 *  @return HEADSIFT_FAILED when the model can't be read or is not supported (what could be read is printed). */
HEADSIFT_API headsift_status headsift_inspect(const char *path, FILE *out, headsift_error *error);

/** Token ids of a text.
 *  @param text        `size` bytes of UTF-8; NUL is text.
 *  @param parse_special  text that spells a special token becomes that token (as in Hugging Face's tokenizers)
 *  @param add_bos     as scoring does: exactly one BOS where the model's own tokenizer adds one
 *  @param ids         on HEADSIFT_OK an array of *n ids: headsift_free. */
HEADSIFT_API headsift_status headsift_tokenize(headsift_model *model, const char *text, size_t size, bool parse_special,
                                               bool add_bos, int32_t **ids, size_t *n, headsift_error *error);
HEADSIFT_API void headsift_free(void *pointer); /**< frees what a call here returned */

/* ---- Documents ---------------------------------------------------------------------------------------------- */

/** Which documents, and where in a record their parts are. NULL and 0 mean the default. */
typedef struct headsift_inputs {
    const char *const *paths; /**< files, globs, directories */
    size_t n_paths;
    const char *files_from; /**< a file that lists further paths, one a line; "-" is stdin */
    const char *format;     /**< "parquet", "jsonl", "csv", "text"; NULL: from the file names */
    const char *text;       /**< column of the text; NULL: "text" */
    const char *prompt;     /**< not NULL: columns of a prompt and its response, both given. A document is the prompt */
    const char *response;   /**< with the response right behind it; the response alone counts, `text` is not used */
    const char *id;         /**< column of the id; NULL: "id" if there is one, else FILE:ROW */
    const char *domain; /**< COLUMN, "=NAME", "=FILE", "=DIR"; NULL: column "domain" if there is one, else one domain */
    int64_t limit;      /**< at most so many documents in all; 0: no limit */
} headsift_inputs;

/* ---- Probe and heads (method.md sections 1 and 2) ----------------------------------------------------------- */

/** Of the built-in sentences and the built-in template. */
typedef enum headsift_language { HEADSIFT_LANGUAGE_ENGLISH, HEADSIFT_LANGUAGE_SPANISH } headsift_language;

typedef struct headsift_probe_options {
    int samples;           /**< 0: 800 */
    int tokens;            /**< prompt and answer together, at most; 0: 4096 or the model's context if that is less */
    int shots;             /**< negative: 3 */
    uint64_t seed;         /**< same seed, same bytes */
    const char *sentences; /**< a file with a sentence a line; NULL: the built-in grammar */
    const char *template_path; /**< NULL: the built-in template */
    headsift_language language;
} headsift_probe_options;

/** Writes a probe (JSONL, see docs/formats.md) to `path`; "-" is stdout. */
HEADSIFT_API headsift_status headsift_probe_write(headsift_model *model, const headsift_probe_options *options,
                                                  const char *path, const headsift_monitor *monitor,
                                                  headsift_error *error);

typedef enum headsift_method { HEADSIFT_METHOD_RETRIEVAL, HEADSIFT_METHOD_ABLATION } headsift_method;
typedef enum headsift_decode { HEADSIFT_DECODE_AUTO, HEADSIFT_DECODE_GREEDY, HEADSIFT_DECODE_TEACHER } headsift_decode;

typedef struct headsift_heads_options {
    headsift_method method;
    headsift_decode decode; /**< for the retrieval method */
    double top_fraction;    /**< share of all heads, 0..1; 0: 0.05. Rounded half up, at least 1 */
    int top_count;          /**< > 0: so many heads, instead of a share */
    double settle;          /**< > 0: stop once resampled top sets share so much of the top set (docs/heads.md) */
    bool keep_noise;        /**< a ranking that would be noise is marked (headsift_heads.noise) instead of refused */
} headsift_heads_options;

/** A query head, counted from 0. */
typedef struct headsift_head {
    int32_t layer;
    int32_t head;
} headsift_head;

/** Mean answer loss (nats) on the first samples of the probe, and with as many random other heads masked. */
typedef struct headsift_effect {
    int samples;
    double unmasked;
    double masked;
    double random_mean, random_low, random_high;
    int draws;
} headsift_effect;

/** What the first samples alone say: the share of the top set that theirs has, and the rank correlation with the final
 *  scores (NaN where all are equal). */
typedef struct headsift_settling {
    int samples;
    double overlap, spearman;
} headsift_settling;

/** What headsift_heads_options.settle came to. */
typedef struct headsift_settle {
    double threshold; /**< 0: not asked for */
    int samples;      /**< that count, when it stopped or came to the end */
    bool settled;
} headsift_settle;

/** Every head's score and the chosen heads. Read-only; owned by headsift_heads_free. */
typedef struct headsift_heads {
    char *model_name; /**< may be NULL, as may the hash: not checked then */
    char *model_sha256;
    int32_t n_layer, n_head, n_kv_head; /**< 0: not stated */
    char *method;                       /**< "retrieval", "ablation"; may be NULL */
    char *decode;                       /**< "greedy", "teacher"; may be NULL */
    int samples, samples_counted;
    uint64_t seed;
    double mask_fraction;   /**< n_heads / (n_layer * n_head) */
    headsift_effect effect; /**< draws == 0: not measured */
    double *scores;         /**< n_layer * n_head, a row a layer; NULL: not stated */
    headsift_head *heads;   /**< best first */
    size_t n_heads;
    char *source;                /**< the tool whose file it was; NULL: headsift */
    char *noise;                 /**< why the ranking is noise; NULL: it is not */
    headsift_settling *settling; /**< by samples; NULL: not measured */
    size_t n_settling;
    int resamples;            /**< of the samples, with replacement; 0: not measured */
    double bootstrap_overlap; /**< mean overlap of the resampled top sets with the chosen heads */
    double *bootstrap;        /**< of each of `heads`, the share of resamples in which it is chosen */
    headsift_settle settle;
} headsift_heads;

/** Scores every head on a probe and chooses the top ones. Refuses (HEADSIFT_FAILED, says why) when the ranking would be
 *  noise. *out is owned by the caller. */
HEADSIFT_API headsift_status headsift_heads_detect(headsift_model *model, const char *probe_path,
                                                   const headsift_heads_options *options,
                                                   const headsift_monitor *monitor, headsift_heads **out,
                                                   headsift_error *error);
/** Chooses again by the scores of a file of heads (this tool's or another's), for this model.
 *  @param probe_path  the effect of the choice is measured on it; NULL: it is not measured.
 *  @param options     of which top_fraction, top_count and keep_noise count. *out is owned by the caller. */
HEADSIFT_API headsift_status headsift_heads_choose(headsift_model *model, const char *heads_path,
                                                   const char *probe_path, const headsift_heads_options *options,
                                                   const headsift_monitor *monitor, headsift_heads **out,
                                                   headsift_error *error);
/** Reads heads.json, or the file of Retrieval_Head ({"LAYER-HEAD": [a score a sample]}), whose top 5 % are chosen. */
HEADSIFT_API headsift_status headsift_heads_load(const char *path, headsift_heads **out, headsift_error *error);
/** Writes heads.json and, beside it, the heat map (NAME.svg). Atomic. "-": JSON to stdout, no heat map. */
HEADSIFT_API headsift_status headsift_heads_save(const headsift_heads *heads, const char *path, headsift_error *error);
/** Refuses heads that the model does not have (another shape, a head out of range) and those marked as noise; warns of
 *  another hash. */
HEADSIFT_API headsift_status headsift_heads_check(const headsift_heads *heads, headsift_model *model,
                                                  const headsift_monitor *monitor, headsift_error *error);
HEADSIFT_API void headsift_heads_free(headsift_heads *heads); /**< NULL is fine */

/** Writes the model with these heads uniform as a Hugging Face directory that other engines can run: the reference
 * model of method.md section 3. The source must be such a directory; configuration and tokenizer files are copied,
 * weight files keep their names and differ only in the bytes that make the heads' queries (zero). */
HEADSIFT_API headsift_status headsift_mask_model(headsift_model *model, const headsift_heads *heads,
                                                 const char *directory, bool overwrite, const headsift_monitor *monitor,
                                                 headsift_error *error);

/* ---- Influence scores (method.md sections 3 and 4) ---------------------------------------------------------- */

typedef enum headsift_mask {
    HEADSIFT_MASK_UNIFORM, /**< a masked head attends to all that it sees alike */
    HEADSIFT_MASK_ZERO,    /**< gives zeros */
    HEADSIFT_MASK_MEAN     /**< gives its mean output over a calibration text */
} headsift_mask;
typedef enum headsift_long { HEADSIFT_LONG_TRUNCATE, HEADSIFT_LONG_CHUNK } headsift_long;

typedef struct headsift_score_options {
    headsift_mask mask;
    headsift_long long_documents;
    int64_t max_tokens;      /**< 0: the model's context */
    bool special_as_text;    /**< split text that spells a special token instead of turning it into that token */
    const char *calibration; /**< of HEADSIFT_MASK_MEAN: a text file; NULL: a text that is built in */
    const char *step_marker; /**< of responses: text that ends a step; NULL: "\n\n" */

    /* Of headsift_score_files alone. A unit of work is a range of records of one file and has a part of its own. */
    int64_t unit_bytes;  /**< text of a unit, about; 0: 32 MB (2^25 bytes) */
    int32_t rank, world; /**< do this rank's share of the units, one of `world` (0: 1), counted from 0 */
    bool steal;          /**< then go on with units of other ranks that are neither done nor in work */
    bool accept_changed; /**< inputs that changed since they were scored: make their parts again */
    bool json_log;       /**< the rank's log, DIR/_ranks/rank-00000.log, holds JSON objects instead of text */
} headsift_score_options;

/** One document's row, as in the Parquet files. Losses are means over n_scored tokens, in nats. */
typedef struct headsift_score {
    int64_t n_bytes, n_bytes_scored; /**< of the text; of the n_scored tokens that are predicted */
    int32_t n_tokens, n_scored;
    double loss_base, loss_ref, score; /**< NaN where there is none: see status */
    char status[16];                   /**< ok, truncated, chunked, too_short, bad_text, failed */
    char note[160];                    /**< why, where not ok */
} headsift_score;

/** Scores n texts in memory. @param out n rows, the caller's. @return HEADSIFT_UNSCORED if some have no score. */
HEADSIFT_API headsift_status headsift_score_texts(headsift_model *model, const headsift_heads *heads,
                                                  const headsift_score_options *options, const char *const *texts,
                                                  const size_t *sizes, size_t n, headsift_score *out,
                                                  headsift_error *error);

/** A step of a response: the text up to a marker, which belongs to it, or to the end. Markers that follow one another
 *  end one step, and a marker at the response's beginning ends none. A token belongs to the step in which its first
 * byte in the response stands. Losses are means over the step's n_scored tokens. */
typedef struct headsift_step {
    int64_t start, n_bytes; /**< of the response */
    int32_t n_scored;
    double loss_base, loss_ref, score; /**< NaN where nothing is scored */
    double weight; /**< proportional to the score where that is above 0, else 0; the mean over the scored tokens of the
                        response is 1. All are 1 where no score is above 0; NaN where nothing is scored */
} headsift_step;

typedef struct headsift_steps {
    headsift_step *items; /**< in order: headsift_free */
    size_t n;
} headsift_steps;

/** The same for prompts with their responses: a document is the prompt with the response right behind it, and the
 * tokens that overlap the response alone count. @param steps n lists, the caller's, or NULL. Empty also where it fails.
 */
HEADSIFT_API headsift_status headsift_score_responses(headsift_model *model, const headsift_heads *heads,
                                                      const headsift_score_options *options, const char *const *prompts,
                                                      const size_t *prompt_sizes, const char *const *responses,
                                                      const size_t *response_sizes, size_t n, headsift_score *out,
                                                      headsift_steps *steps, headsift_error *error);

typedef struct headsift_score_summary {
    int64_t documents, scored, unscored;
    int64_t tokens;        /**< of the documents, each counted once */
    int64_t duplicate_ids; /**< rows whose id an earlier row of the same call had (what is done already is not read
                              again) */
    double seconds;
} headsift_score_summary;

/** Scores files into directory/part-INPUT-UNIT-NAME.parquet: a row a record, in order (docs/formats.md). What earlier
 *  calls with the same settings have done is not done again, on any number of ranks; a unit that was under way goes on
 *  where it was. Other settings are refused unless `overwrite` (with one rank). "auto" takes the folder's type.
 *  @param summary  of this rank's share, with what earlier calls and other ranks did of it; may be NULL. */
HEADSIFT_API headsift_status headsift_score_files(headsift_model *model, const headsift_heads *heads,
                                                  const headsift_score_options *options, const headsift_inputs *inputs,
                                                  const char *directory, bool overwrite,
                                                  const headsift_monitor *monitor, headsift_score_summary *summary,
                                                  headsift_error *error);

/** Makes score rows of the per-document losses of two runs of any engine, unmasked and with the heads masked: a file in
 *  `directory` that headsift_select_files takes (docs/formats.md: what a run's record holds). The runs must have the
 * same ids, each once, and the same number of scored tokens for each; order does not matter.
 *  @param base, ref  a file, a folder or a glob. @param summary may be NULL. @return HEADSIFT_UNSCORED if some
 * documents have no score. */
HEADSIFT_API headsift_status headsift_join_files(const char *base, const char *ref, const char *directory,
                                                 bool overwrite, headsift_score_summary *summary,
                                                 headsift_error *error);

/** Prints what headsift_score_files would do: settings, each file with its format, size, documents and units (counted
 *  where an index is there or the file is small) and how many are done; this rank's share; about the tokens and, with
 *  heads, the time (one call of the engine). Writes nothing. @param heads NULL: not known yet. @param directory NULL:
 *  only the inputs. @return HEADSIFT_FAILED or HEADSIFT_USAGE as the call itself would refuse. */
HEADSIFT_API headsift_status headsift_score_plan(headsift_model *model, const headsift_heads *heads,
                                                 const headsift_score_options *options, const headsift_inputs *inputs,
                                                 const char *directory, bool overwrite, FILE *out,
                                                 const headsift_monitor *monitor, headsift_error *error);

/** Prints the token ids of documents, a JSON array a line; null for a bad record. The path "-" is stdin.
 *  @return HEADSIFT_UNSCORED if there were bad records. */
HEADSIFT_API headsift_status headsift_tokenize_files(headsift_model *model, const headsift_inputs *inputs,
                                                     bool parse_special, bool add_bos, FILE *out,
                                                     headsift_error *error);

typedef enum headsift_explain_format {
    HEADSIFT_EXPLAIN_TEXT,   /**< a table, a line a token */
    HEADSIFT_EXPLAIN_COLOUR, /**< the text, tokens coloured with terminal escapes */
    HEADSIFT_EXPLAIN_JSON,
    HEADSIFT_EXPLAIN_HTML /**< a page that needs nothing else */
} headsift_explain_format;

/** Prints the tokens of one document with their losses (nats), unmasked and masked, and their difference.
 *  @param inputs  one path: a text, "-" for stdin, or a file of records of which `row` is taken.
 *  @return HEADSIFT_UNSCORED when the document has no score (what there is of it is printed). */
HEADSIFT_API headsift_status headsift_explain_file(headsift_model *model, const headsift_heads *heads,
                                                   const headsift_score_options *options, const headsift_inputs *inputs,
                                                   int64_t row, headsift_explain_format format, FILE *out,
                                                   const headsift_monitor *monitor, headsift_error *error);

/* ---- Selection (method.md section 5) ------------------------------------------------------------------------ */

typedef struct headsift_select_options {
    double keep;          /**< share of each domain's scored documents; 0 with no budget: 0.20 */
    int64_t keep_count;   /**< > 0: so many documents a domain, instead of a share */
    int64_t budget;       /**< > 0: tokens a domain */
    int64_t budget_total; /**< > 0: tokens in all, split by the domains' shares of tokens */
    const char *by;       /**< "score" (NULL), "loss_base", "random", or a numeric column of the score rows */
    const char *order;    /**< "desc" (NULL), "asc", "middle" */
    double temperature;   /**< > 0: a sample by softmax(z / temperature), z the ranking value's z-score in its domain */
    uint64_t seed;        /**< for "random" and samples */
    const char *output_format; /**< "parquet" (NULL), "jsonl", or "dolma": attributes of every document */
    const char *rejected;      /**< not NULL: a folder for the documents that were not chosen */
    const char *root;          /**< not NULL: where the source files are now, see docs/formats.md */
    const char *memory;        /**< of the whole call, like "4GB"; NULL: as DuckDB sees fit */
    const char *temp_dir;      /**< where it spills; NULL: inside the output directory */
    bool overwrite;
    bool dry_run; /**< choose, say what would be chosen of each domain, and write nothing */
} headsift_select_options;

typedef struct headsift_select_summary {
    int64_t documents, chosen, unscored; /**< rows of the score table; chosen ones; rows without a score */
    int64_t tokens, chosen_tokens;
} headsift_select_summary;

/** Chooses documents from score rows and writes them with all their columns, and manifest.json.
 *  @param scores  a folder that headsift_score_files wrote, or one of its Parquet files. @param summary may be NULL. */
HEADSIFT_API headsift_status headsift_select_files(const char *scores, const headsift_select_options *options,
                                                   const char *directory, const headsift_monitor *monitor,
                                                   headsift_select_summary *summary, headsift_error *error);

/* ---- All of it ---------------------------------------------------------------------------------------------- */

typedef struct headsift_run_options {
    headsift_probe_options probe; /**< sentences NULL: taken from the corpus where it has enough of them */
    headsift_heads_options heads;
    headsift_score_options score;
    headsift_select_options select;
    const char *heads_path; /**< use these heads; NULL: find them on a probe */
    bool overwrite;
    int show; /**< documents shown at the top and at the bottom of each domain; negative: 3 */
} headsift_run_options;

/** Probe, heads, scores and selection into one folder; goes on where an earlier call stopped. Prints the ranking to
 *  `out` (NULL: nowhere), texts escaped. */
HEADSIFT_API headsift_status headsift_run(headsift_model *model, const headsift_run_options *options,
                                          const headsift_inputs *inputs, const char *directory, FILE *out,
                                          const headsift_monitor *monitor, headsift_error *error);

/* ---- How far it is -------------------------------------------------------------------------------------------- */

/** Prints how far a folder of headsift_score_files or headsift_run is: documents, tokens and units done, the ranks that
 *  work on it, those that lag, are silent or failed, the time left. Reads only, also while others write; files that
 *  are missing, torn or wrong are said and passed over.
 *  @param json  one JSON object (docs/formats.md) instead of text. @param all  every rank, not the worst ten
 *  @return HEADSIFT_FAILED where the directory can't be read or is no such folder. */
HEADSIFT_API headsift_status headsift_status_print(const char *directory, bool json, bool all, FILE *out,
                                                   headsift_error *error);

/* ---- How fast it is (docs/performance.md) -------------------------------------------------------------------- */

typedef struct headsift_bench_options {
    const int32_t *lengths; /**< tokens of the documents, a line of the report each */
    size_t n_lengths;       /**< 0: 128, 512, 1024, 2048, 4096, as far as the model's context goes */
    int repeat;             /**< 0: 5. Figures are medians */
    int64_t probe_tokens;   /**< of the sample that stands for the search for heads; 0: 4096, or the context */
    int64_t mix_tokens;     /**< of the inputs, about; 0: 32768 */
    uint64_t seed;          /**< of the random tokens and of the choice among the inputs */
    bool kernels;           /**< instead of all this: each kernel against its plain twin */
    const char *json;       /**< the report as JSON to this file; "-": stdout; NULL: none */
} headsift_bench_options;

/** Measures what scoring and the search for heads reach on this machine, against its peak measured in between. Opens
 *  the model itself: that is measured too.
 *  @param model   path NULL: only with options->kernels, at the sizes of a small model.
 *  @param heads   masked in the pair of passes; NULL: 5 % of all, in the upper layers.
 *  @param inputs  documents whose mix of lengths is measured, as are reading and tokenising; NULL, or without paths:
 *                 none.
 *  @param out     the report as text; NULL: nowhere.
 *  @return HEADSIFT_FAILED also, with a whole report, when a figure can't be: over 100 % of the floor. */
HEADSIFT_API headsift_status headsift_bench(const headsift_model_options *model, const headsift_bench_options *options,
                                            const headsift_heads *heads, const headsift_inputs *inputs, FILE *out,
                                            const headsift_monitor *monitor, headsift_error *error);

#ifdef __cplusplus
}
#endif

#include "headsift/evidence.h"

#endif
