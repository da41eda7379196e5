/* See influence_support.h. The tokenizer is made from a vocabulary in memory.
 * The model is one of the tiny goldens. */
#include "influence_support.h"

#include <string.h>

#include "base/memory.h"

enum { N_TOKENS = 129 };

/* The vocabulary; the texts of single characters are kept in `letters`. */
static void fill(const char *tokens[N_TOKENS], int32_t types[N_TOKENS], char letters[N_TOKENS][16]) {
    static const char *const special[] = {"<pad>", "<s>", "</s>"};
    for (int id = 0; id < N_TOKENS; id++) {
        bool control = id < 3;
        types[id] = control ? HS_TOKEN_CONTROL : HS_TOKEN_NORMAL;
        int letter = '!' + id - 3;
        if (control) {
            snprintf(letters[id], 16, "%s", special[id]);
        } else if (letter <= 'y') {
            snprintf(letters[id], 16, "%c", letter);
        } else {
            snprintf(letters[id], 16, "[unused%d]", id);
        }
        tokens[id] = letters[id];
    }
    tokens[126] = "\xC4\xA0"; /* space and newline in GPT-2's alphabet */
    tokens[127] = "\xC4\x8A";
    tokens[128] = "z";
}

headsift_model *tiny_scorer(bool add_bos) { return tiny_family("llama_gqa_tied", add_bos); }

headsift_model *tiny_family(const char *family, bool add_bos) {
    char path[512];
    snprintf(path, sizeof path, HS_TEST_DATA "/goldens/tiny/%s", family);
    const char *tokens[N_TOKENS];
    int32_t types[N_TOKENS];
    char letters[N_TOKENS][16];
    fill(tokens, types, letters);
    struct hs_vocab vocab = {.style = "gpt2",
                             .pre = "smollm",
                             .tokens = tokens,
                             .types = types,
                             .n_tokens = N_TOKENS,
                             .bos = 1,
                             .add_bos = add_bos};
    headsift_model *scorer = hs_alloc(1, sizeof *scorer);
    headsift_error error = {0};
    assert_non_null(scorer);
    headsift_status status = hs_model_open(path, NULL, &scorer->model, &error);
    if (status == HEADSIFT_OK) {
        status = hs_tokenizer_from_vocab(&vocab, "tiny", &scorer->tokenizer, &error);
    }
    if (status != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return scorer;
}

const headsift_heads *tiny_heads(void) {
    static headsift_head heads[] = {{1, 2}, {2, 0}};
    static const headsift_heads all = {.heads = heads, .n_heads = 2};
    return &all;
}

headsift_score tiny_score(headsift_model *model, const headsift_score_options *options, const char *text, size_t size) {
    headsift_score row;
    headsift_error error = {0};
    headsift_status status = headsift_score_texts(model, tiny_heads(), options, &text, &size, 1, &row, &error);
    if (status != HEADSIFT_OK && status != HEADSIFT_UNSCORED) {
        fail_msg("%s", error.message);
    }
    return row;
}
