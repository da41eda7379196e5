/* k-means and principal components: as scikit-learn has them from the same start, and small cases worked out by hand.
 * tests/data/compare/make_compare.py made the stored values. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "compare/clusters.h"

static headsift_error error;
static json_t *stored;
static struct hs_points points;

static int load(void **state) {
    (void)state;
    assert_int_equal(hs_json_load(HS_TEST_DATA "/compare/compare.json", 1 << 24, &stored, &error), HEADSIFT_OK);
    const json_t *rows = json_object_get(stored, "points");
    points.n = json_array_size(rows);
    points.width = json_array_size(json_array_get(rows, 0));
    float *values = hs_alloc(points.n * points.width, sizeof *values);
    for (size_t i = 0; i < points.n * points.width; i++) {
        values[i] = (float)json_number_value(json_array_get(json_array_get(rows, i / points.width), i % points.width));
    }
    points.values = values;
    return 0;
}

static int unload(void **state) {
    (void)state;
    hs_free((void *)(uintptr_t)points.values);
    json_decref(stored);
    return 0;
}

static void the_objective_is_scikit_learn_s_from_the_same_start(void **state) {
    (void)state;
    const json_t *start = json_object_get(stored, "start"), *labels = json_object_get(stored, "labels");
    size_t k = json_array_size(start);
    double *centres = hs_alloc(k * points.width, sizeof *centres);
    int32_t *assigned = hs_alloc(points.n, sizeof *assigned);
    for (size_t c = 0; c < k; c++) {
        for (size_t d = 0; d < points.width; d++) {
            size_t at = (size_t)json_integer_value(json_array_get(start, c));
            centres[c * points.width + d] = (double)points.values[at * points.width + d];
        }
    }
    struct hs_kmeans result;
    assert_int_equal(hs_kmeans_run(&points, k, centres, assigned, &result, &error), HEADSIFT_OK);
    double wanted = json_real_value(json_object_get(stored, "objective"));
    if (!(fabs(result.objective - wanted) <= 1e-6 * wanted)) {
        fail_msg("objective %.12g for %.12g", result.objective, wanted);
    }
    for (size_t i = 0; i < points.n; i++) {
        assert_int_equal(assigned[i], json_integer_value(json_array_get(labels, i)));
    }
    hs_free(centres);
    hs_free(assigned);
}

static void components_are_scikit_learn_s(void **state) {
    (void)state;
    double explained[HS_COMPONENTS], *places = hs_alloc(points.n * HS_COMPONENTS, sizeof *places);
    assert_int_equal(hs_principal(&points, places, explained, &error), HEADSIFT_OK);
    const json_t *shares = json_object_get(stored, "explained"), *rows = json_object_get(stored, "places");
    for (size_t c = 0; c < HS_COMPONENTS; c++) {
        double share = json_real_value(json_array_get(shares, c));
        if (!(fabs(explained[c] - share) < 1e-9)) {
            fail_msg("component %zu explains %.12g for %.12g", c, explained[c], share);
        }
        double first = json_real_value(json_array_get(json_array_get(rows, 0), c));
        double sign = places[c] * first > 0 ? 1 : -1;
        for (size_t i = 0; i < points.n; i++) {
            double wanted = json_real_value(json_array_get(json_array_get(rows, i), c));
            assert_true(fabs(sign * places[i * HS_COMPONENTS + c] - wanted) < 1e-6);
        }
    }
    hs_free(places);
}

/* Two groups of two, one far from the other and all far from zero. */
static const float square[] = {100, 0, 100, 1, 110, 0, 110, 1};
static const struct hs_points four = {square, 4, 2};

static void seeded_starts_are_points_and_the_same_again(void **state) {
    (void)state;
    double first[4], again[4], other[4];
    bool differs = false;
    assert_int_equal(hs_kmeans_start(&four, 2, 3, first, &error), HEADSIFT_OK);
    assert_int_equal(hs_kmeans_start(&four, 2, 3, again, &error), HEADSIFT_OK);
    assert_memory_equal(first, again, sizeof first);
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_int_equal(hs_kmeans_start(&four, 2, seed, other, &error), HEADSIFT_OK);
        differs = differs || memcmp(first, other, sizeof first) != 0;
        assert_true(other[0] != other[2] || other[1] != other[3]); /* a point at distance 0 is never drawn again */
    }
    assert_true(differs);
}

static void a_centre_without_points_takes_the_farthest_one(void **state) {
    (void)state;
    double centres[] = {100, 0.5, 500, 500};
    int32_t assigned[4];
    struct hs_kmeans result;
    assert_int_equal(hs_kmeans_run(&four, 2, centres, assigned, &result, &error), HEADSIFT_OK);
    assert_true(fabs(result.objective - 1) < 1e-12); /* four times a half squared */
    assert_int_equal(assigned[0], assigned[1]);
    assert_int_equal(assigned[2], assigned[3]);
    assert_int_not_equal(assigned[0], assigned[2]);
}

static void equal_points_have_no_components(void **state) {
    (void)state;
    static const float same[] = {1, 2, 1, 2, 1, 2};
    const struct hs_points three = {same, 3, 2};
    double places[6], explained[HS_COMPONENTS];
    assert_int_equal(hs_principal(&three, places, explained, &error), HEADSIFT_OK);
    assert_true(explained[0] == 0 && explained[1] == 0);
    for (int i = 0; i < 6; i++) {
        assert_true(fabs(places[i]) < 1e-12);
    }
}

static void balance_is_the_entropy_of_the_shares(void **state) {
    (void)state;
    static const int64_t equal[] = {5, 5, 5}, one[] = {0, 9, 0}, half[] = {1, 1, 0, 0};
    assert_true(fabs(hs_balance(equal, 3) - 1) < 1e-12);
    assert_true(fabs(hs_balance(one, 3)) < 1e-12);
    assert_true(fabs(hs_balance(half, 4) - 0.5) < 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_objective_is_scikit_learn_s_from_the_same_start),
        cmocka_unit_test(components_are_scikit_learn_s),
        cmocka_unit_test(seeded_starts_are_points_and_the_same_again),
        cmocka_unit_test(a_centre_without_points_takes_the_farthest_one),
        cmocka_unit_test(equal_points_have_no_components),
        cmocka_unit_test(balance_is_the_entropy_of_the_shares),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
