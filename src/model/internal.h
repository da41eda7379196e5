/* What the files of this room share: the loaded model, and a tensor as its file holds it.
 * Not for other rooms: they include model.h. */
#ifndef HS_MODEL_INTERNAL_H
#define HS_MODEL_INTERNAL_H

#include <jansson.h>

#include "base/file.h"
#include "model/model.h"

enum {
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
    float added;      /**< to every value of a vector: norms that are stored without their 1 */
};

struct gguf_context;

/** A mapped file with weights. */
struct hs_shard {
    char *name; /**< inside the folder */
    char *path;
    struct hs_map map;
    json_t *header;            /**< safetensors */
    const unsigned char *data; /**< safetensors: where offsets count from */
    struct gguf_context *gguf; /**< a GGUF, or a part of one */
};

struct hs_model {
    struct hs_config config;
    const struct hs_family *family; /**< NULL: unknown */
    bool attention_bias, mlp_bias;  /**< of a directory: asked for by its configuration */
    char *path;
    bool is_directory;
    struct hs_shard *shards; /**< of a GGUF: the file, or its parts in order */
    size_t n_shards;
    json_t *weight_map;        /**< of a sharded directory: tensor -> file */
    struct gguf_context *gguf; /**< the first file's; NULL for a directory */
    struct hs_weight *weights; /**< (n_layer + 1, HS_N_ROLES): the first row holds the model's own */
};

/** Fills in as much of a zeroed model as the checkpoint allows; what it got stays there when it fails.
 *  Release with hs_model_clear in every case. */
headsift_status hs_model_load(struct hs_model *model, const char *path, const headsift_monitor *monitor,
                              headsift_error *error);
void hs_model_clear(struct hs_model *model);

/** Where a description comes from: one of a config.json and a GGUF's keys. */
struct hs_source {
    const json_t *root; /**< NULL: a GGUF */
    const struct gguf_context *gguf;
    const char *where; /**< the file's name */
    const char *arch;  /**< of a GGUF: what its keys begin with */
    headsift_error *error;
};

/* families.c */
enum {
    HS_PERMUTED = 1,       /**< a GGUF's rows of q and k alternate between the halves of a head */
    HS_NORMS_LESS_ONE = 2, /**< a directory's norm weights are stored without their 1 */
    HS_FUSED = 4,          /**< q, k and v are one tensor, and so are gate and up */
    HS_QKV_BIAS = 8,       /**< q, k and v have biases */
    HS_ASKS_BIAS = 16,     /**< "attention_bias" gives q, k, v and o biases */
    HS_ASKS_MLP_BIAS = 32, /**< "mlp_bias" */
    HS_STATES_KV = 64,     /**< config.json must say how many KV heads there are */
    HS_STATES_HEAD_DIM = 128,
    HS_PARTIAL_ROTARY = 256, /**< may rotate the first part of a head alone */
    HS_LOCAL_ROPE = 512,     /**< windowed layers have rotary positions of their own */
};
/** A family of models: one entry of the table. What it can't say as data, `more` reads from either format. */
struct hs_family {
    const char *model_type;   /**< of a config.json; NULL: none has it */
    const char *architecture; /**< of a GGUF; NULL likewise */
    unsigned flags;
    bool pre_norm, post_norm;
    enum hs_qk_norm qk_norm;
    enum hs_activation activation;
    bool tied; /**< these are what a config.json may leave out */
    double norm_eps, rope_base;
    int64_t window;
    headsift_status (*more)(const struct hs_source *in, struct hs_config *config); /**< may be NULL */
};
const struct hs_family *hs_family_of_type(const char *model_type);
const struct hs_family *hs_family_of_architecture(const char *architecture);
/** Says that a family is not supported, and what it needs where that is known. @param kind "model type" */
headsift_status hs_family_refuse(const char *where, const char *kind, const char *name, headsift_error *error);
/** Takes over what the family's models have, but not the sizes and names that are there. */
void hs_family_start(const struct hs_family *family, struct hs_config *config);

/* source.c: one member by its name in either format; `gguf` lacks the architecture's prefix. A member that is not
 * there leaves *out; NULL as a name: the format has no such member. */
headsift_status hs_source_number(const struct hs_source *in, const char *hf, const char *gguf, double *out);
headsift_status hs_source_int(const struct hs_source *in, const char *hf, const char *gguf, int64_t low, int64_t high,
                              int64_t *out);
/** A number or null, which counts as 0. */
headsift_status hs_source_cap(const struct hs_source *in, const char *hf, const char *gguf, double *out);
/** Keys in a window; 0, null or a negative number: none. */
headsift_status hs_source_window(const struct hs_source *in, const char *hf, int64_t *out);
/** Sets HS_LAYER_WINDOW from "layer_types" where a config.json has it. @param found whether it has */
headsift_status hs_source_layer_types(const struct hs_source *in, struct hs_config *config, bool *found);

/* config_hf.c */
struct hs_hf_config {
    struct hs_config config;
    const struct hs_family *family;
    bool attention_bias, mlp_bias;
};
/** Reads config.json. The sizes are filled in even when the model's kind is refused. @param where the file's name. */
headsift_status hs_hf_config_read(const json_t *root, const char *where, struct hs_hf_config *out,
                                  headsift_error *error);
/** Adds the ids of eos_token_id (an integer or a list) that are not there yet and inside the vocabulary. */
headsift_status hs_hf_eos_read(const json_t *root, const char *where, struct hs_config *config, headsift_error *error);
/** rope_parameters, or rope_theta and rope_scaling (rope_hf.c). */
headsift_status hs_hf_rope_read(const struct hs_source *in, const struct hs_family *family, struct hs_config *config);
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

/* gguf_split.c */
/** Maps the other parts of a GGUF whose first file is parsed; nothing to do where it is whole. */
headsift_status hs_gguf_parts_open(struct hs_model *model, headsift_error *error);

/* gguf_config.c */
/** The architecture and family of a model whose files are parsed. */
headsift_status hs_gguf_config_read(struct hs_model *model, headsift_error *error);

/* weights.c */
/** Calls `visit` for each tensor of the files, used or not, until it returns false. */
void hs_model_visit(const struct hs_model *model, hs_tensor_visit visit, void *user);
/** Finds every weight that the configuration calls for and checks its shape and type. */
headsift_status hs_weights_bind(struct hs_model *model, const headsift_monitor *monitor, headsift_error *error);
/** Refuses a GGUF with tensors that no role asks for; warns of a directory's (unused.c). */
headsift_status hs_weights_check_unused(const struct hs_model *model, const headsift_monitor *monitor,
                                        headsift_error *error);
/** The name that a Hugging Face directory (or a GGUF) of the model's family gives a weight. */
void hs_weight_name(const struct hs_model *model, bool hf, enum hs_role role, int32_t layer, char out[HS_TENSOR_NAME]);
bool hs_role_of_model(enum hs_role role); /**< false: there is one a layer */

/* rope.c */
void hs_rope_fill(const struct hs_rope *rope, int32_t rotary_dim, double *out);

/* inspect_block.c */
void hs_inspect_block(const struct hs_model *model, FILE *out);

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
