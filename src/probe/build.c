/* Builds samples: pairs are drawn until the next one does not fit, worked pairs first, then the needle, then the rest.
 * Token counts of single pairs say about how many fit; exact counts of the whole sample decide. */
#include "probe/build.h"

#include <stdlib.h>
#include <string.h>

struct pair {
    char key[HS_KEY_SIZE];
    size_t value, value_size; /* in values */
};

struct hs_builder {
    struct hs_builder_options options;
    struct hs_encoding encoding;
    struct pair *pairs; /* in the order drawn */
    size_t n_pairs, pair_capacity;
    struct hs_buffer values; /* the drawn sentences, one behind the other */
    const struct pair **sorted;
    size_t sorted_capacity;
    struct hs_buffer text; /* prompt and answer */
    size_t prompt_size, value_start;
    char needle_key[HS_KEY_SIZE + 1];
    struct hs_random random;
};

headsift_status hs_builder_open(const struct hs_builder_options *options, struct hs_builder **out,
                                headsift_error *error) {
    *out = hs_alloc(1, sizeof **out);
    if (*out == NULL) {
        return hs_fail_memory(error, "a probe builder", sizeof **out);
    }
    (*out)->options = *options;
    return HEADSIFT_OK;
}

void hs_builder_close(struct hs_builder *builder) {
    if (builder == NULL) {
        return;
    }
    hs_encoding_free(&builder->encoding);
    hs_free(builder->pairs);
    hs_buffer_free(&builder->values);
    hs_free(builder->sorted);
    hs_buffer_free(&builder->text);
    hs_free(builder);
}

static headsift_status no_memory(const struct hs_builder *builder, headsift_error *error) {
    return hs_fail_memory(error, "a probe sample", builder->text.size + builder->values.size);
}

