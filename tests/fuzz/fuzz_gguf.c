/* Any bytes as a GGUF: refused with a message, or every weight can be read and the vocabulary handed over.
 * ggml aborts on much that it does not expect: nothing of that may reach it. */
#include <stdlib.h>

#include "tools/write_gguf.h"

enum { MOST_ELEMENTS = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_weights(const struct hs_model *model) {
    for (int role = 0; role < HS_N_ROLES; role++) {
        for (int32_t layer = 0; layer < hs_model_config(model)->n_layer; layer++) {
            const struct hs_weight *weight = hs_model_weight(model, (enum hs_role)role, layer);
            int64_t rows = weight != NULL ? hs_weight_rows(weight) : 0;
            int64_t cols = weight != NULL ? hs_weight_cols(weight) : 0;
            if (rows == 0 || rows > MOST_ELEMENTS / cols) {
                continue;
            }
            float *out = malloc((size_t)(rows * cols) * sizeof *out);
            hs_weight_read(weight, 0, rows, out);
            free(out);
        }
    }
}

static void read_vocabulary(const struct hs_model *model) {
    struct hs_gguf_vocab vocab;
    struct hs_tokenizer *tokenizer = NULL;
    if (hs_gguf_vocab_read(model, &vocab, NULL) == HEADSIFT_OK) {
        hs_gguf_vocab_free(&vocab);
    }
    (void)hs_model_tokenizer(model, &tokenizer, NULL);
    hs_tokenizer_close(tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    headsift_error error = {0};
    struct hs_model model;
    if (memory_gguf_open(data, size, &model, &error) == HEADSIFT_OK) {
        double frequencies[HS_MAX_HEAD_DIM / 2];
        hs_rope_frequencies(&model.config, HS_ROPE_GLOBAL, frequencies);
        read_weights(&model);
    } else if (error.message[0] == '\0') {
        abort();
    }
    if (model.gguf != NULL) {
        read_vocabulary(&model);
    }
    memory_gguf_close(&model);
    return 0;
}
