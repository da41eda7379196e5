/* heads.json and its heat map as bytes; the public functions in heads_file.c and heads_load.c put them into files.
 */
#ifndef HS_PROBE_HEADS_FILE_H
#define HS_PROBE_HEADS_FILE_H

#include "base/json.h"
#include "base/memory.h"

/** Layers, and heads of a layer, that a heads.json may name. */
enum { HS_MOST_LAYERS = 4096 };

/** headsift_heads_load from bytes (fuzzers call this). @param where names the file in messages. */
headsift_status hs_heads_parse(const char *bytes, size_t size, const char *where, headsift_heads **out,
                               headsift_error *error);
/** Whether an object looks like the file of Retrieval_Head: its first member is a head like "12-3". */
bool hs_heads_are_foreign(const json_t *root);
/** Scores and the top 5 % from such a file. Refused: a head that is missing, lists of several lengths or that hold no
 *  numbers, other members, scores that are all the same. */
headsift_status hs_heads_take_foreign(const json_t *root, const char *where, headsift_heads *heads,
                                      headsift_error *error);
/** Appends heads.json. Numbers are the shortest that read back the same. False when there is no memory. */
bool hs_heads_print(const headsift_heads *heads, struct hs_buffer *out);
/** Appends the heat map, a self-contained SVG: a row a layer, a column a head, chosen heads outlined. heads->scores
 *  must be there. False when there is no memory. */
bool hs_heatmap_print(const headsift_heads *heads, struct hs_buffer *out);

#endif
