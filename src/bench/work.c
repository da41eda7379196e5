/* Documents of token ids for the bench: random ones of one length, and the cutting of any into batches.
 * The engine is asked about one batch at a time. */
#include <string.h>

#include "base/random.h"
#include "bench/bench.h"

headsift_status hs_bench_cut_batches(struct hs_bench_work *work, int64_t batch_tokens, headsift_error *error) {
    size_t room = (size_t)work->n_documents + 1;
    work->batches = hs_alloc(room, sizeof *work->batches);
    if (work->batches == NULL) {
        return hs_fail_memory(error, "batches", room * sizeof *work->batches);
    }
    work->n_batches = 0;
    for (int32_t d = 0; d < work->n_documents; d++) {
        int64_t start = work->offsets[work->batches[work->n_batches]];
        if (work->offsets[d + 1] - start >= batch_tokens || d + 1 == work->n_documents) {
            work->batches[++work->n_batches] = d + 1;
        }
    }
    return HEADSIFT_OK;
}

headsift_status hs_bench_random_work(const struct hs_config *config, int64_t length, int64_t batch_tokens,
                                     uint64_t seed, struct hs_bench_work *out, headsift_error *error) {
    struct hs_random random;
    int64_t documents = batch_tokens > length ? batch_tokens / length : 1;
    size_t n = (size_t)(documents * length), room = (size_t)documents + 1;
    *out = (struct hs_bench_work){.n_documents = (int32_t)documents};
    out->tokens = hs_alloc(n, sizeof *out->tokens);
    out->offsets = hs_alloc(room, sizeof *out->offsets);
    if (out->tokens == NULL || out->offsets == NULL) {
        hs_bench_work_free(out);
        return hs_fail_memory(error, "tokens", n * sizeof *out->tokens);
    }
    hs_random_seed(&random, seed);
    for (size_t i = 0; i < n; i++) {
        out->tokens[i] = (int32_t)hs_random_below(&random, (uint64_t)config->vocab);
    }
    for (int64_t d = 0; d <= documents; d++) {
        out->offsets[d] = d * length;
    }
    headsift_status status = hs_bench_cut_batches(out, documents * length, error);
    if (status != HEADSIFT_OK) {
        hs_bench_work_free(out);
    }
    return status;
}

void hs_bench_work_free(struct hs_bench_work *work) {
    hs_free(work->tokens);
    hs_free(work->offsets);
    hs_free(work->batches);
    *work = (struct hs_bench_work){0};
}
