/* headsift_score_files: plan, check every input, then one part after the other, then the verdict over all parts.
 * What earlier calls have done is not done again, and counts in the verdict. */
#define _GNU_SOURCE
#include <time.h>

#include "influence/job.h"

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double hs_job_seconds(const struct hs_job *job) { return now() - job->started; }

static void say_domains(const struct hs_job *job, size_t opened, size_t without) {
    if (without == 0) {
        return;
    }
    if (without == opened) {
        hs_log(job->monitor, HEADSIFT_LOG_INFO,
               "the inputs have no domain: all documents are one domain (--domain COLUMN, =NAME, =FILE or =DIR)");
    } else {
        hs_log(job->monitor, HEADSIFT_LOG_WARNING,
               "%zu of %zu input files have no domain: their documents are one domain of their own", without, opened);
    }
}

/* Opens every input that is to be read, so that a missing column or a broken file is known before any work. */
static headsift_status check_inputs(struct hs_job *job, headsift_error *error) {
    size_t opened = 0, without = 0;
    for (size_t i = 0; i < job->plan.inputs.n; i++) {
        job->bytes_total += (double)job->plan.inputs.items[i].identity.size;
        if (job->plan.parts[i].done) {
            continue;
        }
        struct hs_reader *reader;
        HS_TRY(hs_reader_open(&job->plan.inputs.items[i], job->inputs, false, &reader, error));
        opened++;
        without += !hs_reader_has_domain(reader);
        hs_reader_close(reader);
    }
    say_domains(job, opened, without);
    return HEADSIFT_OK;
}

static bool anything_missing(const struct hs_score_plan *plan) {
    int64_t documents = 0;
    for (size_t i = 0; i < plan->inputs.n; i++) {
        if (plan->limit > 0 && documents >= plan->limit) {
            return false;
        }
        if (!plan->parts[i].done) {
            return true;
        }
        documents += plan->parts[i].record.documents;
    }
    return false;
}

/* One part after the other as the pipeline gives their windows. */
static headsift_status make_parts(struct hs_job *job, headsift_error *error) {
    size_t passed = 0; /* inputs whose bytes are counted as done */
    for (;;) {
        struct hs_window *window;
        HS_TRY(hs_pipeline_take(job->pipeline, &window, error));
        if (window == NULL) {
            return HEADSIFT_OK;
        }
        for (; passed < window->part; passed++) {
            job->bytes_done += (double)job->plan.inputs.items[passed].identity.size;
        }
        HS_TRY(hs_score_part(job, window, error));
    }
}

static headsift_status score_parts(struct hs_job *job, headsift_error *error) {
    HS_TRY(hs_pipeline_start(&job->plan, &job->scoring, job->inputs, &job->pipeline, error));
    headsift_status status = make_parts(job, error);
    hs_pipeline_stop(job->pipeline);
    job->pipeline = NULL;
    return status;
}

/* Everything that writes. */
static headsift_status do_missing(headsift_model *model, struct hs_job *job, headsift_error *error) {
    HS_TRY(hs_make_directory(job->plan.directory, error)); /* a name that can't be one is known at once */
    HS_TRY(hs_scoring_start(model, &job->scoring, error));
    HS_TRY(hs_plan_begin(&job->plan, error));
    HS_TRY(score_parts(job, error));
    return hs_journal_write(&job->plan, error); /* in the order of the parts, whatever the order of the calls */
}

static void sum_up(const struct hs_job *job, headsift_score_summary *summary, struct hs_mask_check *check) {
    *summary = (headsift_score_summary){.seconds = hs_job_seconds(job)};
    for (size_t i = 0; i < job->plan.inputs.n; i++) {
        const struct hs_part_record *record = &job->plan.parts[i].record;
        if (job->plan.parts[i].done) {
            summary->documents += record->documents;
            summary->unscored += record->unscored;
            summary->tokens += record->tokens;
            summary->duplicate_ids += record->duplicates;
            check->compared += record->check.compared;
            check->changed += record->check.changed;
        }
    }
    summary->scored = summary->documents - summary->unscored;
}

static headsift_status verdict(const struct hs_job *job, const headsift_score_summary *summary,
                               const struct hs_mask_check *check, headsift_error *error) {
    if (summary->duplicate_ids > 0) {
        hs_log(job->monitor, HEADSIFT_LOG_WARNING,
               "%lld rows have an id that an earlier row has; file and row tell them apart",
               (long long)summary->duplicate_ids);
    }
    HS_TRY(hs_mask_check_end(check, error));
    if (summary->unscored > 0) {
        return hs_fail(error, HEADSIFT_UNSCORED, "%lld of %lld documents have no score: see status and note in %s",
                       (long long)summary->unscored, (long long)summary->documents, job->plan.directory);
    }
    return HEADSIFT_OK;
}

static headsift_status run_job(headsift_model *model, struct hs_job *job, bool overwrite,
                               headsift_score_summary *summary, headsift_error *error) {
    if (!overwrite) {
        HS_TRY(hs_plan_compare(&job->plan, error));
    }
    hs_plan_remove_leftovers(&job->plan);
    if (overwrite || anything_missing(&job->plan)) {
        HS_TRY(check_inputs(job, error));
        if (overwrite) {
            HS_TRY(hs_plan_remove_old(&job->plan, error));
        }
        HS_TRY(do_missing(model, job, error));
    } else {
        hs_log(job->monitor, HEADSIFT_LOG_INFO, "%s is complete: nothing left to score", job->plan.directory);
    }
    struct hs_mask_check check = {0};
    sum_up(job, summary, &check);
    return verdict(job, summary, &check, error);
}

headsift_status headsift_score_files(headsift_model *model, const headsift_heads *heads,
                                     const headsift_score_options *options, const headsift_inputs *inputs,
                                     const char *directory, bool overwrite, const headsift_monitor *monitor,
                                     headsift_score_summary *summary, headsift_error *error) {
    static const headsift_score_options defaults = {0};
    headsift_score_summary unseen;
    struct hs_job job = {.inputs = inputs, .monitor = monitor, .started = now()};
    options = options != NULL ? options : &defaults;
    summary = summary != NULL ? summary : &unseen;
    *summary = (headsift_score_summary){0};
    HS_TRY(hs_scoring_prepare(model, heads, options, monitor, &job.scoring, error));
    HS_TRY(hs_plan_make(model, &job.scoring, options, inputs, directory, &job.plan, error));
    headsift_status status = run_job(model, &job, overwrite, summary, error);
    if (status == HEADSIFT_STOPPED || status == HEADSIFT_NO_SPACE) {
        struct hs_mask_check check = {0};
        sum_up(&job, summary, &check);
    }
    hs_plan_free(&job.plan);
    return status;
}
