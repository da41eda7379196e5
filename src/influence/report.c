/* What a call of headsift_score_files tells while it works: progress to the caller's monitor, log lines to it and to
 * the rank's log, and the rank's report. A report that can't be written is said once and stops nothing. */
#define _GNU_SOURCE
#include <string.h>
#include <time.h>

#include "influence/job.h"

/* Of a full disk the work itself tells, if it needs room. */
static void warn_once(struct hs_job *job, headsift_status status, const headsift_error *error) {
    if (status != HEADSIFT_OK && status != HEADSIFT_NO_SPACE && !job->report_failed) {
        job->report_failed = true;
        hs_log(job->asked, HEADSIFT_LOG_WARNING, "%s; the work goes on", error->message);
    }
}

static void update_report(struct hs_job *job) {
    headsift_error error = {0};
    job->state.seconds = hs_job_seconds(job);
    if (job->report != NULL) {
        warn_once(job, hs_rank_update(job->report, &job->state, time(NULL), &error), &error);
    }
}

/* A line is a sign of life, too: there is no progress while inputs are looked through. */
static void on_log(void *user, headsift_log_level level, const char *line) {
    struct hs_job *job = user;
    hs_rank_log(job->report, level, line, time(NULL));
    if (job->asked != NULL && job->asked->log != NULL) {
        job->asked->log(job->asked->user, level, line);
    }
    update_report(job);
}

void hs_job_listen(struct hs_job *job, const headsift_monitor *monitor) {
    job->asked = monitor;
    job->own = (headsift_monitor){.log = on_log, .user = job, .stop = monitor != NULL ? monitor->stop : NULL};
    job->monitor = &job->own;
}

void hs_job_tell(struct hs_job *job) {
    const struct hs_rank_state *state = &job->state;
    update_report(job);
    if (job->asked != NULL && job->asked->progress != NULL) {
        double share = state->work > 0 ? state->work_done / state->work : -1;
        headsift_progress progress = {"score", state->documents, state->tokens, state->seconds, share < 1 ? share : 1};
        job->asked->progress(job->asked->user, &progress);
    }
}

void hs_job_part(struct hs_job *job, const struct hs_part *part) {
    char *name = part != NULL ? hs_plan_part_name(&job->plan, part) : NULL;
    snprintf(job->part, sizeof job->part, "%s", name != NULL ? name : "");
    job->state.part = name != NULL ? job->part : NULL;
    job->state.part_share = 0;
    job->state.part_documents = job->state.part_tokens = 0;
    hs_free(name);
}

void hs_job_count(struct hs_job *job) {
    struct hs_rank_state *state = &job->state;
    state->work = state->work_done = 0;
    state->units = state->units_done = 0;
    for (size_t i = job->plan.first; i < job->plan.last; i++) {
        const struct hs_part *part = &job->plan.parts[i];
        double bytes = (double)part->range.text_bytes;
        state->units++;
        state->work += bytes;
        state->units_done += part->done;
        state->work_done += part->done ? bytes : 0;
    }
}

void hs_job_report(struct hs_job *job, bool json_log) {
    const struct hs_score_plan *plan = &job->plan;
    job->report_status =
        hs_rank_open(plan->directory, plan->rank, plan->world, json_log, time(NULL), &job->report, &job->report_error);
    hs_rank_log(job->report, HEADSIFT_LOG_INFO, "headsift " HEADSIFT_VERSION " begins", time(NULL));
}

headsift_status hs_job_reports(const struct hs_job *job, headsift_error *error) {
    *error = job->report_status != HEADSIFT_OK ? job->report_error : *error;
    return job->report_status;
}

void hs_job_report_end(struct hs_job *job, headsift_status status, const headsift_error *result) {
    headsift_error error = {0};
    bool good = status == HEADSIFT_OK || status == HEADSIFT_UNSCORED;
    if (job->report == NULL) {
        return;
    }
    double in_work = job->state.part != NULL ? job->state.part_share * (double)job->part_bytes : 0;
    hs_job_count(job);
    job->state.work_done += in_work;
    job->state.seconds = hs_job_seconds(job);
    hs_rank_log(job->report, good ? HEADSIFT_LOG_INFO : HEADSIFT_LOG_WARNING,
                status == HEADSIFT_OK || result == NULL ? "done" : result->message, time(NULL));
    headsift_status written = hs_rank_close(job->report, &job->state, status,
                                            good || result == NULL ? "" : result->message, time(NULL), &error);
    job->report = NULL;
    warn_once(job, written, &error);
}
