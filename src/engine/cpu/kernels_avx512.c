/* The vector kernels for x86-64 with AVX-512 F, BW, CD, DQ and VL (vectors of 16 floats).
 * Compiled with its own flags: see src/engine/CMakeLists.txt. */
#if defined(__x86_64__)
#define HS_WIDTH 16
#define HS_PASS_ROWS 8
#define HS_TABLE hs_kernels_avx512
#define HS_TABLE_NAME "avx512"
#include "engine/cpu/kernels_vector.h"
#else
typedef int hs_no_avx512; /* a translation unit must hold something */
#endif
