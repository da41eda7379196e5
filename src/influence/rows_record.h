/* A record of a row journal: length (8 bytes), CRC-32 (4), and so many bytes: what is counted so far (6 x 8), the
 * number of rows (8), and the rows. One for each window. */
#ifndef HS_INFLUENCE_ROWS_RECORD_H
#define HS_INFLUENCE_ROWS_RECORD_H

#include "influence/rows.h"

enum { HS_RECORD_HEAD = 12 };

/** Bytes that are taken one value after the other; `ok` is false once something was not there. */
struct hs_taking {
    const char *at, *end;
    bool ok;
};

/** A record as it is read. Zero-initialise; hs_record_free. */
struct hs_record {
    struct hs_buffer bytes;
    struct hs_part_record counted;
    uint64_t n_rows;
    struct hs_taking rows; /**< those that are not taken yet */
    headsift_step *steps;  /**< of the row that was taken last; grows */
    size_t steps_capacity;
};

/** Reads the next record, of a file of which `left` bytes are left; false: there is none that may be believed. */
bool hs_record_read(FILE *file, int64_t left, struct hs_record *record);
/** Whether its rows are whole, and those behind `done` documents of the part, one after the other. */
bool hs_record_follows(const struct hs_record *record, const struct hs_part *part, int64_t done);
/** The next row; text and steps are borrowed from the record, until the next one. False: no memory. */
bool hs_record_take_row(struct hs_record *record, struct hs_row *row);
void hs_record_free(struct hs_record *record);

bool hs_record_put_row(struct hs_buffer *out, const struct hs_row *row);
/** @return false with errno set when it can't be written. */
bool hs_record_write(FILE *file, const struct hs_part_record *counted, int64_t n_rows, const struct hs_buffer *rows);

#endif
