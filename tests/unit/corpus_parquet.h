/* Parquet files that DuckDB would not write: strings that are no UTF-8, columns without nulls, row groups of one row.
 * Made from DuckDB's own files by editing their footer, or page by page. */
#ifndef HS_TESTS_CORPUS_PARQUET_H
#define HS_TESTS_CORPUS_PARQUET_H /* needs _GNU_SOURCE for memmem */

#include "corpus_files.h"

#include "base/file.h"
#include "corpus/parquet_footer.h"

static inline uint32_t footer_size(const char *tail) {
    const unsigned char *bytes = (const unsigned char *)tail - 8;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Declares a byte-array column a string: converted_type UTF8 behind its name in the schema. */
static inline void declare_string(struct hs_buffer *file, const char *column) {
    char name[64];
    size_t size = strlen(column), old = footer_size(file->data + file->size), start = file->size - 8 - old;
    snprintf(name, sizeof name, "%c%c%s", 0x18, (int)size, column);
    char *place = memmem(file->data + start, old, name, size + 3); /* with the 0 that ends the element */
    assert_non_null(place);
    size_t at = (size_t)(place - file->data) + size + 2;
    assert_true(hs_buffer_append(file, "\0\0", 2));
    memmove(file->data + at + 2, file->data + at, file->size - 2 - at);
    memcpy(file->data + at, "\x25\x00", 2);
    char *length = file->data + file->size - 8;
    for (unsigned i = 0; i < 4; i++) {
        length[i] = (char)(unsigned char)((old + 2) >> (8 * i));
    }
}

/** Turns the named BLOB columns of a file into strings. */
static inline void make_strings(const char *path, const char *const *columns, size_t n) {
    struct hs_buffer file = {0};
    assert_int_equal(hs_file_read(path, SIZE_MAX, &file, NULL), HEADSIFT_OK);
    for (size_t i = 0; i < n; i++) {
        declare_string(&file, columns[i]);
    }
    assert_int_equal(hs_file_write(path, file.data, file.size, NULL), HEADSIFT_OK);
    hs_buffer_free(&file);
}

static inline void append_zigzag(struct hs_buffer *out, unsigned number) {
    for (number <<= 1; number >= 0x80; number >>= 7) {
        char byte = (char)(unsigned char)(number | 0x80);
        assert_true(hs_buffer_append(out, &byte, 1));
    }
    char byte = (char)(unsigned char)number;
    assert_true(hs_buffer_append(out, &byte, 1));
}

/* A data page of one value that can't be null: header, length, bytes. */
static inline void append_page(struct hs_buffer *out, const char *value, size_t size) {
    assert_true(hs_buffer_append(out, "\x15\x00\x15", 3));
    append_zigzag(out, (unsigned)size + 4);
    assert_true(hs_buffer_append(out, "\x15", 1));
    append_zigzag(out, (unsigned)size + 4);
    assert_true(hs_buffer_append(out, "\x2C\x15\x02\x15\x00\x15\x06\x15\x06\x00\x00", 11));
    uint32_t length = (uint32_t)size;
    assert_true(hs_buffer_append(out, &length, 4) && hs_buffer_append(out, value, size));
}

/** A file of one REQUIRED string column c0 with one row in each row group. */
static inline const char *put_single_rows(const char *name, const char *const *values, size_t n) {
    struct hs_buffer file = {0};
    struct hs_parquet_pages *pages = hs_alloc(n, sizeof *pages);
    assert_true(hs_buffer_append(&file, "PAR1", 4));
    for (size_t i = 0; i < n; i++) {
        int64_t start = (int64_t)file.size;
        append_page(&file, values[i], strlen(values[i]));
        int64_t size = (int64_t)file.size - start;
        pages[i] = (struct hs_parquet_pages){1, 1, 0, start, start, size, size};
    }
    static const bool required[] = {true};
    assert_true(hs_parquet_footer(&file, required, 1, pages, n));
    declare_string(&file, "c0");
    const char *path = put(name, file.data, file.size);
    hs_buffer_free(&file);
    hs_free(pages);
    return path;
}

#endif
