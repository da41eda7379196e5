/* Documents in: input files found and told apart, and their records read one by one in order.
 * Rows out: see score_writer.h. SQL: see sql.h. */
#ifndef HS_CORPUS_CORPUS_H
#define HS_CORPUS_CORPUS_H

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"

enum hs_format { HS_FORMAT_PARQUET, HS_FORMAT_JSONL, HS_FORMAT_CSV, HS_FORMAT_TEXT };
enum hs_compression { HS_PLAIN, HS_GZIP, HS_ZSTD };

/** One input file. */
struct hs_input {
    char *path; /**< as given, or as found under a given folder */
    enum hs_format format;
    enum hs_compression compression; /**< by the file's first bytes, not by its name */
    struct hs_file_identity identity;
};

/** The files of a call, in order: as given, a folder's and a glob's sorted by bytes. */
struct hs_input_list {
    struct hs_input *items;
    size_t n;
};

/** Finds the files: expands globs (only where no file has that very name) and folders (recursively; files of known
 *  suffixes; names that begin with "." or "_" are left out), reads files_from. Each file is opened once, so
 *  that one that can't be is an error before any work starts. So is no file at all, one of an unknown kind, one that is
 * no regular file, one with a name that is not UTF-8, and one that is there twice, be it by another path. */
headsift_status hs_inputs_find(const headsift_inputs *inputs, struct hs_input_list *out, headsift_error *error);
void hs_inputs_free(struct hs_input_list *list);

/** A record's column. `value` is NULL for null; other values are strings: JSON values that are no strings as JSON text.
 */
struct hs_field {
    const char *name;
    size_t name_size;
    const char *value;
    size_t size;
};

/** One record. Pointers hold until the next call of hs_reader_next. */
struct hs_document {
    int64_t row;      /**< 0-based record number in the file */
    const char *text; /**< NULL where the record has none: see `bad` */
    size_t text_size;
    const char *prompt; /**< with --prompt: where `text` begins, the response following the prompt; else NULL */
    size_t prompt_size;
    const char *id; /**< NULL: the record has none (the writer of rows makes FILE:ROW of it) */
    size_t id_size;
    const char *domain; /**< never NULL: resolved from the record or from headsift_inputs.domain; "" for one domain */
    size_t domain_size;
    bool bad; /**< the record can't be used: `note` says why (broken UTF-8 at byte N, no text, not JSON ...) */
    char note[160];
    const struct hs_field *fields; /**< all columns, where the reader was opened for them; a bad record may have none */
    size_t n_fields;
    const char *raw; /**< JSONL: the record's bytes without the line end; else NULL */
    size_t raw_size;
};

/** Records of one input that follow one another: scan.h finds them. */
struct hs_range {
    int64_t first_row, rows;
    int64_t text_bytes;               /**< about so much text */
    uint64_t file_offset, skip_bytes; /**< JSONL and CSV: decoding begins at this byte of the file and leaves out so
                                           many decoded bytes; 0 for other formats */
};

struct hs_reader;

/** Opens one file for reading its records in order. Memory: one record (JSONL, CSV, text) or a few vectors (Parquet).
 *  @param inputs  names the columns. A named column that a Parquet or CSV file lacks is HEADSIFT_USAGE and lists the
 *                 columns there are; in JSONL a record that lacks the text column is a bad record, and a file in whose
 *                 first 1000 records no one has the text column or a named one is HEADSIFT_USAGE likewise.
 *  @param all_fields  also give every column of each record (JSONL, CSV; not Parquet: use SQL there). */
headsift_status hs_reader_open(const struct hs_input *input, const headsift_inputs *inputs, bool all_fields,
                               struct hs_reader **out, headsift_error *error);
/** The same for the records of a range; their rows count from the file's beginning, and columns are looked for there
 * too. Fails at the end of a file that has fewer records. Parquet: row groups outside the range are not decoded.
 *  @param range  NULL: the whole file. */
headsift_status hs_reader_open_range(const struct hs_input *input, const headsift_inputs *inputs, bool all_fields,
                                     const struct hs_range *range, struct hs_reader **out, headsift_error *error);
/** The next record. *more is false behind the last one. A record that is broken is given as `bad`; HEADSIFT_FAILED is
 *  for files that can't be read on (truncated Parquet, a broken gzip stream: path and byte named). */
headsift_status hs_reader_next(struct hs_reader *reader, struct hs_document *document, bool *more,
                               headsift_error *error);
void hs_reader_close(struct hs_reader *reader); /**< NULL is fine */

/** Whether the inputs have a domain of their own, so that a caller can say that all documents are one domain. Known
 * once the reader is open. */
bool hs_reader_has_domain(const struct hs_reader *reader);
/** Share of the file, or of the range, that was read, 0..1. */
double hs_reader_share(const struct hs_reader *reader);

/** SHA-256 of a Parquet file's footer, which names its pages: the identity of its content. */
headsift_status hs_parquet_footer_sha256(const char *path, char hex[HS_HASH_HEX], headsift_error *error);

#endif
