/* The kernels beside products of s8 against their plain twin, over sizes with and without tails.
 * The twin may sum in another order: whole numbers differ by one where a value is half way. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/cpu/isa.h"
#include "engine/cpu/kernels.h"
#include "engine/cpu/kernels_s8.h"

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

static const struct hs_s8_kernels *table(void) {
    headsift_error error = {0};
    if (hs_isa_check_int8(hs_isa_of_machine(), &error) != HEADSIFT_OK) {
        printf("skipped: %s\n", error.message);
        skip();
    }
    return hs_s8_best();
}

/* ---- Quantising ---- */

enum { MOST = 1100 };

/* Room for what quantise writes and may write. */
struct quantised {
    int8_t q[MOST + HS_S8_SLACK + 1];
    uint16_t outliers[MOST + HS_S8_SLACK + 1];
    float scale;
};

static void run(const struct hs_s8_kernels *k, const uint16_t *x, const struct hs_split *split, struct quantised *out) {
    memset(out, 77, sizeof *out);
    out->scale = k->quantise(x, split, out->outliers, out->q);
    assert_int_equal(out->q[split->n - split->n_taken + HS_S8_SLACK], 77);
    assert_int_equal(out->outliers[split->n_taken + HS_S8_SLACK], 77 * 257);
}

static void compare(const struct hs_s8_kernels *k, const uint16_t *x, const struct hs_split *split) {
    static struct quantised got, want;
    run(k, x, split, &got);
    run(&hs_s8_plain, x, split, &want);
    assert_int_equal(isnan(got.scale), isnan(want.scale));
    if (isnan(want.scale)) {
        return;
    }
    if (split->block == 1) {
        assert_true(got.scale == want.scale);
    } else {
        assert_true(fabsf(got.scale - want.scale) <= 1e-6f * want.scale);
    }
    for (int64_t i = 0; i < split->n - split->n_taken; i++) {
        assert_in_range(got.q[i] - want.q[i] + 1, split->block == 1, split->block == 1 ? 1 : 2);
    }
    for (int32_t i = 0; i < split->n_taken; i++) {
        float a = hs_from_bf16(got.outliers[i]), b = hs_from_bf16(want.outliers[i]);
        assert_true((isnan(a) && isnan(b)) || a == b || fabsf(a - b) <= 8e-3f * fabsf(b) + 1e-30f);
    }
}

/* n columns of which every `every`-th (0: none) is taken, and the first is set. */
static void check_split(const struct hs_s8_kernels *k, int64_t n, int every, int32_t block, float first) {
    uint16_t x[MOST];
    uint32_t taken[MOST / 32 + 1] = {0};
    struct hs_split split = {.n = n, .taken = taken, .block = block};
    for (int64_t i = 0; i < n; i++) {
        bool apart = every > 0 && i % every == 0;
        x[i] = hs_to_bf16(i == 0 ? first : draw() * (apart ? 900 : 3));
        taken[i / 32] |= (uint32_t)apart << i % 32;
        split.n_taken += apart;
    }
    compare(k, x, &split);
}

static void quantising_equals_the_twin(void **state) {
    (void)state;
    const struct hs_s8_kernels *k = table();
    static const int64_t sizes[] = {1, 2, 15, 16, 17, 31, 32, 33, 100, 192, 576, 1025};
    static const float firsts[] = {900, 0, 1e-38f, INFINITY, NAN};
    hs_random_seed(&random_state, 1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t f = 0; f < sizeof firsts / sizeof *firsts; f++) {
            check_split(k, sizes[i], 0, 1, firsts[f]);
            check_split(k, sizes[i], 2, 1, firsts[f]);
            check_split(k, sizes[i], 9, 1, firsts[f]);
        }
    }
    for (size_t f = 0; f < sizeof firsts / sizeof *firsts; f++) {
        check_split(k, 512, 0, 64, firsts[f]);
        check_split(k, 512, 8, 64, firsts[f]); /* 448 are left */
        check_split(k, 192, 2, 32, firsts[f]);
        check_split(k, 72, 9, 64, firsts[f]);
        check_split(k, 33, 33, 32, firsts[f]);
    }
}

