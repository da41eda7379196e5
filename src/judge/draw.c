/* Which documents go into a sample: ranks in SQL, the draw by a hash of seed, group, row and file, so that it is the
 * same on every machine; then ids and texts from the source files. */
#include <math.h>
#include <string.h>

#include "judge/judge.h"
#include "select/cursor.h"
#include "select/records.h"

enum { DOCUMENTS = 20, TEXT_BYTES = 8000 };

/* Bits of the groups; top and bottom are floor(0.2 n + 0.5) documents, at least one. */
static const char draw_statement[] =
    "SELECT source::BIGINT, row, domain::BIGINT, value, bit_or(1 << grp)::BIGINT FROM ("
    "SELECT g.*, row_number() OVER (PARTITION BY g.grp, g.domain ORDER BY md5_number_lower('%llu:' || g.grp::VARCHAR "
    "|| "
    "':' || g.row::VARCHAR || ':' || s.name), g.source, g.row) AS place FROM ("
    "SELECT *, unnest(CASE WHEN rank <= edge AND rank > n - edge THEN [0, 1, 2] WHEN rank <= edge THEN [0, 1] WHEN "
    "rank "
    "> n - edge THEN [1, 2] ELSE [1] END) AS grp FROM ("
    "SELECT *, greatest(1, floor(0.2::DOUBLE * n + 0.5::DOUBLE)) AS edge FROM ("
    "SELECT *, row_number() OVER (PARTITION BY domain ORDER BY value DESC, source, row) AS rank, count(*) OVER "
    "(PARTITION BY domain) AS n FROM hs_row))) g JOIN hs_source s ON s.id = g.source) "
    "WHERE place <= %lld GROUP BY source, row, domain, value ORDER BY source, row";

static headsift_status add_drawn(struct hs_sample *out, const struct hs_cursor *cursor, headsift_error *error) {
    void *documents = out->documents;
    bool grown = hs_grow(&documents, &out->capacity, out->n + 1, sizeof *out->documents);
    out->documents = documents;
    if (!grown) {
        return hs_fail_memory(error, "the sample", sizeof *out->documents);
    }
    out->documents[out->n++] = (struct hs_drawn){.source = (int32_t)hs_cursor_integer(cursor, 0, 0),
                                                 .row = hs_cursor_integer(cursor, 1, 0),
                                                 .domain = (int32_t)hs_cursor_integer(cursor, 2, 0),
                                                 .score = hs_cursor_real(cursor, 3),
                                                 .groups = (unsigned)hs_cursor_integer(cursor, 4, 0)};
    return HEADSIFT_OK;
}

static headsift_status draw_rows(struct hs_selection *selection, const headsift_judge_options *options,
                                 struct hs_sample *out, headsift_error *error) {
    char statement[sizeof draw_statement + 64];
    struct hs_cursor cursor = {0};
    snprintf(statement, sizeof statement, draw_statement, (unsigned long long)options->seed,
             (long long)(options->documents != 0 ? options->documents : DOCUMENTS));
    HS_TRY(hs_cursor_open(&selection->sql, statement, &cursor, error));
    headsift_status status = HEADSIFT_OK;
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        status = add_drawn(out, &cursor, error);
    }
    hs_cursor_close(&cursor);
    return status;
}

static headsift_status name_domains(const struct hs_selection *selection, struct hs_sample *out,
                                    headsift_error *error) {
    out->domains = json_array();
    for (size_t i = 0; i < selection->n_domains; i++) {
        const struct hs_domain *domain = &selection->domains[i];
        if (json_array_append_new(out->domains, json_stringn(domain->name, domain->name_size)) != 0) {
            return hs_fail_memory(error, "the list of domains", domain->name_size);
        }
    }
    return out->domains != NULL ? HEADSIFT_OK : hs_fail_memory(error, "the list of domains", 1);
}

/* ---- Ids and texts ---- */

/* The beginning of a text: whole characters. */
static size_t cut_text(const char *text, size_t size, size_t most) {
    if (size <= most) {
        return size;
    }
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80) {
        most--;
    }
    return most;
}

