/* Tests of src/base: UTF-8, escaping, buffers, atomic files, hashing, random numbers.
 * Each value stands in a published vector or is worked out by hand. */
#define _GNU_SOURCE
#include "support.h"

#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/human.h"
#include "base/process.h"
#include "base/random.h"
#include "base/text.h"

static void utf8_check_finds_the_first_bad_byte(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t size, good;
    } cases[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"a\0b", 3, 3},
        {"\xC3\xA9", 2, 2},
        {"\xF0\x9F\x98\x80", 4, 4},
        {"x\xC0\x80", 3, 1},
        /* overlong */ {"\xED\xA0\x80", 3, 0}, /* surrogate */
        {"\xF4\x90\x80\x80", 4, 0},
        /* above U+10FFFF */ {"ab\xE2\x82", 4, 2},
        /* cut short */ {"\x80", 1, 0},
        {"\xE0\x9F\xBF", 3, 0},
        {"\xF0\x8F\xBF\xBF", 4, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(hs_utf8_check(cases[i].text, cases[i].size), cases[i].good);
    }
}

static void utf8_round_trip(void **state) {
    (void)state;
    for (uint32_t point = 0; point < 0x110000; point++) {
        if (point == 0xD800) {
            point = 0xE000;
        }
        char bytes[4];
        size_t size = hs_utf8_encode(point, bytes), length;
        assert_int_equal(hs_utf8_check(bytes, size), size);
        assert_int_equal(hs_utf8_decode(bytes, &length), point);
        assert_int_equal(length, size);
    }
}

static void escaping_is_harmless_and_cut_at_characters(void **state) {
    (void)state;
    char out[64];
    hs_escape_line("a\x1B[2J\nb\xE2\x80\xAE\xC3\xA9\xFF\x7F", 14, out, sizeof out);
    assert_string_equal(out, "a\\x1b[2J\\nb\\u{202e}\xC3\xA9\\xff\\x7f");
    hs_escape_line("ab\xC3\xA9", 4, out, 4);
    assert_string_equal(out, "ab");
    hs_escape_line("\xC2\x9B", 2, out, sizeof out); /* C1 CSI */
    assert_string_equal(out, "\\u{9b}");
}

static void json_quote_may_stand_in_a_page(void **state) {
    (void)state;
    struct hs_buffer out = {0};
    assert_true(hs_json_quote(&out, "</script>\"\\\n\0\xFF\xE2\x80\xA8", 17));
    assert_string_equal(out.data, "\"\\u003c/script\\u003e\\\"\\\\\\n\\u0000\xEF\xBF\xBD\\u2028\"");
    hs_buffer_free(&out);
    assert_true(hs_json_quote(&out, "\xC2\x9B\xE2\x80\xAE", 5)); /* nor may it stir a terminal */
    assert_string_equal(out.data, "\"\\u009b\\u202e\"");
    hs_buffer_free(&out);
}

static void sizes_that_overflow_are_refused(void **state) {
    (void)state;
    assert_null(hs_realloc(NULL, SIZE_MAX / 2, 4));
    assert_null(hs_alloc_aligned(SIZE_MAX / 2, 4));
    struct hs_buffer buffer = {.size = 0};
    assert_false(hs_buffer_reserve(&buffer, SIZE_MAX));
}

static void atomic_files_appear_whole_or_not_at_all(void **state) {
    (void)state;
    char path[512], temporary[600];
    test_scratch(path, sizeof path, "atomic.txt");
    unlink(path);
    struct hs_atomic_file file;
    headsift_error error = {0};
    assert_int_equal(hs_atomic_open(path, &file, &error), HEADSIFT_OK);
    snprintf(temporary, sizeof temporary, "%s", file.temporary);
    fputs("half", file.stream);
    assert_false(hs_file_exists(path));
    hs_atomic_abort(&file);
    assert_false(hs_file_exists(path));
    assert_false(hs_file_exists(temporary));
    assert_int_equal(hs_file_write(path, "whole", 5, &error), HEADSIFT_OK);
    struct hs_map map;
    assert_int_equal(hs_map_open(path, &map, &error), HEADSIFT_OK);
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.data, "whole", 5);
    hs_map_close(&map);
}

static void errors_are_one_line(void **state) {
    (void)state;
    headsift_error error = {0};
    assert_int_equal(hs_fail(&error, HEADSIFT_USAGE, "a\nb %s", "\x1B]0;x"), HEADSIFT_USAGE);
    assert_string_equal(error.message, "a\\nb \\x1b]0;x");
    assert_int_equal(hs_fail_errno(&error, 28 /* ENOSPC */, "f"), HEADSIFT_NO_SPACE);
    assert_int_equal(hs_file_write("/nonexistent/x", "", 0, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "/nonexistent/x"));
}

