/* One sample of the key-value retrieval task (method.md section 1): template, pairs, prompt, answer.
 * A builder is made once and makes sample after sample; sample i depends on the seed and i alone. */
#ifndef HS_PROBE_BUILD_H
#define HS_PROBE_BUILD_H

#include "probe/sentences.h"

/** The words of a prompt: instruction, line break, JSON object, line break; then `question` KEY line break `answer`
 *  for each worked pair and for the needle. */
struct hs_template {
    char *instruction, *question, *answer;
};

/** @param path a JSON file (docs/formats.md); NULL: ours in this language. */
headsift_status hs_template_load(const char *path, headsift_language language, struct hs_template *out,
                                 headsift_error *error);
void hs_template_free(struct hs_template *template);

enum { HS_KEY_SIZE = 32 };

struct hs_builder_options {
    const struct hs_tokenizer *tokenizer;
    const struct hs_template *template;
    struct hs_sentence_pool *pool;
    int64_t tokens; /**< prompt and answer, at most */
    int shots;
    uint64_t seed;
    int estimate_error; /**< tokens by which the estimate of each pair is made wrong: for tests, the result is the same
                         */
};

struct hs_builder;

/** All that the options point to is borrowed until hs_builder_close. */
headsift_status hs_builder_open(const struct hs_builder_options *options, struct hs_builder **out,
                                headsift_error *error);
void hs_builder_close(struct hs_builder *builder); /**< NULL is fine */

/** A sample; strings are borrowed until the next one is made. */
struct hs_built_sample {
    const char *prompt, *answer, *needle_key;
    size_t prompt_size, answer_size;
    size_t value_start, value_end; /**< bytes of the needle's value in the prompt's JSON object */
    int64_t tokens;                /**< of prompt and answer, with a BOS where the tokenizer adds one */
    int pairs;
};

/** @return HEADSIFT_FAILED when shots + 1 pairs do not fit (says how many tokens they need) or sentences run out. */
headsift_status hs_build_sample(struct hs_builder *builder, uint64_t index, struct hs_built_sample *out,
                                headsift_error *error);

#endif
