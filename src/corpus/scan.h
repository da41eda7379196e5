/* Ranges of records: an input cut into pieces of about as much text each.
 * A range can be read by itself: hs_reader_open_range. */
#ifndef HS_CORPUS_SCAN_H
#define HS_CORPUS_SCAN_H

#include "corpus/corpus.h"

/** Records of one input that follow one another. */
struct hs_range {
    int64_t first_row, rows;
    int64_t text_bytes;
    uint64_t file_offset, skip_bytes; /**< where reading begins in the file, and what is passed over from there */
};

struct hs_ranges {
    struct hs_range *items;
    size_t n;
};

/** Cuts an input into ranges of about unit_bytes of text, at least one (of 0 rows where the input is empty).
 *  @param most_rows  > 0: no more than so many records, reading stops there. */
headsift_status hs_scan(const struct hs_input *input, const headsift_inputs *inputs, int64_t unit_bytes,
                        int64_t most_rows, const headsift_monitor *monitor, struct hs_ranges *out,
                        headsift_error *error);
void hs_ranges_free(struct hs_ranges *ranges);

#endif
