/* The twin of the bf16 kernels.
 * Its weights of attention are not rounded to bf16 as those of the fast kernels are: tests allow for that. */
#define ELEMENT uint16_t
#define PAIR 2
#define GET(element) hs_from_bf16(element)
#define PUT(value) hs_to_bf16(value)
#define HS_TABLE hs_kernels_plain_bf16
#define HS_TABLE_NAME "plain_bf16"
#define HS_TABLE_ELEMENT HS_BF16
#include "engine/cpu/kernels_plain.h"
