/* A GGUF in memory opened through the loader's own steps.
 * Fuzzers and tests of damaged files use it: no file a case. */
#include "tools/write_gguf.h"

headsift_status memory_gguf_open(const unsigned char *bytes, size_t size, struct hs_model *model,
                                 headsift_error *error) {
    *model = (struct hs_model){.path = hs_copy_string("memory.gguf"), .shards = hs_alloc(1, sizeof *model->shards)};
    if (model->path == NULL || model->shards == NULL) {
        return hs_fail_memory(error, "a model", sizeof *model);
    }
    model->n_shards = 1;
    model->shards[0].map = (struct hs_map){.data = bytes, .size = size};
    HS_TRY(hs_gguf_load_mapped(model, error));
    return hs_weights_bind(model, NULL, error);
}

void memory_gguf_close(struct hs_model *model) {
    if (model->shards != NULL) {
        model->shards[0].map = (struct hs_map){0};
    }
    hs_model_clear(model);
}
