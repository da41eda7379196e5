/* headsift_inspect: what a checkpoint is, for people; also of one that can't be opened, as far as it can be read.
 * One line a subject, so that it can be searched with grep. */
#include <string.h>

#include "base/text.h"
#include "model/internal.h"

enum { SHOWN_FILES = 8, SHOWN_DTYPES = 24, TEXT = 512 };

static const double MEGABYTE = 1e6;

static void subject(FILE *out, const char *name) { fprintf(out, "%-11s ", name); }

/* Text of files on one line of a terminal. */
static void text_line(FILE *out, const char *name, const char *text) {
    char safe[TEXT];
    hs_escape_line(text, strlen(text), safe, sizeof safe);
    subject(out, name);
    fprintf(out, "%s\n", safe);
}

static void print_files(const struct hs_model *model, FILE *out) {
    double total = 0.0;
    for (size_t i = 0; i < model->n_shards; i++) {
        const struct hs_shard *shard = &model->shards[i];
        char safe[TEXT];
        total += (double)shard->map.size;
        if (i < SHOWN_FILES) {
            hs_escape_line(shard->name, strlen(shard->name), safe, sizeof safe);
            subject(out, i == 0 ? "files" : "");
            fprintf(out, "%s, %zu bytes\n", safe, shard->map.size);
        }
    }
    if (model->n_shards > SHOWN_FILES) {
        subject(out, "");
        fprintf(out, "... %zu files, %.1f MB in all\n", model->n_shards, total / MEGABYTE);
    }
}

static void print_heads(const struct hs_config *c, FILE *out) {
    int32_t share = c->n_kv_head > 0 && c->n_head % c->n_kv_head == 0 ? c->n_head / c->n_kv_head : 0;
    const char *kind = share == 1 ? "MHA" : c->n_kv_head == 1 ? "MQA" : "GQA";
    subject(out, "heads");
    fprintf(out, "%d query heads and %d KV heads of %d in each of %d layers (%s), %lld query heads in all\n", c->n_head,
            c->n_kv_head, c->head_dim, c->n_layer, kind, (long long)c->n_layer * c->n_head);
    if (share == 1) {
        text_line(out, "", "each query head -> the KV head of the same number");
        return;
    }
    for (int32_t kv = 0; share > 0 && kv < c->n_kv_head; kv++) {
        subject(out, "");
        fprintf(out, "query heads %d-%d -> KV head %d\n", kv * share, (kv + 1) * share - 1, kv);
    }
}

static void print_config(const struct hs_model *model, bool open, FILE *out) {
    const struct hs_config *c = &model->config;
    text_line(out, "model", c->name);
    subject(out, "format");
    fprintf(out, "%s\n", model->is_directory ? "Hugging Face directory" : "GGUF");
    print_files(model, out);
    if (c->family[0] != '\0') {
        text_line(out, "family", c->family);
    }
    if (c->n_layer > 0 && c->n_head > 0 && c->hidden > 0) {
        subject(out, "shape");
        fprintf(out, "%d layers, hidden %d, feed-forward %d, vocabulary %d\n", c->n_layer, c->hidden, c->ffn, c->vocab);
        print_heads(c, out);
    }
    if (c->context > 0) {
        subject(out, "context");
        fprintf(out, "%lld tokens\n", (long long)c->context);
    }
    hs_inspect_block(model, out);
    if (open) {
        text_line(out, "output", c->tied ? "tied to the embedding" : "a matrix of its own");
    }
}

struct dtype_count {
    char name[16];
    size_t tensors;
};

struct totals {
    struct dtype_count dtypes[SHOWN_DTYPES];
    size_t n_dtypes;
    double elements;
};

static bool add_tensor(void *user, const char *name, const struct hs_tensor *tensor) {
    struct totals *totals = user;
    char dtype[sizeof totals->dtypes[0].name];
    double elements = 1.0;
    size_t i = 0;
    (void)name;
    for (int32_t d = 0; d < tensor->n_dims; d++) {
        elements *= (double)tensor->shape[d];
    }
    totals->elements += elements;
    hs_escape_line(tensor->dtype, strlen(tensor->dtype), dtype, sizeof dtype);
    while (i < totals->n_dtypes && strcmp(totals->dtypes[i].name, dtype) != 0) {
        i++;
    }
    if (i == SHOWN_DTYPES) {
        return true;
    }
    if (i == totals->n_dtypes) {
        totals->n_dtypes++;
        memcpy(totals->dtypes[i].name, dtype, sizeof dtype);
    }
    totals->dtypes[i].tensors++;
    return true;
}

static void print_tensors(const struct hs_model *model, FILE *out) {
    struct totals totals = {0};
    hs_model_visit(model, add_tensor, &totals);
    if (totals.n_dtypes == 0) {
        return;
    }
    subject(out, "parameters");
    fprintf(out, "%.0f\n", totals.elements);
    subject(out, "dtype");
    for (size_t i = 0; i < totals.n_dtypes; i++) {
        fprintf(out, "%s%s (%zu tensors)", i > 0 ? ", " : "", totals.dtypes[i].name, totals.dtypes[i].tensors);
    }
    fputc('\n', out);
}

