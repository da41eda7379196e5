/* Names of the output files: an index that keeps them apart and in order, and a readable rest.
 * The same inputs give the same names. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "influence/plan.h"

enum { NAME_LENGTH = 100 };

/* Length of the name without .gz, .zst and the suffix of a format. */
static size_t stem_length(const char *name) {
    static const char *const suffixes[] = {".gz", ".zst", ".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".txt"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t suffix = strlen(suffixes[i]);
        if (length > suffix && strncasecmp(name + length - suffix, suffixes[i], suffix) == 0) {
            length -= suffix;
        }
    }
    return length < NAME_LENGTH ? length : NAME_LENGTH;
}

char *hs_part_name(size_t index, const char *input_path) {
    const char *slash = strrchr(input_path, '/');
    const char *base = slash != NULL ? slash + 1 : input_path;
    char *name = hs_format("part-%05zu-%.*s.parquet", index, (int)stem_length(base), base);
    for (char *at = name; at != NULL && *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && strchr("._-", *at) == NULL) {
            *at = '_';
        }
    }
    return name;
}

bool hs_is_part_name(const char *name) {
    size_t length = strlen(name), digits = strncmp(name, "part-", 5) == 0 ? strspn(name + 5, "0123456789") : 0;
    return digits >= 5 && name[5 + digits] == '-' && length > 8 && strcmp(name + length - 8, ".parquet") == 0;
}
