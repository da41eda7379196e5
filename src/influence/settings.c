/* The settings that score rows depend on, as JSON: for DIR/score.json, for the Parquet metadata, and to tell whether a
 * second call means the same work. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "influence/plan.h"

/* A JSON string; what is not UTF-8 is escaped. */
static json_t *text_value(const char *text) {
    if (text == NULL) {
        return json_null();
    }
    size_t size = strlen(text);
    if (hs_utf8_check(text, size) == size) {
        return json_string(text);
    }
    char line[1024];
    hs_escape_line(text, size, line, sizeof line);
    return json_string(line);
}

static json_t *input_value(const struct hs_input *input, const struct hs_source *source) {
    static const char *const formats[] = {"parquet", "jsonl", "csv", "text"};
    static const char *const compressions[] = {"none", "gzip", "zstd"};
    json_t *entry = json_object();
    bool ok = entry != NULL && json_object_set_new(entry, "path", text_value(input->path)) == 0 &&
              json_object_set_new(entry, "format", json_string(formats[input->format])) == 0 &&
              json_object_set_new(entry, "compression", json_string(compressions[input->compression])) == 0 &&
              json_object_set_new(entry, "size", json_integer((json_int_t)input->identity.size)) == 0 &&
              json_object_set_new(entry, "mtime", json_integer(input->identity.mtime_seconds)) == 0 &&
              json_object_set_new(entry, "mtime_ns", json_integer(input->identity.mtime_nanoseconds)) == 0;
    if (ok && source->footer[0] != '\0') {
        ok = json_object_set_new(entry, "footer_sha256", json_string(source->footer)) == 0;
    }
    if (!ok) {
        json_decref(entry);
        return NULL;
    }
    return entry;
}

