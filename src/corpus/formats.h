/* Which file names mean which format, and the names of the formats.
 * The one table to extend for a new format. */
#ifndef HS_CORPUS_FORMATS_H
#define HS_CORPUS_FORMATS_H

#include "corpus/corpus.h"

/** HEADSIFT_USAGE unless `name` is NULL or a format's. */
headsift_status hs_format_check(const char *name, headsift_error *error);
/** The format called `name`, or, where that is NULL, the one of the file's suffix; HEADSIFT_USAGE for an unknown one.
 */
headsift_status hs_format_of(const char *path, const char *name, enum hs_format *out, headsift_error *error);
/** Whether the path's suffix is one of the format `name`'s; NULL: of any format's. */
bool hs_format_takes(const char *path, const char *name);
/** The suffixes of the format `name` (NULL: of all), for messages. */
const char *hs_format_suffixes(const char *name);

#endif
