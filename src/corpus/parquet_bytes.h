/* A copy of a Parquet file in which the strings of its first level are bytes, so that DuckDB reads all rows of a file
 * in which a string is no UTF-8. */
#ifndef HS_CORPUS_PARQUET_BYTES_H
#define HS_CORPUS_PARQUET_BYTES_H

#include "base/error.h"
#include "base/memory.h"

/** Writes `path` to `copy`: the same pages, and a footer that calls string columns bytes. Strings inside lists, maps
 * and structs, and JSON, stay what they are. On failure no copy is left. @param monitor  NULL, or asked whether to
 * stop. */
headsift_status hs_parquet_as_bytes(const char *path, const char *copy, const headsift_monitor *monitor,
                                    headsift_error *error);

/** Appends the metadata with its string columns made bytes. *ok is false when it is damaged. False: no memory. */
bool hs_parquet_retype(struct hs_buffer *out, const char *metadata, size_t size, bool *ok);

#endif
