/* The bytes of a file that is plain, gzip (any number of members) or zstd (any number of frames), read in order.
 * A UTF-8 byte order mark at the start of the text is left out. */
#ifndef HS_CORPUS_STREAM_H
#define HS_CORPUS_STREAM_H

#include "corpus/corpus.h"

struct hs_stream;

/** What a file's first bytes say. A file called .gz or .zst that holds nothing is an error: a cut-off one. */
headsift_status hs_stream_detect(const char *path, enum hs_compression *out, headsift_error *error);

headsift_status hs_stream_open(const char *path, enum hs_compression compression, struct hs_stream **out,
                               headsift_error *error);
/** Begins at a byte of the file (where it is compressed: at the start of a member or frame) and leaves out the first
 * `skip` decoded bytes. A byte order mark is looked for only where both are 0. */
headsift_status hs_stream_open_at(const char *path, enum hs_compression compression, uint64_t file_offset,
                                  uint64_t skip, struct hs_stream **out, headsift_error *error);
/** Appends up to `room` bytes to `out`; *more is false behind the last byte (then nothing is appended). */
headsift_status hs_stream_read(struct hs_stream *stream, size_t room, struct hs_buffer *out, bool *more,
                               headsift_error *error);
/** Decoded bytes that were read so far, those left out too. */
uint64_t hs_stream_position(const struct hs_stream *stream);

/** Where decoding can begin, and which decoded byte comes first there. */
struct hs_place {
    uint64_t file_offset, position;
};
/** Makes hs_stream_place work. Before the first read of a stream that begins at the file's start. */
void hs_stream_keep_places(struct hs_stream *stream);
/** The last place at or before the decoded byte at `position`, which was read already. Not to be asked backwards. */
struct hs_place hs_stream_place(struct hs_stream *stream, uint64_t position);

double hs_stream_share(const struct hs_stream *stream); /**< of the file's bytes that were read, 0..1 */
void hs_stream_close(struct hs_stream *stream);         /**< NULL is fine */

#endif
