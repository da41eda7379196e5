/* What a format has to offer to be read: a few functions behind one struct.
 * A new format is a file with one hs_reader_kind, a line in reader.c and its suffixes in formats.c. */
#ifndef HS_CORPUS_READER_H
#define HS_CORPUS_READER_H

#include "corpus/columns.h"
#include "corpus/corpus.h"

struct hs_reader_kind {
    /** Sets reader->state (close is called also after a failure) and reader->has_domain. `range` NULL: the whole file;
     * else the next record is the range's first. The caller counts its rows. */
    headsift_status (*open)(struct hs_reader *reader, const struct hs_input *input, const struct hs_range *range,
                            headsift_error *error);
    /** Fills in a zeroed document, but for `row` and a fixed domain. UTF-8 is checked by the caller. */
    headsift_status (*next)(struct hs_reader *reader, struct hs_document *document, bool *more, headsift_error *error);
    double (*share)(const struct hs_reader *reader);
    void (*close)(struct hs_reader *reader); /**< state may be NULL */
};

struct hs_reader {
    const struct hs_reader_kind *kind;
    void *state;
    char *path;
    struct hs_columns columns;
    bool all_fields;
    bool has_domain;         /**< a column plays the domain's role; a fixed domain is added by reader.c */
    int64_t first;           /**< row of the first record */
    int64_t rows;            /**< records given so far */
    int64_t limit;           /**< records of the range; -1: no range */
    struct hs_buffer joined; /**< the record's prompt and response */
};

extern const struct hs_reader_kind hs_reader_jsonl;
extern const struct hs_reader_kind hs_reader_csv;
extern const struct hs_reader_kind hs_reader_text;
extern const struct hs_reader_kind hs_reader_parquet;

/** Marks a record as bad, with a note of one line (cut to fit; control bytes escaped). */
void hs_document_bad(struct hs_document *document, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Puts a value into the document's member for `role`. */
void hs_document_set(struct hs_document *document, enum hs_role role, const char *value, size_t size);

#endif
