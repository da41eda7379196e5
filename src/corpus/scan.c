/* Reads an input for where its records are, and gathers them into ranges as long as they fit.
 * A record's weight is its size in bytes; a Parquet row's is its share of its row group's text. */
#include "corpus/scan.h"

#include <string.h>

#include "corpus/columns.h"
#include "corpus/csv_record.h"
#include "corpus/lines.h"
#include "corpus/parquet_groups.h"

struct scan {
    const struct hs_input *input;
    int64_t unit_bytes, most_rows;
    const headsift_monitor *monitor;
    struct hs_ranges *ranges;
    size_t capacity;
    int64_t rows;
    bool done; /* no more records are wanted */
};

/* ---- Gathering ---------------------------------------------------------------------------------------------- */

static headsift_status add_range(struct scan *scan, struct hs_place place, int64_t skip, headsift_error *error) {
    void *items = scan->ranges->items;
    bool grown = hs_grow(&items, &scan->capacity, scan->ranges->n + 1, sizeof *scan->ranges->items);
    scan->ranges->items = items;
    if (!grown) {
        return hs_fail_memory(error, scan->input->path, scan->capacity * sizeof *scan->ranges->items);
    }
    scan->ranges->items[scan->ranges->n++] =
        (struct hs_range){.first_row = scan->rows, .file_offset = place.file_offset, .skip_bytes = (uint64_t)skip};
    return HEADSIFT_OK;
}

/* Whether records of so many bytes are too many for the last range. */
static bool is_full(const struct scan *scan, int64_t bytes) {
    const struct hs_ranges *ranges = scan->ranges;
    const struct hs_range *last = ranges->n > 0 ? &ranges->items[ranges->n - 1] : NULL;
    return last == NULL || (last->rows > 0 && bytes > scan->unit_bytes - last->text_bytes);
}

/* Adds the next rows, which stay together, to the last range, which is_full made room in. */
static headsift_status add_rows(struct scan *scan, int64_t rows, int64_t bytes, headsift_error *error) {
    if (hs_stop_wanted(scan->monitor)) {
        return hs_fail(error, HEADSIFT_STOPPED, "stopped while %s was scanned", scan->input->path);
    }
    int64_t left = scan->most_rows - scan->rows;
    if (scan->most_rows > 0 && rows > left) {
        bytes = (int64_t)((double)bytes * (double)left / (double)rows);
        rows = left;
    }
    struct hs_range *last = &scan->ranges->items[scan->ranges->n - 1];
    last->rows += rows;
    last->text_bytes += bytes;
    scan->rows += rows;
    scan->done = scan->most_rows > 0 && scan->rows == scan->most_rows;
    return HEADSIFT_OK;
}

/* A record that begins at a position of the stream. */
static headsift_status add_record(struct scan *scan, struct hs_stream *stream, uint64_t start, uint64_t bytes,
                                  headsift_error *error) {
    if (is_full(scan, (int64_t)bytes)) {
        struct hs_place place = hs_stream_place(stream, start);
        HS_TRY(add_range(scan, place, (int64_t)(start - place.position), error));
    }
    return add_rows(scan, 1, (int64_t)bytes, error);
}

/* ---- Formats ------------------------------------------------------------------------------------------------ */

static headsift_status open_stream(const struct scan *scan, struct hs_stream **out, headsift_error *error) {
    HS_TRY(hs_stream_open(scan->input->path, scan->input->compression, out, error));
    hs_stream_keep_places(*out);
    return HEADSIFT_OK;
}

static headsift_status scan_lines(struct scan *scan, struct hs_lines *lines, headsift_error *error) {
    while (!scan->done) {
        const char *line;
        size_t size;
        HS_TRY(hs_lines_next(lines, &line, &size, error));
        if (line == NULL) {
            return HEADSIFT_OK;
        }
        HS_TRY(add_record(scan, lines->stream, hs_lines_start(lines), lines->at - lines->start, error));
    }
    return HEADSIFT_OK;
}

static headsift_status scan_jsonl(struct scan *scan, headsift_error *error) {
    struct hs_lines lines = {0};
    headsift_status status = open_stream(scan, &lines.stream, error);
    if (status == HEADSIFT_OK) {
        status = scan_lines(scan, &lines, error);
    }
    hs_lines_close(&lines);
    return status;
}

static headsift_status scan_records(struct scan *scan, struct hs_csv *csv, headsift_error *error) {
    bool more;
    HS_TRY(hs_csv_next(csv, &more, error)); /* the header */
    size_t n_columns = csv->n;
    while (more && !scan->done) {
        HS_TRY(hs_csv_next(csv, &more, error));
        if (more && !hs_csv_is_blank(csv, n_columns)) {
            HS_TRY(add_record(scan, csv->stream, csv->start, csv->end - csv->start, error));
        }
    }
    return HEADSIFT_OK;
}

