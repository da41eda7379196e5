/* Opening and closing a checkpoint of either layout.
 * The work is done by hf_directory.c or gguf_file.c (what there is) and weights.c (what must be there). */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/internal.h"

/* The last part of a path: "models/tiny/" -> "tiny". */
static void name_from_path(const char *path, char *out, size_t size) {
    char *real = realpath(path, NULL);
    const char *full = real != NULL ? real : path;
    const char *slash = strrchr(full, '/');
    const char *name = slash != NULL && slash[1] != '\0' ? slash + 1 : full;
    hs_escape_line(name, strlen(name), out, size);
    free(real);
}

headsift_status hs_model_load(struct hs_model *model, const char *path, const headsift_monitor *monitor,
                              headsift_error *error) {
    model->path = hs_copy_string(path);
    if (model->path == NULL) {
        return hs_fail_memory(error, "a path", strlen(path));
    }
    name_from_path(path, model->config.name, sizeof model->config.name);
    model->is_directory = hs_is_directory(path);
    HS_TRY(model->is_directory ? hs_hf_load(model, error) : hs_gguf_load(model, error));
    return hs_weights_bind(model, monitor, error);
}

void hs_model_clear(struct hs_model *model) {
    for (size_t i = 0; i < model->n_shards; i++) {
        json_decref(model->shards[i].header);
        hs_gguf_close(model->shards[i].gguf);
        hs_map_close(&model->shards[i].map);
        hs_free(model->shards[i].name);
        hs_free(model->shards[i].path);
    }
    json_decref(model->weight_map);
    hs_free(model->shards);
    hs_free(model->weights);
    hs_free(model->path);
    *model = (struct hs_model){0};
}

headsift_status hs_model_open(const char *path, const headsift_monitor *monitor, struct hs_model **out,
                              headsift_error *error) {
    *out = NULL;
    struct hs_model *model = hs_alloc(1, sizeof *model);
    if (model == NULL) {
        return hs_fail_memory(error, "the model", sizeof *model);
    }
    headsift_status status = hs_model_load(model, path, monitor, error);
    if (status != HEADSIFT_OK) {
        hs_model_close(model);
        return status;
    }
    *out = model;
    return HEADSIFT_OK;
}

void hs_model_close(struct hs_model *model) {
    if (model != NULL) {
        hs_model_clear(model);
        hs_free(model);
    }
}

const struct hs_config *hs_model_config(const struct hs_model *model) { return &model->config; }
