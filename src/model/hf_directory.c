/* A Hugging Face directory: config.json, and the weights in model.safetensors or in the shards of its index.
 * A shard's name must be a plain file name: nothing outside the folder is opened. */
#include <string.h>

#include "base/json.h"
#include "model/internal.h"

enum { MAX_JSON = 64 << 20 };

static const char SINGLE[] = "model.safetensors";
static const char INDEX[] = "model.safetensors.index.json";

static headsift_status shard_add(struct hs_model *model, const char *name, headsift_error *error) {
    struct hs_shard *shards = hs_realloc(model->shards, model->n_shards + 1, sizeof *shards);
    if (shards == NULL) {
        return hs_fail_memory(error, "the list of weight files", sizeof *shards);
    }
    model->shards = shards;
    struct hs_shard *shard = &shards[model->n_shards++];
    *shard = (struct hs_shard){.name = hs_copy_string(name), .path = hs_join_path(model->path, name)};
    if (shard->name == NULL || shard->path == NULL) {
        return hs_fail_memory(error, "the name of a weight file", strlen(name));
    }
    HS_TRY(hs_map_open(shard->path, &shard->map, error));
    return hs_safetensors_parse(shard->map.data, shard->map.size, shard->path, &shard->header, &shard->data, error);
}

static const struct hs_shard *shard_named(const struct hs_model *model, const char *name) {
    for (size_t i = 0; i < model->n_shards; i++) {
        if (strcmp(model->shards[i].name, name) == 0) {
            return &model->shards[i];
        }
    }
    return NULL;
}

static bool plain_file_name(const json_t *value) {
    const char *name = json_string_value(value);
    return name[0] != '\0' && strlen(name) == json_string_length(value) && strchr(name, '/') == NULL &&
           strchr(name, '\\') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static headsift_status shards_open(struct hs_model *model, const char *where, headsift_error *error) {
    const char *tensor;
    json_t *file;
    json_object_foreach(model->weight_map, tensor, file) {
        if (!json_is_string(file)) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: the file of tensor \"%s\" must be a string", where, tensor);
        }
        const char *name = json_string_value(file);
        if (!plain_file_name(file)) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: tensor \"%s\" is said to be in \"%s\": only files of this folder are read", where,
                           tensor, name);
        }
        if (shard_named(model, name) != NULL) {
            continue;
        }
        if (model->n_shards == HS_MAX_SHARDS) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: more than %d weight files", where, HS_MAX_SHARDS);
        }
        HS_TRY(shard_add(model, name, error));
    }
    return HEADSIFT_OK;
}

static headsift_status index_read(struct hs_model *model, const char *path, headsift_error *error) {
    json_t *root, *map = NULL;
    HS_TRY(hs_json_load(path, MAX_JSON, &root, error));
    headsift_status status = hs_json_object(root, "weight_map", true, path, &map, error);
    model->weight_map = json_incref(map);
    json_decref(root);
    return status == HEADSIFT_OK ? shards_open(model, path, error) : status;
}

static headsift_status no_weights(const struct hs_model *model, headsift_error *error) {
    char *pickle = hs_join_path(model->path, "pytorch_model.bin");
    bool old = pickle != NULL && hs_file_exists(pickle);
    hs_free(pickle);
    return hs_fail(error, HEADSIFT_FAILED, "%s: no %s and no %s%s", model->path, SINGLE, INDEX,
                   old ? "; convert pytorch_model.bin to safetensors" : "");
}

static headsift_status weights_open(struct hs_model *model, headsift_error *error) {
    char *single = hs_join_path(model->path, SINGLE);
    char *index = hs_join_path(model->path, INDEX);
    headsift_status status;
    if (single == NULL || index == NULL) {
        status = hs_fail_memory(error, "a path", strlen(model->path));
    } else if (hs_file_exists(single)) {
        status = shard_add(model, SINGLE, error);
    } else if (hs_file_exists(index)) {
        status = index_read(model, index, error);
    } else {
        status = no_weights(model, error);
    }
    hs_free(single);
    hs_free(index);
    return status;
}

static headsift_status config_load(struct hs_model *model, const char *path, headsift_error *error) {
    json_t *root;
    HS_TRY(hs_json_load(path, MAX_JSON, &root, error));
    struct hs_hf_config read = {.config = model->config};
    headsift_status status = hs_hf_config_read(root, path, &read, error);
    json_decref(root);
    model->config = read.config;
    model->family = read.family;
    model->attention_bias = read.attention_bias;
    model->mlp_bias = read.mlp_bias;
    return status;
}

/* generation_config.json may name further ends: an instruction model's end of turn, say. */
static headsift_status generation_load(struct hs_model *model, const char *path, headsift_error *error) {
    if (!hs_file_exists(path)) {
        return HEADSIFT_OK;
    }
    json_t *root;
    HS_TRY(hs_json_load(path, MAX_JSON, &root, error));
    headsift_status status = hs_hf_eos_read(root, path, &model->config, error);
    json_decref(root);
    return status;
}

static headsift_status configs_load(struct hs_model *model, headsift_error *error) {
    char *config = hs_join_path(model->path, "config.json");
    char *generation = hs_join_path(model->path, "generation_config.json");
    headsift_status status;
    if (config == NULL || generation == NULL) {
        status = hs_fail_memory(error, "a path", strlen(model->path));
    } else {
        status = config_load(model, config, error);
    }
    if (status == HEADSIFT_OK) {
        status = generation_load(model, generation, error);
    }
    hs_free(config);
    hs_free(generation);
    return status;
}

headsift_status hs_hf_load(struct hs_model *model, headsift_error *error) {
    headsift_status config = configs_load(model, error);
    headsift_status weights = weights_open(model, config == HEADSIFT_OK ? error : NULL);
    return config != HEADSIFT_OK ? config : weights;
}

headsift_status hs_hf_find(const struct hs_model *model, const char *name, const struct hs_shard **shard,
                           const json_t **entry, headsift_error *error) {
    *entry = NULL;
    *shard = model->n_shards > 0 ? &model->shards[0] : NULL;
    if (model->weight_map != NULL) {
        const char *file = json_string_value(json_object_get(model->weight_map, name));
        *shard = file != NULL ? shard_named(model, file) : NULL;
    }
    if (*shard == NULL) {
        return HEADSIFT_OK;
    }
    *entry = json_object_get((*shard)->header, name);
    if (*entry == NULL && model->weight_map != NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: tensor \"%s\" is missing, though the index says it is here",
                       (*shard)->path, name);
    }
    return HEADSIFT_OK;
}
