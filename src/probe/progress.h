/* Reports progress of a stage that goes through samples one by one, and sees the caller's wish to stop between them.
 */
#ifndef HS_PROBE_PROGRESS_H
#define HS_PROBE_PROGRESS_H

#include "base/error.h"

struct hs_stage {
    const headsift_monitor *monitor;
    const char *name;
    double started;
    int64_t total; /**< samples of the whole stage */
    int64_t documents, tokens;
};

void hs_stage_begin(struct hs_stage *stage, const headsift_monitor *monitor, const char *name, int64_t total);
/** Tells how far the samples in work are: 0 to their number. False when the caller wants a stop. */
bool hs_stage_within(const struct hs_stage *stage, double part);
/** Counts samples and reports. HEADSIFT_STOPPED when the caller wants to stop and there is more to do. */
headsift_status hs_stage_steps(struct hs_stage *stage, int64_t samples, int64_t tokens, headsift_error *error);
headsift_status hs_stage_step(struct hs_stage *stage, int64_t tokens, headsift_error *error); /**< one */

#endif
