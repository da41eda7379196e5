/* What every test includes: cmocka with the headers that it wants before it, and paths.
 * HS_TEST_DATA, HS_DEMO_MODEL, HS_COMMAND and HS_TEST_SCRATCH come from the build. */
#ifndef HS_TESTS_SUPPORT_H
#define HS_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/** The path of a scratch file of this build; `name` should be unique to the test. */
static inline void test_scratch(char *out, size_t size, const char *name) {
    snprintf(out, size, "%s/%s", HS_TEST_SCRATCH, name);
}

#endif