/* Of several processes that create a file one does; what it wrote stays. */
static void one_of_many_creates_a_file(void **state) {
    (void)state;
    char path[512], text[2] = "0";
    test_scratch(path, sizeof path, "created");
    remove(path);
    pid_t children[4];
    int created = 0;
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            bool made = false;
            text[0] = (char)('0' + i);
            headsift_status status = hs_file_create(path, text, 1, &made, NULL);
            _exit(status == HEADSIFT_OK ? 10 + made : 1);
        }
    }
    for (int i = 0; i < 4; i++) {
        int code;
        assert_int_equal(waitpid(children[i], &code, 0), children[i]);
        assert_true(WIFEXITED(code) && WEXITSTATUS(code) >= 10);
        created += WEXITSTATUS(code) - 10;
    }
    assert_int_equal(created, 1);
    struct hs_buffer bytes = {0};
    assert_int_equal(hs_file_read(path, 16, &bytes, NULL), HEADSIFT_OK);
    assert_int_equal(bytes.size, 1);
    assert_int_equal(hs_file_append(path, "more", 4, NULL), HEADSIFT_OK);
    bytes.size = 0;
    assert_int_equal(hs_file_read(path, 16, &bytes, NULL), HEADSIFT_OK);
    assert_string_equal(bytes.data + 1, "more");
    hs_buffer_free(&bytes);
}

static void processes_that_are_gone_are_told_from_others(void **state) {
    (void)state;
    char name[HS_PROCESS_NAME], host[HS_PROCESS_NAME], other[2 * HS_PROCESS_NAME];
    hs_process_name(name);
    assert_true(hs_process_gone(name)); /* our own: made by one that had our number before */
    snprintf(host, sizeof host, "%s", name);
    *strrchr(host, '-') = '\0';
    assert_true(strlen(host) <= 32 + 21);
    snprintf(other, sizeof other, "%s-%ld", host, (long)getppid());
    assert_false(hs_process_gone(other));
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    snprintf(other, sizeof other, "%s-%ld", host, (long)child);
    assert_true(hs_process_gone(other));
    snprintf(other, sizeof other, "x%s-%ld", host, (long)child); /* another machine's */
    assert_false(hs_process_gone(other));
    snprintf(other, sizeof other, "%s-%ldx", host, (long)child);
    assert_false(hs_process_gone(other));
}

static void a_replaced_file_is_the_old_one_or_the_new_one(void **state) {
    (void)state;
    char path[512];
    struct hs_buffer text = {0};
    headsift_error error = {0};
    test_scratch(path, sizeof path, "replaced");
    assert_int_equal(hs_file_replace(path, "old", 3, NULL), HEADSIFT_OK);
    assert_int_equal(hs_file_replace(path, "new one", 7, NULL), HEADSIFT_OK);
    assert_int_equal(hs_file_read(path, 100, &text, NULL), HEADSIFT_OK);
    assert_string_equal(text.data, "new one");
    hs_buffer_free(&text);
    assert_int_equal(hs_file_replace("/nonexistent/x", "a", 1, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "/nonexistent/x"));
    unlink(path);
}

static headsift_status take_name(void *user, const char *folder, const char *name, headsift_error *error) {
    (void)folder;
    strcat(user, name);
    return strcmp(name, "stop.x") == 0 ? hs_fail(error, HEADSIFT_FAILED, "stopped") : HEADSIFT_OK;
}

static void each_file_of_a_suffix_is_taken(void **state) {
    (void)state;
    char folder[400], path[512], names[64] = "";
    headsift_error error = {0};
    test_scratch(folder, sizeof folder, "each");
    assert_int_equal(hs_make_directory(folder, &error), HEADSIFT_OK);
    static const char *const there[] = {"a.x", ".x", "b.xy", "x"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, there[i]);
        assert_int_equal(hs_file_write(path, "", 0, &error), HEADSIFT_OK);
    }
    assert_int_equal(hs_each_file(folder, ".x", take_name, names, &error), HEADSIFT_OK);
    assert_string_equal(names, "a.x");
    snprintf(path, sizeof path, "%s/stop.x", folder);
    assert_int_equal(hs_file_write(path, "", 0, &error), HEADSIFT_OK);
    assert_int_equal(hs_each_file(folder, ".x", take_name, names, &error), HEADSIFT_FAILED);
    assert_string_equal(error.message, "stopped");
    unlink(path);
    assert_int_equal(hs_each_file("/nonexistent/folder", ".x", take_name, names, &error), HEADSIFT_OK);
    snprintf(path, sizeof path, "%s/a.x", folder);
    assert_int_equal(hs_each_file(path, ".x", take_name, names, &error), HEADSIFT_FAILED); /* no folder */
}

