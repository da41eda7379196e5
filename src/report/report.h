/* Inside the report: what is read of a run's folder, and the sections that are made of it.
 * In order: hs_run_folder_read, hs_numbers_read, hs_examples_read, hs_report_cost, then the sections, then the page. */
#ifndef HS_REPORT_REPORT_H
#define HS_REPORT_REPORT_H

#include <jansson.h>

#include "base/hash.h"
#include "base/page.h"
#include "explain/explain.h"

/* ---- The folder (folder.c) ---- */

/** A JSON file of the folder whose kind is known: "eval", "judges", "compare-heads", ... or "bench". */
struct hs_result {
    char *name; /**< of the file */
    const char *kind;
    json_t *value;
};

struct hs_run_folder {
    headsift_heads *heads;     /**< of heads.json, or NULL */
    json_t *heads_json;        /**< the same with what the struct doesn't hold; NULL */
    json_t *score;             /**< scores/score.json; NULL */
    json_t *manifest;          /**< selected/manifest.json; NULL */
    json_t *run;               /**< run.json; NULL */
    char *scores;              /**< the folder of scores, or NULL where there is none */
    double seconds;            /**< of the processes that scored, of the parts below */
    int64_t timed_tokens;      /**< tokens of the parts whose time is known; 0: none is */
    struct hs_result *results; /**< by name */
    size_t n_results, capacity;
};

/** The kind of a result, one of a fixed list; NULL: not known here. */
const char *hs_result_kind(const json_t *value);

headsift_status hs_run_folder_read(const char *directory, const headsift_monitor *monitor, struct hs_run_folder *out,
                                   headsift_error *error);
void hs_run_folder_free(struct hs_run_folder *folder); /**< fine on a zeroed struct */

/* ---- Numbers of the score rows (numbers.c, bins.c) ---- */

enum { HS_SCORE_BINS = 40, HS_LOSS_BINS = 30, HS_LENGTH_BINS = 24, HS_REPORT_DOMAINS = 50 };

/** Bins of equal width between `low` and `high`; what lies beyond counts in the first or last. */
struct hs_bins {
    double low, high;
    int n;
};
/** The bin of a finite value. */
int hs_bin_of(const struct hs_bins *bins, double value);
double hs_bin_edge(const struct hs_bins *bins, int i); /**< i = 0..n */
/** Bins that hold values from low to high; of width above 0 where all values are one. */
struct hs_bins hs_bins_over(double low, double high, int n);

/** The quantiles that the tables show. */
enum { HS_QUANTILES = 5 };
extern const double hs_quantiles[HS_QUANTILES]; /**< 1 %, 10 %, 50 %, 90 %, 99 % */

/** One domain, or those behind the first HS_REPORT_DOMAINS together. */
struct hs_domain_numbers {
    char *name;
    size_t name_size;
    int64_t documents, scored, chosen, tokens, chosen_tokens;
    double mean, quantiles[HS_QUANTILES];
    /* Of documents with a score; [0]: all, [1]: the chosen ones. */
    int64_t counted[2];
    double sum_tokens[2], sum_losses[2];
    int64_t scores[2][HS_SCORE_BINS], losses[2][HS_LOSS_BINS], lengths[2][HS_LENGTH_BINS];
};

struct hs_numbers {
    struct hs_bins scores, losses, lengths; /**< lengths: of log2(tokens) */
    struct hs_domain_numbers *domains;      /**< the largest first */
    size_t n_domains, all_domains;          /**< shown; there are */
    bool have_choice;                       /**< the counts of chosen ones are known */
    bool have_rest;                         /**< the last one is all other domains together */
    struct hs_domain_numbers all;
    int64_t truncated;
    double tokens_in, token_pairs; /**< that went into the model: tokens, and pairs of a token and one it sees */
};

/** Reads the score rows of the folder. The selection is repeated in memory, to know which rows are chosen. */
headsift_status hs_numbers_read(const struct hs_run_folder *folder, const headsift_report_options *options,
                                const headsift_monitor *monitor, struct hs_numbers *out, headsift_error *error);
void hs_numbers_free(struct hs_numbers *numbers);

/* ---- Cost (cost.c) ---- */

/** Operations of the model; a multiply-add is two. */
struct hs_work {
    double pair_token, pair_pair;     /**< both passes: a token, and a token seen by another */
    double single_token, single_pair; /**< an unmasked pass alone */
};

struct hs_cost {
    double tokens, seconds, speed; /**< speed: tokens a second; NaN where it isn't known */
    double operations;             /**< of the whole corpus; NaN without a model */
    double single_share;           /**< an unmasked pass takes so much of it; NaN without a model */
    double peak;                   /**< operations a second of the machine; NaN where no bench says */
};

struct hs_cost hs_report_cost(const struct hs_run_folder *folder, const struct hs_numbers *numbers,
                              const struct hs_work *work);
/** Hours of one machine for 1e9 tokens. NaN for a speed that is not above 0. */
double hs_hours_a_billion(double tokens_per_second);
headsift_status hs_report_work(headsift_model *model, const headsift_heads *heads, struct hs_work *out,
                               headsift_error *error);

/* ---- Sections. Each appends its markup, and its charts to `charts`; one without data appends nothing. ---- */

struct hs_report {
    struct hs_page page, contents; /**< the sections; the list of them */
    json_t *charts;                /**< array: see chart.h */
    const struct hs_run_folder *folder;
    const struct hs_numbers *numbers; /**< NULL: no scores */
    const headsift_report_options *options;
    struct hs_cost cost;
};

enum { HS_EXAMPLE_RANKS = 6, HS_EXAMPLE_DOMAINS = 12, HS_EXAMPLE_TEXT = 800, HS_EXAMPLE_MARKUP = 12000 };
extern const double hs_example_shares[HS_EXAMPLE_RANKS]; /**< 0.001, 0.01, 0.1, 0.5, 0.9, 0.999 */
/** Documents at these ranks of the largest domains, the beginning of each. @param model NULL: no colours. */
headsift_status hs_add_examples(struct hs_report *report, headsift_model *model, const headsift_monitor *monitor,
                                headsift_error *error);
void hs_add_summary(struct hs_report *report);
void hs_add_heads(struct hs_report *report);       /**< heat map, effect, how the scores settle */
void hs_add_evals(struct hs_report *report);       /**< results of kind "eval" */
void hs_add_domains(struct hs_report *report);     /**< distribution, selected against all */
void hs_add_baselines(struct hs_report *report);   /**< "compare-baselines" */
void hs_add_comparisons(struct hs_report *report); /**< "compare-selections", "-scores", "-heads" */
void hs_add_judges(struct hs_report *report);      /**< "judges" */
void hs_add_cost(struct hs_report *report);
void hs_add_made(struct hs_report *report);

/* ---- The page (page.c, assets.c) ---- */

/** What is embedded: text of `end - start` bytes. */
struct hs_asset {
    const char *start, *end;
};
struct hs_assets {
    struct hs_asset vega, vega_lite, interpreter, script, style, licences;
};
struct hs_assets hs_report_assets(void);

/** "sha256-..." of a text, as a Content-Security-Policy names it. */
enum { HS_CSP_HASH = 64 };
headsift_status hs_csp_hash(const char *text, size_t size, char out[HS_CSP_HASH], headsift_error *error);
/** Puts head, scripts and data around the sections. */
headsift_status hs_page_whole(const struct hs_report *report, struct hs_page *out, headsift_error *error);
/** Appends JSON that may stand in a script element. */
bool hs_page_json(struct hs_buffer *out, const json_t *value);

#endif
