/* The bytes of a CSV file, by RFC 4180: quoted fields may hold commas, line ends and doubled quotes; lines end with LF
 * or CRLF. One byte at a time decides, but the insides of values are taken in runs. */
#include "corpus/csv_record.h"

#include <string.h>

enum { BLOCK = 1 << 17 };

enum state {
    FIELD_START,
    UNQUOTED,
    QUOTED,
    QUOTE_SEEN,  /* in a quoted field: the closing quote or the first of two */
    RETURN_SEEN, /* a CR outside quotes: part of the line end, or of the value */
    RECORD_END,
};

static bool add(struct hs_csv *csv, const char *bytes, size_t size) {
    csv->value_bytes += size;
    return csv->framing_only || hs_buffer_append(&csv->values, bytes, size);
}

static bool end_field(struct hs_csv *csv) {
    if (csv->framing_only) {
        csv->n++;
        return true;
    }
    void *ends = csv->ends;
    bool ok = hs_grow(&ends, &csv->capacity, csv->n + 1, sizeof *csv->ends);
    csv->ends = ends;
    if (ok) {
        csv->ends[csv->n++] = csv->values.size;
    }
    return ok && hs_buffer_append(&csv->values, "", 1);
}

static bool add_plain(struct hs_csv *csv, char byte) {
    if (csv->closed == csv->n + 1) {
        csv->stray = csv->closed;
    }
    return add(csv, &byte, 1);
}

/* A byte outside quotes, where a value may end. */
static bool step_plain(struct hs_csv *csv, char byte, enum state *state) {
    if (byte == ',' || byte == '\n') {
        *state = byte == ',' ? FIELD_START : RECORD_END;
        return end_field(csv);
    }
    if (byte == '\r') {
        *state = RETURN_SEEN;
        return true;
    }
    *state = UNQUOTED;
    return add_plain(csv, byte);
}

/* The byte behind a quote that may close the field. */
static bool step_quote(struct hs_csv *csv, char byte, enum state *state) {
    if (byte == '"') {
        *state = QUOTED;
        return add(csv, "\"", 1);
    }
    csv->closed = csv->n + 1;
    return step_plain(csv, byte, state);
}

static bool step(struct hs_csv *csv, char byte, enum state *state) {
    switch (*state) {
    case QUOTED:
        if (byte == '"') {
            *state = QUOTE_SEEN;
            return true;
        }
        return add(csv, &byte, 1);
    case QUOTE_SEEN:
        return step_quote(csv, byte, state);
    case RETURN_SEEN:
        if (byte != '\n' && !add_plain(csv, '\r')) {
            return false;
        }
        return step_plain(csv, byte, state);
    case FIELD_START:
        if (byte == '"') {
            *state = QUOTED;
            csv->quoted = true;
            return true;
        }
        return step_plain(csv, byte, state);
    default:
        return step_plain(csv, byte, state);
    }
}

/* The bytes from the window's place on that are surely part of the value in this state. */
static size_t plain_run(const struct hs_csv *csv, enum state state) {
    const char *bytes = csv->window.data + csv->at;
    size_t left = csv->window.size - csv->at, run = 0;
    if (state == QUOTED) {
        const char *quote = memchr(bytes, '"', left);
        return quote != NULL ? (size_t)(quote - bytes) : left;
    }
    while (state == UNQUOTED && run < left && bytes[run] != ',' && bytes[run] != '\n' && bytes[run] != '\r') {
        run++;
    }
    return run;
}

static bool parse_window(struct hs_csv *csv, enum state *state) {
    bool ok = true;
    while (ok && csv->at < csv->window.size && *state != RECORD_END) {
        size_t run = plain_run(csv, *state);
        if (run > 0) {
            ok = add(csv, csv->window.data + csv->at, run);
            csv->at += run;
        } else {
            ok = step(csv, csv->window.data[csv->at++], state);
        }
    }
    return ok;
}

/* The file ended: what was read of a record, if anything, ends with its last field. */
static bool end_file(struct hs_csv *csv, enum state state, bool *more) {
    csv->open_quote = state == QUOTED;
    *more = state != FIELD_START || csv->n > 0;
    return !*more || end_field(csv);
}

static void begin_record(struct hs_csv *csv) {
    csv->values.size = 0;
    csv->value_bytes = 0;
    csv->n = 0;
    csv->quoted = false;
    csv->open_quote = false;
    csv->closed = 0;
    csv->stray = 0;
}

static uint64_t position(const struct hs_csv *csv) {
    return hs_stream_position(csv->stream) - (csv->window.size - csv->at);
}

headsift_status hs_csv_next(struct hs_csv *csv, bool *more, headsift_error *error) {
    begin_record(csv);
    csv->start = position(csv);
    enum state state = FIELD_START;
    *more = true;
    bool ok = parse_window(csv, &state);
    for (bool bytes_left = true; ok && state != RECORD_END && bytes_left;) {
        csv->window.size = 0;
        csv->at = 0;
        HS_TRY(hs_stream_read(csv->stream, BLOCK, &csv->window, &bytes_left, error));
        ok = bytes_left ? parse_window(csv, &state) : end_file(csv, state, more);
    }
    csv->end = position(csv);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "a CSV record", csv->value_bytes);
}

bool hs_csv_is_blank(const struct hs_csv *csv, size_t n_columns) {
    return csv->n == 1 && csv->value_bytes == 0 && !csv->quoted && n_columns > 1;
}

void hs_csv_close(struct hs_csv *csv) {
    hs_stream_close(csv->stream);
    hs_buffer_free(&csv->window);
    hs_buffer_free(&csv->values);
    hs_free(csv->ends);
    *csv = (struct hs_csv){0};
}
