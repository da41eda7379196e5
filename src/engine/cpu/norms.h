/* Norms of rows in a layer: before attention and MLP, of queries and keys, of what is added to the residual stream.
 * A layer has those whose weights are there. */
#ifndef HS_ENGINE_CPU_NORMS_H
#define HS_ENGINE_CPU_NORMS_H

#include "engine/cpu/layer.h"

/** out (rows, H) E = norm of x (rows, H); x itself where `weight` is NULL. */
void hs_norm_rows(const struct hs_engine *engine, const float *x, const float *weight, int64_t rows, void *out);
/** In place: of each of a row's `heads` heads, or of all of them at once, as the family has it. NULL: nothing. */
void hs_norm_heads(const struct hs_engine *engine, const float *weight, int32_t heads, float *x);
/** x (rows, H) += norm of y (rows, H), which it overwrites. */
void hs_add_normed(const struct hs_engine *engine, float *y, const float *weight, int64_t rows, float *x);

#endif
