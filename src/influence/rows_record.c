/* Records of a row journal as bytes. Numbers are little-endian and 8 bytes long, doubles their bits, so that a row that
 * is read back is the row that was written. */
#define _GNU_SOURCE
#include "influence/rows_record.h"

#include <endian.h>
#include <string.h>

enum { COUNTS = 6, STEP_BYTES = 7 * 8 };

/* ---- Bytes -------------------------------------------------------------------------------------------------- */

static bool put_64(struct hs_buffer *out, uint64_t value) {
    value = htole64(value);
    return hs_buffer_append(out, &value, sizeof value);
}

static bool put_double(struct hs_buffer *out, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_64(out, bits);
}

static bool put_text(struct hs_buffer *out, const char *text, size_t size) {
    return put_64(out, size) && hs_buffer_append(out, text, size);
}

static uint64_t take_64(struct hs_taking *from) {
    uint64_t value = 0;
    from->ok = from->ok && (size_t)(from->end - from->at) >= sizeof value;
    if (from->ok) {
        memcpy(&value, from->at, sizeof value);
        from->at += sizeof value;
    }
    return le64toh(value);
}

static double take_double(struct hs_taking *from) {
    uint64_t bits = take_64(from);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static const char *take_text(struct hs_taking *from, size_t *size) {
    uint64_t length = take_64(from);
    from->ok = from->ok && length <= (size_t)(from->end - from->at);
    *size = from->ok ? (size_t)length : 0;
    const char *text = from->at;
    from->at += *size;
    return text;
}

static void take_short(struct hs_taking *from, char *out, size_t room) {
    size_t size;
    const char *text = take_text(from, &size);
    from->ok = from->ok && size < room;
    if (from->ok) {
        memcpy(out, text, size);
        out[size] = '\0';
    }
}

/* ---- Steps ---- */

static bool put_steps(struct hs_buffer *out, const headsift_step *steps, size_t n) {
    bool ok = put_64(out, n);
    for (size_t i = 0; ok && i < n; i++) {
        const headsift_step *step = &steps[i];
        ok = put_64(out, (uint64_t)step->start) && put_64(out, (uint64_t)step->n_bytes) &&
             put_64(out, (uint64_t)step->n_scored) && put_double(out, step->loss_base) &&
             put_double(out, step->loss_ref) && put_double(out, step->score) && put_double(out, step->weight);
    }
    return ok;
}

/* Passes over the steps, to be taken later; gives their number. */
static size_t pass_steps(struct hs_taking *from, struct hs_taking *steps) {
    uint64_t n = take_64(from);
    from->ok = from->ok && n <= (size_t)(from->end - from->at) / STEP_BYTES;
    *steps = *from;
    from->at += from->ok ? n * STEP_BYTES : 0;
    return from->ok ? (size_t)n : 0;
}

static headsift_step take_step(struct hs_taking *from) {
    headsift_step step = {.start = (int64_t)take_64(from)};
    step.n_bytes = (int64_t)take_64(from);
    step.n_scored = (int32_t)take_64(from);
    step.loss_base = take_double(from);
    step.loss_ref = take_double(from);
    step.score = take_double(from);
    step.weight = take_double(from);
    return step;
}

/* ---- Rows and counts ---------------------------------------------------------------------------------------- */

bool hs_record_put_row(struct hs_buffer *out, const struct hs_row *row) {
    const headsift_score *score = &row->score;
    return put_64(out, (uint64_t)row->row) && put_64(out, row->id != NULL) &&
           put_text(out, row->id != NULL ? row->id : "", row->id != NULL ? row->id_size : 0) &&
           put_text(out, row->domain, row->domain_size) && put_64(out, (uint64_t)score->n_bytes) &&
           put_64(out, (uint64_t)score->n_bytes_scored) && put_64(out, (uint64_t)score->n_tokens) &&
           put_64(out, (uint64_t)score->n_scored) && put_double(out, score->loss_base) &&
           put_double(out, score->loss_ref) && put_double(out, score->score) &&
           put_text(out, score->status, strlen(score->status)) && put_text(out, score->note, strlen(score->note)) &&
           put_steps(out, row->steps, row->n_steps);
}

/* Steps are passed over: see hs_record_take_row. */
static void take_row(struct hs_taking *from, struct hs_row *row, struct hs_taking *steps) {
    headsift_score *score = &row->score;
    row->row = (int64_t)take_64(from);
    bool has_id = take_64(from) != 0;
    row->id = take_text(from, &row->id_size);
    row->id = has_id ? row->id : NULL;
    row->domain = take_text(from, &row->domain_size);
    score->n_bytes = (int64_t)take_64(from);
    score->n_bytes_scored = (int64_t)take_64(from);
    score->n_tokens = (int32_t)take_64(from);
    score->n_scored = (int32_t)take_64(from);
    score->loss_base = take_double(from);
    score->loss_ref = take_double(from);
    score->score = take_double(from);
    take_short(from, score->status, sizeof score->status);
    take_short(from, score->note, sizeof score->note);
    row->steps = NULL;
    row->n_steps = pass_steps(from, steps);
}

static bool put_counts(struct hs_buffer *out, const struct hs_part_record *record) {
    const int64_t counts[COUNTS] = {record->documents,      record->unscored,      record->tokens,
                                    record->check.compared, record->check.changed, record->duplicates};
    bool ok = true;
    for (size_t i = 0; ok && i < COUNTS; i++) {
        ok = put_64(out, (uint64_t)counts[i]);
    }
    return ok;
}

static void take_counts(struct hs_taking *from, struct hs_part_record *record) {
    int64_t *const counts[COUNTS] = {&record->documents,      &record->unscored,      &record->tokens,
                                     &record->check.compared, &record->check.changed, &record->duplicates};
    for (size_t i = 0; i < COUNTS; i++) {
        *counts[i] = (int64_t)take_64(from);
    }
}

/* ---- Records ------------------------------------------------------------------------------------------------ */

bool hs_record_read(FILE *file, int64_t left, struct hs_record *record) {
    char head[HS_RECORD_HEAD];
    uint64_t size;
    uint32_t sum;
    if (left < HS_RECORD_HEAD || fread(head, 1, HS_RECORD_HEAD, file) != HS_RECORD_HEAD) {
        return false;
    }
    memcpy(&size, head, sizeof size);
    memcpy(&sum, head + sizeof size, sizeof sum);
    size = le64toh(size);
    record->bytes.size = 0;
    if (size > (uint64_t)(left - HS_RECORD_HEAD) || !hs_buffer_reserve(&record->bytes, (size_t)size) ||
        fread(record->bytes.data, 1, (size_t)size, file) != size) {
        return false;
    }
    record->bytes.size = (size_t)size;
    if (hs_crc32(0, record->bytes.data, (size_t)size) != le32toh(sum)) {
        return false;
    }
    record->rows = (struct hs_taking){record->bytes.data, record->bytes.data + size, true};
    take_counts(&record->rows, &record->counted);
    record->n_rows = take_64(&record->rows);
    return record->rows.ok;
}

bool hs_record_follows(const struct hs_record *record, const struct hs_part *part, int64_t done) {
    struct hs_taking from = record->rows, steps;
    struct hs_row row;
    if (record->n_rows > (uint64_t)(part->range.rows - done) ||
        record->counted.documents != done + (int64_t)record->n_rows) {
        return false;
    }
    for (uint64_t i = 0; i < record->n_rows; i++) {
        take_row(&from, &row, &steps);
        if (!from.ok || row.row != part->range.first_row + done + (int64_t)i) {
            return false;
        }
    }
    return from.at == from.end;
}

bool hs_record_take_row(struct hs_record *record, struct hs_row *row) {
    struct hs_taking from;
    take_row(&record->rows, row, &from);
    void *steps = record->steps;
    bool grown = hs_grow(&steps, &record->steps_capacity, row->n_steps, sizeof *record->steps);
    record->steps = steps;
    for (size_t i = 0; grown && i < row->n_steps; i++) {
        record->steps[i] = take_step(&from);
    }
    row->steps = record->steps;
    return grown;
}

void hs_record_free(struct hs_record *record) {
    hs_buffer_free(&record->bytes);
    hs_free(record->steps);
    *record = (struct hs_record){0};
}

bool hs_record_write(FILE *file, const struct hs_part_record *counted, int64_t n_rows, const struct hs_buffer *rows) {
    struct hs_buffer counts = {0};
    bool ok = put_counts(&counts, counted) && put_64(&counts, (uint64_t)n_rows);
    if (ok) {
        char head[HS_RECORD_HEAD];
        uint64_t size = htole64(counts.size + rows->size);
        uint32_t sum = htole32(hs_crc32(hs_crc32(0, counts.data, counts.size), rows->data, rows->size));
        memcpy(head, &size, sizeof size);
        memcpy(head + sizeof size, &sum, sizeof sum);
        ok = fwrite(head, 1, HS_RECORD_HEAD, file) == HS_RECORD_HEAD &&
             fwrite(counts.data, 1, counts.size, file) == counts.size &&
             fwrite(rows->data, 1, rows->size, file) == rows->size;
    }
    hs_buffer_free(&counts);
    return ok;
}
