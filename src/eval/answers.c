/* Greedy answers of many prompts under all masks, in lockstep, each until its stop string, its end of text or its most
 * tokens; then compared with the right ones. */
#include <string.h>

#include "base/memory.h"
#include "eval/answers.h"
#include "eval/ask.h"

enum { ENOUGH_STREAMS = 256, ENOUGH_TOKENS = 32768 };

/* ---- Stop strings ---- */

/* Whether `part` stands in the text at or behind `from`; *at: where first. */
static bool find(const struct hs_buffer *text, size_t from, const struct hs_text *part, size_t *at) {
    for (size_t i = from; part->size > 0 && i + part->size <= text->size; i++) {
        if (memcmp(text->data + i, part->data, part->size) == 0) {
            *at = i;
            return true;
        }
    }
    return false;
}

bool hs_answer_add(struct hs_buffer *text, const char *bytes, size_t size, const struct hs_text *stops, size_t n,
                   bool *ended) {
    size_t before = text->size, first = SIZE_MAX, at;
    if (!hs_buffer_append(text, bytes, size)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        size_t from = before >= stops[i].size ? before - stops[i].size + 1 : 0;
        if (find(text, from, &stops[i], &at) && at < first) {
            first = at;
        }
    }
    *ended = first != SIZE_MAX;
    text->size = *ended ? first : text->size;
    return true;
}

/* ---- A batch ---- */

struct generation {
    const struct hs_asking *asking;
    const struct hs_task *task;
    struct hs_question *questions;
    size_t n, capacity;
    struct hs_sheet sheet;
    struct hs_buffer *answers; /* (n_masks, sheet.n) */
    bool no_memory;
};

static size_t n_answers(const struct generation *g) { return g->asking->conditions->n * (size_t)g->sheet.n; }

static void clear(struct generation *g) {
    for (size_t i = 0; g->answers != NULL && i < n_answers(g); i++) {
        hs_buffer_free(&g->answers[i]);
    }
    hs_free(g->answers);
    g->answers = NULL;
    hs_sheet_free(&g->sheet);
    hs_questions_free(g->questions, g->n);
    g->n = 0;
}

static bool is_end(const struct hs_config *config, int32_t token) {
    for (int32_t i = 0; i < config->n_eos; i++) {
        if (config->eos[i] == token) {
            return true;
        }
    }
    return false;
}

static bool stop(void *user, int32_t mask, int32_t document, int32_t token) {
    struct generation *g = user;
    const headsift_model *model = g->asking->model;
    if (g->no_memory || hs_stop_wanted(g->asking->stage->monitor) || is_end(hs_model_config(model->model), token)) {
        return true;
    }
    size_t size = 0;
    const char *bytes = hs_token_bytes(model->tokenizer, token, &size);
    struct hs_buffer *answer = &g->answers[(size_t)mask * (size_t)g->sheet.n + (size_t)document];
    bool ended = false;
    g->no_memory = bytes != NULL && !hs_answer_add(answer, bytes, size, g->task->stops, g->task->n_stops, &ended);
    return ended || g->no_memory;
}

static headsift_status generate(struct generation *g, headsift_error *error) {
    const struct hs_conditions *conditions = g->asking->conditions;
    int32_t most = g->task->most_tokens;
    size_t streams = n_answers(g), count = streams * (size_t)most;
    int32_t *tokens = hs_alloc(count, sizeof *tokens), *n = hs_alloc(streams, sizeof *n);
    headsift_status status = HEADSIFT_OK;
    if (tokens == NULL || n == NULL) {
        status = hs_fail_memory(error, "answers", count * sizeof *tokens);
    } else {
        struct hs_batch prompts = hs_sheet_batch(&g->sheet);
        status = hs_engine_generate_masked(g->asking->engine, &prompts, conditions->masks, (int32_t)conditions->n, most,
                                           stop, g, tokens, n, error);
    }
    hs_free(tokens);
    hs_free(n);
    if (status == HEADSIFT_OK && g->no_memory) {
        status = hs_fail_memory(error, "answers", streams * sizeof *g->answers);
    }
    return status;
}

static headsift_status compare(const struct generation *g, struct hs_outcomes *outcomes, headsift_error *error) {
    for (size_t condition = 0; condition < outcomes->n_conditions; condition++) {
        for (size_t i = 0; i < g->n; i++) {
            const struct hs_item *item = &g->task->items[g->questions[i].item];
            const struct hs_buffer *answer = &g->answers[condition * (size_t)g->sheet.n + (size_t)g->sheet.document[i]];
            struct hs_text text = {answer->data, answer->size};
            bool right;
            HS_TRY(hs_matches(g->task->match, text, item->answers, item->n_answers, &right, error));
            hs_outcome(outcomes, HS_MATCH_RATE, condition)[g->questions[i].item] = right;
        }
    }
    return HEADSIFT_OK;
}

static headsift_status ask(struct generation *g, struct hs_outcomes *outcomes, headsift_error *error) {
    HS_TRY(hs_sheet_make(g->questions, g->n, g->asking->step, &g->sheet, error));
    g->answers = hs_alloc(n_answers(g), sizeof *g->answers);
    if (g->answers == NULL) {
        return hs_fail_memory(error, "answers", n_answers(g) * sizeof *g->answers);
    }
    HS_TRY(generate(g, error));
    HS_TRY(compare(g, outcomes, error));
    return hs_stage_steps(g->asking->stage, (int64_t)g->n, g->sheet.offsets[g->sheet.n], error);
}

/* Prompts from item `first` on. */
static headsift_status take(struct generation *g, size_t first, struct hs_outcomes *outcomes, headsift_error *error) {
    size_t masks = g->asking->conditions->n, tokens = 0;
    while (first + g->n < g->task->n_items && g->n * masks < ENOUGH_STREAMS && tokens < ENOUGH_TOKENS) {
        if (!hs_grow((void **)&g->questions, &g->capacity, g->n + 1, sizeof *g->questions)) {
            return hs_fail_memory(error, "prompts", (g->n + 1) * sizeof *g->questions);
        }
        struct hs_question *question = &g->questions[g->n];
        HS_TRY(hs_question_encode(g->asking->model, g->task, first + g->n, 0, NULL, g->task->most_tokens, question,
                                  error));
        tokens += (size_t)question->n;
        outcomes->cut += question->cut;
        g->n++;
    }
    return HEADSIFT_OK;
}

headsift_status hs_ask_answers(const struct hs_asking *asking, const struct hs_task *task, struct hs_outcomes *outcomes,
                               headsift_error *error) {
    struct generation g = {.asking = asking, .task = task};
    headsift_status status = HEADSIFT_OK;
    for (size_t first = 0; status == HEADSIFT_OK && first < task->n_items;) {
        status = take(&g, first, outcomes, error);
        first += g.n;
        if (status == HEADSIFT_OK) {
            status = ask(&g, outcomes, error);
        }
        clear(&g);
    }
    hs_free(g.questions);
    return status;
}
