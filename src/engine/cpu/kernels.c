/* Which kernel tables this machine can run.
 * Asked once, when an engine is opened. */
#include "engine/cpu/kernels.h"

void hs_kernels_available(const struct hs_kernels **out) {
    int n = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd")) {
        out[n++] = &hs_kernels_avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
        out[n++] = &hs_kernels_avx2;
    }
#endif
    out[n++] = &hs_kernels_base;
    out[n++] = &hs_kernels_plain;
    out[n] = NULL;
}
