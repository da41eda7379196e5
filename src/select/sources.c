/* The source files that the score rows name: found where they are now, and checked before anything is written. */
#include <stdlib.h>
#include <string.h>

#include "select/cursor.h"
#include "select/records.h"

/* ---- Where they are ---- */

char *hs_source_recorded(const struct hs_source *source) {
    const char *known = json_string_value(json_object_get(source->facts->input, "path"));
    const char *hex = json_string_value(json_object_get(source->facts->input, "path_bytes"));
    if (hex == NULL) {
        return known != NULL ? hs_copy_string(known) : NULL;
    }
    size_t size = strlen(hex) / 2;
    char *path = hs_alloc(size + 1, 1);
    for (size_t i = 0; path != NULL && i < size; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        path[i] = (char)byte;
    }
    return path;
}

/* The path that a score row's "file" means: there, bytes that are not UTF-8 stand as U+FFFD. */
static char *stored_path(const struct hs_source *source) {
    char *path = hs_source_recorded(source);
    struct hs_buffer room = {0};
    size_t size = path != NULL ? strlen(path) : 0;
    const char *shown = path != NULL ? hs_repair_text(path, &size, &room) : NULL;
    bool same = shown != NULL && strlen(source->name) == size && memcmp(shown, source->name, size) == 0;
    hs_buffer_free(&room);
    if (same) {
        return path;
    }
    hs_free(path);
    return hs_copy_string(source->name);
}

/* Size of the folders, with the last slash, that `path` has in common with the first `size` bytes of `other`. */
static size_t common_folders(const char *path, const char *other, size_t size) {
    size_t common = 0;
    for (size_t i = 0; i < size && path[i] == other[i] && path[i] != '\0'; i++) {
        common = path[i] == '/' ? i + 1 : common;
    }
    return common;
}

size_t hs_common_folder(const struct hs_selection *selection, bool absolute) {
    const char *first = NULL;
    size_t size = 0;
    for (size_t i = 0; i < selection->n_sources; i++) {
        const char *name = selection->sources[i].name;
        if (absolute && name[0] != '/') {
            continue;
        }
        size = first == NULL ? common_folders(name, name, strlen(name)) : common_folders(name, first, size);
        first = first == NULL ? name : first;
    }
    return size;
}

/* Where a source file is under --root, or where its path says: whatever is there. */
static headsift_status move_to_root(struct hs_source *source, const char *root, size_t common, headsift_error *error) {
    const char *rest = source->path[0] == '/' ? source->path + common : source->path;
    char *moved = hs_join_path(root, rest);
    if (moved == NULL) {
        return hs_fail_memory(error, rest, strlen(rest));
    }
    bool there = hs_file_exists(moved);
    if (!there && !hs_file_exists(source->path)) {
        headsift_status status = hs_fail(
            error, HEADSIFT_FAILED,
            "%s: the scores name this file, but neither %s nor %s is there: put it back, or give another --root",
            source->name, moved, source->path);
        hs_free(moved);
        return status;
    }
    hs_free(there ? source->path : moved);
    source->path = there ? moved : source->path;
    return HEADSIFT_OK;
}

headsift_status hs_sources_find(struct hs_selection *selection, headsift_error *error) {
    for (size_t i = 0; i < selection->n_sources; i++) {
        struct hs_source *source = &selection->sources[i];
        source->path = stored_path(source);
        if (source->path == NULL) {
            return hs_fail_memory(error, source->name, strlen(source->name));
        }
    }
    size_t common = hs_common_folder(selection, true);
    for (size_t i = 0; selection->root != NULL && i < selection->n_sources; i++) {
        HS_TRY(move_to_root(&selection->sources[i], selection->root, common, error));
    }
    return HEADSIFT_OK;
}

/* ---- How they are read ---- */

/* A setting that was not given is "null" in the metadata. */
static const char *setting(const struct hs_source *source, const char *key) {
    const char *value = json_string_value(json_object_get(source->facts->settings, key));
    return value != NULL && strcmp(value, "null") != 0 ? value : NULL;
}

headsift_inputs hs_source_inputs(const struct hs_source *source) {
    return (headsift_inputs){
        .format = json_string_value(json_object_get(source->facts->input, "format")),
        .text = setting(source, "text"),
        .prompt = setting(source, "prompt"),
        .response = setting(source, "response"),
        .id = setting(source, "id"),
        .domain = setting(source, "domain"),
    };
}

