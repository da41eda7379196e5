/* Every kernel table that this machine can run against the plain twin, over sizes with and without tails.
 * Bounds are relative errors of f32 arithmetic against the twin's f64 sums. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/cpu/kernels.h"

static struct hs_random random_state;

static float draw(void) { return (float)((double)(hs_random_next(&random_state) >> 11) * 0x1p-53 * 4 - 2); }

static float *draw_array(size_t n) {
    float *array = hs_alloc_aligned(n, sizeof *array);
    assert_non_null(array);
    for (size_t i = 0; i < n; i++) {
        array[i] = draw();
    }
    return array;
}

static void assert_close(const char *table, const char *what, const float *got, const float *want, size_t n,
                         double bound) {
    for (size_t i = 0; i < n; i++) {
        double error = fabs((double)got[i] - want[i]) / fmax(1, fabs((double)want[i]));
        if (!(error <= bound)) {
            fail_msg("%s %s [%zu]: %.9g, the twin has %.9g", table, what, i, got[i], want[i]);
        }
    }
}

static void check_rows(const struct hs_kernels *k, int64_t n) {
    size_t count = (size_t)n;
    float *x = draw_array(count), *w = draw_array(count), *got = draw_array(count), *want = draw_array(count);
    k->rms_norm(x, w, n, 1e-5f, got);
    hs_kernels_plain.rms_norm(x, w, n, 1e-5f, want);
    assert_close(k->name, "rms_norm", got, want, count, 2e-6);
    memcpy(got, w, count * sizeof *w);
    memcpy(want, w, count * sizeof *w);
    k->add(got, x, n);
    hs_kernels_plain.add(want, x, n);
    assert_close(k->name, "add", got, want, count, 0);
    for (size_t i = 0; i < count; i++) {
        x[i] *= 20;
    }
    k->swiglu(x, w, n, got);
    hs_kernels_plain.swiglu(x, w, n, want);
    assert_close(k->name, "swiglu", got, want, count, 1e-6);
    float shift = hs_kernels_plain.largest(x, n);
    assert_true(k->largest(x, n) == shift);
    float sum = k->exp_sum(x, n, shift), twin = hs_kernels_plain.exp_sum(x, n, shift);
    assert_close(k->name, "exp_sum", &sum, &twin, 1, 1e-6);
    x[n / 2] = NAN;
    assert_true(isnan(k->largest(x, n)));
    hs_free(x);
    hs_free(w);
    hs_free(got);
    hs_free(want);
}

static void check_rotate(const struct hs_kernels *k, int32_t half) {
    size_t n = (size_t)half;
    float *v = draw_array(2 * n), *cosine = draw_array(n), *sine = draw_array(n), *want = draw_array(2 * n);
    memcpy(want, v, 2 * n * sizeof *v);
    k->rotate(v, cosine, sine, half, 0.125f);
    hs_kernels_plain.rotate(want, cosine, sine, half, 0.125f);
    assert_close(k->name, "rotate", v, want, 2 * n, 1e-6);
    hs_free(v);
    hs_free(cosine);
    hs_free(sine);
    hs_free(want);
}

/* NaN stands in every key and value that the tile's rows must not see. */
static void check_attend(const struct hs_kernels *k, int32_t dim, int32_t rows, int64_t position) {
    int64_t seen = position + rows, slots = (seen + HS_KEY_BLOCK - 1) / HS_KEY_BLOCK * HS_KEY_BLOCK;
    size_t d = (size_t)dim, r = (size_t)rows;
    float *q = draw_array(r * 2 * d), *keys = draw_array((size_t)slots * d), *values = draw_array((size_t)slots * d);
    float *got = draw_array(r * 3 * d), *want = draw_array(r * 3 * d);
    memcpy(want, got, r * 3 * d * sizeof *got);
    for (size_t i = 0; i < r * 2 * d; i++) {
        q[i] /= sqrtf((float)dim);
    } /* as the engine scales queries */
    for (int64_t key = seen; key < slots; key++) {
        for (int32_t i = 0; i < dim; i++) {
            keys[key / HS_KEY_BLOCK * HS_KEY_BLOCK * dim + i * HS_KEY_BLOCK + key % HS_KEY_BLOCK] = NAN;
            values[key * dim + i] = NAN;
        }
    }
    struct hs_tile tile = {.q = q,
                           .q_stride = 2 * dim,
                           .rows = rows,
                           .position = position,
                           .keys = keys,
                           .values = values,
                           .head_dim = dim,
                           .out = got,
                           .out_stride = 3 * dim};
    k->attend(&tile);
    tile.out = want;
    hs_kernels_plain.attend(&tile);
    assert_close(k->name, "attend", got, want, r * 3 * d, 3e-6); /* also that nothing else was written */
    for (int32_t row = 0; row < rows; row++) {
        int64_t n = position + row + 1;
        assert_int_equal(k->best_key(q + row * 2 * dim, keys, dim, n),
                         hs_kernels_plain.best_key(q + row * 2 * dim, keys, dim, n));
    }
    hs_free(q);
    hs_free(keys);
    hs_free(values);
    hs_free(got);
    hs_free(want);
}