static headsift_status take_document(const struct hs_document *document, const char *file, size_t most,
                                     struct hs_drawn *drawn, headsift_error *error) {
    const char *text = document->text != NULL ? document->text : "";
    drawn->text_size = cut_text(text, document->text_size, most);
    drawn->cut = drawn->text_size < document->text_size;
    drawn->text = hs_copy_bytes(text, drawn->text_size);
    drawn->file = hs_copy_string(file);
    drawn->id = document->id != NULL ? hs_copy_bytes(document->id, document->id_size)
                                     : hs_format("%s:%lld", file, (long long)document->row);
    if (drawn->text == NULL || drawn->file == NULL || drawn->id == NULL) {
        return hs_fail_memory(error, "a document", drawn->text_size);
    }
    drawn->id_size = document->id != NULL ? document->id_size : strlen(drawn->id);
    return HEADSIFT_OK;
}

static headsift_status scan_source(struct hs_scan *scan, const char *file, size_t most, struct hs_drawn *drawn,
                                   size_t n, const headsift_monitor *monitor, headsift_error *error) {
    for (size_t i = 0; i < n; i++) {
        struct hs_document document;
        bool more;
        if (hs_stop_wanted(monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped while %s was read", file);
        }
        HS_TRY(hs_scan_next(scan, &document, &more, error));
        HS_TRY(take_document(&document, file, most, &drawn[i], error));
    }
    return HEADSIFT_OK;
}

/* The n documents of one source file. */
static headsift_status read_source(struct hs_selection *selection, size_t most, struct hs_drawn *drawn, size_t n,
                                   headsift_error *error) {
    const struct hs_source *source = &selection->sources[drawn[0].source];
    struct hs_input_list list = {0};
    struct hs_scan scan = {0};
    HS_TRY(hs_source_input(source, &list, error));
    int64_t *items = hs_alloc(n, sizeof *items);
    const struct hs_rows rows = {.items = items, .n = (int64_t)n};
    headsift_status status = items != NULL ? HEADSIFT_OK : hs_fail_memory(error, "rows", n * sizeof *items);
    for (size_t i = 0; status == HEADSIFT_OK && i < n; i++) {
        items[i] = drawn[i].row;
    }
    if (status == HEADSIFT_OK) {
        status = hs_scan_open(source, &list.items[0], &rows, false, &scan, error);
    }
    if (status == HEADSIFT_OK) {
        status = scan_source(&scan, source->name, most, drawn, n, selection->monitor, error);
    }
    hs_scan_close(&scan);
    hs_free(items);
    hs_inputs_free(&list);
    return status;
}

static headsift_status read_texts(struct hs_selection *selection, int64_t bytes, struct hs_sample *sample,
                                  headsift_error *error) {
    size_t most = bytes != 0 ? (size_t)bytes : TEXT_BYTES;
    for (size_t i = 0, n; i < sample->n; i += n) {
        for (n = 1; i + n < sample->n && sample->documents[i + n].source == sample->documents[i].source;) {
            n++;
        }
        HS_TRY(read_source(selection, most, &sample->documents[i], n, error));
    }
    return HEADSIFT_OK;
}

static headsift_status draw(struct hs_selection *selection, const char *scores, const headsift_judge_options *options,
                            const char *temp_dir, struct hs_sample *out, headsift_error *error) {
    const headsift_select_options by_score = {.root = options->root};
    HS_TRY(hs_selection_begin(selection, &by_score, error));
    HS_TRY(hs_score_parts_find(scores, &selection->parts, error));
    HS_TRY(hs_units_read(selection, error));
    HS_TRY(hs_sources_find(selection, error));
    HS_TRY(hs_selection_open(selection, temp_dir, error));
    HS_TRY(hs_table_load(selection, error));
    HS_TRY(name_domains(selection, out, error));
    HS_TRY(draw_rows(selection, options, out, error));
    return read_texts(selection, options->bytes, out, error);
}

headsift_status hs_draw(const char *scores, const headsift_judge_options *options, const char *temp_dir,
                        const headsift_monitor *monitor, struct hs_sample *out, headsift_error *error) {
    struct hs_selection selection = {.monitor = monitor};
    *out = (struct hs_sample){0};
    headsift_status status = draw(&selection, scores, options, temp_dir, out, error);
    hs_selection_free(&selection);
    if (status != HEADSIFT_OK) {
        hs_judge_sample_free(out);
    }
    return status;
}

void hs_judge_sample_free(struct hs_sample *sample) {
    for (size_t i = 0; i < sample->n; i++) {
        hs_free(sample->documents[i].id);
        hs_free(sample->documents[i].file);
        hs_free(sample->documents[i].text);
    }
    hs_free(sample->documents);
    json_decref(sample->domains);
    *sample = (struct hs_sample){0};
}
