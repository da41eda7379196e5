/* Passes over what a side was chosen from: its score rows, a sample of them, and the texts of a sample.
 * Rows and texts are streamed; a sample holds what it was asked to hold. */
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "compare/side.h"
#include "select/cursor.h"
#include "select/records.h"

/* ---- Score rows ---- */

static headsift_status open_rows(struct hs_side *side, size_t first, struct hs_cursor *cursor, headsift_error *error) {
    struct hs_buffer sql = {0};
    bool built = hs_buffer_printf(&sql, "SELECT s.id::BIGINT, r.\"row\"::BIGINT, d.id::BIGINT, "
                                        "greatest(coalesce(r.n_tokens, 0), 0)::BIGINT, r.score::DOUBLE, "
                                        "r.loss_base::DOUBLE FROM read_parquet(") &&
                 hs_parts_list(&sql, &side->selection.parts, first) &&
                 hs_buffer_printf(&sql, ", hive_partitioning=false) r JOIN hs_source s ON s.name = r.\"file\"::VARCHAR "
                                        "JOIN hs_domain d ON d.name = coalesce(r.\"domain\"::VARCHAR, '') WHERE "
                                        "isfinite(r.score::DOUBLE)");
    headsift_status status = built ? hs_cursor_stream(&side->selection.sql, sql.data, cursor, error)
                                   : hs_fail_memory(error, "a statement", sql.size);
    hs_buffer_free(&sql);
    return status;
}

static headsift_status take_rows(struct hs_side *side, struct hs_cursor *cursor, hs_take_scored take, void *user,
                                 headsift_error *error) {
    bool more = true;
    for (;;) {
        HS_TRY(hs_cursor_advance(cursor, &more, error));
        if (!more) {
            return HEADSIFT_OK;
        }
        const struct hs_scored row = {.source = (int32_t)hs_cursor_integer(cursor, 0, 0),
                                      .row = hs_cursor_integer(cursor, 1, 0),
                                      .domain = (int32_t)hs_cursor_integer(cursor, 2, 0),
                                      .tokens = hs_cursor_integer(cursor, 3, 0),
                                      .score = hs_cursor_real(cursor, 4),
                                      .loss = hs_cursor_real(cursor, 5)};
        HS_TRY(take(user, &row, error));
        if (cursor->row == 0 && hs_stop_wanted(side->selection.monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped while the scores were compared");
        }
    }
}

headsift_status hs_side_rows(struct hs_side *side, hs_take_scored take, void *user, headsift_error *error) {
    headsift_status status = HEADSIFT_OK;
    for (size_t first = 0; status == HEADSIFT_OK && first < side->selection.parts.n; first += HS_PARTS_AT_ONCE) {
        struct hs_cursor cursor = {0};
        status = open_rows(side, first, &cursor, error);
        if (status == HEADSIFT_OK) {
            status = take_rows(side, &cursor, take, user, error);
        }
        hs_cursor_close(&cursor);
    }
    return status;
}

/* ---- Samples: a heap with the highest key on top ---- */

uint64_t hs_row_key(const struct hs_side *side, uint64_t seed, const struct hs_scored *row) {
    return hs_random_at(hs_random_at(seed, side->keys[row->source]), (uint64_t)row->row);
}

static int compare_places(const struct hs_scored *a, const struct hs_scored *b) {
    if (a->source != b->source) {
        return a->source < b->source ? -1 : 1;
    }
    return (a->row > b->row) - (a->row < b->row);
}

static bool is_higher(const struct hs_drawn *a, const struct hs_drawn *b) {
    return a->key != b->key ? a->key > b->key : compare_places(&a->row, &b->row) > 0;
}

static void sink(struct hs_drawn *items, size_t n, size_t at, struct hs_drawn item) {
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && is_higher(&items[child + 1], &items[child]);
        if (!is_higher(&items[child], &item)) {
            break;
        }
        items[at] = items[child];
    }
    items[at] = item;
}

static void rise(struct hs_drawn *items, size_t at, struct hs_drawn item) {
    for (size_t parent; at > 0 && is_higher(&item, &items[parent = (at - 1) / 2]); at = parent) {
        items[at] = items[parent];
    }
    items[at] = item;
}

