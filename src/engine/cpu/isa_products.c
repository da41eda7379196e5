/* How oneDNN keeps to the instruction set that HEADSIFT_ISA names, and whether it has products of bf16 and s8.
 * oneDNN takes a limit for x86-64 alone, once in a process and before its first primitive. */
#include <stdlib.h>

#include <dnnl.h>

#include "engine/cpu/isa.h"

#if defined(__x86_64__)

static dnnl_cpu_isa_t limit_of(enum hs_isa isa) {
    switch (isa) {
    case HS_ISA_AVX2:
        return dnnl_cpu_isa_avx2;
    case HS_ISA_AVX512:
        return dnnl_cpu_isa_avx512_core;
    case HS_ISA_AVX512_BF16:
        return dnnl_cpu_isa_avx512_core_bf16; /* AMX is above it */
    default:
        return dnnl_cpu_isa_sse41; /* its least */
    }
}

headsift_status hs_isa_limit_products(headsift_error *error) {
    const char *wanted = getenv("HEADSIFT_ISA");
    enum hs_isa isa;
    HS_TRY(hs_isa_choose(&isa, error));
    if (wanted == NULL || wanted[0] == '\0') {
        return HEADSIFT_OK;
    }
    /* Each value has the bits of all that it includes. */
    unsigned limit = limit_of(isa);
    if (dnnl_set_max_cpu_isa(limit_of(isa)) == dnnl_success || ((unsigned)dnnl_get_effective_cpu_isa() & ~limit) == 0) {
        return HEADSIFT_OK;
    }
    return hs_fail(error, HEADSIFT_USAGE,
                   "HEADSIFT_ISA=%s: oneDNN is in use with more already, or takes no limit; set it before the process "
                   "starts, or unset it",
                   hs_isa_name(isa));
}

#else

headsift_status hs_isa_limit_products(headsift_error *error) {
    enum hs_isa isa;
    return hs_isa_choose(&isa, error);
}

#endif

headsift_status hs_isa_check_bf16(enum hs_isa isa, headsift_error *error) {
    if (!hs_isa_has_bf16(isa)) {
        bool limited = isa != hs_isa_of_machine();
        return hs_fail(error, HEADSIFT_USAGE,
                       "%s%s has no products of bf16 (AVX-512 BF16 or ARMv8.6 BF16): use --dtype f32",
                       limited ? "HEADSIFT_ISA=" : "this CPU", limited ? hs_isa_name(isa) : "");
    }
#if !defined(__x86_64__) && DNNL_VERSION_MAJOR < 3
    return hs_fail(error, HEADSIFT_USAGE, "oneDNN %d.%d has no products of bf16 for this CPU: use 3.x, or --dtype f32",
                   DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR);
#else
    return HEADSIFT_OK;
#endif
}

headsift_status hs_isa_check_int8(enum hs_isa isa, headsift_error *error) {
    const char *limited = isa != hs_isa_of_machine() ? hs_isa_name(isa) : NULL;
#if defined(__x86_64__)
    if (isa == HS_ISA_AVX512_BF16 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi2")) {
        return HEADSIFT_OK;
    }
#endif
    return hs_fail(error, HEADSIFT_USAGE,
                   "%s%s has no products of int8 beside bf16 (AVX-512 VNNI, BF16 and VBMI2): use --dtype f32",
                   limited != NULL ? "HEADSIFT_ISA=" : "this CPU", limited != NULL ? limited : "");
}
