/* A seeded generator whose numbers are the same on every machine: xoshiro256** seeded by splitmix64
 * (Blackman and Vigna, 2018). */
#ifndef HS_BASE_RANDOM_H
#define HS_BASE_RANDOM_H

#include <stdint.h>

struct hs_random {
    uint64_t state[4];
};

void hs_random_seed(struct hs_random *random, uint64_t seed);
uint64_t hs_random_next(struct hs_random *random);
/** Uniform in 0..bound-1 without bias; bound > 0. */
uint64_t hs_random_below(struct hs_random *random, uint64_t bound);
/** A hash of two numbers: a random number that belongs to (seed, index), whatever was drawn before. */
uint64_t hs_random_at(uint64_t seed, uint64_t index);

#endif
