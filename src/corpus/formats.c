/* The table of formats and the matching of suffixes, with or without .gz or .zst behind them.
 * Case does not count in a suffix. */
#define _GNU_SOURCE
#include "corpus/formats.h"

#include <string.h>
#include <strings.h>

static const struct format {
    const char *name;
    enum hs_format format;
    const char *suffixes[3];
    bool compressed; /* .gz or .zst may stand behind the suffix */
    const char *shown;
} formats[] = {
    {"parquet", HS_FORMAT_PARQUET, {".parquet"}, false, ".parquet"},
    {"jsonl", HS_FORMAT_JSONL, {".jsonl", ".ndjson", ".json"}, true, ".jsonl, .ndjson or .json (.gz, .zst)"},
    {"csv", HS_FORMAT_CSV, {".csv"}, true, ".csv (.gz, .zst)"},
    {"text", HS_FORMAT_TEXT, {".txt"}, true, ".txt (.gz, .zst)"},
};
enum { N_FORMATS = sizeof formats / sizeof *formats };

static const struct format *by_name(const char *name) {
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

static bool ends_at(const char *path, size_t size, const char *suffix) {
    size_t length = strlen(suffix);
    return size > length && strncasecmp(path + size - length, suffix, length) == 0;
}

static bool takes(const struct format *format, const char *path) {
    size_t size = strlen(path);
    if (format->compressed && ends_at(path, size, ".gz")) {
        size -= 3;
    } else if (format->compressed && ends_at(path, size, ".zst")) {
        size -= 4;
    }
    for (size_t i = 0; i < 3 && format->suffixes[i] != NULL; i++) {
        if (ends_at(path, size, format->suffixes[i])) {
            return true;
        }
    }
    return false;
}

headsift_status hs_format_check(const char *name, headsift_error *error) {
    if (name == NULL || by_name(name) != NULL) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_USAGE, "unknown input format \"%s\": parquet, jsonl, csv or text", name);
}

headsift_status hs_format_of(const char *path, const char *name, enum hs_format *out, headsift_error *error) {
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (name != NULL ? strcmp(formats[i].name, name) == 0 : takes(&formats[i], path)) {
            *out = formats[i].format;
            return HEADSIFT_OK;
        }
    }
    return hs_fail(error, HEADSIFT_USAGE,
                   "%s: unknown suffix; say what it is with --input-format parquet, jsonl, csv or text", path);
}

bool hs_format_takes(const char *path, const char *name) {
    for (size_t i = 0; i < N_FORMATS; i++) {
        if ((name == NULL || strcmp(formats[i].name, name) == 0) && takes(&formats[i], path)) {
            return true;
        }
    }
    return false;
}

const char *hs_format_suffixes(const char *name) {
    const struct format *format = name != NULL ? by_name(name) : NULL;
    return format != NULL ? format->shown : ".parquet, or .jsonl, .ndjson, .json, .csv, .txt (plain, .gz, .zst)";
}
