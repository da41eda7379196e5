/* Regular expressions of a tokenizer.json that are not among the known ones (split.h): PCRE2 with limits.
 * Its Unicode tables may know fewer letters than the `tokenizers` library's; what it reads otherwise is refused. */
#ifndef HS_TOKENIZER_REGEX_H
#define HS_TOKENIZER_REGEX_H

#include "base/error.h"
#include "base/memory.h"

struct hs_regex;      /**< read-only once made: threads may share it */
struct hs_regex_room; /**< what one thread needs to search */

/** The pattern in PCRE2's spelling with the same meaning. Refuses by name what the two libraries read differently and
 * what can't be told. @param where names the pattern in messages. */
headsift_status hs_regex_translate(const char *pattern, size_t size, const char *where, struct hs_buffer *out,
                                   headsift_error *error);

/** Refuses a pattern that PCRE2 does not take, and one that the empty text matches. */
headsift_status hs_regex_new(const char *pattern, size_t size, const char *where, struct hs_regex **out,
                             headsift_error *error);
void hs_regex_free(struct hs_regex *regex); /**< NULL is fine */

struct hs_regex_room *hs_regex_room_new(void); /**< NULL when there is no memory */
void hs_regex_room_free(struct hs_regex_room *room);

/** The first match that begins at `at` or behind it; *start == size where there is none. text is well-formed UTF-8.
 *  @return HEADSIFT_FAILED when the text is too hard for the pattern: a limit was reached. */
headsift_status hs_regex_find(const struct hs_regex *regex, struct hs_regex_room *room, const char *text, size_t size,
                              size_t at, size_t *start, size_t *end, headsift_error *error);

#endif
