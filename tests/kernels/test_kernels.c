/* Every kernel table that this machine can run against the plain twin, over sizes with and without tails.
 * Bounds are relative errors of f32 arithmetic against the twin's f64 sums.
 * usage: test_kernels [TABLES]      TABLES: what this machine must have, as in "avx2 base avx512_bf16" */
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

/* What the kernels of an element type may differ by from their twin, relative to values of about 1. */
static double bound_of(const struct hs_kernels *k, double in_f32) { return k->element == HS_F32 ? in_f32 : 8e-3; }

static const struct hs_kernels *twin_of(const struct hs_kernels *k) {
    return k->element == HS_F32 ? &hs_kernels_plain : &hs_kernels_plain_bf16;
}

static float element_at(const struct hs_kernels *k, const void *array, size_t i) {
    return k->element == HS_F32 ? ((const float *)array)[i] : hs_from_bf16(((const uint16_t *)array)[i]);
}

static void set_element(const struct hs_kernels *k, void *array, size_t i, float value) {
    if (k->element == HS_F32) {
        ((float *)array)[i] = value;
    } else {
        ((uint16_t *)array)[i] = hs_to_bf16(value);
    }
}

/* Elements drawn and scaled. */
static void *draw_elements(const struct hs_kernels *k, size_t n, float scale) {
    void *array = hs_alloc_aligned(n, hs_element_size(k->element));
    assert_non_null(array);
    for (size_t i = 0; i < n; i++) {
        set_element(k, array, i, draw() * scale);
    }
    return array;
}

static void assert_near(const char *table, const char *what, size_t at, double got, double want, double bound) {
    if (!(fabs(got - want) <= bound * fmax(1, fabs(want)))) {
        fail_msg("%s %s [%zu]: %.9g, the twin has %.9g", table, what, at, got, want);
    }
}

static void assert_close(const struct hs_kernels *k, const char *what, const void *got, const void *want, size_t n,
                         double bound) {
    for (size_t i = 0; i < n; i++) {
        assert_near(k->name, what, i, element_at(k, got, i), element_at(k, want, i), bound);
    }
}

static void assert_floats(const struct hs_kernels *k, const char *what, const float *got, const float *want, size_t n,
                          double bound) {
    for (size_t i = 0; i < n; i++) {
        assert_near(k->name, what, i, got[i], want[i], bound);
    }
}

static void check_rows(const struct hs_kernels *k, int64_t n) {
    const struct hs_kernels *twin = twin_of(k);
    size_t count = (size_t)n;
    float *x = draw_array(count), *w = draw_array(count), *sum = draw_array(count), *twin_sum = draw_array(count);
    void *got = draw_elements(k, count, 1), *want = draw_elements(k, count, 1);
    k->rms_norm(x, w, n, 1e-5f, got);
    twin->rms_norm(x, w, n, 1e-5f, want);
    assert_close(k, "rms_norm", got, want, count, bound_of(k, 2e-6));
    memcpy(sum, w, count * sizeof *w);
    memcpy(twin_sum, w, count * sizeof *w);
    k->add(sum, x, n);
    twin->add(twin_sum, x, n);
    assert_memory_equal(sum, twin_sum, count * sizeof *sum);
    k->round_row(x, n, got);
    twin->round_row(x, n, want);
    assert_memory_equal(got, want, count * hs_element_size(k->element));
    k->norm_floats(sum, w, n, 1e-5f);
    twin->norm_floats(twin_sum, w, n, 1e-5f);
    assert_floats(k, "norm_floats", sum, twin_sum, count, 2e-6);
    for (size_t i = 0; i < count; i++) {
        x[i] *= 20;
    }
    k->swiglu(x, w, n, got);
    twin->swiglu(x, w, n, want);
    assert_close(k, "swiglu", got, want, count, bound_of(k, 1e-6));
    k->geglu(x, w, n, got);
    twin->geglu(x, w, n, want);
    assert_close(k, "geglu", got, want, count, bound_of(k, 3e-6)); /* an f32 exponent of up to 50 */
    memcpy(sum, x, count * sizeof *x);
    memcpy(twin_sum, x, count * sizeof *x);
    k->soft_cap(sum, n, 30);
    twin->soft_cap(twin_sum, n, 30);
    assert_floats(k, "soft_cap", sum, twin_sum, count, 1e-6);
    float shift = twin->largest(x, n);
    assert_true(k->largest(x, n) == shift);
    assert_near(k->name, "exp_sum", 0, k->exp_sum(x, n, shift), twin->exp_sum(x, n, shift), 1e-6);
    x[n / 2] = NAN;
    assert_true(isnan(k->largest(x, n)));
    hs_free(x);
    hs_free(w);
    hs_free(sum);
    hs_free(twin_sum);
    hs_free(got);
    hs_free(want);
}

