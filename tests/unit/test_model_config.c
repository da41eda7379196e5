/* config.json: both forms of rotary positions, defaults, ends, and every refusal by its message.
 * Frequencies were computed apart from this code with 50 decimal digits. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "model/internal.h"

static const char BASE[] =
    "{\"model_type\": \"llama\", \"hidden_size\": 64, \"intermediate_size\": 96, \"num_hidden_layers\": 2,"
    "\"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"vocab_size\": 100, \"rms_norm_eps\": 1e-5,"
    "\"max_position_embeddings\": 512, \"hidden_act\": \"silu\", \"eos_token_id\": 2, \"rope_theta\": 5000.0}";

/* Reads BASE with the members of `change` put in; null takes one away. */
static headsift_status read_changed(const char *change, struct hs_hf_config *out, headsift_error *error) {
    json_t *root = json_loads(BASE, 0, NULL), *changes = json_loads(change, 0, NULL);
    const char *key;
    json_t *value;
    assert_non_null(changes);
    json_object_foreach(changes, key, value) { json_object_set(root, key, value); }
    *out = (struct hs_hf_config){0};
    headsift_status status = hs_hf_config_read(root, "c.json", out, error);
    json_decref(root);
    json_decref(changes);
    return status;
}

static void values_and_defaults(void **state) {
    (void)state;
    struct hs_hf_config read;
    headsift_error error = {0};
    assert_int_equal(read_changed("{}", &read, &error), HEADSIFT_OK);
    const struct hs_config *c = &read.config;
    assert_string_equal(c->family, "llama");
    assert_int_equal(c->n_layer, 2);
    assert_int_equal(c->n_head, 4);
    assert_int_equal(c->n_kv_head, 2);
    assert_int_equal(c->head_dim, 16);
    assert_int_equal(c->hidden, 64);
    assert_int_equal(c->ffn, 96);
    assert_int_equal(c->vocab, 100);
    assert_int_equal(c->context, 512);
    assert_true(c->norm_eps == 1e-5);
    assert_true(c->rope.base == 5000.0 && c->rope.kind == HS_ROPE_DEFAULT);
    assert_false(c->tied || read.attention_bias || read.mlp_bias);
    assert_int_equal(read_changed("{\"num_key_value_heads\": null, \"head_dim\": 24, \"rms_norm_eps\": null,"
                                  "\"rope_theta\": null, \"max_position_embeddings\": null, \"hidden_act\": null,"
                                  "\"tie_word_embeddings\": true, \"attention_bias\": true, \"mlp_bias\": true}",
                                  &read, &error),
                     HEADSIFT_OK);
    assert_int_equal(c->n_kv_head, 4);
    assert_int_equal(c->head_dim, 24);
    assert_true(c->norm_eps == 1e-6 && c->rope.base == 10000.0);
    assert_int_equal(c->context, 2048);
    assert_true(c->tied && read.attention_bias && read.mlp_bias);
}

