/* The kernel tables that a machine can run.
 * Asked when an engine is opened. */
#include "engine/cpu/kernels.h"

/* Best first. */
static const struct {
    enum hs_isa isa;
    const struct hs_kernels *table;
} sets[] = {
#if defined(__x86_64__)
    {HS_ISA_AVX512_BF16, &hs_kernels_avx512_bf16},
    {HS_ISA_AVX512, &hs_kernels_avx512},
    {HS_ISA_AVX2, &hs_kernels_avx2},
#elif defined(__aarch64__)
    {HS_ISA_NEON_BF16, &hs_kernels_neon_bf16},
#endif
    {HS_ISA_BASE, &hs_kernels_base},
    {HS_ISA_PLAIN, &hs_kernels_plain},
    {HS_ISA_PLAIN, &hs_kernels_plain_bf16},
};

void hs_kernels_available(enum hs_element element, enum hs_isa most, const struct hs_kernels **out) {
    int n = 0;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (sets[i].isa <= most && sets[i].table->element == element) {
            out[n++] = sets[i].table;
        }
    }
    out[n] = NULL;
}
