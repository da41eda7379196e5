/* The calibration text of a mask of means: read, checked and hashed; cut into pieces that go through the model.
 * See calibration.h. */
#include "influence/calibration.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"

/* The pieces, one behind the other. */
struct pieces {
    int32_t *tokens;
    int64_t *offsets;
    struct hs_batch batch;
};

static headsift_status check_text(const char *path, const struct hs_buffer *text, headsift_error *error) {
    size_t good = hs_utf8_check(text->data, text->size);
    if (text->size == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s is empty: --calibration takes a text", path);
    }
    if (good < text->size) {
        return hs_fail(error, HEADSIFT_FAILED, "%s is not UTF-8 at byte %zu: --calibration takes a plain text", path,
                       good);
    }
    return HEADSIFT_OK;
}

static headsift_status read_text(const char *path, struct hs_buffer *text, headsift_error *error) {
    if (path == NULL) {
        return hs_buffer_append(text, hs_calibration_text, strlen(hs_calibration_text))
                   ? HEADSIFT_OK
                   : hs_fail_memory(error, "a calibration", strlen(hs_calibration_text));
    }
    if (strcmp(path, "-") == 0) {
        return hs_fail(error, HEADSIFT_USAGE, "--calibration can't read stdin: a later call needs the same text");
    }
    HS_TRY(hs_file_read(path, HS_CALIBRATION_BYTES, text, error));
    return check_text(path, text, error);
}

headsift_status hs_calibration_read(const char *path, struct hs_calibration *out, headsift_error *error) {
    *out = (struct hs_calibration){0};
    headsift_status status = read_text(path, &out->text, error);
    if (status == HEADSIFT_OK) {
        status = hs_hash_bytes(out->text.data, out->text.size, out->sha256, error);
    }
    if (status != HEADSIFT_OK) {
        hs_calibration_free(out);
    }
    return status;
}

bool hs_calibration_is_built_in(const char *sha256) {
    char own[HS_HASH_HEX];
    return hs_hash_bytes(hs_calibration_text, strlen(hs_calibration_text), own, NULL) == HEADSIFT_OK &&
           strcmp(own, sha256) == 0;
}

void hs_calibration_free(struct hs_calibration *calibration) { hs_buffer_free(&calibration->text); }

static headsift_status cut(const headsift_model *model, const struct hs_encoding *text, struct pieces *out,
                           headsift_error *error) {
    const int64_t context = hs_model_config(model->model)->context;
    const int32_t bos = hs_tokenizer_bos(model->tokenizer);
    const size_t most = context > 1 && context < HS_CALIBRATION_TOKENS ? (size_t)context : HS_CALIBRATION_TOKENS;
    const size_t room = most - (bos >= 0), n = (text->n + room - 1) / room;
    out->tokens = hs_alloc(text->n + n, sizeof *out->tokens);
    out->offsets = hs_alloc(n + 1, sizeof *out->offsets);
    if (out->tokens == NULL || out->offsets == NULL) {
        return hs_fail_memory(error, "a calibration", (text->n + n) * sizeof *out->tokens);
    }
    for (size_t i = 0, at = 0; i < n; i++) {
        size_t take = text->n - i * room < room ? text->n - i * room : room;
        if (bos >= 0) {
            out->tokens[at++] = bos;
        }
        memcpy(out->tokens + at, text->ids + i * room, take * sizeof *out->tokens);
        at += take;
        out->offsets[i + 1] = (int64_t)at;
    }
    out->batch = (struct hs_batch){.tokens = out->tokens, .offsets = out->offsets, .n_documents = (int32_t)n};
    return HEADSIFT_OK;
}

static headsift_status take_means(headsift_model *model, const struct hs_encoding *text, const headsift_head *heads,
                                  size_t n_heads, float *means, headsift_error *error) {
    struct pieces pieces = {0};
    struct hs_engine *engine;
    HS_TRY(hs_scorer_engine(model, &engine, error));
    headsift_status status = cut(model, text, &pieces, error);
    if (status == HEADSIFT_OK) {
        status = hs_engine_mean_outputs(engine, &pieces.batch, heads, n_heads, means, error);
    }
    hs_free(pieces.tokens);
    hs_free(pieces.offsets);
    return status;
}

headsift_status hs_calibration_means(headsift_model *model, const struct hs_calibration *calibration,
                                     const headsift_head *heads, size_t n_heads, float **means, headsift_error *error) {
    const size_t n = n_heads * (size_t)hs_model_config(model->model)->head_dim;
    struct hs_encoding text = {0};
    *means = hs_alloc(n, sizeof **means);
    headsift_status status = *means != NULL ? HEADSIFT_OK : hs_fail_memory(error, "means of heads", n * sizeof **means);
    if (status == HEADSIFT_OK) {
        status = hs_encode(model->tokenizer, calibration->text.data, calibration->text.size, 0, &text, error);
    }
    if (status == HEADSIFT_OK) {
        status = take_means(model, &text, heads, n_heads, *means, error);
    }
    hs_encoding_free(&text);
    if (status != HEADSIFT_OK) {
        hs_free(*means);
        *means = NULL;
    }
    return status;
}
