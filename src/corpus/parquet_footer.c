/* FileMetaData of parquet.thrift, the members that a reader needs and no others.
 * Compact protocol: a member is (step from the last member's number, type), integers are zigzag varints. */
#include "corpus/parquet_footer.h"

#include <stdio.h>
#include <string.h>

enum { T_I32 = 5, T_I64 = 6, T_BINARY = 8, T_LIST = 9, T_STRUCT = 12 };
enum { BYTE_ARRAY = 6, REQUIRED = 0, OPTIONAL = 1, PLAIN = 0 };

static bool put_byte(struct hs_buffer *out, unsigned value) {
    char byte = (char)(unsigned char)value;
    return hs_buffer_append(out, &byte, 1);
}

static bool put_varint(struct hs_buffer *out, uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
        if (!put_byte(out, (unsigned)(value & 0x7F) | 0x80)) {
            return false;
        }
    }
    return put_byte(out, (unsigned)value);
}

static bool put_zigzag(struct hs_buffer *out, int64_t value) {
    return put_varint(out, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

static bool put_member(struct hs_buffer *out, unsigned step, unsigned type) { return put_byte(out, step << 4 | type); }

static bool put_number(struct hs_buffer *out, unsigned step, unsigned type, int64_t value) {
    return put_member(out, step, type) && put_zigzag(out, value);
}

static bool put_list(struct hs_buffer *out, unsigned type, size_t n) {
    return n < 15 ? put_byte(out, (unsigned)n << 4 | type) : put_byte(out, 0xF0 | type) && put_varint(out, n);
}

static bool put_text(struct hs_buffer *out, const char *text) {
    return put_varint(out, strlen(text)) && hs_buffer_append(out, text, strlen(text));
}

static bool put_name(struct hs_buffer *out, size_t column) {
    char name[24];
    snprintf(name, sizeof name, "c%zu", column);
    return put_text(out, name);
}

static bool put_stop(struct hs_buffer *out) { return put_byte(out, 0); }

/* SchemaElement: 1 type, 3 repetition, 4 name, 5 number of children. */
static bool put_schema(struct hs_buffer *out, const bool *required, size_t n_columns) {
    bool ok = put_list(out, T_STRUCT, n_columns + 1) && put_member(out, 4, T_BINARY) && put_text(out, "root") &&
              put_number(out, 1, T_I32, (int64_t)n_columns) && put_stop(out);
    for (size_t i = 0; i < n_columns && ok; i++) {
        ok = put_number(out, 1, T_I32, BYTE_ARRAY) && put_number(out, 2, T_I32, required[i] ? REQUIRED : OPTIONAL) &&
             put_member(out, 1, T_BINARY) && put_name(out, i) && put_stop(out);
    }
    return ok;
}

/* ColumnMetaData: 1 type, 2 encodings, 3 path, 4 codec, 5 values, 6 and 7 sizes, 9 data page, 11 dictionary page. */
static bool put_column(struct hs_buffer *out, const struct hs_parquet_pages *pages, size_t column) {
    bool ok = put_number(out, 1, T_I32, BYTE_ARRAY) && put_member(out, 1, T_LIST) && put_list(out, T_I32, 1) &&
              put_zigzag(out, PLAIN) && put_member(out, 1, T_LIST) && put_list(out, T_BINARY, 1) &&
              put_name(out, column) && put_number(out, 1, T_I32, pages->codec) &&
              put_number(out, 1, T_I64, pages->values) && put_number(out, 1, T_I64, pages->uncompressed) &&
              put_number(out, 1, T_I64, pages->compressed) && put_number(out, 2, T_I64, pages->data_page);
    if (ok && pages->start < pages->data_page) {
        ok = put_number(out, 2, T_I64, pages->start);
    }
    return ok && put_stop(out);
}

/* RowGroup: 1 columns (ColumnChunk: 2 offset, 3 metadata), 2 bytes, 3 rows. */
static bool put_group(struct hs_buffer *out, const struct hs_parquet_pages *pages, size_t n_columns) {
    bool ok = put_member(out, 1, T_LIST) && put_list(out, T_STRUCT, n_columns);
    int64_t bytes = 0;
    for (size_t i = 0; i < n_columns && ok; i++) {
        bytes += pages[i].uncompressed;
        ok = put_number(out, 2, T_I64, pages[i].start) && put_member(out, 1, T_STRUCT) &&
             put_column(out, &pages[i], i) && put_stop(out);
    }
    return ok && put_number(out, 1, T_I64, bytes) && put_number(out, 1, T_I64, pages[0].rows) && put_stop(out);
}

/* FileMetaData: 1 version, 2 schema, 3 rows, 4 row groups. */
static bool put_file(struct hs_buffer *out, const bool *required, size_t n_columns,
                     const struct hs_parquet_pages *pages, size_t n_groups) {
    int64_t rows = 0;
    for (size_t i = 0; i < n_groups; i++) {
        rows += pages[i * n_columns].rows;
    }
    bool ok = put_number(out, 1, T_I32, 1) && put_member(out, 1, T_LIST) && put_schema(out, required, n_columns) &&
              put_number(out, 1, T_I64, rows) && put_member(out, 1, T_LIST) && put_list(out, T_STRUCT, n_groups);
    for (size_t i = 0; i < n_groups && ok; i++) {
        ok = put_group(out, &pages[i * n_columns], n_columns);
    }
    return ok && put_stop(out);
}

bool hs_parquet_footer(struct hs_buffer *out, const bool *required, size_t n_columns,
                       const struct hs_parquet_pages *pages, size_t n_groups) {
    size_t start = out->size;
    bool ok = put_file(out, required, n_columns, pages, n_groups);
    size_t size = out->size - start;
    for (unsigned shift = 0; shift < 32 && ok; shift += 8) {
        ok = put_byte(out, (unsigned)(size >> shift) & 0xFF);
    }
    return ok && hs_buffer_append(out, "PAR1", 4);
}
