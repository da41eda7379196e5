/* Finds the JSON object in a prompt and the byte spans of its values.
 * A scanner of flat objects of strings, started at each opening brace until one holds the key. */
#include "probe/probe_file.h"

#include <string.h>

struct scanner {
    const char *text;
    size_t size, at;
};

static void skip_blanks(struct scanner *scanner) {
    while (scanner->at < scanner->size && scanner->text[scanner->at] != '\0' &&
           strchr(" \t\r\n", scanner->text[scanner->at]) != NULL) {
        scanner->at++;
    }
}

static bool take(struct scanner *scanner, char wanted) {
    skip_blanks(scanner);
    if (scanner->at >= scanner->size || scanner->text[scanner->at] != wanted) {
        return false;
    }
    scanner->at++;
    return true;
}

/* A JSON string; `inside` is what stands between its quotes, escapes as they are. */
static bool take_string(struct scanner *scanner, struct hs_bytes *inside) {
    if (!take(scanner, '"')) {
        return false;
    }
    inside->start = scanner->at;
    while (scanner->at < scanner->size && scanner->text[scanner->at] != '"') {
        scanner->at += scanner->text[scanner->at] == '\\' ? 2 : 1;
    }
    inside->end = scanner->at;
    return take(scanner, '"');
}

static bool take_pair(struct scanner *scanner, struct hs_bytes *key, struct hs_bytes *value) {
    return take_string(scanner, key) && take(scanner, ':') && take_string(scanner, value);
}

/* Scans the object behind a brace. Its pairs: the first one, the needle and the one behind the needle are kept. */
static bool scan_object(struct scanner *scanner, const char *wanted, struct hs_bytes *value, struct hs_bytes *control) {
    size_t wanted_size = strlen(wanted), n = 0, at = 0;
    bool found = false;
    struct hs_bytes key, current;
    do {
        if (!take_pair(scanner, &key, &current)) {
            return false;
        }
        bool match =
            !found && key.end - key.start == wanted_size && memcmp(scanner->text + key.start, wanted, wanted_size) == 0;
        if (match) {
            found = true;
            at = n;
            *value = current;
        } else if (n == 0 || (found && n == at + 1)) {
            *control = current;
        }
        n++;
    } while (take(scanner, ','));
    return take(scanner, '}') && found;
}

bool hs_find_value(const char *prompt, size_t size, const char *key, struct hs_bytes *value, struct hs_bytes *control) {
    for (size_t at = 0; at < size; at++) {
        const char *brace = memchr(prompt + at, '{', size - at);
        if (brace == NULL) {
            return false;
        }
        at = (size_t)(brace - prompt);
        struct scanner scanner = {.text = prompt, .size = size, .at = at + 1};
        *control = (struct hs_bytes){0};
        if (scan_object(&scanner, key, value, control)) {
            return true;
        }
    }
    return false;
}