/* What the engine packs: all matrices; the embedding is read from the file unless it is the output too. */
static double packed_elements(const struct hs_model *model) {
    size_t count = ((size_t)model->config.n_layer + 1) * HS_N_ROLES;
    double elements = 0.0;
    for (size_t i = 0; i < count; i++) {
        const struct hs_weight *weight = &model->weights[i];
        bool packed = weight->data != NULL && (i != HS_EMBEDDING || model->config.tied);
        elements += packed ? (double)weight->rows * (double)weight->cols : 0.0;
    }
    return elements;
}

/* Hidden states of two streams, always f32, and one layer's K and V for a document of the whole context. */
static double document_bytes(const struct hs_config *c, double element) {
    double row = 2.0 * c->hidden * sizeof(float) + 2.0 * (double)c->n_kv_head * c->head_dim * element;
    return row * (double)c->context;
}

static void print_memory(const struct hs_model *model, FILE *out) {
    static const struct {
        const char *name;
        double weight, activation; /* bytes of an element; int8 keeps some columns in bf16, and its scales */
    } dtypes[] = {{"f32", 4, 4}, {"bf16", 2, 2}, {"int8", 1.25, 2}};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        subject(out, i == 0 ? "memory" : "");
        fprintf(out, "%s: %.1f MB of weights, about %.1f MB more for a document of %lld tokens\n", dtypes[i].name,
                packed_elements(model) * dtypes[i].weight / MEGABYTE,
                document_bytes(&model->config, dtypes[i].activation) / MEGABYTE, (long long)model->config.context);
    }
}

static void print_token(const struct hs_tokenizer *tokenizer, const char *name, int32_t id, FILE *out) {
    size_t size = 0;
    const char *bytes = tokenizer != NULL ? hs_token_bytes(tokenizer, id, &size) : NULL;
    char safe[TEXT];
    hs_escape_line(bytes != NULL ? bytes : "", size, safe, sizeof safe);
    subject(out, name);
    fprintf(out, bytes != NULL ? "%d %s\n" : "%d\n", id, safe);
}

static headsift_status print_tokenizer(const struct hs_model *model, FILE *out, headsift_error *error) {
    struct hs_tokenizer *tokenizer = NULL;
    headsift_status status = hs_model_tokenizer(model, &tokenizer, error);
    if (status == HEADSIFT_OK) {
        subject(out, "tokenizer");
        fprintf(out, "%s, %d tokens\n", hs_tokenizer_style(tokenizer), hs_tokenizer_size(tokenizer));
        if (hs_tokenizer_bos(tokenizer) >= 0) {
            print_token(tokenizer, "bos", hs_tokenizer_bos(tokenizer), out);
        } else {
            text_line(out, "bos", "none added");
        }
    } else {
        text_line(out, "tokenizer", error->message);
    }
    for (int32_t i = 0; i < model->config.n_eos; i++) {
        print_token(tokenizer, "eos", model->config.eos[i], out);
    }
    hs_tokenizer_close(tokenizer);
    return status;
}

static void print_hash(struct hs_model *model, FILE *out) {
    char hex[HS_HASH_HEX];
    if (hs_model_sha256(model, hex, NULL) == HEADSIFT_OK) {
        text_line(out, "sha256", hex);
    }
}

/* @return the first reason against the model: its own, or its tokenizer's. */
static headsift_status print_all(struct hs_model *model, headsift_status loaded, FILE *out, headsift_error *error) {
    headsift_error tokenizer_error = {0};
    print_config(model, loaded == HEADSIFT_OK, out);
    print_tensors(model, out);
    headsift_status tokenized = print_tokenizer(model, out, &tokenizer_error);
    if (loaded == HEADSIFT_OK) {
        print_memory(model, out);
    }
    print_hash(model, out);
    if (loaded == HEADSIFT_OK && tokenized != HEADSIFT_OK) {
        *error = tokenizer_error;
        loaded = tokenized;
    }
    return loaded;
}

headsift_status headsift_inspect(const char *path, FILE *out, headsift_error *error) {
    headsift_error reason = {0};
    struct hs_model model = {0};
    headsift_status status = hs_model_load(&model, path, NULL, &reason);
    bool readable = model.gguf != NULL || model.config.family[0] != '\0' || model.n_shards > 0;
    if (readable && (model.is_directory || model.gguf != NULL)) {
        status = print_all(&model, status, out, &reason);
        text_line(out, "supported", status == HEADSIFT_OK ? "yes" : "no");
        if (status != HEADSIFT_OK) {
            text_line(out, "why not", reason.message);
        }
    }
    if (status != HEADSIFT_OK && error != NULL) {
        *error = reason;
    }
    hs_model_clear(&model);
    return status;
}
