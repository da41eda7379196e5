/* Progress of the probe's stages.
 * Time by the monotonic clock. */
#define _GNU_SOURCE
#include "probe/progress.h"

#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void hs_stage_begin(struct hs_stage *stage, const headsift_monitor *monitor, const char *name, int64_t total) {
    *stage = (struct hs_stage){.monitor = monitor, .name = name, .started = now(), .total = total};
}

static void tell(const struct hs_stage *stage, double part) {
    if (stage->monitor == NULL || stage->monitor->progress == NULL) {
        return;
    }
    double done = (double)stage->documents + part;
    headsift_progress progress = {.stage = stage->name,
                                  .documents = stage->documents,
                                  .tokens = stage->tokens,
                                  .seconds = now() - stage->started,
                                  .share = stage->total > 0 ? done / (double)stage->total : -1};
    stage->monitor->progress(stage->monitor->user, &progress);
}

bool hs_stage_within(const struct hs_stage *stage, double part) {
    tell(stage, part);
    return !hs_stop_wanted(stage->monitor);
}

headsift_status hs_stage_step(struct hs_stage *stage, int64_t tokens, headsift_error *error) {
    return hs_stage_steps(stage, 1, tokens, error);
}

headsift_status hs_stage_steps(struct hs_stage *stage, int64_t samples, int64_t tokens, headsift_error *error) {
    stage->documents += samples;
    stage->tokens += tokens;
    tell(stage, 0);
    if (stage->documents < stage->total && hs_stop_wanted(stage->monitor)) {
        return hs_fail(error, HEADSIFT_STOPPED, "stopped after %lld of %lld samples; nothing was written",
                       (long long)stage->documents, (long long)stage->total);
    }
    return HEADSIFT_OK;
}
