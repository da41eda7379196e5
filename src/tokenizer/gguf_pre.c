/* The table of the names, in llama.cpp's spelling.
 * llama.cpp knows the split but not the normalizer of a family; both must be known here. */
#include "tokenizer/gguf_pre.h"

#include <string.h>

#define WORDS(contractions)                                                                                            \
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+" contractions           \
    "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" contractions
#define REST "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const char tekken[] = WORDS("") "|\\p{N}" REST;
static const char gpt4o[] = WORDS("(?i:'s|'t|'re|'ve|'m|'ll|'d)?") "|\\p{N}{1,3}" REST;
static const char qwen35[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}"
                             "| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

struct pre {
    const char *name;
    enum hs_split split;
    const char *pattern; /* in place of `split` */
    bool digits;         /* each digit apart first */
    bool ignore_merges, nfc;
};

static const struct pre known[] = {
    {.name = "gpt-2", .split = HS_SPLIT_GPT2},
    {.name = "phi-2", .split = HS_SPLIT_GPT2},
    {.name = "olmo", .split = HS_SPLIT_GPT2, .nfc = true},
    {.name = "mpt", .split = HS_SPLIT_GPT2, .nfc = true},
    {.name = "smollm", .split = HS_SPLIT_GPT2, .digits = true},
    {.name = "starcoder", .split = HS_SPLIT_GPT2, .digits = true},
    {.name = "refact", .split = HS_SPLIT_GPT2, .digits = true},
    {.name = "command-r", .split = HS_SPLIT_GPT2, .digits = true, .nfc = true},
    {.name = "llama-bpe", .split = HS_SPLIT_LLAMA3, .ignore_merges = true},
    {.name = "llama3", .split = HS_SPLIT_LLAMA3, .ignore_merges = true},
    {.name = "llama-v3", .split = HS_SPLIT_LLAMA3, .ignore_merges = true},
    {.name = "dbrx", .split = HS_SPLIT_LLAMA3},
    {.name = "qwen2", .split = HS_SPLIT_QWEN2, .nfc = true},
    {.name = "qwen35", .pattern = qwen35, .nfc = true},
    {.name = "tekken", .pattern = tekken, .ignore_merges = true},
    {.name = "gpt-4o", .pattern = gpt4o},
};

static headsift_status find_pre(const char *name, const char *where, const struct pre **out, headsift_error *error) {
    char names[512] = "";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (name != NULL && strcmp(name, known[i].name) == 0) {
            *out = &known[i];
            return HEADSIFT_OK;
        }
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "", known[i].name);
    }
    return hs_fail(error, HEADSIFT_FAILED,
                   "%s: tokenizer.ggml.pre is %.80s; supported are %s: use the model's Hugging Face directory instead",
                   where, name == NULL ? "missing" : name, names);
}

headsift_status hs_pre_apply(struct hs_builder *builder, const char *pre, headsift_error *error) {
    struct hs_tokenizer *tokenizer = builder->tokenizer;
    struct hs_cuts *cuts = &tokenizer->cuts;
    const struct pre *found = NULL;
    HS_TRY(find_pre(pre, builder->where, &found, error));
    builder->ignore_merges = found->ignore_merges;
    if (found->nfc) {
        *hs_steps_add(&tokenizer->normalizer) = (struct hs_step){.kind = HS_STEP_FORM, .form = HS_FORM_NFC};
    }
    if (found->digits) {
        cuts->cut[cuts->n++] = (struct hs_cut){.pattern = HS_PATTERN_NUMERIC};
    }
    struct hs_cut *cut = &cuts->cut[cuts->n++];
    *cut = (struct hs_cut){.pattern = HS_PATTERN_KNOWN, .split = found->split};
    if (found->pattern == NULL) {
        return HEADSIFT_OK;
    }
    cut->pattern = HS_PATTERN_REGEX;
    return hs_regex_new(found->pattern, strlen(found->pattern), builder->where, &cut->regex, error);
}
