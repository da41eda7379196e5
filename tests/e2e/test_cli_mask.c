/* The command mask on a tiny checkpoint: what it writes is the masked model, and what it refuses.
 * That the bytes are right is tested in tests/golden/test_mask.c. */
#include "cli_support.h"
#include "tiny_model.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

static int set_up(void **state) {
    (void)state;
    cli_folder("cli_mask");
    tiny_model();
    cli("for i in 0 1 2 3; do printf '{\"text\":\"a document of some words, number %%s, to be scored\"}\\n' $i; done "
        ">docs.jsonl");
    return 0;
}

/* A document's losses by a model. */
static void explained(const char *model, double *base, double *ref) {
    const struct cli_output *output =
        cli("headsift explain -q -m %s --dtype f32 --heads heads.json docs.jsonl --format json", model);
    assert_code(output, 0);
    json_t *document = json_loads(output->out.data, 0, NULL);
    *base = json_real_value(json_object_get(document, "loss_base"));
    *ref = json_real_value(json_object_get(document, "loss_ref"));
    json_decref(document);
    assert_true(*base > 0 && *ref > 0);
}

static void the_written_model_has_these_heads_masked(void **state) {
    (void)state;
    assert_code(cli("headsift mask -m tiny --heads heads.json -o masked"), 0);
    assert_code(cli("cmp tiny/config.json masked/config.json && ! cmp -s tiny/model.safetensors "
                    "masked/model.safetensors && headsift inspect masked"),
                0);
    double base, ref, masked_base, masked_ref;
    explained("tiny", &base, &ref);
    explained("masked", &masked_base, &masked_ref);
    assert_true(fabs(ref - base) > 1e-3);
    assert_true(fabs(masked_base - ref) < 1e-5 && fabs(masked_ref - ref) < 1e-5);
}

static void folders_are_replaced_only_when_told_to(void **state) {
    (void)state;
    assert_code(cli("headsift mask -m tiny --heads heads.json -o again"), 0);
    assert_code(cli("cp again/model.safetensors first; headsift mask -m tiny --heads heads.json -o again"), 1);
    assert_one_error(cli("headsift mask -q -m tiny --heads heads.json -o again"), "again");
    assert_code(cli("headsift mask -m tiny --heads heads.json -o again --overwrite && cmp first "
                    "again/model.safetensors"),
                0);
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    const struct {
        const char *arguments;
        int code;
        const char *says;
    } cases[] = {
        {"-m tiny --heads heads.json", 2, "-o DIR"},
        {"-m tiny -o x", 2, "--heads"},
        {"--heads heads.json -o x", 2, "-m MODEL"},
        {"-m tiny --heads missing.json -o x", 1, "missing.json"},
        {"-m $MODEL --heads $HEADS -o x", 1, "Hugging Face"},
        {"-m tiny --heads heads.json -o tiny --overwrite", 2, "the model itself"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct cli_output *output = cli("headsift mask -q %s", cases[i].arguments);
        assert_code(output, cases[i].code);
        assert_one_error(output, cases[i].says);
    }
    assert_code(cli("test ! -e x && headsift inspect tiny"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_written_model_has_these_heads_masked),
        cmocka_unit_test(folders_are_replaced_only_when_told_to),
        cmocka_unit_test(wrong_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
