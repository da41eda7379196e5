/* What json_rows.c asks of a format: its next record as a JSON value.
 * Inside of src/corpus only. */
#ifndef HS_CORPUS_JSON_ROWS_KIND_H
#define HS_CORPUS_JSON_ROWS_KIND_H

#include "corpus/json_rows.h"

struct hs_parquet_json;

/** The rows of a Parquet file as JSON, by DuckDB. *features: see hs_json_rows_features, the caller's. */
headsift_status hs_parquet_json_open(const char *path, struct hs_parquet_json **out, json_t **features,
                                     headsift_error *error);
/** The next row's JSON text; *text is NULL behind the last one. It holds until the next call. */
headsift_status hs_parquet_json_next(struct hs_parquet_json *rows, const char **text, size_t *size,
                                     headsift_error *error);
void hs_parquet_json_close(struct hs_parquet_json *rows); /**< NULL is fine */

#endif
