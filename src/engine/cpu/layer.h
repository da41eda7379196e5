/* Inside a layer: its work in two phases over blocks of rows, and the spans of documents inside a block.
 * Shared by layer.c and masks.c. */
#ifndef HS_ENGINE_CPU_LAYER_H
#define HS_ENGINE_CPU_LAYER_H

#include "engine/cpu/cpu.h"

/* One layer's work. */
struct hs_pass {
    const struct hs_walk *walk;
    const struct hs_layer *weights;
    int32_t layer;
    struct hs_cut cut;
    const bool *means_needed; /* (n_kv_head) whether some stream has uniform heads there */
    float *forked_x;          /* NULL: no streams leave here */
    bool advance;
};

/* Neighbouring rows of one segment inside a block. */
struct hs_span {
    const struct hs_segment *segment;
    int64_t row; /* in the block */
    int64_t length;
    int64_t position;
};

/* The rows of a block, walked span by span. */
struct hs_rows {
    int64_t first, n; /* in the walk */
    int32_t segment;  /* the next one */
};

/* The first segment that reaches beyond row `first`. */
static inline int32_t hs_segment_at(const struct hs_walk *walk, int64_t first) {
    int32_t low = 0, high = walk->n_segments;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (walk->segments[middle].row + walk->segments[middle].length <= first) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static inline struct hs_rows hs_rows_of(const struct hs_pass *pass, int64_t block) {
    int64_t first = block * pass->cut.size, left = pass->cut.rows - first;
    return (struct hs_rows){first, left < pass->cut.size ? left : pass->cut.size, hs_segment_at(pass->walk, first)};
}

static inline bool hs_next_span(const struct hs_pass *pass, struct hs_rows *rows, struct hs_span *span) {
    const struct hs_segment *segment = &pass->walk->segments[rows->segment];
    int64_t end = rows->first + rows->n;
    if (rows->segment == pass->walk->n_segments || segment->row >= end) {
        return false;
    }
    int64_t from = segment->row > rows->first ? segment->row : rows->first;
    int64_t to = segment->row + segment->length < end ? segment->row + segment->length : end;
    *span = (struct hs_span){segment, from - rows->first, to - from, segment->position + from - segment->row};
    rows->segment++;
    return true;
}

static inline bool hs_is_masked(const struct hs_plan *plan, const struct hs_config *c, int32_t layer, int32_t head) {
    return plan != NULL && plan->masked[layer * c->n_head + head];
}

static inline int32_t hs_group_size(const struct hs_config *c) { return c->n_head / c->n_kv_head; }

/* Where a KV head's cache holds the document of a segment: an index of elements. */
static inline int64_t hs_cached_at(const struct hs_engine *engine, const struct hs_cache *cache,
                                   const struct hs_segment *segment, int32_t kv_head) {
    return (kv_head * cache->slots + segment->slot) * engine->config->head_dim;
}

/** Keys that the query at a position sees, its own included. */
static inline int64_t hs_seen(int64_t window, int64_t position) {
    return window > 0 && position >= window ? window : position + 1;
}

/* masks.c */
/** Which KV heads need running means; room for block sums. */
headsift_status hs_need_means(struct hs_engine *engine, struct hs_pass *pass, headsift_error *error);
/** Sums the values of a block's part of a document that goes on in the next block. */
void hs_sum_values(const struct hs_engine *engine, struct hs_worker *worker, const struct hs_pass *pass,
                   const struct hs_span *span, int64_t block);
/** Running means of the values over the block's rows for a KV head that has uniform query heads. */
void hs_mean_rows(const struct hs_engine *engine, struct hs_worker *worker, const struct hs_pass *pass,
                  struct hs_rows rows, int32_t kv_head);
/** Replaces the masked heads' outputs in attention rows row .. row + count of the block. */
void hs_mask_rows(const struct hs_engine *engine, const struct hs_worker *worker, const struct hs_pass *pass,
                  const struct hs_plan *plan, int64_t row, int64_t count, void *attention);
/** The same for all rows, each under its segment's plan. */
void hs_mask_spans(const struct hs_engine *engine, const struct hs_worker *worker, const struct hs_pass *pass,
                   struct hs_rows rows);

#endif
