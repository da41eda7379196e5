/* The model answers a sample itself, greedily, and its words are compared with the true answer.
 * Stops as Wu et al. do: as many tokens as the answer has, an end-of-text token, or a line break. */
#include "probe/detect.h"

#include <string.h>

#include "base/memory.h"

static bool is_eos(const struct hs_config *config, int32_t token) {
    for (int32_t i = 0; i < config->n_eos; i++) {
        if (config->eos[i] == token) {
            return true;
        }
    }
    return false;
}

static bool stops(void *user, int32_t token) {
    const headsift_model *model = user;
    size_t size = 0;
    const char *bytes = hs_token_bytes(model->tokenizer, token, &size);
    return is_eos(hs_model_config(model->model), token) || (bytes != NULL && memchr(bytes, '\n', size) != NULL);
}

/* The text of the tokens, without end-of-text tokens. */
static bool append_text(const headsift_model *model, const int32_t *tokens, int32_t n, struct hs_buffer *text) {
    for (int32_t i = 0; i < n; i++) {
        size_t size = 0;
        const char *bytes = hs_token_bytes(model->tokenizer, tokens[i], &size);
        bool skip = bytes == NULL || is_eos(hs_model_config(model->model), tokens[i]);
        if (!skip && !hs_buffer_append(text, bytes, size)) {
            return false;
        }
    }
    return true;
}

static headsift_status measure(const struct hs_detection *detection, const struct hs_sample *sample,
                               struct hs_greedy *out, headsift_error *error) {
    const struct hs_probe_row *row = sample->row;
    struct hs_buffer text = {0};
    headsift_status status;
    if (append_text(detection->model, out->produced, out->n, &text)) {
        status = hs_rouge1_recall(row->text + row->prompt_size, row->size - row->prompt_size, text.data, text.size,
                                  &out->recall, error);
    } else {
        status = hs_fail_memory(error, "an answer", text.size);
    }
    hs_buffer_free(&text);
    return status;
}

headsift_status hs_greedy_answer(struct hs_detection *detection, const struct hs_sample *sample, struct hs_greedy *out,
                                 headsift_error *error) {
    int32_t most = (int32_t)(sample->n - sample->n_prompt);
    size_t heads = (size_t)detection->n_layer * (size_t)detection->n_head;
    *out = (struct hs_greedy){.produced = hs_alloc((size_t)most, sizeof *out->produced),
                              .columns = hs_alloc((size_t)most * heads, sizeof *out->columns)};
    headsift_status status = HEADSIFT_OK;
    if (out->produced == NULL || out->columns == NULL) {
        status = hs_fail_memory(error, "attention columns", (size_t)most * heads * sizeof *out->columns);
    }
    if (status == HEADSIFT_OK) {
        status = hs_engine_generate(detection->engine, sample->ids, sample->n_prompt, most, stops, detection->model,
                                    out->produced, &out->n, out->columns, error);
    }
    if (status == HEADSIFT_OK) {
        status = measure(detection, sample, out, error);
    }
    if (status != HEADSIFT_OK) {
        hs_greedy_free(out);
    }
    return status;
}

void hs_greedy_free(struct hs_greedy *greedy) {
    hs_free(greedy->produced);
    hs_free(greedy->columns);
    *greedy = (struct hs_greedy){0};
}
