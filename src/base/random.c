/* xoshiro256** and splitmix64, from their public description; integers only, so the same everywhere.
 * Numbers below a bound by rejection. */
#include "base/random.h"

static uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

static uint64_t rotate(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

void hs_random_seed(struct hs_random *random, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9E3779B97F4A7C15);
        random->state[i] = mix(seed);
    }
}

uint64_t hs_random_next(struct hs_random *random) {
    uint64_t *s = random->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t hs_random_below(struct hs_random *random, uint64_t bound) {
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound, value;
    do {
        value = hs_random_next(random);
    } while (value >= limit);
    return value % bound;
}

uint64_t hs_random_at(uint64_t seed, uint64_t index) {
    return mix(mix(seed + UINT64_C(0x9E3779B97F4A7C15)) + index * UINT64_C(0x9E3779B97F4A7C15));
}
