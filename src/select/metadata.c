/* What the score files tell of themselves: Parquet metadata whose keys begin with "headsift.".
 * Files of other makers tell nothing, and are taken as they are. */
#include <string.h>

#include "select/cursor.h"
#include "select/select.h"

static const char prefix[] = "headsift.";

/* The score file that is being read. */
struct reading {
    struct hs_score_metadata *metadata;
    const struct hs_score_parts *parts;
    size_t part;
    json_t *all, *input;
};

static headsift_status take(struct reading *reading, const struct hs_cursor *cursor, headsift_error *error) {
    size_t key_size, size, skip = sizeof prefix - 1;
    const char *key = hs_cursor_text(cursor, 1, &key_size), *value = hs_cursor_text(cursor, 2, &size);
    if (key == NULL || value == NULL || key_size <= skip || memcmp(key, prefix, skip) != 0) {
        return HEADSIFT_OK;
    }
    if (key_size - skip == strlen("input") && memcmp(key + skip, "input", strlen("input")) == 0) {
        json_decref(reading->input);
        reading->input = json_loadb(value, size, JSON_ALLOW_NUL, NULL);
        return HEADSIFT_OK;
    }
    json_t *text = json_stringn(value, size); /* NULL where it is not UTF-8: left out */
    char *name = hs_copy_bytes(key + skip, key_size - skip);
    bool ok = name != NULL && (text == NULL || json_object_set_new(reading->all, name, text) == 0);
    hs_free(name);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "metadata", size);
}

/* Scores of different models, heads or masks do not compare. */
static headsift_status check_same(const struct reading *reading, headsift_error *error) {
    static const char *const keys[] = {"model_sha256", "heads",      "mask", "calibration_sha256",
                                       "dtype",        "max_tokens", "long", "special"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *ours = json_object_get(reading->metadata->first, keys[i]),
                     *theirs = json_object_get(reading->all, keys[i]);
        if (ours != theirs && !json_equal(ours, theirs)) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s and %s were scored with another %s: their scores do not compare, select from them apart",
                           reading->parts->paths[0], reading->parts->paths[reading->part], keys[i]);
        }
    }
    if ((json_object_get(reading->metadata->first, "response") == NULL) !=
        (json_object_get(reading->all, "response") == NULL)) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "of %s and %s one holds scores of responses alone: they do not compare, select from them apart",
                       reading->parts->paths[0], reading->parts->paths[reading->part]);
    }
    return HEADSIFT_OK;
}

static void drop_different(json_t *common, const json_t *other) {
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(common, next, key, value) {
        if (!json_equal(value, json_object_get(other, key))) {
            json_object_del(common, key);
        }
    }
}

/* Takes over a reference to `value`; gives one to `before` where the two are equal. */
static json_t *share(json_t *before, json_t *value) {
    if (before != NULL && json_equal(before, value)) {
        json_decref(value);
        return json_incref(before);
    }
    return value;
}

static json_t *reading_settings(const json_t *all) {
    static const char *const keys[] = {"text", "prompt", "response", "id", "domain"};
    json_t *settings = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get(all, keys[i]);
        if (value != NULL && json_object_set(settings, keys[i], value) != 0) {
            json_decref(settings);
            return NULL;
        }
    }
    return settings;
}

/* A score file has been read to its end, perhaps without any metadata. */
static headsift_status finish(struct reading *reading, headsift_error *error) {
    struct hs_score_metadata *metadata = reading->metadata;
    if (metadata->first == NULL) {
        metadata->first = json_incref(reading->all);
        metadata->common = json_copy(reading->all);
    }
    HS_TRY(check_same(reading, error));
    drop_different(metadata->common, reading->all);
    struct hs_part_facts *facts = &metadata->facts[reading->part], before = {0};
    before = reading->part > 0 ? facts[-1] : before;
    facts->settings = share(before.settings, reading_settings(reading->all));
    facts->input = share(before.input, reading->input);
    reading->input = NULL;
    json_decref(reading->all);
    reading->all = json_object();
    reading->part++;
    bool ok = metadata->common != NULL && facts->settings != NULL && reading->all != NULL;
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "metadata", 1);
}

/* DuckDB names a file as the statement does, with "./" before a relative path. */
static bool is_path(const char *name, size_t size, const char *path) {
    size_t skip = path[0] != '/' && size > 2 ? 2 : 0;
    return strlen(path) == size - skip && memcmp(name + skip, path, size - skip) == 0;
}

/* Rows come file by file in the order of the list; a file without metadata has none. */
static headsift_status read_rows(struct reading *reading, size_t end, struct hs_cursor *cursor, headsift_error *error) {
    while (hs_cursor_next(cursor)) {
        size_t size;
        const char *name = hs_cursor_text(cursor, 0, &size);
        while (reading->part < end && !is_path(name, size, reading->parts->paths[reading->part])) {
            HS_TRY(finish(reading, error));
        }
        if (reading->part == end) {
            return hs_fail(error, HEADSIFT_FAILED, "%.*s: DuckDB names a score file that was not asked for", (int)size,
                           name);
        }
        HS_TRY(take(reading, cursor, error));
    }
    while (reading->part < end) {
        HS_TRY(finish(reading, error));
    }
    return HEADSIFT_OK;
}

headsift_status hs_score_metadata_read(struct hs_sql *sql, const struct hs_score_parts *parts, size_t first,
                                       struct hs_score_metadata *metadata, headsift_error *error) {
    if (metadata->facts == NULL) {
        metadata->facts = hs_alloc(parts->n, sizeof *metadata->facts);
        metadata->n = metadata->facts != NULL ? parts->n : 0;
    }
    struct reading reading = {.metadata = metadata, .parts = parts, .part = first, .all = json_object()};
    struct hs_buffer statement = {0};
    bool built = metadata->facts != NULL && reading.all != NULL &&
                 hs_buffer_printf(&statement, "SELECT file_name, key, value FROM parquet_kv_metadata(") &&
                 hs_parts_list(&statement, parts, first) && hs_buffer_printf(&statement, ")");
    struct hs_cursor cursor = {0};
    headsift_status status =
        built ? hs_cursor_open(sql, statement.data, &cursor, error) : hs_fail_memory(error, "metadata", statement.size);
    hs_buffer_free(&statement);
    if (status == HEADSIFT_OK) {
        size_t left = parts->n - first;
        status = read_rows(&reading, first + (left < HS_PARTS_AT_ONCE ? left : HS_PARTS_AT_ONCE), &cursor, error);
        hs_cursor_close(&cursor);
    }
    json_decref(reading.all);
    json_decref(reading.input);
    return status;
}

void hs_score_metadata_free(struct hs_score_metadata *metadata) {
    for (size_t i = 0; i < metadata->n; i++) {
        json_decref(metadata->facts[i].settings);
        json_decref(metadata->facts[i].input);
    }
    hs_free(metadata->facts);
    json_decref(metadata->first);
    json_decref(metadata->common);
    *metadata = (struct hs_score_metadata){0};
}
