/* HEADSIFT_ISA and oneDNN: its products keep to the limit, and bf16 and int8 are refused below it.
 * The cases stand in this order: oneDNN takes one limit a process. */
#define _GNU_SOURCE
#include "support.h"

#include <string.h>

#include <dnnl.h>

#include "engine/cpu/gemm.h"
#include "engine/cpu/isa.h"
#include "engine/engine.h"

static headsift_status open_products(const char *isa, headsift_error *error) {
    struct hs_gemm *gemm = NULL;
    setenv("HEADSIFT_ISA", isa, 1);
    headsift_status status = hs_gemm_open(16, 1, &gemm, error);
    hs_gemm_close(gemm);
    return status;
}

static void types_are_refused_below_their_sets(void **state) {
    (void)state;
    static const char *const lower[] = {"plain", "base"};
    for (size_t i = 0; i < sizeof lower / sizeof *lower; i++) {
        headsift_error error = {0};
        headsift_dtype dtype;
        setenv("HEADSIFT_ISA", lower[i], 1);
        assert_int_equal(hs_resolve_dtype(HEADSIFT_DTYPE_BF16, &dtype, &error), HEADSIFT_USAGE);
        assert_non_null(strstr(error.message, "no products of bf16"));
        assert_non_null(strstr(error.message, "--dtype f32"));
        assert_int_equal(hs_resolve_dtype(HEADSIFT_DTYPE_INT8, &dtype, &error), HEADSIFT_USAGE);
        assert_non_null(strstr(error.message, "no products of int8"));
        assert_non_null(strstr(error.message, lower[i]));
        assert_int_equal(hs_resolve_dtype(HEADSIFT_DTYPE_AUTO, &dtype, &error), HEADSIFT_OK);
        assert_int_equal(dtype, HEADSIFT_DTYPE_F32);
    }
    setenv("HEADSIFT_ISA", "", 1);
    headsift_dtype dtype;
    headsift_status status = hs_resolve_dtype(HEADSIFT_DTYPE_BF16, &dtype, NULL);
    assert_int_equal(status, hs_isa_check_bf16(hs_isa_of_machine(), NULL));
    assert_int_equal(hs_resolve_dtype(HEADSIFT_DTYPE_AUTO, &dtype, NULL), HEADSIFT_OK);
    assert_int_equal(dtype, status == HEADSIFT_OK ? HEADSIFT_DTYPE_BF16 : HEADSIFT_DTYPE_F32);
    status = hs_resolve_dtype(HEADSIFT_DTYPE_INT8, &dtype, NULL);
    assert_int_equal(status, hs_isa_check_int8(hs_isa_of_machine(), NULL));
}

static void unknown_sets_open_nothing(void **state) {
    (void)state;
    headsift_error error = {0};
    headsift_dtype dtype;
    assert_int_equal(open_products("avx9", &error), HEADSIFT_USAGE);
    assert_non_null(strstr(error.message, "HEADSIFT_ISA=avx9"));
    assert_int_equal(hs_resolve_dtype(HEADSIFT_DTYPE_AUTO, &dtype, &error), HEADSIFT_USAGE);
}

#if defined(__x86_64__)
static void products_keep_to_the_limit(void **state) {
    (void)state;
    bool avx2 = hs_isa_of_machine() >= HS_ISA_AVX2;
    const char *isa = avx2 ? "avx2" : "base";
    headsift_error error = {0};
    if (open_products(isa, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(dnnl_get_effective_cpu_isa(), avx2 ? dnnl_cpu_isa_avx2 : dnnl_cpu_isa_sse41);
    assert_int_equal(open_products(isa, &error), HEADSIFT_OK);                              /* again */
    assert_int_equal(open_products(hs_isa_name(hs_isa_of_machine()), &error), HEADSIFT_OK); /* more than is used */
    if (avx2) {
        assert_int_equal(open_products("base", &error), HEADSIFT_USAGE);
        assert_non_null(strstr(error.message, "in use with more"));
    }
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_refused_below_their_sets),
        cmocka_unit_test(unknown_sets_open_nothing),
#if defined(__x86_64__)
        cmocka_unit_test(products_keep_to_the_limit),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
