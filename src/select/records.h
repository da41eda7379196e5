/* Records of a source file that src/corpus reads one by one: all of them, or the chosen rows alone.
 * As a loop, and as the SQL table function hs_records(), so that DuckDB can write them to Parquet as they pass. */
#ifndef HS_SELECT_RECORDS_H
#define HS_SELECT_RECORDS_H

#include "select/select.h"

/** Which records of a source file are asked for. */
struct hs_rows {
    const struct hs_selection *selection; /**< the rows to be written of `source`; NULL: `items` */
    const struct hs_source *source;
    const int64_t *items; /**< ascending */
    int64_t n;
};

struct hs_rows hs_rows_wanted(const struct hs_selection *selection, const struct hs_source *source);

struct hs_scan {
    struct hs_reader *reader;
    const struct hs_input *input;
    const struct hs_rows *rows; /**< NULL: all rows */
    int64_t given;
    int64_t records;           /**< read so far */
    char *id;                  /**< of a plain text file: FILE:ROW, as in the score rows */
    struct hs_field fields[2]; /**< of a plain text file */
};

headsift_status hs_scan_open(const struct hs_source *source, const struct hs_input *input, const struct hs_rows *rows,
                             bool all_fields, struct hs_scan *scan, headsift_error *error);
/** The next wanted record; its fields are filled in for plain text files too. A wanted row that is not there is an
 *  error: the file has changed. */
headsift_status hs_scan_next(struct hs_scan *scan, struct hs_document *document, bool *more, headsift_error *error);
void hs_scan_close(struct hs_scan *scan);

/** What hs_records() gives: "row" BIGINT, then "c0", "c1", ... VARCHAR: the fields with these names. */
struct hs_feed {
    const struct hs_selection *selection;
    const struct hs_source *source;
    const struct hs_input *input;
    const struct hs_rows *rows;
    const struct hs_field *names; /**< name and name_size alone are read */
    size_t n_names;
    struct hs_scan scan;
    struct hs_buffer repaired;
    headsift_status status; /**< of the source: DuckDB's own message hides it */
    headsift_error error;
};

/** Runs a statement that reads hs_records(): `feed` is put to work for it. */
headsift_status hs_feed_run(struct hs_selection *selection, const struct hs_feed *feed, const char *statement,
                            headsift_error *error);

/** The bytes themselves if they are UTF-8, else a copy in `room` with U+FFFD for what is not. NULL: no memory. */
const char *hs_repair_text(const char *text, size_t *size, struct hs_buffer *room);

/** What the SQL function hs_text() mended since hs_mending_use(). */
struct hs_mending {
    int64_t values;
    int64_t row, column; /**< of the first of them */
    struct hs_buffer room;
};

#endif
