/* headsift_probe_write: resolves the options, builds sample after sample and writes each as one JSON line.
 * The file appears under its name only when all of it is there. */
#include "probe/probe.h"

#include <errno.h>

#include "base/file.h"
#include "base/text.h"
#include "engine/scorer.h"
#include "probe/build.h"
#include "probe/progress.h"

enum { DEFAULT_SAMPLES = 800, DEFAULT_TOKENS = 4096, DEFAULT_SHOTS = 3, MOST_SHOTS = 1000 };

static headsift_status resolve(const headsift_model *model, const headsift_probe_options *given,
                               headsift_probe_options *out, headsift_error *error) {
    int64_t context = hs_model_config(model->model)->context;
    *out = *given;
    out->samples = given->samples != 0 ? given->samples : DEFAULT_SAMPLES;
    out->shots = given->shots >= 0 ? given->shots : DEFAULT_SHOTS;
    out->tokens = given->tokens != 0 ? given->tokens : context < DEFAULT_TOKENS ? (int)context : DEFAULT_TOKENS;
    if (out->language != HEADSIFT_LANGUAGE_ENGLISH && out->language != HEADSIFT_LANGUAGE_SPANISH) {
        return hs_fail(error, HEADSIFT_USAGE, "language %d is not known", (int)out->language);
    }
    if (out->samples < 1) {
        return hs_fail(error, HEADSIFT_USAGE, "--samples is %d, must be at least 1", given->samples);
    }
    if (out->shots > MOST_SHOTS) {
        return hs_fail(error, HEADSIFT_USAGE, "--shots is %d, must be at most %d", given->shots, MOST_SHOTS);
    }
    if (out->tokens < 1 || out->tokens > context) {
        return hs_fail(error, HEADSIFT_USAGE, "--probe-tokens is %d, must be 1 to %lld, the model's context",
                       given->tokens, (long long)context);
    }
    return HEADSIFT_OK;
}

static bool format_row(const struct hs_built_sample *sample, struct hs_buffer *line) {
    line->size = 0;
    return hs_buffer_printf(line, "{\"prompt\": ") && hs_json_quote(line, sample->prompt, sample->prompt_size) &&
           hs_buffer_printf(line, ", \"answer\": ") && hs_json_quote(line, sample->answer, sample->answer_size) &&
           hs_buffer_printf(line,
                            ", \"needle_key\": \"%s\", \"value_start\": %zu, \"value_end\": %zu, \"tokens\": %lld}\n",
                            sample->needle_key, sample->value_start, sample->value_end, (long long)sample->tokens);
}

/* Where the rows go, and what they are made with. */
struct writer {
    struct hs_builder *builder;
    struct hs_atomic_file file;
    struct hs_buffer line;
    const char *path;
    int samples;
    struct hs_stage stage;
};

static headsift_status write_rows(struct writer *writer, headsift_error *error) {
    for (int i = 0; i < writer->samples; i++) {
        struct hs_built_sample sample;
        HS_TRY(hs_build_sample(writer->builder, (uint64_t)i, &sample, error));
        if (!format_row(&sample, &writer->line)) {
            return hs_fail_memory(error, "a probe row", sample.prompt_size);
        }
        if (fwrite(writer->line.data, 1, writer->line.size, writer->file.stream) != writer->line.size) {
            return hs_fail_errno(error, errno, "can't write %s", writer->path);
        }
        HS_TRY(hs_stage_step(&writer->stage, sample.tokens, error));
    }
    return HEADSIFT_OK;
}

static headsift_status write_file(struct hs_builder *builder, const headsift_probe_options *options, const char *path,
                                  const headsift_monitor *monitor, headsift_error *error) {
    struct writer writer = {.builder = builder, .path = path, .samples = options->samples};
    HS_TRY(hs_atomic_open(path, &writer.file, error));
    hs_stage_begin(&writer.stage, monitor, "probe", options->samples);
    headsift_status status = write_rows(&writer, error);
    hs_buffer_free(&writer.line);
    if (status != HEADSIFT_OK) {
        hs_atomic_abort(&writer.file);
        return status;
    }
    return hs_atomic_commit(&writer.file, error);
}

static headsift_status write_with_pool(headsift_model *model, const headsift_probe_options *options,
                                       struct hs_sentence_pool *pool, const char *path, const headsift_monitor *monitor,
                                       headsift_error *error) {
    struct hs_template template;
    HS_TRY(hs_template_load(options->template_path, options->language, &template, error));
    struct hs_builder_options build = {.tokenizer = model->tokenizer,
                                       .template = &template,
                                       .pool = pool,
                                       .tokens = options->tokens,
                                       .shots = options->shots,
                                       .seed = options->seed};
    struct hs_builder *builder;
    headsift_status status = hs_builder_open(&build, &builder, error);
    if (status == HEADSIFT_OK) {
        status = write_file(builder, options, path, monitor, error);
        hs_builder_close(builder);
    }
    hs_template_free(&template);
    return status;
}

headsift_status headsift_probe_write(headsift_model *model, const headsift_probe_options *options, const char *path,
                                     const headsift_monitor *monitor, headsift_error *error) {
    headsift_probe_options resolved;
    struct hs_sentence_pool *pool = NULL;
    HS_TRY(resolve(model, options, &resolved, error));
    if (resolved.sentences != NULL) {
        HS_TRY(hs_pool_open_file(model->tokenizer, resolved.sentences, &pool, error));
    } else {
        HS_TRY(hs_pool_open_grammar(model->tokenizer, resolved.language, &pool, error));
    }
    headsift_status status = write_with_pool(model, &resolved, pool, path, monitor, error);
    hs_pool_close(pool);
    return status;
}

/* A pair has at least HS_SENTENCE_LEAST tokens of value and, as its key is random, about 20 of key. */
size_t hs_probe_sentences_needed(int tokens) { return (size_t)(tokens > 0 ? tokens : DEFAULT_TOKENS) / 24 + 16; }

headsift_status hs_probe_write_sentences(headsift_model *model, const headsift_probe_options *options,
                                         const char *const *sentences, size_t n, const char *where, const char *path,
                                         const headsift_monitor *monitor, headsift_error *error) {
    headsift_probe_options resolved;
    struct hs_sentence_pool *pool;
    HS_TRY(resolve(model, options, &resolved, error));
    HS_TRY(hs_pool_open_lines(model->tokenizer, sentences, n, where, &pool, error));
    headsift_status status = write_with_pool(model, &resolved, pool, path, monitor, error);
    hs_pool_close(pool);
    return status;
}
