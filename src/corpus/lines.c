/* Lines of any length: the buffer grows with the longest one and is read on in blocks.
 * A CR before the line end belongs to it. */
#include "corpus/lines.h"

#include <string.h>

enum { BLOCK = 1 << 17 };

static headsift_status refill(struct hs_lines *lines, headsift_error *error) {
    if (lines->at > 0) {
        lines->bytes.size -= lines->at;
        memmove(lines->bytes.data, lines->bytes.data + lines->at, lines->bytes.size);
        lines->at = 0;
    }
    bool more;
    HS_TRY(hs_stream_read(lines->stream, BLOCK, &lines->bytes, &more, error));
    lines->end = !more;
    return HEADSIFT_OK;
}

/* *line stays NULL behind the last one. The line end is left out. */
static headsift_status next_line(struct hs_lines *lines, const char **line, size_t *size, headsift_error *error) {
    *line = NULL;
    const char *newline = NULL;
    for (size_t searched = 0;;) {
        size_t left = lines->bytes.size - lines->at;
        if (left > searched) {
            newline = memchr(lines->bytes.data + lines->at + searched, '\n', left - searched);
        }
        if (newline != NULL || lines->end) {
            break;
        }
        searched = left;
        HS_TRY(refill(lines, error));
    }
    size_t left = lines->bytes.size - lines->at;
    if (left == 0) {
        return HEADSIFT_OK;
    }
    *line = lines->bytes.data + lines->at;
    *size = newline != NULL ? (size_t)(newline - *line) : left;
    lines->start = lines->at;
    lines->at += newline != NULL ? *size + 1 : *size;
    *size -= *size > 0 && (*line)[*size - 1] == '\r';
    return HEADSIFT_OK;
}

static bool is_blank(const char *line, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r') {
            return false;
        }
    }
    return true;
}

headsift_status hs_lines_next(struct hs_lines *lines, const char **line, size_t *size, headsift_error *error) {
    do {
        HS_TRY(next_line(lines, line, size, error));
    } while (*line != NULL && is_blank(*line, *size));
    return HEADSIFT_OK;
}

uint64_t hs_lines_start(const struct hs_lines *lines) {
    return hs_stream_position(lines->stream) - (lines->bytes.size - lines->start);
}

void hs_lines_close(struct hs_lines *lines) {
    hs_stream_close(lines->stream);
    hs_buffer_free(&lines->bytes);
    *lines = (struct hs_lines){0};
}
