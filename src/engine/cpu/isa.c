/* What this machine's processor can do, and HEADSIFT_ISA, which may name less.
 * The machine's sets are in a table of names from the least to the most. */
#define _GNU_SOURCE
#include "engine/cpu/isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

static const struct {
    enum hs_isa isa;
    const char *name, *other;
} names[] = {
    {HS_ISA_PLAIN, "plain", NULL},
#if defined(__x86_64__)
    {HS_ISA_BASE, "base", NULL},     {HS_ISA_AVX2, "avx2", NULL},
    {HS_ISA_AVX512, "avx512", NULL}, {HS_ISA_AVX512_BF16, "avx512_bf16", NULL},
#elif defined(__aarch64__)
    {HS_ISA_BASE, "neon", "base"},
    {HS_ISA_NEON_BF16, "neon_bf16", NULL},
#else
    {HS_ISA_BASE, "base", NULL},
#endif
};
enum { NAMES = sizeof names / sizeof *names };

#if defined(__x86_64__)

enum hs_isa hs_isa_of_machine(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi2")) {
        return HS_ISA_BASE;
    }
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("avx512cd")) {
        return HS_ISA_AVX2;
    }
    return __builtin_cpu_supports("avx512bf16") ? HS_ISA_AVX512_BF16 : HS_ISA_AVX512;
}

#elif defined(__aarch64__)

enum hs_isa hs_isa_of_machine(void) { return getauxval(AT_HWCAP2) & HWCAP2_BF16 ? HS_ISA_NEON_BF16 : HS_ISA_BASE; }

#else

enum hs_isa hs_isa_of_machine(void) { return HS_ISA_BASE; }

#endif

const char *hs_isa_name(enum hs_isa isa) {
    size_t i = 0;
    while (i + 1 < NAMES && names[i].isa != isa) {
        i++;
    }
    return names[i].name;
}

headsift_status hs_isa_choose(enum hs_isa *out, headsift_error *error) {
    const char *wanted = getenv("HEADSIFT_ISA");
    *out = hs_isa_of_machine();
    if (wanted == NULL || wanted[0] == '\0') {
        return HEADSIFT_OK;
    }
    char has[128] = "";
    size_t size = 0;
    for (size_t i = 0; i < NAMES && names[i].isa <= *out; i++) {
        if (strcasecmp(wanted, names[i].name) == 0 ||
            (names[i].other != NULL && strcasecmp(wanted, names[i].other) == 0)) {
            *out = names[i].isa;
            return HEADSIFT_OK;
        }
        size += (size_t)snprintf(has + size, sizeof has - size, "%s%s", i == 0 ? "" : ", ", names[i].name);
    }
    return hs_fail(error, HEADSIFT_USAGE, "HEADSIFT_ISA=%.40s: this machine has %s; name one of them, or unset it",
                   wanted, has);
}
