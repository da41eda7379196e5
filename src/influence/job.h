/* A call of headsift_score_files under way, shared by score_files.c (the units in turn), score_part.c (one unit) and
 * report.c (what it tells). All only ever see one call: the job lives on its stack. */
#ifndef HS_INFLUENCE_JOB_H
#define HS_INFLUENCE_JOB_H

#include "influence/pipeline.h"
#include "influence/rank_report.h"

struct hs_job {
    headsift_model *model;
    const headsift_inputs *inputs;
    const headsift_monitor *monitor; /**< what everything here logs to: see hs_job_listen */
    struct hs_scoring scoring;
    struct hs_score_plan plan;
    struct hs_pipeline *pipeline;        /**< while parts are made */
    int64_t documents, tokens, unscored; /**< of this call */
    double started;                      /**< seconds of the monotonic clock */
    size_t opened, without_domain;       /**< inputs */

    const headsift_monitor *asked; /**< the caller's; may be NULL */
    headsift_monitor own;
    struct hs_rank_report *report; /**< NULL: none yet */
    headsift_status report_status; /**< of opening it */
    headsift_error report_error;
    bool json_log, report_failed;
    struct hs_rank_state state; /**< work in bytes of text */
    double share_done;          /**< state.work_done without the part in work */
    double part_bytes;          /**< text of the part in work that counts in this rank's share */
    char part[192];             /**< its name */
};

/** Makes the part of the unit whose first window this is, and takes the others. The part is published, and its record
 *  filled in, only when it is complete. */
headsift_status hs_score_part(struct hs_job *job, struct hs_window *window, headsift_error *error);

double hs_job_seconds(const struct hs_job *job);

/* ---- What it tells (report.c) ---- */

/** From here on job->monitor logs to the caller's monitor and to the rank's log. */
void hs_job_listen(struct hs_job *job, const headsift_monitor *monitor);
/** Counts this rank's share, and what of it is done, into job->state. */
void hs_job_count(struct hs_job *job);
/** Names the part in work; NULL: none. */
void hs_job_part(struct hs_job *job, const struct hs_part *part);
/** Tells job->state: progress to the caller, and the rank's report when it is due. */
void hs_job_tell(struct hs_job *job);
/** Opens the rank's report. A folder that can't be written to may be whole: whether that failed is asked for later. */
void hs_job_report(struct hs_job *job, bool json_log);
headsift_status hs_job_reports(const struct hs_job *job, headsift_error *error); /**< the failure of the above */
/** Writes the last report. @param result of the call; may be NULL */
void hs_job_report_end(struct hs_job *job, headsift_status status, const headsift_error *result);

#endif
