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
static void show_progress(const struct making *making, double share) {
    const struct hs_job *job = making->job;
    if (job->monitor == NULL || job->monitor->progress == NULL) {
        return;
    }
    int64_t documents = job->documents + (int64_t)(share * (double)making->window->pack.n_rows);
    int64_t tokens = job->tokens + (int64_t)(share * (double)making->window_tokens);
    double read = making->share + share * (making->window->share - making->share);
    double bytes = job->bytes_done + read * (double)making->part->range.text_bytes;
    double part = job->bytes_total > 0 ? bytes / job->bytes_total : -1;
    headsift_progress progress = {"score", documents, tokens, hs_job_seconds(job), part < 1 ? part : 1};
    job->monitor->progress(job->monitor->user, &progress);
}

static void batch_done(void *user, double share) { show_progress(user, share); }

static headsift_status write_row(void *user, const struct hs_row *row, headsift_error *error) {
    struct making *making = user;
    return hs_score_writer_add(making->writer, row->id, row->id_size, making->file, row->row, row->domain,
                               row->domain_size, &row->score, error);
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
                                   .score = window->pack.rows[i]};
        HS_TRY(write_row(making, &row, error));
        HS_TRY(hs_rows_add(making->rows, &row, error));
        making->record.documents++;
        making->record.unscored += !hs_row_scored(&row.score);
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
        status = hs_score_writer_open(path, (const char *const *)metadata, &making->writer, error);
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
    HS_TRY(score_windows(making, error));
    return publish(making, error);
}

headsift_status hs_score_part(struct hs_job *job, struct hs_window *window, headsift_error *error) {
    struct making making = {.job = job,
                            .part = &job->plan.parts[window->part],
                            .window = window,
                            .rows = window->rows,
                            .started = hs_job_seconds(job)};
    window->rows = NULL;
    headsift_status status = make_part(&making, error);
    hs_score_writer_abort(making.writer);
    hs_rows_close(making.rows);
    hs_free(making.file);
    return status;
}
