/* What a call of headsift_score_files is going to do: its input files, cut into units of work with a part (a Parquet
 * file) each, the share of them that is this rank's, its settings, and what other calls have done already. The folder:
 * docs/formats.md. */
#ifndef HS_INFLUENCE_PLAN_H
#define HS_INFLUENCE_PLAN_H

#include "base/hash.h"
#include "base/json.h"
#include "corpus/scan.h"
#include "influence/scoring.h"

enum { HS_UNIT_BYTES = 32 << 20 }; /**< text of a unit, unless something else is asked for */

/** What a finished part holds. */
struct hs_part_record {
    int64_t documents, unscored, tokens;
    struct hs_mask_check check;
    int64_t duplicates; /**< rows with an id that a row before it has, in this part or one that the same call made */
    double seconds;     /**< that its last process spent on it */
};

/** A unit of work: records of one input, and the output file of their rows. */
struct hs_part {
    size_t input, unit; /**< the unit-th of this input */
    struct hs_range range;
    bool there; /**< its file is in the folder */
    bool done;  /**< and a record of it */
    bool mine;  /**< of this rank's share, or made by this call */
    struct hs_part_record record;
};

/** How an input differs from what score.json says it was. */
enum hs_change { HS_CHANGE_NONE, HS_CHANGE_TIME, HS_CHANGE_CONTENT };

struct hs_source {
    char footer[HS_HASH_HEX]; /**< SHA-256 of a Parquet file's footer; "" for others */
    enum hs_change change;
    bool checked; /**< it was opened by this call, and its columns are there */
    bool unread;  /**< its units are not known: see hs_plan_units */
};

struct hs_score_plan {
    const char *directory;
    struct hs_input_list inputs;
    struct hs_source *sources; /**< one an input */
    struct hs_part *parts;     /**< inputs in order, units in order */
    size_t n_parts, parts_capacity;
    size_t *input_parts; /**< (inputs.n + 1): where each input's parts begin */
    size_t first, last;  /**< parts [first, last) are this rank's share */
    json_t *settings;    /**< score.json: see hs_settings_make */
    char settings_sha256[HS_HASH_HEX];
    int64_t limit, unit_bytes; /**< limit 0: none */
    int64_t started;           /**< seconds since 1970 */
    int32_t rank, world;
    bool steal, accept_changed;
};

/** Finds the inputs; hashes the model and the footers. Nothing is written or compared yet, and there are no units. */
headsift_status hs_plan_make(headsift_model *model, const struct hs_scoring *scoring,
                             const headsift_score_options *options, const headsift_inputs *inputs,
                             const char *directory, struct hs_score_plan *plan, headsift_error *error);
void hs_plan_free(struct hs_score_plan *plan); /**< fine on a zeroed struct */

/* ---- The folder (folder.c) ---- */

/** DIR/score.json; *out is NULL where there is none. */
headsift_status hs_settings_read(const char *directory, json_t **out, headsift_error *error);
/** Compares with what is in the folder; what changed is in plan->sources. Writes nothing.
 *  @return HEADSIFT_FAILED when the settings or inputs differ: the message says in what. */
headsift_status hs_plan_compare(struct hs_score_plan *plan, headsift_error *error);
/** Removes what an earlier call left in the folder. */
headsift_status hs_plan_remove_old(const struct hs_score_plan *plan, headsift_error *error);
/** Makes the folder and score.json, or agrees with those that are there; what was made of changed inputs goes. */
headsift_status hs_plan_begin(headsift_model *model, struct hs_score_plan *plan, headsift_error *error);
/** Takes the dtype of the folder's score.json where the model was opened with "auto". */
headsift_status hs_dtype_adopt(headsift_model *model, const char *directory, headsift_error *error);
/** Removes the scores in a folder and all that was kept beside them. */
headsift_status hs_scores_remove(const char *directory, headsift_error *error);
/** Removes unfinished files and spill folders that killed calls left, and journals of what is done. */
void hs_plan_remove_leftovers(const struct hs_score_plan *plan);
/** Fails when an input is not what it was when the plan was made. */
headsift_status hs_input_unchanged(const struct hs_score_plan *plan, size_t input, headsift_error *error);

