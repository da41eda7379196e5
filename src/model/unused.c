/* Tensors that no role asks for: in a GGUF a sign of an architecture that only looks like a llama, refused;
 * in a directory what transformers would also leave aside, said once. */
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

void hs_model_visit(const struct hs_model *model, hs_tensor_visit visit, void *user) {
    if (model->gguf != NULL) {
        hs_gguf_visit(model, visit, user);
    }
    for (size_t i = 0; i < model->n_shards; i++) {
        const char *name;
        json_t *entry;
        json_object_foreach(model->shards[i].header, name, entry) {
            struct hs_tensor tensor;
            if (strcmp(name, "__metadata__") == 0) {
                continue;
            }
            hs_safetensors_tensor(entry, model->shards[i].data, &tensor);
            if (!visit(user, name, &tensor)) {
                return;
            }
        }
    }
}

struct unused {
    const unsigned char **known; /* data of the bound weights, sorted */
    size_t n_known;
    size_t count;
    const char *first;
};

static int by_address(const void *a, const void *b) {
    uintptr_t left = (uintptr_t) * (const unsigned char *const *)a,
              right = (uintptr_t) * (const unsigned char *const *)b;
    return left < right ? -1 : left > right;
}

/* Tables of frequencies that can be computed, and those that divisors were read from. */
static bool harmless(const char *name) {
    static const char TABLE[] = ".rotary_emb.inv_freq";
    size_t size = strlen(name), end = strlen(TABLE);
    return strcmp(name, "rope_freqs.weight") == 0 || strncmp(name, "rope_factors_", 13) == 0 ||
           (size > end && strcmp(name + size - end, TABLE) == 0);
}

static bool count_unused(void *user, const char *name, const struct hs_tensor *tensor) {
    struct unused *unused = user;
    const unsigned char *key = tensor->data;
    bool used = bsearch(&key, unused->known, unused->n_known, sizeof *unused->known, by_address) != NULL;
    if (!used && !harmless(name)) {
        unused->first = unused->count == 0 ? name : unused->first;
        unused->count++;
    }
    return true;
}

headsift_status hs_weights_check_unused(const struct hs_model *model, const headsift_monitor *monitor,
                                        headsift_error *error) {
    size_t total = ((size_t)model->config.n_layer + 1) * HS_N_ROLES;
    struct unused unused = {.known = hs_alloc(total, sizeof *unused.known)};
    if (unused.known == NULL) {
        return hs_fail_memory(error, "the table of weights", total * sizeof *unused.known);
    }
    for (size_t i = 0; i < total; i++) {
        if (model->weights[i].data != NULL) {
            unused.known[unused.n_known++] = model->weights[i].data;
        }
    }
    qsort(unused.known, unused.n_known, sizeof *unused.known, by_address);
    hs_model_visit(model, count_unused, &unused);
    hs_free(unused.known);
    if (unused.count > 0 && !model->is_directory) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: tensor \"%s\" is no part of a %s: this model is not supported",
                       model->path, unused.first, model->config.family);
    }
    bool lone_head = unused.count == 1 && model->config.tied && strcmp(unused.first, "lm_head.weight") == 0;
    if (unused.count > 0 && !lone_head) {
        hs_log(monitor, HEADSIFT_LOG_WARNING, "%s: %zu tensors are not used, the first is \"%s\"", model->path,
               unused.count, unused.first);
    }
    return HEADSIFT_OK;
}
