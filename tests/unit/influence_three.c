/* See influence_three.h.
 * Units of 7, 5 and 4 records. */
#define _GNU_SOURCE
#include "influence_three.h"

void make_three(struct three *three, const char *name) {
    static char a[] = "a.jsonl", b[] = "b.jsonl";
    char line[1024];
    *three = (struct three){.inputs = {{.path = a, .identity.size = 70}, {.path = b, .identity.size = 99}},
                            .parts = {{.range = {0, 7, 70, 0, 0}},
                                      {.input = 1, .range = {0, 5, 50, 0, 0}},
                                      {.input = 1, .unit = 1, .range = {5, 4, 49, 50, 0}}},
                            .input_parts = {0, 1, 3}};
    test_scratch(three->directory, sizeof three->directory, name);
    snprintf(line, sizeof line, "rm -rf '%s'", three->directory);
    assert_int_equal(system(line), 0);
    assert_int_equal(hs_make_directory(three->directory, NULL), HEADSIFT_OK);
    three->plan = (struct hs_score_plan){.directory = three->directory,
                                         .inputs = {three->inputs, 2},
                                         .sources = three->sources,
                                         .parts = three->parts,
                                         .n_parts = 3,
                                         .input_parts = three->input_parts,
                                         .started = 1,
                                         .world = 1};
    for (size_t i = 0; i < 3; i++) {
        char *path = hs_plan_part_path(&three->plan, &three->parts[i]);
        assert_int_equal(hs_file_write(path, "x", 1, NULL), HEADSIFT_OK);
        hs_free(path);
    }
}
