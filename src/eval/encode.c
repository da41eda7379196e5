/* Questions in tokens: what is asked about is the tail that overlaps or follows its bytes, as the harness of EleutherAI
 * counts it: blanks at the end of the context belong to it, and too long a question loses its beginning. */
#include <string.h>

#include "base/memory.h"
#include "eval/ask.h"

enum { QUESTION_FLAGS = HS_ENCODE_SPECIAL | HS_ENCODE_BOS };

static bool is_blank(char letter) { return letter != '\0' && strchr(" \t\n\v\f\r", letter) != NULL; }

static headsift_status fail_item(const struct hs_task *task, size_t item, headsift_error *error, const char *what) {
    return hs_fail(error, HEADSIFT_FAILED, "%s: item %zu: %s", task->source, item + 1, what);
}

/* Prefix and context of an item, then the text. *boundary: where what is asked about begins. */
static headsift_status join(const struct hs_task *task, size_t index, size_t choice, const struct hs_text *text,
                            struct hs_buffer *out, size_t *boundary, headsift_error *error) {
    const struct hs_item *item = &task->items[index];
    const struct hs_text *context = item->contexts != NULL ? &item->contexts[choice] : &item->context;
    bool ok = hs_buffer_append(out, "", 0);
    if (item->prefix >= 0) {
        const struct hs_text *prefix = &task->prefixes[item->prefix];
        ok = ok && hs_buffer_append(out, prefix->data, prefix->size);
    }
    ok = ok && hs_buffer_append(out, context->data, context->size);
    *boundary = out->size;
    while (ok && text != NULL && *boundary > 0 && is_blank(out->data[*boundary - 1])) {
        --*boundary;
    }
    ok = ok && (text == NULL || hs_buffer_append(out, text->data, text->size));
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "a question", out->size);
}

static size_t bytes_asked(const struct hs_text *text) {
    size_t blanks = 0;
    while (blanks < text->size && is_blank(text->data[blanks])) {
        blanks++;
    }
    return blanks < text->size ? text->size - blanks : text->size;
}

/* What stands in front of an empty context, so that the first token can be predicted: the model's own end of text where
 * it has no BOS. -1: nothing. */
static int32_t front_token(const headsift_model *model) {
    const struct hs_config *config = hs_model_config(model->model);
    return config->n_eos > 0 ? config->eos[0] : -1;
}

static headsift_status take_ids(const headsift_model *model, const struct hs_encoding *encoding, size_t boundary,
                                struct hs_question *out, headsift_error *error) {
    size_t given = 0;
    while (given < encoding->n && encoding->ends[given] <= boundary) {
        given++;
    }
    size_t front = given == 0 && front_token(model) >= 0 ? 1 : 0;
    out->ids = hs_alloc(encoding->n + front, sizeof *out->ids);
    if (out->ids == NULL) {
        return hs_fail_memory(error, "a question's tokens", encoding->n * sizeof *out->ids);
    }
    if (front > 0) {
        out->ids[0] = front_token(model);
    }
    if (encoding->n > 0) {
        memcpy(out->ids + front, encoding->ids, encoding->n * sizeof *out->ids);
    }
    out->n = (int64_t)(encoding->n + front);
    out->given = (int64_t)(given + front);
    return HEADSIFT_OK;
}

/* The last `most` tokens stay. Of a text that alone is longer, its beginning stays behind one token of its context. */
static void cut(struct hs_question *question, int64_t most, bool from_the_end) {
    int64_t drop = question->n - most;
    if (drop <= 0) {
        return;
    }
    if (from_the_end && drop >= question->given) {
        drop = question->given > 0 ? question->given - 1 : 0;
    }
    memmove(question->ids, question->ids + drop, (size_t)(question->n - drop) * sizeof *question->ids);
    question->n = question->n - drop < most ? question->n - drop : most;
    question->given -= drop;
    question->cut = true;
}

/* The last token of a question is predicted but not read, so there is room for one more than the model's context;
 * unless its positions are counted first. */
static int64_t room_for(const struct hs_config *config, bool asked) {
    return config->context + (asked && config->rope.kind != HS_ROPE_DYNAMIC);
}

