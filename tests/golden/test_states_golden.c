/* Mean states of documents, mean outputs of heads and losses under a mask of means, against transformers in double
 * precision (tests/data/states/make_states.py). */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "engine/engine.h"

enum { DOCUMENTS = 3, HEADS = 3, MOST = 512, MOST_VALUES = 512 };

/* Documents of a golden, packed. */
struct pack {
    int32_t tokens[MOST];
    int64_t offsets[DOCUMENTS + 1];
    struct hs_batch batch;
};

static void read_pack(const json_t *lists, struct pack *out) {
    *out = (struct pack){.batch = {.tokens = out->tokens, .offsets = out->offsets, .n_documents = DOCUMENTS}};
    assert_int_equal(json_array_size(lists), DOCUMENTS);
    for (size_t d = 0; d < DOCUMENTS; d++) {
        const json_t *ids = json_array_get(lists, d);
        assert_in_range(out->offsets[d] + (int64_t)json_array_size(ids), 1, MOST);
        for (size_t i = 0; i < json_array_size(ids); i++) {
            out->tokens[out->offsets[d] + (int64_t)i] = (int32_t)json_integer_value(json_array_get(ids, i));
        }
        out->offsets[d + 1] = out->offsets[d] + (int64_t)json_array_size(ids);
    }
}

static void assert_ok(headsift_status status, const headsift_error *error) {
    if (status != HEADSIFT_OK) {
        fail_msg("%s", error->message);
    }
}

/* Rows of values; what is off is less than `bound` of the row's length. */
static void compare_rows(const char *name, const char *what, const float *got, const json_t *rows, double bound) {
    const size_t n = json_array_size(json_array_get(rows, 0));
    for (size_t r = 0; r < json_array_size(rows); r++) {
        double off = 0, length = 0;
        for (size_t i = 0; i < n; i++) {
            double want = json_real_value(json_array_get(json_array_get(rows, r), i));
            off += ((double)got[r * n + i] - want) * ((double)got[r * n + i] - want);
            length += want * want;
        }
        if (!(sqrt(off) <= bound * sqrt(length))) {
            fail_msg("%s, %s %zu: off by %g of its length", name, what, r, sqrt(off / length));
        }
    }
}

static void compare_losses(const char *name, const double *nll, const struct pack *pack, const json_t *lists,
                           double per_token, double on_mean) {
    double got = 0, wanted = 0, n = 0;
    for (int d = 0; d < DOCUMENTS; d++) {
        const json_t *list = json_array_get(lists, (size_t)d);
        assert_int_equal(json_array_size(list), pack->offsets[d + 1] - pack->offsets[d] - 1);
        for (size_t i = 0; i < json_array_size(list); i++) {
            double want = json_real_value(json_array_get(list, i)), have = nll[pack->offsets[d] + 1 + (int64_t)i];
            if (!(fabs(have - want) <= per_token)) {
                fail_msg("%s, document %d, token %zu: %.9f, the reference has %.9f", name, d, i + 1, have, want);
            }
            got += have;
            wanted += want;
            n++;
        }
    }
    if (!(fabs(got - wanted) <= on_mean * n)) {
        fail_msg("%s: the mean is off by %g", name, fabs(got - wanted) / n);
    }
}

/* What may be off: of a row's length, in a token's loss, in the mean loss. */
struct bounds {
    double rows, token, mean;
};

static struct bounds bounds_of(headsift_dtype dtype) {
    return dtype == HEADSIFT_DTYPE_F32    ? (struct bounds){1e-5, 2e-4, 1e-5}
           : dtype == HEADSIFT_DTYPE_BF16 ? (struct bounds){3e-2, 1, 3e-2}
                                          : (struct bounds){1e-1, 1, 1e-1};
}

static void compare_family(const char *name, const json_t *golden, const headsift_head *heads, headsift_dtype dtype) {
    const struct bounds bounds = bounds_of(dtype);
    char path[512];
    headsift_error error = {0};
    struct hs_model *model;
    struct hs_engine *engine;
    struct hs_engine_options options = {.threads = 2, .dtype = dtype, .block_rows = 16};
    snprintf(path, sizeof path, HS_TEST_DATA "/goldens/tiny/%s", name);
    assert_ok(hs_model_open(path, NULL, &model, &error), &error);
    assert_ok(hs_engine_open(model, &options, &engine, &error), &error);
    struct pack calibration, documents;
    float means[MOST_VALUES], states[MOST_VALUES];
    double nll[MOST];
    read_pack(json_object_get(golden, "calibration"), &calibration);
    read_pack(json_object_get(golden, "documents"), &documents);
    assert_in_range(HEADS * hs_model_config(model)->head_dim, 1, MOST_VALUES);
    assert_ok(hs_engine_mean_outputs(engine, &calibration.batch, heads, HEADS, means, &error), &error);
    compare_rows(name, "means of head", means, json_object_get(golden, "means"), bounds.rows);
    assert_ok(hs_engine_embed(engine, &documents.batch, states, &error), &error);
    compare_rows(name, "states of document", states, json_object_get(golden, "states"), bounds.rows);
    const struct hs_mask mask = {.kind = HEADSIFT_MASK_MEAN, .heads = heads, .n_heads = HEADS, .means = means};
    assert_ok(hs_engine_nll(engine, &documents.batch, &mask, 1, nll, &error), &error);
    compare_losses(name, nll, &documents, json_object_get(golden, "nll"), bounds.token, bounds.mean);
    hs_engine_close(engine);
    hs_model_close(model);
}

static void compare_all(headsift_dtype dtype) {
    json_t *goldens;
    headsift_error error = {0};
    if (hs_resolve_dtype(dtype, &dtype, NULL) != HEADSIFT_OK) {
        skip(); /* this machine has no such products */
    }
    assert_ok(hs_json_load(HS_TEST_DATA "/states/states.json", 1 << 20, &goldens, &error), &error);
    headsift_head heads[HEADS];
    for (size_t i = 0; i < HEADS; i++) {
        const json_t *pair = json_array_get(json_object_get(goldens, "heads"), i);
        heads[i].layer = (int32_t)json_integer_value(json_array_get(pair, 0));
        heads[i].head = (int32_t)json_integer_value(json_array_get(pair, 1));
    }
    const char *name;
    json_t *golden;
    json_object_foreach(json_object_get(goldens, "families"), name, golden) {
        compare_family(name, golden, heads, dtype);
    }
    json_decref(goldens);
}

static void families(void **state) {
    (void)state;
    compare_all(HEADSIFT_DTYPE_F32);
}

static void families_in_bf16(void **state) {
    (void)state;
    compare_all(HEADSIFT_DTYPE_BF16);
}

static void families_in_int8(void **state) {
    (void)state;
    compare_all(HEADSIFT_DTYPE_INT8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families),
        cmocka_unit_test(families_in_bf16),
        cmocka_unit_test(families_in_int8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
