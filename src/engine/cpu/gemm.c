/* oneDNN's matmul over packed weights, f32 or bf16. A shape's primitives are made once for each padded row count and
 * shared by all matrices of that shape; all of them use the weight layout chosen for the largest row count. */
#include "engine/cpu/gemm.h"

#include <string.h>

#include <dnnl.h>

#include "base/memory.h"

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t layout;
typedef const_dnnl_memory_desc_t layout_view;
#else
typedef dnnl_memory_desc_t *layout;
typedef const dnnl_memory_desc_t *layout_view;
#endif

struct product {
    dnnl_primitive_t primitive;
    dnnl_memory_t source, target; /* their data pointers are set for each run */
};

struct shape {
    int64_t outputs, inputs;
    enum hs_element element;
    layout weights;           /* packed */
    struct product *products; /* by padded rows / HS_GEMM_ROW_STEP; [0] is one row */
};

struct hs_gemm {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    int64_t max_rows;
    struct shape **shapes;
    size_t n_shapes, capacity;
    size_t packed_bytes;
};

struct hs_gemm_matrix {
    struct hs_gemm *gemm;
    struct shape *shape;
    dnnl_memory_t memory;
    void *data;
    size_t bytes;
};

static headsift_status check(dnnl_status_t status, const char *what, headsift_error *error) {
    if (status == dnnl_success) {
        return HEADSIFT_OK;
    }
    if (status == dnnl_out_of_memory) {
        return hs_fail(error, HEADSIFT_FAILED, "not enough memory for %s", what);
    }
    return hs_fail(error, HEADSIFT_FAILED, "oneDNN %d.%d: %s failed with status %d", DNNL_VERSION_MAJOR,
                   DNNL_VERSION_MINOR, what, (int)status);
}

/* ---- What differs between oneDNN 2 and 3 ------------------------------------------------------------------------ */

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

static dnnl_status_t matmul_create(dnnl_engine_t engine, layout x, layout w, layout y, dnnl_primitive_desc_t *out) {
    return dnnl_matmul_primitive_desc_create(out, engine, x, w, NULL, y, NULL);
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

static dnnl_status_t matmul_create(dnnl_engine_t engine, layout x, layout w, layout y, dnnl_primitive_desc_t *out) {
    dnnl_matmul_desc_t description;
    dnnl_status_t status = dnnl_matmul_desc_init(&description, x, w, NULL, y);
    return status != dnnl_success ? status : dnnl_primitive_desc_create(out, &description, NULL, engine, NULL);
}

#endif

static dnnl_data_type_t type_of(enum hs_element element) { return element == HS_F32 ? dnnl_f32 : dnnl_bf16; }

/* ---- Shapes and their primitives -------------------------------------------------------------------------------- */

static headsift_status matmul_desc(const struct hs_gemm *gemm, const struct shape *shape, int64_t rows, layout weights,
                                   dnnl_primitive_desc_t *out, headsift_error *error) {
    layout x = NULL, y = NULL;
    dnnl_status_t status = layout_create(rows, shape->inputs, type_of(shape->element), dnnl_ab, &x);
    if (status == dnnl_success) {
        status = layout_create(rows, shape->outputs, dnnl_f32, dnnl_ab, &y);
    }
    if (status == dnnl_success) {
        status = matmul_create(gemm->engine, x, weights, y, out);
    }
    layout_free(x);
    layout_free(y);
    return check(status, "describing a product", error);
}

#ifndef NDEBUG
/* A reference implementation would be right and thousands of times too slow. */
static headsift_status refuse_reference(dnnl_primitive_desc_t description, headsift_error *error) {
    const char *name = "";
    dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, (void *)&name);
    if (strstr(name, "ref") == NULL) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_FAILED, "oneDNN chose its reference implementation (%s) for a product", name);
}
#else
static headsift_status refuse_reference(dnnl_primitive_desc_t description, headsift_error *error) {
    (void)description;
    (void)error;
    return HEADSIFT_OK;
}
#endif

static headsift_status product_create(struct hs_gemm *gemm, struct shape *shape, int64_t rows, struct product *product,
                                      headsift_error *error) {
    dnnl_primitive_desc_t description = NULL;
    HS_TRY(matmul_desc(gemm, shape, rows, shape->weights, &description, error));
    headsift_status status = refuse_reference(description, error);
    if (status == HEADSIFT_OK) {
        status = check(dnnl_primitive_create(&product->primitive, description), "making a product", error);
    }
    layout_view x = dnnl_primitive_desc_query_md(description, dnnl_query_src_md, 0);
    layout_view y = dnnl_primitive_desc_query_md(description, dnnl_query_dst_md, 0);
    if (status == HEADSIFT_OK) {
        status = check(dnnl_memory_create(&product->source, x, gemm->engine, DNNL_MEMORY_NONE), "a view", error);
    }
    if (status == HEADSIFT_OK) {
        status = check(dnnl_memory_create(&product->target, y, gemm->engine, DNNL_MEMORY_NONE), "a view", error);
    }
    dnnl_primitive_desc_destroy(description);
    return status;
}

