/* A stream as lines, those of blanks left out: the records of JSONL.
 * The reader and the scan share it, so that both count alike. */
#ifndef HS_CORPUS_LINES_H
#define HS_CORPUS_LINES_H

#include "corpus/stream.h"

struct hs_lines {
    struct hs_stream *stream; /**< set it; hs_lines_close closes it */
    struct hs_buffer bytes;
    size_t start, at; /**< the last line began at bytes.data[start], the next one begins at [at] */
    bool end;
};

/** The next line that is not blank, without its end; *line is NULL behind the last one. Holds until the next call. */
headsift_status hs_lines_next(struct hs_lines *lines, const char **line, size_t *size, headsift_error *error);
/** The stream's position where the last line began. It is bytes.data[start .. at] with its end. */
uint64_t hs_lines_start(const struct hs_lines *lines);
void hs_lines_close(struct hs_lines *lines); /**< fine on a zeroed struct */

#endif
