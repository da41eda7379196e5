/* A GGUF's vocabulary as the tokenizer.json that Hugging Face's `tokenizers` would save for it.
 * Built for the pre-tokeniser "smollm": single digits apart, then GPT-2's split. */
#include <string.h>

#include "tools/export_hf.h"

static json_t *added_tokens(const struct hs_vocab *vocab) {
    json_t *list = json_array();
    for (size_t i = 0; i < vocab->n_tokens; i++) {
        if (vocab->types != NULL && vocab->types[i] == HS_TOKEN_CONTROL) {
            json_array_append_new(list, json_pack("{s:I, s:s, s:b, s:b, s:b, s:b, s:b}", "id", (json_int_t)i, "content",
                                                  vocab->tokens[i], "single_word", 0, "lstrip", 0, "rstrip", 0,
                                                  "normalized", 0, "special", 1));
        }
    }
    return list;
}

static json_t *token_ids(const struct hs_vocab *vocab) {
    json_t *ids = json_object();
    for (size_t i = 0; i < vocab->n_tokens; i++) {
        json_object_set_new(ids, vocab->tokens[i], json_integer((json_int_t)i));
    }
    return ids;
}

static json_t *merges(const struct hs_vocab *vocab) {
    json_t *list = json_array();
    for (size_t i = 0; i < vocab->n_merges; i++) {
        const char *blank = strchr(vocab->merges[i], ' ');
        size_t left = blank != NULL ? (size_t)(blank - vocab->merges[i]) : strlen(vocab->merges[i]);
        json_array_append_new(
            list, json_pack("[o, s]", json_stringn(vocab->merges[i], left), blank != NULL ? blank + 1 : ""));
    }
    return list;
}

static json_t *byte_level(bool add_prefix_space) {
    return json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", (int)add_prefix_space,
                     "trim_offsets", 1, "use_regex", 1);
}

static json_t *bpe(const struct hs_vocab *vocab) {
    return json_pack("{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:o}", "type", "BPE", "dropout", "unk_token",
                     "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0, "byte_fallback", 0,
                     "ignore_merges", 0, "vocab", token_ids(vocab), "merges", merges(vocab));
}

static json_t *tokenizer_of(const struct hs_vocab *vocab) {
    json_t *digits = json_pack("{s:s, s:b}", "type", "Digits", "individual_digits", 1);
    json_t *split = json_pack("{s:s, s:[o, o]}", "type", "Sequence", "pretokenizers", digits, byte_level(false));
    return json_pack("{s:s, s:n, s:n, s:o, s:n, s:o, s:n, s:o, s:o}", "version", "1.0", "truncation", "padding",
                     "added_tokens", added_tokens(vocab), "normalizer", "pre_tokenizer", split, "post_processor",
                     "decoder", byte_level(true), "model", bpe(vocab));
}

static headsift_status from_vocab(const struct hs_model *model, const struct export_options *options,
                                  headsift_error *error) {
    struct hs_gguf_vocab read;
    HS_TRY(hs_gguf_vocab_read(model, &read, error));
    headsift_status status;
    if (read.vocab.pre == NULL || strcmp(read.vocab.pre, "smollm") != 0) {
        status = hs_fail(error, HEADSIFT_FAILED, "%s: only the pre-tokeniser smollm can be exported", model->path);
    } else {
        status = export_json(options, "tokenizer.json", tokenizer_of(&read.vocab), error);
    }
    hs_gguf_vocab_free(&read);
    return status;
}

static headsift_status copy(const char *from, const char *to, headsift_error *error) {
    struct hs_map map;
    HS_TRY(hs_map_open(from, &map, error));
    headsift_status status = hs_file_write(to, map.data, map.size, error);
    hs_map_close(&map);
    return status;
}

headsift_status export_tokenizer(const struct hs_model *model, const struct export_options *options,
                                 headsift_error *error) {
    if (!model->is_directory) {
        return from_vocab(model, options, error);
    }
    char *from = hs_join_path(model->path, "tokenizer.json");
    char *to = hs_join_path(options->directory, "tokenizer.json");
    headsift_status status = HEADSIFT_OK;
    if (from == NULL || to == NULL) {
        status = hs_fail_memory(error, "a path", 0);
    } else if (hs_file_exists(from)) {
        status = copy(from, to, error);
    }
    hs_free(from);
    hs_free(to);
    return status;
}
