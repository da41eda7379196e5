/* A tile of attention chunk by chunk, and the key with the largest score: the same for every element type and set.
 * Included by files that define element, put_row(), score_rows() and attend_chunk(). */

/* Where the block of the first key that the first row sees begins. */
static int64_t first_block(const struct hs_tile *tile) {
    int64_t first = tile->window > 0 ? tile->position + 1 - tile->window : 0;
    return first > 0 ? first / HS_KEY_BLOCK * HS_KEY_BLOCK : 0;
}

static void attend(const struct hs_tile *tile) {
    _Alignas(64) float sums[STATE_ROWS * HS_MAX_HEAD_DIM];
    const int32_t dim = tile->head_dim;
    struct softmax state;
    softmax_start(&state, sums, tile);
    int64_t end = tile->position + tile->rows; /* keys that the last row sees */
    for (int64_t start = first_block(tile); start < end; start += CHUNK) {
        int64_t keys = end - start < CHUNK ? end - start : CHUNK;
        for (int32_t head = 0; head < tile->heads; head++) {
            attend_chunk(tile, head, start, keys, &state, sums);
        }
    }
    for (int32_t head = 0; head < tile->heads; head++) {
        for (int32_t r = 0; r < tile->rows; r++) {
            int32_t row = head * HS_TILE_ROWS + r;
            put_row(sums + (ptrdiff_t)row * dim, 1 / state.total[row], dim,
                    (element *)tile->out[head] + r * tile->out_stride);
        }
    }
}

static int64_t best_key(const void *query, const void *keys, int32_t head_dim, int64_t first, int64_t n) {
    const element *q = query;
    int64_t best = first;
    float most = -INFINITY;
    for (int64_t start = first / HS_KEY_BLOCK * HS_KEY_BLOCK; start < n; start += HS_KEY_BLOCK) {
        float scores[HS_KEY_BLOCK];
        score_rows(&q, 1, (const element *)keys + start * head_dim, head_dim, scores, HS_KEY_BLOCK);
        int64_t count = n - start < HS_KEY_BLOCK ? n - start : HS_KEY_BLOCK;
        for (int64_t key = first > start ? first - start : 0; key < count; key++) {
            if (scores[key] > most) {
                most = scores[key];
                best = start + key;
            }
        }
    }
    return best;
}
