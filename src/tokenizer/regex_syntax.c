/* Reads a pattern as Oniguruma (the `tokenizers` library's engine) does, and writes it for PCRE2.
 * Only what both read alike, or can be spelled alike, gets through; the rest is refused by name. */
#include <string.h>

#include "base/text.h"
#include "tokenizer/regex.h"

/* White_Space, as the library has \s; PCRE2's differs by U+180E. */
#define SPACES                                                                                                         \
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define NO_SPACES                                                                                                      \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" \
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"

struct reader {
    const char *text, *where;
    size_t size, at;
    struct hs_buffer *out;
    headsift_error *error;
};

static headsift_status refuse(const struct reader *reader, const char *what, size_t from) {
    size_t size = reader->size - from < 20 ? reader->size - from : 20;
    return hs_fail(reader->error, HEADSIFT_FAILED, "%s: %s in the pattern %.200s is not supported (at byte %zu: %.*s)",
                   reader->where, what, reader->text, from, (int)size, reader->text + from);
}

static headsift_status emit(const struct reader *reader, const char *text, size_t size) {
    return hs_buffer_append(reader->out, text, size)
               ? HEADSIFT_OK
               : hs_fail(reader->error, HEADSIFT_FAILED, "%s: no memory for a pattern", reader->where);
}

static headsift_status emit_string(const struct reader *reader, const char *text) {
    return emit(reader, text, strlen(text));
}

static char peek(const struct reader *reader, size_t ahead) {
    return reader->at + ahead < reader->size ? reader->text[reader->at + ahead] : '\0';
}

