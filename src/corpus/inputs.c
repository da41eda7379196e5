/* The list of input files: what the caller named, folders and globs expanded, each file opened once.
 * Whatever is wrong with one of them is an error here, before any work starts. */
#define _GNU_SOURCE
#include "corpus/corpus.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "corpus/columns.h"
#include "corpus/formats.h"
#include "corpus/stream.h"
#include "corpus/walk.h"

enum { LIST_LIMIT = 1 << 30 };

struct finder {
    const char *format; /* headsift_inputs.format */
    struct hs_input_list *list;
    size_t capacity;
};

/* ---- One file ----------------------------------------------------------------------------------------------- */

static headsift_status check_file(const char *path, headsift_error *error) {
    struct stat info;
    if (stat(path, &info) != 0) {
        return hs_fail_errno(error, errno, "can't open %s", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return hs_fail(error, HEADSIFT_USAGE, "%s is not a regular file", path);
    }
    if (hs_utf8_check(path, strlen(path)) < strlen(path)) {
        return hs_fail(error, HEADSIFT_USAGE, "the file name %s is not UTF-8: rename the file", path);
    }
    return HEADSIFT_OK;
}

static headsift_status add_file(struct finder *finder, const char *path, headsift_error *error) {
    HS_TRY(check_file(path, error));
    struct hs_input input = {0};
    HS_TRY(hs_format_of(path, finder->format, &input.format, error));
    HS_TRY(hs_stream_detect(path, &input.compression, error));
    if (input.format == HS_FORMAT_PARQUET) {
        input.compression = HS_PLAIN;
    }
    HS_TRY(hs_file_identity(path, &input.identity, error));
    void *items = finder->list->items;
    bool grown = hs_grow(&items, &finder->capacity, finder->list->n + 1, sizeof *finder->list->items);
    finder->list->items = items;
    input.path = grown ? hs_copy_string(path) : NULL;
    if (input.path == NULL) {
        return hs_fail_memory(error, path, strlen(path));
    }
    finder->list->items[finder->list->n++] = input;
    return HEADSIFT_OK;
}

/* ---- Folders and globs -------------------------------------------------------------------------------------- */

static headsift_status add_folder(struct finder *finder, const char *path, headsift_error *error) {
    struct hs_paths found = {0};
    headsift_status status = hs_walk(path, finder->format, &found, error);
    if (status == HEADSIFT_OK && found.n == 0) {
        status = hs_fail(error, HEADSIFT_USAGE, "no input files in %s: they end in %s", path,
                         hs_format_suffixes(finder->format));
    }
    for (size_t i = 0; i < found.n && status == HEADSIFT_OK; i++) {
        status = add_file(finder, found.items[i], error);
    }
    hs_paths_free(&found);
    return status;
}

static headsift_status add_path(struct finder *finder, const char *path, headsift_error *error) {
    return hs_is_directory(path) ? add_folder(finder, path, error) : add_file(finder, path, error);
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static headsift_status add_matches(struct finder *finder, glob_t *matches, headsift_error *error) {
    qsort(matches->gl_pathv, matches->gl_pathc, sizeof *matches->gl_pathv, by_bytes);
    for (size_t i = 0; i < matches->gl_pathc; i++) {
        HS_TRY(add_path(finder, matches->gl_pathv[i], error));
    }
    return HEADSIFT_OK;
}

static headsift_status add_glob(struct finder *finder, const char *pattern, headsift_error *error) {
    glob_t matches = {0};
    int state = glob(pattern, GLOB_NOSORT | GLOB_ERR, NULL, &matches);
    headsift_status status;
    if (state == GLOB_NOMATCH) {
        status = hs_fail(error, HEADSIFT_USAGE, "no file matches %s", pattern);
    } else if (state == GLOB_NOSPACE) {
        status = hs_fail_memory(error, pattern, strlen(pattern));
    } else if (state != 0) {
        status = hs_fail_errno(error, errno, "can't read a folder of %s", pattern);
    } else {
        status = add_matches(finder, &matches, error);
    }
    globfree(&matches);
    return status;
}

static headsift_status add_argument(struct finder *finder, const char *path, headsift_error *error) {
    struct stat info;
    bool exists = stat(path, &info) == 0;
    if (!exists && strpbrk(path, "*?[") != NULL) {
        return add_glob(finder, path, error);
    }
    return add_path(finder, path, error);
}

/* ---- All of them -------------------------------------------------------------------------------------------- */

static headsift_status add_listed(struct finder *finder, const char *files_from, headsift_error *error) {
    struct hs_buffer text = {0};
    headsift_status status = hs_file_read(files_from, LIST_LIMIT, &text, error);
    if (status == HEADSIFT_OK && text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
        status = hs_fail(error, HEADSIFT_USAGE, "%s holds a NUL: it must list a path a line", files_from);
    }
    char *at = text.data, *end = text.size > 0 ? text.data + text.size : at;
    while (status == HEADSIFT_OK && at < end) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        char *line_end = newline != NULL ? newline : end;
        char *next = newline != NULL ? newline + 1 : end;
        line_end -= line_end > at && line_end[-1] == '\r';
        *line_end = '\0';
        if (*at != '\0') {
            status = add_argument(finder, at, error);
        }
        at = next;
    }
    hs_buffer_free(&text);
    return status;
}

struct real_path {
    char *real;
    const char *given;
};

static int by_real(const void *a, const void *b) {
    return strcmp(((const struct real_path *)a)->real, ((const struct real_path *)b)->real);
}

/* Two names of one file would count its rows twice. */
static headsift_status refuse_repeated(const struct hs_input_list *list, headsift_error *error) {
    struct real_path *paths = hs_alloc(list->n, sizeof *paths);
    headsift_status status = paths != NULL ? HEADSIFT_OK : hs_fail_memory(error, "paths", list->n * sizeof *paths);
    for (size_t i = 0; i < list->n && status == HEADSIFT_OK; i++) {
        paths[i] = (struct real_path){realpath(list->items[i].path, NULL), list->items[i].path};
        if (paths[i].real == NULL) {
            status = hs_fail_errno(error, errno, "can't open %s", list->items[i].path);
        }
    }
    if (status == HEADSIFT_OK) {
        qsort(paths, list->n, sizeof *paths, by_real);
    }
    for (size_t i = 1; i < list->n && status == HEADSIFT_OK; i++) {
        if (strcmp(paths[i - 1].real, paths[i].real) == 0) {
            status = hs_fail(error, HEADSIFT_USAGE, "%s is given twice (as %s): its rows would count twice",
                             paths[i].given, paths[i - 1].given);
        }
    }
    for (size_t i = 0; paths != NULL && i < list->n; i++) {
        free(paths[i].real);
    }
    hs_free(paths);
    return status;
}

static headsift_status find_all(struct finder *finder, const headsift_inputs *inputs, headsift_error *error) {
    HS_TRY(hs_format_check(inputs->format, error));
    for (size_t i = 0; i < inputs->n_paths; i++) {
        HS_TRY(add_argument(finder, inputs->paths[i], error));
    }
    if (inputs->files_from != NULL) {
        HS_TRY(add_listed(finder, inputs->files_from, error));
    }
    if (finder->list->n == 0) {
        return hs_fail(error, HEADSIFT_USAGE, "no input files: name files, globs or folders");
    }
    return refuse_repeated(finder->list, error);
}

headsift_status hs_inputs_find(const headsift_inputs *inputs, struct hs_input_list *out, headsift_error *error) {
    *out = (struct hs_input_list){0};
    struct finder finder = {.format = inputs->format, .list = out};
    HS_TRY(hs_columns_check(inputs, error));
    headsift_status status = find_all(&finder, inputs, error);
    if (status != HEADSIFT_OK) {
        hs_inputs_free(out);
    }
    return status;
}

void hs_inputs_free(struct hs_input_list *list) {
    for (size_t i = 0; i < list->n; i++) {
        hs_free(list->items[i].path);
    }
    hs_free(list->items);
    *list = (struct hs_input_list){0};
}
