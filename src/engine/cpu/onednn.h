/* What gemm.c needs of oneDNN where versions 2 and 3 differ: memory descriptors, matmul descriptors, the sum post-op.
 * In version 2 a layout is a struct that we allocate, in version 3 it is oneDNN's. */
#ifndef HS_ENGINE_CPU_ONEDNN_H
#define HS_ENGINE_CPU_ONEDNN_H

#include <dnnl.h>

#include "base/memory.h"

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t layout;
typedef const_dnnl_memory_desc_t layout_view;
#else
typedef dnnl_memory_desc_t *layout;
typedef const dnnl_memory_desc_t *layout_view;
#endif

#if DNNL_VERSION_MAJOR >= 3

static dnnl_status_t layout_create(int64_t rows, int64_t cols, dnnl_data_type_t type, dnnl_format_tag_t tag,
                                   layout *out) {
    dnnl_dims_t dims = {rows, cols};
    return dnnl_memory_desc_create_with_tag(out, 2, dims, type, tag);
}

static dnnl_status_t layout_copy(layout_view from, layout *out) { return dnnl_memory_desc_clone(out, from); }

static void layout_free(layout which) {
    if (which != NULL) {
        dnnl_memory_desc_destroy(which);
    }
}

static dnnl_status_t layout_of_rows(int64_t inputs, int64_t outputs, int64_t stride, layout *out) {
    dnnl_dims_t dims = {inputs, outputs}, strides = {1, stride};
    return dnnl_memory_desc_create_with_strides(out, 2, dims, dnnl_f32, strides);
}

static dnnl_status_t matmul_create(dnnl_engine_t engine, layout x, layout w, layout y, const_dnnl_primitive_attr_t how,
                                   dnnl_primitive_desc_t *out) {
    return dnnl_matmul_primitive_desc_create(out, engine, x, w, NULL, y, how);
}

static dnnl_status_t append_sum(dnnl_post_ops_t after) {
    return dnnl_post_ops_append_sum(after, 1, 0, dnnl_data_type_undef);
}

#else

static dnnl_status_t layout_create(int64_t rows, int64_t cols, dnnl_data_type_t type, dnnl_format_tag_t tag,
                                   layout *out) {
    dnnl_dims_t dims = {rows, cols};
    *out = hs_alloc(1, sizeof **out);
    return *out == NULL ? dnnl_out_of_memory : dnnl_memory_desc_init_by_tag(*out, 2, dims, type, tag);
}

static dnnl_status_t layout_copy(layout_view from, layout *out) {
    *out = hs_alloc(1, sizeof **out);
    if (*out == NULL) {
        return dnnl_out_of_memory;
    }
    **out = *from;
    return dnnl_success;
}

static void layout_free(layout which) { hs_free(which); }

static dnnl_status_t layout_of_rows(int64_t inputs, int64_t outputs, int64_t stride, layout *out) {
    dnnl_dims_t dims = {inputs, outputs}, strides = {1, stride};
    *out = hs_alloc(1, sizeof **out);
    return *out == NULL ? dnnl_out_of_memory : dnnl_memory_desc_init_by_strides(*out, 2, dims, dnnl_f32, strides);
}

static dnnl_status_t matmul_create(dnnl_engine_t engine, layout x, layout w, layout y, const_dnnl_primitive_attr_t how,
                                   dnnl_primitive_desc_t *out) {
    dnnl_matmul_desc_t description;
    dnnl_status_t status = dnnl_matmul_desc_init(&description, x, w, NULL, y);
    return status != dnnl_success ? status : dnnl_primitive_desc_create(out, &description, how, engine, NULL);
}

static dnnl_status_t append_sum(dnnl_post_ops_t after) { return dnnl_post_ops_append_sum(after, 1); }

#endif

#endif
