/* Opening and closing of the public model: checkpoint, tokenizer, and the engine on demand.
 * Also headsift_tokenize, the smallest question that needs only part of it. */
#include "engine/scorer.h"

#include <string.h>

#include "base/memory.h"

headsift_status headsift_model_open(const headsift_model_options *options, const headsift_monitor *monitor,
                                    headsift_model **out, headsift_error *error) {
    *out = NULL;
    headsift_model *scorer = hs_alloc(1, sizeof *scorer);
    if (scorer == NULL) {
        return hs_fail_memory(error, "a model", sizeof *scorer);
    }
    scorer->threads = options->threads;
    scorer->wanted = options->dtype;
    scorer->int8 = HS_INT8_RECIPE;
    if (monitor != NULL) {
        scorer->monitor = *monitor;
    }
    scorer->path = hs_copy_string(options->path);
    headsift_status status = scorer->path == NULL ? hs_fail_memory(error, "a path", 1) : HEADSIFT_OK;
    if (status == HEADSIFT_OK) {
        status = hs_resolve_dtype(options->dtype, &scorer->dtype, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_model_open(options->path, monitor, &scorer->model, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_model_tokenizer(scorer->model, &scorer->tokenizer, error);
    }
    if (status == HEADSIFT_OK && hs_tokenizer_size(scorer->tokenizer) > hs_model_config(scorer->model)->vocab) {
        status = hs_fail(error, HEADSIFT_FAILED, "%s: the tokenizer has %d ids but the model only %d embedding rows",
                         options->path, hs_tokenizer_size(scorer->tokenizer), hs_model_config(scorer->model)->vocab);
    }
    if (status != HEADSIFT_OK) {
        headsift_model_close(scorer);
        return status;
    }
    *out = scorer;
    return HEADSIFT_OK;
}

void headsift_model_close(headsift_model *scorer) {
    if (scorer == NULL) {
        return;
    }
    hs_engine_close(scorer->engine);
    hs_tokenizer_close(scorer->tokenizer);
    hs_model_close(scorer->model);
    hs_free(scorer->path);
    hs_free(scorer);
}

headsift_status hs_scorer_engine(headsift_model *scorer, struct hs_engine **out, headsift_error *error) {
    if (scorer->engine == NULL) {
        struct hs_encoding text = {0};
        if (scorer->dtype == HEADSIFT_DTYPE_INT8) {
            HS_TRY(hs_encode(scorer->tokenizer, hs_calibration_text, strlen(hs_calibration_text), HS_ENCODE_BOS, &text,
                             error));
        }
        struct hs_engine_options options = {.dtype = scorer->dtype,
                                            .threads = scorer->threads,
                                            .int8 = scorer->int8,
                                            .calibration = text.ids,
                                            .n_calibration = (int64_t)text.n};
        headsift_status status = hs_engine_open(scorer->model, &options, &scorer->engine, error);
        hs_encoding_free(&text);
        HS_TRY(status);
        struct hs_engine_facts facts;
        hs_engine_describe(scorer->engine, &facts);
        hs_log(&scorer->monitor, HEADSIFT_LOG_INFO, "model %s: %d layers x %d heads, %s, %s kernels, %d threads",
               hs_model_config(scorer->model)->name, hs_model_config(scorer->model)->n_layer,
               hs_model_config(scorer->model)->n_head, facts.dtype, facts.kernels, hs_engine_threads(scorer->engine));
    }
    *out = scorer->engine;
    return HEADSIFT_OK;
}

headsift_status hs_scorer_use_dtype(headsift_model *scorer, const char *name, headsift_error *error) {
    static const headsift_dtype types[] = {HEADSIFT_DTYPE_F32, HEADSIFT_DTYPE_BF16, HEADSIFT_DTYPE_INT8};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(hs_dtype_name(types[i]), name) == 0) {
            headsift_dtype dtype;
            HS_TRY(hs_resolve_dtype(types[i], &dtype, error));
            scorer->dtype = dtype;
            hs_engine_close(scorer->engine);
            scorer->engine = NULL;
            return HEADSIFT_OK;
        }
    }
    return hs_fail(error, HEADSIFT_FAILED, "no type of numbers is called %s", name);
}

headsift_status headsift_tokenize(headsift_model *scorer, const char *text, size_t size, bool parse_special,
                                  bool add_bos, int32_t **ids, size_t *n, headsift_error *error) {
    struct hs_encoding encoding = {0};
    unsigned flags = (parse_special ? HS_ENCODE_SPECIAL : 0u) | (add_bos ? HS_ENCODE_BOS : 0u);
    *ids = NULL;
    *n = 0;
    headsift_status status = hs_encode(scorer->tokenizer, text, size, flags, &encoding, error);
    if (status == HEADSIFT_OK) {
        *ids = encoding.ids != NULL ? encoding.ids : hs_alloc(1, sizeof **ids);
        *n = encoding.n;
        encoding.ids = NULL;
        if (*ids == NULL) {
            status = hs_fail_memory(error, "token ids", sizeof **ids);
        }
    }
    hs_encoding_free(&encoding);
    return status;
}

void headsift_free(void *pointer) { hs_free(pointer); }
