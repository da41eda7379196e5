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

struct hs_score_parts {
    char **paths; /**< by name; there may be hundreds of thousands */
    size_t n;
    char *folder; /**< that holds them all, or NULL: one file that was named itself */
    uint64_t bytes;
    char sha256[HS_HASH_HEX]; /**< of the lines NAME, bytes and SHA-256 of each */
};

/** Finds the score files. A folder whose scoring is not finished is refused. */
headsift_status hs_score_parts_find(const char *scores, struct hs_score_parts *out, headsift_error *error);
/** Fails unless every unit of the scoring has its part (finished.c). A folder of another maker is fine. */
headsift_status hs_scores_finished(const char *folder, headsift_error *error);
headsift_status hs_score_parts_hash(struct hs_score_parts *parts, headsift_error *error); /**< bytes and sha256 */
void hs_score_parts_free(struct hs_score_parts *parts);
/** Name of a score file without its folder and ".parquet", in fresh memory; without the number of its unit where
 *  `without_unit`: part-00003-00007-NAME is part-00003-NAME. NULL when there is no memory. */
char *hs_part_stem(const char *path, bool without_unit);

enum { HS_PARTS_AT_ONCE = 1000 }; /**< score files that one statement reads */
/** Appends ['first', 'second', ...] of up to HS_PARTS_AT_ONCE score files, from `first` on. */
bool hs_parts_list(struct hs_buffer *sql, const struct hs_score_parts *parts, size_t first);

/** What a score file says of its documents; equal neighbours share their objects. */
struct hs_part_facts {
    json_t *settings; /**< how they were read: text, id, domain (strings), as far as stated */
    json_t *input;    /**< what the source file was, or NULL */
};

struct hs_score_metadata {
    json_t *first, *common;      /**< of the first score file, and what all have in common: objects of strings */
    struct hs_part_facts *facts; /**< one a score file */
    size_t n;
};

/** Reads the metadata of HS_PARTS_AT_ONCE score files from `first` on. Those whose scores do not compare with the first
 *  one's (another model, say) are refused. */
headsift_status hs_score_metadata_read(struct hs_sql *sql, const struct hs_score_parts *parts, size_t first,
                                       struct hs_score_metadata *metadata, headsift_error *error);
void hs_score_metadata_free(struct hs_score_metadata *metadata);

/* ---- The source files and domains (units.c, sources.c, names.c) ---- */

/** A source file that the score rows name: what becomes one output file. */
struct hs_source {
    char *name;                        /**< as the score rows name it */
    char *path;                        /**< where it is */
    const struct hs_part_facts *facts; /**< of its first score file */
    size_t part;                       /**< that score file */
    int64_t place;                     /**< orders the source files as the score files name them */
    int64_t rows, last_row;            /**< score rows */
    size_t first_unit, n_units;
    int64_t chosen;
    int64_t wanted;  /**< rows to write: see hs_sources_count() */
    uint64_t *picks; /**< a bit a row, 1: chosen. NULL: none is */
    char *output;    /**< file name in the output folder; NULL where nothing of it is written */
};

/** The rows of one source file in one score file; those of a source file follow one another, by their first row. */
struct hs_unit {
    int32_t part, source;
    int64_t first_row, last_row;
};

struct hs_domain {
    char *name;
    size_t name_size;
    int64_t documents, scored, tokens, scored_tokens;
    int64_t valued;                      /**< scored, with a value to rank by */
    int64_t most_documents, most_tokens; /**< what may be chosen; INT64_MAX: no such limit */
    double median;                       /**< of the values, where the order asks for it */
    int64_t chosen, chosen_tokens;
    double threshold; /**< value of the last document chosen; NaN: none */
};

struct hs_selection {
    struct hs_choice choice;
    const char *directory;          /**< that is being written */
    const char *rejected_directory; /**< that will be too, or NULL */
    const headsift_monitor *monitor;
    char memory[32];      /**< DuckDB's share; "": its default */
    const char *root;     /**< where the source files are now, or NULL */
    const char *temp_dir; /**< where copies of files may lie while they are read; NULL: nowhere */
    bool rejected;        /**< what is written is not what was chosen, but the rest */
    struct hs_score_parts parts;
    struct hs_score_metadata metadata;
    struct hs_source *sources; /**< by name: ties of values are broken by this order, then by row */
    size_t n_sources;
    struct hs_domain *domains; /**< by name */
    size_t n_domains;
    struct hs_unit *units; /**< by source file */
    size_t n_units;
    size_t parts_with_value;    /**< score files that have the column `choice.by` */
    struct hs_sql sql;          /**< table hs_row: see table.c */
    char *by_documents;         /**< not NULL: the column that `choice.by` names is one of the documents' */
    struct hs_chosen *chosen;   /**< of hs_is_chosen(): see chosen.c */
    struct hs_feed *feed;       /**< of hs_records(): see records.h */
    struct hs_mending *mending; /**< of hs_text(): see mend.c */
};

/** Reads units, sources and domains off the score files, and their metadata. Opens and closes a database of its own. */
headsift_status hs_units_read(struct hs_selection *selection, headsift_error *error);
/** Finds out where the source files are: see --root in docs/formats.md. */
headsift_status hs_sources_find(struct hs_selection *selection, headsift_error *error);
/** The folder that holds all source files, or those with an absolute path: how many bytes of each such name it takes.
 */
