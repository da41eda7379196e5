/* Any bytes as a safetensors file: refused with a message, or every tensor lies inside it.
 * Each tensor of a known type is converted, so that a sanitizer sees a read outside. */
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_tensor(const struct hs_tensor *tensor) {
    uint64_t count = tensor->size > 0 ? 1 : 0;
    for (int32_t i = 0; i < tensor->n_dims; i++) {
        count *= (uint64_t)tensor->shape[i];
    }
    if (tensor->convert == NULL || count == 0) {
        return;
    }
    float *out = malloc(count * sizeof *out);
    tensor->convert(tensor->data, out, (int64_t)count);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    headsift_error error = {0};
    json_t *header;
    const unsigned char *start;
    if (hs_safetensors_parse(data, size, "model.safetensors", &header, &start, &error) != HEADSIFT_OK) {
        if (error.message[0] == '\0' || header != NULL) {
            abort();
        }
        return 0;
    }
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry) {
        struct hs_tensor tensor;
        if (strcmp(name, "__metadata__") != 0) {
            hs_safetensors_tensor(entry, start, &tensor);
            read_tensor(&tensor);
        }
    }
    json_decref(header);
    return 0;
}