/* ---- Units (index.c, claims.c, shares.c, parts.c) ---- */

/** Reads DIR/_index/ into plan->parts; makes what is missing there, beginning at another input on each rank.
 *  @param most_bytes  > 0: a look alone. What is made is not kept, and larger inputs that would have to be read through
 *                     stay without units. */
headsift_status hs_plan_units(struct hs_score_plan *plan, const headsift_inputs *inputs, uint64_t most_bytes,
                              const headsift_monitor *monitor, headsift_error *error);
bool hs_index_exists(const struct hs_score_plan *plan, size_t input);

/** Takes the reading of an input for its index (claims.c); false: another process is at it. */
bool hs_claim_take(const struct hs_score_plan *plan, size_t input);
void hs_claim_drop(const struct hs_score_plan *plan, size_t input);
/** Waits until the index is there or nobody is at it. HEADSIFT_STOPPED. */
headsift_status hs_claim_wait(const struct hs_score_plan *plan, size_t input, const headsift_monitor *monitor,
                              headsift_error *error);

/** Parts [*first, *last) are the share of a rank: parts in order, cut by their weight. The shares of all ranks of a
 *  world are every part once. */
void hs_share(const struct hs_part *parts, size_t n, int32_t rank, int32_t world, size_t *first, size_t *last);
/** Marks plan->first, plan->last and the parts between them. */
void hs_plan_share(struct hs_score_plan *plan);

/** "part-00003-00007-NAME.parquet" in fresh memory: unit 7 of input 3; the file's base name without its suffixes, other
 *  characters than letters, digits, ".", "_" and "-" as "_". NULL when there is no memory. */
char *hs_part_name(size_t input, size_t unit, const char *input_path);
/** The numbers in a base name that hs_part_name makes; false: it is none. */
bool hs_part_numbers(const char *name, size_t *input, size_t *unit);
/** The part with this name, or NULL. */
struct hs_part *hs_plan_find(const struct hs_score_plan *plan, const char *name);
/** The names above of a part of the plan; "DIR/NAME". */
char *hs_plan_part_name(const struct hs_score_plan *plan, const struct hs_part *part);
char *hs_plan_part_path(const struct hs_score_plan *plan, const struct hs_part *part);

/* ---- What is done (done.c) ---- */

/** Looks which parts are there and reads their records, of all processes. */
headsift_status hs_plan_look(struct hs_score_plan *plan, headsift_error *error);
/** Adds a part's line to this process's file, on disk before it returns. Comes before the part itself gets its name. */
headsift_status hs_done_add(const struct hs_score_plan *plan, const struct hs_part *part, headsift_error *error);
/** What tells the content that a record or a journal is about: "SIZE" or "SIZE-FOOTER". */
void hs_source_key(const struct hs_score_plan *plan, size_t input, char out[64]);

/* ---- Settings (settings.c) ---- */

/** The object of score.json: every setting that a row depends on, and "inputs": what each file was. */
headsift_status hs_settings_make(headsift_model *model, const struct hs_scoring *scoring,
                                 const headsift_score_options *options, const headsift_inputs *inputs,
                                 const struct hs_score_plan *plan, json_t **out, headsift_error *error);
/** Says in what `ours` differs from `theirs`, inputs apart, or returns false. @param where names the folder. */
bool hs_settings_differ(const json_t *ours, const json_t *theirs, const char *where, headsift_error *error);
/** How an entry of "inputs" differs from what it was. The paths are the same. */
enum hs_change hs_input_change(const json_t *now, const json_t *before);
/** Says whether there are other inputs than there were (by path), or returns false. */
bool hs_inputs_differ(const json_t *ours, const json_t *theirs, const char *where, headsift_error *error);
/** SHA-256 of all settings but the inputs. */
headsift_status hs_settings_sha256(const json_t *settings, char hex[HS_HASH_HEX], headsift_error *error);
/** Key, value, ..., NULL for a part's Parquet metadata: all settings, and this input. hs_free each and the array. */
char **hs_settings_metadata(const json_t *settings, size_t input);
void hs_metadata_free(char **metadata); /**< NULL is fine */

#endif
