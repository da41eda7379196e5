/* The settings of a run as run.json records them, defaults filled in: a section for the model, the inputs and each
 * step. Two calls with equal sections make equal outputs. */
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "influence/plan.h"
#include "run/run.h"
#include "select/choice.h"

static json_t *text_or_null(const char *text) {
    if (text == NULL) {
        return json_null();
    }
    char line[4096];
    if (hs_utf8_check(text, strlen(text)) == strlen(text)) {
        return json_string(text);
    }
    hs_escape_line(text, strlen(text), line, sizeof line);
    return json_string(line);
}

/* A file that a step reads, by its content: {"path", "sha256"}, or null. */
static headsift_status file_json(const char *path, json_t **out, headsift_error *error) {
    *out = json_null();
    if (path == NULL) {
        return HEADSIFT_OK;
    }
    struct hs_map map;
    char hex[HS_HASH_HEX];
    HS_TRY(hs_map_open(path, &map, error));
    headsift_status status = hs_hash_bytes(map.data, map.size, hex, error);
    hs_map_close(&map);
    HS_TRY(status);
    *out = json_pack("{s:o, s:s}", "path", text_or_null(path), "sha256", hex);
    return *out != NULL ? HEADSIFT_OK : hs_fail_memory(error, path, strlen(path));
}

static headsift_status model_json(const struct hs_run *run, json_t **out, headsift_error *error) {
    char hex[HS_HASH_HEX];
    HS_TRY(hs_model_sha256(run->model->model, hex, error));
    *out = json_pack("{s:o, s:s}", "name", text_or_null(hs_model_config(run->model->model)->name), "sha256", hex);
    return HEADSIFT_OK;
}

static headsift_status inputs_json(const struct hs_run *run, json_t **out, headsift_error *error) {
    const headsift_inputs *inputs = &run->inputs;
    json_t *files = json_array();
    for (size_t i = 0; i < run->documents.n; i++) {
        const struct hs_input *file = &run->documents.items[i];
        json_t *entry = json_pack("{s:o, s:I, s:I, s:I}", "path", text_or_null(file->path), "size",
                                  (json_int_t)file->identity.size, "mtime", (json_int_t)file->identity.mtime_seconds,
                                  "mtime_ns", (json_int_t)file->identity.mtime_nanoseconds);
        if (json_array_append_new(files, entry) != 0) {
            json_decref(files);
            return hs_fail_memory(error, "the settings", run->documents.n);
        }
    }
    *out = json_pack("{s:o, s:o, s:o, s:o, s:I, s:o}", "text", text_or_null(inputs->text), "id",
                     text_or_null(inputs->id), "domain", text_or_null(inputs->domain), "format",
                     text_or_null(inputs->format), "limit", (json_int_t)inputs->limit, "files", files);
    return HEADSIFT_OK;
}

static int64_t context_of(const struct hs_run *run) { return hs_model_config(run->model->model)->context; }

static headsift_status probe_json(const struct hs_run *run, json_t **out, headsift_error *error) {
    const headsift_probe_options *probe = &run->options->probe;
    *out = json_null();
    if (run->options->heads_path != NULL) {
        return HEADSIFT_OK;
    }
    json_t *sentences, *template;
    HS_TRY(file_json(probe->sentences, &sentences, error));
    headsift_status status = file_json(probe->template_path, &template, error);
    if (status != HEADSIFT_OK) {
        json_decref(sentences);
        return status;
    }
    int64_t tokens = probe->tokens != 0 ? probe->tokens : context_of(run) < 4096 ? context_of(run) : 4096;
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)probe->seed);
    *out = json_pack("{s:i, s:I, s:i, s:s, s:o, s:o}", "samples", probe->samples != 0 ? probe->samples : 800, "tokens",
                     (json_int_t)tokens, "shots", probe->shots >= 0 ? probe->shots : 3, "seed", seed, "sentences",
                     sentences, "template", template);
    return HEADSIFT_OK;
}

static headsift_status heads_json(const struct hs_run *run, json_t **out, headsift_error *error) {
    static const char *const methods[] = {"retrieval", "ablation"}, *const decodes[] = {"auto", "greedy", "teacher"};
    const headsift_heads_options *heads = &run->options->heads;
    if (run->options->heads_path != NULL) {
        return file_json(run->options->heads_path, out, error);
    }
    json_t *top = heads->top_count > 0 ? json_integer(heads->top_count)
                                       : json_real(heads->top_fraction != 0 ? heads->top_fraction : 0.05);
    *out = json_pack("{s:s, s:s, s:o}", "method", methods[heads->method], "decode", decodes[heads->decode], "top", top);
    return HEADSIFT_OK;
}

static headsift_status score_json(const struct hs_run *run, json_t **out, headsift_error *error) {
    const headsift_score_options *score = &run->options->score;
    int64_t most = score->max_tokens != 0 ? score->max_tokens : context_of(run);
    int64_t unit_bytes = score->unit_bytes != 0 ? score->unit_bytes : HS_UNIT_BYTES;
    struct hs_calibration calibration = {0};
    if (score->mask == HEADSIFT_MASK_MEAN) {
        HS_TRY(hs_calibration_read(score->calibration, &calibration, error));
    }
    *out =
        json_pack("{s:s, s:s*, s:s, s:I, s:s, s:I}", "mask", hs_mask_name(score->mask), "calibration_sha256",
                  score->mask == HEADSIFT_MASK_MEAN ? calibration.sha256 : NULL, "long",
                  score->long_documents == HEADSIFT_LONG_CHUNK ? "chunk" : "truncate", "max_tokens", (json_int_t)most,
                  "special", score->special_as_text ? "text" : "parse", "unit_bytes", (json_int_t)unit_bytes);
    hs_calibration_free(&calibration);
    return *out != NULL ? HEADSIFT_OK : hs_fail_memory(error, "the settings", 1);
}

static headsift_status select_json(const struct hs_run *run, json_t **out, headsift_error *error) {
    struct hs_choice choice;
    HS_TRY(hs_choice_read(&run->options->select, &choice, error));
    *out = hs_choice_json(&choice);
    return HEADSIFT_OK;
}

headsift_status hs_run_settings(const struct hs_run *run, json_t **out, headsift_error *error) {
    static const struct {
        const char *name;
        headsift_status (*make)(const struct hs_run *run, json_t **out, headsift_error *error);
    } sections[] = {{"select", select_json}, {"model", model_json}, {"inputs", inputs_json},
                    {"probe", probe_json},   {"heads", heads_json}, {"score", score_json}};
    json_t *settings = json_object();
    headsift_status status = HEADSIFT_OK;
    if (json_object_set_new(settings, "version", json_string(HEADSIFT_VERSION)) != 0) {
        status = hs_fail_memory(error, "the settings", 1);
    }
    for (size_t i = 0; status == HEADSIFT_OK && i < sizeof sections / sizeof *sections; i++) {
        json_t *section = NULL;
        status = sections[i].make(run, &section, error);
        if (status == HEADSIFT_OK && json_object_set_new(settings, sections[i].name, section) != 0) {
            status = hs_fail_memory(error, "the settings", 1);
        }
    }
    if (status != HEADSIFT_OK) {
        json_decref(settings);
        return status;
    }
    *out = settings;
    return HEADSIFT_OK;
}
