/* Plain, gzip and zstd files as one stream of bytes, by zlib and libzstd.
 * A file that ends inside a member or a frame is an error, never a short text. */
#define _GNU_SOURCE
#include "corpus/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

enum {
    INPUT_SIZE = 1 << 17,
    GZIP_WINDOW = 15 + 16, /* gzip alone, the largest window */
    ZSTD_WINDOW_LOG = 31,  /* what zstd --long=31 writes */
};

struct hs_stream {
    char *path;
    int file;
    enum hs_compression compression;
    unsigned char *input;
    size_t input_at, input_size; /* input[input_at .. input_size] is not decoded yet */
    uint64_t bytes_read, file_size;
    bool inside;  /* a gzip member or a zstd frame has begun and has not ended */
    bool started; /* the byte order mark and the bytes to leave out are behind us */
    uint64_t skip, position;
    bool keeps_places;
    struct hs_place *places; /* of members and frames; the ones before place_at are passed */
    size_t place_at, n_places, places_capacity;
    z_stream gzip;
    bool gzip_ready;
    ZSTD_DCtx *zstd;
};

/* ---- Telling kinds apart ------------------------------------------------------------------------------------ */

static bool ends_with(const char *path, const char *suffix) {
    size_t size = strlen(path), length = strlen(suffix);
    return size >= length && strcasecmp(path + size - length, suffix) == 0;
}

static enum hs_compression by_magic(const char *path, const unsigned char *bytes, size_t size) {
    if (size >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) {
        return HS_GZIP;
    }
    bool frame = size >= 4 && memcmp(bytes, "\x28\xB5\x2F\xFD", 4) == 0;
    /* A skippable frame's mark is text too ("P*M" and a control byte): the name has to agree. */
    bool skippable = size >= 4 && (bytes[0] & 0xF0) == 0x50 && memcmp(bytes + 1, "\x2A\x4D\x18", 3) == 0;
    return frame || (skippable && ends_with(path, ".zst")) ? HS_ZSTD : HS_PLAIN;
}

headsift_status hs_stream_detect(const char *path, enum hs_compression *out, headsift_error *error) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return hs_fail_errno(error, errno, "can't open %s", path);
    }
    unsigned char bytes[4];
    ssize_t got = read(file, bytes, sizeof bytes);
    int reason = errno;
    close(file);
    if (got < 0) {
        return hs_fail_errno(error, reason, "can't read %s", path);
    }
    if (got == 0 && (ends_with(path, ".gz") || ends_with(path, ".zst"))) {
        return hs_fail(error, HEADSIFT_FAILED, "%s is empty, not a compressed file: make it again", path);
    }
    *out = by_magic(path, bytes, (size_t)got);
    return HEADSIFT_OK;
}

/* ---- Opening ------------------------------------------------------------------------------------------------ */

