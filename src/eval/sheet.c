/* Questions side by side in a batch. Those of one item share its context, items with the same worked examples share
 * these: what is the same, in tokens, up to a step of the engine, is a document that the rest goes on behind. */
#include <string.h>

#include "base/memory.h"
#include "eval/ask.h"

/* At least one token of each question stays behind what is shared. */
static int64_t may_share(const struct hs_question *question) {
    return question->given < question->n ? question->given : question->n - 1;
}

int64_t hs_shared_beginning(const struct hs_question *questions, size_t n, int64_t step) {
    if (step == 0 || n < 2) {
        return 0;
    }
    int64_t shared = may_share(&questions[0]);
    for (size_t i = 1; i < n; i++) {
        int64_t most = may_share(&questions[i]), same = 0;
        most = shared < most ? shared : most;
        while (same < most && questions[i].ids[same] == questions[0].ids[same]) {
            same++;
        }
        shared = same;
    }
    return shared - shared % step;
}

static headsift_status alloc_sheet(const struct hs_question *questions, size_t n, struct hs_sheet *out,
                                   headsift_error *error) {
    size_t tokens = 0, most = 3 * n;
    for (size_t i = 0; i < n; i++) {
        tokens += (size_t)questions[i].n;
    }
    *out = (struct hs_sheet){.tokens = hs_alloc(tokens, sizeof *out->tokens),
                             .offsets = hs_alloc(most + 1, sizeof *out->offsets),
                             .parents = hs_alloc(most, sizeof *out->parents),
                             .wanted = hs_alloc(tokens, 1),
                             .document = hs_alloc(n, sizeof *out->document),
                             .shared = hs_alloc(n, sizeof *out->shared)};
    bool ok = out->tokens != NULL && out->offsets != NULL && out->parents != NULL && out->wanted != NULL &&
              out->document != NULL && out->shared != NULL;
    if (!ok) {
        hs_sheet_free(out);
        return hs_fail_memory(error, "a batch of questions", tokens * sizeof *out->tokens);
    }
    return HEADSIFT_OK;
}

/* Adds tokens [first, last) of a question as a document; gives its index. */
static int32_t add(struct hs_sheet *sheet, const struct hs_question *question, int64_t first, int64_t last,
                   int32_t parent) {
    int64_t at = sheet->offsets[sheet->n];
    memcpy(sheet->tokens + at, question->ids + first, (size_t)(last - first) * sizeof *sheet->tokens);
    for (int64_t i = first; i < last; i++) {
        sheet->wanted[at + i - first] = i >= question->given;
    }
    sheet->parents[sheet->n] = parent;
    sheet->offsets[++sheet->n] = at + last - first;
    return sheet->n - 1;
}

/* The questions of one item, behind `shared` tokens that stand in `parent`. */
static void add_item(struct hs_sheet *sheet, const struct hs_question *questions, size_t n, int64_t step,
                     int64_t shared, int32_t parent) {
    int64_t together = hs_shared_beginning(questions, n, step);
    if (together > shared) {
        parent = add(sheet, &questions[0], shared, together, parent);
        shared = together;
    }
    for (size_t i = 0; i < n; i++) {
        sheet->document[sheet->n_questions] = add(sheet, &questions[i], shared, questions[i].n, parent);
        sheet->shared[sheet->n_questions++] = shared;
    }
}

static size_t same_item(const struct hs_question *questions, size_t n) {
    size_t count = 1;
    while (count < n && questions[count].item == questions[0].item) {
        count++;
    }
    return count;
}

/* Questions from the first on that have the same worked examples; without any, those of the first item. */
static size_t same_prefix(const struct hs_question *questions, size_t n) {
    size_t count = 1;
    if (questions[0].prefix < 0) {
        return same_item(questions, n);
    }
    while (count < n && questions[count].prefix == questions[0].prefix) {
        count++;
    }
    return count;
}

headsift_status hs_sheet_make(const struct hs_question *questions, size_t n, int64_t step, struct hs_sheet *out,
                              headsift_error *error) {
    HS_TRY(alloc_sheet(questions, n, out, error));
    for (size_t i = 0; i < n;) {
        size_t run = same_prefix(questions + i, n - i);
        int64_t shared = hs_shared_beginning(questions + i, run, step);
        bool several = same_item(questions + i, run) < run;
        int32_t parent = several && shared > 0 ? add(out, &questions[i], 0, shared, -1) : -1;
        shared = parent >= 0 ? shared : 0;
        for (size_t end = i + run, count; i < end; i += count) {
            count = same_item(questions + i, end - i);
            add_item(out, questions + i, count, step, shared, parent);
        }
    }
    return HEADSIFT_OK;
}

void hs_sheet_free(struct hs_sheet *sheet) {
    hs_free(sheet->tokens);
    hs_free(sheet->offsets);
    hs_free(sheet->parents);
    hs_free(sheet->wanted);
    hs_free(sheet->document);
    hs_free(sheet->shared);
    *sheet = (struct hs_sheet){0};
}

struct hs_batch hs_sheet_batch(const struct hs_sheet *sheet) {
    return (struct hs_batch){.tokens = sheet->tokens,
                             .offsets = sheet->offsets,
                             .n_documents = sheet->n,
                             .wanted = sheet->wanted,
                             .parents = sheet->parents};
}