size_t hs_common_folder(const struct hs_selection *selection, bool absolute);
/** Fails unless the source files that something is written of are what they were when they were scored. */
headsift_status hs_sources_check(struct hs_selection *selection, headsift_error *error);
/** Names the outputs of source files with wanted rows. */
headsift_status hs_sources_name(struct hs_selection *selection, headsift_error *error);
/** A source file as src/corpus reads it. hs_inputs_free(out). */
headsift_status hs_source_input(const struct hs_source *source, struct hs_input_list *out, headsift_error *error);
/** How its documents were read. Strings are borrowed from it. */
headsift_inputs hs_source_inputs(const struct hs_source *source);
/** Path of a source file by the metadata of its score file, NULL where they do not tell or there is no memory. */
char *hs_source_recorded(const struct hs_source *source);

/** Opens `sql` for the score files, the source files and the output folder (where there is one). */
headsift_status hs_selection_open(struct hs_selection *selection, const char *temp_dir, headsift_error *error);
/** Checks the options and takes them over. Strings are borrowed. */
headsift_status hs_selection_begin(struct hs_selection *selection, const headsift_select_options *options,
                                   headsift_error *error);
void hs_selection_free(struct hs_selection *selection); /**< all that it owns, the database too */

/* ---- Choosing (table.c, by_documents.c, cut.c, choose.c) ---- */

/** Fills hs_row(source, row, domain, tokens, value, noise): the rows with a score and a finite value. noise is there
 *  with a temperature only. And hs_domain(id, name) and hs_source(id, name). */
headsift_status hs_table_load(struct hs_selection *selection, headsift_error *error);
/** Fills hs_by(source, row, value) from the documents' own column. */
headsift_status hs_by_documents_load(struct hs_selection *selection, headsift_error *error);

/** Where the chosen rows of a domain end: the first row that is not chosen, by key, source and row. */
struct hs_domain_cut {
    bool all;                            /**< no row is left out */
    int64_t need_documents, need_tokens; /**< in: what may be taken, INT64_MAX: no such limit */
    uint64_t key;                        /**< hs_order(key): the key in an order of integers */
    int64_t source, row;
};

headsift_status hs_cut_prepare(struct hs_selection *selection, headsift_error *error); /**< before the first hs_cut */
/** Cuts each domain of hs_row at its limits: from the lowest `key` (SQL over hs_row r and hs_scale d, see choose.c) on
 * as long as the next row fits. @param cuts  one a domain. */
headsift_status hs_cut(struct hs_selection *selection, const char *key, struct hs_domain_cut *cuts,
                       headsift_error *error);
double hs_cut_key(const struct hs_domain_cut *cut); /**< the key of the row at which it ends */

/** Chooses: fills the sources' picks and the domains. Drops hs_row. */
headsift_status hs_choose(struct hs_selection *selection, headsift_error *error);
/** How many rows of each source are to be written. */
headsift_status hs_sources_count(struct hs_selection *selection, headsift_error *error);

/* ---- Writing (write.c, mend.c, write_records.c, manifest.c, journal.c) ---- */

/** Whether a row of a source file is to be written. */
bool hs_is_wanted(const struct hs_selection *selection, const struct hs_source *source, int64_t row);

/** Makes the SQL function hs_is_chosen(row number) answer for this source file. */
headsift_status hs_chosen_use(struct hs_selection *selection, const struct hs_source *source, headsift_error *error);
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
/** Writes the wanted rows of one source file to its output, atomically. */
headsift_status hs_source_write(struct hs_selection *selection, const struct hs_source *source, headsift_error *error);
/** The same for a source that src/corpus reads record by record. */
headsift_status hs_source_write_records(struct hs_selection *selection, const struct hs_source *source,
                                        const struct hs_input *input, const char *output, headsift_error *error);
/** The same for --output-format dolma: a line of attributes for each record of the file. */
headsift_status hs_source_write_attributes(struct hs_selection *selection, const struct hs_source *source,
                                           const struct hs_input *input, const char *output, headsift_error *error);

/** What must be the same for a selection to be the same: options and score files. NULL when there is no memory. */
json_t *hs_manifest_settings(const struct hs_selection *selection);
/** Looks at an earlier manifest.json. *done: it was made with these settings and its files are there. Other settings
 *  are refused unless `overwrite`. *old is the manifest, or NULL: json_decref. */
headsift_status hs_manifest_look(const struct hs_selection *selection, bool overwrite, bool *done, json_t **old,
                                 headsift_error *error);
headsift_status hs_manifest_write(struct hs_selection *selection, headsift_error *error);
void hs_domains_summary(const struct hs_selection *selection, headsift_select_summary *summary);
headsift_status hs_manifest_summary(const json_t *manifest, headsift_select_summary *summary, headsift_error *error);

/** Removes what a killed call left, and with `old` its files; notes the files that are about to be written. Refuses to
 *  touch a file of such a name that no selection made, unless `overwrite`. */
headsift_status hs_journal_begin(const struct hs_selection *selection, const json_t *old, bool overwrite,
                                 headsift_error *error);
headsift_status hs_journal_end(const struct hs_selection *selection, headsift_error *error);

#endif
