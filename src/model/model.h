/* A checkpoint: its configuration and its weights by role, mapped from a GGUF file or a Hugging Face directory.
 * Loaders fill in one description; the engine walks it and never sees a file format. */
#ifndef HS_MODEL_MODEL_H
#define HS_MODEL_MODEL_H

#include "base/error.h"
#include "base/hash.h"
#include "tokenizer/tokenizer.h"

enum { HS_MAX_EOS = 16, HS_MAX_LAYERS = 1024, HS_MAX_PAIRS = 512 };

/** What kind of rotary positions a model has. Angles are formed in f64 from hs_rope_frequencies. */
enum hs_rope_kind { HS_ROPE_DEFAULT, HS_ROPE_LINEAR, HS_ROPE_DYNAMIC, HS_ROPE_LLAMA3, HS_ROPE_YARN, HS_ROPE_LONGROPE };

struct hs_rope {
    enum hs_rope_kind kind;
    double base;                              /**< rope_theta */
    double factor;                            /**< LINEAR, LLAMA3, YARN */
    double low_freq_factor, high_freq_factor; /**< LLAMA3 */
    int64_t original_context;                 /**< LLAMA3, YARN, LONGROPE; DYNAMIC knows no positions behind it */
    double beta_fast, beta_slow;              /**< YARN: turns in the original context between which it blends */
    bool whole_bounds;                        /**< YARN: these bounds are rounded to whole pairs */
    double magnitude;                         /**< YARN, LONGROPE: of cosines and sines; 0 counts as 1 */
};

enum hs_activation { HS_SILU, HS_GELU_TANH };

/** Norms of queries and keys before their rotation: none, of each head's own, or of a row's all at once. */
enum hs_qk_norm { HS_QK_NONE, HS_QK_HEAD, HS_QK_ALL };

/** What sets a layer apart from others. */
enum { HS_LAYER_WINDOW = 1, HS_LAYER_NO_ROPE = 2, HS_LAYER_LOCAL_ROPE = 4 };

/** The architecture. One description of a block: a new family fills this in (families.c). */
struct hs_config {
    char family[32]; /**< "llama" */
    char name[128];  /**< for people: general.name of a GGUF, else the file's or folder's name */
    int32_t n_layer, n_head, n_kv_head, head_dim;
    int32_t hidden, ffn, vocab;
    int64_t context; /**< trained length */
    double norm_eps;
    bool tied;                /**< the output matrix is the embedding */
    bool pre_norm, post_norm; /**< of what goes into attention and MLP; of what comes out, before it is added */
    enum hs_qk_norm qk_norm;
    enum hs_activation activation;
    double embedding_scale, residual_scale, logit_scale; /**< factors; 1 where a family has none */
    double attention_scale;                              /**< of scores */
    double attention_cap, logit_cap;                     /**< x becomes cap tanh(x / cap); 0: none */
    int64_t window;                                      /**< keys that a query of a windowed layer sees, its own too */
    uint8_t layer_flags[HS_MAX_LAYERS];                  /**< HS_LAYER_... */
    int32_t rotary_dim;                                  /**< of each head, its first dimensions */
    struct hs_rope rope, local_rope;
    bool divided;                    /**< frequencies are divided by `divisors` */
    float divisors[2][HS_MAX_PAIRS]; /**< documents up to the original context, longer ones (LONGROPE alone) */
    int32_t eos[HS_MAX_EOS];
    int32_t n_eos;
};

/** Keys that a layer's queries see, their own included; 0: all before them. */
static inline int64_t hs_layer_window(const struct hs_config *config, int32_t layer) {
    return (config->layer_flags[layer] & HS_LAYER_WINDOW) != 0 ? config->window : 0;
}

enum hs_role {
    HS_EMBEDDING,
    HS_OUTPUT_NORM,
    HS_OUTPUT, /* of the model: layer is ignored */
    HS_ATTENTION_NORM,
    HS_Q,
    HS_K,
    HS_V,
    HS_O, /* of a layer */
    HS_Q_BIAS,
    HS_K_BIAS,
    HS_V_BIAS,
    HS_O_BIAS,
    HS_MLP_NORM,
    HS_GATE,
    HS_UP,
    HS_DOWN,
    HS_GATE_BIAS,
    HS_UP_BIAS,
    HS_DOWN_BIAS,
    HS_Q_NORM,
    HS_K_NORM,
    HS_POST_ATTENTION_NORM,
    HS_POST_MLP_NORM,
    HS_N_ROLES
};

