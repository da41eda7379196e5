/* One input file to one part: score and write its windows, publish.
 * A file is the smallest unit that is kept; rows reach the writer in record order, so a journal of rows can go here. */
#define _GNU_SOURCE
#include <string.h>

#include "base/text.h"
#include "corpus/score_writer.h"
#include "influence/job.h"

/* The part being made. */
struct making {
    struct hs_job *job;
    const struct hs_input *input;
    struct hs_window *window; /* the one in work */
    int64_t window_tokens;    /* of its rows, while they are not written */
    double share;             /* of the input, up to the window */
    struct hs_score_writer *writer;
    struct hs_part_record record;
    char *file; /* the path as the rows name it: UTF-8 */
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
    double bytes = job->bytes_done + read * (double)making->input->identity.size;
    double part = job->bytes_total > 0 ? bytes / job->bytes_total : -1;
    if (job->plan.limit > 0 && (double)documents / (double)job->plan.limit > part) {
        part = (double)documents / (double)job->plan.limit;
    }
    headsift_progress progress = {"score", documents, tokens, hs_job_seconds(job), part < 1 ? part : 1};
    job->monitor->progress(job->monitor->user, &progress);
}

static void batch_done(void *user, double share) { show_progress(user, share); }

static headsift_status write_rows(struct making *making, headsift_error *error) {
    struct hs_job *job = making->job;
    const struct hs_window *window = making->window;
    const char *bytes = window->label_bytes.data;
    for (size_t i = 0; i < window->pack.n_rows; i++) {
        const struct hs_label *label = &window->labels[i];
        const headsift_score *row = &window->pack.rows[i];
        const char *id = label->has_id ? bytes + label->id : NULL;
        HS_TRY(hs_score_writer_add(making->writer, id, label->id_size, making->file, label->row, bytes + label->domain,
                                   label->domain_size, row, error));
        making->record.documents++;
        making->record.unscored += !hs_row_scored(row);
        making->record.tokens += row->n_tokens;
        hs_mask_check_add(&making->record.check, row);
        job->tokens += row->n_tokens;
    }
    making->record.duplicates += window->duplicates;
    job->documents += (int64_t)window->pack.n_rows;
    return HEADSIFT_OK;
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

/* From the window that was taken to the input's last one. */
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

/* The record goes to the journal before the part gets its name: a part without a record does not exist. */
static headsift_status publish(struct making *making, struct hs_part *part, headsift_error *error) {
    part->record = making->record;
    HS_TRY(hs_journal_add(&making->job->plan, part, error));
    struct hs_score_writer *writer = making->writer;
    making->writer = NULL;
    HS_TRY(hs_score_writer_commit(writer, error));
    part->done = true;
    return HEADSIFT_OK;
}

static headsift_status open_writer(struct making *making, size_t index, headsift_error *error) {
    const struct hs_score_plan *plan = &making->job->plan;
    char **metadata = hs_settings_metadata(plan->settings, index);
    if (metadata == NULL) {
        return hs_fail_memory(error, "metadata", 1);
    }
    headsift_status status =
        hs_score_writer_open(plan->parts[index].path, (const char *const *)metadata, &making->writer, error);
    hs_metadata_free(metadata);
    return status;
}

headsift_status hs_score_part(struct hs_job *job, struct hs_window *window, headsift_error *error) {
    size_t index = window->part;
    struct making making = {.job = job, .input = &job->plan.inputs.items[index], .window = window};
    making.file = name_file(making.input->path);
    headsift_status status = making.file != NULL ? open_writer(&making, index, error)
                                                 : hs_fail_memory(error, "a path", strlen(making.input->path));
    if (status == HEADSIFT_OK) {
        status = score_windows(&making, error);
    }
    if (status == HEADSIFT_OK) {
        status = publish(&making, &job->plan.parts[index], error);
    }
    hs_score_writer_abort(making.writer);
    hs_free(making.file);
    return status;
}
