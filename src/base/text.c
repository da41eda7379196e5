/* UTF-8 by the table of the Unicode standard (3.9, table 3-7), and escaping.
 * Linear in the text. */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Length of the well-formed sequence at text, or 0. */
static size_t sequence_length(const unsigned char *text, size_t size) {
    unsigned char first = text[0];
    if (first < 0x80) {
        return 1;
    }
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || length > size) {
        return 0;
    }
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if (text[i] < 0x80 || text[i] > 0xBF) {
            return 0;
        }
    }
    return length;
}

size_t hs_utf8_check(const char *text, size_t size) {
    const unsigned char *bytes = (const unsigned char *)text;
    size_t at = 0;
    while (at < size) {
        size_t length = sequence_length(bytes + at, size - at);
        if (length == 0) {
            return at;
        }
        at += length;
    }
    return size;
}

uint32_t hs_utf8_decode(const char *text, size_t *length) {
    const unsigned char *bytes = (const unsigned char *)text;
    if (bytes[0] < 0x80) {
        *length = 1;
        return bytes[0];
    }
    *length = bytes[0] >= 0xF0 ? 4 : bytes[0] >= 0xE0 ? 3 : 2;
    uint32_t point = bytes[0] & (0x7Fu >> *length);
    for (size_t i = 1; i < *length; i++) {
        point = point << 6 | (bytes[i] & 0x3Fu);
    }
    return point;
}

size_t hs_utf8_encode(uint32_t point, char *out) {
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1;) {
        out[i] = (char)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    out[0] = (char)((0xF00u >> length & 0xFFu) | point);
    return length;
}

static bool harmless(uint32_t point) {
    bool control = point < 0x20 || (point >= 0x7F && point < 0xA0);
    bool bidi = point == 0x061C || (point >= 0x200E && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
                (point >= 0x2066 && point <= 0x2069) || point == 0xFEFF;
    return !control && !bidi;
}

static size_t escape_point(uint32_t point, char *out, size_t out_size) {
    const char *name = point == '\n' ? "\\n" : point == '\t' ? "\\t" : point == '\r' ? "\\r" : NULL;
    int size = name != NULL   ? snprintf(out, out_size, "%s", name)
               : point < 0x80 ? snprintf(out, out_size, "\\x%02x", point)
                              : snprintf(out, out_size, "\\u{%x}", point);
    return (size_t)size;
}

void hs_escape_line(const char *text, size_t size, char *out, size_t out_size) {
    size_t at = 0, used = 0;
    while (at < size) {
        char piece[16];
        size_t length = sequence_length((const unsigned char *)text + at, size - at), piece_size;
        if (length == 0) {
            piece_size = (size_t)snprintf(piece, sizeof piece, "\\x%02x", (unsigned char)text[at]);
            length = 1;
        } else {
            uint32_t point = hs_utf8_decode(text + at, &length);
            piece_size = length;
            if (harmless(point)) {
                memcpy(piece, text + at, length);
            } else {
                piece_size = escape_point(point, piece, sizeof piece);
            }
        }
        if (used + piece_size + 1 > out_size) {
            break;
        }
        memcpy(out + used, piece, piece_size);
        used += piece_size;
        at += length;
    }
    if (out_size > 0) {
        out[used] = '\0';
    }
}

static bool quote_point(struct hs_buffer *out, uint32_t point, const char *bytes, size_t length) {
    switch (point) {
    case '"':
        return hs_buffer_append(out, "\\\"", 2);
    case '\\':
        return hs_buffer_append(out, "\\\\", 2);
    case '\n':
        return hs_buffer_append(out, "\\n", 2);
    case '\t':
        return hs_buffer_append(out, "\\t", 2);
    case '\r':
        return hs_buffer_append(out, "\\r", 2);
    default:
        break;
    }
    bool plain = harmless(point) && point != '<' && point != '>' && point != '&';
    return plain ? hs_buffer_append(out, bytes, length) : hs_buffer_printf(out, "\\u%04x", point);
}

bool hs_json_quote(struct hs_buffer *out, const char *text, size_t size) {
    bool ok = hs_buffer_append(out, "\"", 1);
    for (size_t at = 0, length; ok && at < size; at += length) {
        length = sequence_length((const unsigned char *)text + at, size - at);
        if (length == 0) {
            ok = hs_buffer_append(out, "\xEF\xBF\xBD", 3);
            length = 1;
        } else {
            ok = quote_point(out, hs_utf8_decode(text + at, &length), text + at, length);
        }
    }
    return ok && hs_buffer_append(out, "\"", 1);
}

static const char *entity(char byte) {
    switch (byte) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

bool hs_html_escape(struct hs_buffer *out, const char *text, size_t size) {
    size_t plain = 0; /* bytes before `at` that stay as they are */
    bool ok = true;
    for (size_t at = 0, length; ok && at < size; at += length) {
        char piece[16];
        const char *shown = entity(text[at]);
        length = sequence_length((const unsigned char *)text + at, size - at);
        if (length == 0) {
            snprintf(piece, sizeof piece, "\\x%02x", (unsigned char)text[at]);
            shown = piece;
            length = 1;
        } else if (shown == NULL && text[at] != '\n' && text[at] != '\t') {
            uint32_t point = hs_utf8_decode(text + at, &length);
            if (!harmless(point)) {
                escape_point(point, piece, sizeof piece);
                shown = piece;
            }
        }
        if (shown == NULL) {
            plain += length;
            continue;
        }
        ok = hs_buffer_append(out, text + at - plain, plain) && hs_buffer_append(out, shown, strlen(shown));
        plain = 0;
    }
    return ok && hs_buffer_append(out, text + size - plain, plain);
}
