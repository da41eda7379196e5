/* The twin of the f32 kernels.
 * Its element is its own value: GET and PUT do nothing. */
#define ELEMENT float
#define PAIR 1
#define GET(element) (element)
#define PUT(value) (value)
#define HS_TABLE hs_kernels_plain
#define HS_TABLE_NAME "plain"
#define HS_TABLE_ELEMENT HS_F32
#include "engine/cpu/kernels_plain.h"