static headsift_status open_decoder(struct hs_stream *stream, headsift_error *error) {
    if (stream->compression == HS_GZIP) {
        stream->gzip_ready = inflateInit2(&stream->gzip, GZIP_WINDOW) == Z_OK;
        return stream->gzip_ready ? HEADSIFT_OK : hs_fail_memory(error, "zlib", 0);
    }
    if (stream->compression == HS_ZSTD) {
        stream->zstd = ZSTD_createDCtx();
        if (stream->zstd == NULL ||
            ZSTD_isError(ZSTD_DCtx_setParameter(stream->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG))) {
            return hs_fail_memory(error, "libzstd", 0);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status open_file(struct hs_stream *stream, uint64_t offset, headsift_error *error) {
    stream->file = open(stream->path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (stream->file < 0 || fstat(stream->file, &info) != 0) {
        return hs_fail_errno(error, errno, "can't open %s", stream->path);
    }
    stream->file_size = (uint64_t)info.st_size;
    stream->bytes_read = offset;
    if (offset > 0 && (offset > INT64_MAX || lseek(stream->file, (off_t)offset, SEEK_SET) < 0)) {
        return hs_fail_errno(error, errno, "can't read %s at byte %" PRIu64, stream->path, offset);
    }
    return HEADSIFT_OK;
}

headsift_status hs_stream_open(const char *path, enum hs_compression compression, struct hs_stream **out,
                               headsift_error *error) {
    return hs_stream_open_at(path, compression, 0, 0, out, error);
}

headsift_status hs_stream_open_at(const char *path, enum hs_compression compression, uint64_t file_offset,
                                  uint64_t skip, struct hs_stream **out, headsift_error *error) {
    *out = NULL;
    struct hs_stream *stream = hs_alloc(1, sizeof *stream);
    if (stream == NULL) {
        return hs_fail_memory(error, path, sizeof *stream);
    }
    stream->file = -1;
    stream->compression = compression;
    stream->skip = skip;
    stream->started = file_offset > 0 && skip == 0;
    stream->path = hs_copy_string(path);
    stream->input = hs_alloc(INPUT_SIZE, 1);
    headsift_status status = stream->path != NULL && stream->input != NULL ? open_file(stream, file_offset, error)
                                                                           : hs_fail_memory(error, path, INPUT_SIZE);
    if (status == HEADSIFT_OK) {
        status = open_decoder(stream, error);
    }
    if (status != HEADSIFT_OK) {
        hs_stream_close(stream);
        return status;
    }
    *out = stream;
    return HEADSIFT_OK;
}

void hs_stream_close(struct hs_stream *stream) {
    if (stream == NULL) {
        return;
    }
    if (stream->file >= 0) {
        close(stream->file);
    }
    if (stream->gzip_ready) {
        inflateEnd(&stream->gzip);
    }
    ZSTD_freeDCtx(stream->zstd);
    hs_free(stream->places);
    hs_free(stream->input);
    hs_free(stream->path);
    hs_free(stream);
}

double hs_stream_share(const struct hs_stream *stream) {
    double share = stream->file_size > 0 ? (double)stream->bytes_read / (double)stream->file_size : 1.0;
    return share < 1.0 ? share : 1.0; /* the file may have grown */
}

uint64_t hs_stream_position(const struct hs_stream *stream) { return stream->position; }

/* ---- Places ------------------------------------------------------------------------------------------------- */

void hs_stream_keep_places(struct hs_stream *stream) { stream->keeps_places = true; }

/* A member or frame begins at the input's next byte. Of several at one position (empty ones) the last counts. */
static headsift_status keep_place(struct hs_stream *stream, headsift_error *error) {
    if (!stream->keeps_places || stream->inside || stream->input_at == stream->input_size) {
        return HEADSIFT_OK;
    }
    struct hs_place place = {stream->bytes_read - (stream->input_size - stream->input_at), stream->position};
    if (stream->n_places > 0 && stream->places[stream->n_places - 1].position == place.position) {
        stream->places[stream->n_places - 1] = place;
        return HEADSIFT_OK;
    }
    void *places = stream->places;
    bool grown = hs_grow(&places, &stream->places_capacity, stream->n_places + 1, sizeof *stream->places);
    stream->places = places;
    if (!grown) {
        return hs_fail_memory(error, stream->path, stream->n_places * sizeof *stream->places);
    }
    stream->places[stream->n_places++] = place;
    return HEADSIFT_OK;
}

struct hs_place hs_stream_place(struct hs_stream *stream, uint64_t position) {
    if (stream->compression == HS_PLAIN) {
        return (struct hs_place){position, position};
    }
    while (stream->place_at + 1 < stream->n_places && stream->places[stream->place_at + 1].position <= position) {
        stream->place_at++;
    }
    struct hs_place place = stream->n_places > 0 ? stream->places[stream->place_at] : (struct hs_place){0, 0};
    if (stream->place_at > stream->n_places / 2) {
        stream->n_places -= stream->place_at;
        memmove(stream->places, stream->places + stream->place_at, stream->n_places * sizeof *stream->places);
        stream->place_at = 0;
    }
    return place;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

/* Reads on into an input buffer that is used up. *got 0 is the end of the file. */
static headsift_status read_bytes(struct hs_stream *stream, void *out, size_t room, size_t *got,
                                  headsift_error *error) {
    ssize_t count;
    do {
        count = read(stream->file, out, room);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return hs_fail_errno(error, errno, "can't read %s at byte %" PRIu64, stream->path, stream->bytes_read);
    }
    stream->bytes_read += (uint64_t)count;
    *got = (size_t)count;
    return HEADSIFT_OK;
}

static headsift_status fill(struct hs_stream *stream, headsift_error *error) {
    if (stream->input_at < stream->input_size) {
        return HEADSIFT_OK;
    }
    stream->input_at = 0;
    stream->input_size = 0;
    return read_bytes(stream, stream->input, INPUT_SIZE, &stream->input_size, error);
}

static headsift_status broken(const struct hs_stream *stream, const char *why, headsift_error *error) {
    uint64_t at = stream->bytes_read - (stream->input_size - stream->input_at);
    return hs_fail(error, HEADSIFT_FAILED, "%s, byte %" PRIu64 ": %s: get the file again or leave it out", stream->path,
                   at, why);
}

/* Zeros between or behind members are padding, as gzip(1) has it. */
static void skip_padding(struct hs_stream *stream) {
    while (!stream->inside && stream->input_at < stream->input_size && stream->input[stream->input_at] == 0 &&
           stream->bytes_read > stream->input_size - stream->input_at) {
        stream->input_at++;
    }
}

/* One step of inflate. *got may be 0 with input left: the caller goes on until the input ends. */
static headsift_status inflate_step(struct hs_stream *stream, char *out, size_t room, size_t *got,
                                    headsift_error *error) {
    z_stream *gzip = &stream->gzip;
    skip_padding(stream);
    size_t input = stream->input_size - stream->input_at;
    if (input == 0) {
        return HEADSIFT_OK;
    }
    HS_TRY(keep_place(stream, error));
    gzip->next_in = stream->input + stream->input_at;
    gzip->avail_in = (uInt)input;
    gzip->next_out = (Bytef *)out;
    gzip->avail_out = (uInt)room;
    stream->inside = true;
    int state = inflate(gzip, Z_NO_FLUSH);
    stream->input_at = stream->input_size - gzip->avail_in;
    *got = room - gzip->avail_out;
    if (state == Z_STREAM_END) {
        stream->inside = false;
        state = inflateReset(gzip);
    }
    if (state == Z_OK || state == Z_BUF_ERROR) {
        return HEADSIFT_OK;
    }
    return broken(stream, gzip->msg != NULL ? gzip->msg : zError(state), error);
}

static headsift_status zstd_step(struct hs_stream *stream, char *out, size_t room, size_t *got, headsift_error *error) {
    HS_TRY(keep_place(stream, error));
    ZSTD_inBuffer input = {stream->input, stream->input_size, stream->input_at};
    ZSTD_outBuffer output = {out, room, 0};
    size_t state = ZSTD_decompressStream(stream->zstd, &output, &input);
    stream->input_at = input.pos;
    *got = output.pos;
    if (ZSTD_isError(state)) {
        return broken(stream, ZSTD_getErrorName(state), error);
    }
    stream->inside = state != 0;
    return HEADSIFT_OK;
}

/* Decodes until there are bytes or the file ends. */
static headsift_status decode(struct hs_stream *stream, char *out, size_t room, size_t *got, headsift_error *error) {
    *got = 0;
    if (room > UINT32_MAX) {
        room = UINT32_MAX;
    }
    while (*got == 0) {
        HS_TRY(fill(stream, error));
        bool end = stream->input_size == 0;
        if (end && !stream->inside) {
            return HEADSIFT_OK;
        }
        HS_TRY(stream->compression == HS_GZIP ? inflate_step(stream, out, room, got, error)
                                              : zstd_step(stream, out, room, got, error));
        if (end && *got == 0) {
            return broken(stream, "the file ends too early", error);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status read_step(struct hs_stream *stream, size_t room, struct hs_buffer *out, bool *more,
                                 headsift_error *error) {
    if (!hs_buffer_reserve(out, room)) {
        return hs_fail_memory(error, stream->path, out->size + room);
    }
    size_t got = 0;
    char *place = out->data + out->size;
    HS_TRY(stream->compression == HS_PLAIN ? read_bytes(stream, place, room, &got, error)
                                           : decode(stream, place, room, &got, error));
    out->size += got;
    out->data[out->size] = '\0';
    stream->position += got;
    *more = got > 0;
    return HEADSIFT_OK;
}

/* Reads up to the bytes to leave out, and on until there are others. */
static headsift_status skip_bytes(struct hs_stream *stream, size_t room, struct hs_buffer *out, bool *more,
                                  headsift_error *error) {
    size_t start = out->size;
    *more = true;
    while (*more && out->size == start) {
        HS_TRY(read_step(stream, room, out, more, error));
        size_t got = out->size - start, left_out = stream->skip < got ? (size_t)stream->skip : got;
        stream->skip -= left_out;
        memmove(out->data + start, out->data + start + left_out, got - left_out);
        out->size -= left_out;
    }
    stream->started = true;
    return HEADSIFT_OK;
}

/* Reads until the first three bytes are there, and drops them where they are the byte order mark. */
static headsift_status skip_mark(struct hs_stream *stream, size_t room, struct hs_buffer *out, bool *more,
                                 headsift_error *error) {
    size_t start = out->size;
    *more = true;
    while (*more && out->size - start < 3) {
        HS_TRY(read_step(stream, room > 3 ? room : 3, out, more, error));
    }
    stream->started = true;
    if (out->size - start >= 3 && memcmp(out->data + start, "\xEF\xBB\xBF", 3) == 0) {
        memmove(out->data + start, out->data + start + 3, out->size - start - 3);
        out->size -= 3;
    }
    *more = out->size > start;
    return *more ? HEADSIFT_OK : read_step(stream, room, out, more, error);
}

headsift_status hs_stream_read(struct hs_stream *stream, size_t room, struct hs_buffer *out, bool *more,
                               headsift_error *error) {
    if (stream->started) {
        return read_step(stream, room, out, more, error);
    }
    return stream->skip > 0 ? skip_bytes(stream, room, out, more, error) : skip_mark(stream, room, out, more, error);
}
