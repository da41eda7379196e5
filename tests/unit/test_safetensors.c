/* safetensors: headers that lie, shards that leave the folder, tensors that are missing or misshapen, F16 and BF16.
 * Directories are written to the scratch folder from the tiny golden models. */
#include "support.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "tools/export_hf.h"

/* A file of this header, with the length that it has (plus `lie`) and `data` bytes of zeros behind it. */
static headsift_status parse(const char *header, int64_t lie, size_t data, headsift_error *error) {
    uint64_t length = strlen(header);
    size_t size = 8 + length + data;
    unsigned char *file = calloc(1, size);
    uint64_t said = length + (uint64_t)lie;
    memcpy(file, &said, 8);
    memcpy(file + 8, header, length);
    json_t *root;
    const unsigned char *start;
    headsift_status status = hs_safetensors_parse(file, size, "f", &root, &start, error);
    if (status == HEADSIFT_OK) {
        assert_ptr_equal(start, file + 8 + length);
        json_decref(root);
    } else {
        assert_null(root);
    }
    free(file);
    return status;
}

static void lies_in_the_header(void **state) {
    (void)state;
    static const struct {
        const char *header;
        int64_t lie;
        size_t data;
        const char *message; /* NULL: it is fine */
    } cases[] = {
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [2, 3], \"data_offsets\": [0, 24]}}   ", 0, 24, NULL},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [], \"data_offsets\": [4, 8]}}", 0, 8, NULL},
        {"{\"a\": {\"dtype\": \"BF16\", \"shape\": [0, 7], \"data_offsets\": [8, 8]}}", 0, 8, NULL},
        {"{\"__metadata__\": {\"format\": \"pt\"}, \"a\": {\"dtype\": \"NEW4\", \"shape\": [3], \"data_offsets\": [0, "
         "2]}}",
         0, 2, NULL}, /* a type to come: fine until a weight needs it */
        {"{}", 0, 0, NULL},
        {"{}", 1, 0, "a safetensors header of 3 bytes in a file of 10"},
        {"{}", INT64_MAX, 0, "the file is cut or is something else"},
        {"{}", -3, 0, "a safetensors header of 18446744073709551615 bytes"},
        {"{\"a\": {\"dtype\": \"F32\"", 0, 0, "the safetensors header is not JSON"},
        {"[]", 0, 0, "is not a JSON object"},
        {"{\"a\": 1}", 0, 8, "tensor \"a\": its entry is not an object"},
        {"{\"a\": []}", 0, 8, "tensor \"a\": its entry is not an object"},
        {"{\"__metadata__\": 1}", 0, 8, "tensor \"__metadata__\": it is not an object"},
        {"{\"a\": {\"shape\": [1], \"data_offsets\": [0, 4]}}", 0, 4, "\"dtype\" is not a string"},
        {"{\"a\": {\"dtype\": 4, \"shape\": [1], \"data_offsets\": [0, 4]}}", 0, 4, "\"dtype\" is not a string"},
        {"{\"a\": {\"dtype\": \"F32\", \"data_offsets\": [0, 4]}}", 0, 4, "\"shape\" is not a list"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [-1], \"data_offsets\": [0, 4]}}", 0, 4,
         "\"shape\" holds something else"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1.5], \"data_offsets\": [0, 4]}}", 0, 4,
         "\"shape\" holds something else"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1,1,1,1,1,1,1,1,1], \"data_offsets\": [0, 4]}}", 0, 4,
         "\"shape\" has more than 8 dimensions"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [4294967296, 4294967296], \"data_offsets\": [0, 0]}}", 0, 4,
         "\"shape\" is absurdly large"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [4611686018427387904], \"data_offsets\": [0, 0]}}", 0, 4,
         "do not fit its shape and dtype"}, /* times 4 is 0 */
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1]}}", 0, 4, "\"data_offsets\" are not two offsets"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0]}}", 0, 4, "are not two offsets"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, \"4\"]}}", 0, 4, "are not two offsets"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [-4, 0]}}", 0, 4, "are not two offsets"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}", 0, 7, "lie outside the file"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 0]}}", 0, 4, "lie outside the file"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [9223372036854775803, 9223372036854775807]}}",
         0, 4, "lie outside the file"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 4]}}", 0, 4,
         "do not fit its shape and dtype"},
        {"{\"a\": {\"dtype\": \"F16\", \"shape\": [1], \"data_offsets\": [0, 4]}}", 0, 4,
         "do not fit its shape and dtype"},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]},"
         " \"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}",
         0, 4, "duplicate object key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_error error = {0};
        headsift_status status = parse(cases[i].header, cases[i].lie, cases[i].data, &error);
        assert_int_equal(status, cases[i].message == NULL ? HEADSIFT_OK : HEADSIFT_FAILED);
        if (cases[i].message != NULL && strstr(error.message, cases[i].message) == NULL) {
            fail_msg("%s: expected \"%s\", got \"%s\"", cases[i].header, cases[i].message, error.message);
        }
    }
    headsift_error error = {0};
    json_t *root;
    const unsigned char *data;
    assert_int_equal(hs_safetensors_parse((const unsigned char *)"1234567", 7, "f", &root, &data, &error),
                     HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "7 bytes are no safetensors file"));
}

