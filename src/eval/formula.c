/* Answers in LaTeX, as the MATH problems box them, in one spelling: what differs only in how it is set is equal
 * afterwards. No algebra: 2x + 1 is not 1 + 2x. */
#include <string.h>

#include "eval/match.h"

static bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

/* ---- Boxes ---- */

static bool starts_with(struct hs_text text, size_t at, const char *part) {
    size_t size = strlen(part);
    return text.size >= at + size && memcmp(text.data + at, part, size) == 0;
}

/* What stands between the brace at `at` and its partner. False: it has none. */
static bool in_braces(struct hs_text text, size_t at, struct hs_text *out) {
    int depth = 0;
    for (size_t i = at; i < text.size; i++) {
        depth += text.data[i] == '{';
        depth -= text.data[i] == '}';
        if (depth == 0) {
            *out = (struct hs_text){text.data + at + 1, i - at - 1};
            return true;
        }
    }
    return false;
}

static bool box_at(struct hs_text text, size_t at, struct hs_text *box) {
    static const char *const names[] = {"\\boxed", "\\fbox"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t end = at + strlen(names[i]);
        if (!starts_with(text, at, names[i])) {
            continue;
        }
        if (starts_with(text, end, "{")) {
            return in_braces(text, end, box);
        }
        if (starts_with(text, end, " ")) {
            size_t last = end + 1;
            while (last < text.size && text.data[last] != '$' && text.data[last] != '\n') {
                last++;
            }
            *box = hs_trimmed((struct hs_text){text.data + end, last - end});
            return true;
        }
    }
    return false;
}

bool hs_last_box(struct hs_text text, struct hs_text *box) {
    for (size_t at = text.size; at-- > 0;) {
        if (text.data[at] == '\\' && box_at(text, at, box)) {
            return true;
        }
    }
    return false;
}

/* ---- Rules ---- */

/* Puts `with` in the place of bytes [at, at + size). */
static bool put(struct hs_buffer *text, size_t at, size_t size, const char *with, size_t with_size) {
    if (with_size > size && !hs_buffer_reserve(text, with_size - size)) {
        return false;
    }
    memmove(text->data + at + with_size, text->data + at + size, text->size - at - size);
    memcpy(text->data + at, with, with_size);
    text->size += with_size - size;
    text->data[text->size] = '\0';
    return true;
}

static bool replace(struct hs_buffer *text, const char *what, const char *with) {
    size_t size = strlen(what), with_size = strlen(with);
    for (size_t at = 0; at + size <= text->size;) {
        if (memcmp(text->data + at, what, size) != 0) {
            at++;
            continue;
        }
        if (!put(text, at, size, with, with_size)) {
            return false;
        }
        at += with_size;
    }
    return true;
}

/* Signs that only set a formula, in the order in which they go. */
static bool remove_setting(struct hs_buffer *text) {
    static const char *const rules[][2] = {
        {"\n", ""},
        {"\\!", ""},
        {"\\,", ""},
        {"\\;", ""},
        {"\\ ", " "},
        {"tfrac", "frac"},
        {"dfrac", "frac"},
        {"\\left", ""},
        {"\\right", ""},
        {"^{\\circ}", ""},
        {"^\\circ", ""},
        {"\\$", ""},
        {"$", ""},
        {"\\%", ""},
        {"%", ""},
        {" .", " 0."},
        {"{.", "{0."},
        {"\\mbox{", "\\text{"},
        {"\\textbf{", "\\text{"},
    };
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof rules / sizeof *rules; i++) {
        ok = replace(text, rules[i][0], rules[i][1]);
    }
    return ok;
}

/* "5 \text{ cm}" is 5; "k = 3" is 3; a full stop at the end goes; ".5" is 0.5. */
static bool remove_around(struct hs_buffer *text) {
    const char *unit = text->size > 0 ? strstr(text->data, "\\text{ ") : NULL;
    if (unit != NULL && unit > text->data) {
        text->size = (size_t)(unit - text->data);
        text->data[text->size] = '\0';
    }
    if (!replace(text, " ", "")) {
        return false;
    }
    const char *equals = text->size > 0 ? memchr(text->data, '=', text->size) : NULL;
    if (equals != NULL && equals - text->data <= 2) {
        put(text, 0, (size_t)(equals - text->data) + 1, "", 0);
    }
    text->size -= text->size > 0 && text->data[text->size - 1] == '.';
    return text->size == 0 || text->data[0] != '.' || put(text, 0, 0, "0", 1);
}

/* Puts braces around the sign at `at` unless it has some. *next: behind it. */
static bool brace(struct hs_buffer *text, size_t at, size_t *next) {
    struct hs_text inside, whole = {text->data, text->size};
    *next = text->size;
    if (at >= text->size) {
        return true;
    }
    if (text->data[at] == '{') {
        *next = in_braces(whole, at, &inside) ? at + inside.size + 2 : text->size;
        return true;
    }
    if (text->data[at] == '\\') {
        return true; /* a command of its own */
    }
    char braced[] = {'{', text->data[at], '}'};
    *next = at + 3;
    return put(text, at, 1, braced, 3);
}

/* \sqrt3 is \sqrt{3}, \frac12 is \frac{1}{2}. */
static bool brace_arguments(struct hs_buffer *text, const char *command, int arguments) {
    size_t size = strlen(command);
    for (size_t at = 0; at + size < text->size; at++) {
        if (memcmp(text->data + at, command, size) != 0) {
            continue;
        }
        size_t next = at + size;
        for (int i = 0; i < arguments; i++) {
            if (!brace(text, next, &next)) {
                return false;
            }
        }
    }
    return true;
}

static size_t whole_number(const struct hs_buffer *text, size_t at) {
    size_t i = at + (at < text->size && text->data[at] == '-');
    size_t digits = i;
    while (i < text->size && is_digit(text->data[i])) {
        i++;
    }
    return i > digits ? i - at : 0;
}

/* All of it is a/b, or 0.5. */
static bool spell_fraction(struct hs_buffer *text) {
    static const char half[] = "\\frac{1}{2}";
    if (text->size == 3 && memcmp(text->data, "0.5", 3) == 0) {
        return put(text, 0, 3, half, sizeof half - 1);
    }
    size_t above = whole_number(text, 0);
    if (above == 0 || above >= text->size || text->data[above] != '/' ||
        above + 1 + whole_number(text, above + 1) != text->size || above + 1 == text->size) {
        return true;
    }
    return put(text, above, 1, "}{", 2) && put(text, 0, 0, "\\frac{", 6) && put(text, text->size, 0, "}", 1);
}

bool hs_plain_formula(struct hs_text text, struct hs_buffer *out) {
    struct hs_text box;
    text = hs_trimmed(hs_last_box(text, &box) ? box : text);
    out->size = 0;
    return hs_buffer_append(out, text.size > 0 ? text.data : "", text.size) && remove_setting(out) &&
           remove_around(out) && brace_arguments(out, "\\sqrt", 1) && brace_arguments(out, "\\frac", 2) &&
           spell_fraction(out);
}