/* What it is for: scale * (outliers, q) is x again, to half a step and bf16. */
static void quantised_rows_stand_for_their_values(void **state) {
    (void)state;
    const struct hs_s8_kernels *tables[] = {&hs_s8_plain, table()};
    uint32_t taken[2] = {1U << 5, 1U << 31};
    const struct hs_split split = {.n = 64, .taken = taken, .n_taken = 2, .block = 1};
    uint16_t x[64];
    static struct quantised out;
    hs_random_seed(&random_state, 2);
    for (int t = 0; t < 2; t++) {
        for (int i = 0; i < 64; i++) {
            x[i] = hs_to_bf16(i == 5 || i == 63 ? 500.0f - (float)i : draw());
        }
        run(tables[t], x, &split, &out);
        assert_true(out.scale > 1.0f / 127 && out.scale <= 2.0f / 127);
        for (int i = 0, rest = 0; i < 64; i++) {
            float value = hs_from_bf16(x[i]);
            if (i == 5 || i == 63) {
                assert_true(fabsf(hs_from_bf16(out.outliers[i == 63]) * out.scale - value) <= 4e-3f * value);
            } else {
                assert_true(fabsf((float)out.q[rest++] * out.scale - value) <= 0.501f * out.scale);
            }
        }
    }
}

/* Element (i, j) of the matrix is -1 where i and j share an odd number of bits, else 1. */
static void a_transform_is_its_definition_and_undoes_itself(void **state) {
    (void)state;
    enum { N = 64 };
    float v[N], before[N];
    hs_random_seed(&random_state, 3);
    for (int i = 0; i < N; i++) {
        v[i] = before[i] = draw();
    }
    hs_hadamard(v, N);
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int k = 0; k < N; k++) {
            sum += __builtin_parity((unsigned)(i & k)) != 0 ? -before[k] : before[k];
        }
        assert_true(fabs(v[i] - sum / 8) <= 4e-6);
    }
    hs_hadamard(v, N);
    for (int i = 0; i < N; i++) {
        assert_true(fabsf(v[i] - before[i]) <= 4e-6f);
    }
}

/* ---- Scales ---- */

static void assert_near(const float *got, const float *want, size_t n) {
    for (size_t i = 0; i < n; i++) {
        assert_true(fabsf(got[i] - want[i]) <= 1e-6f * fmaxf(1, fabsf(want[i])));
    }
}

static void scaled_rows_equal_the_twin(void **state) {
    (void)state;
    const struct hs_s8_kernels *k = table();
    static const size_t sizes[] = {1, 15, 16, 17, 31, 32, 100, 576, 1024};
    hs_random_seed(&random_state, 4);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t n = sizes[s];
        float *y = draw_array(n), *columns = draw_array(n), *got = draw_array(n + 1), *want = draw_array(n + 1);
        got[n] = 77;
        k->scale(y, 0.37f, columns, (int64_t)n, got);
        hs_s8_plain.scale(y, 0.37f, columns, (int64_t)n, want);
        assert_near(got, want, n);
        k->add_scaled(y, -1.3f, columns, (int64_t)n, got);
        hs_s8_plain.add_scaled(y, -1.3f, columns, (int64_t)n, want);
        assert_near(got, want, n);
        assert_true(got[n] == 77);
        float *arrays[] = {y, columns, got, want};
        for (size_t i = 0; i < 4; i++) {
            hs_free(arrays[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantising_equals_the_twin),
        cmocka_unit_test(quantised_rows_stand_for_their_values),
        cmocka_unit_test(a_transform_is_its_definition_and_undoes_itself),
        cmocka_unit_test(scaled_rows_equal_the_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
