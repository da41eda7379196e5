/* Stands in for cmocka where tests are compiled for ARM64, for which systems seldom have it: what test_kernels and
 * test_isa use of it. The first assertion that fails ends the program. */
#ifndef HS_TESTS_ARM64_CMOCKA_H
#define HS_TESTS_ARM64_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*function)(void **state);
    void *state;
};

#define cmocka_unit_test(function)                                                                                     \
    { #function, function, NULL }
#define cmocka_unit_test_prestate(function, state)                                                                     \
    { #function, function, state }

#define fail_msg(...)                                                                                                  \
    do {                                                                                                               \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                                \
        fprintf(stderr, __VA_ARGS__);                                                                                  \
        fprintf(stderr, "\n");                                                                                         \
        exit(1);                                                                                                       \
    } while (0)

#define assert_true(condition)                                                                                         \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fail_msg("%s is false", #condition);                                                                       \
        }                                                                                                              \
    } while (0)
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define assert_int_equal(a, b) assert_true((long long)(a) == (long long)(b))
#define assert_memory_equal(a, b, size) assert_true(memcmp(a, b, size) == 0)
#define assert_string_equal(a, b)                                                                                      \
    do {                                                                                                               \
        if (strcmp(a, b) != 0) {                                                                                       \
            fail_msg("%s is \"%s\", not \"%s\"", #a, a, b);                                                            \
        }                                                                                                              \
    } while (0)

#define cmocka_run_group_tests(tests, setup, teardown) run_tests(tests, sizeof(tests) / sizeof *(tests))

static inline int run_tests(const struct CMUnitTest *tests, size_t n) {
    for (size_t i = 0; i < n; i++) {
        void *state = tests[i].state;
        printf("[ RUN      ] %s\n", tests[i].name);
        fflush(stdout);
        tests[i].function(&state);
        printf("[       OK ] %s\n", tests[i].name);
    }
    return 0;
}

#endif