static void each_table_equals_its_twin(void **state) {
    (void)state;
    const struct hs_kernels *tables[5];
    hs_kernels_available(tables);
    hs_random_seed(&random_state, 1);
    for (int t = 0; tables[t] != NULL; t++) {
        printf("kernels: %s\n", tables[t]->name);
        static const int64_t sizes[] = {1, 3, 4, 7, 8, 15, 16, 17, 31, 48, 64, 129, 576, 4096};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            check_rows(tables[t], sizes[i]);
        }
        static const int32_t dims[] = {2, 8, 16, 24, 32, 64, 80, 96, 128, 256};
        for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
            check_rotate(tables[t], dims[i] / 2);
            static const int64_t positions[] = {0, 1, 5, 24, 31, 32, 100, 120, 127, 128, 129, 255, 500};
            for (size_t p = 0; p < sizeof positions / sizeof *positions; p++) {
                for (int32_t rows = 1; rows <= HS_TILE_ROWS; rows++) {
                    check_attend(tables[t], dims[i], rows, positions[p]);
                }
            }
        }
    }
}

static void ties_go_to_the_lowest_key(void **state) {
    (void)state;
    const struct hs_kernels *tables[5];
    hs_kernels_available(tables);
    float keys[HS_KEY_BLOCK * 8] = {0}, q[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    for (int i = 0; i < 8; i++) {
        keys[i * HS_KEY_BLOCK + 9] = keys[i * HS_KEY_BLOCK + 21] = 1;
    }
    for (int t = 0; tables[t] != NULL; t++) {
        assert_int_equal(tables[t]->best_key(q, keys, 8, 32), 9);
        assert_int_equal(tables[t]->best_key(q, keys, 8, 9), 0);
    }
}

static void exponentials_do_not_overflow_or_leak(void **state) {
    (void)state;
    const struct hs_kernels *tables[5];
    hs_kernels_available(tables);
    static const float x[] = {-INFINITY, -1000, -200, -90, 0, -INFINITY, -88, -700, -1e30f};
    for (int t = 0; tables[t] != NULL; t++) {
        assert_true(fabsf(tables[t]->exp_sum(x, 9, 0) - 1) < 1e-6f);
        assert_true(tables[t]->exp_sum(x, 2, 0) == 0);
        float gate[] = {-500, 500, -88, 88, 0, -1e30f, 1e30f, 1, -1}, up[] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, out[9];
        tables[t]->swiglu(gate, up, 9, out);
        assert_true(out[0] == 0 && out[1] == 500 && out[3] == 88 && out[4] == 0 && out[6] == 1e30f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_table_equals_its_twin),
        cmocka_unit_test(ties_go_to_the_lowest_key),
        cmocka_unit_test(exponentials_do_not_overflow_or_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
