/* Writes the folder: another configuration beside the same weights.
 * See rope_folder.h. */
#include "rope_folder.h"

#include <jansson.h>

#include "base/file.h"

void write_rope_folder(const char *name, const char *rope, char *path, size_t size) {
    char target[600];
    headsift_error error = {0};
    struct hs_buffer weights = {0};
    json_t *root = json_load_file(HS_TEST_DATA "/goldens/tiny/llama_mha/config.json", 0, NULL);
    assert_non_null(root);
    test_scratch(path, size, name);
    assert_int_equal(hs_make_directory(path, &error), HEADSIFT_OK);
    assert_int_equal(hs_file_read(HS_TEST_DATA "/goldens/tiny/llama_mha/model.safetensors", SIZE_MAX, &weights, &error),
                     HEADSIFT_OK);
    snprintf(target, sizeof target, "%s/model.safetensors", path);
    assert_int_equal(hs_file_write(target, weights.data, weights.size, &error), HEADSIFT_OK);
    json_object_set_new(root, "rope_parameters", json_loads(rope, 0, NULL));
    snprintf(target, sizeof target, "%s/config.json", path);
    assert_int_equal(json_dump_file(root, target, 0), 0);
    json_decref(root);
    hs_buffer_free(&weights);
}
