/* The source files that the score rows name: found, named after their score file, and checked before anything is
 * written. */
#include <stdlib.h>
#include <string.h>

#include "select/cursor.h"
#include "select/records.h"

/* What a score file must have for a selection, whatever wrote it. */
static const char *const wanted_columns[] = {"file", "row", "domain", "n_tokens", "score"};

static headsift_status check_columns(struct hs_sql *sql, const char *path, headsift_error *error) {
    struct hs_buffer statement = {0};
    bool built = hs_buffer_printf(&statement, "SELECT column_name FROM (DESCRIBE FROM ") &&
                 hs_sql_parquet(&statement, path) && hs_buffer_printf(&statement, ")");
    struct hs_cursor cursor = {0};
    headsift_status status =
        built ? hs_cursor_open(sql, statement.data, &cursor, error) : hs_fail_memory(error, path, statement.size);
    hs_buffer_free(&statement);
    HS_TRY(status);
    unsigned found = 0;
    while (hs_cursor_next(&cursor)) {
        size_t size;
        const char *name = hs_cursor_text(&cursor, 0, &size);
        for (unsigned i = 0; i < sizeof wanted_columns / sizeof *wanted_columns; i++) {
            bool same = name != NULL && strlen(wanted_columns[i]) == size && memcmp(name, wanted_columns[i], size) == 0;
            found |= (unsigned)same << i;
        }
    }
    hs_cursor_close(&cursor);
    for (unsigned i = 0; i < sizeof wanted_columns / sizeof *wanted_columns; i++) {
        if ((found >> i & 1u) == 0) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: no column \"%s\": this is not a file that headsift score wrote",
                           path, wanted_columns[i]);
        }
    }
    return HEADSIFT_OK;
}

/* The path of a part's source file, whose bytes may not be UTF-8: they stand in the metadata in hex. NULL: not known.
 */
static char *input_path(const struct hs_score_part *part) {
    const char *known = json_string_value(json_object_get(part->input, "path"));
    const char *hex = json_string_value(json_object_get(part->input, "path_bytes"));
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

/* The file that a score row's "file" means: there, bytes that are not UTF-8 stand as U+FFFD. */
static char *real_path(const struct hs_score_part *part, const char *name) {
    char *path = input_path(part);
    struct hs_buffer room = {0};
    size_t size = path != NULL ? strlen(path) : 0;
    const char *shown = path != NULL ? hs_repair_text(path, &size, &room) : NULL;
    bool same = shown != NULL && strlen(name) == size && memcmp(shown, name, size) == 0;
    hs_buffer_free(&room);
    if (same) {
        return path;
    }
    hs_free(path);
    return hs_copy_string(name);
}

static headsift_status add_unit(struct hs_units *units, size_t *capacity, int32_t index,
                                const struct hs_score_part *part, const struct hs_cursor *cursor,
                                headsift_error *error) {
    size_t size;
    const char *name = hs_cursor_text(cursor, 0, &size);
    if (name == NULL || size == 0 || memchr(name, '\0', size) != NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: a row names no source file: score the documents again", part->path);
    }
    void *items = units->items;
    bool grown = hs_grow(&items, capacity, units->n + 1, sizeof *units->items);
    units->items = items;
    if (!grown) {
        return hs_fail_memory(error, "the list of source files", size);
    }
    struct hs_unit *unit = &units->items[units->n++];
    *unit = (struct hs_unit){.part = index,
                             .name = hs_copy_bytes(name, size),
                             .rows = hs_cursor_integer(cursor, 1, 0),
                             .last_row = hs_cursor_integer(cursor, 2, -1)};
    unit->path = unit->name != NULL ? real_path(part, unit->name) : NULL;
    return unit->path != NULL ? HEADSIFT_OK : hs_fail_memory(error, "the list of source files", size);
}

static headsift_status read_part(struct hs_selection *selection, struct hs_sql *sql, int32_t index, size_t *capacity,
                                 headsift_error *error) {
    struct hs_score_part *part = &selection->parts.items[index];
    const char *path = part->path;
    HS_TRY(check_columns(sql, path, error));
    HS_TRY(hs_part_metadata_read(sql, part, error));
    struct hs_buffer statement = {0};
    bool built = hs_buffer_printf(&statement, "SELECT \"file\"::VARCHAR, count(*)::BIGINT, max(\"row\")::BIGINT "
                                              "FROM ") &&
                 hs_sql_parquet(&statement, path) &&
                 hs_buffer_printf(&statement, " GROUP BY 1 ORDER BY min(file_row_number)");
    struct hs_cursor cursor = {0};
    headsift_status status =
        built ? hs_cursor_open(sql, statement.data, &cursor, error) : hs_fail_memory(error, path, statement.size);
    hs_buffer_free(&statement);
    HS_TRY(status);
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        status = add_unit(&selection->units, capacity, index, part, &cursor, error);
    }
    hs_cursor_close(&cursor);
    return status;
}

