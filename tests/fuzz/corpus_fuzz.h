/* Reads all records of bytes in memory through a reader, as the fuzz targets of the formats do, at once and by ranges.
 * What every record must hold to is checked; a fault stops the program. */
#ifndef HS_TESTS_CORPUS_FUZZ_H
#define HS_TESTS_CORPUS_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "corpus/scan.h"
#include "corpus/stream.h"

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Whole and valid text, all of it readable. */
static inline void must_be_text(const char *text, size_t size) {
    MUST(text != NULL);
    MUST(hs_utf8_check(text, size) == size);
}

static inline void check_record(const struct hs_document *document, int64_t row) {
    MUST(document->row == row);
    MUST(document->domain != NULL);
    MUST(document->bad == (document->note[0] != '\0'));
    MUST(memchr(document->note, '\n', sizeof document->note) == NULL);
    must_be_text(document->note, strnlen(document->note, sizeof document->note));
    must_be_text(document->domain, document->domain_size);
    if (document->id != NULL) {
        must_be_text(document->id, document->id_size);
    }
    if (!document->bad) {
        must_be_text(document->text, document->text_size);
    }
    for (size_t i = 0; i < document->n_fields; i++) {
        must_be_text(document->fields[i].name, document->fields[i].name_size);
        if (document->fields[i].value != NULL) {
            must_be_text(document->fields[i].value, document->fields[i].size);
        }
    }
}

static inline void mix_in(uint64_t *digest, const char *bytes, size_t size) {
    *digest = (*digest ^ (bytes != NULL ? size + 1 : 0)) * UINT64_C(1099511628211);
    for (size_t i = 0; bytes != NULL && i < size; i++) {
        *digest = (*digest ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    }
}

/* Reads a range (NULL: the file) to the end or to an error; the number of records, or -1 where it was refused or broke.
 * All that was read goes into the digest. */
static inline int64_t read_records(const struct hs_input *input, const headsift_inputs *inputs,
                                   const struct hs_range *range, uint64_t *digest) {
    headsift_error error = {0};
    struct hs_reader *reader = NULL;
    headsift_status status = hs_reader_open_range(input, inputs, true, range, &reader, &error);
    struct hs_document document;
    bool more = true;
    int64_t row = 0;
    while (status == HEADSIFT_OK && more) {
        status = hs_reader_next(reader, &document, &more, &error);
        if (status == HEADSIFT_OK && more) {
            check_record(&document, (range != NULL ? range->first_row : 0) + row++);
            mix_in(digest, document.text, document.text_size);
            mix_in(digest, document.id, document.id_size);
            mix_in(digest, document.domain, document.domain_size);
            mix_in(digest, document.note, strlen(document.note));
        }
    }
    hs_reader_close(reader);
    MUST((status != HEADSIFT_OK) == (error.message[0] != '\0'));
    return status == HEADSIFT_OK ? row : -1;
}

/* The ranges of a file that reads well hold the same records. */
static inline void check_ranges(const struct hs_input *input, const headsift_inputs *inputs, int64_t unit_bytes,
                                int64_t records, uint64_t digest) {
    enum { MOST = 100 };
    struct hs_ranges ranges;
    uint64_t parts = 0;
    int64_t rows = 0;
    MUST(hs_scan(input, inputs, unit_bytes, 0, NULL, &ranges, NULL) == HEADSIFT_OK);
    for (size_t i = 0; i < ranges.n; i++) {
        MUST(ranges.items[i].first_row == rows);
        MUST(ranges.n > MOST || read_records(input, inputs, &ranges.items[i], &parts) == ranges.items[i].rows);
        rows += ranges.items[i].rows;
    }
    MUST(rows == records && (ranges.n > MOST || parts == digest));
    hs_ranges_free(&ranges);
}

/* Whether a zstd frame in it asks for a window that may be over 128 MB: allowed (zstd --long), but no use to fuzz. */
static inline bool wants_much_memory(const uint8_t *data, size_t size) {
    for (size_t i = 0; i + 6 <= size; i++) {
        if (memcmp(data + i, "\x28\xB5\x2F\xFD", 4) != 0) {
            continue;
        }
        bool single = (data[i + 4] & 0x20) != 0;
        if (single ? data[i + 4] >> 6 >= 2 : data[i + 5] >> 3 > 17) {
            return true;
        }
    }
    return false;
}

/* The same for bytes, which may be compressed; -1 also for those that are left alone. */
static inline int64_t read_bytes_as(enum hs_format format, const uint8_t *data, size_t size,
                                    const headsift_inputs *inputs) {
    if (wants_much_memory(data, size)) {
        return -1;
    }
    int file = memfd_create("fuzz", 0);
    MUST(file >= 0);
    MUST(write(file, data, size) == (ssize_t)size);
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct hs_input input = {.path = path, .format = format};
    MUST(hs_stream_detect(path, &input.compression, NULL) == HEADSIFT_OK);
    uint64_t digest = 0;
    int64_t records = read_records(&input, inputs, NULL, &digest);
    if (records >= 0) {
        check_ranges(&input, inputs, 1 + (size > 0 ? data[size / 2] : 0), records, digest);
    }
    close(file);
    return records;
}

#endif
