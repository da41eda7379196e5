/* From probe rows to tokens: prompt and answer are tokenised together and spans of bytes become spans of tokens.
 * The answer's ids are the tail of that, never those of the answer alone. */
#include "probe/detect.h"

#include <string.h>

#include "base/memory.h"

enum { PROBE_FLAGS = HS_ENCODE_SPECIAL | HS_ENCODE_BOS };

struct encodings {
    struct hs_encoding whole, prompt;
};

/* Tokens of the whole that come before the answer: the prompt's own where they are its beginning; where a token
 * spans the boundary, those that end inside the prompt. */
static size_t prompt_tokens(const struct encodings *encodings, size_t prompt_size) {
    const struct hs_encoding *whole = &encodings->whole, *prompt = &encodings->prompt;
    if (prompt->n <= whole->n && memcmp(prompt->ids, whole->ids, prompt->n * sizeof *prompt->ids) == 0) {
        return prompt->n;
    }
    size_t n = 0;
    while (n < whole->n && whole->ends[n] <= prompt_size) {
        n++;
    }
    return n;
}

static struct hs_token_span overlapping(const struct hs_encoding *encoding, struct hs_bytes bytes) {
    struct hs_token_span span = {0};
    for (size_t i = 0; i < encoding->n; i++) {
        if (encoding->ends[i] <= bytes.start || encoding->starts[i] >= bytes.end) {
            continue;
        }
        if (span.last == 0) {
            span.first = (int64_t)i;
        }
        span.last = (int64_t)i + 1;
    }
    return span;
}

static headsift_status check(const struct hs_sample *sample, int64_t context, const char *path, headsift_error *error) {
    if (sample->n > context) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: line %zu has %lld tokens, the model's context only %lld; make the probe with fewer "
                       "--probe-tokens",
                       path, sample->row->line, (long long)sample->n, (long long)context);
    }
    if (sample->n_prompt < 1 || sample->n_prompt >= sample->n || sample->value.last > sample->n_prompt) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: line %zu has no tokens of its %s alone", path, sample->row->line,
                       sample->n_prompt >= sample->n ? "answer" : "prompt");
    }
    return HEADSIFT_OK;
}

static headsift_status encode_row(const headsift_model *model, const struct hs_probe_row *row, const char *path,
                                  struct encodings *encodings, struct hs_sample *sample, headsift_error *error) {
    const struct hs_encoding *whole = &encodings->whole;
    headsift_error reason = {0};
    headsift_status status = hs_encode(model->tokenizer, row->text, row->size, PROBE_FLAGS, &encodings->whole, &reason);
    if (status == HEADSIFT_OK) {
        status = hs_encode(model->tokenizer, row->text, row->prompt_size, PROBE_FLAGS, &encodings->prompt, &reason);
    }
    if (status != HEADSIFT_OK) {
        return hs_fail(error, status, "%s: line %zu: %s", path, row->line, reason.message);
    }
    *sample = (struct hs_sample){.ids = hs_alloc(whole->n, sizeof *sample->ids),
                                 .n = (int64_t)whole->n,
                                 .n_prompt = (int64_t)prompt_tokens(encodings, row->prompt_size),
                                 .value = overlapping(whole, row->value),
                                 .control = overlapping(whole, row->control),
                                 .number = row->line,
                                 .row = row};
    if (sample->ids == NULL) {
        return hs_fail_memory(error, "a sample's tokens", whole->n * sizeof *sample->ids);
    }
    memcpy(sample->ids, whole->ids, whole->n * sizeof *sample->ids);
    return check(sample, hs_model_config(model->model)->context, path, error);
}

headsift_status hs_samples_encode(headsift_model *model, const struct hs_probe *probe, const char *path,
                                  struct hs_sample **out, headsift_error *error) {
    struct encodings encodings = {0};
    headsift_status status = HEADSIFT_OK;
    *out = hs_alloc(probe->n, sizeof **out);
    if (*out == NULL) {
        return hs_fail_memory(error, "samples", probe->n * sizeof **out);
    }
    for (size_t i = 0; i < probe->n && status == HEADSIFT_OK; i++) {
        status = encode_row(model, &probe->rows[i], path, &encodings, &(*out)[i], error);
    }
    hs_encoding_free(&encodings.whole);
    hs_encoding_free(&encodings.prompt);
    if (status != HEADSIFT_OK) {
        hs_samples_free(*out, probe->n);
        *out = NULL;
    }
    return status;
}

void hs_samples_free(struct hs_sample *samples, size_t n) {
    for (size_t i = 0; samples != NULL && i < n; i++) {
        hs_free(samples[i].ids);
    }
    hs_free(samples);
}
