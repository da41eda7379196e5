/* What the score files tell of themselves: Parquet metadata whose keys begin with "headsift.".
 * Files of other makers tell nothing, and are taken as they are. */
#include <string.h>

#include "select/cursor.h"
#include "select/select.h"

static const char prefix[] = "headsift.";

static headsift_status take(struct hs_score_part *part, const struct hs_cursor *cursor, headsift_error *error) {
    size_t key_size, size, skip = sizeof prefix - 1;
    const char *key = hs_cursor_text(cursor, 0, &key_size), *value = hs_cursor_text(cursor, 1, &size);
    if (key == NULL || value == NULL || key_size <= skip || memcmp(key, prefix, skip) != 0) {
        return HEADSIFT_OK;
    }
    if (key_size - skip == strlen("input") && memcmp(key + skip, "input", strlen("input")) == 0) {
        json_decref(part->input);
        part->input = json_loadb(value, size, JSON_ALLOW_NUL, NULL);
        return HEADSIFT_OK;
    }
    json_t *text = json_stringn(value, size); /* NULL where it is not UTF-8: left out */
    char *name = hs_copy_bytes(key + skip, key_size - skip);
    bool ok = name != NULL && (text == NULL || json_object_set_new(part->metadata, name, text) == 0);
    hs_free(name);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, part->path, size);
}

headsift_status hs_part_metadata_read(struct hs_sql *sql, struct hs_score_part *part, headsift_error *error) {
    part->metadata = json_object();
    struct hs_buffer statement = {0};
    bool built = part->metadata != NULL &&
                 hs_buffer_printf(&statement, "SELECT key, value FROM parquet_kv_metadata(") &&
                 hs_sql_path(&statement, part->path) && hs_buffer_printf(&statement, ")");
    struct hs_cursor cursor = {0};
    headsift_status status =
        built ? hs_cursor_open(sql, statement.data, &cursor, error) : hs_fail_memory(error, part->path, statement.size);
    hs_buffer_free(&statement);
    HS_TRY(status);
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        status = take(part, &cursor, error);
    }
    hs_cursor_close(&cursor);
    return status;
}

/* Scores of different models, heads or masks do not compare. */
static headsift_status check_same(const struct hs_score_part *first, const struct hs_score_part *part,
                                  headsift_error *error) {
    static const char *const keys[] = {"model_sha256", "heads", "mask", "dtype", "max_tokens", "long", "special"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *ours = json_object_get(first->metadata, keys[i]),
                     *theirs = json_object_get(part->metadata, keys[i]);
        if (ours != theirs && !json_equal(ours, theirs)) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s and %s were scored with another %s: their scores do not compare, select from them apart",
                           first->path, part->path, keys[i]);
        }
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

headsift_status hs_metadata_common(const struct hs_score_parts *parts, json_t **out, headsift_error *error) {
    for (size_t i = 1; i < parts->n; i++) {
        HS_TRY(check_same(&parts->items[0], &parts->items[i], error));
    }
    *out = json_copy(parts->items[0].metadata);
    if (*out == NULL) {
        return hs_fail_memory(error, "metadata", 1);
    }
    for (size_t i = 1; i < parts->n; i++) {
        drop_different(*out, parts->items[i].metadata);
    }
    return HEADSIFT_OK;
}

/* A setting that was not given is "null" in the metadata. */
static const char *setting(const struct hs_score_part *part, const char *key) {
    const char *value = json_string_value(json_object_get(part->metadata, key));
    return value != NULL && strcmp(value, "null") != 0 ? value : NULL;
}

headsift_inputs hs_part_inputs(const struct hs_score_part *part) {
    return (headsift_inputs){
        .format = json_string_value(json_object_get(part->input, "format")),
        .text = setting(part, "text"),
        .id = setting(part, "id"),
        .domain = setting(part, "domain"),
    };
}
