/* Memory of a long document on a model with a large vocabulary: never T x vocabulary, never T x T.
 * The model is written by the test: hidden 64, one layer, 152,000 ids; the document has 200,000 tokens. */
#include "support.h"
#include "written_llama.h"

#include <math.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/engine.h"

enum { VOCAB = 152000, LENGTH = 200000, NARROW_LENGTH = 3000 };

static const struct written_llama sizes = {1, 64, 16, 2, 1, VOCAB, 1};

static double peak_gib(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / (1 << 20);
}

static void losses(const struct hs_model *model, int32_t vocab_block, const int32_t *tokens, int64_t n, double *nll) {
    struct hs_engine_options options = {.vocab_block = vocab_block};
    struct hs_engine *engine = NULL;
    headsift_error error = {0};
    struct hs_mask unmasked = {0};
    int64_t offsets[] = {0, n};
    struct hs_batch batch = {.tokens = tokens, .offsets = offsets, .n_documents = 1};
    assert_int_equal(hs_engine_open(model, &options, &engine, &error), HEADSIFT_OK);
    if (hs_engine_nll(engine, &batch, &unmasked, 1, nll, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    hs_engine_close(engine);
}

static void a_long_document_needs_no_matrix_of_logits(void **state) {
    (void)state;
    char folder[512];
    test_scratch(folder, sizeof folder, "wide_vocabulary");
    written_llama(folder, &sizes);
    struct hs_model *model = NULL;
    headsift_error error = {0};
    if (hs_model_open(folder, NULL, &model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    int32_t *tokens = hs_alloc(LENGTH, sizeof *tokens);
    double *nll = hs_alloc(LENGTH, sizeof *nll), *narrow = hs_alloc(NARROW_LENGTH, sizeof *nll);
    struct hs_random random;
    hs_random_seed(&random, 6);
    for (int i = 0; i < LENGTH; i++) {
        tokens[i] = (int32_t)hs_random_below(&random, VOCAB);
    }
    losses(model, 0, tokens, LENGTH, nll);
    losses(model, 1000, tokens, NARROW_LENGTH, narrow); /* what stands behind changes nothing, nor does the block */
    for (int i = 1; i < NARROW_LENGTH; i++) {
        assert_true(fabs(nll[i] - narrow[i]) <= 1e-6 * narrow[i]);
    }
    printf("200,000 tokens, 152,000 ids: peak %.2f GiB\n", peak_gib());
    assert_true(peak_gib() < 1);
    hs_free(tokens);
    hs_free(nll);
    hs_free(narrow);
    hs_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_long_document_needs_no_matrix_of_logits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