static void check_rotate(const struct hs_kernels *k, int32_t half) {
    size_t n = (size_t)half;
    float *v = draw_array(2 * n), *cosine = draw_array(n), *sine = draw_array(n);
    void *got = draw_elements(k, 2 * n, 1), *want = draw_elements(k, 2 * n, 1);
    k->rotate(v, cosine, sine, half, 0.125f, got);
    twin_of(k)->rotate(v, cosine, sine, half, 0.125f, want);
    assert_close(k, "rotate", got, want, 2 * n, bound_of(k, 1e-6));
    hs_free(v);
    hs_free(cosine);
    hs_free(sine);
    hs_free(got);
    hs_free(want);
}

/* Caches of so many positions, placed one by one, those at odd places first, as blocks of rows may come in any order;
 * what lies behind them is NaN, which no row may see. */
struct caches {
    void *keys, *values;
    int64_t slots;
};

static void *copy_elements(const struct hs_kernels *k, const void *from, size_t n) {
    void *copy = hs_alloc_aligned(n, hs_element_size(k->element));
    assert_non_null(copy);
    memcpy(copy, from, n * hs_element_size(k->element));
    return copy;
}

static struct caches fill_caches(const struct hs_kernels *k, int32_t dim, int64_t positions) {
    struct caches c = {.slots = (positions + HS_KEY_BLOCK - 1) / HS_KEY_BLOCK * HS_KEY_BLOCK};
    size_t n = (size_t)(c.slots * dim), bytes = n * hs_element_size(k->element);
    c.keys = draw_elements(k, n, NAN);
    c.values = draw_elements(k, n, NAN);
    void *twin_keys = copy_elements(k, c.keys, n), *twin_values = copy_elements(k, c.values, n);
    for (int64_t i = 0; i < positions; i++) {
        int64_t odd = positions / 2, position = i < odd ? 2 * i + 1 : 2 * (i - odd);
        void *key = draw_elements(k, (size_t)dim, 1);
        float *value = draw_array((size_t)dim);
        k->place_key(key, position, dim, c.keys);
        k->place_value(value, position, dim, position + 1 == positions, c.values);
        twin_of(k)->place_key(key, position, dim, twin_keys);
        twin_of(k)->place_value(value, position, dim, position + 1 == positions, twin_values);
        hs_free(key);
        hs_free(value);
    }
    assert_memory_equal(c.keys, twin_keys, bytes);
    assert_memory_equal(c.values, twin_values, bytes);
    hs_free(twin_keys);
    hs_free(twin_values);
    return c;
}

static void check_means(const struct hs_kernels *k, const struct caches *c, int32_t dim, int64_t positions,
                        int64_t window) {
    size_t n = (size_t)(positions * dim);
    void *got = draw_elements(k, n, 1), *want = draw_elements(k, n, 1);
    double sums[HS_MAX_HEAD_DIM] = {0}, twin_sums[HS_MAX_HEAD_DIM] = {0};
    int64_t half = positions / 2; /* in two steps, as blocks of rows come */
    k->running_mean(c->values, 0, half, dim, window, sums, got);
    k->running_mean(c->values, half, positions - half, dim, window, sums,
                    (char *)got + (size_t)(half * dim) * hs_element_size(k->element));
    twin_of(k)->running_mean(c->values, 0, positions, dim, window, twin_sums, want);
    assert_close(k, "running_mean", got, want, n, bound_of(k, 1e-6));
    hs_free(got);
    hs_free(want);
}

/* What a tile's attention is asked for. */
struct attention {
    int32_t dim, rows, heads;
    int64_t position, window;
    float cap;
};

static void check_best_keys(const struct hs_kernels *k, const struct attention *a, const struct caches *c,
                            const void *q) {
    size_t stride = (size_t)(2 * a->heads * a->dim) * hs_element_size(k->element);
    for (int32_t row = 0; k->element == HS_F32 && row < a->rows; row++) { /* bf16 scores tie within rounding */
        int64_t n = a->position + row + 1, first = a->window > 0 && n > a->window ? n - a->window : 0;
        const void *query = (const char *)q + (size_t)row * stride;
        int64_t best = k->best_key(query, c->keys, a->dim, first, n);
        assert_int_equal(best, twin_of(k)->best_key(query, c->keys, a->dim, first, n));
        assert_true(best >= first);
    }
}

