/* Inside the bench: what is measured, the arithmetic of the floor, and what comes out.
 * A multiply-add is two operations: GF/s = 2e-9 x multiply-adds a second. */
#ifndef HS_BENCH_BENCH_H
#define HS_BENCH_BENCH_H

#include <jansson.h>

#include "base/memory.h"
#include "corpus/corpus.h"
#include "engine/scorer.h"

enum { HS_BENCH_REPEAT = 5, HS_BENCH_PROBE_TOKENS = 4096, HS_BENCH_PROBE_ROWS = 32, HS_BENCH_MIX_TOKENS = 32768 };

/* ---- floor.c: arithmetic without a clock ---- */

/** Which layers and logits a question can't do without. */
struct hs_bench_needs {
    int64_t once, twice; /**< layers that one stream goes through, and those that both do */
    int64_t logits;      /**< how many times a token's logits are formed */
};
struct hs_bench_needs hs_bench_pair_needs(const struct hs_config *config, int32_t first_masked);
/** Multiply-adds a token in documents of `length` tokens: weights, attention (a causal mask's mean), logits. */
double hs_bench_needed(const struct hs_config *config, struct hs_bench_needs needs, int64_t length);
/** Of n > 0 values, which are sorted; the mean of the two in the middle where n is even. */
double hs_bench_median(double *values, size_t n);
/** 5 % of the heads, from layer floor(0.57 n_layer) on, spread evenly. *heads is the caller's. */
headsift_status hs_bench_default_heads(const struct hs_config *config, headsift_head **heads, size_t *n,
                                       headsift_error *error);
int32_t hs_bench_first_layer(const struct hs_config *config, const headsift_head *heads, size_t n);
/** Refuses a share (1 = 100 %) that can't be: the peak it was divided by is wrong. */
headsift_status hs_bench_judge(const char *what, double share, double peak, headsift_error *error);

/* ---- work.c: documents of tokens ---- */

/** Documents in the order in which they run, cut into batches. */
struct hs_bench_work {
    int32_t *tokens;
    int64_t *offsets; /**< (n_documents + 1) */
    int32_t n_documents;
    int32_t *batches; /**< (n_batches + 1): batch b holds documents batches[b] .. batches[b + 1] */
    int32_t n_batches;
};
/** One batch of random tokens: documents of `length`, as many as fill it. */
headsift_status hs_bench_random_work(const struct hs_config *config, int64_t length, int64_t batch_tokens,
                                     uint64_t seed, struct hs_bench_work *out, headsift_error *error);
/** Makes batches of documents that stand in order: each takes documents until it is full. */
headsift_status hs_bench_cut_batches(struct hs_bench_work *work, int64_t batch_tokens, headsift_error *error);
void hs_bench_work_free(struct hs_bench_work *work); /**< fine on a zeroed struct */

/* ---- measure.c: clocks ---- */

/** A question to the engine about each batch. */
struct hs_bench_question {
    const char *what; /**< "pair", "base", "heads" */
    struct hs_bench_needs needs;
    const struct hs_mask *masks; /**< NULL: hs_engine_attend */
    int32_t n_masks;
};

struct hs_bench_stage_result {
    double milliseconds; /**< a 1,000 tokens, of all threads at work; 0: not measured */
    double gflops, share_of_peak;
};

/** Medians over the repetitions. */
struct hs_bench_result {
    const char *what;
    int64_t length; /**< 0: many lengths */
    int64_t documents, tokens;
    double needed; /**< multiply-adds a token at least */
    double tokens_per_second;
    double peak;   /**< GF/s, while this was measured */
    double gflops; /**< of what the engine says it did, or of what was needed where it doesn't say */
    double share_of_peak, share_of_floor;
    struct hs_bench_stage_result stages[HS_STAGES];
    double rest_milliseconds; /**< a 1,000 tokens: what no stage accounts for */
};

/** Peak, batch, peak, batch ...: each batch is compared with the mean of the peaks beside it. */
headsift_status hs_bench_measure(struct hs_engine *engine, struct hs_peak_meter *meter, const struct hs_config *config,
                                 const struct hs_bench_work *work, const struct hs_bench_question *question, int repeat,
                                 struct hs_bench_result *out, headsift_error *error);
double hs_bench_now(void); /**< seconds of the monotonic clock */

/* ---- corpus.c: documents of files ---- */

struct hs_bench_corpus {
    int64_t documents, bytes, tokens; /**< read; tokens of the mix */
    double read_mb, tokenize_mb;      /**< MB/s of text */
    double tokens_per_second;         /**< of the tokenizer */
    double rows_per_second;           /**< of score rows, to a file that is removed */
    struct hs_bench_work mix;         /**< sorted by length, the longest first */
};
/** @param files of the inputs. @param most_tokens about so many tokens become the mix: random documents, cut at the
 * model's context. */
headsift_status hs_bench_corpus_read(headsift_model *model, const headsift_inputs *inputs,
                                     const struct hs_input_list *files, int64_t most_tokens, uint64_t seed,
                                     struct hs_bench_corpus *out, headsift_error *error);

/* ---- kernels.c ---- */

struct hs_bench_sizes {
    int32_t hidden, ffn, head_dim;
};
/** Each kernel of each table against its plain twin: a line each to `out` (NULL: none), an object each to `json`. */
headsift_status hs_bench_kernels(struct hs_bench_sizes sizes, FILE *out, json_t *json, headsift_error *error);

/* ---- print.c, json.c ---- */

/** What the head of the report says. */
struct hs_bench_machine {
    char cpu[128];
    int threads;
    struct hs_engine_facts facts;
    const struct hs_config *config;
    int32_t first_masked;
    size_t n_heads;
    bool own_heads; /**< the default ones */
    double open_seconds, pack_seconds;
    struct hs_peak peak;
};
void hs_bench_cpu_name(char *out, size_t size);
void hs_bench_print_machine(const struct hs_bench_machine *machine, FILE *out);
void hs_bench_print_result(const struct hs_bench_result *result, FILE *out);
void hs_bench_print_corpus(const struct hs_bench_corpus *corpus, FILE *out);
const char *hs_bench_stage_name(int stage);
/** "length 1024, pair", "the mix, base" */
void hs_bench_title(const struct hs_bench_result *result, char *out, size_t size);

/** NULL when there is no memory, as from jansson. */
json_t *hs_bench_json_machine(const struct hs_bench_machine *machine);
json_t *hs_bench_json_result(const struct hs_bench_result *result);
json_t *hs_bench_json_corpus(const struct hs_bench_corpus *corpus);

#endif