static void golden(const char *name, char *path, size_t size) {
    snprintf(path, size, "%s/goldens/tiny/%s", HS_TEST_DATA, name);
}

/* Writes a golden model to scratch/st_<name>-<dtype>-<shards> and gives the folder. */
static void export_golden(const char *name, enum export_dtype dtype, int shards, char *path, size_t size) {
    char from[512], folder[128];
    headsift_error error = {0};
    struct hs_model *model;
    golden(name, from, sizeof from);
    snprintf(folder, sizeof folder, "st_%s-%d-%d", name, (int)dtype, shards);
    test_scratch(path, size, folder);
    assert_int_equal(hs_model_open(from, NULL, &model, &error), HEADSIFT_OK);
    struct export_options options = {.directory = path, .dtype = dtype, .shards = shards, .old_rope = shards == 1};
    assert_int_equal(hs_make_directory(path, &error), HEADSIFT_OK);
    if (export_directory(model, &options, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    hs_model_close(model);
}

static float difference(const struct hs_model *a, const struct hs_model *b, const char *dtype) {
    float most = 0.0F;
    for (int role = 0; role < HS_N_ROLES; role++) {
        for (int32_t layer = 0; layer < hs_model_config(a)->n_layer; layer++) {
            const struct hs_weight *left = hs_model_weight(a, (enum hs_role)role, layer);
            const struct hs_weight *right = hs_model_weight(b, (enum hs_role)role, layer);
            assert_int_equal(left == NULL, right == NULL);
            if (left == NULL) {
                continue;
            }
            size_t n = (size_t)(hs_weight_rows(left) * hs_weight_cols(left));
            assert_int_equal(n, hs_weight_rows(right) * hs_weight_cols(right));
            assert_string_equal(hs_weight_dtype(right), dtype);
            float *x = hs_alloc(n, sizeof *x), *y = hs_alloc(n, sizeof *y);
            hs_weight_read(left, 0, hs_weight_rows(left), x);
            hs_weight_read(right, 0, hs_weight_rows(right), y);
            for (size_t i = 0; i < n; i++) {
                most = fmaxf(most, fabsf(x[i] - y[i]));
            }
            hs_free(x);
            hs_free(y);
        }
    }
    return most;
}

static void every_dtype_single_and_sharded(void **state) {
    (void)state;
    static const char *const NAMES[] = {"llama_bias", "llama_gqa_tied", "llama3_rope"};
    static const char *const DTYPES[] = {"F32", "F16", "BF16"};
    static const float BOUNDS[] = {0.0F, 0x1p-11F, 0x1p-8F}; /* half a step of a number below 2 */
    for (size_t i = 0; i < 3; i++) {
        for (int dtype = 0; dtype < 3; dtype++) {
            for (int shards = 1; shards <= 5; shards += 4) {
                char path[512], from[512];
                struct hs_model *a, *b;
                headsift_error error = {0};
                golden(NAMES[i], from, sizeof from);
                export_golden(NAMES[i], (enum export_dtype)dtype, shards, path, sizeof path);
                assert_int_equal(hs_model_open(from, NULL, &a, &error), HEADSIFT_OK);
                assert_int_equal(hs_model_open(path, NULL, &b, &error), HEADSIFT_OK);
                assert_int_equal(b->n_shards, shards);
                float most = difference(a, b, DTYPES[dtype]);
                assert_true(most <= BOUNDS[dtype]);
                assert_int_equal(most > 0.0F, dtype > 0);
                double x[4], y[4];
                hs_rope_frequencies(hs_model_config(a), HS_ROPE_GLOBAL, x);
                hs_rope_frequencies(hs_model_config(b), HS_ROPE_GLOBAL, y);
                assert_memory_equal(x, y, sizeof x);
                hs_model_close(a);
                hs_model_close(b);
            }
        }
    }
}

/* Values of the golden file read by another library: the first of the embedding and of layer 2's last matrix. */
static void known_values(void **state) {
    (void)state;
    char path[512];
    headsift_error error = {0};
    struct hs_model *model;
    float row[48];
    golden("llama_mha", path, sizeof path);
    assert_int_equal(hs_model_open(path, NULL, &model, &error), HEADSIFT_OK);
    hs_weight_read(hs_model_weight(model, HS_EMBEDDING, 0), 127, 1, row);
    assert_true(row[0] == -0x1.5e6e400000000p-2F && row[31] == 0x1.75c5360000000p-2F);
    hs_weight_read(hs_model_weight(model, HS_DOWN, 2), 5, 1, row);
    assert_true(row[47] == -0x1.9282d80000000p-3F);
    assert_null(hs_model_weight(model, HS_Q_BIAS, 0));
    hs_model_close(model);
}

static void halves_by_hand(void **state) {
    (void)state;
    static const struct {
        uint16_t bits;
        float value;
    } f16[] = {{0x0000, 0.0F},      {0x3c00, 1.0F},       {0xc000, -2.0F},         {0x7bff, 65504.0F},
               {0x0400, 0x1p-14F},  {0x0001, 0x1p-24F},   {0x83ff, -0x1.ff8p-15F}, {0x7c00, INFINITY},
               {0xfc00, -INFINITY}, {0x3555, 0x1.554p-2F}};
    unsigned char bytes[sizeof f16 / sizeof *f16 * 2 + 1]; /* at an odd address */
    float out[16];
    for (size_t i = 0; i < sizeof f16 / sizeof *f16; i++) {
        memcpy(bytes + 1 + 2 * i, &f16[i].bits, 2);
    }
    hs_f16_to_f32(bytes + 1, out, sizeof f16 / sizeof *f16);
    for (size_t i = 0; i < sizeof f16 / sizeof *f16; i++) {
        assert_true(out[i] == f16[i].value);
    }
    uint16_t special[] = {0x7e00, 0x8000};
    hs_f16_to_f32(special, out, 2);
    assert_true(isnan(out[0]) && out[1] == 0.0F && signbit(out[1]));
    uint16_t bf16[] = {0x3f80, 0xc040, 0x0001, 0xff80};
    hs_bf16_to_f32(bf16, out, 4);
    assert_true(out[0] == 1.0F && out[1] == -3.0F && out[2] == 0x1p-133F && out[3] == -INFINITY);
}

/* Changes one member of a JSON file of the folder with a callback, and puts the folder's model to the test. */
static void edit_json(const char *folder, const char *name, void (*edit)(json_t *root)) {
    char path[600];
    headsift_error error = {0};
    json_t *root;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(hs_json_load(path, SIZE_MAX / 2, &root, &error), HEADSIFT_OK);
    edit(root);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
}

static void refused(const char *folder, const char *message) {
    headsift_error error = {0};
    struct hs_model *model;
    assert_int_equal(hs_model_open(folder, NULL, &model, &error), HEADSIFT_FAILED);
    assert_null(model);
    if (strstr(error.message, message) == NULL) {
        fail_msg("expected \"%s\", got \"%s\"", message, error.message);
    }
}

static const char *shard_name;
static void use_shard_name(json_t *root) {
    json_object_set_new(json_object_get(root, "weight_map"), "model.norm.weight",
                        json_stringn(shard_name, strlen(shard_name)));
}
static void number_as_shard(json_t *root) {
    json_object_set_new(json_object_get(root, "weight_map"), "model.norm.weight", json_integer(1));
}
static void no_map(json_t *root) { json_object_del(root, "weight_map"); }
static void without_tensor(json_t *root) { json_object_del(json_object_get(root, "weight_map"), "model.norm.weight"); }
static void wrong_shard(json_t *root) {
    json_object_set_new(json_object_get(root, "weight_map"), "model.norm.weight",
                        json_string("model-00005-of-00005.safetensors"));
}

static void index_names_stay_in_the_folder(void **state) {
    (void)state;
    static const char *const NAMES[] = {
        "../st_secret.safetensors", "/etc/passwd", "sub/model.safetensors", "..", ".", "", "a\\b.safetensors"};
    static const char INDEX[] = "model.safetensors.index.json";
    char path[512];
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        export_golden("llama_mha", EXPORT_F32, 5, path, sizeof path);
        shard_name = NAMES[i];
        edit_json(path, INDEX, use_shard_name);
        refused(path, "only files of this folder are read");
    }
    export_golden("llama_mha", EXPORT_F32, 5, path, sizeof path);
    shard_name = "gone.safetensors";
    edit_json(path, INDEX, use_shard_name);
    refused(path, "/gone.safetensors: No such file or directory");
    edit_json(path, INDEX, number_as_shard);
    refused(path, "the file of tensor \"model.norm.weight\" must be a string");
    edit_json(path, INDEX, wrong_shard);
    refused(path, "model-00005-of-00005.safetensors: tensor \"model.norm.weight\" is missing, though the index says");
    edit_json(path, INDEX, without_tensor);
    refused(path, "tensor \"model.norm.weight\" of shape [32] is missing");
    edit_json(path, INDEX, no_map);
    refused(path, "\"weight_map\" is missing");
}

static void more_layers(json_t *root) { json_object_set_new(root, "num_hidden_layers", json_integer(4)); }
static void wider(json_t *root) { json_object_set_new(root, "intermediate_size", json_integer(50)); }
static void narrower(json_t *root) { json_object_set_new(root, "hidden_size", json_integer(16)); }
static void fewer_kv(json_t *root) { json_object_set_new(root, "num_key_value_heads", json_integer(2)); }
static void with_bias(json_t *root) { json_object_set_new(root, "attention_bias", json_true()); }
static void back(json_t *root) {
    json_object_set_new(root, "num_hidden_layers", json_integer(3));
    json_object_set_new(root, "hidden_size", json_integer(32));
    json_object_set_new(root, "intermediate_size", json_integer(48));
    json_object_set_new(root, "num_key_value_heads", json_integer(4));
    json_object_set_new(root, "attention_bias", json_false());
}

static void a_config_that_does_not_fit_its_weights(void **state) {
    (void)state;
    static const struct {
        void (*edit)(json_t *);
        const char *message;
    } cases[] = {
        {more_layers, "tensor \"model.layers.3.input_layernorm.weight\" of shape [32] is missing"},
        {wider, "tensor \"model.layers.0.mlp.gate_proj.weight\" has shape [48, 32], expected [50, 32]"},
        {narrower, "tensor \"model.embed_tokens.weight\" has shape [128, 32], expected [128, 16]"},
        {fewer_kv, "tensor \"model.layers.0.self_attn.k_proj.weight\" has shape [32, 32], expected [16, 32]"},
        {with_bias, "tensor \"model.layers.0.self_attn.q_proj.bias\" of shape [32] is missing"},
    };
    char path[512];
    export_golden("llama_mha", EXPORT_F32, 1, path, sizeof path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        edit_json(path, "config.json", cases[i].edit);
        refused(path, cases[i].message);
        edit_json(path, "config.json", back);
    }
}

static void write_text(const char *folder, const char *name, const char *text, size_t size) {
    char path[600];
    headsift_error error = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(hs_file_write(path, text, size, &error), HEADSIFT_OK);
}

static void other_dtypes_and_missing_files(void **state) {
    (void)state;
    char path[512], file[600];
    headsift_error error = {0};
    struct hs_buffer bytes = {0};
    export_golden("llama_mha", EXPORT_F32, 1, path, sizeof path);
    snprintf(file, sizeof file, "%s/model.safetensors", path);
    assert_int_equal(hs_file_read(file, SIZE_MAX / 2, &bytes, &error), HEADSIFT_OK);
    char *dtype = strstr(bytes.data + 8, "\"F32\"");
    memcpy(dtype, "\"I32\"", 5);
    write_text(path, "model.safetensors", bytes.data, bytes.size);
    refused(path, "tensor \"model.embed_tokens.weight\" has type I32, which is not supported");
    memcpy(dtype, "\"F32\"", 5);
    write_text(path, "model.safetensors", bytes.data, bytes.size - 1);
    refused(path, "lie outside the file");
    write_text(path, "model.safetensors", "", 0);
    refused(path, "0 bytes are no safetensors file");
    hs_buffer_free(&bytes);
    unlink(file);
    refused(path, "no model.safetensors and no model.safetensors.index.json");
    write_text(path, "pytorch_model.bin", "x", 1);
    refused(path, "convert pytorch_model.bin to safetensors");
    write_text(path, "config.json", "{\"model_type\": ", 15);
    refused(path, "config.json is not JSON");
}

static void generation_config_adds_ends(void **state) {
    (void)state;
    char path[512];
    headsift_error error = {0};
    struct hs_model *model;
    export_golden("llama_mqa", EXPORT_F32, 1, path, sizeof path);
    write_text(path, "generation_config.json", "{\"eos_token_id\": [2, 7, 9]}", 27);
    assert_int_equal(hs_model_open(path, NULL, &model, &error), HEADSIFT_OK);
    assert_int_equal(hs_model_config(model)->n_eos, 3);
    assert_int_equal(hs_model_config(model)->eos[2], 9);
    assert_string_equal(hs_model_config(model)->name, "st_llama_mqa-0-1");
    hs_model_close(model);
}

/* The hash of a directory is that of its list of hashes; a second call gives the same from the cache. */
static void hash_of_a_directory(void **state) {
    (void)state;
    char path[512], first[HS_HASH_HEX], second[HS_HASH_HEX], wanted[HS_HASH_HEX];
    char config[HS_HASH_HEX], weights[HS_HASH_HEX], lines[512], file[600];
    headsift_error error = {0};
    struct hs_model *model;
    export_golden("llama_mha", EXPORT_F16, 1, path, sizeof path);
    snprintf(file, sizeof file, "%s/config.json", path);
    assert_int_equal(hs_file_digest(file, config, &error), HEADSIFT_OK);
    snprintf(file, sizeof file, "%s/model.safetensors", path);
    assert_int_equal(hs_file_digest(file, weights, &error), HEADSIFT_OK);
    int size = snprintf(lines, sizeof lines, "%s  config.json\n%s  model.safetensors\n", config, weights);
    assert_int_equal(hs_hash_bytes(lines, (size_t)size, wanted, &error), HEADSIFT_OK);
    assert_int_equal(hs_model_open(path, NULL, &model, &error), HEADSIFT_OK);
    assert_int_equal(hs_model_sha256(model, first, &error), HEADSIFT_OK);
    assert_int_equal(hs_model_sha256(model, second, &error), HEADSIFT_OK);
    assert_string_equal(first, wanted);
    assert_string_equal(second, wanted);
    hs_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lies_in_the_header),
        cmocka_unit_test(every_dtype_single_and_sharded),
        cmocka_unit_test(known_values),
        cmocka_unit_test(halves_by_hand),
        cmocka_unit_test(index_names_stay_in_the_folder),
        cmocka_unit_test(a_config_that_does_not_fit_its_weights),
        cmocka_unit_test(other_dtypes_and_missing_files),
        cmocka_unit_test(generation_config_adds_ends),
        cmocka_unit_test(hash_of_a_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