static void check_attention(const struct hs_kernels *k, struct attention a) {
    struct caches c = fill_caches(k, a.dim, a.position + a.rows);
    size_t d = (size_t)a.dim, r = (size_t)a.rows, h = (size_t)a.heads, bytes = hs_element_size(k->element);
    float size = (a.cap > 0 ? 30 : 1) / sqrtf((float)a.dim); /* as the engine scales queries; so that the cap bites */
    void *q = draw_elements(k, r * 2 * h * d, size);
    void *got = draw_elements(k, r * 3 * h * d, 1), *want = draw_elements(k, r * 3 * h * d, 1);
    memcpy(want, got, r * 3 * h * d * bytes);
    struct hs_tile tile = {.q_stride = 2 * a.heads * a.dim,
                           .out_stride = 3 * a.heads * a.dim,
                           .heads = a.heads,
                           .rows = a.rows,
                           .position = a.position,
                           .window = a.window,
                           .cap = a.cap,
                           .keys = c.keys,
                           .values = c.values,
                           .head_dim = a.dim};
    struct hs_tile twin = tile;
    for (size_t i = 0; i < h; i++) {
        tile.q[i] = twin.q[i] = (char *)q + i * 2 * d * bytes;
        tile.out[i] = (char *)got + i * 3 * d * bytes;
        twin.out[i] = (char *)want + i * 3 * d * bytes;
    }
    k->attend(&tile);
    twin_of(k)->attend(&twin);
    double bound = bound_of(k, a.cap > 0 ? 3e-5 : 3e-6); /* capped scores are large, and so are their roundings */
    assert_close(k, "attend", got, want, r * 3 * h * d, bound); /* also that nothing else was written */
    check_best_keys(k, &a, &c, q);
    check_means(k, &c, a.dim, a.position + a.rows, a.window);
    hs_free(c.keys);
    hs_free(c.values);
    hs_free(q);
    hs_free(got);
    hs_free(want);
}

static void check_attend(const struct hs_kernels *k, int32_t dim, int32_t rows, int32_t heads, int64_t position) {
    check_attention(k, (struct attention){.dim = dim, .rows = rows, .heads = heads, .position = position});
}

/* Windows that begin inside a key block, at its edge, in a later chunk, and that hide nothing; with a cap and without.
 */
static void check_windows(const struct hs_kernels *k) {
    static const int64_t windows[] = {1, 3, 16, 32, 33, 128, 200, 5000},
                         positions[] = {0, 15, 31, 32, 127, 128, 300, 517};
    for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
        for (size_t p = 0; p < sizeof positions / sizeof *positions; p++) {
            struct attention a = {.dim = p % 2 == 0 ? 64 : 24,
                                  .rows = 1 + (int32_t)(w + p) % HS_TILE_ROWS,
                                  .heads = 1 + (int32_t)p % 3,
                                  .position = positions[p],
                                  .window = windows[w]};
            check_attention(k, a);
            a.cap = 20;
            check_attention(k, a);
            a.window = 0;
            check_attention(k, a);
        }
    }
}

static void check_table(const struct hs_kernels *k) {
    printf("kernels: %s against %s\n", k->name, twin_of(k)->name);
    fflush(stdout);
    hs_random_seed(&random_state, 1);
    static const int64_t sizes[] = {1, 3, 4, 7, 8, 15, 16, 17, 31, 48, 64, 129, 576, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check_rows(k, sizes[i]);
    }
    check_attend(k, 64, HS_TILE_ROWS, HS_TILE_HEADS, 77);
    check_windows(k);
    static const int32_t dims[] = {2, 8, 16, 24, 32, 64, 80, 96, 128, 256};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        check_rotate(k, dims[i] / 2);
        static const int64_t positions[] = {0, 1, 5, 24, 31, 32, 100, 120, 127, 128, 129, 255, 500};
        for (size_t p = 0; p < sizeof positions / sizeof *positions; p++) {
            for (int32_t rows = 1; rows <= HS_TILE_ROWS; rows++) {
                check_attend(k, dims[i], rows, 1 + (rows + (int32_t)p) % 3, positions[p]);
            }
        }
    }
}

static void each_table_equals_its_twin(void **state) {
    char ran[256] = "";
    size_t size = 0;
    for (int element = HS_F32; element <= HS_BF16; element++) {
        const struct hs_kernels *tables[HS_MOST_TABLES];
        hs_kernels_available((enum hs_element)element, hs_isa_of_machine(), tables);
        assert_non_null(tables[0]);
        int t = 0;
        for (; tables[t] != twin_of(tables[t]); t++) {
            check_table(tables[t]);
            size += (size_t)snprintf(ran + size, sizeof ran - size, "%s%s", size > 0 ? " " : "", tables[t]->name);
        }
        assert_true(tables[t + 1] == NULL);
    }
    const char *wanted = *state;
    if (wanted != NULL) {
        assert_string_equal(ran, wanted);
    }
}

