/* Where a probe's values come from: the built-in grammar, the lines of a file, or an array.
 * A pool hands out sentences of the right length, none twice in a sample. */
#ifndef HS_PROBE_SENTENCES_H
#define HS_PROBE_SENTENCES_H

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "tokenizer/tokenizer.h"

enum { HS_SENTENCE_LEAST = 4, HS_SENTENCE_MOST = 30 }; /**< tokens of one space and the sentence */

/** Appends one sentence of the grammar: 9 to 25 English words, or 7 to 17 Spanish ones. False when there is no memory.
 */
bool hs_grammar_sentence(headsift_language language, struct hs_random *random, struct hs_buffer *out);
/** The same in Spanish, its first letter small. */
bool hs_spanish_sentence(struct hs_random *random, struct hs_buffer *out);

struct hs_sentence_pool;

/** All sentences of the grammar. @param out the caller's: hs_pool_close. */
headsift_status hs_pool_open_grammar(const struct hs_tokenizer *tokenizer, headsift_language language,
                                     struct hs_sentence_pool **out, headsift_error *error);
/** The usable ones of n strings. Skipped: too short, too long, with characters that JSON escapes, spelling a special
 *  token, repeated. @param where names them in messages; borrowed. */
headsift_status hs_pool_open_lines(const struct hs_tokenizer *tokenizer, const char *const *lines, size_t n,
                                   const char *where, struct hs_sentence_pool **out, headsift_error *error);
/** The usable lines of a file. Broken UTF-8 is an error that names line and byte. */
headsift_status hs_pool_open_file(const struct hs_tokenizer *tokenizer, const char *path, struct hs_sentence_pool **out,
                                  headsift_error *error);
void hs_pool_close(struct hs_sentence_pool *pool); /**< NULL is fine */

/** Begins a sample: every sentence may be drawn again. */
void hs_pool_begin(struct hs_sentence_pool *pool);
/** Appends a sentence that this sample does not have yet. HEADSIFT_FAILED when there is none left. */
headsift_status hs_pool_draw(struct hs_sentence_pool *pool, struct hs_random *random, struct hs_buffer *out,
                             headsift_error *error);

#endif
