/* gzip and zstd in front of an atomic file, in pieces of one buffer.
 * The level is the libraries' own default. */
#include "select/packed.h"

#include <errno.h>
#include <string.h>

enum { ROOM = 1 << 16, GZIP_WINDOW = 15 + 16 /**< zlib: the largest window, and a gzip header */ };

static bool ends_with(const char *path, const char *suffix) {
    size_t size = strlen(path), tail = strlen(suffix);
    return size >= tail && strcmp(path + size - tail, suffix) == 0;
}

headsift_status hs_packed_open(const char *path, struct hs_packed *packed, headsift_error *error) {
    *packed = (struct hs_packed){.gzip = ends_with(path, ".gz")};
    bool zstd = ends_with(path, ".zst");
    bool ok = hs_buffer_reserve(&packed->out, ROOM);
    if (ok && packed->gzip) {
        ok = deflateInit2(&packed->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) ==
             Z_OK;
        packed->gzip = ok;
    } else if (ok && zstd) {
        packed->zstd = ZSTD_createCCtx();
        ok = packed->zstd != NULL;
    }
    headsift_status status = ok ? hs_atomic_open(path, &packed->file, error) : hs_fail_memory(error, path, ROOM);
    if (status != HEADSIFT_OK) {
        hs_packed_abort(packed);
    }
    return status;
}

static headsift_status put(struct hs_packed *packed, const void *bytes, size_t size, headsift_error *error) {
    if (fwrite(bytes, 1, size, packed->file.stream) != size) {
        return hs_fail_errno(error, errno, "can't write %s", packed->file.final_path);
    }
    return HEADSIFT_OK;
}

static headsift_status put_gzip(struct hs_packed *packed, const char *bytes, size_t size, bool last,
                                headsift_error *error) {
    z_stream *deflater = &packed->deflate;
    deflater->next_in = (Bytef *)(uintptr_t)bytes;
    deflater->avail_in = (uInt)size;
    do {
        deflater->next_out = (Bytef *)packed->out.data;
        deflater->avail_out = ROOM;
        (void)deflate(deflater, last ? Z_FINISH : Z_NO_FLUSH);
        HS_TRY(put(packed, packed->out.data, ROOM - deflater->avail_out, error));
    } while (deflater->avail_out == 0);
    return HEADSIFT_OK;
}

static headsift_status put_zstd(struct hs_packed *packed, const char *bytes, size_t size, bool last,
                                headsift_error *error) {
    ZSTD_inBuffer in = {bytes, size, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {packed->out.data, ROOM, 0};
        left = ZSTD_compressStream2(packed->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) {
            return hs_fail(error, HEADSIFT_FAILED, "can't write %s: %s", packed->file.final_path,
                           ZSTD_getErrorName(left));
        }
        HS_TRY(put(packed, packed->out.data, out.pos, error));
    } while (in.pos < in.size || (last && left > 0));
    return HEADSIFT_OK;
}

static headsift_status pack(struct hs_packed *packed, const char *bytes, size_t size, bool last,
                            headsift_error *error) {
    if (packed->gzip) {
        return put_gzip(packed, bytes, size, last, error);
    }
    return packed->zstd != NULL ? put_zstd(packed, bytes, size, last, error) : put(packed, bytes, size, error);
}

headsift_status hs_packed_write(struct hs_packed *packed, const char *bytes, size_t size, headsift_error *error) {
    return pack(packed, bytes, size, false, error);
}

static void release(struct hs_packed *packed) {
    if (packed->gzip) {
        deflateEnd(&packed->deflate);
    }
    ZSTD_freeCCtx(packed->zstd);
    hs_buffer_free(&packed->out);
}

headsift_status hs_packed_commit(struct hs_packed *packed, headsift_error *error) {
    headsift_status status = pack(packed, "", 0, true, error);
    release(packed);
    if (status != HEADSIFT_OK) {
        hs_atomic_abort(&packed->file);
        return status;
    }
    return hs_atomic_commit(&packed->file, error);
}

void hs_packed_abort(struct hs_packed *packed) {
    release(packed);
    hs_atomic_abort(&packed->file);
}
