/* Helpers of the corpus tests: files of every kind made on the spot, and a reader opened over one.
 * All files stand in the build's scratch folder. */
#ifndef HS_TESTS_CORPUS_FILES_H
#define HS_TESTS_CORPUS_FILES_H

#include "support.h"

#include <string.h>

#include <duckdb.h>
#include <zlib.h>
#include <zstd.h>

#include "base/memory.h"
#include "corpus/corpus.h"

/** A scratch path; the last eight stay valid. */
static inline const char *scratch(const char *name) {
    static char paths[8][1024];
    static unsigned next;
    char *path = paths[next++ % 8];
    test_scratch(path, sizeof paths[0], name);
    return path;
}

static inline const char *put(const char *name, const void *bytes, size_t size) {
    const char *path = scratch(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline const char *put_text(const char *name, const char *text) { return put(name, text, strlen(text)); }

static inline void gzip_member(struct hs_buffer *out, const char *bytes, size_t size) {
    z_stream gzip = {0};
    assert_int_equal(deflateInit2(&gzip, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&gzip, size);
    assert_true(hs_buffer_reserve(out, room));
    gzip.next_in = (Bytef *)(uintptr_t)bytes;
    gzip.avail_in = (uInt)size;
    gzip.next_out = (Bytef *)(out->data + out->size);
    gzip.avail_out = (uInt)room;
    assert_int_equal(deflate(&gzip, Z_FINISH), Z_STREAM_END);
    out->size += gzip.total_out;
    deflateEnd(&gzip);
}

static inline void zstd_frame(struct hs_buffer *out, const char *bytes, size_t size) {
    size_t room = ZSTD_compressBound(size);
    assert_true(hs_buffer_reserve(out, room));
    size_t got = ZSTD_compress(out->data + out->size, room, bytes, size, 3);
    assert_false(ZSTD_isError(got));
    out->size += got;
}

/** Packs bytes in so many parts (members, frames); the caller frees. */
static inline struct hs_buffer packed(enum hs_compression kind, const char *bytes, size_t size, size_t parts) {
    struct hs_buffer out = {0};
    for (size_t i = 0; i < parts; i++) {
        size_t start = size * i / parts, end = size * (i + 1) / parts;
        (kind == HS_GZIP ? gzip_member : zstd_frame)(&out, bytes + start, end - start);
    }
    return out;
}

static inline const char *put_packed(const char *name, enum hs_compression kind, const char *bytes, size_t size,
                                     size_t parts) {
    if (kind == HS_PLAIN) {
        return put(name, bytes, size);
    }
    struct hs_buffer out = packed(kind, bytes, size, parts);
    const char *path = put(name, out.data, out.size);
    hs_buffer_free(&out);
    return path;
}

/** A statement on a DuckDB without limits: tests make their Parquet files with it. */
static inline void duckdb_do(const char *statement) {
    duckdb_database database;
    duckdb_connection connection;
    duckdb_result result;
    assert_int_equal(duckdb_open(NULL, &database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
    if (duckdb_query(connection, statement, &result) == DuckDBError) {
        fail_msg("%s: %s", statement, duckdb_result_error(&result));
    }
    duckdb_destroy_result(&result);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
}

static inline headsift_status find_one(const char *path, const headsift_inputs *options, struct hs_input_list *list,
                                       headsift_error *error) {
    headsift_inputs inputs = options != NULL ? *options : (headsift_inputs){0};
    inputs.paths = &path;
    inputs.n_paths = 1;
    return hs_inputs_find(&inputs, list, error);
}

static inline headsift_status open_one(const char *path, const headsift_inputs *options, bool all_fields,
                                       struct hs_reader **reader, headsift_error *error) {
    static const headsift_inputs none;
    struct hs_input_list list;
    headsift_status status = find_one(path, options, &list, error);
    if (status == HEADSIFT_OK) {
        status = hs_reader_open(&list.items[0], options != NULL ? options : &none, all_fields, reader, error);
        hs_inputs_free(&list);
    }
    return status;
}

static inline struct hs_reader *must_open(const char *path, const headsift_inputs *options, bool all_fields) {
    headsift_error error = {0};
    struct hs_reader *reader = NULL;
    if (open_one(path, options, all_fields, &reader, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return reader;
}

/** Opening must fail so, with `part` in the message. */
static inline void refuses(const char *path, const headsift_inputs *options, headsift_status status, const char *part) {
    headsift_error error = {0};
    struct hs_reader *reader = NULL;
    assert_int_equal(open_one(path, options, false, &reader, &error), status);
    assert_null(reader);
    if (strstr(error.message, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, error.message);
    }
}

static inline bool next(struct hs_reader *reader, struct hs_document *document) {
    headsift_error error = {0};
    bool more;
    if (hs_reader_next(reader, document, &more, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return more;
}

/** Reads until it fails; returns the records before that. Fails the test when it does not fail. */
static inline int64_t read_to_failure(struct hs_reader *reader, headsift_error *error) {
    struct hs_document document;
    bool more = true;
    int64_t n = 0;
    headsift_status status = HEADSIFT_OK;
    while (status == HEADSIFT_OK && more) {
        status = hs_reader_next(reader, &document, &more, error);
        n += status == HEADSIFT_OK && more;
    }
    assert_int_equal(status, HEADSIFT_FAILED);
    return n;
}

struct expected {
    const char *text; /**< NULL: bad */
    const char *id;   /**< NULL: none */
    const char *domain;
    const char *note; /**< in the note of a bad one */
};

static inline void check_bytes(const char *value, size_t size, const char *wanted) {
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(value, wanted, size);
}

static inline void check_document(const struct hs_document *document, const struct expected *wanted, int64_t row) {
    assert_int_equal(document->row, row);
    assert_int_equal(document->bad, wanted->text == NULL);
    if (wanted->text != NULL) {
        check_bytes(document->text, document->text_size, wanted->text);
        assert_string_equal(document->note, "");
    } else if (strstr(document->note, wanted->note) == NULL) {
        fail_msg("row %d: \"%s\" is not in: %s", (int)row, wanted->note, document->note);
    }
    assert_int_equal(document->id == NULL, wanted->id == NULL);
    if (wanted->id != NULL) {
        check_bytes(document->id, document->id_size, wanted->id);
    }
    assert_non_null(document->domain);
    check_bytes(document->domain, document->domain_size, wanted->domain != NULL ? wanted->domain : "");
}

/** The file's records are these and no others. */
static inline void check_records(const char *path, const headsift_inputs *options, const struct expected *wanted,
                                 size_t n) {
    struct hs_reader *reader = must_open(path, options, false);
    struct hs_document document;
    for (size_t i = 0; i < n; i++) {
        assert_true(next(reader, &document));
        check_document(&document, &wanted[i], (int64_t)i);
    }
    assert_false(next(reader, &document));
    assert_false(next(reader, &document));
    assert_true(hs_reader_share(reader) == 1.0);
    hs_reader_close(reader);
}

#endif