static size_t product_count(const struct hs_gemm *gemm) {
    return (size_t)(hs_gemm_padded(gemm->max_rows) / HS_GEMM_ROW_STEP) + 1;
}

static void shape_free(const struct hs_gemm *gemm, struct shape *shape) {
    if (shape == NULL) {
        return;
    }
    for (size_t i = 0; shape->products != NULL && i < product_count(gemm); i++) {
        struct product *product = &shape->products[i];
        if (product->primitive != NULL) {
            dnnl_primitive_destroy(product->primitive);
        }
        if (product->source != NULL) {
            dnnl_memory_destroy(product->source);
        }
        if (product->target != NULL) {
            dnnl_memory_destroy(product->target);
        }
    }
    hs_free(shape->products);
    layout_free(shape->weights);
    hs_free(shape);
}

/* Lets oneDNN choose the weight layout for the most rows. */
static headsift_status shape_choose_layout(struct hs_gemm *gemm, struct shape *shape, headsift_error *error) {
    layout any = NULL;
    dnnl_primitive_desc_t description = NULL;
    headsift_status status =
        check(layout_create(shape->inputs, shape->outputs, type_of(shape->element), dnnl_format_tag_any, &any),
              "a layout", error);
    if (status == HEADSIFT_OK) {
        status = matmul_desc(gemm, shape, hs_gemm_padded(gemm->max_rows), any, &description, error);
    }
    if (status == HEADSIFT_OK) {
        layout_view chosen = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
        status = check(layout_copy(chosen, &shape->weights), "a layout", error);
        dnnl_primitive_desc_destroy(description);
    }
    layout_free(any);
    return status;
}

static headsift_status shape_create(struct hs_gemm *gemm, int64_t outputs, int64_t inputs, enum hs_element element,
                                    struct shape **out, headsift_error *error) {
    struct shape *shape = hs_alloc(1, sizeof *shape);
    if (shape == NULL) {
        return hs_fail_memory(error, "a product's shape", sizeof *shape);
    }
    shape->outputs = outputs;
    shape->inputs = inputs;
    shape->element = element;
    shape->products = hs_alloc(product_count(gemm), sizeof *shape->products);
    headsift_status status = shape->products == NULL ? hs_fail_memory(error, "products", product_count(gemm))
                                                     : shape_choose_layout(gemm, shape, error);
    if (status != HEADSIFT_OK) {
        shape_free(gemm, shape);
        return status;
    }
    *out = shape;
    return HEADSIFT_OK;
}

static headsift_status shape_find(struct hs_gemm *gemm, int64_t outputs, int64_t inputs, enum hs_element element,
                                  struct shape **out, headsift_error *error) {
    for (size_t i = 0; i < gemm->n_shapes; i++) {
        *out = gemm->shapes[i];
        if ((*out)->outputs == outputs && (*out)->inputs == inputs && (*out)->element == element) {
            return HEADSIFT_OK;
        }
    }
    void *shapes = gemm->shapes;
    if (!hs_grow(&shapes, &gemm->capacity, gemm->n_shapes + 1, sizeof *gemm->shapes)) {
        return hs_fail_memory(error, "products", sizeof *gemm->shapes);
    }
    gemm->shapes = shapes;
    HS_TRY(shape_create(gemm, outputs, inputs, element, out, error));
    gemm->shapes[gemm->n_shapes++] = *out;
    return HEADSIFT_OK;
}

/* ---- The interface ---------------------------------------------------------------------------------------------- */

headsift_status hs_gemm_open(int64_t max_rows, struct hs_gemm **out, headsift_error *error) {
    HS_TRY(hs_isa_limit_products(error));
    struct hs_gemm *gemm = hs_alloc(1, sizeof *gemm);
    if (gemm == NULL) {
        return hs_fail_memory(error, "the products", sizeof *gemm);
    }
    gemm->max_rows = max_rows;
    headsift_status status = check(dnnl_engine_create(&gemm->engine, dnnl_cpu, 0), "its CPU engine", error);
    if (status == HEADSIFT_OK) {
        status = check(dnnl_stream_create(&gemm->stream, gemm->engine, dnnl_stream_default_flags), "its stream", error);
    }
    if (status != HEADSIFT_OK) {
        hs_gemm_close(gemm);
        return status;
    }
    *out = gemm;
    return HEADSIFT_OK;
}

void hs_gemm_close(struct hs_gemm *gemm) {
    if (gemm == NULL) {
        return;
    }
    for (size_t i = 0; i < gemm->n_shapes; i++) {
        shape_free(gemm, gemm->shapes[i]);
    }
    hs_free(gemm->shapes);
    if (gemm->stream != NULL) {
        dnnl_stream_destroy(gemm->stream);
    }
    if (gemm->engine != NULL) {
        dnnl_engine_destroy(gemm->engine);
    }
    hs_free(gemm);
}