static bool key_is_taken(const struct hs_builder *builder, const char *key) {
    for (size_t i = 0; i < builder->n_pairs; i++) {
        if (memcmp(builder->pairs[i].key, key, HS_KEY_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static void draw_key(struct hs_builder *builder, char key[HS_KEY_SIZE]) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    do {
        for (int i = 0; i < HS_KEY_SIZE; i++) {
            key[i] = alphabet[hs_random_below(&builder->random, sizeof alphabet - 1)];
        }
    } while (key_is_taken(builder, key));
}

static headsift_status draw_pair(struct hs_builder *builder, headsift_error *error) {
    void *pairs = builder->pairs;
    if (!hs_grow(&pairs, &builder->pair_capacity, builder->n_pairs + 1, sizeof *builder->pairs)) {
        return no_memory(builder, error);
    }
    builder->pairs = pairs;
    struct pair pair = {.value = builder->values.size};
    draw_key(builder, pair.key);
    HS_TRY(hs_pool_draw(builder->options.pool, &builder->random, &builder->values, error));
    pair.value_size = builder->values.size - pair.value;
    builder->pairs[builder->n_pairs++] = pair;
    return HEADSIFT_OK;
}

static int compare_keys(const void *a, const void *b) {
    const struct pair *first = *(const struct pair *const *)a, *second = *(const struct pair *const *)b;
    return memcmp(first->key, second->key, HS_KEY_SIZE);
}

static const struct pair *needle_of(const struct hs_builder *builder) {
    return &builder->pairs[builder->options.shots];
}

static bool write_value(struct hs_builder *builder, const struct pair *pair) {
    return hs_buffer_append(&builder->text, builder->values.data + pair->value, pair->value_size);
}

/* ` "KEY": "VALUE"`, without the blank for the first pair. */
static bool write_pair(struct hs_builder *builder, const struct pair *pair, bool first) {
    if (!hs_buffer_printf(&builder->text, "%s\"%.*s\": \"", first ? "" : " ", HS_KEY_SIZE, pair->key)) {
        return false;
    }
    if (pair == needle_of(builder)) {
        builder->value_start = builder->text.size;
    }
    return write_value(builder, pair) && hs_buffer_append(&builder->text, "\"", 1);
}

/* The first n pairs drawn as one JSON object, by key: random keys put each pair at a random place. */
static bool write_object(struct hs_builder *builder, size_t n) {
    void *sorted = builder->sorted;
    if (!hs_grow(&sorted, &builder->sorted_capacity, n, sizeof *builder->sorted)) {
        return false;
    }
    builder->sorted = sorted;
    for (size_t i = 0; i < n; i++) {
        builder->sorted[i] = &builder->pairs[i];
    }
    qsort(builder->sorted, n, sizeof *builder->sorted, compare_keys);
    bool ok = hs_buffer_append(&builder->text, "{", 1);
    for (size_t i = 0; ok && i < n; i++) {
        ok = (i == 0 || hs_buffer_append(&builder->text, ",", 1)) && write_pair(builder, builder->sorted[i], i == 0);
    }
    return ok && hs_buffer_append(&builder->text, "}\n", 2);
}

static bool write_question(struct hs_builder *builder, const struct pair *pair) {
    const struct hs_template *words = builder->options.template;
    return hs_buffer_printf(&builder->text, "%s%.*s\n%s", words->question, HS_KEY_SIZE, pair->key, words->answer);
}

static bool write_answer(struct hs_builder *builder, const struct pair *pair) {
    return hs_buffer_append(&builder->text, " ", 1) && write_value(builder, pair);
}

static bool write_text(struct hs_builder *builder, size_t n) {
    builder->text.size = 0;
    bool ok =
        hs_buffer_printf(&builder->text, "%s\n", builder->options.template->instruction) && write_object(builder, n);
    for (int i = 0; ok && i < builder->options.shots; i++) {
        ok = write_question(builder, &builder->pairs[i]) && write_answer(builder, &builder->pairs[i]) &&
             hs_buffer_append(&builder->text, "\n", 1);
    }
    if (!ok || !write_question(builder, needle_of(builder))) {
        return false;
    }
    builder->prompt_size = builder->text.size;
    return write_answer(builder, needle_of(builder));
}

/* Tokens of the sample with the first n pairs, which builder->text then holds. */
static headsift_status count_sample(struct hs_builder *builder, size_t n, int64_t *tokens, headsift_error *error) {
    if (!write_text(builder, n)) {
        return no_memory(builder, error);
    }
    HS_TRY(hs_encode(builder->options.tokenizer, builder->text.data, builder->text.size,
                     HS_ENCODE_SPECIAL | HS_ENCODE_BOS, &builder->encoding, error));
    *tokens = (int64_t)builder->encoding.n;
    return HEADSIFT_OK;
}

/* Tokens that one more pair adds, about: those of ` "KEY": "VALUE",`. */
static headsift_status estimate_pair(struct hs_builder *builder, const struct pair *pair, int64_t *tokens,
                                     headsift_error *error) {
    builder->text.size = 0;
    if (!write_pair(builder, pair, false) || !hs_buffer_append(&builder->text, ",", 1)) {
        return no_memory(builder, error);
    }
    HS_TRY(hs_encode(builder->options.tokenizer, builder->text.data, builder->text.size, 0, &builder->encoding, error));
    *tokens = (int64_t)builder->encoding.n + builder->options.estimate_error;
    return HEADSIFT_OK;
}

/* Draws the pairs that every sample has and counts what they cost. */
static headsift_status draw_least(struct hs_builder *builder, int64_t *tokens, headsift_error *error) {
    size_t least = (size_t)builder->options.shots + 1;
    while (builder->n_pairs < least) {
        HS_TRY(draw_pair(builder, error));
    }
    HS_TRY(count_sample(builder, least, tokens, error));
    if (*tokens > builder->options.tokens) {
        return hs_fail(
            error, HEADSIFT_USAGE,
            "%lld tokens do not hold a sample with %d shots: it needs at least %lld; raise --probe-tokens or "
            "lower --shots",
            (long long)builder->options.tokens, builder->options.shots, (long long)*tokens);
    }
    return HEADSIFT_OK;
}

/* Draws pairs until the estimate passes the limit: the last one drawn probably does not fit. */
static headsift_status draw_by_estimate(struct hs_builder *builder, int64_t tokens, headsift_error *error) {
    while (tokens <= builder->options.tokens) {
        int64_t more;
        HS_TRY(draw_pair(builder, error));
        HS_TRY(estimate_pair(builder, &builder->pairs[builder->n_pairs - 1], &more, error));
        tokens += more;
    }
    return HEADSIFT_OK;
}

/* From the estimate to the exact answer: n pairs fit and the next one does not. */
static headsift_status settle(struct hs_builder *builder, size_t *n, int64_t *tokens, headsift_error *error) {
    size_t least = (size_t)builder->options.shots + 1;
    *n = builder->n_pairs > least ? builder->n_pairs - 1 : least;
    HS_TRY(count_sample(builder, *n, tokens, error));
    while (*tokens > builder->options.tokens && *n > least) {
        HS_TRY(count_sample(builder, --*n, tokens, error));
    }
    for (;;) {
        int64_t more;
        if (*n == builder->n_pairs) {
            HS_TRY(draw_pair(builder, error));
        }
        HS_TRY(count_sample(builder, *n + 1, &more, error));
        if (more > builder->options.tokens) {
            return HEADSIFT_OK;
        }
        ++*n;
        *tokens = more;
    }
}

headsift_status hs_build_sample(struct hs_builder *builder, uint64_t index, struct hs_built_sample *out,
                                headsift_error *error) {
    hs_random_seed(&builder->random, hs_random_at(builder->options.seed, index));
    hs_pool_begin(builder->options.pool);
    builder->n_pairs = 0;
    builder->values.size = 0;
    int64_t tokens;
    size_t n;
    HS_TRY(draw_least(builder, &tokens, error));
    HS_TRY(draw_by_estimate(builder, tokens, error));
    HS_TRY(settle(builder, &n, &tokens, error));
    if (!write_text(builder, n)) {
        return no_memory(builder, error);
    }
    const struct pair *needle = needle_of(builder);
    memcpy(builder->needle_key, needle->key, HS_KEY_SIZE);
    *out = (struct hs_built_sample){.prompt = builder->text.data,
                                    .prompt_size = builder->prompt_size,
                                    .answer = builder->text.data + builder->prompt_size,
                                    .answer_size = builder->text.size - builder->prompt_size,
                                    .needle_key = builder->needle_key,
                                    .value_start = builder->value_start,
                                    .value_end = builder->value_start + needle->value_size,
                                    .tokens = tokens,
                                    .pairs = (int)n};
    return HEADSIFT_OK;
}
