/* What other rooms need of the probe beyond the public header: a probe whose sentences come from an array,
 * and natural sentences cut out of documents. */
#ifndef HS_PROBE_PROBE_H
#define HS_PROBE_PROBE_H

#include "base/error.h"

/** Called for each sentence (not NUL-terminated, borrowed for the call). False ends the search. */
typedef bool (*hs_sentence_fn)(void *user, const char *sentence, size_t size);

/** Finds whole sentences in a text: they end at . ! or ? before blanks and a capital (or at 。！？), have 40 to 200
 *  bytes, are mostly letters, and hold no quotation marks, backslashes, brackets or control characters. Line breaks
 *  inside a paragraph become one space; a blank line ends a sentence. Broken UTF-8 is passed over. */
void hs_sentences_from_text(const char *text, size_t size, hs_sentence_fn found, void *user);

/** So many usable sentences are enough for any sample of so many tokens. */
size_t hs_probe_sentences_needed(int tokens);

/** headsift_probe_write with values drawn from n strings (options->sentences is not read). Sorted and made distinct
 *  first, so their order does not matter. @param where names them in messages ("the documents"). */
headsift_status hs_probe_write_sentences(headsift_model *model, const headsift_probe_options *options,
                                         const char *const *sentences, size_t n, const char *where, const char *path,
                                         const headsift_monitor *monitor, headsift_error *error);

#endif
