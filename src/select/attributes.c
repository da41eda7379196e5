/* --output-format dolma: for each source file a file of attributes, a line for each of its records in their order, with
 * the score and whether it was chosen. Dolma's mixer joins the two line by line. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "select/cursor.h"
#include "select/packed.h"
#include "select/records.h"

/* ---- The scores of one source file, by row ---- */

struct scores {
    struct hs_selection *selection;
    const struct hs_source *source;
    size_t next; /**< of its units */
    struct hs_cursor cursor;
    bool open, more;
    int64_t row;
    double score;
};

/* How many of the units from `next` on are read at once: no later one may hold rows that come before theirs. */
static size_t batch_size(const struct scores *scores) {
    const struct hs_unit *units = &scores->selection->units[scores->source->first_unit];
    size_t n = 0;
    int64_t last = -1;
    for (size_t i = scores->next; i < scores->source->n_units; i++) {
        if (n >= HS_PARTS_AT_ONCE && units[i].first_row > last) {
            break;
        }
        last = units[i].last_row > last ? units[i].last_row : last;
        n++;
    }
    return n;
}

static headsift_status open_batch(struct scores *scores, headsift_error *error) {
    const struct hs_selection *selection = scores->selection;
    const struct hs_unit *units = &selection->units[scores->source->first_unit + scores->next];
    size_t n = batch_size(scores);
    struct hs_buffer sql = {0};
    bool built = hs_buffer_printf(&sql, "SELECT \"row\"::BIGINT, score::DOUBLE FROM read_parquet([");
    for (size_t i = 0; built && i < n; i++) {
        built =
            hs_buffer_printf(&sql, "%s", i > 0 ? ", " : "") && hs_sql_path(&sql, selection->parts.paths[units[i].part]);
    }
    built = built && hs_buffer_printf(&sql, "], hive_partitioning=false) WHERE \"file\"::VARCHAR = ") &&
            hs_sql_string(&sql, scores->source->name, strlen(scores->source->name)) &&
            hs_buffer_printf(&sql, " ORDER BY 1");
    headsift_status status = built ? hs_cursor_stream(&scores->selection->sql, sql.data, &scores->cursor, error)
                                   : hs_fail_memory(error, "a statement", sql.size);
    hs_buffer_free(&sql);
    scores->open = status == HEADSIFT_OK;
    scores->next += n;
    return status;
}

static headsift_status next_score(struct scores *scores, headsift_error *error) {
    scores->more = false;
    for (;;) {
        if (!scores->open && scores->next == scores->source->n_units) {
            return HEADSIFT_OK;
        }
        if (!scores->open) {
            HS_TRY(open_batch(scores, error));
        }
        HS_TRY(hs_cursor_advance(&scores->cursor, &scores->more, error));
        if (scores->more) {
            scores->row = hs_cursor_integer(&scores->cursor, 0, -1);
            scores->score = hs_cursor_real(&scores->cursor, 1);
            return HEADSIFT_OK;
        }
        hs_cursor_close(&scores->cursor);
        scores->open = false;
    }
}

/* The score of a row, asked for in ascending order. NaN: none. */
static headsift_status find_score(struct scores *scores, int64_t row, double *score, headsift_error *error) {
    while (scores->more && scores->row < row) {
        HS_TRY(next_score(scores, error));
    }
    *score = scores->more && scores->row == row ? scores->score : (double)NAN;
    return HEADSIFT_OK;
}

/* ---- Lines ---- */

static size_t count_characters(const char *text, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return n;
}

static bool append_id(struct hs_buffer *line, const struct hs_document *document, const struct hs_source *source) {
    if (document->id != NULL) {
        return hs_json_quote(line, document->id, document->id_size);
    }
    char *id = hs_format("%s:%lld", source->name, (long long)document->row);
    bool ok = id != NULL && hs_json_quote(line, id, strlen(id));
    hs_free(id);
    return ok;
}

/* Spans are of the whole text, in characters. Without a score there is no span of one. */
static bool append_line(struct hs_buffer *line, const struct hs_document *document, const struct hs_source *source,
                        double score, bool chosen) {
    size_t n = document->text != NULL ? count_characters(document->text, document->text_size) : 0;
    bool ok = hs_buffer_printf(line, "{\"id\":") && append_id(line, document, source) &&
              hs_buffer_printf(line, ",\"attributes\":{\"headsift__score\":[");
    if (ok && isfinite(score)) {
        ok = hs_buffer_printf(line, "[0,%zu,%.17g]", n, score);
    }
    return ok && hs_buffer_printf(line, "],\"headsift__keep\":[[0,%zu,%s]]}}\n", n, chosen ? "1.0" : "0.0");
}

static headsift_status write_lines(struct scores *scores, struct hs_scan *scan, struct hs_packed *packed,
                                   struct hs_buffer *line, headsift_error *error) {
    const struct hs_selection *selection = scores->selection;
    HS_TRY(next_score(scores, error));
    for (;;) {
        struct hs_document document;
        bool more;
        double score;
        HS_TRY(hs_scan_next(scan, &document, &more, error));
        if (!more) {
            break;
        }
        HS_TRY(find_score(scores, document.row, &score, error));
        line->size = 0;
        if (!append_line(line, &document, scores->source, score,
                         hs_is_wanted(selection, scores->source, document.row))) {
            return hs_fail_memory(error, "a line", line->size);
        }
        HS_TRY(hs_packed_write(packed, line->data, line->size, error));
        if (hs_stop_wanted(selection->monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped while %s was read", scores->source->path);
        }
    }
    if (scan->records <= scores->source->last_row) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: %lld records, but the scores name row %lld: it has changed, score it again",
                       scores->source->path, (long long)scan->records, (long long)scores->source->last_row);
    }
    return HEADSIFT_OK;
}

static headsift_status make_folder(const char *output, headsift_error *error) {
    char *folder = hs_copy_bytes(output, (size_t)(strrchr(output, '/') - output));
    headsift_status status =
        folder != NULL ? hs_make_directory(folder, error) : hs_fail_memory(error, output, strlen(output));
    hs_free(folder);
    return status;
}

headsift_status hs_source_write_attributes(struct hs_selection *selection, const struct hs_source *source,
                                           const struct hs_input *input, const char *output, headsift_error *error) {
    struct hs_packed packed;
    HS_TRY(make_folder(output, error));
    HS_TRY(hs_packed_open(output, &packed, error));
    struct scores scores = {.selection = selection, .source = source};
    struct hs_scan scan = {0};
    struct hs_buffer line = {0};
    headsift_status status = hs_scan_open(source, input, NULL, false, &scan, error);
    if (status == HEADSIFT_OK) {
        status = write_lines(&scores, &scan, &packed, &line, error);
    }
    if (scores.open) {
        hs_cursor_close(&scores.cursor);
    }
    hs_scan_close(&scan);
    hs_buffer_free(&line);
    if (status != HEADSIFT_OK) {
        hs_packed_abort(&packed);
        return status;
    }
    return hs_packed_commit(&packed, error);
}
