/* What the files of this room share: the loaded model, and a tensor as its file holds it.
 * Not for other rooms: they include model.h. */
#ifndef HS_MODEL_INTERNAL_H
#define HS_MODEL_INTERNAL_H

#include <jansson.h>

#include "base/file.h"
#include "model/model.h"

enum {
    HS_MAX_LAYERS = 1024,
    HS_MAX_HEADS = 1024,
    HS_MAX_HEAD_DIM = 1024,
    HS_MAX_HIDDEN = 1 << 20,
    HS_MAX_FFN = 1 << 22,
    HS_MAX_VOCAB = 1 << 24,
    HS_MAX_CONTEXT = 1 << 30,
    HS_MAX_DIMS = 8,
    HS_MAX_SHARDS = 4096,
    HS_TENSOR_NAME = 80, /**< room for the name of any weight */
};

/** Converts n stored elements (whole blocks) to f32. The type of ggml's own converters. */
typedef void (*hs_to_f32)(const void *in, float *out, int64_t n);

void hs_f32_copy(const void *in, float *out, int64_t n);
void hs_f16_to_f32(const void *in, float *out, int64_t n);
void hs_bf16_to_f32(const void *in, float *out, int64_t n);

/** A tensor as a file holds it: its size is known to equal its shape and to lie inside the file. */
struct hs_tensor {
    const char *dtype; /**< as the file names it; borrowed from the model */
    hs_to_f32 convert; /**< NULL: a type that is not supported */
    int32_t n_dims;
    int64_t shape[HS_MAX_DIMS]; /**< slowest dimension first, as in Hugging Face */
    const unsigned char *data;
    uint64_t size;
};

/** @return false to be called no more. */
typedef bool (*hs_tensor_visit)(void *user, const char *name, const struct hs_tensor *tensor);

struct hs_weight {
    const unsigned char *data; /**< NULL: the model has none */
    hs_to_f32 convert;
    const char *dtype;
    int64_t rows, cols;
    size_t row_bytes;
    int32_t head_dim; /**< > 0: a GGUF's q or k, whose rows (of a vector: elements) alternate between the halves of a
                         head of that size */
};

/** A mapped file with weights. */
struct hs_shard {
    char *name; /**< inside the folder */
    char *path;
    struct hs_map map;
    json_t *header;            /**< safetensors */
    const unsigned char *data; /**< safetensors: where offsets count from */
};

struct gguf_context;

struct hs_model {
    struct hs_config config;
    bool attention_bias, mlp_bias; /**< of a directory: asked for by its configuration */
    char *path;
    bool is_directory;
    struct hs_shard *shards; /**< of a GGUF: the one file */
    size_t n_shards;
    json_t *weight_map;        /**< of a sharded directory: tensor -> file */
    struct gguf_context *gguf; /**< NULL for a directory */
    double *rope_divisors;     /**< head_dim / 2 of them from a GGUF's rope_freqs.weight, or NULL */
    struct hs_weight *weights; /**< (n_layer + 1, HS_N_ROLES): the first row holds the model's own */
};

/** Fills in as much of a zeroed model as the checkpoint allows; what it got stays there when it fails.
 *  Release with hs_model_clear in every case. */
headsift_status hs_model_load(struct hs_model *model, const char *path, const headsift_monitor *monitor,
                              headsift_error *error);
void hs_model_clear(struct hs_model *model);

/* config_hf.c */
struct hs_hf_config {
    struct hs_config config;
    bool attention_bias, mlp_bias;
};
/** Reads config.json. The sizes are filled in even when the model's kind is refused. @param where the file's name. */
headsift_status hs_hf_config_read(const json_t *root, const char *where, struct hs_hf_config *out,
                                  headsift_error *error);
/** Adds the ids of eos_token_id (an integer or a list) that are not there yet and inside the vocabulary. */
headsift_status hs_hf_eos_read(const json_t *root, const char *where, struct hs_config *config, headsift_error *error);
/** rope_parameters, or rope_theta and rope_scaling (rope_hf.c). */
headsift_status hs_hf_rope_read(const json_t *root, const char *where, struct hs_rope *out, headsift_error *error);
/** What no single value shows: heads that do not divide, an odd head_dim. */
headsift_status hs_config_check(const struct hs_config *config, const char *where, headsift_error *error);

/* safetensors.c */
/** Parses and checks a whole header. *header is the caller's; *data points behind it. */
headsift_status hs_safetensors_parse(const unsigned char *bytes, size_t size, const char *where, json_t **header,
                                     const unsigned char **data, headsift_error *error);
