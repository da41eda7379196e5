/* Writes an open model as a small GGUF for tests, as llama.cpp's converter would for its family.
 * A test may change the keys before they are written, to see what the loader says. */
#ifndef HS_TESTS_WRITE_GGUF_H
#define HS_TESTS_WRITE_GGUF_H

#include <ggml.h>
#include <gguf.h>

#include "model/internal.h"

struct write_gguf_options {
    enum ggml_type type;                     /**< of matrices whose rows are whole blocks of it; others are F32 */
    const float *rope_freqs;                 /**< head_dim / 2 divisors, or NULL */
    void (*edit)(struct gguf_context *gguf); /**< changes keys before they are written; may be NULL */
    const char *extra_tensor;                /**< a tensor of 4 values under this name, or NULL */
    int parts;                               /**< 2 and more: NAME.gguf becomes NAME-00001-of-00003.gguf and so on */
};

/** Exits the process when it can't: it is a test's tool. */
void write_gguf(const struct hs_model *model, const char *path, const struct write_gguf_options *options);

/** Opens a GGUF in memory as hs_model_open does a file. The bytes must stay; close with memory_gguf_close. */
headsift_status memory_gguf_open(const unsigned char *bytes, size_t size, struct hs_model *model,
                                 headsift_error *error);
void memory_gguf_close(struct hs_model *model);

#endif
