/* headsift_score_files: plan, check the inputs, then one part after the other, then the verdict over this rank's share.
 * What other calls have done is not done again, and counts in the verdict. */
#define _GNU_SOURCE
#include <time.h>

#include "influence/job.h"

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double hs_job_seconds(const struct hs_job *job) { return now() - job->started; }

/* ---- Before any work ---- */

static void say_domains(const struct hs_job *job) {
    if (job->without_domain == 0) {
        return;
    }
    if (job->without_domain == job->opened) {
        hs_log(job->monitor, HEADSIFT_LOG_INFO,
               "the inputs have no domain: all documents are one domain (--domain COLUMN, =NAME, =FILE or =DIR)");
    } else {
        hs_log(job->monitor, HEADSIFT_LOG_WARNING,
               "%zu of %zu input files have no domain: their documents are one domain of their own",
               job->without_domain, job->opened);
    }
}

/* Opens an input, so that a missing column or a broken file is known before any work. */
static headsift_status check_input(struct hs_job *job, size_t input, headsift_error *error) {
    struct hs_reader *reader;
    if (job->plan.sources[input].checked) {
        return HEADSIFT_OK;
    }
    HS_TRY(hs_reader_open(&job->plan.inputs.items[input], job->inputs, false, &reader, error));
    job->plan.sources[input].checked = true;
    job->opened++;
    job->without_domain += !hs_reader_has_domain(reader);
    hs_reader_close(reader);
    return HEADSIFT_OK;
}

/* Inputs that have an index were opened by whoever made it. Of many ranks each looks at the inputs that it begins with,
 * and later at those of its share. */
static headsift_status check_new_inputs(struct hs_job *job, bool overwrite, headsift_error *error) {
    const struct hs_score_plan *plan = &job->plan;
    size_t n = plan->inputs.n, start = (size_t)((double)plan->rank / plan->world * (double)n);
    size_t count = plan->world > 1 ? n / (size_t)plan->world + 1 : n;
    for (size_t i = 0; i < count && i < n; i++) {
        size_t input = (start + i) % n;
        bool fresh = overwrite || plan->sources[input].change == HS_CHANGE_CONTENT;
        if (fresh || !hs_index_exists(plan, input)) {
            HS_TRY(check_input(job, input, error));
        }
    }
    return HEADSIFT_OK;
}

/* Those of this rank's share that are to be read. */
static headsift_status check_own_inputs(struct hs_job *job, headsift_error *error) {
    for (size_t i = job->plan.first; i < job->plan.last; i++) {
        if (!job->plan.parts[i].done) {
            HS_TRY(check_input(job, job->plan.parts[i].input, error));
        }
    }
    say_domains(job);
    return HEADSIFT_OK;
}

static headsift_status check_ranks(const struct hs_score_plan *plan, bool overwrite, headsift_error *error) {
    if (overwrite && plan->world > 1) {
        return hs_fail(error, HEADSIFT_USAGE,
                       "--overwrite with several ranks would remove what the others make: remove %s first, or leave "
                       "--overwrite out",
                       plan->directory);
    }
    return HEADSIFT_OK;
}

/* Up to the list of units, of which some are done: everything but the scoring. */
static headsift_status prepare(struct hs_job *job, bool overwrite, headsift_error *error) {
    struct hs_score_plan *plan = &job->plan;
    HS_TRY(check_ranks(plan, overwrite, error));
    if (!overwrite) {
        HS_TRY(hs_plan_compare(plan, error));
    }
    HS_TRY(check_new_inputs(job, overwrite, error));
    if (overwrite) {
        HS_TRY(hs_plan_remove_old(plan, error));
    }
    hs_plan_remove_leftovers(plan);
    HS_TRY(hs_plan_begin(job->model, plan, error));
    hs_job_report(job, job->json_log);
    HS_TRY(hs_plan_units(plan, job->inputs, 0, job->monitor, error));
    hs_plan_share(plan);
    HS_TRY(hs_plan_look(plan, error));
    hs_rows_remove_done(plan);
    hs_job_count(job);
    job->state.work_before = job->state.work_done;
    return HEADSIFT_OK;
}

