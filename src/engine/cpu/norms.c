/* The norms of a layer, row by row through the kernels.
 * What a family lacks costs a look at a pointer a block. */
#include "engine/cpu/norms.h"

void hs_norm_rows(const struct hs_engine *engine, const float *x, const float *weight, int64_t rows, void *out) {
    const int64_t hidden = engine->config->hidden;
    const float eps = (float)engine->config->norm_eps;
    for (int64_t row = 0; row < rows; row++) {
        void *to = hs_at(engine, out, row * hidden);
        if (weight != NULL) {
            engine->kernels->rms_norm(x + row * hidden, weight, hidden, eps, to);
        } else {
            engine->kernels->round_row(x + row * hidden, hidden, to);
        }
    }
}

void hs_norm_heads(const struct hs_engine *engine, const float *weight, int32_t heads, float *x) {
    const struct hs_config *c = engine->config;
    const bool all = c->qk_norm == HS_QK_ALL;
    const int64_t size = all ? (int64_t)heads * c->head_dim : c->head_dim;
    for (int32_t part = 0; weight != NULL && part < (all ? 1 : heads); part++) {
        engine->kernels->norm_floats(x + part * size, weight, size, (float)c->norm_eps);
    }
}

void hs_add_normed(const struct hs_engine *engine, float *y, const float *weight, int64_t rows, float *x) {
    const int64_t hidden = engine->config->hidden;
    for (int64_t row = 0; row < rows; row++) {
        engine->kernels->norm_floats(y + row * hidden, weight, hidden, (float)engine->config->norm_eps);
        engine->kernels->add(x + row * hidden, y + row * hidden, hidden);
    }
}
