/* What kernels ask of the compiler: loops without a loop, and values that it may not leave out.
 * Included by kernel files alone. */
#ifndef HS_ENGINE_CPU_COMPILER_H
#define HS_ENGINE_CPU_COMPILER_H

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Keeps the compiler from leaving out or merging what makes a value. */
#if defined(__x86_64__)
#define HS_KEEP(value) __asm__ volatile("" : "+v"(value))
#else
#define HS_KEEP(value) __asm__ volatile("" : "+w"(value))
#endif

#endif
