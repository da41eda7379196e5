/* Finding input files: names, globs, folders, lists, formats, and everything that must be refused before work starts.
 * The tree of files is made anew in the scratch folder. */
#define _GNU_SOURCE
#include "corpus_files.h"

#include <sys/stat.h>
#include <unistd.h>

static int make_tree(void **state) {
    (void)state;
    static const char *const files[] = {
        "in/b.jsonl",       "in/a.jsonl",      "in/sub/c.json.gz", "in/sub/d.ndjson.zst",
        "in/e.CSV",         "in/f.txt",        "in/_skip.jsonl",   "in/.hidden.jsonl",
        "in/x.jsonl.tmp-7", "in/readme.md",    "in/_dir/z.jsonl",  "in/a-b.jsonl",
        "in/[1]*.jsonl",    "in/sub.jsonl",    "none/readme.md",   "in/parts.jsonl/p.jsonl",
        "loops/a.jsonl",    "loops/up/b.jsonl"};
    static const char *const folders[] = {"in", "in/sub", "in/_dir", "none", "in/parts.jsonl", "loops", "loops/up"};
    if (chdir(HS_TEST_SCRATCH) != 0) {
        return 1;
    }
    mkdir("inputs", 0777);
    if (chdir("inputs") != 0) {
        return 1;
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        mkdir(folders[i], 0777);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        FILE *file = fopen(files[i], "w");
        if (file == NULL || fputs("{}\n", file) < 0 || fclose(file) != 0) {
            return 1;
        }
    }
    return symlink("..", "loops/up/back") == 0 || access("loops/up/back", F_OK) == 0 ? 0 : 1;
}

