/* A stream as CSV records. The reader and the scan share it, so that both count alike.
 * What makes a record good or bad is for the reader to say. */
#ifndef HS_CORPUS_CSV_RECORD_H
#define HS_CORPUS_CSV_RECORD_H

#include "corpus/stream.h"

struct hs_csv {
    struct hs_stream *stream; /**< set it; hs_csv_close closes it */
    bool framing_only;        /**< set it where the values are not wanted: `values` and `ends` stay empty */
    struct hs_buffer window;  /**< bytes of the file that are not parsed yet, from `at` on */
    size_t at;
    uint64_t start, end;     /**< the stream's positions where the record began and ended */
    struct hs_buffer values; /**< the record's values, one behind the other, a NUL behind each */
    size_t value_bytes;      /**< their size without the NULs */
    size_t *ends;            /**< where each value ends (its NUL) */
    size_t n, capacity;
    bool quoted;     /**< the record has a quoted field */
    bool open_quote; /**< the file ended inside quotes */
    size_t closed;   /**< 1 + the field whose closing quote was the last one seen; 0: none */
    size_t stray;    /**< 1 + a field that has text behind its closing quote; 0: none */
};

/** Reads one record; *more is false where there is none. */
headsift_status hs_csv_next(struct hs_csv *csv, bool *more, headsift_error *error);
/** A line with nothing on it, in a file of several columns: no record. */
bool hs_csv_is_blank(const struct hs_csv *csv, size_t n_columns);
void hs_csv_close(struct hs_csv *csv); /**< fine on a zeroed struct */

#endif