/* Copies w, seen as (inputs, outputs) column-major, into the matrix's packed memory. */
static headsift_status reorder_into(struct hs_gemm *gemm, const float *w, struct hs_gemm_matrix *matrix,
                                    headsift_error *error) {
    layout plain = NULL;
    dnnl_memory_t from = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_status_t status = layout_create(matrix->shape->inputs, matrix->shape->outputs, dnnl_f32, dnnl_ba, &plain);
    void *data = (void *)(uintptr_t)w; /* oneDNN takes no pointer to const; a source is only read */
    if (status == dnnl_success) {
        status = dnnl_memory_create(&from, plain, gemm->engine, data);
    }
    if (status == dnnl_success) {
        status = dnnl_reorder_primitive_desc_create(&description, plain, gemm->engine, matrix->shape->weights,
                                                    gemm->engine, NULL);
    }
    if (status == dnnl_success) {
        status = dnnl_primitive_create(&reorder, description);
    }
    if (status == dnnl_success) {
        dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, matrix->memory}};
        status = dnnl_primitive_execute(reorder, gemm->stream, 2, arguments);
    }
    if (status == dnnl_success) {
        status = dnnl_stream_wait(gemm->stream);
    }
    if (reorder != NULL) {
        dnnl_primitive_destroy(reorder);
    }
    if (description != NULL) {
        dnnl_primitive_desc_destroy(description);
    }
    if (from != NULL) {
        dnnl_memory_destroy(from);
    }
    layout_free(plain);
    return check(status, "packing weights", error);
}

headsift_status hs_gemm_pack(struct hs_gemm *gemm, const float *w, int64_t outputs, int64_t inputs,
                             enum hs_element element, struct hs_gemm_matrix **out, headsift_error *error) {
    struct hs_gemm_matrix *matrix = hs_alloc(1, sizeof *matrix);
    if (matrix == NULL) {
        return hs_fail_memory(error, "a matrix", sizeof *matrix);
    }
    matrix->gemm = gemm;
    headsift_status status = shape_find(gemm, outputs, inputs, element, &matrix->shape, error);
    if (status == HEADSIFT_OK) {
        size_t bytes = dnnl_memory_desc_get_size(matrix->shape->weights);
        matrix->data = hs_alloc_aligned(bytes, 1);
        status = matrix->data == NULL
                     ? hs_fail_memory(error, "packed weights", bytes)
                     : check(dnnl_memory_create(&matrix->memory, matrix->shape->weights, gemm->engine, matrix->data),
                             "packed weights", error);
        matrix->bytes = matrix->data == NULL ? 0 : bytes;
        gemm->packed_bytes += matrix->bytes;
    }
    if (status == HEADSIFT_OK) {
        status = reorder_into(gemm, w, matrix, error);
    }
    if (status != HEADSIFT_OK) {
        hs_gemm_matrix_free(matrix);
        return status;
    }
    *out = matrix;
    return HEADSIFT_OK;
}

void hs_gemm_matrix_free(struct hs_gemm_matrix *matrix) {
    if (matrix == NULL) {
        return;
    }
    if (matrix->memory != NULL) {
        dnnl_memory_destroy(matrix->memory);
    }
    matrix->gemm->packed_bytes -= matrix->bytes;
    hs_free(matrix->data);
    hs_free(matrix);
}

headsift_status hs_gemm_run(struct hs_gemm *gemm, const struct hs_gemm_matrix *matrix, int64_t rows, const void *x,
                            float *y, headsift_error *error) {
    int64_t padded = hs_gemm_padded(rows);
    struct product *product = &matrix->shape->products[padded / HS_GEMM_ROW_STEP];
    if (product->target == NULL) {
        HS_TRY(product_create(gemm, matrix->shape, padded, product, error));
    }
    void *data = (void *)(uintptr_t)x; /* read only, as above */
    dnnl_status_t status = dnnl_memory_set_data_handle(product->source, data);
    if (status == dnnl_success) {
        status = dnnl_memory_set_data_handle(product->target, y);
    }
    if (status == dnnl_success) {
        dnnl_exec_arg_t arguments[] = {
            {DNNL_ARG_SRC, product->source}, {DNNL_ARG_WEIGHTS, matrix->memory}, {DNNL_ARG_DST, product->target}};
        status = dnnl_primitive_execute(product->primitive, gemm->stream, 3, arguments);
    }
    if (status == dnnl_success) {
        status = dnnl_stream_wait(gemm->stream);
    }
    return check(status, "a product", error);
}

size_t hs_gemm_packed_bytes(const struct hs_gemm *gemm) { return gemm->packed_bytes; }
