/* Files: mapped for reading, and written under a temporary name that is renamed once all is on disk.
 * Nothing half-written ever stands under its final name. */
#ifndef HS_BASE_FILE_H
#define HS_BASE_FILE_H

#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

/** A file's bytes, mapped read-only. size 0: data is a valid pointer to nothing. */
struct hs_map {
    const unsigned char *data;
    size_t size;
};

headsift_status hs_map_open(const char *path, struct hs_map *map, headsift_error *error);
void hs_map_close(struct hs_map *map); /**< unmaps and zeroes */

/** Reads a whole file into a buffer (appended); refuses more than `limit` bytes. "-" is stdin. */
headsift_status hs_file_read(const char *path, size_t limit, struct hs_buffer *out, headsift_error *error);

/** What a file was when it was looked at. */
struct hs_file_identity {
    uint64_t size;
    int64_t mtime_seconds, mtime_nanoseconds;
};

headsift_status hs_file_identity(const char *path, struct hs_file_identity *identity, headsift_error *error);
bool hs_file_exists(const char *path);
bool hs_is_directory(const char *path);

/** Makes a directory and its parents; one that exists is fine. */
headsift_status hs_make_directory(const char *path, headsift_error *error);
/** @param folder the one that hs_each_file was given. */
typedef headsift_status (*hs_take_file)(void *user, const char *folder, const char *name, headsift_error *error);
/** Calls `take` for each name in a folder that is longer than `suffix` and ends in it, in no order, until it fails. A
 *  folder that is not there has none; one that can't be opened is HEADSIFT_FAILED. */
headsift_status hs_each_file(const char *folder, const char *suffix, hs_take_file take, void *user,
                             headsift_error *error);
/** "directory/name" in fresh memory; NULL when there is no memory. */
char *hs_join_path(const char *directory, const char *name);

/** A file being written beside its final name. "-" as the final name is stdout, written straight through. */
struct hs_atomic_file {
    FILE *stream;    /**< write here */
    char *temporary; /**< its path while unfinished: FINAL.tmp-HOST-PID; NULL for stdout */
    char *final_path;
};

headsift_status hs_atomic_open(const char *path, struct hs_atomic_file *file, headsift_error *error);
/** Flushes, fsyncs, renames, fsyncs the folder; releases the struct in every case (on failure the file is removed). */
headsift_status hs_atomic_commit(struct hs_atomic_file *file, headsift_error *error);
void hs_atomic_abort(struct hs_atomic_file *file); /**< removes the temporary file; fine on a zeroed struct */

/** All of the above for bytes at hand. */
headsift_status hs_file_write(const char *path, const void *bytes, size_t size, headsift_error *error);
/** The same without fsync, for what is written every few seconds: readers see the old file or the new one, a power cut
 *  may leave an empty one. Not for "-". */
headsift_status hs_file_replace(const char *path, const void *bytes, size_t size, headsift_error *error);
/** Writes a file that must not be there yet: of several that try, one creates it (*created) and the others change
 *  nothing. Whole or not at all, like hs_file_write. */
headsift_status hs_file_create(const char *path, const void *bytes, size_t size, bool *created, headsift_error *error);
/** Adds bytes to the end of a file, which is made where there is none; they are on disk when it returns. */
headsift_status hs_file_append(const char *path, const void *bytes, size_t size, headsift_error *error);
/** fsyncs a finished temporary file that another library wrote, renames it to `path` and fsyncs the folder. */
headsift_status hs_file_publish(const char *temporary, const char *path, headsift_error *error);

#endif
