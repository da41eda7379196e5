/* How likely texts are behind their contexts, under all masks at once: which choice is the likeliest, and the loss of
 * what is right. Items go to the engine in batches. */
#include <math.h>

#include "base/memory.h"
#include "eval/ask.h"

enum { MOST_TOKENS = 32768 };
static const double most_bytes = 268435456.0; /* of a batch's hidden states, and of its cache in one layer */

/* Items on their way to the engine. */
struct batch {
    struct hs_question *questions;
    size_t n, capacity;
    size_t first, n_items;
    int64_t tokens, most; /**< tokens that are not shared with the item before; so many are enough */
    int64_t positions;    /**< of all questions, shared ones counted for each */
};

static void clear(struct batch *batch) {
    hs_questions_free(batch->questions, batch->n);
    batch->n = batch->n_items = 0;
    batch->tokens = batch->positions = 0;
}

/* Tokens that an item adds, without those that stand at the beginning of the item before it. */
static int64_t cost(const struct batch *batch, size_t first, int64_t step) {
    const struct hs_question *questions = batch->questions + first;
    size_t n = batch->n - first;
    int64_t shared = hs_shared_beginning(questions, n, step), sum = shared;
    for (size_t i = 0; i < n; i++) {
        sum += questions[i].n - shared;
    }
    if (first > 0 && questions[0].prefix >= 0 && questions[-1].prefix == questions[0].prefix) {
        sum -= hs_shared_beginning(questions - 1, 2, step);
    }
    return sum;
}

/* So many tokens behind those of the first item: enough for the engine, and to make a long shared beginning pay. */
static int64_t enough(const struct hs_asking *asking, int64_t first) {
    const struct hs_config *config = hs_model_config(asking->model->model);
    int64_t least = hs_engine_batch_tokens(asking->engine), most = (int64_t)(most_bytes / (4.0 * config->hidden));
    most = most < MOST_TOKENS ? most : MOST_TOKENS;
    most = most > least ? most : least;
    int64_t wanted = 4 * first > least ? 4 * first : least;
    return first + (wanted < most ? wanted : most);
}

static bool is_full(const struct hs_asking *asking, const struct batch *batch) {
    const struct hs_config *config = hs_model_config(asking->model->model);
    double cached = 2.0 * sizeof(float) * config->n_kv_head * config->head_dim * (double)batch->positions;
    return batch->tokens >= batch->most || cached >= most_bytes;
}

static headsift_status add_item(const struct hs_asking *asking, const struct hs_task *task, struct batch *batch,
                                struct hs_outcomes *outcomes, headsift_error *error) {
    size_t item = batch->first + batch->n_items, n = hs_item_questions(task, &task->items[item]), first = batch->n;
    if (!hs_grow((void **)&batch->questions, &batch->capacity, first + n, sizeof *batch->questions)) {
        return hs_fail_memory(error, "questions", (first + n) * sizeof *batch->questions);
    }
    HS_TRY(hs_item_encode(asking->model, task, item, batch->questions + first, error));
    batch->n += n;
    batch->n_items++;
    bool was_cut = false;
    for (size_t i = first; i < batch->n; i++) {
        was_cut = was_cut || batch->questions[i].cut;
        batch->positions += batch->questions[i].n;
    }
    outcomes->cut += was_cut && task->kind != HS_TASK_GENERATE; /* whose prompts are counted */
    batch->tokens += cost(batch, first, asking->step);
    if (first == 0) {
        batch->most = enough(asking, batch->tokens);
    }
    return HEADSIFT_OK;
}

/* Sum of -log p over what a question asks about. @param nll of one mask */
static double sum_asked(const struct hs_sheet *sheet, size_t index, const struct hs_question *question,
                        const double *nll) {
    const double *at = nll + sheet->offsets[sheet->document[index]] - sheet->shared[index];
    double sum = 0;
    for (int64_t i = question->given; i < question->n; i++) {
        sum += at[i];
    }
    return sum;
}

/* The best of some choices: the first of those that are equal. */
static size_t best_of(const double *values, size_t n) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        best = values[i] < values[best] ? i : best;
    }
    return best;
}

struct verdict {
    double plain, norm, loss;
};

/* @param sums  of the item's questions. @param work  as many */
static struct verdict judge(const struct hs_question *questions, size_t n, const struct hs_item *item,
                            enum hs_task_kind kind, const double *sums, double *work) {
    size_t gold = kind == HS_TASK_CHOICE ? (size_t)item->gold : 0;
    for (size_t i = 0; i < n; i++) {
        work[i] = sums[i] / (double)questions[i].bytes;
    }
    return (struct verdict){.plain = best_of(sums, n) == gold,
                            .norm = best_of(work, n) == gold,
                            .loss = sums[gold] / (double)(questions[gold].n - questions[gold].given)};
}

