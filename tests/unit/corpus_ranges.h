/* Helpers of the range tests: what a whole read gives, and that the ranges of a scan give the same.
 * Compressed files are cut into members and frames anywhere, some of them empty. */
#ifndef HS_TESTS_CORPUS_RANGES_H
#define HS_TESTS_CORPUS_RANGES_H

#include "corpus_files.h"

#include "corpus/scan.h"

static inline uint32_t draw(uint32_t *state, uint32_t below) {
    *state = *state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(*state >> 4) * below >> 28);
}

static inline void note_value(struct hs_buffer *out, const char *value, size_t size) {
    assert_true(hs_buffer_printf(out, " %d/%zu:", value != NULL, size));
    assert_true(value == NULL || hs_buffer_append(out, value, size));
}

/** Reads to the end and appends all there is to know of each record. Returns their number. */
static inline int64_t note_records(struct hs_reader *reader, struct hs_buffer *out) {
    struct hs_document document;
    int64_t n = 0;
    for (; next(reader, &document); n++) {
        assert_true(hs_buffer_printf(out, "\n%lld %d %s", (long long)document.row, document.bad, document.note));
        note_value(out, document.text, document.text_size);
        note_value(out, document.id, document.id_size);
        note_value(out, document.domain, document.domain_size);
        note_value(out, document.raw, document.raw_size);
        for (size_t i = 0; i < document.n_fields; i++) {
            note_value(out, document.fields[i].name, document.fields[i].name_size);
            note_value(out, document.fields[i].value, document.fields[i].size);
        }
    }
    assert_true(hs_reader_share(reader) == 1.0);
    hs_reader_close(reader);
    return n;
}

