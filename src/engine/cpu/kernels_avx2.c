/* The vector kernels for x86-64 with AVX2 and FMA (vectors of 8 floats).
 * Compiled with its own flags: see src/engine/CMakeLists.txt. */
#if defined(__x86_64__)
#define HS_WIDTH 8
#define HS_PASS_ROWS 3
#define HS_TABLE hs_kernels_avx2
#define HS_TABLE_NAME "avx2"
#include "engine/cpu/kernels_vector.h"
#else
typedef int hs_no_avx2; /* a translation unit must hold something */
#endif