headsift_status hs_sample_offer(struct hs_sample *sample, uint64_t key, const struct hs_scored *row,
                                headsift_error *error) {
    const struct hs_drawn item = {key, *row};
    sample->offered++;
    if (sample->n == sample->most) {
        if (sample->n > 0 && is_higher(&sample->items[0], &item)) {
            sink(sample->items, sample->n, 0, item);
        }
        return HEADSIFT_OK;
    }
    void *items = sample->items;
    bool grown = hs_grow(&items, &sample->capacity, sample->n + 1, sizeof *sample->items);
    sample->items = items;
    if (!grown) {
        return hs_fail_memory(error, "the sample", sample->n * sizeof *sample->items);
    }
    rise(sample->items, sample->n++, item);
    return HEADSIFT_OK;
}

static int by_place(const void *left, const void *right) {
    return compare_places(&((const struct hs_drawn *)left)->row, &((const struct hs_drawn *)right)->row);
}

void hs_sample_finish(struct hs_sample *sample) {
    if (sample->n > 1) {
        qsort(sample->items, sample->n, sizeof *sample->items, by_place);
    }
}

void hs_sample_free(struct hs_sample *sample) {
    hs_free(sample->items);
    *sample = (struct hs_sample){0};
}

/* ---- Texts ---- */

static headsift_status scan_texts(struct hs_scan *scan, size_t first, size_t n, hs_take_text take, void *user,
                                  headsift_error *error) {
    for (size_t i = 0; i < n; i++) {
        struct hs_document document;
        bool more;
        HS_TRY(hs_scan_next(scan, &document, &more, error));
        bool usable = more && !document.bad && document.text != NULL;
        HS_TRY(take(user, first + i, usable ? document.text : "", usable ? document.text_size : 0, error));
    }
    return HEADSIFT_OK;
}

/* Documents [first, first + n) of the sample: all of one source file. */
static headsift_status read_texts(struct hs_side *side, const struct hs_sample *sample, size_t first, size_t n,
                                  hs_take_text take, void *user, headsift_error *error) {
    const struct hs_source *source = &side->selection.sources[sample->items[first].row.source];
    struct hs_input_list list = {0};
    struct hs_scan scan = {0};
    HS_TRY(hs_source_input(source, &list, error));
    int64_t *rows = hs_alloc(n, sizeof *rows);
    headsift_status status = rows != NULL ? HEADSIFT_OK : hs_fail_memory(error, "rows", n * sizeof *rows);
    for (size_t i = 0; rows != NULL && i < n; i++) {
        rows[i] = sample->items[first + i].row.row;
    }
    const struct hs_rows wanted = {.items = rows, .n = (int64_t)n};
    if (status == HEADSIFT_OK) {
        status = hs_scan_open(source, &list.items[0], &wanted, false, &scan, error);
    }
    if (status == HEADSIFT_OK) {
        status = scan_texts(&scan, first, n, take, user, error);
    }
    hs_scan_close(&scan);
    hs_free(rows);
    hs_inputs_free(&list);
    return status;
}

headsift_status hs_side_check(struct hs_side *side, const struct hs_sample *sample, headsift_error *error) {
    for (size_t i = 0; i < side->selection.n_sources; i++) {
        side->selection.sources[i].wanted = 0;
    }
    for (size_t i = 0; i < sample->n; i++) {
        side->selection.sources[sample->items[i].row.source].wanted++;
    }
    return hs_sources_check(&side->selection, error);
}

headsift_status hs_side_texts(struct hs_side *side, const struct hs_sample *sample, hs_take_text take, void *user,
                              headsift_error *error) {
    for (size_t first = 0, n; first < sample->n; first += n) {
        for (n = 1; first + n < sample->n && sample->items[first + n].row.source == sample->items[first].row.source;) {
            n++;
        }
        HS_TRY(read_texts(side, sample, first, n, take, user, error));
        if (hs_stop_wanted(side->selection.monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped while the texts were compared");
        }
    }
    return HEADSIFT_OK;
}
