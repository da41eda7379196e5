/* F32, F16 and BF16 as files hold them (little-endian, at any address) to f32.
 * Loops without branches, so that the compiler vectorises them. */
#include <string.h>

#include "model/internal.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "checkpoints are little-endian, and read as they are");

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void hs_f32_copy(const void *in, float *out, int64_t n) { memcpy(out, in, (size_t)n * sizeof *out); }

void hs_bf16_to_f32(const void *in, float *out, int64_t n) {
    const unsigned char *restrict bytes = in;
    float *restrict values = out;
    for (int64_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, sizeof half);
        values[i] = float_of((uint32_t)half << 16);
    }
}

void hs_f16_to_f32(const void *in, float *out, int64_t n) {
    const unsigned char *restrict bytes = in;
    float *restrict values = out;
    for (int64_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, sizeof half);
        uint32_t sign = (uint32_t)(half & 0x8000) << 16;
        uint32_t magnitude = half & 0x7fff;
        /* The exponent is rebiased by 112, once more for infinity and NaN; a denormal is counted in steps of 2^-24, the
         * distance between floats at 0.5. */
        uint32_t normal = (magnitude << 13) + (112U << 23) + (magnitude >= 0x7c00 ? 112U << 23 : 0U);
        uint32_t denormal = bits_of(float_of(0x3f000000U + magnitude) - 0.5F);
        uint32_t is_denormal = 0U - (uint32_t)(magnitude < 0x400); /* a mask: a choice would keep the loop scalar */
        values[i] = float_of((is_denormal & denormal) | (~is_denormal & normal) | sign);
    }
}
