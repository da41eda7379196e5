/* Draws of random heads: without putting back within a draw, each draw anew from all the others.
 * One stream of random numbers for all draws. */
#include "probe/draws.h"

#include "base/memory.h"
#include "base/random.h"

static bool is_chosen(const headsift_head *heads, size_t n_heads, headsift_head head) {
    for (size_t i = 0; i < n_heads; i++) {
        if (heads[i].layer == head.layer && heads[i].head == head.head) {
            return true;
        }
    }
    return false;
}

static size_t list_others(int32_t n_layer, int32_t n_head, const headsift_head *chosen, size_t n_chosen,
                          headsift_head *others) {
    size_t n = 0;
    for (int32_t layer = 0; layer < n_layer; layer++) {
        for (int32_t i = 0; i < n_head; i++) {
            headsift_head head = {.layer = layer, .head = i};
            if (!is_chosen(chosen, n_chosen, head)) {
                others[n++] = head;
            }
        }
    }
    return n;
}

/* The first `count` of a partial shuffle. */
static void draw(headsift_head *others, size_t n_others, size_t count, struct hs_random *random, headsift_head *out) {
    for (size_t i = 0; i < count; i++) {
        size_t j = i + hs_random_below(random, n_others - i);
        out[i] = others[j];
        others[j] = others[i];
        others[i] = out[i];
    }
}

headsift_status hs_draw_heads(int32_t n_layer, int32_t n_head, const headsift_head *chosen, size_t n_chosen,
                              uint64_t seed, size_t n_draws, struct hs_draws *out, headsift_error *error) {
    size_t total = (size_t)n_layer * (size_t)n_head, count = n_chosen < total - n_chosen ? n_chosen : total - n_chosen;
    headsift_head *others = hs_alloc(total, sizeof *others);
    *out = (struct hs_draws){.heads = hs_alloc(n_draws * count, sizeof *out->heads), .count = count};
    if (others == NULL || out->heads == NULL) {
        hs_free(others);
        hs_free(out->heads);
        out->heads = NULL;
        return hs_fail_memory(error, "random heads", (total + n_draws * count) * sizeof *others);
    }
    struct hs_random random;
    hs_random_seed(&random, seed);
    size_t n_others = list_others(n_layer, n_head, chosen, n_chosen, others);
    for (size_t i = 0; i < n_draws; i++) {
        draw(others, n_others, count, &random, out->heads + i * count);
    }
    hs_free(others);
    return HEADSIFT_OK;
}
