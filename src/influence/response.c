/* The steps of responses: where a marker cuts them, which step each scored token counts for, and their losses, scores
 * and weights. */
#define _GNU_SOURCE
#include <math.h>
#include <string.h>

#include "influence/scoring.h"

/* ---- Cutting ---- */

/* Where the step that begins at `start` ends: behind the first marker that follows something, and all that follow it.
 */
static size_t step_end(const char *response, size_t size, size_t start, const char *marker) {
    size_t length = strlen(marker), from = start;
    while (size - from >= length && memcmp(response + from, marker, length) == 0) {
        from += length;
    }
    const char *found = size > from ? memmem(response + from, size - from, marker, length) : NULL;
    if (found == NULL) {
        return size;
    }
    size_t end = (size_t)(found - response) + length;
    while (size - end >= length && memcmp(response + end, marker, length) == 0) {
        end += length;
    }
    return end;
}

static headsift_status next_step(struct hs_pack *pack, const char *response, size_t size, const char *marker,
                                 headsift_error *error) {
    void *steps = pack->steps;
    struct hs_step_range *range = &pack->ranges[pack->n_rows - 1];
    bool grown = hs_grow(&steps, &pack->steps_capacity, pack->n_steps + 1, sizeof *pack->steps);
    pack->steps = steps;
    if (!grown) {
        return hs_fail_memory(error, "steps", (pack->n_steps + 1) * sizeof *pack->steps);
    }
    const headsift_step *before = range->n > 0 ? &pack->steps[pack->n_steps - 1] : NULL;
    size_t start = before != NULL ? (size_t)(before->start + before->n_bytes) : 0;
    size_t end = step_end(response, size, start, marker);
    pack->steps[pack->n_steps++] = (headsift_step){.start = (int64_t)start, .n_bytes = (int64_t)(end - start)};
    range->n++;
    return HEADSIFT_OK;
}

static headsift_status room_for_tokens(struct hs_pack *pack, headsift_error *error) {
    void *step_of = pack->step_of;
    bool grown = hs_grow(&step_of, &pack->step_of_capacity, pack->n_tokens, sizeof *pack->step_of);
    pack->step_of = step_of;
    return grown ? HEADSIFT_OK : hs_fail_memory(error, "steps of tokens", pack->n_tokens * sizeof *pack->step_of);
}

static size_t end_of_last(const struct hs_pack *pack) {
    const headsift_step *last = &pack->steps[pack->n_steps - 1];
    return (size_t)(last->start + last->n_bytes);
}

headsift_status hs_response_cut(const struct hs_scoring *scoring, struct hs_pack *pack, const char *response,
                                size_t size, size_t prompt_size, size_t first_piece, size_t used,
                                headsift_error *error) {
    const struct hs_step_range *range = &pack->ranges[pack->n_rows - 1];
    HS_TRY(room_for_tokens(pack, error));
    HS_TRY(next_step(pack, response, size, scoring->step_marker, error));
    for (const struct hs_piece *piece = pack->pieces + first_piece; piece < pack->pieces + pack->n_pieces; piece++) {
        const size_t *starts = pack->encoding.starts + piece->token;
        for (size_t i = 0; i < piece->n; i++) {
            pack->step_of[piece->first + i] = -1;
            if (i < piece->counted) {
                continue;
            }
            size_t start = starts[i - (piece->bos ? 1 : 0)], byte = start > prompt_size ? start - prompt_size : 0;
            while (byte >= end_of_last(pack) && end_of_last(pack) < size) {
                HS_TRY(next_step(pack, response, size, scoring->step_marker, error));
            }
            pack->step_of[piece->first + i] = (int32_t)range->n - 1;
            pack->steps[pack->n_steps - 1].n_scored++;
        }
    }
    while (used == pack->encoding.n && end_of_last(pack) < size) {
        HS_TRY(next_step(pack, response, size, scoring->step_marker, error));
    }
    return HEADSIFT_OK;
}

/* ---- Losses ---- */

void hs_response_add_losses(struct hs_pack *pack, const struct hs_piece *piece, const double *base, const double *ref) {
    const struct hs_step_range *range = &pack->ranges[piece->document];
    for (size_t i = piece->counted; range->n > 0 && i < piece->n; i++) {
        headsift_step *step = &pack->steps[range->first + (size_t)pack->step_of[piece->first + i]];
        step->loss_base += base[i];
        step->loss_ref += ref[i];
    }
}

static double finite_or_none(double value) { return isfinite(value) ? value : (double)NAN; }

/* Weights whose mean over the scored tokens is 1. */
static void weigh(headsift_step *steps, size_t n) {
    double tokens = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        tokens += steps[i].n_scored;
        sum += steps[i].n_scored > 0 ? steps[i].n_scored * fmax(steps[i].score, 0) : 0;
    }
    for (size_t i = 0; i < n; i++) {
        double weight = sum > 0 ? fmax(steps[i].score, 0) * tokens / sum : 1;
        steps[i].weight = steps[i].n_scored > 0 ? weight : (double)NAN;
    }
}

void hs_response_finish(const headsift_score *row, headsift_step *steps, size_t n) {
    for (size_t i = 0; i < n; i++) {
        headsift_step *step = &steps[i];
        step->n_scored = row->n_scored > 0 ? step->n_scored : 0; /* it failed */
        double base = step->loss_base / step->n_scored, ref = step->loss_ref / step->n_scored;
        step->loss_base = finite_or_none(base);
        step->loss_ref = finite_or_none(ref);
        step->score = finite_or_none((ref - base) / base);
        step->weight = (double)NAN;
    }
    if (hs_row_scored(row)) {
        weigh(steps, n);
    }
}
