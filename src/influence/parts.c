/* Names of the output files: two numbers that keep them apart and in order, and a readable rest.
 * The same inputs and units give the same names. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdlib.h>
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

char *hs_part_name(size_t input, size_t unit, const char *input_path) {
    const char *slash = strrchr(input_path, '/');
    const char *base = slash != NULL ? slash + 1 : input_path;
    char *name = hs_format("part-%05zu-%05zu-%.*s.parquet", input, unit, (int)stem_length(base), base);
    for (char *at = name; at != NULL && *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && strchr("._-", *at) == NULL) {
            *at = '_';
        }
    }
    return name;
}

/* A number of at least five digits and a dash behind it; *at goes behind them. */
static bool take_number(const char **at, size_t *number) {
    size_t digits = strspn(*at, "0123456789");
    if (digits < 5 || digits > 18 || (*at)[digits] != '-') {
        return false;
    }
    *number = strtoull(*at, NULL, 10);
    *at += digits + 1;
    return true;
}

bool hs_part_numbers(const char *name, size_t *input, size_t *unit) {
    static const char start[] = "part-", end[] = ".parquet";
    size_t length = strlen(name), tail = sizeof end - 1;
    const char *at = name + sizeof start - 1;
    return strncmp(name, start, sizeof start - 1) == 0 && length > tail && strcmp(name + length - tail, end) == 0 &&
           take_number(&at, input) && take_number(&at, unit);
}

char *hs_plan_part_name(const struct hs_score_plan *plan, const struct hs_part *part) {
    return hs_part_name(part->input, part->unit, plan->inputs.items[part->input].path);
}

char *hs_plan_part_path(const struct hs_score_plan *plan, const struct hs_part *part) {
    char *name = hs_plan_part_name(plan, part);
    char *path = name != NULL ? hs_join_path(plan->directory, name) : NULL;
    hs_free(name);
    return path;
}

struct hs_part *hs_plan_find(const struct hs_score_plan *plan, const char *name) {
    size_t input, unit;
    if (!hs_part_numbers(name, &input, &unit) || input >= plan->inputs.n) {
        return NULL;
    }
    size_t first = plan->input_parts[input];
    if (unit >= plan->input_parts[input + 1] - first) {
        return NULL;
    }
    char *wanted = hs_plan_part_name(plan, &plan->parts[first + unit]);
    bool same = wanted != NULL && strcmp(name, wanted) == 0;
    hs_free(wanted);
    return same ? &plan->parts[first + unit] : NULL;
}
