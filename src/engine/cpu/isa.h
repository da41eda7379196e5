/* Which set of instructions the engine may use: the machine's best, or the lower one that HEADSIFT_ISA names.
 * Kernels and oneDNN's products both keep to it. Asked when an engine is opened. */
#ifndef HS_ENGINE_CPU_ISA_H
#define HS_ENGINE_CPU_ISA_H

#include "base/error.h"

/** From the least to the most; a machine has some of them, and with each the lower ones. */
enum hs_isa {
    HS_ISA_PLAIN, /**< the twins alone */
    HS_ISA_BASE,  /**< what any x86-64 has, or any ARM64 (NEON) */
    HS_ISA_AVX2,
    HS_ISA_AVX512,
    HS_ISA_AVX512_BF16,
    HS_ISA_NEON_BF16,
};

/** The best that this machine has. */
enum hs_isa hs_isa_of_machine(void);
const char *hs_isa_name(enum hs_isa isa);
/** The most that may be used. HEADSIFT_ISA is read in any case of letters; unset or empty: all that the machine has.
 *  @return HEADSIFT_USAGE: an unknown name, or a set that this machine lacks; the message names those that it has. */
headsift_status hs_isa_choose(enum hs_isa *out, headsift_error *error);
static inline bool hs_isa_has_bf16(enum hs_isa isa) { return isa == HS_ISA_AVX512_BF16 || isa == HS_ISA_NEON_BF16; }

/* isa_products.c */
/** Keeps oneDNN below what HEADSIFT_ISA names, in this process and from now on; does nothing where it is unset.
 *  @return HEADSIFT_USAGE: as hs_isa_choose, or oneDNN has already been used with more. */
headsift_status hs_isa_limit_products(headsift_error *error);
/** @return HEADSIFT_USAGE: `isa`, or the oneDNN of this machine, has no products of bf16. */
headsift_status hs_isa_check_bf16(enum hs_isa isa, headsift_error *error);
/** @return HEADSIFT_USAGE: `isa`, or this machine, has no products of s8 and bf16 (AVX-512 VNNI, BF16 and VBMI2). */
headsift_status hs_isa_check_int8(enum hs_isa isa, headsift_error *error);

#endif
