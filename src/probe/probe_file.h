/* A probe as read from probe.jsonl: checked rows, and where the values of the JSON object in a prompt are.
 * Rows of other writers are fine as long as they are the key-value task. */
#ifndef HS_PROBE_PROBE_FILE_H
#define HS_PROBE_PROBE_FILE_H

#include "base/error.h"
#include "base/memory.h"

/** Bytes [start, end). */
struct hs_bytes {
    size_t start, end;
};

struct hs_probe_row {
    char *text; /**< prompt and answer, one behind the other */
    size_t size, prompt_size;
    struct hs_bytes value;   /**< the needle's value in the prompt's JSON object, without its quotes */
    struct hs_bytes control; /**< the value of the next pair of that object (of the first one behind the last);
                                  empty where the needle is alone */
    size_t line;             /**< in the file, from 1 */
};

struct hs_probe {
    struct hs_probe_row *rows;
    size_t n, capacity;
};

/** Refused: no samples, wrong types, a needle that the prompt's JSON object does not have, a span that is not its
 *  value's, an empty answer, broken UTF-8. */
headsift_status hs_probe_load(const char *path, struct hs_probe *out, headsift_error *error);
/** The same from bytes (fuzzers call this). @param where names them in messages. */
headsift_status hs_probe_parse(const char *bytes, size_t size, const char *where, struct hs_probe *out,
                               headsift_error *error);
void hs_probe_free(struct hs_probe *probe);

/** Finds the flat JSON object of strings in a prompt that has `key`. False when there is none. */
bool hs_find_value(const char *prompt, size_t size, const char *key, struct hs_bytes *value, struct hs_bytes *control);

#endif
