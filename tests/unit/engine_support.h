/* An engine over a tiny model, random tokens, losses, and the properties that an engine of any type has.
 * Shared by test_engine.c and test_int8.c. */
#ifndef HS_TESTS_ENGINE_SUPPORT_H
#define HS_TESTS_ENGINE_SUPPORT_H

#include "support.h"

#include "engine/cpu/cpu.h"

enum { VOCAB = 128, N_LAYER = 3, N_HEAD = 4, LONGEST = 200 };

struct fixture {
    struct hs_model *model;
    struct hs_engine *engine;
};

/** Fails the test where it can't be opened. */
void open_folder(struct fixture *f, const char *path, struct hs_engine_options options);
/** The same for a tiny llama. */
void open_with(struct fixture *f, struct hs_engine_options options);
int close_fixture(void **state);
void draw_tokens(uint64_t seed, int32_t *tokens, int64_t n);

extern const struct hs_mask no_mask, some_mask;

/** Losses (n_masks, n) of one document alone. */
void lone(struct hs_engine *engine, const int32_t *tokens, int64_t n, const struct hs_mask *masks, int32_t n_masks,
          double *nll);
void assert_same(const double *a, const double *b, int64_t n, double relative);

/** Documents in packs of three orders have the losses that they have alone. */
void pack_in_any_order(struct hs_engine *engine);
void later_tokens_move_nothing(struct hs_engine *engine);
/** The last token, and one with others behind it, move the losses of both streams. */
void change_late(struct hs_engine *engine);

#endif
