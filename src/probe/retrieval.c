/* Retrieval scores (method.md section 2): which heads look, when a token of the answer is produced, at that very
 * token inside the needle's value. The row that counts is the one that PRODUCED the token. */
#include "probe/detect.h"

#include <string.h>

#include "base/memory.h"

enum { AUTO_SAMPLES = 20 };
static const double retrieved_above = 0.5; /* ROUGE-1 recall */

static double distinct_ids(const int32_t *ids, struct hs_token_span span) {
    int64_t n = 0;
    for (int64_t i = span.first; i < span.last; i++) {
        int64_t j = span.first;
        while (ids[j] != ids[i]) {
            j++;
        }
        n += j == i;
    }
    return (double)n;
}

/* One head's copies; column(s) = columns[s * stride]. */
static int64_t distinct_copies(const int32_t *ids, struct hs_token_span span, const int32_t *produced, int64_t n,
                               const int32_t *columns, size_t stride) {
    int64_t copies = 0;
    for (int64_t step = 0; step < n; step++) {
        bool fresh = false;
        for (int64_t i = 0; i <= step && !fresh; i++) {
            int64_t column = columns[(size_t)i * stride];
            bool copied = produced[i] == produced[step] && column >= span.first && column < span.last &&
                          ids[column] == produced[i];
            if (copied && i < step) {
                break; /* counted before */
            }
            fresh = copied;
        }
        copies += fresh;
    }
    return copies;
}

void hs_add_copy_scores(const int32_t *ids, struct hs_token_span span, const int32_t *produced, int64_t n_produced,
                        const int32_t *columns, size_t n_heads, double *scores) {
    if (span.last <= span.first) {
        return;
    }
    double wanted = distinct_ids(ids, span);
    for (size_t head = 0; head < n_heads; head++) {
        int64_t copies = distinct_copies(ids, span, produced, n_produced, columns + head, n_heads);
        scores[head] += (double)copies / wanted;
    }
}

static size_t n_heads(const struct hs_detection *detection) {
    return (size_t)detection->n_layer * (size_t)detection->n_head;
}

static headsift_status count_sample(struct hs_detection *detection, const struct hs_sample *sample,
                                    const int32_t *produced, int64_t n_produced, const int32_t *columns,
                                    headsift_error *error) {
    size_t n = n_heads(detection);
    double *row = hs_table_add(&detection->table);
    if (row == NULL) {
        return hs_fail_memory(error, "scores", n * sizeof *row);
    }
    hs_add_copy_scores(sample->ids, sample->value, produced, n_produced, columns, n, row);
    hs_add_copy_scores(sample->ids, sample->control, produced, n_produced, columns, n, detection->controls);
    return HEADSIFT_OK;
}

/* The true answer is fed; row t - 1 is what produced the token at t. */
static headsift_status teach_sample(struct hs_detection *detection, const struct hs_sample *sample,
                                    headsift_error *error) {
    int64_t n = sample->n - sample->n_prompt;
    int64_t *rows = hs_alloc((size_t)n, sizeof *rows);
    int32_t *columns = hs_alloc((size_t)n * n_heads(detection), sizeof *columns);
    headsift_status status = HEADSIFT_OK;
    if (rows == NULL || columns == NULL) {
        status = hs_fail_memory(error, "attention columns", (size_t)n * n_heads(detection) * sizeof *columns);
    } else {
        for (int64_t i = 0; i < n; i++) {
            rows[i] = sample->n_prompt - 1 + i;
        }
        status = hs_engine_attend(detection->engine, sample->ids, sample->n - 1, rows, n, columns, error);
    }
    if (status == HEADSIFT_OK) {
        status = count_sample(detection, sample, sample->ids + sample->n_prompt, n, columns, error);
    }
    hs_free(rows);
    hs_free(columns);
    return status;
}

static headsift_status greedy_sample(struct hs_detection *detection, const struct hs_sample *sample,
                                     headsift_error *error) {
    struct hs_greedy answer;
    HS_TRY(hs_greedy_answer(detection, sample, &answer, error));
    headsift_status status = answer.recall > retrieved_above
                                 ? count_sample(detection, sample, answer.produced, answer.n, answer.columns, error)
                                 : HEADSIFT_OK;
    hs_greedy_free(&answer);
    return status;
}

static headsift_status score_samples(struct hs_detection *detection, size_t first, size_t last, bool greedy,
                                     headsift_error *error) {
    for (size_t i = first; i < last && !detection->settled; i++) {
        const struct hs_sample *sample = &detection->samples[i];
        HS_TRY(greedy ? greedy_sample(detection, sample, error) : teach_sample(detection, sample, error));
        HS_TRY(hs_stage_step(&detection->stage, sample->n, error));
        HS_TRY(hs_settling_check(detection, error));
    }
    return HEADSIFT_OK;
}

/* Greedy on the first samples, which are then *done. Unless half were retrieved, all is forgotten and *done is 0. */
static headsift_status try_greedy(struct hs_detection *detection, size_t *done, headsift_error *error) {
    size_t tried = detection->n < AUTO_SAMPLES ? detection->n : AUTO_SAMPLES;
    HS_TRY(score_samples(detection, 0, tried, true, error));
    *done = tried;
    if (2 * detection->table.n >= tried) {
        return HEADSIFT_OK;
    }
    hs_log(detection->stage.monitor, HEADSIFT_LOG_INFO,
           "greedy decoding retrieved %zu of the first %zu answers, less than half: the answers are fed instead "
           "(teacher forcing) for all samples",
           detection->table.n, tried);
    *done = 0;
    detection->table.n = 0;
    detection->stage.total += (int64_t)tried;
    memset(detection->controls, 0, n_heads(detection) * sizeof *detection->controls);
    return HEADSIFT_OK;
}

headsift_status hs_retrieval_scores(struct hs_detection *detection, headsift_decode decode, headsift_error *error) {
    size_t done = 0;
    bool greedy = decode == HEADSIFT_DECODE_GREEDY;
    if (decode == HEADSIFT_DECODE_AUTO) {
        HS_TRY(try_greedy(detection, &done, error));
        greedy = done > 0;
    }
    detection->decode = greedy ? "greedy" : "teacher";
    HS_TRY(score_samples(detection, done, detection->n, greedy, error));
    if (detection->table.n == 0) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "greedy decoding retrieved none of the %zu answers: this model can't do the task by itself; use "
                       "--decode teacher",
                       detection->n);
    }
    for (size_t i = 0; i < n_heads(detection); i++) {
        detection->controls[i] /= (double)detection->table.n;
    }
    return HEADSIFT_OK;
}
