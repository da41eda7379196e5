/* One unit to one part: what its journal keeps, then its windows, scored, noted and written; publish.
 * Rows reach the writer in record order, wherever they come from: the part is the same however often it was stopped. */
#define _GNU_SOURCE
#include <string.h>

#include "base/text.h"
#include "corpus/score_writer.h"
#include "influence/job.h"

/* The part being made. */
struct making {
    struct hs_job *job;
    struct hs_part *part;
    struct hs_window *window; /* the one in work */
    int64_t window_tokens;    /* of its rows, while they are not written */
    double share;             /* of the unit, up to the window */
    struct hs_rows *rows;
    struct hs_score_writer *writer;
    struct hs_part_record record;
    char *file;     /* the path as the rows name it: UTF-8 */
    double started; /* seconds of the job */
};

/* Fresh memory; NULL when there is none. */
static char *name_file(const char *path) {
    size_t length = strlen(path), room = 8 * length + 1; /* a byte becomes \xHH, a character \u{H} */
    if (hs_utf8_check(path, length) == length) {
        return hs_copy_string(path);
    }
    char *name = hs_alloc(room, 1);
    if (name != NULL) {
        hs_escape_line(path, length, name, room);
    }
    return name;
}

/* `share` of the window is scored and not yet written. */
static void count_progress(const struct making *making, double share) {
    struct hs_job *job = making->job;
    struct hs_rank_state *state = &job->state;
    bool waits = share > 0;
    int64_t documents = waits ? (int64_t)(share * (double)making->window->pack.n_rows) : 0;
    int64_t tokens = (int64_t)(share * (double)making->window_tokens);
    state->documents = job->documents + documents;
    state->tokens = job->tokens + tokens;
    state->unscored = job->unscored;
    state->part_share = making->share + (waits ? share * (making->window->share - making->share) : 0);
    state->part_documents = making->record.documents + documents;
    state->part_tokens = making->record.tokens + tokens;
    state->work_done = job->share_done + state->part_share * job->part_bytes;
}

static void show_progress(const struct making *making, double share) {
    count_progress(making, share);
    hs_job_tell(making->job);
}

static void batch_done(void *user, double share) { show_progress(user, share); }

static headsift_status write_row(void *user, const struct hs_row *row, headsift_error *error) {
    struct making *making = user;
    return hs_score_writer_add_steps(making->writer, row->id, row->id_size, making->file, row->row, row->domain,
                                     row->domain_size, &row->score, row->steps, row->n_steps, error);
}

/* What is scored goes to the writer and to the journal, which is on disk when this returns. */
static headsift_status write_rows(struct making *making, headsift_error *error) {
    struct hs_job *job = making->job;
    const struct hs_window *window = making->window;
    const char *bytes = window->label_bytes.data;
    for (size_t i = 0; i < window->pack.n_rows; i++) {
        const struct hs_label *label = &window->labels[i];
        const struct hs_row row = {.row = label->row,
                                   .id = label->has_id ? bytes + label->id : NULL,
                                   .id_size = label->id_size,
                                   .domain = bytes + label->domain,
                                   .domain_size = label->domain_size,
                                   .score = window->pack.rows[i],
                                   .steps = window->pack.steps + window->pack.ranges[i].first,
                                   .n_steps = window->pack.ranges[i].n};
        HS_TRY(write_row(making, &row, error));
        HS_TRY(hs_rows_add(making->rows, &row, error));
        making->record.documents++;
        making->record.unscored += !hs_row_scored(&row.score);
        job->unscored += !hs_row_scored(&row.score);
        making->record.tokens += row.score.n_tokens;
        hs_mask_check_add(&making->record.check, &row.score);
        job->tokens += row.score.n_tokens;
    }
    making->record.duplicates += window->duplicates;
    job->documents += (int64_t)window->pack.n_rows;
    return hs_rows_end_window(making->rows, &making->record, error);
}

/* Scores and writes a window, if there is anything in it. */
static headsift_status score_window(struct making *making, headsift_error *error) {
    struct hs_job *job = making->job;
    struct hs_pack *pack = &making->window->pack;
    if (pack->n_rows == 0) {
        return HEADSIFT_OK;
    }
    if (hs_stop_wanted(job->monitor)) {
        return hs_fail(error, HEADSIFT_STOPPED, HS_STOPPED_SCORE);
    }
    making->window_tokens = 0;
    for (size_t i = 0; i < pack->n_rows; i++) {
        making->window_tokens += pack->rows[i].n_tokens;
    }
    if (job->documents == 0) {
        show_progress(making, 0); /* where this call begins: shares are counted from here */
    }
    struct hs_scoring scoring = job->scoring;
    struct hs_pack_watch watch = {batch_done, making};
    scoring.watch = &watch;
    HS_TRY(hs_pack_score(&scoring, pack, error));
    HS_TRY(write_rows(making, error));
    making->share = making->window->share;
    making->window_tokens = 0;
    show_progress(making, 0);
    return HEADSIFT_OK;
}

