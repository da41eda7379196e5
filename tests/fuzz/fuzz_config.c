/* Any bytes as a config.json: refused with a message, or an architecture inside the limits.
 * Its frequencies are computed too, since they are the first products of what was read. */
#include <stdlib.h>
#include <string.h>

#include "model/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    headsift_error error = {0};
    struct hs_hf_config read = {0};
    json_t *root = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    if (root == NULL) {
        return 0;
    }
    headsift_status status = hs_hf_config_read(root, "config.json", &read, &error);
    if (status == HEADSIFT_OK) {
        const struct hs_config *c = &read.config;
        double frequencies[HS_MAX_HEAD_DIM / 2];
        if (c->n_layer < 1 || c->n_head < 1 || c->n_kv_head < 1 || c->head_dim < 2 || c->hidden < 1 || c->vocab < 1) {
            abort();
        }
        for (int table = 0; table < HS_ROPE_TABLES; table++) {
            hs_rope_frequencies(c, (enum hs_rope_table)table, frequencies);
        }
    } else if (error.message[0] == '\0' || strchr(error.message, '\n') != NULL) {
        abort();
    }
    json_decref(root);
    return 0;
}
