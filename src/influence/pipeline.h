/* Reading and tokenising beside the engine: one thread fills windows (documents with what their rows need), the caller
 * scores them in order. Two windows: one is filled while the other is in the engine. */
#ifndef HS_INFLUENCE_PIPELINE_H
#define HS_INFLUENCE_PIPELINE_H

#include "influence/plan.h"

enum { HS_WINDOW_LABEL_BYTES = 1 << 20 }; /**< a full pack or so many bytes of ids and domains end a window */

/** What a row needs beside its score, kept while its document waits in the pack. */
struct hs_label {
    int64_t row;
    bool has_id;
    size_t id, id_size; /**< offsets into hs_window.label_bytes */
    size_t domain, domain_size;
};

/** Documents of one input that follow one another. */
struct hs_window {
    struct hs_pack pack;
    struct hs_label *labels; /**< one a row of the pack */
    size_t n_labels, labels_capacity;
    struct hs_buffer label_bytes;
    size_t part;        /**< index of the input */
    bool last;          /**< of that input */
    double share;       /**< of the input that was read when the window was full */
    int64_t duplicates; /**< ids that a document before it has, in this input or one before it */
};

/** Adds a document and its label. Fails only for want of memory. */
headsift_status hs_window_add(struct hs_window *window, const struct hs_scoring *scoring,
                              const struct hs_document *document, headsift_error *error);
/** @param batches  so many batches of tokens are enough. */
bool hs_window_full(const struct hs_window *window, const struct hs_scoring *scoring, size_t batches);
void hs_window_clear(struct hs_window *window); /**< forgets the documents, keeps the memory unless it is a lot */
void hs_window_free(struct hs_window *window);  /**< fine on a zeroed struct */

struct hs_pipeline;

/** Starts reading all parts of the plan that are not done, in order, hs_score_plan.limit documents in all. The thread
 *  asks of a part only what it is before it gives the part's first window; all else of plan, scoring and inputs must
 *  stay as it is until hs_pipeline_stop, and `scoring` must be started. Calls no monitor. */
headsift_status hs_pipeline_start(const struct hs_score_plan *plan, const struct hs_scoring *scoring,
                                  const headsift_inputs *inputs, struct hs_pipeline **out, headsift_error *error);
/** Waits for the next window; NULL behind the last one. Each input has one at least, if an empty one. An error of a
 *  reader comes when the windows before it are done; documents of the window that it broke are lost. */
headsift_status hs_pipeline_take(struct hs_pipeline *pipeline, struct hs_window **window, headsift_error *error);
/** Gives back the window that was taken, to be filled again. */
void hs_pipeline_release(struct hs_pipeline *pipeline);
/** Ends the thread, within a record, and frees everything. NULL is fine. */
void hs_pipeline_stop(struct hs_pipeline *pipeline);

#endif
