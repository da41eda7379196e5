/* The input files beneath a folder, in the order of their bytes.
 * Names that begin with "." or "_" are left out. (Unfinished files of ours, NAME.tmp-HOST-PID, have no known suffix.) */
#ifndef HS_CORPUS_WALK_H
#define HS_CORPUS_WALK_H

#include "corpus/corpus.h"

struct hs_paths {
    char **items;
    size_t n, capacity;
};

/** Appends the paths ("folder/name") of the files with a suffix of the format `format` (NULL: of any). Links are
 * followed; one that leads back to a folder above itself is not. */
headsift_status hs_walk(const char *folder, const char *format, struct hs_paths *out, headsift_error *error);
void hs_paths_free(struct hs_paths *paths);

#endif
