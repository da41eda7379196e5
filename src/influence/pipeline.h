/* Reading and tokenising beside the engine: one thread fills windows (documents with what their rows need), the caller
 * scores them in order. Two windows: one is filled while the other is in the engine. */
#ifndef HS_INFLUENCE_PIPELINE_H
#define HS_INFLUENCE_PIPELINE_H

#include "influence/rows.h"

enum { HS_WINDOW_LABEL_BYTES = 1 << 20 }; /**< a full pack or so many bytes of ids and domains end a window */

/** What a row needs beside its score, kept while its document waits in the pack. */
struct hs_label {
    int64_t row;
    bool has_id;
    size_t id, id_size; /**< offsets into hs_window.label_bytes */
    size_t domain, domain_size;
};

/** Documents of one unit that follow one another. */
struct hs_window {
    struct hs_pack pack;
    struct hs_label *labels; /**< one a row of the pack */
    size_t n_labels, labels_capacity;
    struct hs_buffer label_bytes;
    size_t part;          /**< index in the plan */
    bool first;           /**< of the unit: a small one */
    bool begins;          /**< the first one of the unit that this call does */
    bool last;            /**< of the unit */
    struct hs_rows *rows; /**< the unit's journal, with the window that begins: whoever takes it closes it */
    double share;         /**< of the unit that was read when the window was full */
    int64_t duplicates;   /**< ids that a document before it has, in this unit or one that the call read before */
};

/** Adds a document and its label. Fails only for want of memory. */
headsift_status hs_window_add(struct hs_window *window, const struct hs_scoring *scoring,
                              const struct hs_document *document, headsift_error *error);
bool hs_window_full(const struct hs_window *window);
void hs_window_clear(struct hs_window *window); /**< forgets the documents, keeps the memory unless it is a lot */
void hs_window_free(struct hs_window *window);  /**< fine on a zeroed struct */

struct hs_pipeline;

/** Starts reading the units of this rank's share that are not done, in order, each behind what its journal keeps; then,
 *  if the plan says so, those of others that are neither done nor in work. A unit that others finished meanwhile is
 *  passed over. All of plan, scoring and inputs but records of parts must stay as it is until hs_pipeline_stop, and
 *  `scoring` must be started. Calls no monitor. */
headsift_status hs_pipeline_start(const struct hs_score_plan *plan, const struct hs_scoring *scoring,
                                  const headsift_inputs *inputs, struct hs_pipeline **out, headsift_error *error);
/** Waits for the next window; NULL behind the last one. Each unit has one at least, if an empty one. An error of a
 *  reader comes when the windows before it are done; documents of the window that it broke are lost. */
headsift_status hs_pipeline_take(struct hs_pipeline *pipeline, struct hs_window **window, headsift_error *error);
/** Gives back the window that was taken, to be filled again. */
void hs_pipeline_release(struct hs_pipeline *pipeline);
/** Ends the thread, within a record, and frees everything. Journals that nobody took are closed. NULL is fine. */
void hs_pipeline_stop(struct hs_pipeline *pipeline);

#endif
