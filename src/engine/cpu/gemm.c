/* oneDNN's matmul over packed weights, f32, bf16 or s8. A shape's primitives are made once for each padded row count
 * and shared by all matrices of that shape and by all threads; all of them use the weight layout chosen for the largest
 * row count. A primitive that is made inside a parallel region runs on one thread, so teams have primitives of their
 * own.
 */
#include "engine/cpu/gemm.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "engine/cpu/isa.h"
#include "engine/cpu/onednn.h"

/* One row count, set or add, of one thread or of a team. */
struct product {
    _Atomic(dnnl_primitive_t) primitive; /* NULL until it is first needed; the rest is valid once it is there */
    layout x, y;
    size_t scratch_bytes;
    layout scratch;
};

struct shape {
    int64_t outputs, inputs;
    enum hs_element element;
    layout weights;           /* packed */
    struct product *products; /* see product_of */
};

/* What a thread's running product needs. */
struct lane {
    dnnl_stream_t stream;
    void *scratch;
    size_t scratch_bytes;
};

struct hs_gemm {
    dnnl_engine_t engine;
    int64_t max_rows;
    struct lane *lanes;
    int n_lanes;
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

static dnnl_data_type_t type_of(enum hs_element element) {
    return element == HS_F32 ? dnnl_f32 : element == HS_BF16 ? dnnl_bf16 : dnnl_s8;
}

/* ---- Shapes and their primitives -------------------------------------------------------------------------------- */

/* Attributes of a product: scratch memory is the caller's; ADD sums into y. */
static dnnl_status_t attributes_create(enum hs_gemm_into into, dnnl_primitive_attr_t *out) {
    dnnl_post_ops_t after = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(out);
    if (status == dnnl_success) {
        status = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    }
    if (status == dnnl_success && into == HS_GEMM_ADD) {
        status = dnnl_post_ops_create(&after);
        if (status == dnnl_success) {
            status = append_sum(after);
        }
        if (status == dnnl_success) {
            status = dnnl_primitive_attr_set_post_ops(*out, after);
        }
    }
    if (after != NULL) {
        dnnl_post_ops_destroy(after);
    }
    return status;
}

static headsift_status matmul_desc(const struct hs_gemm *gemm, const struct shape *shape, int64_t rows, layout weights,
                                   enum hs_gemm_into into, dnnl_primitive_desc_t *out, headsift_error *error) {
    layout x = NULL, y = NULL;
    dnnl_primitive_attr_t how = NULL;
    dnnl_status_t status = layout_create(rows, shape->inputs, type_of(shape->element), dnnl_ab, &x);
    if (status == dnnl_success) {
        status = layout_create(rows, shape->outputs, dnnl_f32, dnnl_ab, &y);
    }
    if (status == dnnl_success) {
        status = attributes_create(into, &how);
    }
    if (status == dnnl_success) {
        status = matmul_create(gemm->engine, x, weights, y, how, out);
    }
    if (how != NULL) {
        dnnl_primitive_attr_destroy(how);
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

static headsift_status product_create(struct hs_gemm *gemm, struct shape *shape, int64_t rows, enum hs_gemm_into into,
                                      struct product *product, headsift_error *error) {
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    HS_TRY(matmul_desc(gemm, shape, rows, shape->weights, into, &description, error));
    headsift_status status = refuse_reference(description, error);
    dnnl_status_t made = dnnl_primitive_create(&primitive, description);
    layout *const kept[] = {&product->x, &product->y, &product->scratch};
    static const dnnl_query_t asked[] = {dnnl_query_src_md, dnnl_query_dst_md, dnnl_query_scratchpad_md};
    for (int i = 0; i < 3 && made == dnnl_success; i++) {
        made = layout_copy(dnnl_primitive_desc_query_md(description, asked[i], 0), kept[i]);
    }
    dnnl_primitive_desc_destroy(description);
    if (status == HEADSIFT_OK) {
        status = check(made, "making a product", error);
    }
    if (status == HEADSIFT_OK) {
        product->scratch_bytes = dnnl_memory_desc_get_size(product->scratch);
        atomic_store_explicit(&product->primitive, primitive, memory_order_release);
    } else if (primitive != NULL) {
        dnnl_primitive_destroy(primitive);
    }
    return status;
}

static size_t row_counts(const struct hs_gemm *gemm) {
    return (size_t)(hs_gemm_padded(gemm->max_rows) / HS_GEMM_ROW_STEP) + 1;
}

static size_t product_count(const struct hs_gemm *gemm) { return 4 * row_counts(gemm); }

/* By padded rows (one row is the first), set or add, one thread or a team. */
static struct product *product_of(const struct hs_gemm *gemm, const struct shape *shape, int64_t padded,
                                  enum hs_gemm_into into) {
    size_t kind = (into == HS_GEMM_ADD ? 2U : 0U) + (omp_in_parallel() ? 0U : 1U);
    return &shape->products[kind * row_counts(gemm) + (size_t)(padded / HS_GEMM_ROW_STEP)];
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
        layout_free(product->x);
        layout_free(product->y);
        layout_free(product->scratch);
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
        status = matmul_desc(gemm, shape, hs_gemm_padded(gemm->max_rows), any, HS_GEMM_SET, &description, error);
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

headsift_status hs_gemm_open(int64_t max_rows, int threads, struct hs_gemm **out, headsift_error *error) {
    HS_TRY(hs_isa_limit_products(error));
    struct hs_gemm *gemm = hs_alloc(1, sizeof *gemm);
    if (gemm == NULL) {
        return hs_fail_memory(error, "the products", sizeof *gemm);
    }
    gemm->max_rows = max_rows;
    gemm->n_lanes = threads;
    gemm->lanes = hs_alloc((size_t)threads, sizeof *gemm->lanes);
    headsift_status status = gemm->lanes == NULL
                                 ? hs_fail_memory(error, "the products", (size_t)threads * sizeof *gemm->lanes)
                                 : check(dnnl_engine_create(&gemm->engine, dnnl_cpu, 0), "its CPU engine", error);
    for (int i = 0; status == HEADSIFT_OK && i < threads; i++) {
        status = check(dnnl_stream_create(&gemm->lanes[i].stream, gemm->engine, dnnl_stream_default_flags),
                       "its stream", error);
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
    for (int i = 0; gemm->lanes != NULL && i < gemm->n_lanes; i++) {
        if (gemm->lanes[i].stream != NULL) {
            dnnl_stream_destroy(gemm->lanes[i].stream);
        }
        hs_free(gemm->lanes[i].scratch);
    }
    hs_free(gemm->lanes);
    if (gemm->engine != NULL) {
        dnnl_engine_destroy(gemm->engine);
    }
    hs_free(gemm);
}

static struct lane *lane_of(const struct hs_gemm *gemm) {
    return &gemm->lanes[omp_in_parallel() ? omp_get_thread_num() : 0];
}

/* Copies w, seen as (inputs, outputs) column-major, into the matrix's packed memory. */
static headsift_status reorder_into(struct hs_gemm *gemm, const float *w, int64_t stride, struct hs_gemm_matrix *matrix,
                                    headsift_error *error) {
    layout plain = NULL;
    dnnl_memory_t from = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t reorder = NULL;
    const struct lane *lane = lane_of(gemm);
    dnnl_status_t status = layout_of_rows(matrix->shape->inputs, matrix->shape->outputs, stride, &plain);
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
        status = dnnl_primitive_execute(reorder, lane->stream, 2, arguments);
    }
    if (status == dnnl_success) {
        status = dnnl_stream_wait(lane->stream);
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

headsift_status hs_gemm_pack(struct hs_gemm *gemm, const float *w, int64_t stride, int64_t outputs, int64_t inputs,
                             enum hs_element element, struct hs_gemm_matrix **out, headsift_error *error) {
    struct hs_gemm_matrix *matrix = hs_alloc(1, sizeof *matrix);
    if (matrix == NULL) {
        return hs_fail_memory(error, "a matrix", sizeof *matrix);
    }
    matrix->gemm = gemm;
    headsift_status status;
#pragma omp critical(hs_gemm_shapes)
    status = shape_find(gemm, outputs, inputs, element, &matrix->shape, error);
    if (status == HEADSIFT_OK) {
        size_t bytes = dnnl_memory_desc_get_size(matrix->shape->weights);
        matrix->data = hs_alloc_aligned(bytes, 1);
        status = matrix->data == NULL
                     ? hs_fail_memory(error, "packed weights", bytes)
                     : check(dnnl_memory_create(&matrix->memory, matrix->shape->weights, gemm->engine, matrix->data),
                             "packed weights", error);
        matrix->bytes = matrix->data == NULL ? 0 : bytes;
#pragma omp atomic
        gemm->packed_bytes += matrix->bytes;
    }
    if (status == HEADSIFT_OK) {
        status = reorder_into(gemm, w, stride, matrix, error);
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
#pragma omp atomic
    matrix->gemm->packed_bytes -= matrix->bytes;
    hs_free(matrix->data);
    hs_free(matrix);
}

int64_t hs_gemm_outputs(const struct hs_gemm_matrix *matrix) { return matrix->shape->outputs; }
int64_t hs_gemm_inputs(const struct hs_gemm_matrix *matrix) { return matrix->shape->inputs; }

/* The product, made if nobody has needed it yet. */
static headsift_status product_need(struct hs_gemm *gemm, struct shape *shape, int64_t padded, enum hs_gemm_into into,
                                    struct product *product, headsift_error *error) {
    headsift_status status = HEADSIFT_OK;
    if (atomic_load_explicit(&product->primitive, memory_order_acquire) == NULL) {
#pragma omp critical(hs_gemm_products)
        if (product->primitive == NULL) {
            const int threads = omp_get_max_threads();
            omp_set_num_threads(padded == 1 ? 1 : threads); /* waking a team costs more than a product of one row */
            status = product_create(gemm, shape, padded, into, product, error);
            omp_set_num_threads(threads);
        }
    }
    return status;
}

static headsift_status lane_need(struct lane *lane, size_t bytes, headsift_error *error) {
    if (bytes > lane->scratch_bytes) {
        hs_free(lane->scratch);
        lane->scratch = hs_alloc_aligned(bytes, 1);
        lane->scratch_bytes = lane->scratch == NULL ? 0 : bytes;
        if (lane->scratch == NULL) {
            return hs_fail_memory(error, "a product's scratch memory", bytes);
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_gemm_run(struct hs_gemm *gemm, const struct hs_gemm_matrix *matrix, int64_t rows, const void *x,
                            float *y, enum hs_gemm_into into, headsift_error *error) {
    int64_t padded = hs_gemm_padded(rows);
    struct product *product = product_of(gemm, matrix->shape, padded, into);
    struct lane *lane = lane_of(gemm);
    HS_TRY(product_need(gemm, matrix->shape, padded, into, product, error));
    HS_TRY(lane_need(lane, product->scratch_bytes, error));
    dnnl_memory_t source = NULL, target = NULL, scratch = NULL;
    void *data = (void *)(uintptr_t)x; /* read only, as above */
    dnnl_status_t status = dnnl_memory_create(&source, product->x, gemm->engine, data);
    if (status == dnnl_success) {
        status = dnnl_memory_create(&target, product->y, gemm->engine, y);
    }
    if (status == dnnl_success) {
        status = dnnl_memory_create(&scratch, product->scratch, gemm->engine, lane->scratch);
    }
    if (status == dnnl_success) {
        dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, source},
                                       {DNNL_ARG_WEIGHTS, matrix->memory},
                                       {DNNL_ARG_DST, target},
                                       {DNNL_ARG_SCRATCHPAD, scratch}};
        status = dnnl_primitive_execute(product->primitive, lane->stream, 4, arguments);
    }
    if (status == dnnl_success) {
        status = dnnl_stream_wait(lane->stream);
    }
    dnnl_memory_t views[] = {source, target, scratch};
    for (int i = 0; i < 3; i++) {
        if (views[i] != NULL) {
            dnnl_memory_destroy(views[i]);
        }
    }
    return check(status, "a product", error);
}

size_t hs_gemm_packed_bytes(const struct hs_gemm *gemm) { return gemm->packed_bytes; }

void hs_gemm_library(char *out, size_t size) {
    const dnnl_version_t *version = dnnl_version();
    snprintf(out, size, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
}