struct hs_model;
struct hs_weight; /**< a matrix (rows, cols), row-major, y = W x; a vector has one row */

/** Maps and checks a checkpoint: every weight that the configuration calls for must be there with its shape.
 *  @param path a .gguf file or a directory. Unsupported parts are refused by name. */
headsift_status hs_model_open(const char *path, const headsift_monitor *monitor, struct hs_model **out,
                              headsift_error *error);
void hs_model_close(struct hs_model *model); /**< NULL is fine */

const struct hs_config *hs_model_config(const struct hs_model *model);
/** NULL where the model has no such weight (biases). HS_OUTPUT of a tied model is its embedding. Borrowed. */
const struct hs_weight *hs_model_weight(const struct hs_model *model, enum hs_role role, int32_t layer);

int64_t hs_weight_rows(const struct hs_weight *weight);
int64_t hs_weight_cols(const struct hs_weight *weight);
const char *hs_weight_dtype(const struct hs_weight *weight); /**< "F32", "BF16", "Q4_1", ... */
/** Converts rows first .. first+count-1 to f32 in Hugging Face's row order (a GGUF's q/k permutation undone).
 *  @param out (count, cols). Never fails on an open model. Thread-safe. */
void hs_weight_read(const struct hs_weight *weight, int64_t first, int64_t count, float *out);
/** Columns first_col .. first_col + n_cols of rows first .. first + count of a matrix that is not HS_Q or HS_K.
 *  @param first_col a multiple of HS_COLUMN_STEP, as is n_cols unless it goes to the row's end. @param out (count,
 *  n_cols). Thread-safe. */
void hs_weight_read_columns(const struct hs_weight *weight, int64_t first, int64_t count, int64_t first_col,
                            int64_t n_cols, float *out);
enum { HS_COLUMN_STEP = 256 }; /**< quantised types know no finer start */

/** The tables of angles that a model can need. */
enum hs_rope_table { HS_ROPE_GLOBAL, HS_ROPE_LOCAL, HS_ROPE_FAR, HS_ROPE_TABLES };
bool hs_rope_has(const struct hs_config *config, enum hs_rope_table table);
/** Inverse frequencies of a table in f64: angle of position t and pair i = t * out[i].
 *  @param out (rotary_dim / 2). Source: RoFormer (2104.09864) eq. 15; the scalings as in transformers.
 *  @return the factor of cosines and sines */
double hs_rope_frequencies(const struct hs_config *config, enum hs_rope_table table, double *out);
/** Documents longer than this take HS_ROPE_FAR instead of HS_ROPE_GLOBAL. */
static inline int64_t hs_rope_near(const struct hs_config *config) {
    return config->rope.kind == HS_ROPE_LONGROPE ? config->rope.original_context : INT64_MAX;
}

/** SHA-256 of the checkpoint: of a GGUF, its file's; of a directory, of the lines "SHA  NAME\n" of config.json,
 *  tokenizer.json and the weight files, sorted by name. Cached by path, size and mtime in $XDG_CACHE_HOME/headsift. */
headsift_status hs_model_sha256(struct hs_model *model, char hex[HS_HASH_HEX], headsift_error *error);

/** Writes a Hugging Face directory again with these heads uniform: only the bytes of their queries differ (zero), files
 *  keep their names. config.json comes last: without it the folder is not whole. Bounded memory.
 *  @return HEADSIFT_FAILED: a GGUF, a head that does not exist, a folder that is there (unless `overwrite`). */
headsift_status hs_model_write_masked(struct hs_model *model, const headsift_head *heads, size_t n,
                                      const char *directory, bool overwrite, const headsift_monitor *monitor,
                                      headsift_error *error);

/** Builds the model's tokenizer. @param out the caller's: hs_tokenizer_close. */
headsift_status hs_model_tokenizer(const struct hs_model *model, struct hs_tokenizer **out, headsift_error *error);

#endif
