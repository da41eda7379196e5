/* A call of headsift_score_files under way, shared by score_files.c (the files in turn) and score_part.c (one file).
 * Both only ever see one call: the job lives on its stack. */
#ifndef HS_INFLUENCE_JOB_H
#define HS_INFLUENCE_JOB_H

#include "influence/duplicates.h"
#include "influence/plan.h"

/** What a row needs beside its score, kept while its document waits in the pack. */
struct hs_label {
    int64_t row;
    size_t id, id_size; /**< offsets into hs_job.label_bytes */
    size_t domain, domain_size;
};

struct hs_job {
    const headsift_inputs *inputs;
    const headsift_monitor *monitor;
    struct hs_scoring scoring;
    struct hs_score_plan plan;
    struct hs_pack pack;
    struct hs_label *labels; /**< one a row of the pack */
    size_t n_labels, labels_capacity;
    struct hs_buffer label_bytes;
    struct hs_id_set ids;
    int64_t documents, tokens; /**< of this call */
    double started;            /**< seconds of the monotonic clock */
    double bytes_done, bytes_total;
};

/** Scores input `index` into its part, at most `most` documents of it (negative: all). The part is published, and its
 * record filled in, only when it is complete. */
headsift_status hs_score_part(struct hs_job *job, size_t index, int64_t most, headsift_error *error);

double hs_job_seconds(const struct hs_job *job);

#endif
