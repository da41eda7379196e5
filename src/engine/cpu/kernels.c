/* Which kernel tables this machine can run.
 * Asked when an engine is opened. */
#include "engine/cpu/kernels.h"

#if defined(__x86_64__)

static bool has_avx512(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd");
}

static bool has_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}

bool hs_bf16_is_fast(void) { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }

#else

bool hs_bf16_is_fast(void) { return false; }

#endif

void hs_kernels_available(enum hs_element element, const struct hs_kernels **out) {
    int n = 0;
#if defined(__x86_64__)
    if (element == HS_BF16 && hs_bf16_is_fast()) {
        out[n++] = &hs_kernels_avx512_bf16;
    }
    if (element == HS_F32 && has_avx512()) {
        out[n++] = &hs_kernels_avx512;
    }
    if (element == HS_F32 && has_avx2()) {
        out[n++] = &hs_kernels_avx2;
    }
#endif
    if (element == HS_F32) {
        out[n++] = &hs_kernels_base;
    }
    out[n++] = element == HS_F32 ? &hs_kernels_plain : &hs_kernels_plain_bf16;
    out[n] = NULL;
}
