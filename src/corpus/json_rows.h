/* The records of one file as JSON values, whatever its format: JSON, JSONL, CSV, Parquet, plain text.
 * For readers that look at many fields of records of moderate number, like those of benchmarks. */
#ifndef HS_CORPUS_JSON_ROWS_H
#define HS_CORPUS_JSON_ROWS_H

#include <jansson.h>

#include "corpus/corpus.h"

struct hs_json_rows;

/** JSON files are read whole: values one behind the other (JSONL), or one array of them, or one object whose member
 *  "examples" is that array. A CSV record is an array of strings, the header one like any other. A Parquet row is an
 *  object (lists and structs inside). A text file is one object {"text": ...}. */
headsift_status hs_json_rows_open(const struct hs_input *input, struct hs_json_rows **out, headsift_error *error);
/** The next record into *row, the caller's (json_decref); NULL behind the last one. A record that can't be read is an
 *  error that names it. */
headsift_status hs_json_rows_next(struct hs_json_rows *rows, json_t **row, headsift_error *error);
/** Columns as Hugging Face's datasets library describes them in a Parquet file, {"label": {"names": [...]}, ...};
 *  NULL where a file has no such thing. Borrowed. */
const json_t *hs_json_rows_features(const struct hs_json_rows *rows);
void hs_json_rows_close(struct hs_json_rows *rows); /**< NULL is fine */

#endif
