/* One selection while it is being made: what was asked, the score files, the source files and the SQL tables.
 * The steps stand in files of their own and walk through these structs in the order below. */
#ifndef HS_SELECT_SELECT_H
#define HS_SELECT_SELECT_H

#include <jansson.h>

#include "base/hash.h"
#include "corpus/corpus.h"
#include "corpus/sql.h"
#include "select/choice.h"

/* ---- The score files (parts.c, metadata.c) ---- */

struct hs_score_part {
    char *path;
    char *stem; /**< its name without folder and ".parquet": what outputs are named after */
    uint64_t bytes;
    char sha256[HS_HASH_HEX];
    json_t *metadata; /**< the settings of the scoring: an object of strings, empty where the file tells nothing */
    json_t *input;    /**< what its source file was: an object, or NULL */
};

struct hs_score_parts {
    struct hs_score_part *items; /**< by name */
    size_t n;
};

/** Finds the score files. A folder whose scoring is not finished is refused. */
headsift_status hs_score_parts_find(const char *scores, struct hs_score_parts *out, headsift_error *error);
/** Fails unless every unit of the scoring has its part (finished.c). A folder of another maker is fine. */
headsift_status hs_scores_finished(const char *folder, headsift_error *error);
headsift_status hs_score_parts_hash(struct hs_score_parts *parts, headsift_error *error); /**< bytes and sha256 */
void hs_score_parts_free(struct hs_score_parts *parts);

/** Fills in a part's `metadata` and `input`. */
headsift_status hs_part_metadata_read(struct hs_sql *sql, struct hs_score_part *part, headsift_error *error);
/** The metadata that all parts share. Parts whose scores do not compare (another model, say) are refused. */
headsift_status hs_metadata_common(const struct hs_score_parts *parts, json_t **out, headsift_error *error);
/** How the documents of a part were read. Strings are borrowed from it. */
headsift_inputs hs_part_inputs(const struct hs_score_part *part);

/* ---- The source files (units.c) ---- */

/** The rows of one source file in one score file: what becomes one output file. */
struct hs_unit {
    int32_t part; /**< index of the score file */
    int32_t file; /**< rank of `name` among all source files: equal names, equal ranks */
    char *name;   /**< the source file as the score rows name it */
    char *path;   /**< where it is: the same, but for names that are not UTF-8 */
    int64_t rows, last_row;
    int64_t chosen;
    char *output; /**< file name in the output folder; NULL where nothing was chosen */
};

struct hs_units {
    struct hs_unit *items; /**< in the order of the score rows */
    size_t n;
};

struct hs_selection {
    struct hs_choice choice;
    const char *directory;
    const headsift_monitor *monitor;
    const char *temp_dir; /**< where copies of files may lie while they are read; NULL: nowhere */
    struct hs_score_parts parts;
    json_t *metadata; /**< what all score files share */
    struct hs_units units;
    struct hs_sql sql;          /**< tables hs_row and, once chosen, hs_stat and hs_pick: see table.c and choose.c */
    char *by_documents;         /**< not NULL: the column that `choice.by` names is one of the documents' */
    struct hs_chosen *chosen;   /**< of hs_is_chosen(): see chosen.c */
    struct hs_feed *feed;       /**< of hs_records(): see records.h */
    struct hs_mending *mending; /**< of hs_text(): see mend.c */
};

/** Reads the units off the score files and their metadata. Opens and closes a database of its own. */
headsift_status hs_units_read(struct hs_selection *selection, headsift_error *error);
/** Names the outputs of units with chosen rows. */
headsift_status hs_units_name(struct hs_selection *selection, headsift_error *error);
/** Fails unless the source files of the chosen rows are what they were when they were scored. */
headsift_status hs_units_check(struct hs_selection *selection, headsift_error *error);
/** The source file of a unit, as src/corpus reads it. hs_inputs_free(out). */
headsift_status hs_unit_input(const struct hs_selection *selection, const struct hs_unit *unit,
                              struct hs_input_list *out, headsift_error *error);
void hs_units_free(struct hs_units *units);

/** Opens `sql` for the score files, the source files and the output folder (where there is one). */
headsift_status hs_selection_open(struct hs_selection *selection, const char *memory, const char *temp_dir,
                                  headsift_error *error);
void hs_selection_free(struct hs_selection *selection); /**< all that it owns, the database too */

/* ---- Choosing (table.c, by_documents.c, choose.c) ---- */

/** Fills hs_row(unit, file, row, domain, tokens, scored, value): value is NULL unless scored and finite.
 *  And hs_domain(id, name), ids in the order of the names. */
headsift_status hs_table_load(struct hs_selection *selection, headsift_error *error);
/** Fills hs_by(file, row, value) from the documents' own column. */
headsift_status hs_by_documents_load(struct hs_selection *selection, headsift_error *error);
/** Fills hs_stat (a row a domain) and hs_pick(unit, file, row, domain, tokens, value, rank), and the units' counts. */
headsift_status hs_choose(struct hs_selection *selection, headsift_error *error);

/* ---- Writing (write.c, mend.c, write_records.c, manifest.c, journal.c) ---- */

/** Makes the SQL function hs_is_chosen(row number) answer for this unit. */
headsift_status hs_chosen_use(struct hs_selection *selection, const struct hs_unit *unit, headsift_error *error);
void hs_chosen_free(struct hs_chosen *chosen); /**< NULL is fine */

/** Makes the SQL function hs_text(bytes, row, column) ready, which mends strings that are no UTF-8. */
headsift_status hs_mending_use(struct hs_selection *selection, headsift_error *error);
void hs_mending_free(struct hs_mending *mending); /**< NULL is fine */

/** Appends the options of COPY ... TO: for Parquet zstd and row groups of 122,880 rows, or fewer where rows are so
 * large (bytes in `rows` rows) that a group would not fit into memory; deterministic. */
bool hs_copy_options(struct hs_buffer *sql, bool json, int64_t bytes, int64_t rows);

#define HS_COPY_PREFIX "headsift-copy-" /* of a source file, in temp_dir: see write.c */

/** Where DuckDB writes before the file gets its name. NULL when there is no memory. */
char *hs_temporary(const char *path);
/** Writes the chosen rows of one unit to its output, atomically. */
headsift_status hs_unit_write(struct hs_selection *selection, const struct hs_unit *unit, headsift_error *error);
/** The same for a source that src/corpus reads record by record. */
headsift_status hs_unit_write_records(struct hs_selection *selection, const struct hs_unit *unit,
                                      const struct hs_input *input, const char *output, headsift_error *error);

/** What must be the same for a selection to be the same: options and score files. NULL when there is no memory. */
json_t *hs_manifest_settings(const struct hs_selection *selection);
/** Looks at an earlier manifest.json. *done: it was made with these settings and its files are there. Other settings
 *  are refused unless `overwrite`. *old is the manifest, or NULL: json_decref. */
headsift_status hs_manifest_look(const struct hs_selection *selection, bool overwrite, bool *done, json_t **old,
                                 headsift_error *error);
headsift_status hs_manifest_write(struct hs_selection *selection, headsift_select_summary *summary,
                                  headsift_error *error);
headsift_status hs_manifest_summary(const json_t *manifest, headsift_select_summary *summary, headsift_error *error);

/** Removes what a killed call left, and with `old` its files; notes the files that are about to be written. Refuses to
 *  touch a file of such a name that no selection made, unless `overwrite`. */
headsift_status hs_journal_begin(const struct hs_selection *selection, const json_t *old, bool overwrite,
                                 headsift_error *error);
headsift_status hs_journal_end(const struct hs_selection *selection, headsift_error *error);

#endif