static json_t *inputs_value(const struct hs_score_plan *plan) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < plan->inputs.n; i++) {
        if (json_array_append_new(list, input_value(&plan->inputs.items[i], &plan->sources[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *heads_value(const struct hs_mask *mask) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < mask->n_heads; i++) {
        json_t *pair = json_pack("[ii]", (int)mask->heads[i].layer, (int)mask->heads[i].head);
        if (json_array_append_new(list, pair) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

headsift_status hs_settings_make(headsift_model *model, const struct hs_scoring *scoring,
                                 const headsift_score_options *options, const headsift_inputs *inputs,
                                 const struct hs_score_plan *plan, json_t **out, headsift_error *error) {
    char sha256[HS_HASH_HEX];
    HS_TRY(hs_model_sha256(model->model, sha256, error));
    const bool mean = options->mask == HEADSIFT_MASK_MEAN;
    const struct {
        const char *key;
        json_t *value;
    } members[] = {
        {"version", json_string(HEADSIFT_VERSION)},
        {"model", text_value(hs_model_config(model->model)->name)},
        {"model_sha256", json_string(sha256)},
        {"heads", heads_value(&scoring->masks[1])},
        {"mask", json_string(hs_mask_name(options->mask))},
        {"calibration_sha256", mean ? json_string(scoring->calibration.sha256) : NULL},
        {"dtype", json_string(hs_dtype_name(model->dtype))},
        {"max_tokens", json_integer(scoring->max_tokens)},
        {"long", json_string(scoring->chunk ? "chunk" : "truncate")},
        {"special", json_string(scoring->special_as_text ? "text" : "parse")},
        {"bos", json_string(scoring->bos >= 0 ? "added" : "none")},
        {"text", text_value(inputs->text != NULL ? inputs->text : "text")},
        {"id", text_value(inputs->id)},
        {"domain", text_value(inputs->domain)},
        {"limit", json_integer(inputs->limit)},
        {"unit_bytes", json_integer(plan->unit_bytes)},
        {"inputs", inputs_value(plan)},
    };
    *out = json_object();
    bool ok = *out != NULL;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        bool absent = !mean && strcmp(members[i].key, "calibration_sha256") == 0;
        ok = (absent || json_object_set_new(*out, members[i].key, members[i].value) == 0) && ok;
    }
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "the settings", 1);
}

/* A value as a person or a metadata reader wants it: strings bare, the rest as JSON. Fresh memory, or NULL. */
static char *plain(const json_t *value) {
    if (value == NULL) {
        return hs_copy_string("(missing)");
    }
    if (json_is_string(value)) {
        return hs_copy_bytes(json_string_value(value), json_string_length(value));
    }
    size_t size = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    char *text = hs_copy_bytes("", 0);
    char *grown = text != NULL ? hs_realloc(text, size + 1, 1) : NULL;
    if (grown == NULL) {
        hs_free(text);
        return NULL;
    }
    json_dumpb(value, grown, size, JSON_COMPACT | JSON_ENCODE_ANY);
    grown[size] = '\0';
    return grown;
}

static void say_difference(const char *where, const char *key, const json_t *ours, const json_t *theirs,
                           headsift_error *error) {
    char *now = plain(ours), *before = plain(theirs);
    hs_fail(error, HEADSIFT_FAILED,
            "%s was scored with other settings: %s was %.150s and is now %.150s; use --overwrite to score anew, or "
            "another folder",
            where, key, before != NULL ? before : "?", now != NULL ? now : "?");
    hs_free(now);
    hs_free(before);
}

bool hs_inputs_differ(const json_t *ours, const json_t *theirs, const char *where, headsift_error *error) {
    if (json_array_size(ours) != json_array_size(theirs)) {
        hs_fail(error, HEADSIFT_FAILED,
                "%s was scored from %zu input files and now there are %zu; use --overwrite to score anew, or another "
                "folder",
                where, json_array_size(theirs), json_array_size(ours));
        return true;
    }
    for (size_t i = 0; i < json_array_size(ours); i++) {
        const json_t *now = json_object_get(json_array_get(ours, i), "path");
        if (!json_equal(now, json_object_get(json_array_get(theirs, i), "path"))) {
            hs_fail(error, HEADSIFT_FAILED,
                    "%s: input %s was not the one in its place when it was scored; use --overwrite to score anew, or "
                    "another folder",
                    where, json_is_string(now) ? json_string_value(now) : "?");
            return true;
        }
    }
    return false;
}

enum hs_change hs_input_change(const json_t *now, const json_t *before) {
    static const char *const content[] = {"format", "compression", "size", "footer_sha256"}, *const times[] = {
                                                                                                 "mtime", "mtime_ns"};
    for (size_t i = 0; i < sizeof content / sizeof *content; i++) {
        const json_t *ours = json_object_get(now, content[i]), *theirs = json_object_get(before, content[i]);
        if (ours != theirs && !json_equal(ours, theirs)) {
            return HS_CHANGE_CONTENT;
        }
    }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (!json_equal(json_object_get(now, times[i]), json_object_get(before, times[i]))) {
            return HS_CHANGE_TIME;
        }
    }
    return HS_CHANGE_NONE;
}

bool hs_settings_differ(const json_t *ours, const json_t *theirs, const char *where, headsift_error *error) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)ours, key, value) {
        const json_t *other = json_object_get(theirs, key);
        if (strcmp(key, "inputs") != 0 && !json_equal(value, other)) {
            say_difference(where, key, value, other, error);
            return true;
        }
    }
    return false;
}

headsift_status hs_settings_sha256(const json_t *settings, char hex[HS_HASH_HEX], headsift_error *error) {
    json_t *copy = json_copy((json_t *)(uintptr_t)settings);
    json_object_del(copy, "inputs");
    char *text = copy != NULL ? json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    headsift_status status =
        text != NULL ? hs_hash_bytes(text, strlen(text), hex, error) : hs_fail_memory(error, "the settings", 1);
    free(text);
    json_decref(copy);
    return status;
}

char **hs_settings_metadata(const json_t *settings, size_t input) {
    char **metadata = hs_alloc(2 * json_object_size(settings) + 1, sizeof *metadata);
    size_t n = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)settings, key, value) {
        bool inputs = strcmp(key, "inputs") == 0;
        if (metadata != NULL) {
            metadata[n] = hs_format("headsift.%s", inputs ? "input" : key);
            metadata[n + 1] = plain(inputs ? json_array_get(value, input) : value);
            if (metadata[n] == NULL || metadata[n + 1] == NULL) {
                hs_free(metadata[n + 1]);
                metadata[n + 1] = NULL;
                hs_metadata_free(metadata);
                return NULL;
            }
            n += 2;
        }
    }
    return metadata;
}

void hs_metadata_free(char **metadata) {
    for (char **at = metadata; at != NULL && *at != NULL; at++) {
        hs_free(*at);
    }
    hs_free(metadata);
}