static void counts_and_times_read_well(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *count, *time;
    } cases[] = {{0, "0", "0s"},
                 {59.6, "60", "1m00s"},
                 {9999, "9999", "2h46m"},
                 {10000, "10.0k", "2h46m"},
                 {86399, "86.4k", "23h59m"},
                 {86400, "86.4k", "1d00h"},
                 {999960, "1.0M", "11d13h"},
                 {1234567, "1.2M", "14d06h"},
                 {9.9996e8, "1.0G", "11573d14h"},
                 {4.5e12, "4.5T", "0s"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        hs_human_count(cases[i].value, text, sizeof text);
        assert_string_equal(text, cases[i].count);
        hs_human_time(cases[i].value, text, sizeof text);
        assert_string_equal(text, cases[i].time);
    }
}

static void stamps_read_back(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "2026-01-01T00:00:00",
                                      "2026-01-01 00:00:00Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "2026-01-01T00:00:00Zx",
                                      "2026-1-01T000:00:00Z"};
    char stamp[HS_STAMP];
    time_t back;
    hs_stamp_write(1767225599, stamp);
    assert_string_equal(stamp, "2025-12-31T23:59:59Z");
    assert_true(hs_stamp_read(stamp, &back));
    assert_int_equal(back, 1767225599);
    hs_stamp_write(INT64_MAX, stamp); /* a year of more digits than fit */
    assert_string_equal(stamp, "1970-01-01T00:00:00Z");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(hs_stamp_read(bad[i], &back));
    }
}

/* The name of a process with an id space of its own, as in a container. Empty where none may be made. */
static void name_in_a_container(char out[HS_PROCESS_NAME]) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        char name[HS_PROCESS_NAME] = "";
        if (unshare(geteuid() == 0 ? CLONE_NEWPID : CLONE_NEWUSER | CLONE_NEWPID) == 0 && fork() == 0) {
            hs_process_name(name);
            _exit(write(ends[1], name, strlen(name)) < 0);
        }
        _exit(wait(NULL) < 0);
    }
    close(ends[1]);
    ssize_t size = read(ends[0], out, HS_PROCESS_NAME - 1);
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    out[size > 0 ? size : 0] = '\0';
}

static void a_process_of_a_container_on_this_host_has_another_name(void **state) {
    (void)state;
    char inside[HS_PROCESS_NAME], own[HS_PROCESS_NAME];
    name_in_a_container(inside);
    if (inside[0] == '\0') {
        skip();
    }
    hs_process_name(own);
    assert_string_equal(strrchr(inside, '-'), "-1");
    snprintf(strrchr(own, '-'), 8, "-1");
    assert_string_not_equal(inside, own);
    assert_false(hs_process_gone(inside)); /* there is no telling from here */
}

static void sha256_of_abc(void **state) {
    (void)state;
    char hex[HS_HASH_HEX];
    assert_int_equal(hs_hash_bytes("abc", 3, hex, NULL), HEADSIFT_OK); /* FIPS 180-2, appendix B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void crc32_of_the_usual_digits(void **state) {
    (void)state;
    assert_int_equal(hs_crc32(0, "123456789", 9), 0xCBF43926);
    assert_int_equal(hs_crc32(hs_crc32(0, "1234", 4), "56789", 5), 0xCBF43926);
    assert_int_equal(hs_crc32(0, "", 0), 0);
}

static void random_numbers_follow_the_published_algorithm(void **state) {
    (void)state;
    struct hs_random random = {.state = {1, 2, 3, 4}};
    assert_int_equal(hs_random_next(&random), 11520); /* the reference code's first outputs for the state 1, 2, 3, 4 */
    assert_int_equal(hs_random_next(&random), 0);
    assert_int_equal(hs_random_next(&random), 1509978240);
    hs_random_seed(&random, 7);
    int counts[3] = {0};
    for (int i = 0; i < 30000; i++) {
        counts[hs_random_below(&random, 3)]++;
    }
    for (int i = 0; i < 3; i++) {
        assert_in_range(counts[i], 9600, 10400);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_check_finds_the_first_bad_byte),
        cmocka_unit_test(utf8_round_trip),
        cmocka_unit_test(escaping_is_harmless_and_cut_at_characters),
        cmocka_unit_test(json_quote_may_stand_in_a_page),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(atomic_files_appear_whole_or_not_at_all),
        cmocka_unit_test(errors_are_one_line),
        cmocka_unit_test(one_of_many_creates_a_file),
        cmocka_unit_test(processes_that_are_gone_are_told_from_others),
        cmocka_unit_test(a_replaced_file_is_the_old_one_or_the_new_one),
        cmocka_unit_test(each_file_of_a_suffix_is_taken),
        cmocka_unit_test(counts_and_times_read_well),
        cmocka_unit_test(stamps_read_back),
        cmocka_unit_test(a_process_of_a_container_on_this_host_has_another_name),
        cmocka_unit_test(sha256_of_abc),
        cmocka_unit_test(crc32_of_the_usual_digits),
        cmocka_unit_test(random_numbers_follow_the_published_algorithm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
