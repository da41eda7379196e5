/* Writes llamas of random weights in the Hugging Face layout: see written_llama.h.
 * The same sizes always give the same weights. */
#include "written_llama.h"
#include "support.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

enum { CONTEXT = 1 << 20 };

/* What goes into model.safetensors. */
struct writing {
    const struct written_llama *llama;
    struct hs_random random;
    struct hs_buffer header, data;
};

/* rows 0: a vector. */
static void put_tensor(struct writing *w, const char *name, int rows, int cols) {
    const size_t n = (size_t)(rows > 0 ? rows : 1) * (size_t)cols, first = w->data.size;
    for (size_t i = 0; i < n; i++) {
        float value = (float)(w->llama->largest * ((double)hs_random_below(&w->random, 2001) / 1000 - 1));
        hs_buffer_append(&w->data, &value, sizeof value);
    }
    hs_buffer_printf(&w->header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", first > 0 ? "," : "{", name);
    if (rows > 0) {
        hs_buffer_printf(&w->header, "%d,", rows);
    }
    hs_buffer_printf(&w->header, "%d],\"data_offsets\":[%zu,%zu]}", cols, first, w->data.size);
}

static void put_layer(struct writing *w, int layer) {
    const struct written_llama *l = w->llama;
    const int kv = l->hidden / l->n_head * l->n_kv_head;
    const struct {
        const char *name;
        int rows, cols;
    } tensors[] = {
        {"input_layernorm", 0, l->hidden},          {"self_attn.q_proj", l->hidden, l->hidden},
        {"self_attn.k_proj", kv, l->hidden},        {"self_attn.v_proj", kv, l->hidden},
        {"self_attn.o_proj", l->hidden, l->hidden}, {"post_attention_layernorm", 0, l->hidden},
        {"mlp.gate_proj", l->ffn, l->hidden},       {"mlp.up_proj", l->ffn, l->hidden},
        {"mlp.down_proj", l->hidden, l->ffn},
    };
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        char name[128];
        snprintf(name, sizeof name, "model.layers.%d.%s.weight", layer, tensors[i].name);
        put_tensor(w, name, tensors[i].rows, tensors[i].cols);
    }
}

static void write_file(const char *folder, const char *name, const struct hs_buffer *bytes) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(hs_file_write(path, bytes->data, bytes->size, NULL), HEADSIFT_OK);
}

static void write_config(const char *folder, const struct written_llama *l) {
    struct hs_buffer text = {0};
    hs_buffer_printf(&text,
                     "{\"model_type\":\"llama\",\"hidden_size\":%d,\"intermediate_size\":%d,\"num_hidden_layers\":%d,"
                     "\"num_attention_heads\":%d,\"num_key_value_heads\":%d,\"vocab_size\":%d,"
                     "\"max_position_embeddings\":%d,\"rms_norm_eps\":1e-5,\"rope_theta\":10000.0,"
                     "\"tie_word_embeddings\":true,\"hidden_act\":\"silu\"}",
                     l->hidden, l->ffn, l->n_layer, l->n_head, l->n_kv_head, l->vocab, CONTEXT);
    write_file(folder, "config.json", &text);
    hs_buffer_free(&text);
}

void written_llama(const char *folder, const struct written_llama *llama) {
    struct writing w = {.llama = llama};
    struct hs_buffer file = {0};
    hs_random_seed(&w.random, 5);
    put_tensor(&w, "model.embed_tokens.weight", llama->vocab, llama->hidden);
    for (int layer = 0; layer < llama->n_layer; layer++) {
        put_layer(&w, layer);
    }
    put_tensor(&w, "model.norm.weight", 0, llama->hidden);
    hs_buffer_append(&w.header, "}", 1);
    const uint64_t size = w.header.size;
    hs_buffer_append(&file, &size, sizeof size);
    hs_buffer_append(&file, w.header.data, w.header.size);
    hs_buffer_append(&file, w.data.data, w.data.size);
    mkdir(folder, 0777);
    write_config(folder, llama);
    write_file(folder, "model.safetensors", &file);
    hs_buffer_free(&w.header);
    hs_buffer_free(&w.data);
    hs_buffer_free(&file);
}