static headsift_status check(const struct hs_task *task, size_t item, const struct hs_question *question, bool asked,
                             headsift_error *error) {
    if (!asked) {
        return question->n > 0 ? HEADSIFT_OK : fail_item(task, item, error, "its prompt is empty");
    }
    if (question->given == question->n) {
        return fail_item(task, item, error, "a choice or text of it has no tokens of its own");
    }
    if (question->given < 1) {
        return fail_item(task, item, error,
                         question->cut ? "a choice of it is longer than the model's context"
                                       : "it has no context, and the model has no token to stand for one");
    }
    return HEADSIFT_OK;
}

headsift_status hs_question_encode(const headsift_model *model, const struct hs_task *task, size_t item, size_t choice,
                                   const struct hs_text *text, int64_t room, struct hs_question *out,
                                   headsift_error *error) {
    struct hs_buffer bytes = {0};
    struct hs_encoding encoding = {0};
    size_t boundary;
    headsift_error reason = {0};
    *out = (struct hs_question){
        .bytes = text != NULL ? bytes_asked(text) : 0, .item = item, .prefix = task->items[item].prefix};
    headsift_status status = join(task, item, choice, text, &bytes, &boundary, error);
    if (status == HEADSIFT_OK &&
        hs_encode(model->tokenizer, bytes.data, bytes.size, QUESTION_FLAGS, &encoding, &reason) != HEADSIFT_OK) {
        status = fail_item(task, item, error, reason.message);
    }
    if (status == HEADSIFT_OK) {
        status = take_ids(model, &encoding, boundary, out, error);
    }
    if (status == HEADSIFT_OK) {
        int64_t most = room_for(hs_model_config(model->model), text != NULL) - room;
        cut(out, most > 1 ? most : 1, task->kind == HS_TASK_LOSS);
        status = check(task, item, out, text != NULL, error);
    }
    if (status != HEADSIFT_OK) {
        hs_questions_free(out, 1);
    }
    hs_buffer_free(&bytes);
    hs_encoding_free(&encoding);
    return status;
}

void hs_questions_free(struct hs_question *questions, size_t n) {
    for (size_t i = 0; questions != NULL && i < n; i++) {
        hs_free(questions[i].ids);
        questions[i].ids = NULL;
    }
}

size_t hs_item_questions(const struct hs_task *task, const struct hs_item *item) {
    return task->kind == HS_TASK_CHOICE ? item->n_choices : 1;
}

/* An answer stands behind a blank, its own or the context's. */
static headsift_status encode_answer(const headsift_model *model, const struct hs_task *task, size_t index,
                                     struct hs_question *out, headsift_error *error) {
    const struct hs_item *item = &task->items[index];
    const struct hs_text *answer = &item->answers[0];
    bool blank = item->context.size > 0 && is_blank(item->context.data[item->context.size - 1]);
    struct hs_buffer bytes = {0};
    bool ok = hs_buffer_append(&bytes, " ", blank || item->context.size == 0 ? 0 : 1) &&
              hs_buffer_append(&bytes, answer->data, answer->size);
    struct hs_text text = {.data = bytes.data, .size = bytes.size};
    headsift_status status = ok ? hs_question_encode(model, task, index, 0, &text, 0, out, error)
                                : hs_fail_memory(error, "an answer", answer->size);
    hs_buffer_free(&bytes);
    return status;
}

headsift_status hs_item_encode(const headsift_model *model, const struct hs_task *task, size_t item,
                               struct hs_question *out, headsift_error *error) {
    const struct hs_item *asked = &task->items[item];
    if (task->kind == HS_TASK_GENERATE) {
        return encode_answer(model, task, item, out, error);
    }
    for (size_t i = 0; i < hs_item_questions(task, asked); i++) {
        headsift_status status = hs_question_encode(model, task, item, i, &asked->choices[i], 0, &out[i], error);
        if (status != HEADSIFT_OK) {
            hs_questions_free(out, i + 1);
            return status;
        }
    }
    return HEADSIFT_OK;
}
