/* UTF-8 and the escaping of text that others wrote before it reaches a terminal or a page.
 * All functions take sizes: NUL is text. */
#ifndef HS_BASE_TEXT_H
#define HS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

/** Offset of the first byte that is not well-formed UTF-8 (no surrogates, no overlong forms), or `size` if there is
 * none. */
size_t hs_utf8_check(const char *text, size_t size);

/** Decodes the code point at text[0] of well-formed UTF-8 (size > 0) and gives its length in bytes. */
uint32_t hs_utf8_decode(const char *text, size_t *length);

/** Writes a code point (at most 0x10FFFF, no surrogate) to out[4]; returns its length. */
size_t hs_utf8_encode(uint32_t point, char *out);

/** Copies text to one line that a terminal shows harmlessly: control characters (C0, C1, DEL), line separators, bidi
 *  controls and broken UTF-8 become \n, \t, \xHH or \u{H}; cut at a character boundary with room for the NUL. */
void hs_escape_line(const char *text, size_t size, char *out, size_t out_size);

/** Appends a JSON string with quotes; `<`, `>`, `&` and what hs_escape_line escapes as \uXXXX, so that it may stand in
 * a page or on a terminal; broken UTF-8 becomes U+FFFD. False when there is no memory. */
bool hs_json_quote(struct hs_buffer *out, const char *text, size_t size);

/** Appends text as the content of an element or a quoted attribute of a page: `<`, `>`, `&` and quotes as entities,
 * line ends and tabs as they are, and what else hs_escape_line escapes as it does. False when there is no memory. */
bool hs_html_escape(struct hs_buffer *out, const char *text, size_t size);

#endif
