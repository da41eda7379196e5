/* Cuts an input by reading it.
 * A first version: the readers of ranges skip what comes before. */
#include "corpus/scan.h"

static headsift_status close_range(struct hs_ranges *out, size_t *capacity, struct hs_range *open,
                                   headsift_error *error) {
    void *items = out->items;
    bool grown = hs_grow(&items, capacity, out->n + 1, sizeof *out->items);
    out->items = items;
    if (!grown) {
        return hs_fail_memory(error, "ranges", (out->n + 1) * sizeof *out->items);
    }
    out->items[out->n++] = *open;
    *open = (struct hs_range){.first_row = open->first_row + open->rows};
    return HEADSIFT_OK;
}

static headsift_status cut(struct hs_reader *reader, int64_t unit_bytes, int64_t most_rows,
                           const headsift_monitor *monitor, struct hs_ranges *out, headsift_error *error) {
    struct hs_document document;
    struct hs_range open = {0};
    size_t capacity = 0;
    bool more = true;
    for (int64_t n = 0; most_rows <= 0 || n < most_rows; n++) {
        if (hs_stop_wanted(monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped while looking for the units");
        }
        HS_TRY(hs_reader_next(reader, &document, &more, error));
        if (!more) {
            break;
        }
        if (open.text_bytes >= unit_bytes) {
            HS_TRY(close_range(out, &capacity, &open, error));
        }
        open.rows++;
        open.text_bytes += (int64_t)document.text_size;
    }
    return open.rows > 0 || out->n == 0 ? close_range(out, &capacity, &open, error) : HEADSIFT_OK;
}

headsift_status hs_scan(const struct hs_input *input, const headsift_inputs *inputs, int64_t unit_bytes,
                        int64_t most_rows, const headsift_monitor *monitor, struct hs_ranges *out,
                        headsift_error *error) {
    struct hs_reader *reader;
    *out = (struct hs_ranges){0};
    HS_TRY(hs_reader_open(input, inputs, false, &reader, error));
    headsift_status status = cut(reader, unit_bytes, most_rows, monitor, out, error);
    hs_reader_close(reader);
    if (status != HEADSIFT_OK) {
        hs_ranges_free(out);
    }
    return status;
}

void hs_ranges_free(struct hs_ranges *ranges) {
    hs_free(ranges->items);
    *ranges = (struct hs_ranges){0};
}