/** A tensor of a checked header. */
void hs_safetensors_tensor(const json_t *entry, const unsigned char *data, struct hs_tensor *out);

/* hf_directory.c */
headsift_status hs_hf_load(struct hs_model *model, headsift_error *error);
/** The shard and the header entry of a tensor; *entry is NULL where there is none. */
headsift_status hs_hf_find(const struct hs_model *model, const char *name, const struct hs_shard **shard,
                           const json_t **entry, headsift_error *error);

/* gguf_check.c */
/** Walks the header of a GGUF in memory, so that ggml only sees what it survives. */
headsift_status hs_gguf_check(const unsigned char *bytes, size_t size, const char *where, headsift_error *error);

/* gguf_keys.c: typed access to a GGUF's keys; ggml's own getters abort on a wrong type. A missing key leaves *out. */
headsift_status hs_gguf_int(const struct gguf_context *gguf, const char *where, const char *key, int64_t low,
                            int64_t high, bool required, int64_t *out, headsift_error *error);
headsift_status hs_gguf_number(const struct gguf_context *gguf, const char *where, const char *key, bool required,
                               double *out, headsift_error *error);
headsift_status hs_gguf_bool(const struct gguf_context *gguf, const char *where, const char *key, bool *out,
                             headsift_error *error);
headsift_status hs_gguf_string(const struct gguf_context *gguf, const char *where, const char *key, const char **out,
                               headsift_error *error);
/** The key's id of an array of strings, or -1. */
headsift_status hs_gguf_strings(const struct gguf_context *gguf, const char *where, const char *key, int64_t *id,
                                headsift_error *error);
/** An array of 32-bit integers; *out NULL where there is none. */
headsift_status hs_gguf_int_array(const struct gguf_context *gguf, const char *where, const char *key,
                                  const int32_t **out, size_t *n, headsift_error *error);
headsift_status hs_gguf_float_array(const struct gguf_context *gguf, const char *where, const char *key,
                                    const float **out, size_t *n, headsift_error *error);

/* gguf_file.c */
headsift_status hs_gguf_load(struct hs_model *model, headsift_error *error);
/** The same for a model whose first shard is mapped already. */
headsift_status hs_gguf_load_mapped(struct hs_model *model, headsift_error *error);
/** Opens the header of a GGUF in memory. */
headsift_status hs_gguf_parse(const unsigned char *bytes, size_t size, const char *where, struct gguf_context **out,
                              headsift_error *error);
bool hs_gguf_find(const struct hs_model *model, const char *name, struct hs_tensor *out);
void hs_gguf_visit(const struct hs_model *model, hs_tensor_visit visit, void *user);
void hs_gguf_close(struct gguf_context *gguf); /**< NULL is fine */

/* gguf_config.c */
headsift_status hs_gguf_config_read(const struct gguf_context *gguf, const char *where, struct hs_config *out,
                                    headsift_error *error);

/* weights.c */
/** Calls `visit` for each tensor of the files, used or not, until it returns false. */
void hs_model_visit(const struct hs_model *model, hs_tensor_visit visit, void *user);
/** Finds every weight that the configuration calls for and checks its shape and type. */
headsift_status hs_weights_bind(struct hs_model *model, const headsift_monitor *monitor, headsift_error *error);
/** Refuses a GGUF with tensors that no role asks for; warns of a directory's (unused.c). */
headsift_status hs_weights_check_unused(const struct hs_model *model, const headsift_monitor *monitor,
                                        headsift_error *error);
/** The name that a Hugging Face directory gives a weight. */
void hs_weight_name_hf(enum hs_role role, int32_t layer, char out[HS_TENSOR_NAME]);
bool hs_role_of_model(enum hs_role role); /**< false: there is one a layer */

/* rope.c */
void hs_rope_fill(const struct hs_rope *rope, int32_t head_dim, double *out);

/* digest.c */
/** SHA-256 of a file, from the cache if it holds the file as it is now. */
headsift_status hs_file_digest(const char *path, char hex[HS_HASH_HEX], headsift_error *error);

/* vocab.c */
struct hs_gguf_vocab {
    struct hs_vocab vocab;
    const char **tokens;
    const char **merges;
};
headsift_status hs_gguf_vocab_read(const struct hs_model *model, struct hs_gguf_vocab *out, headsift_error *error);
void hs_gguf_vocab_free(struct hs_gguf_vocab *vocab);

#endif