static bool is_alnum(char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool starts_with(const struct reader *reader, const char *text) {
    size_t size = strlen(text);
    return reader->size - reader->at >= size && memcmp(reader->text + reader->at, text, size) == 0;
}

/* \p{...}: a general category, or a script; PCRE2 takes a bare script's name for its extensions. */
static headsift_status read_property(struct reader *reader) {
    static const char categories[] =
        " L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs "
        "Zl Zp ";
    static const char scripts[] = " Han Hiragana Katakana Hangul Latin Cyrillic Greek Arabic Hebrew Thai Devanagari ";
    size_t from = reader->at, size = 0;
    char name[24] = " ";
    while (size + 3 < sizeof name && is_alnum(peek(reader, 3 + size))) {
        name[size + 1] = peek(reader, 3 + size);
        size++;
    }
    name[size + 1] = ' ';
    bool closed = peek(reader, 2) == '{' && size > 0 && peek(reader, 3 + size) == '}';
    bool category = closed && strstr(categories, name) != NULL;
    if (!category && !(closed && strstr(scripts, name) != NULL)) {
        return refuse(reader, "this property", from);
    }
    reader->at += size + 4;
    HS_TRY(emit(reader, reader->text + from, 2));
    HS_TRY(emit_string(reader, category ? "{" : "{sc:"));
    HS_TRY(emit(reader, name + 1, size));
    return emit_string(reader, "}");
}

/* \xHH (a byte in Oniguruma: ASCII only), \x{H...}, \uHHHH. */
static headsift_status read_code(struct reader *reader) {
    size_t from = reader->at, digits = 0, first = peek(reader, 2) == '{' ? 3 : 2;
    size_t most = peek(reader, 1) == 'u' ? 4 : first == 3 ? 6 : 2;
    bool hex = true;
    char code[16] = "";
    while (digits < most && is_alnum(peek(reader, first + digits))) {
        char digit = peek(reader, first + digits);
        hex = hex && strchr("0123456789abcdefABCDEF", digit) != NULL;
        code[digits++] = digit;
    }
    bool good = hex && (first == 3 ? digits > 0 && peek(reader, 3 + digits) == '}' : digits == most);
    if (!good || (most == 4 && first == 3) || (most == 2 && code[0] > '7')) {
        return refuse(reader, "this character code", from);
    }
    reader->at += first + digits + (first == 3 ? 1 : 0);
    HS_TRY(emit_string(reader, "\\x{"));
    HS_TRY(emit_string(reader, code));
    return emit_string(reader, "}");
}

static headsift_status read_escape(struct reader *reader, bool in_set) {
    char next = peek(reader, 1);
    const char *spelled = NULL;
    if (next == 'p' || next == 'P') {
        return read_property(reader);
    }
    if (next == 'x' || next == 'u') {
        return read_code(reader);
    }
    if (next == 's') {
        spelled = in_set ? SPACES : "[" SPACES "]";
    } else if (next == 'S') {
        spelled = in_set ? NO_SPACES : "[" NO_SPACES "]";
    }
    if (spelled == NULL &&
        (next == '\0' || (unsigned char)next >= 0x80 || (is_alnum(next) && strchr("rntfdD", next) == NULL))) {
        return refuse(reader, "this escape", reader->at);
    }
    reader->at += 2;
    return spelled != NULL ? emit_string(reader, spelled) : emit(reader, reader->text + reader->at - 2, 2);
}

/* One character as it stands, escaped where PCRE2 could take it for something else. */
static headsift_status read_literal(struct reader *reader, const char *escaped) {
    size_t length;
    (void)hs_utf8_decode(reader->text + reader->at, &length);
    if (length == 1 && strchr(escaped, reader->text[reader->at]) != NULL) {
        HS_TRY(emit_string(reader, "\\"));
    }
    reader->at += length;
    return emit(reader, reader->text + reader->at - length, length);
}

/* [...]: a set within a set adds to it, so its brackets go. */
static headsift_status read_set(struct reader *reader) {
    size_t from = reader->at, depth = 1, members = 0;
    bool negated = peek(reader, 1) == '^';
    HS_TRY(emit_string(reader, negated ? "[^" : "["));
    reader->at += negated ? 2 : 1;
    while (depth > 0) {
        char byte = peek(reader, 0);
        if (reader->at >= reader->size || byte == '\0' || (byte == ']' && members == 0) || starts_with(reader, "&&") ||
            starts_with(reader, "[^") || starts_with(reader, "[:")) {
            return refuse(reader, "this set", from);
        }
        if (byte == '[' || byte == ']') {
            if (byte == '[' ? reader->text[reader->at - 1] == '-' : depth > 1 && peek(reader, 1) == '-') {
                return refuse(reader, "a set beside a hyphen", from);
            }
            depth = byte == '[' ? depth + 1 : depth - 1;
            members = byte == '[' ? 0 : members;
            reader->at++;
            continue;
        }
        members++;
        HS_TRY(byte == '\\' ? read_escape(reader, true) : read_literal(reader, ""));
    }
    return emit_string(reader, "]");
}

/* (?: (?i: (?= (?! (?<= (?<! and a plain group, which captures for nothing. */
static headsift_status read_group(struct reader *reader) {
    static const char *const kinds[] = {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!"};
    if (peek(reader, 1) != '?') {
        reader->at++;
        return emit_string(reader, "(?:");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (starts_with(reader, kinds[i])) {
            reader->at += strlen(kinds[i]);
            return emit_string(reader, kinds[i]);
        }
    }
    return refuse(reader, "this group", reader->at);
}

static size_t digits_at(const struct reader *reader, size_t ahead) {
    size_t n = 0;
    while (peek(reader, ahead + n) >= '0' && peek(reader, ahead + n) <= '9') {
        n++;
    }
    return n;
}

/* ? * + {n} {n,} {n,m}, lazy with ? behind; possessive with + only where Oniguruma has it. */
static headsift_status read_quantifier(struct reader *reader) {
    size_t from = reader->at, size = 1;
    bool braces = peek(reader, 0) == '{', range = false;
    if (braces) {
        size_t low = digits_at(reader, 1);
        range = peek(reader, 1 + low) == ',';
        size = 1 + low + (range ? 1 + digits_at(reader, 2 + low) : 0) + 1;
        if (low == 0 || peek(reader, size - 1) != '}') {
            return refuse(reader, "this quantifier", from);
        }
    }
    char behind = peek(reader, size);
    if (behind == '?' || behind == '+') {
        if (braces && (behind == '+' || !range)) {
            return refuse(reader, "this quantifier", from);
        }
        size++;
    }
    reader->at += size;
    if (strchr("?*+{", peek(reader, 0)) != NULL && peek(reader, 0) != '\0') {
        return refuse(reader, "a quantifier behind a quantifier", from);
    }
    return emit(reader, reader->text + from, size);
}

static headsift_status read_item(struct reader *reader) {
    char byte = peek(reader, 0);
    switch (byte) {
    case '\\':
        return read_escape(reader, false);
    case '[':
        return read_set(reader);
    case '(':
        return read_group(reader);
    case '?':
    case '*':
    case '+':
    case '{':
        return read_quantifier(reader);
    case '^':
    case '$':
        return refuse(reader, "an anchor", reader->at);
    case '.':
        reader->at++;
        return emit_string(reader, "[^\\n]");
    case '\0':
        return refuse(reader, "a NUL", reader->at);
    default:
        return read_literal(reader, "}]#");
    }
}

/* Without regard to case, Oniguruma takes one character for two ("ss", "ff"...), PCRE2 does not. */
static bool folds_to_two(const char *pattern, size_t size) {
    bool caseless = false, pairs = false;
    for (size_t i = 0; i + 2 < size; i++) {
        caseless = caseless || memcmp(pattern + i, "(?i", 3) == 0;
    }
    for (size_t i = 0; i + 1 < size; i++) {
        char pair[] = {(char)(pattern[i] | 0x20), (char)(pattern[i + 1] | 0x20), '\0'};
        pairs = pairs || strstr("ss ff fi fl st", pair) != NULL;
    }
    return caseless && pairs;
}

headsift_status hs_regex_translate(const char *pattern, size_t size, const char *where, struct hs_buffer *out,
                                   headsift_error *error) {
    struct reader reader = {.text = pattern, .size = size, .where = where, .out = out, .error = error};
    if (folds_to_two(pattern, size)) {
        return refuse(&reader, "(?i:) with ss, ff, fi, fl or st", 0);
    }
    while (reader.at < size) {
        char byte = pattern[reader.at];
        if (byte == '|' || byte == ')') {
            reader.at++;
            HS_TRY(emit(&reader, &byte, 1));
        } else {
            HS_TRY(read_item(&reader));
        }
    }
    return emit(&reader, "", 0);
}
