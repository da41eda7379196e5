/* One input file to one part: read, pack, score, write, publish.
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
    struct hs_reader *reader;
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

static bool keep_bytes(struct hs_buffer *bytes, const char *text, size_t size, size_t *at) {
    *at = bytes->size;
    return hs_buffer_append(bytes, text, size);
}

/* Remembers the row's id (FILE:ROW where the record has none) and domain. */
static headsift_status add_label(struct making *making, const struct hs_document *document, headsift_error *error) {
    struct hs_job *job = making->job;
    void *labels = job->labels;
    bool ok = hs_grow(&labels, &job->labels_capacity, job->n_labels + 1, sizeof *job->labels);
    job->labels = labels;
    if (!ok) {
        return hs_fail_memory(error, "labels", (job->n_labels + 1) * sizeof *job->labels);
    }
    struct hs_label *label = &job->labels[job->n_labels++];
    struct hs_buffer *bytes = &job->label_bytes;
    *label = (struct hs_label){.row = document->row, .id = bytes->size, .domain_size = document->domain_size};
    if (document->id != NULL) {
        making->record.duplicates += hs_id_set_add(&job->ids, document->id, document->id_size);
        ok = hs_buffer_append(bytes, document->id, document->id_size);
    } else {
        ok = hs_buffer_printf(bytes, "%s:%lld", making->file, (long long)document->row);
    }
    label->id_size = bytes->size - label->id;
    ok = ok && keep_bytes(bytes, document->domain, document->domain_size, &label->domain);
    return ok ? HEADSIFT_OK : hs_fail_memory(error, "labels", bytes->size);
}

static headsift_status add_document(struct making *making, const struct hs_document *document, headsift_error *error) {
    struct hs_job *job = making->job;
    HS_TRY(add_label(making, document, error));
    if (document->bad || document->text == NULL) {
        size_t size = document->text != NULL ? document->text_size : 0;
        return hs_pack_add_bad(&job->pack, size, document->bad ? document->note : "the record has no text", error);
    }
    return hs_pack_add(&job->scoring, &job->pack, document->text, document->text_size, error);
}

static void show_progress(const struct making *making) {
    const struct hs_job *job = making->job;
    if (job->monitor == NULL || job->monitor->progress == NULL) {
        return;
    }
    double here = (double)making->input->identity.size * hs_reader_share(making->reader);
    double share = job->bytes_total > 0 ? (job->bytes_done + here) / job->bytes_total : -1;
    if (job->plan.limit > 0 && (double)job->documents / (double)job->plan.limit > share) {
        share = (double)job->documents / (double)job->plan.limit;
    }
    headsift_progress progress = {"score", job->documents, job->tokens, hs_job_seconds(job), share < 1 ? share : 1};
    job->monitor->progress(job->monitor->user, &progress);
}

static headsift_status write_rows(struct making *making, headsift_error *error) {
    struct hs_job *job = making->job;
    const char *bytes = job->label_bytes.data;
    for (size_t i = 0; i < job->pack.n_rows; i++) {
        const struct hs_label *label = &job->labels[i];
        const headsift_score *row = &job->pack.rows[i];
        HS_TRY(hs_score_writer_add(making->writer, bytes + label->id, label->id_size, making->file, label->row,
                                   bytes + label->domain, label->domain_size, row, error));
        making->record.documents++;
        making->record.unscored += !hs_row_scored(row);
        making->record.tokens += row->n_tokens;
        hs_mask_check_add(&making->record.check, row);
        job->tokens += row->n_tokens;
    }
    job->documents += (int64_t)job->pack.n_rows;
    return HEADSIFT_OK;
}

static void clear_pack(struct hs_job *job) {
    hs_pack_clear(&job->pack);
    job->n_labels = 0;
    job->label_bytes.size = 0;
}

/* Scores and writes what waits in the pack. */
static headsift_status flush(struct making *making, headsift_error *error) {
    struct hs_job *job = making->job;
    if (hs_stop_wanted(job->monitor)) {
        return hs_fail(error, HEADSIFT_STOPPED, HS_STOPPED_SCORE);
    }
    HS_TRY(hs_pack_score(&job->scoring, &job->pack, error));
    HS_TRY(write_rows(making, error));
    clear_pack(job);
    show_progress(making);
    return HEADSIFT_OK;
}

static headsift_status score_records(struct making *making, int64_t most, headsift_error *error) {
    struct hs_document document;
    bool more = true;
    clear_pack(making->job);
    for (int64_t taken = 0; most < 0 || taken < most; taken++) {
        HS_TRY(hs_reader_next(making->reader, &document, &more, error));
        if (!more) {
            break;
        }
        HS_TRY(add_document(making, &document, error));
        if (hs_pack_full(&making->job->pack)) {
            HS_TRY(flush(making, error));
        }
    }
    return making->job->pack.n_rows > 0 ? flush(making, error) : HEADSIFT_OK;
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

headsift_status hs_score_part(struct hs_job *job, size_t index, int64_t most, headsift_error *error) {
    struct making making = {.job = job, .input = &job->plan.inputs.items[index]};
    making.file = name_file(making.input->path);
    headsift_status status = making.file != NULL
                                 ? hs_reader_open(making.input, job->inputs, false, &making.reader, error)
                                 : hs_fail_memory(error, "a path", strlen(making.input->path));
    if (status == HEADSIFT_OK) {
        status = open_writer(&making, index, error);
    }
    if (status == HEADSIFT_OK) {
        status = score_records(&making, most, error);
    }
    if (status == HEADSIFT_OK) {
        status = publish(&making, &job->plan.parts[index], error);
    }
    hs_score_writer_abort(making.writer);
    hs_reader_close(making.reader);
    hs_free(making.file);
    return status;
}