/* From the window that was taken to the unit's last one. */
static headsift_status score_windows(struct making *making, headsift_error *error) {
    struct hs_pipeline *pipeline = making->job->pipeline;
    for (;;) {
        HS_TRY(score_window(making, error));
        bool last = making->window->last;
        hs_pipeline_release(pipeline);
        if (last) {
            return HEADSIFT_OK;
        }
        HS_TRY(hs_pipeline_take(pipeline, &making->window, error));
    }
}

/* The record comes before the part gets its name: a part without a record does not exist. */
static headsift_status publish(struct making *making, headsift_error *error) {
    struct hs_part *part = making->part;
    const struct hs_score_plan *plan = &making->job->plan;
    making->record.seconds = hs_job_seconds(making->job) - making->started;
    part->record = making->record;
    HS_TRY(hs_done_add(plan, part, error));
    struct hs_score_writer *writer = making->writer;
    making->writer = NULL;
    HS_TRY(hs_score_writer_commit(writer, error));
    part->there = part->done = part->mine = true;
    hs_rows_remove(plan, part);
    hs_log(making->job->monitor, HEADSIFT_LOG_DEBUG, "%s: %lld documents, %lld tokens, %.1f s", making->job->part,
           (long long)part->record.documents, (long long)part->record.tokens, part->record.seconds);
    return HEADSIFT_OK;
}

static headsift_status open_writer(struct making *making, headsift_error *error) {
    const struct hs_score_plan *plan = &making->job->plan;
    char **metadata = hs_settings_metadata(plan->settings, making->part->input);
    char *path = hs_plan_part_path(plan, making->part);
    making->file = name_file(plan->inputs.items[making->part->input].path);
    headsift_status status = HEADSIFT_OK;
    if (metadata == NULL || path == NULL || making->file == NULL) {
        status = hs_fail_memory(error, "the names of a part", 1);
    } else {
        bool steps = making->job->inputs->response != NULL;
        status = steps ? hs_score_writer_open_steps(path, (const char *const *)metadata, &making->writer, error)
                       : hs_score_writer_open(path, (const char *const *)metadata, &making->writer, error);
    }
    hs_metadata_free(metadata);
    hs_free(path);
    return status;
}

static headsift_status make_part(struct making *making, headsift_error *error) {
    HS_TRY(open_writer(making, error));
    HS_TRY(hs_rows_replay(making->rows, write_row, making, &making->record, error));
    int64_t rows = making->part->range.rows;
    making->share = rows > 0 ? (double)hs_rows_kept(making->rows) / (double)rows : 0;
    making->job->state.work_before += making->share * making->job->part_bytes;
    HS_TRY(score_windows(making, error));
    return publish(making, error);
}

/* A unit of another rank's share adds nothing to this one's. */
static void begin_part(struct hs_job *job, size_t index) {
    const struct hs_part *part = &job->plan.parts[index];
    hs_job_part(job, part);
    job->part_bytes = index >= job->plan.first && index < job->plan.last ? (double)part->range.text_bytes : 0;
}

static void end_part(const struct making *making, size_t index, headsift_status status) {
    struct hs_job *job = making->job;
    if (status != HEADSIFT_OK) {
        count_progress(making, 0); /* what is kept of it, without what was in the engine */
        return;
    }
    hs_job_part(job, NULL);
    job->share_done += job->part_bytes;
    job->state.units_done += index >= job->plan.first && index < job->plan.last;
}

headsift_status hs_score_part(struct hs_job *job, struct hs_window *window, headsift_error *error) {
    size_t index = window->part;
    struct making making = {.job = job,
                            .part = &job->plan.parts[index],
                            .window = window,
                            .rows = window->rows,
                            .started = hs_job_seconds(job)};
    window->rows = NULL;
    begin_part(job, index);
    headsift_status status = make_part(&making, error);
    end_part(&making, index, status);
    hs_score_writer_abort(making.writer);
    hs_rows_close(making.rows);
    hs_free(making.file);
    return status;
}
