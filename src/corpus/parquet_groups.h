/* What a Parquet file's footer says without reading its pages: rows and text of each row group, and a hash of it.
 * Both serve to cut a file into ranges and to know it again. */
#ifndef HS_CORPUS_PARQUET_GROUPS_H
#define HS_CORPUS_PARQUET_GROUPS_H

#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

struct hs_parquet_group {
    int64_t rows, text_bytes; /**< text_bytes: the columns' pages, uncompressed; all columns' where none is found */
};

/** The row groups in order, empty ones left out. *out: hs_free. @param columns  of strings, on the first
 *  level. */
headsift_status hs_parquet_groups(const char *path, const char *const *columns, size_t n_columns,
                                  struct hs_parquet_group **out, size_t *n, headsift_error *error);

/** Appends the metadata at the end of an open file, without its length and the closing mark. *pages: where it begins.
 *  Errors do not name the file. */
headsift_status hs_parquet_metadata(int file, struct hs_buffer *out, int64_t *pages, headsift_error *error);

#endif