static inline struct hs_ranges must_scan(const struct hs_input *input, const headsift_inputs *inputs,
                                         int64_t unit_bytes, int64_t most_rows) {
    struct hs_ranges ranges;
    headsift_error error = {0};
    if (hs_scan(input, inputs, unit_bytes, most_rows, NULL, &ranges, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return ranges;
}

static inline struct hs_reader *must_open_range(const struct hs_input *input, const headsift_inputs *inputs,
                                                const struct hs_range *range) {
    struct hs_reader *reader;
    headsift_error error = {0};
    bool all_fields = input->format != HS_FORMAT_PARQUET;
    if (hs_reader_open_range(input, inputs, all_fields, range, &reader, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return reader;
}

static inline void read_ranges(const struct hs_input *input, const headsift_inputs *inputs,
                               const struct hs_ranges *ranges, struct hs_buffer *out) {
    for (size_t i = 0; i < ranges->n; i++) {
        int64_t rows = note_records(must_open_range(input, inputs, &ranges->items[i]), out);
        assert_int_equal(rows, ranges->items[i].rows);
    }
}

/** Follow one another and hold `rows` rows; none is too large, and no two neighbours fit into one. */
static inline void check_sizes(const struct hs_ranges *ranges, int64_t unit_bytes, int64_t rows) {
    assert_true(ranges->n > 0);
    int64_t row = 0;
    for (size_t i = 0; i < ranges->n; i++) {
        const struct hs_range *range = &ranges->items[i];
        assert_int_equal(range->first_row, row);
        assert_true(range->rows > 0 || (ranges->n == 1 && rows == 0));
        assert_true(range->text_bytes <= unit_bytes || range->rows == 1);
        assert_true(i == 0 || ranges->items[i - 1].text_bytes + range->text_bytes > unit_bytes);
        row += range->rows;
    }
    assert_int_equal(row, rows);
}

/* The first `most` rows are cut as those of the whole file are. */
static inline void check_limit(const struct hs_input *input, const headsift_inputs *inputs, int64_t unit_bytes,
                               const struct hs_ranges *all, int64_t most) {
    struct hs_ranges some = must_scan(input, inputs, unit_bytes, most);
    assert_true(some.n <= all->n);
    int64_t rows = 0;
    for (size_t i = 0; i < some.n; i++) {
        bool last = i + 1 == some.n;
        struct hs_range wanted = all->items[i];
        rows += some.items[i].rows;
        assert_true(some.items[i].rows <= wanted.rows && (last || some.items[i].rows == wanted.rows));
        wanted.rows = last ? some.items[i].rows : wanted.rows;
        wanted.text_bytes = last ? some.items[i].text_bytes : wanted.text_bytes;
        assert_memory_equal(&some.items[i], &wanted, sizeof wanted);
    }
    const struct hs_range *end = &all->items[all->n - 1];
    int64_t there = end->first_row + end->rows;
    assert_int_equal(rows, most < there ? most : there);
    hs_ranges_free(&some);
}

/** A whole read and the ranges of any size give the same records. Returns their number. */
static inline int64_t check_ranges(const char *path, const headsift_inputs *options) {
    static const headsift_inputs none;
    const headsift_inputs *inputs = options != NULL ? options : &none;
    struct hs_input_list list;
    assert_int_equal(find_one(path, inputs, &list, NULL), HEADSIFT_OK);
    struct hs_buffer whole = {0};
    int64_t rows = note_records(must_open_range(&list.items[0], inputs, NULL), &whole);
    uint32_t state = (uint32_t)whole.size;
    int64_t largest = (int64_t)whole.size + 1;
    const int64_t units[] = {1, 1 + draw(&state, 300), 1 + draw(&state, (uint32_t)whole.size + 1), largest * 1000};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct hs_ranges ranges = must_scan(&list.items[0], inputs, units[i], 0);
        struct hs_buffer parts = {0};
        check_sizes(&ranges, units[i], rows);
        read_ranges(&list.items[0], inputs, &ranges, &parts);
        assert_int_equal(parts.size, whole.size);
        assert_true(whole.size == 0 || memcmp(parts.data, whole.data, whole.size) == 0);
        check_limit(&list.items[0], inputs, units[i], &ranges, 1 + draw(&state, (uint32_t)rows + 2));
        hs_buffer_free(&parts);
        hs_ranges_free(&ranges);
    }
    hs_buffer_free(&whole);
    hs_inputs_free(&list);
    return rows;
}

/* An empty member or frame, zeros as tapes have them, a skippable frame. */
static inline void add_nothing(struct hs_buffer *out, enum hs_compression kind, uint32_t which) {
    which = out->size > 0 ? which : 1; /* a file's first bytes say what it is */
    if (kind == HS_GZIP && which == 0) {
        assert_true(hs_buffer_append(out, "\0\0\0", 3));
    } else if (kind == HS_ZSTD && which == 0) {
        assert_true(hs_buffer_append(out, "\x52\x2A\x4D\x18\x03\0\0\0abc", 11));
    } else {
        (kind == HS_GZIP ? gzip_member : zstd_frame)(out, "", 0);
    }
}

/** The bytes as one part, or (`most` over 0) in parts of up to so many bytes with nothing between some of them. */
static inline const char *put_pieces(const char *name, enum hs_compression kind, const struct hs_buffer *bytes,
                                     uint32_t most) {
    if (kind == HS_PLAIN || most == 0) {
        return put_packed(name, kind, bytes->data, bytes->size, 1);
    }
    struct hs_buffer out = {0};
    uint32_t state = most;
    for (size_t at = 0; at < bytes->size;) {
        size_t size = 1 + draw(&state, most), left = bytes->size - at;
        size = size < left ? size : left;
        if (draw(&state, 4) == 0) {
            add_nothing(&out, kind, draw(&state, 2));
        }
        (kind == HS_GZIP ? gzip_member : zstd_frame)(&out, bytes->data + at, size);
        at += size;
    }
    add_nothing(&out, kind, most % 2);
    const char *path = put(name, out.data, out.size);
    hs_buffer_free(&out);
    return path;
}

#endif
