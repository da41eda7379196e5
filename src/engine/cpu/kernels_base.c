/* The vector kernels for the least that every x86-64 and ARM64 has (vectors of 4 floats).
 * Compiled with its own flags: see src/engine/CMakeLists.txt. */
#define HS_WIDTH 4
#define HS_TABLE hs_kernels_base
#if defined(__aarch64__)
#define HS_PASS_ROWS 2 /* of 32 registers */
#define HS_TABLE_NAME "neon"
#else
#define HS_PASS_ROWS 1
#define HS_TABLE_NAME "base"
#endif
#include "engine/cpu/kernels_vector.h"