static int compare_names(const void *left, const void *right) {
    const struct hs_unit *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

/* Ranks the names by their bytes: ties of values are broken by this rank, then by row. */
static headsift_status rank_files(struct hs_units *units, headsift_error *error) {
    struct hs_unit **sorted = hs_alloc(units->n, sizeof *sorted);
    if (sorted == NULL) {
        return hs_fail_memory(error, "the list of source files", units->n * sizeof *sorted);
    }
    for (size_t i = 0; i < units->n; i++) {
        sorted[i] = &units->items[i];
    }
    qsort(sorted, units->n, sizeof *sorted, compare_names);
    int32_t rank = 0;
    for (size_t i = 0; i < units->n; i++) {
        rank += i > 0 && strcmp(sorted[i]->name, sorted[i - 1]->name) != 0;
        sorted[i]->file = rank;
    }
    hs_free(sorted);
    return HEADSIFT_OK;
}

static headsift_status open_for_parts(const struct hs_score_parts *parts, struct hs_sql *sql, headsift_error *error) {
    const char **paths = hs_alloc(parts->n, sizeof *paths);
    if (paths == NULL) {
        return hs_fail_memory(error, "the list of score files", parts->n * sizeof *paths);
    }
    for (size_t i = 0; i < parts->n; i++) {
        paths[i] = parts->items[i].path;
    }
    struct hs_sql_options options = {.paths = paths, .n_paths = parts->n};
    headsift_status status = hs_sql_open(&options, sql, error);
    hs_free(paths);
    return status;
}

headsift_status hs_units_read(struct hs_selection *selection, headsift_error *error) {
    struct hs_sql sql = {0};
    HS_TRY(open_for_parts(&selection->parts, &sql, error));
    size_t capacity = 0;
    headsift_status status = HEADSIFT_OK;
    for (size_t i = 0; status == HEADSIFT_OK && i < selection->parts.n; i++) {
        status = read_part(selection, &sql, (int32_t)i, &capacity, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_metadata_common(&selection->parts, &selection->metadata, error);
    }
    hs_sql_close(&sql);
    return status == HEADSIFT_OK ? rank_files(&selection->units, error) : status;
}

headsift_status hs_units_name(struct hs_selection *selection, headsift_error *error) {
    const struct hs_units *units = &selection->units;
    const char *suffix = selection->choice.jsonl ? "jsonl" : "parquet";
    int number = 0;
    for (size_t i = 0; i < units->n; i++) {
        struct hs_unit *unit = &units->items[i];
        bool first = i == 0 || units->items[i - 1].part != unit->part;
        bool alone = first && (i + 1 == units->n || units->items[i + 1].part != unit->part);
        number = first ? 0 : number + 1;
        if (unit->chosen == 0) {
            continue;
        }
        const char *stem = selection->parts.items[unit->part].stem;
        unit->output = alone ? hs_format("%s.%s", stem, suffix) : hs_format("%s-%05d.%s", stem, number, suffix);
        if (unit->output == NULL) {
            return hs_fail_memory(error, unit->path, strlen(unit->path));
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_unit_input(const struct hs_selection *selection, const struct hs_unit *unit,
                              struct hs_input_list *out, headsift_error *error) {
    if (!hs_file_exists(unit->path)) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: the scores name this file, but it is not there: put it back, or run where it was scored",
                       unit->path);
    }
    const char *const paths[] = {unit->path};
    headsift_inputs inputs = hs_part_inputs(&selection->parts.items[unit->part]);
    inputs.paths = paths;
    inputs.n_paths = 1;
    HS_TRY(hs_inputs_find(&inputs, out, error));
    if (out->n != 1) {
        hs_inputs_free(out);
        return hs_fail(error, HEADSIFT_FAILED, "%s: the scores name it as a file, but it is a folder", unit->path);
    }
    return HEADSIFT_OK;
}

static headsift_status check_parquet_rows(struct hs_selection *selection, const struct hs_unit *unit,
                                          headsift_error *error) {
    struct hs_buffer statement = {0};
    bool built = hs_buffer_printf(&statement, "SELECT num_rows::BIGINT FROM parquet_file_metadata(") &&
                 hs_sql_path(&statement, unit->path) && hs_buffer_printf(&statement, ")");
    struct hs_cursor cursor = {0};
    headsift_status status = built ? hs_cursor_open(&selection->sql, statement.data, &cursor, error)
                                   : hs_fail_memory(error, unit->path, statement.size);
    hs_buffer_free(&statement);
    HS_TRY(status);
    int64_t rows = hs_cursor_next(&cursor) ? hs_cursor_integer(&cursor, 0, 0) : 0;
    hs_cursor_close(&cursor);
    if (rows <= unit->last_row) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: %lld rows, but the scores go up to row %lld: it has changed, score it again", unit->path,
                       (long long)rows, (long long)unit->last_row);
    }
    return HEADSIFT_OK;
}

/* A file of the same size that was touched since may hold other text: that is said, no more, since a copy or a restored
 * file has a new time too. */
static void warn_touched(const struct hs_selection *selection, const struct hs_unit *unit, const json_t *input,
                         const struct hs_file_identity *now) {
    const json_t *seconds = json_object_get(input, "mtime"), *nanoseconds = json_object_get(input, "mtime_ns");
    bool same = json_integer_value(seconds) == now->mtime_seconds &&
                (!json_is_integer(nanoseconds) || json_integer_value(nanoseconds) == now->mtime_nanoseconds);
    if (json_is_integer(seconds) && !same) {
        hs_log(selection->monitor, HEADSIFT_LOG_WARNING,
               "%s: its time of change is not the one it had when it was scored (the size is the same): if its text "
               "changed, score it again",
               unit->path);
    }
}

static headsift_status check_unit(struct hs_selection *selection, const struct hs_unit *unit, headsift_error *error) {
    struct hs_input_list list = {0};
    HS_TRY(hs_unit_input(selection, unit, &list, error));
    const struct hs_file_identity identity = list.items[0].identity;
    enum hs_format format = list.items[0].format;
    hs_inputs_free(&list);
    const struct hs_score_part *part = &selection->parts.items[unit->part];
    const json_t *known = json_object_get(part->input, "size");
    char *path = input_path(part);
    bool same = path != NULL && strcmp(path, unit->path) == 0;
    hs_free(path);
    if (same && json_is_integer(known) && (uint64_t)json_integer_value(known) != identity.size) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: %llu bytes, but %lld when it was scored: it has changed, score it again", unit->path,
                       (unsigned long long)identity.size, (long long)json_integer_value(known));
    }
    if (same) {
        warn_touched(selection, unit, part->input, &identity);
    }
    return format == HS_FORMAT_PARQUET ? check_parquet_rows(selection, unit, error) : HEADSIFT_OK;
}

headsift_status hs_units_check(struct hs_selection *selection, headsift_error *error) {
    for (size_t i = 0; i < selection->units.n; i++) {
        if (selection->units.items[i].chosen > 0) {
            HS_TRY(check_unit(selection, &selection->units.items[i], error));
        }
    }
    return HEADSIFT_OK;
}

void hs_units_free(struct hs_units *units) {
    for (size_t i = 0; i < units->n; i++) {
        hs_free(units->items[i].name);
        hs_free(units->items[i].path);
        hs_free(units->items[i].output);
    }
    hs_free(units->items);
    *units = (struct hs_units){0};
}
