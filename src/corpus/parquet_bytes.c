/* Only the schema is written anew, without what annotates a string; all else of the footer, and all pages, stay byte
 * for byte and keep their places. Thrift's compact protocol: see parquet_footer.c. */
#define _GNU_SOURCE
#include "corpus/parquet_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "corpus/parquet_groups.h"

enum { T_TRUE = 1, T_FALSE, T_I8, T_I16, T_I32, T_I64, T_DOUBLE, T_BINARY, T_LIST, T_SET, T_MAP, T_STRUCT };
enum { MAX_DEPTH = 32, BLOCK = 1 << 24 };

/* ---- Reading ------------------------------------------------------------------------------------------------ */

/* Bytes that are left. `at` NULL: they were no Thrift. */
struct thrift {
    const unsigned char *at, *end;
};

struct member {
    int64_t id;
    unsigned type;
};

static unsigned take_byte(struct thrift *in) {
    if (in->at == NULL || in->at == in->end) {
        in->at = NULL;
        return 0;
    }
    return *in->at++;
}

static uint64_t take_varint(struct thrift *in) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned byte = take_byte(in);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    in->at = NULL;
    return 0;
}

static int64_t take_zigzag(struct thrift *in) {
    uint64_t value = take_varint(in);
    return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

static void skip_bytes(struct thrift *in, uint64_t size) {
    if (in->at != NULL) {
        in->at = size <= (uint64_t)(in->end - in->at) ? in->at + size : NULL;
    }
}

/* The next member of a struct. False behind the last one. */
static bool take_member(struct thrift *in, struct member *member) {
    unsigned byte = take_byte(in);
    if (in->at == NULL || byte == 0) {
        return false;
    }
    member->type = byte & 15;
    int64_t last = member->id;
    member->id = byte >> 4 != 0 ? last + (int64_t)(byte >> 4) : (int16_t)take_zigzag(in);
    return in->at != NULL;
}

static uint64_t take_list(struct thrift *in, unsigned *type) {
    unsigned byte = take_byte(in);
    *type = byte & 15;
    return byte >> 4 == 15 ? take_varint(in) : byte >> 4;
}

static void skip(struct thrift *in, unsigned type, bool element, unsigned depth);

static void skip_list(struct thrift *in, unsigned depth) {
    unsigned type;
    uint64_t n = take_list(in, &type);
    for (uint64_t i = 0; i < n && in->at != NULL; i++) {
        skip(in, type, true, depth);
    }
}

static void skip_map(struct thrift *in, unsigned depth) {
    uint64_t n = take_varint(in);
    unsigned types = n > 0 ? take_byte(in) : 0;
    for (uint64_t i = 0; i < n && in->at != NULL; i++) {
        skip(in, types >> 4, true, depth);
        skip(in, types & 15, true, depth);
    }
}

static void skip_struct(struct thrift *in, unsigned depth) {
    struct member member = {0};
    while (take_member(in, &member)) {
        skip(in, member.type, false, depth);
    }
}

/* A truth value stands in the header of a member, but as a byte in a list. */
static void skip(struct thrift *in, unsigned type, bool element, unsigned depth) {
    if (depth == MAX_DEPTH) {
        in->at = NULL;
        return;
    }
    switch (type) {
    case T_TRUE:
    case T_FALSE:
        skip_bytes(in, element ? 1 : 0);
        break;
    case T_I8:
        skip_bytes(in, 1);
        break;
    case T_I16:
    case T_I32:
    case T_I64:
        (void)take_varint(in);
        break;
    case T_DOUBLE:
        skip_bytes(in, 8);
        break;
    case T_BINARY:
        skip_bytes(in, take_varint(in));
        break;
    case T_LIST:
    case T_SET:
        skip_list(in, depth + 1);
        break;
    case T_MAP:
        skip_map(in, depth + 1);
        break;
    case T_STRUCT:
        skip_struct(in, depth + 1);
        break;
    default:
        in->at = NULL;
    }
}

/* ---- The schema --------------------------------------------------------------------------------------------- */

enum { NAME_TYPE = 1, NAME_REPETITION = 3, NAME_CHILDREN = 5, NAME_CONVERTED = 6, NAME_LOGICAL = 10 };

/* What a SchemaElement says; -1: nothing. */
struct element {
    int64_t type, repetition, children, converted, logical;
};

static struct element take_element(struct thrift *in) {
    struct element element = {-1, -1, 0, -1, -1};
    struct member member = {0};
    while (take_member(in, &member)) {
        int64_t *number = member.type != T_I32           ? NULL
                          : member.id == NAME_TYPE       ? &element.type
                          : member.id == NAME_REPETITION ? &element.repetition
                          : member.id == NAME_CHILDREN   ? &element.children
                          : member.id == NAME_CONVERTED  ? &element.converted
                                                         : NULL;
        if (number != NULL) {
            *number = take_zigzag(in);
        } else if (member.id == NAME_LOGICAL && member.type == T_STRUCT) {
            struct thrift inner = *in;
            struct member kind = {0};
            element.logical = take_member(&inner, &kind) ? kind.id : -1;
            skip(in, member.type, false, 0);
        } else {
            skip(in, member.type, false, 0);
        }
    }
    return element;
}

/* A column of one string a row: BYTE_ARRAY or FIXED_LEN_BYTE_ARRAY that is UTF8, STRING or ENUM, and not REPEATED. */
static bool is_string(const struct element *element) {
    bool bytes = element->type == 6 || element->type == 7;
    bool string = element->converted == 0 || element->converted == 4 || element->logical == 1 || element->logical == 4;
    return bytes && string && element->children <= 0 && element->repetition != 2;
}

static bool append_span(struct hs_buffer *out, const unsigned char *from, const unsigned char *to) {
    return hs_buffer_append(out, from, (size_t)(to - from));
}

static bool append_header(struct hs_buffer *out, int64_t step, const struct member *member) {
    if (step > 0 && step < 16) {
        char byte = (char)(unsigned char)((unsigned)step << 4 | member->type);
        return hs_buffer_append(out, &byte, 1);
    }
    char bytes[4] = {(char)(unsigned char)member->type};
    size_t n = 1;
    unsigned value = (unsigned)((uint64_t)member->id << 1 ^ (member->id < 0 ? UINT64_MAX : 0)) & 0xFFFF;
    for (; value >= 0x80; value >>= 7) {
        bytes[n++] = (char)(unsigned char)((value & 0x7F) | 0x80);
    }
    bytes[n++] = (char)(unsigned char)value;
    return hs_buffer_append(out, bytes, n);
}

/* The element without what makes it a string. */
static bool append_bytes_element(struct hs_buffer *out, struct thrift in) {
    struct member member = {0};
    int64_t last = 0;
    bool ok = true;
    while (ok && take_member(&in, &member)) {
        const unsigned char *value = in.at;
        skip(&in, member.type, false, 0);
        if (in.at != NULL && member.id != NAME_CONVERTED && member.id != NAME_LOGICAL) {
            ok = append_header(out, member.id - last, &member) && append_span(out, value, in.at);
            last = member.id;
        }
    }
    return ok && hs_buffer_append(out, "", 1);
}

/* The schema lists its elements depth first, the root before all. */
static bool append_schema(struct hs_buffer *out, struct thrift *in) {
    const unsigned char *start = in->at;
    unsigned type;
    uint64_t n = take_list(in, &type);
    if (in->at == NULL || type != T_STRUCT) {
        in->at = NULL;
        return true;
    }
    bool ok = append_span(out, start, in->at);
    int64_t below = 0; /* elements to come that belong to the last column of the first level */
    for (uint64_t i = 0; ok && i < n; i++) {
        struct thrift from = *in;
        struct element element = take_element(in);
        if (in->at == NULL || element.children > INT32_MAX) {
            in->at = NULL;
            return true;
        }
        bool top = i > 0 && below == 0;
        if (i > 0) {
            below += (element.children > 0 ? element.children : 0) - (top ? 0 : 1);
        }
        ok = top && is_string(&element) ? append_bytes_element(out, from) : append_span(out, from.at, in->at);
    }
    return ok;
}

bool hs_parquet_retype(struct hs_buffer *out, const char *metadata, size_t size, bool *ok) {
    struct thrift in = {(const unsigned char *)metadata, (const unsigned char *)metadata + size};
    const unsigned char *start = in.at;
    struct member member = {0};
    *ok = false;
    while (take_member(&in, &member)) { /* FileMetaData: 2 schema */
        if (member.id == 2 && member.type == T_LIST) {
            bool room = append_span(out, start, in.at) && append_schema(out, &in);
            *ok = in.at != NULL;
            return room && (!*ok || append_span(out, in.at, in.end));
        }
        skip(&in, member.type, false, 0);
    }
    return true;
}

/* ---- The copy ----------------------------------------------------------------------------------------------- */

/* The new footer: metadata, its size, the closing mark. *pages: where the old one began. */
static headsift_status make_footer(int file, struct hs_buffer *out, int64_t *pages, headsift_error *error) {
    struct hs_buffer metadata = {0};
    headsift_status status = hs_parquet_metadata(file, &metadata, pages, error);
    if (status == HEADSIFT_OK) {
        bool ok = false, room = hs_parquet_retype(out, metadata.data, metadata.size, &ok);
        uint32_t length = (uint32_t)out->size;
        for (unsigned shift = 0; shift < 32 && room; shift += 8) {
            char byte = (char)(unsigned char)(length >> shift & 0xFF);
            room = hs_buffer_append(out, &byte, 1);
        }
        room = room && hs_buffer_append(out, "PAR1", 4);
        status = !room ? hs_fail_memory(error, "its footer", out->size)
                 : !ok ? hs_fail(error, HEADSIFT_FAILED, "has a footer that can't be read")
                       : HEADSIFT_OK;
    }
    hs_buffer_free(&metadata);
    return status;
}

static headsift_status copy_pages(int from, int to, int64_t size, const headsift_monitor *monitor,
                                  headsift_error *error) {
    off_t place = 0;
    while (place < size) {
        if (hs_stop_wanted(monitor)) {
            return hs_fail(error, HEADSIFT_STOPPED, "stopped while it was copied");
        }
        ssize_t count = sendfile(to, from, &place, size - place < BLOCK ? (size_t)(size - place) : BLOCK);
        if (count < 0 && errno != EINTR && errno != EAGAIN) {
            return hs_fail_errno(error, errno, "can't copy it to the folder for temporary files");
        }
        if (count == 0) {
            return hs_fail(error, HEADSIFT_FAILED, "became shorter while it was copied");
        }
    }
    return HEADSIFT_OK;
}

static headsift_status write_footer(int file, const struct hs_buffer *footer, headsift_error *error) {
    for (size_t done = 0; done < footer->size;) {
        ssize_t count = write(file, footer->data + done, footer->size - done);
        if (count < 0 && errno != EINTR) {
            return hs_fail_errno(error, errno, "can't copy it to the folder for temporary files");
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return HEADSIFT_OK;
}

static headsift_status copy_file(int from, int to, const headsift_monitor *monitor, headsift_error *error) {
    struct hs_buffer footer = {0};
    int64_t pages;
    headsift_status status = make_footer(from, &footer, &pages, error);
    if (status == HEADSIFT_OK) {
        status = copy_pages(from, to, pages, monitor, error);
    }
    if (status == HEADSIFT_OK) {
        status = write_footer(to, &footer, error);
    }
    hs_buffer_free(&footer);
    return status;
}

headsift_status hs_parquet_as_bytes(const char *path, const char *copy, const headsift_monitor *monitor,
                                    headsift_error *error) {
    headsift_error reason = {0};
    headsift_status status;
    int from = open(path, O_RDONLY | O_CLOEXEC);
    unlink(copy); /* what a killed process of this number left */
    int to = from >= 0 ? open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    if (from < 0) {
        status = hs_fail_errno(&reason, errno, "can't open it");
    } else if (to < 0) {
        status = hs_fail_errno(&reason, errno, "can't write %s", copy);
    } else {
        status = copy_file(from, to, monitor, &reason);
    }
    if (from >= 0) {
        close(from);
    }
    if (to >= 0 && close(to) != 0 && status == HEADSIFT_OK) {
        status = hs_fail_errno(&reason, errno, "can't write %s", copy);
    }
    if (status != HEADSIFT_OK) {
        if (to >= 0) {
            unlink(copy);
        }
        return hs_fail(error, status, "%s: %s", path, reason.message);
    }
    return HEADSIFT_OK;
}
