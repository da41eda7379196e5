/* A call of headsift_score_files under way, shared by score_files.c (the units in turn) and score_part.c (one unit).
 * Both only ever see one call: the job lives on its stack. */
#ifndef HS_INFLUENCE_JOB_H
#define HS_INFLUENCE_JOB_H

#include "influence/pipeline.h"

struct hs_job {
    headsift_model *model;
    const headsift_inputs *inputs;
    const headsift_monitor *monitor;
    struct hs_scoring scoring;
    struct hs_score_plan plan;
    struct hs_pipeline *pipeline;   /**< while parts are made */
    int64_t documents, tokens;      /**< of this call */
    double started;                 /**< seconds of the monotonic clock */
    double bytes_done, bytes_total; /**< of text, of this rank's share */
    size_t opened, without_domain;  /**< inputs */
};

/** Makes the part of the unit whose first window this is, and takes the others. The part is published, and its record
 *  filled in, only when it is complete. */
headsift_status hs_score_part(struct hs_job *job, struct hs_window *window, headsift_error *error);

double hs_job_seconds(const struct hs_job *job);

#endif
