/* A checkpoint: its configuration and its weights by role, mapped from a GGUF file or a Hugging Face directory.
 * Loaders fill in one description; the engine walks it and never sees a file format. */
#ifndef HS_MODEL_MODEL_H
#define HS_MODEL_MODEL_H

#include "base/error.h"
#include "base/hash.h"
#include "tokenizer/tokenizer.h"

enum { HS_MAX_EOS = 16 };

/** What kind of rotary positions a model has. Angles are formed in f64 from hs_rope_frequencies. */
enum hs_rope_kind { HS_ROPE_DEFAULT, HS_ROPE_LINEAR, HS_ROPE_LLAMA3 };

struct hs_rope {
    enum hs_rope_kind kind;
    double base;                              /**< rope_theta */
    double factor;                            /**< LINEAR, LLAMA3 */
    double low_freq_factor, high_freq_factor; /**< LLAMA3 */
    int64_t original_context;                 /**< LLAMA3 */
};

/** The architecture. One description of a block: a new family fills this in. */
struct hs_config {
    char family[32]; /**< "llama" */
    char name[128];  /**< for people: general.name of a GGUF, else the file's or folder's name */
    int32_t n_layer, n_head, n_kv_head, head_dim;
    int32_t hidden, ffn, vocab;
    int64_t context; /**< trained length */
    double norm_eps;
    bool tied; /**< the output matrix is the embedding */
    struct hs_rope rope;
    int32_t eos[HS_MAX_EOS];
    int32_t n_eos;
};

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

/** Inverse frequencies of the rotary embedding in f64: angle of position t and pair i = t * out[i].
 *  @param out (head_dim / 2). Source: RoFormer (2104.09864) eq. 15; Llama 3's scaling as in transformers. */
void hs_rope_frequencies(const struct hs_model *model, double *out);

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