static void ends(void **state) {
    (void)state;
    static const struct {
        const char *change;
        int32_t n, first, last;
    } cases[] = {
        {"{}", 1, 2, 2},
        {"{\"eos_token_id\": [7, 9, 7, 99]}", 3, 7, 99},
        {"{\"eos_token_id\": [100, -1, 5]}", 1, 5, 5}, /* no such tokens */
        {"{\"eos_token_id\": null}", 0, 0, 0},
        {"{\"eos_token_id\": []}", 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hs_hf_config read;
        headsift_error error = {0};
        assert_int_equal(read_changed(cases[i].change, &read, &error), HEADSIFT_OK);
        assert_int_equal(read.config.n_eos, cases[i].n);
        if (cases[i].n > 0) {
            assert_int_equal(read.config.eos[0], cases[i].first);
            assert_int_equal(read.config.eos[cases[i].n - 1], cases[i].last);
        }
    }
}

#define LLAMA3                                                                                                         \
    "\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0,"                 \
    "\"original_max_position_embeddings\": 8192"

static void same_rope(const char *old, const char *new) {
    struct hs_hf_config a, b;
    headsift_error error = {0};
    assert_int_equal(read_changed(old, &a, &error), HEADSIFT_OK);
    assert_int_equal(read_changed(new, &b, &error), HEADSIFT_OK);
    assert_int_equal(a.config.rope.kind, b.config.rope.kind);
    assert_true(a.config.rope.base == b.config.rope.base);
    double x[8], y[8];
    hs_rope_fill(&a.config.rope, 16, x);
    hs_rope_fill(&b.config.rope, 16, y);
    assert_memory_equal(x, y, sizeof x);
}

static void old_and_new_rope_are_equal(void **state) {
    (void)state;
    same_rope("{\"rope_theta\": 70000}", "{\"rope_theta\": null, \"rope_parameters\": {\"rope_theta\": 70000}}");
    same_rope("{\"rope_theta\": 70000, \"rope_scaling\": {" LLAMA3 "}}",
              "{\"rope_theta\": null, \"rope_parameters\": {\"rope_theta\": 70000, " LLAMA3 "}}");
    same_rope("{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 3}}",
              "{\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 3.0}}");
    same_rope("{\"rope_scaling\": null}", "{\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 5000}}");
    same_rope("{\"rope_scaling\": {" LLAMA3 "}}",
              "{\"rope_parameters\": {\"rope_theta\": 5000, " LLAMA3 "}, \"rope_scaling\": {" LLAMA3 "}}");
}

static void close_to(double got, double wanted) { assert_true(fabs(got / wanted - 1.0) < 4e-15); }

static void frequencies(void **state) {
    (void)state;
    static const struct {
        int i;
        double wanted;
    } llama3[] = {{0, 1.0},
                  {1, 0.81461723385654472},
                  {20, 0.016560440080994446},
                  {28, 0.0032114459947525909},
                  {29, 0.0021665707635033587},
                  {30, 0.0013718935677611381},
                  {32, 0.00052484616099295468},
                  {34, 0.00017850781276799641},
                  {35, 9.5562123539646833e-05},
                  {40, 3.4281021959525912e-05},
                  {63, 3.0689259889145111e-07}};
    double out[64];
    struct hs_rope rope = {.kind = HS_ROPE_LLAMA3,
                           .base = 500000.0,
                           .factor = 8.0,
                           .low_freq_factor = 1.0,
                           .high_freq_factor = 4.0,
                           .original_context = 8192};
    hs_rope_fill(&rope, 128, out);
    for (size_t i = 0; i < sizeof llama3 / sizeof *llama3; i++) {
        close_to(out[llama3[i].i], llama3[i].wanted);
    }
    rope = (struct hs_rope){.kind = HS_ROPE_LLAMA3,
                            .base = 10000.0,
                            .factor = 8.0,
                            .low_freq_factor = 1.0,
                            .high_freq_factor = 4.0,
                            .original_context = 64};
    hs_rope_fill(&rope, 8, out);
    close_to(out[0], 1.0);
    close_to(out[1], 0.013042256043820463);
    close_to(out[2], 0.00125);
    close_to(out[3], 0.000125);
    rope = (struct hs_rope){.kind = HS_ROPE_DEFAULT, .base = 100000.0};
    hs_rope_fill(&rope, 64, out);
    close_to(out[31], 1.4330125702369627e-05);
    rope = (struct hs_rope){.kind = HS_ROPE_LINEAR, .base = 100000.0, .factor = 4.0};
    hs_rope_fill(&rope, 64, out);
    close_to(out[31], 1.4330125702369627e-05 / 4.0);
}

static void refusals(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{\"model_type\": \"opt\"}", "model type \"opt\" is not supported (llama, mistral, qwen2, "},
        {"{\"model_type\": \"mixtral\"}", "model type \"mixtral\" is not supported: it needs a mixture of experts"},
        {"{\"model_type\": \"bloom\"}", "model type \"bloom\" is not supported: it needs ALiBi positions"},
        {"{\"model_type\": \"gpt_oss\"}", "model type \"gpt_oss\" is not supported: it needs attention sinks"},
        {"{\"num_local_experts\": 8}", "a mixture of 8 experts is not supported"},
        {"{\"alibi\": true}", "ALiBi positions are not supported"},
        {"{\"model_type\": \"qwen3\"}", "\"head_dim\" is missing"},
        {"{\"model_type\": \"gemma2\", \"head_dim\": 16, \"use_bidirectional_attention\": true}",
         "attention in both directions is not supported"},
        {"{\"model_type\": \"gemma3_text\", \"head_dim\": 16, \"layer_types\": [\"full_attention\"]}",
         "\"layer_types\" names 1 layers of 2"},
        {"{\"model_type\": \"gemma3_text\", \"head_dim\": 16, \"layer_types\": [\"full_attention\", \"linear\"]}",
         "\"layer_types\": \"linear\" is not supported"},
        {"{\"model_type\": \"gemma3_text\", \"head_dim\": 16, \"rope_parameters\": {\"rope_theta\": 1e6}}",
         "must hold \"full_attention\" and \"sliding_attention\""},
        {"{\"model_type\": \"smollm3\", \"no_rope_layers\": [1]}", "\"no_rope_layers\" names 1 layers of 2"},
        {"{\"model_type\": \"granite\", \"logits_scaling\": 0}", "a multiplier of embeddings (1), residuals (1)"},
        {"{\"model_type\": \"phi3\", \"partial_rotary_factor\": 0.2}", "rotates 3.2 of 16 dimensions"},
        {"{\"model_type\": \"phi3\", \"rope_scaling\": {\"type\": \"su\", \"short_factor\": [1]}}",
         "\"short_factor\" holds 1 numbers, must be 8"},
        {"{\"model_type\": null}", "\"model_type\" is missing"},
        {"{\"model_type\": 5}", "\"model_type\" must be a string"},
        {"{\"hidden_size\": null}", "\"hidden_size\" is missing"},
        {"{\"hidden_size\": 64.0}", "\"hidden_size\" must be an integer"},
        {"{\"hidden_size\": 2097152}", "\"hidden_size\" is 2097152, must be 1 to 1048576"},
        {"{\"num_hidden_layers\": 0}", "\"num_hidden_layers\" is 0, must be 1 to 1024"},
        {"{\"num_hidden_layers\": 1025}", "\"num_hidden_layers\" is 1025, must be 1 to 1024"},
        {"{\"num_attention_heads\": -4}", "\"num_attention_heads\" is -4, must be 1 to 1024"},
        {"{\"num_attention_heads\": 9007199254740993}", "must be 1 to 1024"},
        {"{\"num_key_value_heads\": 3}", "4 query heads can't share 3 KV heads evenly"},
        {"{\"num_key_value_heads\": 8}", "4 query heads can't share 8 KV heads evenly"},
        {"{\"num_key_value_heads\": 0}", "\"num_key_value_heads\" is 0"},
        {"{\"head_dim\": 15}", "a head dimension of 15 is not supported"},
        {"{\"head_dim\": 2048}", "\"head_dim\" is 2048, must be 1 to 1024"},
        {"{\"hidden_size\": 4}", "a head dimension of 1 is not supported"},
        {"{\"hidden_size\": 3}", "a head dimension of 0 is not supported"},
        {"{\"vocab_size\": 99999999}", "\"vocab_size\" is 99999999"},
        {"{\"intermediate_size\": \"96\"}", "\"intermediate_size\" must be an integer"},
        {"{\"max_position_embeddings\": 0}", "\"max_position_embeddings\" is 0"},
        {"{\"rms_norm_eps\": -1}", "an RMS norm epsilon of -1 is out of range"},
        {"{\"rms_norm_eps\": \"1e-5\"}", "\"rms_norm_eps\" must be a number"},
        {"{\"hidden_act\": \"gelu\"}", "\"hidden_act\" \"gelu\" is not supported (silu and gelu_pytorch_tanh are)"},
        {"{\"attention_bias\": 1}", "\"attention_bias\" must be true or false"},
        {"{\"tie_word_embeddings\": \"yes\"}", "\"tie_word_embeddings\" must be true or false"},
        {"{\"quantization_config\": {\"quant_method\": \"gptq\"}}", "quantised weights (\"gptq\") are not supported"},
        {"{\"eos_token_id\": \"2\"}", "\"eos_token_id\" must be an integer or a list of integers"},
        {"{\"eos_token_id\": [2, 2.5]}", "\"eos_token_id\" must be an integer or a list of integers"},
        {"{\"eos_token_id\": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}", "lists more than 16 ids"},
        {"{\"rope_theta\": 0}", "\"rope_theta\" is 0, must be above 0"},
        {"{\"rope_theta\": \"x\"}", "\"rope_theta\" must be a number"},
        {"{\"rope_scaling\": 4}", "\"rope_scaling\" must be an object"},
        {"{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": -4}}", "rope_scaling: \"factor\" is -4"},
        {"{\"rope_scaling\": {\"type\": \"mrope\", \"factor\": 4}}", "rope type \"mrope\" is not supported"},
        {"{\"rope_parameters\": {\"rope_type\": \"longrope\"}}", "rope_parameters: \"short_factor\" is missing"},
        {"{\"rope_scaling\": {\"rope_type\": \"linear\"}}", "rope_scaling: \"factor\" is missing"},
        {"{\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": -1}}", "\"factor\" is -1, must be above 0"},
        {"{\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8}}", "\"low_freq_factor\" is missing"},
        {"{\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, \"high_freq_factor\": "
         "4,"
         "\"original_max_position_embeddings\": 64}}",
         "\"high_freq_factor\" must be above \"low_freq_factor\""},
        {"{\"rope_parameters\": {\"full_attention\": {}}}",
         "rotary positions that differ by layer (\"full_attention\")"},
        {"{\"rope_parameters\": {\"partial_rotary_factor\": 0.5}}", "\"partial_rotary_factor\" 0.5 is not supported"},
        {"{\"rope_parameters\": {\"rope_theta\": 6000}}", "contradict each other"},
        {"{\"rope_parameters\": {\"rope_theta\": 5000}, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}",
         "contradict each other"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hs_hf_config read;
        headsift_error error = {0};
        assert_int_equal(read_changed(cases[i][0], &read, &error), HEADSIFT_FAILED);
        if (strstr(error.message, cases[i][1]) == NULL || strncmp(error.message, "c.json", 6) != 0) {
            fail_msg("%s: expected \"%s\", got \"%s\"", cases[i][0], cases[i][1], error.message);
        }
    }
}

static void an_unknown_family_still_shows_its_sizes(void **state) {
    (void)state;
    struct hs_hf_config read;
    headsift_error error = {0};
    assert_int_equal(read_changed("{\"model_type\": \"gemma4\"}", &read, &error), HEADSIFT_FAILED);
    assert_string_equal(read.config.family, "gemma4");
    assert_int_equal(read.config.n_layer, 2);
    assert_int_equal(read.config.n_kv_head, 2);
    assert_non_null(strstr(error.message, "gemma4"));
}

static void not_an_object(void **state) {
    (void)state;
    struct hs_hf_config read = {0};
    headsift_error error = {0};
    json_t *root = json_loads("[1]", 0, NULL);
    assert_int_equal(hs_hf_config_read(root, "c.json", &read, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "c.json must hold a JSON object"));
    json_decref(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_defaults),
        cmocka_unit_test(ends),
        cmocka_unit_test(old_and_new_rope_are_equal),
        cmocka_unit_test(frequencies),
        cmocka_unit_test(refusals),
        cmocka_unit_test(an_unknown_family_still_shows_its_sizes),
        cmocka_unit_test(not_an_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
