/* Llamas of random weights that a test writes into a folder, in the sizes that it wants.
 * For tests whose documents or vocabularies are too large for the small models in tests/data/goldens. */
#ifndef HS_TESTS_WRITTEN_LLAMA_H
#define HS_TESTS_WRITTEN_LLAMA_H

struct written_llama {
    int n_layer, hidden, ffn, n_head, n_kv_head, vocab;
    double largest; /**< weights are uniform in -largest .. largest */
};

/** Writes config.json and model.safetensors. Fails the test that runs where it can't. */
void written_llama(const char *folder, const struct written_llama *llama);

#endif
