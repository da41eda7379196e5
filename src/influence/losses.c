/* Token losses to score rows: means in double, the score, and what is no number.
 * Also the check that the mask does anything at all. */
#include "influence/scoring.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void hs_row_status(headsift_score *row, const char *status, const char *note) {
    snprintf(row->status, sizeof row->status, "%s", status);
    hs_escape_line(note, strlen(note), row->note, sizeof row->note);
}

void hs_row_fail(headsift_score *row, const char *note) {
    row->loss_base = row->loss_ref = row->score = NAN;
    hs_row_status(row, "failed", note);
}

bool hs_row_scored(const headsift_score *row) { return !isnan(row->score); }

/* What is wrong with the two means, or NULL. */
static const char *loss_fault(double base, double ref) {
    if (!isfinite(base)) {
        return "the base loss is not a finite number";
    }
    if (!isfinite(ref)) {
        return "the loss with masked heads is not a finite number";
    }
    if (!isfinite((ref - base) / base)) {
        return "the base loss is too close to 0 to divide by";
    }
    return NULL;
}

void hs_row_finish(headsift_score *row, const struct hs_loss_sums *sums) {
    double base = sums->base / row->n_scored;
    double ref = sums->ref / row->n_scored;
    const char *fault = loss_fault(base, ref);
    if (fault != NULL) {
        hs_row_fail(row, fault);
    } else {
        row->score = (ref - base) / base;
    }
    row->loss_base = isfinite(base) ? base : NAN;
    row->loss_ref = isfinite(ref) ? ref : NAN;
}

void hs_mask_check_add(struct hs_mask_check *check, const headsift_score *row) {
    if (row->n_scored < HS_CHECKED_TOKENS || !hs_row_scored(row)) {
        return;
    }
    check->compared++;
    check->changed += row->loss_base < row->loss_ref || row->loss_base > row->loss_ref;
}

headsift_status hs_mask_check_end(const struct hs_mask_check *check, headsift_error *error) {
    if (check->compared == 0 || check->changed > 0) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED,
                   "masking the heads changed the loss of none of %lld documents with %d or more scored tokens: the "
                   "scores mean nothing; check heads.json and the model",
                   (long long)check->compared, (int)HS_CHECKED_TOKENS);
}
