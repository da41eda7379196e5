/* HEADSIFT_ISA: names, refusals, and which kernels it leaves.
 * usage: test_isa [SET]      SET: the best that this machine must have, as in "avx512_bf16" */
#define _GNU_SOURCE
#include "support.h"

#include <ctype.h>
#include <string.h>

#include "engine/cpu/kernels.h"

static const char *const known[] = {"plain", "base", "avx2", "avx512", "avx512_bf16", "neon", "neon_bf16"};
enum { KNOWN = sizeof known / sizeof *known };

static enum hs_isa accepted(const char *value) {
    enum hs_isa isa;
    headsift_error error = {0};
    setenv("HEADSIFT_ISA", value, 1);
    if (hs_isa_choose(&isa, &error) != HEADSIFT_OK) {
        fail_msg("%s: %s", value, error.message);
    }
    return isa;
}

static void unset_or_empty_is_all_of_the_machine(void **state) {
    enum hs_isa isa;
    unsetenv("HEADSIFT_ISA");
    assert_int_equal(hs_isa_choose(&isa, NULL), HEADSIFT_OK);
    assert_int_equal(isa, hs_isa_of_machine());
    assert_int_equal(accepted(""), hs_isa_of_machine());
    const char *wanted = *state;
    if (wanted != NULL) {
        assert_string_equal(hs_isa_name(isa), wanted);
    }
}

/* Of the known names those that belong to the machine's own sets are taken, in any case of letters. */
static void names_up_to_the_machine_s_are_taken(void **state) {
    (void)state;
    int taken = 0;
    for (int i = 0; i < KNOWN; i++) {
        enum hs_isa isa;
        headsift_error error = {0};
        setenv("HEADSIFT_ISA", known[i], 1);
        if (hs_isa_choose(&isa, &error) != HEADSIFT_OK) {
            assert_true(strstr(error.message, known[i]) != NULL);
            continue;
        }
        taken++;
        assert_true(isa <= hs_isa_of_machine());
        char loud[32] = "";
        for (size_t c = 0; known[i][c] != '\0'; c++) {
            loud[c] = (char)toupper((unsigned char)known[i][c]);
        }
        assert_int_equal(accepted(loud), isa);
    }
    assert_true(taken >= 2);
    assert_int_equal(accepted(hs_isa_name(hs_isa_of_machine())), hs_isa_of_machine());
    assert_int_equal(accepted("plain"), HS_ISA_PLAIN);
    assert_int_equal(accepted("base"), HS_ISA_BASE);
}

static void others_are_refused_in_one_line(void **state) {
    (void)state;
#if defined(__x86_64__)
    static const char *const bad[] = {"avx",        "avx9", "avx2 ", " avx2", "avx512_bf16x",
                                      "plain_bf16", "0",    "a\nb",  "neon"};
    const char *has = "this machine has plain, base";
#else
    static const char *const bad[] = {"neo",        "avx2", "neon ", " neon", "neon_bf16x",
                                      "plain_bf16", "0",    "a\nb",  "avx512"};
    const char *has = "this machine has plain, neon";
#endif
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum hs_isa isa;
        headsift_error error = {0};
        setenv("HEADSIFT_ISA", bad[i], 1);
        assert_int_equal(hs_isa_choose(&isa, &error), HEADSIFT_USAGE);
        assert_true(strncmp(error.message, "HEADSIFT_ISA=", 13) == 0 && strchr(error.message, '\n') == NULL);
        assert_non_null(strstr(error.message, has));
        assert_non_null(strstr(error.message, hs_isa_name(hs_isa_of_machine())));
    }
}

/* The best table of each set carries its name; a set without bf16 leaves that type to the twin. */
static void lower_sets_leave_fewer_tables(void **state) {
    (void)state;
    for (int i = 0; i < KNOWN; i++) {
        enum hs_isa isa;
        setenv("HEADSIFT_ISA", known[i], 1);
        if (hs_isa_choose(&isa, NULL) != HEADSIFT_OK) {
            continue;
        }
        const struct hs_kernels *f32[HS_MOST_TABLES], *bf16[HS_MOST_TABLES];
        hs_kernels_available(HS_F32, isa, f32);
        hs_kernels_available(HS_BF16, isa, bf16);
        assert_string_equal(hs_isa_has_bf16(isa) ? bf16[0]->name : f32[0]->name, hs_isa_name(isa));
        assert_true(hs_isa_has_bf16(isa) || bf16[0] == &hs_kernels_plain_bf16);
        assert_true(isa == HS_ISA_PLAIN || f32[0] != &hs_kernels_plain);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(unset_or_empty_is_all_of_the_machine, argc > 1 ? argv[1] : NULL),
        cmocka_unit_test(names_up_to_the_machine_s_are_taken),
        cmocka_unit_test(others_are_refused_in_one_line),
        cmocka_unit_test(lower_sets_leave_fewer_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
