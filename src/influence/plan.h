/* What a call of headsift_score_files is going to do: its input files, a part (a Parquet file) for each, its settings,
 * and what earlier calls have done already. DIR/score.json holds the settings, DIR/_parts.jsonl a line for each part.
 */
#ifndef HS_INFLUENCE_PLAN_H
#define HS_INFLUENCE_PLAN_H

#include "base/json.h"
#include "corpus/corpus.h"
#include "influence/scoring.h"

/** What a finished part holds. */
struct hs_part_record {
    int64_t documents, unscored, tokens;
    struct hs_mask_check check;
    int64_t duplicates; /**< rows with an id that a row before it has, in this part or one that was made before it */
};

/** One output file. */
struct hs_part {
    char *name; /**< part-00003-NAME.parquet */
    char *path;
    bool done; /**< the record stands in the journal and the file is there */
    struct hs_part_record record;
};

struct hs_score_plan {
    const char *directory;
    struct hs_input_list inputs;
    struct hs_part *parts; /**< one an input */
    json_t *settings;      /**< score.json: see hs_settings_make */
    int64_t limit;         /**< 0: none */
};

/** Finds the inputs and names the parts; hashes the model. Nothing is written or compared yet. */
headsift_status hs_plan_make(headsift_model *model, const struct hs_scoring *scoring,
                             const headsift_score_options *options, const headsift_inputs *inputs,
                             const char *directory, struct hs_score_plan *plan, headsift_error *error);
void hs_plan_free(struct hs_score_plan *plan); /**< fine on a zeroed struct */

/** Compares with what an earlier call left in the folder and marks what is done. Writes nothing.
 *  @return HEADSIFT_FAILED when the settings or inputs differ: the message says in what. */
headsift_status hs_plan_compare(struct hs_score_plan *plan, headsift_error *error);
/** Removes what an earlier call left in the folder: its parts, journal and settings. */
headsift_status hs_plan_remove_old(const struct hs_score_plan *plan, headsift_error *error);
/** Removes unfinished files and spill folders that calls which were killed left in the folder. */
void hs_plan_remove_leftovers(const struct hs_score_plan *plan);
/** Makes the folder, score.json and a journal of the parts that are done. */
headsift_status hs_plan_begin(const struct hs_score_plan *plan, headsift_error *error);

/** "part-00003-NAME.parquet" in fresh memory: the file's base name without its suffixes, other characters than
 *  letters, digits, ".", "_" and "-" as "_". NULL when there is no memory. */
char *hs_part_name(size_t index, const char *input_path);
/** Whether a base name is one that hs_part_name makes. */
bool hs_is_part_name(const char *name);

/** The object of score.json: every setting that a row depends on, and "inputs": what each file was. */
headsift_status hs_settings_make(headsift_model *model, const struct hs_scoring *scoring,
                                 const headsift_score_options *options, const headsift_inputs *inputs,
                                 const struct hs_score_plan *plan, json_t **out, headsift_error *error);
/** Says in what `ours` differs from `theirs`, or returns false. @param where names the folder in the message. */
bool hs_settings_differ(const json_t *ours, const json_t *theirs, const char *where, headsift_error *error);
/** Key, value, ..., NULL for a part's Parquet metadata: all settings, and this input. hs_free each and the array. */
char **hs_settings_metadata(const json_t *settings, size_t part);
void hs_metadata_free(char **metadata); /**< NULL is fine */

/** Reads DIR/_parts.jsonl, if there is one, into the parts. A last line that was cut short is no line. */
headsift_status hs_journal_read(struct hs_score_plan *plan, headsift_error *error);
/** Replaces the journal by the lines of the parts that are done, in order. */
headsift_status hs_journal_write(const struct hs_score_plan *plan, headsift_error *error);
/** Adds a part's line, on disk before it returns. Comes before the part itself is renamed. */
headsift_status hs_journal_add(const struct hs_score_plan *plan, const struct hs_part *part, headsift_error *error);

#endif
