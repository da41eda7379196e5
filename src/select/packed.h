/* A file written atomically, plain or compressed as its name says: .gz, .zst. The same bytes in, the same bytes out. */
#ifndef HS_SELECT_PACKED_H
#define HS_SELECT_PACKED_H

#include <zlib.h>
#include <zstd.h>

#include "base/file.h"

struct hs_packed {
    struct hs_atomic_file file;
    bool gzip;
    z_stream deflate;
    ZSTD_CCtx *zstd;
    struct hs_buffer out;
};

headsift_status hs_packed_open(const char *path, struct hs_packed *packed, headsift_error *error);
headsift_status hs_packed_write(struct hs_packed *packed, const char *bytes, size_t size, headsift_error *error);
headsift_status hs_packed_commit(struct hs_packed *packed, headsift_error *error); /**< releases it in every case */
void hs_packed_abort(struct hs_packed *packed);

#endif