static headsift_status scan_csv(struct scan *scan, headsift_error *error) {
    struct hs_csv csv = {.framing_only = true};
    headsift_status status = open_stream(scan, &csv.stream, error);
    if (status == HEADSIFT_OK) {
        status = scan_records(scan, &csv, error);
    }
    hs_csv_close(&csv);
    return status;
}

/* The whole file is one record; how large it is, only its end tells. */
static headsift_status scan_text(struct scan *scan, headsift_error *error) {
    struct hs_lines lines = {0};
    headsift_status status = open_stream(scan, &lines.stream, error);
    for (bool more = true; status == HEADSIFT_OK && more;) {
        lines.bytes.size = 0;
        status = hs_stop_wanted(scan->monitor)
                     ? hs_fail(error, HEADSIFT_STOPPED, "stopped while %s was scanned", scan->input->path)
                     : hs_stream_read(lines.stream, 1 << 17, &lines.bytes, &more, error);
    }
    if (status == HEADSIFT_OK) {
        status = add_range(scan, (struct hs_place){0, 0}, 0, error);
    }
    if (status == HEADSIFT_OK) {
        status = add_rows(scan, 1, (int64_t)hs_stream_position(lines.stream), error);
    }
    hs_lines_close(&lines);
    return status;
}

/* One row group, in equal pieces where it is too large for one. */
static headsift_status add_group(struct scan *scan, const struct hs_parquet_group *group, headsift_error *error) {
    int64_t pieces = group->text_bytes / scan->unit_bytes + (group->text_bytes % scan->unit_bytes > 0);
    pieces = pieces < 1 ? 1 : pieces > group->rows ? group->rows : pieces;
    for (int64_t i = 0; i < pieces && !scan->done; i++) {
        int64_t rows = group->rows / pieces + (i < group->rows % pieces);
        int64_t bytes = group->text_bytes / pieces + (i < group->text_bytes % pieces);
        if (is_full(scan, bytes)) {
            HS_TRY(add_range(scan, (struct hs_place){0, 0}, 0, error));
        }
        HS_TRY(add_rows(scan, rows, bytes, error));
    }
    return HEADSIFT_OK;
}

static headsift_status scan_parquet(struct scan *scan, const headsift_inputs *inputs, headsift_error *error) {
    struct hs_reader *reader;
    HS_TRY(hs_reader_open(scan->input, inputs, false, &reader, error)); /* says what is wrong with the file */
    hs_reader_close(reader);
    struct hs_columns columns;
    struct hs_parquet_group *groups = NULL;
    size_t n = 0;
    headsift_status status = hs_columns_init(inputs, scan->input->path, &columns, error);
    if (status == HEADSIFT_OK) {
        const char *const texts[] = {columns.names[HS_ROLE_TEXT], columns.names[HS_ROLE_PROMPT]};
        status = hs_parquet_groups(scan->input->path, texts, texts[1] != NULL ? 2 : 1, &groups, &n, error);
    }
    for (size_t i = 0; i < n && status == HEADSIFT_OK && !scan->done; i++) {
        status = add_group(scan, &groups[i], error);
    }
    hs_free(groups);
    hs_columns_free(&columns);
    return status;
}

static headsift_status scan_format(struct scan *scan, const headsift_inputs *inputs, headsift_error *error) {
    switch (scan->input->format) {
    case HS_FORMAT_JSONL:
        return scan_jsonl(scan, error);
    case HS_FORMAT_CSV:
        return scan_csv(scan, error);
    case HS_FORMAT_TEXT:
        return scan_text(scan, error);
    default:
        return scan_parquet(scan, inputs, error);
    }
}

headsift_status hs_scan(const struct hs_input *input, const headsift_inputs *inputs, int64_t unit_bytes,
                        int64_t most_rows, const headsift_monitor *monitor, struct hs_ranges *out,
                        headsift_error *error) {
    *out = (struct hs_ranges){0};
    struct scan scan = {
        .input = input, .unit_bytes = unit_bytes, .most_rows = most_rows, .monitor = monitor, .ranges = out};
    headsift_status status = scan_format(&scan, inputs, error);
    if (status == HEADSIFT_OK && out->n == 0) {
        status = add_range(&scan, (struct hs_place){0, 0}, 0, error);
    }
    if (status != HEADSIFT_OK) {
        hs_ranges_free(out);
    }
    return status;
}

void hs_ranges_free(struct hs_ranges *ranges) {
    hs_free(ranges->items);
    *ranges = (struct hs_ranges){0};
}