/* The list that `paths` gives, joined by spaces. */
static void check_list(const headsift_inputs *inputs, const char *wanted) {
    struct hs_input_list list;
    headsift_error error = {0};
    if (hs_inputs_find(inputs, &list, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    struct hs_buffer got = {0};
    for (size_t i = 0; i < list.n; i++) {
        assert_true(hs_buffer_printf(&got, "%s%s", i > 0 ? " " : "", list.items[i].path));
    }
    assert_string_equal(got.data, wanted);
    hs_buffer_free(&got);
    hs_inputs_free(&list);
}

static void check_error(const headsift_inputs *inputs, headsift_status status, const char *part) {
    struct hs_input_list list;
    headsift_error error = {0};
    assert_int_equal(hs_inputs_find(inputs, &list, &error), status);
    assert_int_equal(list.n, 0);
    if (strstr(error.message, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, error.message);
    }
}

#define PATHS(...)                                                                                                     \
    .paths = (const char *const[]){__VA_ARGS__}, .n_paths = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static void test_order(void **state) {
    (void)state;
    check_list(&(headsift_inputs){PATHS("in/b.jsonl", "in/a.jsonl")}, "in/b.jsonl in/a.jsonl");
    check_list(&(headsift_inputs){PATHS("in/[ab].jsonl", "in/f.txt")}, "in/a.jsonl in/b.jsonl in/f.txt");
    check_list(&(headsift_inputs){PATHS("in/a*")}, "in/a-b.jsonl in/a.jsonl");
    check_list(&(headsift_inputs){PATHS("in/s?b/*.gz")}, "in/sub/c.json.gz");
    check_list(&(headsift_inputs){PATHS("in")},
               "in/[1]*.jsonl in/a-b.jsonl in/a.jsonl in/b.jsonl in/e.CSV in/f.txt in/parts.jsonl/p.jsonl in/sub.jsonl "
               "in/sub/c.json.gz in/sub/d.ndjson.zst");
    check_list(&(headsift_inputs){PATHS("in/sub/")}, "in/sub/c.json.gz in/sub/d.ndjson.zst");
    check_list(&(headsift_inputs){PATHS("i?/s*b")}, "in/sub/c.json.gz in/sub/d.ndjson.zst");
    check_list(&(headsift_inputs){PATHS("in/_skip.jsonl", "in/.hidden.jsonl")}, "in/_skip.jsonl in/.hidden.jsonl");
}

/* A link back to a folder above is not followed, one to a folder elsewhere is. */
static void test_links(void **state) {
    (void)state;
    check_list(&(headsift_inputs){PATHS("loops")}, "loops/a.jsonl loops/up/b.jsonl");
    unlink("loops/aside");
    assert_int_equal(symlink("../in/sub", "loops/aside"), 0);
    check_list(&(headsift_inputs){PATHS("loops")},
               "loops/a.jsonl loops/aside/c.json.gz loops/aside/d.ndjson.zst loops/up/b.jsonl");
    unlink("loops/aside");
}

static void test_a_name_is_no_pattern(void **state) {
    (void)state;
    check_list(&(headsift_inputs){PATHS("in/[1]*.jsonl")}, "in/[1]*.jsonl");
}

static void test_formats(void **state) {
    (void)state;
    static const struct {
        const char *path, *format;
        enum hs_format wanted;
    } cases[] = {
        {"in/a.jsonl", NULL, HS_FORMAT_JSONL},
        {"in/sub/c.json.gz", NULL, HS_FORMAT_JSONL},
        {"in/sub/d.ndjson.zst", NULL, HS_FORMAT_JSONL},
        {"in/e.CSV", NULL, HS_FORMAT_CSV},
        {"in/f.txt", NULL, HS_FORMAT_TEXT},
        {"in/readme.md", "text", HS_FORMAT_TEXT},
        {"in/f.txt", "jsonl", HS_FORMAT_JSONL},
        {"in/a.jsonl", "csv", HS_FORMAT_CSV},
        {"in/f.txt", "parquet", HS_FORMAT_PARQUET},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_inputs inputs = {PATHS(cases[i].path), .format = cases[i].format};
        struct hs_input_list list;
        assert_int_equal(hs_inputs_find(&inputs, &list, NULL), HEADSIFT_OK);
        assert_int_equal(list.items[0].format, cases[i].wanted);
        assert_int_equal(list.items[0].compression, HS_PLAIN);
        assert_int_equal(list.items[0].identity.size, 3);
        assert_true(list.items[0].identity.mtime_seconds > 0);
        hs_inputs_free(&list);
    }
    check_list(&(headsift_inputs){PATHS("in"), .format = "text"}, "in/f.txt");
    check_list(&(headsift_inputs){PATHS("in"), .format = "csv"}, "in/e.CSV");
    check_error(&(headsift_inputs){PATHS("in"), .format = "xml"}, HEADSIFT_USAGE,
                "unknown input format \"xml\": parquet, jsonl, csv or text");
    check_error(&(headsift_inputs){PATHS("in/readme.md")}, HEADSIFT_USAGE,
                "in/readme.md: unknown suffix; say what it is with --input-format parquet, jsonl, csv or text");
}

static void test_refusals(void **state) {
    (void)state;
    check_error(&(headsift_inputs){0}, HEADSIFT_USAGE, "no input files");
    check_error(&(headsift_inputs){PATHS("nowhere.jsonl")}, HEADSIFT_FAILED, "can't open nowhere.jsonl: No such file");
    check_error(&(headsift_inputs){PATHS("in/*.nix")}, HEADSIFT_USAGE, "no file matches in/*.nix");
    check_error(&(headsift_inputs){PATHS("none")}, HEADSIFT_USAGE, "no input files in none: they end in .parquet");
    check_error(&(headsift_inputs){PATHS("/dev/null")}, HEADSIFT_USAGE, "not a regular file");
    check_error(&(headsift_inputs){PATHS("in/a.jsonl", "in/b.jsonl", "./in/a.jsonl")}, HEADSIFT_USAGE,
                "in/a.jsonl is given twice");
    check_error(&(headsift_inputs){PATHS("in", "in/sub/c.json.gz")}, HEADSIFT_USAGE, "given twice");
    FILE *file = fopen("caf\xE9.jsonl", "w");
    assert_non_null(file);
    fclose(file);
    check_error(&(headsift_inputs){PATHS("caf\xE9.jsonl")}, HEADSIFT_USAGE, "caf\\xe9.jsonl is not UTF-8");
}

static void test_unreadable(void **state) {
    (void)state;
    put_text("inputs/locked.jsonl", "{}\n");
    assert_int_equal(chmod("locked.jsonl", 0), 0);
    if (access("locked.jsonl", R_OK) == 0) { /* root reads all */
        skip();
    }
    check_error(&(headsift_inputs){PATHS("in/a.jsonl", "locked.jsonl")}, HEADSIFT_FAILED, "Permission denied");
}

static void test_dangling_link(void **state) {
    (void)state;
    mkdir("dangling", 0777);
    unlink("dangling/x.jsonl");
    assert_int_equal(symlink("nowhere", "dangling/x.jsonl"), 0);
    check_error(&(headsift_inputs){PATHS("dangling")}, HEADSIFT_FAILED, "can't open dangling/x.jsonl");
}

static void test_files_from(void **state) {
    (void)state;
    put_text("inputs/list", "in/b.jsonl\n\nin/sub\r\nin/a*l\nin/f.txt");
    check_list(&(headsift_inputs){.files_from = "list"},
               "in/b.jsonl in/sub/c.json.gz in/sub/d.ndjson.zst in/a-b.jsonl in/a.jsonl in/f.txt");
    check_list(&(headsift_inputs){PATHS("in/e.CSV"), .files_from = "list"},
               "in/e.CSV in/b.jsonl in/sub/c.json.gz in/sub/d.ndjson.zst in/a-b.jsonl in/a.jsonl in/f.txt");
    check_error(&(headsift_inputs){.files_from = "nolist"}, HEADSIFT_FAILED, "can't open nolist");
    put_text("inputs/list", "\n");
    check_error(&(headsift_inputs){.files_from = "list"}, HEADSIFT_USAGE, "no input files");
    put("inputs/list", "in/a.jsonl\0in/b.jsonl", 21);
    check_error(&(headsift_inputs){.files_from = "list"}, HEADSIFT_USAGE, "NUL");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),      cmocka_unit_test(test_a_name_is_no_pattern),
        cmocka_unit_test(test_formats),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_unreadable), cmocka_unit_test(test_dangling_link),
        cmocka_unit_test(test_files_from), cmocka_unit_test(test_links),
    };
    return cmocka_run_group_tests(tests, make_tree, NULL);
}
