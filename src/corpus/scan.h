/* Cuts an input into ranges of records with about the same amount of text, for work that many processes share.
 * Where the cuts are depends on the file's bytes and the wanted size alone. */
#ifndef HS_CORPUS_SCAN_H
#define HS_CORPUS_SCAN_H

#include "corpus/corpus.h"

struct hs_ranges {
    struct hs_range *items;
    size_t n;
};

/** The ranges of an input in order: at least one, of 0 rows where the input is empty. Each has at most unit_bytes of
 *  text, or one record; two neighbours have more together. Text is the bytes of the records with their line ends
 *  (JSONL, CSV), the text column's pages as the footer says (Parquet), the file (text).
 *  JSONL and CSV are read for where records begin and end, in the memory of the longest line; a Parquet file's footer
 *  tells enough. A file that can't be read to its end fails as hs_reader_next does.
 *  @param inputs     names the text column (Parquet).
 *  @param most_rows  over 0: no more records than that; the ranges before the last are those of the whole file.
 *  @param monitor    NULL, or asked whether to stop: HEADSIFT_STOPPED. */
headsift_status hs_scan(const struct hs_input *input, const headsift_inputs *inputs, int64_t unit_bytes,
                        int64_t most_rows, const headsift_monitor *monitor, struct hs_ranges *out,
                        headsift_error *error);
void hs_ranges_free(struct hs_ranges *ranges); /**< fine on a zeroed struct */

#endif