headsift_status hs_source_input(const struct hs_source *source, struct hs_input_list *out, headsift_error *error) {
    if (!hs_file_exists(source->path)) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: the scores name this file, but it is not there: put it back, run where it was scored, or "
                       "say with --root where it is",
                       source->path);
    }
    const char *const paths[] = {source->path};
    headsift_inputs inputs = hs_source_inputs(source);
    inputs.paths = paths;
    inputs.n_paths = 1;
    HS_TRY(hs_inputs_find(&inputs, out, error));
    if (out->n != 1) {
        hs_inputs_free(out);
        return hs_fail(error, HEADSIFT_FAILED, "%s: the scores name it as a file, but it is a folder", source->path);
    }
    return HEADSIFT_OK;
}

/* ---- Whether they are what they were ---- */

static headsift_status check_parquet_rows(struct hs_selection *selection, const struct hs_source *source,
                                          headsift_error *error) {
    struct hs_buffer statement = {0};
    bool built = hs_buffer_printf(&statement, "SELECT num_rows::BIGINT FROM parquet_file_metadata(") &&
                 hs_sql_path(&statement, source->path) && hs_buffer_printf(&statement, ")");
    struct hs_cursor cursor = {0};
    headsift_status status = built ? hs_cursor_open(&selection->sql, statement.data, &cursor, error)
                                   : hs_fail_memory(error, source->path, statement.size);
    hs_buffer_free(&statement);
    HS_TRY(status);
    int64_t rows = hs_cursor_next(&cursor) ? hs_cursor_integer(&cursor, 0, 0) : 0;
    hs_cursor_close(&cursor);
    if (rows <= source->last_row) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: %lld rows, but the scores go up to row %lld: it has changed, score it again", source->path,
                       (long long)rows, (long long)source->last_row);
    }
    return HEADSIFT_OK;
}

/* A file of the same size that was touched since may hold other text: that is said, no more, since a copy or a restored
 * file has a new time too. */
static void warn_touched(const struct hs_selection *selection, const struct hs_source *source,
                         const struct hs_file_identity *now) {
    const json_t *input = source->facts->input;
    const json_t *seconds = json_object_get(input, "mtime"), *nanoseconds = json_object_get(input, "mtime_ns");
    bool same = json_integer_value(seconds) == now->mtime_seconds &&
                (!json_is_integer(nanoseconds) || json_integer_value(nanoseconds) == now->mtime_nanoseconds);
    if (json_is_integer(seconds) && !same && selection->root == NULL) {
        hs_log(selection->monitor, HEADSIFT_LOG_WARNING,
               "%s: its time of change is not the one it had when it was scored (the size is the same): if its text "
               "changed, score it again",
               source->path);
    }
}

/* Whether the metadata of the score file are about this very source file. */
static bool is_recorded(const struct hs_source *source) {
    char *stored = stored_path(source), *recorded = hs_source_recorded(source);
    bool same = stored != NULL && recorded != NULL && strcmp(stored, recorded) == 0;
    hs_free(stored);
    hs_free(recorded);
    return same;
}

static headsift_status check_source(struct hs_selection *selection, const struct hs_source *source,
                                    headsift_error *error) {
    struct hs_input_list list = {0};
    HS_TRY(hs_source_input(source, &list, error));
    const struct hs_file_identity identity = list.items[0].identity;
    enum hs_format format = list.items[0].format;
    hs_inputs_free(&list);
    const json_t *known = json_object_get(source->facts->input, "size");
    bool same = is_recorded(source);
    if (same && json_is_integer(known) && (uint64_t)json_integer_value(known) != identity.size) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: %llu bytes, but %lld when it was scored: it has changed, score it again", source->path,
                       (unsigned long long)identity.size, (long long)json_integer_value(known));
    }
    if (same) {
        warn_touched(selection, source, &identity);
    }
    return format == HS_FORMAT_PARQUET ? check_parquet_rows(selection, source, error) : HEADSIFT_OK;
}

headsift_status hs_sources_check(struct hs_selection *selection, headsift_error *error) {
    for (size_t i = 0; i < selection->n_sources; i++) {
        if (selection->sources[i].wanted > 0) {
            HS_TRY(check_source(selection, &selection->sources[i], error));
        }
    }
    return HEADSIFT_OK;
}
