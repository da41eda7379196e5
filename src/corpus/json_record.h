/* One line of JSONL as a record: jansson checks and decodes it, and values that are no strings keep their own text.
 * So a number is never rounded, whatever its size. */
#ifndef HS_CORPUS_JSON_RECORD_H
#define HS_CORPUS_JSON_RECORD_H

#include <jansson.h>

#include "corpus/corpus.h"

struct hs_json_record {
    json_t *root;            /**< the object; holds the strings that `fields` points to */
    struct hs_field *fields; /**< in the line's order; of a name that stands twice the last value */
    size_t n, capacity;
    struct hs_buffer scratch;
};

/** What a line turned out to be. */
enum hs_json_verdict { HS_JSON_OBJECT, HS_JSON_BAD, HS_JSON_NO_MEMORY };

/** Parses one line. On HS_JSON_OBJECT the fields are filled in, pointing into `line` and the record; they hold until
 * the next call. On HS_JSON_BAD `why` says what is wrong. */
enum hs_json_verdict hs_json_record_parse(struct hs_json_record *record, const char *line, size_t size, char *why,
                                          size_t why_size);
/** The field of that name, or NULL. `*kind` is its JSON type. */
const struct hs_field *hs_json_record_find(const struct hs_json_record *record, const char *name, json_type *kind);
void hs_json_record_free(struct hs_json_record *record);

#endif