static void bf16_rounds_to_nearest_even(void **state) {
    (void)state;
    static const struct {
        float value;
        uint16_t bits;
    } cases[] = {{1, 0x3F80},
                 {-2, 0xC000},
                 {0x1.01p0f, 0x3F80}, /* half way: to even */
                 {0x1.03p0f, 0x3F82},
                 {0x1.011p0f, 0x3F81},
                 {INFINITY, 0x7F80},
                 {3.39e38f, 0x7F7F},
                 {0x1.fffffep127f, 0x7F80},
                 {0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(hs_to_bf16(cases[i].value), cases[i].bits);
    }
    assert_true(isnan(hs_from_bf16(hs_to_bf16(NAN))));
}

static void ties_go_to_the_lowest_key(void **state) {
    (void)state;
    const struct hs_kernels *tables[HS_MOST_TABLES];
    hs_kernels_available(HS_F32, hs_isa_of_machine(), tables);
    float keys[HS_KEY_BLOCK * 8] = {0}, q[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    for (int i = 0; i < 8; i++) {
        keys[i * HS_KEY_BLOCK + 9] = keys[i * HS_KEY_BLOCK + 21] = 1;
    }
    for (int t = 0; tables[t] != NULL; t++) {
        assert_int_equal(tables[t]->best_key(q, keys, 8, 0, 32), 9);
        assert_int_equal(tables[t]->best_key(q, keys, 8, 0, 9), 0);
        assert_int_equal(tables[t]->best_key(q, keys, 8, 10, 32), 21);
        assert_int_equal(tables[t]->best_key(q, keys, 8, 22, 32), 22);
    }
}

static void exponentials_do_not_overflow_or_leak(void **state) {
    (void)state;
    const struct hs_kernels *tables[HS_MOST_TABLES];
    hs_kernels_available(HS_F32, hs_isa_of_machine(), tables);
    static const float x[] = {-INFINITY, -1000, -200, -90, 0, -INFINITY, -88, -700, -1e30f};
    for (int t = 0; tables[t] != NULL; t++) {
        assert_true(fabsf(tables[t]->exp_sum(x, 9, 0) - 1) < 1e-6f);
        assert_true(tables[t]->exp_sum(x, 2, 0) == 0);
        float gate[] = {-500, 500, -88, 88, 0, -1e30f, 1e30f, 1, -1}, up[] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, out[9];
        tables[t]->swiglu(gate, up, 9, out);
        assert_true(out[0] == 0 && out[1] == 500 && out[3] == 88 && out[4] == 0 && out[6] == 1e30f);
        tables[t]->geglu(gate, up, 9, out);
        assert_true(out[0] == 0 && out[1] == 500 && out[3] == 88 && out[4] == 0 && out[5] == 0 && out[6] == 1e30f);
        float capped[] = {-1e30f, 1e30f, INFINITY, 0, NAN, 5};
        tables[t]->soft_cap(capped, 6, 30);
        assert_true(capped[0] == -30 && capped[1] == 30 && capped[2] == 30 && capped[3] == 0 && isnan(capped[4]));
    }
}

/* Terms that are each lost in an f32 sum of about 1 are not lost together. */
static void small_exponentials_count(void **state) {
    (void)state;
    enum { N = 4096 };
    static float x[N];
    for (int i = 1; i < N; i++) {
        x[i] = -17;
    }
    for (int element = HS_F32; element <= HS_BF16; element++) {
        const struct hs_kernels *tables[HS_MOST_TABLES];
        hs_kernels_available((enum hs_element)element, hs_isa_of_machine(), tables);
        for (int t = 0; tables[t] != NULL; t++) {
            for (int large = 0; large < 64; large += 63) { /* where the large term stands */
                x[0] = x[63] = -17;
                x[large] = 0;
                assert_near(tables[t]->name, "exp_sum", 0, tables[t]->exp_sum(x, N, 0), 1 + (N - 1) * exp(-17), 1e-6);
            }
        }
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(each_table_equals_its_twin, argc > 1 ? argv[1] : NULL),
        cmocka_unit_test(bf16_rounds_to_nearest_even),
        cmocka_unit_test(ties_go_to_the_lowest_key),
        cmocka_unit_test(small_exponentials_count),
        cmocka_unit_test(exponentials_do_not_overflow_or_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
