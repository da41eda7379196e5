/* Writes the end of a Parquet file of flat byte-array columns: the metadata in Thrift's compact protocol.
 * The pages themselves come from another file. */
#ifndef HS_CORPUS_PARQUET_FOOTER_H
#define HS_CORPUS_PARQUET_FOOTER_H

#include <stdint.h>

#include "base/memory.h"

/** The pages of one column in one row group. Offsets are places in the file. */
struct hs_parquet_pages {
    int64_t rows, values;
    int64_t codec;                    /**< parquet.thrift's CompressionCodec */
    int64_t start;                    /**< of the first page */
    int64_t data_page;                /**< of the first data page; `start` may be a dictionary's */
    int64_t compressed, uncompressed; /**< sizes in bytes */
};

/** Appends metadata, its length and the closing mark. Columns are called c0, c1, ...; required[i] says that column i
 * has no nulls by its type. pages: n_groups rows of n_columns. False when there is no memory. */
bool hs_parquet_footer(struct hs_buffer *out, const bool *required, size_t n_columns,
                       const struct hs_parquet_pages *pages, size_t n_groups);

#endif
