/* The bench's report as JSON: what print.c prints, under fixed names (docs/performance.md).
 * Rates are in GF/s and MB/s, shares 0..1. */
#include <string.h>

#include "bench/bench.h"

json_t *hs_bench_json_machine(const struct hs_bench_machine *machine) {
    const struct hs_config *c = machine->config;
    return json_pack("{s:{s:s, s:i, s:s, s:s, s:s}, s:{s:s%, s:i, s:i, s:i, s:I}, s:{s:f, s:f, s:I}, s:{s:f, s:f}}",
                     "machine", "cpu", machine->cpu, "threads", machine->threads, "dtype", machine->facts.dtype,
                     "kernels", machine->facts.kernels, "products", machine->facts.products, "model", "name", c->name,
                     strlen(c->name), "n_layer", c->n_layer, "n_head", c->n_head, "first_masked_layer",
                     machine->first_masked, "masked_heads", (json_int_t)machine->n_heads, "start", "open_seconds",
                     machine->open_seconds, "pack_seconds", machine->pack_seconds, "packed_bytes",
                     (json_int_t)machine->facts.packed_bytes, "peak", "registers", machine->peak.registers * 2e-9,
                     "products", machine->peak.products * 2e-9);
}

static json_t *stages(const struct hs_bench_result *result) {
    json_t *list = json_array();
    for (int i = 0; list != NULL && i < HS_STAGES; i++) {
        const struct hs_bench_stage_result *stage = &result->stages[i];
        if (json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:f}", "stage", hs_bench_stage_name(i),
                                                  "ms_a_1000_tokens", stage->milliseconds, "gflops", stage->gflops,
                                                  "share_of_peak", stage->share_of_peak)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *hs_bench_json_result(const struct hs_bench_result *result) {
    json_t *parts = stages(result);
    return parts == NULL
               ? NULL
               : json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "what", result->what,
                           "length", (json_int_t)result->length, "documents", (json_int_t)result->documents, "tokens",
                           (json_int_t)result->tokens, "multiply_adds_a_token", result->needed, "tokens_per_second",
                           result->tokens_per_second, "peak", result->peak, "gflops", result->gflops, "share_of_peak",
                           result->share_of_peak, "share_of_floor", result->share_of_floor, "rest_ms_a_1000_tokens",
                           result->rest_milliseconds, "stages", parts);
}

json_t *hs_bench_json_corpus(const struct hs_bench_corpus *corpus) {
    return json_pack("{s:I, s:I, s:i, s:I, s:f, s:f, s:f, s:f}", "documents", (json_int_t)corpus->documents, "bytes",
                     (json_int_t)corpus->bytes, "mix_documents", (int)corpus->mix.n_documents, "mix_tokens",
                     (json_int_t)corpus->tokens, "read_mb_per_second", corpus->read_mb, "tokenize_mb_per_second",
                     corpus->tokenize_mb, "tokenize_tokens_per_second", corpus->tokens_per_second, "rows_per_second",
                     corpus->rows_per_second);
}
