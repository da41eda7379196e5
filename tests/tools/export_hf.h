/* What the files of the test tool export_hf share.
 * It writes a checkpoint that was opened as a Hugging Face directory, weights streamed row block by row block. */
#ifndef HS_TESTS_EXPORT_HF_H
#define HS_TESTS_EXPORT_HF_H

#include "model/internal.h"

enum export_dtype { EXPORT_F32, EXPORT_F16, EXPORT_BF16 };

struct export_options {
    const char *directory;
    enum export_dtype dtype;
    int shards;
    bool old_rope; /**< rope_theta and rope_scaling instead of rope_parameters */
};

/** All of the below. */
headsift_status export_directory(const struct hs_model *model, const struct export_options *options,
                                 headsift_error *error);
/** config.json. */
headsift_status export_config(const struct hs_model *model, const struct export_options *options,
                              headsift_error *error);
/** model.safetensors, or the shards and their index. */
headsift_status export_weights(const struct hs_model *model, const struct export_options *options,
                               headsift_error *error);
/** tokenizer.json: built from a GGUF's vocabulary (smollm alone), copied from a directory that has one. */
headsift_status export_tokenizer(const struct hs_model *model, const struct export_options *options,
                                 headsift_error *error);
/** Dumps `root` to directory/name and drops the reference. */
headsift_status export_json(const struct export_options *options, const char *name, json_t *root,
                            headsift_error *error);

#endif