static void keep(struct hs_outcomes *outcomes, size_t condition, size_t item, const struct verdict *verdict) {
    hs_outcome(outcomes, HS_LOSS, condition)[item] = verdict->loss;
    if (outcomes->has[HS_ACCURACY]) {
        hs_outcome(outcomes, HS_ACCURACY, condition)[item] = verdict->plain;
        hs_outcome(outcomes, HS_ACCURACY_NORM, condition)[item] = verdict->norm;
    }
}

static headsift_status judge_item(const struct hs_task *task, const struct hs_sheet *sheet,
                                  const struct hs_question *questions, size_t first, size_t n, const double *nll,
                                  size_t condition, struct hs_outcomes *outcomes, double *work, headsift_error *error) {
    size_t item = questions[first].item;
    double *sums = work + n;
    for (size_t i = 0; i < n; i++) {
        sums[i] = sum_asked(sheet, first + i, &questions[first + i], nll);
        if (!isfinite(sums[i])) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: item %zu: its loss is not finite: the model's weights or its dtype are broken",
                           task->source, item + 1);
        }
    }
    struct verdict verdict = judge(questions + first, n, &task->items[item], task->kind, sums, work);
    keep(outcomes, condition, item, &verdict);
    return HEADSIFT_OK;
}

static headsift_status judge_batch(const struct hs_task *task, const struct batch *batch, const struct hs_sheet *sheet,
                                   const double *nll, struct hs_outcomes *outcomes, headsift_error *error) {
    double *work = hs_alloc(2 * batch->n, sizeof *work);
    headsift_status status = work != NULL ? HEADSIFT_OK : hs_fail_memory(error, "losses", batch->n * sizeof *work);
    for (size_t condition = 0; status == HEADSIFT_OK && condition < outcomes->n_conditions; condition++) {
        const double *own = nll + (size_t)sheet->offsets[sheet->n] * condition;
        for (size_t i = 0, n; status == HEADSIFT_OK && i < batch->n; i += n) {
            n = hs_item_questions(task, &task->items[batch->questions[i].item]);
            status = judge_item(task, sheet, batch->questions, i, n, own, condition, outcomes, work, error);
        }
    }
    hs_free(work);
    return status;
}

struct within {
    const struct hs_stage *stage;
    size_t items;
};

static bool go_on(void *user, int32_t masks_done, int32_t masks) {
    const struct within *within = user;
    return hs_stage_within(within->stage, (double)within->items * masks_done / masks);
}

static headsift_status ask(const struct hs_asking *asking, const struct hs_task *task, const struct batch *batch,
                           struct hs_outcomes *outcomes, headsift_error *error) {
    struct hs_sheet sheet;
    HS_TRY(hs_sheet_make(batch->questions, batch->n, asking->step, &sheet, error));
    struct within within = {asking->stage, batch->n_items};
    struct hs_watch watch = {go_on, &within};
    struct hs_batch documents = hs_sheet_batch(&sheet);
    size_t count = asking->conditions->n * (size_t)sheet.offsets[sheet.n];
    double *nll = hs_alloc(count, sizeof *nll);
    headsift_status status =
        nll != NULL ? HEADSIFT_OK : hs_fail_memory(error, "losses of a batch", count * sizeof *nll);
    if (status == HEADSIFT_OK) {
        hs_engine_watch(asking->engine, &watch);
        status = hs_engine_nll(asking->engine, &documents, asking->conditions->masks, (int32_t)asking->conditions->n,
                               nll, error);
        hs_engine_watch(asking->engine, NULL);
    }
    if (status == HEADSIFT_OK) {
        status = judge_batch(task, batch, &sheet, nll, outcomes, error);
    }
    hs_free(nll);
    hs_sheet_free(&sheet);
    return status;
}

headsift_status hs_ask_likelihoods(const struct hs_asking *asking, const struct hs_task *task,
                                   struct hs_outcomes *outcomes, headsift_error *error) {
    struct batch batch = {0};
    headsift_status status = HEADSIFT_OK;
    while (status == HEADSIFT_OK && batch.first < task->n_items) {
        do {
            status = add_item(asking, task, &batch, outcomes, error);
        } while (status == HEADSIFT_OK && batch.first + batch.n_items < task->n_items && !is_full(asking, &batch));
        if (status == HEADSIFT_OK) {
            status = ask(asking, task, &batch, outcomes, error);
        }
        if (status == HEADSIFT_OK) {
            status = hs_stage_steps(asking->stage, (int64_t)batch.n_items, batch.tokens, error);
        }
        batch.first += batch.n_items;
        clear(&batch);
    }
    hs_free(batch.questions);
    return status;
}
