/* headsift_score_texts and headsift_score_responses: texts in memory to rows in memory.
 * The same pack as for files, so that a text has the same score either way. */
#include <string.h>

#include "base/text.h"
#include "influence/scoring.h"

/* Texts, or prompts with their responses, and where their rows go. */
struct texts {
    const char *const *prompts; /* NULL: none */
    const size_t *prompt_sizes;
    const char *const *texts;
    const size_t *sizes;
    size_t n;
    headsift_score *rows;
    headsift_steps *steps; /* NULL: not wanted */
    struct hs_buffer joined;
};

/* Each side is UTF-8 by itself, so that a character can't be made of both. */
static headsift_status add_response(const struct hs_scoring *scoring, struct hs_pack *pack, struct texts *texts,
                                    size_t at, headsift_error *error) {
    size_t prompt = texts->prompt_sizes[at], response = texts->sizes[at], size = prompt + response;
    if (hs_utf8_check(texts->prompts[at], prompt) < prompt) {
        return hs_pack_add_bad(pack, size, "the prompt is not UTF-8", error);
    }
    texts->joined.size = 0;
    if (!hs_buffer_append(&texts->joined, texts->prompts[at], prompt) ||
        !hs_buffer_append(&texts->joined, texts->texts[at], response)) {
        return hs_fail_memory(error, "a prompt and its response", size);
    }
    return hs_pack_add_response(scoring, pack, texts->joined.data, size, prompt, error);
}

/* Adds texts from `at` on until the pack is full; returns where it stopped through *next. */
static headsift_status fill(const struct hs_scoring *scoring, struct hs_pack *pack, struct texts *texts, size_t at,
                            size_t *next, headsift_error *error) {
    while (at < texts->n && !hs_pack_full(pack, false)) {
        HS_TRY(texts->prompts != NULL ? add_response(scoring, pack, texts, at, error)
                                      : hs_pack_add(scoring, pack, texts->texts[at], texts->sizes[at], error));
        at++;
    }
    *next = at;
    return HEADSIFT_OK;
}

static headsift_status copy_steps(const struct hs_pack *pack, size_t row, headsift_steps *out, headsift_error *error) {
    size_t n = pack->ranges[row].n;
    out->items = hs_alloc(n, sizeof *out->items);
    if (out->items == NULL) {
        return hs_fail_memory(error, "steps", n * sizeof *out->items);
    }
    if (n > 0) {
        memcpy(out->items, pack->steps + pack->ranges[row].first, n * sizeof *out->items);
    }
    out->n = n;
    return HEADSIFT_OK;
}

static headsift_status score_all(const struct hs_scoring *scoring, struct hs_pack *pack, struct texts *texts,
                                 headsift_error *error) {
    struct hs_mask_check check = {0};
    size_t unscored = 0;
    for (size_t first = 0, next; first < texts->n; first = next) {
        HS_TRY(fill(scoring, pack, texts, first, &next, error));
        HS_TRY(hs_pack_score(scoring, pack, error));
        memcpy(texts->rows + first, pack->rows, pack->n_rows * sizeof *pack->rows);
        for (size_t i = 0; i < pack->n_rows; i++) {
            hs_mask_check_add(&check, &pack->rows[i]);
            unscored += !hs_row_scored(&pack->rows[i]);
            if (texts->steps != NULL) {
                HS_TRY(copy_steps(pack, i, &texts->steps[first + i], error));
            }
        }
        hs_pack_clear(pack);
    }
    HS_TRY(hs_mask_check_end(&check, error));
    return unscored == 0 ? HEADSIFT_OK
                         : hs_fail(error, HEADSIFT_UNSCORED, "%zu of %zu documents have no score", unscored, texts->n);
}

static headsift_status score(headsift_model *model, const headsift_heads *heads, const headsift_score_options *options,
                             struct texts *texts, headsift_error *error) {
    struct hs_scoring scoring;
    struct hs_pack pack = {0};
    HS_TRY(hs_scoring_prepare(model, heads, options, NULL, &scoring, error));
    headsift_status status = hs_scoring_start(model, &scoring, error);
    if (status == HEADSIFT_OK) {
        status = score_all(&scoring, &pack, texts, error);
    }
    hs_pack_free(&pack);
    hs_scoring_free(&scoring);
    hs_buffer_free(&texts->joined);
    return status;
}

headsift_status headsift_score_texts(headsift_model *model, const headsift_heads *heads,
                                     const headsift_score_options *options, const char *const *texts,
                                     const size_t *sizes, size_t n, headsift_score *out, headsift_error *error) {
    struct texts all = {.texts = texts, .sizes = sizes, .n = n, .rows = out};
    return score(model, heads, options, &all, error);
}

headsift_status headsift_score_responses(headsift_model *model, const headsift_heads *heads,
                                         const headsift_score_options *options, const char *const *prompts,
                                         const size_t *prompt_sizes, const char *const *responses,
                                         const size_t *response_sizes, size_t n, headsift_score *out,
                                         headsift_steps *steps, headsift_error *error) {
    struct texts all = {.prompts = prompts,
                        .prompt_sizes = prompt_sizes,
                        .texts = responses,
                        .sizes = response_sizes,
                        .n = n,
                        .rows = out,
                        .steps = steps};
    for (size_t i = 0; steps != NULL && i < n; i++) {
        steps[i] = (headsift_steps){0};
    }
    headsift_status status = score(model, heads, options, &all, error);
    for (size_t i = 0; steps != NULL && i < n && status != HEADSIFT_OK && status != HEADSIFT_UNSCORED; i++) {
        hs_free(steps[i].items);
        steps[i] = (headsift_steps){0};
    }
    return status;
}
