/* A tokenizer in words, for people: what it merges, where it cuts, what it changes, what it puts in front.
 * "byte-level BPE, digits + gpt2 split, NFC, no BOS". */
#include <string.h>

#include "tokenizer/internal.h"

static const char *cut_name(const struct hs_cut *cut) {
    switch (cut->pattern) {
    case HS_PATTERN_KNOWN:
        return hs_split_name(cut->split);
    case HS_PATTERN_NUMERIC:
        return "digits";
    case HS_PATTERN_LITERAL:
        return strcmp(cut->literal, "\xE2\x96\x81") == 0 ? "word" : "literal";
    case HS_PATTERN_REGEX:
        break;
    }
    return "pattern (PCRE2)";
}

static const char *step_name(const struct hs_step *step) {
    static const char *const forms[] = {"NFD", "NFC", "NFKD", "NFKC"};
    switch (step->kind) {
    case HS_STEP_FORM:
        return forms[step->form];
    case HS_STEP_LOWERCASE:
        return "lower case";
    case HS_STEP_STRIP:
        return "strip";
    case HS_STEP_STRIP_ACCENTS:
        return "no accents";
    case HS_STEP_REPLACE:
        return "replace";
    case HS_STEP_PREPEND:
        break;
    }
    return step->only_at_start ? "a space in front of the text" : "a space in front";
}

static bool describe_steps(const struct hs_steps *steps, struct hs_buffer *out) {
    bool ok = true;
    for (size_t i = 0; i < steps->n; i++) {
        bool sign = steps->step[i].kind == HS_STEP_REPLACE && steps->step[i].pattern_size == 1 &&
                    steps->step[i].pattern[0] == ' '; /* only another way to write the same */
        ok = ok && (sign || hs_buffer_printf(out, ", %s", step_name(&steps->step[i])));
    }
    return ok;
}

char *hs_describe(const struct hs_tokenizer *tokenizer) {
    static const char *const kinds[] = {"byte-level BPE", "BPE", "SentencePiece BPE"};
    struct hs_buffer out = {0};
    const struct hs_bpe *bpe = &tokenizer->bpe;
    bool ok = hs_buffer_printf(&out, "%s%s", kinds[bpe->kind],
                               bpe->kind == HS_BPE_CHARACTERS && bpe->byte_fallback ? " with byte fallback" : "");
    for (size_t i = 0; i < tokenizer->cuts.n; i++) {
        ok = ok && hs_buffer_printf(&out, "%s%s", i == 0 ? ", " : " + ", cut_name(&tokenizer->cuts.cut[i]));
    }
    ok = ok && hs_buffer_printf(&out, "%s", tokenizer->cuts.n > 0 ? " split" : "");
    ok = ok && describe_steps(&tokenizer->normalizer, &out) && describe_steps(&tokenizer->prepare, &out);
    size_t size = 0;
    const char *bos = tokenizer->bos < 0 ? NULL : hs_token_bytes(tokenizer, tokenizer->bos, &size);
    ok = ok && hs_buffer_printf(&out, ", %s%.*s", bos == NULL ? "no BOS" : "BOS ",
                                bos == NULL ? 0 : (int)(size < 80 ? size : 80), bos == NULL ? "" : bos);
    if (!ok) {
        hs_buffer_free(&out);
    }
    return out.data;
}