/* ---- The scoring ---- */

static bool anything_missing(const struct hs_score_plan *plan) {
    size_t first = plan->steal ? 0 : plan->first, last = plan->steal ? plan->n_parts : plan->last;
    for (size_t i = first; i < last; i++) {
        if (!plan->parts[i].done) {
            return true;
        }
    }
    return false;
}

/* One part after the other as the pipeline gives their windows. */
static headsift_status make_parts(struct hs_job *job, headsift_error *error) {
    for (;;) {
        struct hs_window *window;
        HS_TRY(hs_pipeline_take(job->pipeline, &window, error));
        if (window == NULL) {
            return HEADSIFT_OK;
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

/* What others did meanwhile is looked up behind the scoring. A part that was there and has no record yet was left by
 * hand: once more. */
static headsift_status do_missing(struct hs_job *job, headsift_error *error) {
    HS_TRY(hs_scoring_start(job->model, &job->scoring, error));
    for (int round = 0; round < 2 && anything_missing(&job->plan); round++) {
        hs_job_count(job);
        job->share_done = job->state.work_done;
        HS_TRY(score_parts(job, error));
        HS_TRY(hs_plan_look(&job->plan, error));
    }
    return HEADSIFT_OK;
}

/* ---- The verdict ---- */

static void sum_up(const struct hs_job *job, headsift_score_summary *summary, struct hs_mask_check *check) {
    *summary = (headsift_score_summary){.seconds = hs_job_seconds(job)};
    for (size_t i = 0; i < job->plan.n_parts; i++) {
        const struct hs_part_record *record = &job->plan.parts[i].record;
        if (job->plan.parts[i].done && job->plan.parts[i].mine) {
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

static void say_share(const struct hs_job *job, bool missing) {
    const struct hs_score_plan *plan = &job->plan;
    if (plan->world > 1) {
        hs_log(job->monitor, HEADSIFT_LOG_INFO, "rank %d of %d: %zu of %zu units%s", plan->rank, plan->world,
               plan->last - plan->first, plan->n_parts, missing ? "" : ", nothing left to score");
    } else if (!missing) {
        hs_log(job->monitor, HEADSIFT_LOG_INFO, "%s is complete: nothing left to score", plan->directory);
    }
}

static headsift_status run_job(struct hs_job *job, bool overwrite, headsift_score_summary *summary,
                               headsift_error *error) {
    HS_TRY(prepare(job, overwrite, error));
    bool missing = anything_missing(&job->plan);
    say_share(job, missing);
    if (missing) {
        HS_TRY(hs_job_reports(job, error));
        HS_TRY(check_own_inputs(job, error));
        HS_TRY(do_missing(job, error));
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
    struct hs_job job = {.model = model, .inputs = inputs, .started = now()};
    headsift_error own = {0};
    error = error != NULL ? error : &own; /* the report quotes it */
    options = options != NULL ? options : &defaults;
    summary = summary != NULL ? summary : &unseen;
    *summary = (headsift_score_summary){0};
    hs_job_listen(&job, monitor);
    if (!overwrite) {
        HS_TRY(hs_dtype_adopt(model, directory, error));
    }
    HS_TRY(hs_scoring_prepare(model, heads, options, job.monitor, &job.scoring, error));
    job.json_log = options->json_log;
    headsift_status status = hs_plan_make(model, &job.scoring, options, inputs, directory, &job.plan, error);
    if (status == HEADSIFT_OK) {
        status = run_job(&job, overwrite, summary, error);
    }
    hs_job_report_end(&job, status, error);
    if (status == HEADSIFT_STOPPED || status == HEADSIFT_NO_SPACE) {
        struct hs_mask_check check = {0};
        sum_up(&job, summary, &check);
    }
    hs_plan_free(&job.plan);
    hs_scoring_free(&job.scoring);
    return status;
}
