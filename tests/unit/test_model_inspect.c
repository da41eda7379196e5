/* headsift_inspect on models that open and on ones that do not, and the cache of hashes.
 * The cache is pointed into the scratch folder. */
#define _GNU_SOURCE
#include "support.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/internal.h"

/* What inspect prints; *error holds its message. */
static char *inspect(const char *path, headsift_status wanted, headsift_error *error) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    *error = (headsift_error){0};
    headsift_status status = headsift_inspect(path, out, error);
    fclose(out);
    if (status != wanted) {
        fail_msg("%s: status %d, %s\n%s", path, (int)status, error->message, text);
    }
    return text;
}

static void has(const char *text, const char *line) {
    if (strstr(text, line) == NULL) {
        fail_msg("no \"%s\" in:\n%s", line, text);
    }
}

static void copy(const char *from, const char *to) {
    struct hs_buffer bytes = {0};
    headsift_error error = {0};
    assert_int_equal(hs_file_read(from, SIZE_MAX / 2, &bytes, &error), HEADSIFT_OK);
    assert_int_equal(hs_file_write(to, bytes.data, bytes.size, &error), HEADSIFT_OK);
    hs_buffer_free(&bytes);
}

/* A folder with the golden model and, if `tokenizer`, a tokenizer; its config changed by replacing text of one length.
 */
static void folder_of(const char *name, bool tokenizer, const char *from, const char *to, char *path, size_t size) {
    char source[600], target[600];
    headsift_error error = {0};
    test_scratch(path, size, name);
    assert_int_equal(hs_make_directory(path, &error), HEADSIFT_OK);
    snprintf(source, sizeof source, "%s/goldens/tiny/llama_head_dim/model.safetensors", HS_TEST_DATA);
    snprintf(target, sizeof target, "%s/model.safetensors", path);
    copy(source, target);
    snprintf(source, sizeof source, "%s/goldens/tokenizers/llama3/tokenizer.json", HS_TEST_DATA);
    snprintf(target, sizeof target, "%s/tokenizer.json", path);
    unlink(target);
    if (tokenizer) {
        copy(source, target);
    }
    snprintf(source, sizeof source, "%s/goldens/tiny/llama_head_dim/config.json", HS_TEST_DATA);
    snprintf(target, sizeof target, "%s/config.json", path);
    struct hs_buffer bytes = {0};
    assert_int_equal(hs_file_read(source, SIZE_MAX / 2, &bytes, &error), HEADSIFT_OK);
    if (from != NULL) {
        memcpy(strstr(bytes.data, from), to, strlen(to));
    }
    assert_int_equal(hs_file_write(target, bytes.data, bytes.size, &error), HEADSIFT_OK);
    hs_buffer_free(&bytes);
}

static void a_model_that_opens(void **state) {
    (void)state;
    char path[512];
    headsift_error error;
    folder_of("inspect_good", true, NULL, NULL, path, sizeof path);
    char *text = inspect(path, HEADSIFT_OK, &error);
    has(text, "model       inspect_good\n");
    has(text, "format      Hugging Face directory\n");
    has(text, "files       model.safetensors, ");
    has(text, "family      llama\n");
    has(text, "shape       3 layers, hidden 32, feed-forward 48, vocabulary 128\n");
    has(text, "4 query heads and 2 KV heads of 16 in each of 3 layers (GQA), 12 query heads in all\n");
    has(text, "query heads 0-1 -> KV head 0\n");
    has(text, "query heads 2-3 -> KV head 1\n");
    has(text, "context     256 tokens\n");
    has(text, "rope        base 10000\n");
    has(text, "output      a matrix of its own\n");
    /* 2 x 128 x 32 + 32 + 3 x (2 x 32 + 2 x 64 x 32 + 2 x 32 x 32 + 3 x 48 x 32) */
    has(text, "parameters  40672\n");
    has(text, "dtype       F32 (30 tensors)\n");
    has(text, "tokenizer   byte-level BPE, ");
    has(text, "bos         ");
    has(text, "eos         2 ");
    has(text, "norms       before attention and MLP\n");
    has(text, "activation  silu (SwiGLU)\n");
    has(text, "scales      scores 0.25, embeddings 1, residuals 1, logits 1\n");
    has(text, "memory      f32: 0.1 MB of weights");
    has(text, "            bf16: 0.1 MB of weights");
    has(text, "sha256      ");
    has(text, "supported   yes\n");
    free(text);
}

/* What is special about a family stands there, whether or not its tokenizer does. */
static void blocks_of_families(void **state) {
    (void)state;
    static const struct {
        const char *folder, *lines[6];
    } cases[] = {
        {"goldens/tiny/gemma3",
         {"norms       before and after attention and MLP, of each head's queries and keys\n",
          "activation  gelu by tanh (GeGLU)\n", "scales      scores 0.25, embeddings 5.65685, residuals 1, logits 1\n",
          "window      16 keys in 5 of 6 layers: 0-4\n",
          "rope        base 1e+06\n            base 10000 in 5 of 6 layers: 0-4\n", "output      tied"}},
        {"goldens/tiny/gemma2",
         {"soft caps   scores 50, logits 30 (0: none)\n", "window      16 keys in 2 of 3 layers: 0, 2\n"}},
        {"goldens/tiny/olmo2", {"norms       after attention and MLP, over all queries and all keys\n"}},
        {"goldens/tiny/smollm3_nope", {"rope        base 2e+06\n            no positions in 2 of 4 layers: 1, 3\n"}},
        {"goldens/tiny/granite", {"scales      scores 0.2, embeddings 2, residuals 0.5, logits 0.333333\n"}},
        {"goldens/tiny/llama3_rope",
         {"rope        base 10000, llama3, factor 8, low 1, high 4, original context 64\n"}},
        {"rope/qwen2_yarn", {"rope        base 10000, yarn, factor 4, original context 64\n"}},
        {"rope/phi3_longrope",
         {"rope        base 10000, longrope, original context 64, on 6 of 8 dimensions of a head, frequencies "
          "divided"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        headsift_error error;
        snprintf(path, sizeof path, "%s/%s", HS_TEST_DATA, cases[i].folder);
        char *text = inspect(path, HEADSIFT_FAILED, &error); /* no tokenizer.json */
        for (size_t k = 0; k < 6 && cases[i].lines[k] != NULL; k++) {
            has(text, cases[i].lines[k]);
        }
        free(text);
    }
}

static void a_model_without_a_tokenizer(void **state) {
    (void)state;
    char path[512];
    headsift_error error;
    folder_of("inspect_no_tokenizer", false, NULL, NULL, path, sizeof path);
    char *text = inspect(path, HEADSIFT_FAILED, &error);
    has(text, "memory      ");
    has(text, "supported   no\n");
    has(text, "tokenizer.json: No such file or directory\n");
    has(error.message, "tokenizer.json: No such file or directory");
    free(text);
}

static void a_family_that_is_not_supported(void **state) {
    (void)state;
    char path[512];
    headsift_error error;
    folder_of("inspect_family", true, "\"llama\"", "\"bloom\"", path, sizeof path);
    char *text = inspect(path, HEADSIFT_FAILED, &error);
    has(text, "family      bloom\n");
    has(text, "query heads 2-3 -> KV head 1\n");
    has(text, "dtype       F32 (30 tensors)\n");
    has(text, "tokenizer   byte-level BPE, ");
    has(text, "supported   no\n");
    has(text, "model type \"bloom\" is not supported: it needs ALiBi positions\n");
    has(error.message, "model type \"bloom\" is not supported");
    assert_null(strstr(text, "memory"));
    free(text);
}

static void text_of_files_is_escaped(void **state) {
    (void)state;
    char path[512];
    headsift_error error;
    folder_of("inspect_escape", true, "\"model_type\": \"llama\"", "\"model_type\":\"\\u001b\"", path, sizeof path);
    char *text = inspect(path, HEADSIFT_FAILED, &error);
    assert_null(strchr(text, '\x1b'));
    has(text, "family      \\x1b\n");
    free(text);
}

static void what_is_no_model(void **state) {
    (void)state;
    char path[512];
    headsift_error error;
    char *text = inspect(HS_TEST_DATA "/goldens/README.md", HEADSIFT_FAILED, &error);
    assert_string_equal(text, "");
    has(error.message, "is not a GGUF file");
    free(text);
    text = inspect("/nonexistent", HEADSIFT_FAILED, &error);
    has(error.message, "can't open /nonexistent: No such file or directory");
    free(text);
    test_scratch(path, sizeof path, "inspect_empty");
    assert_int_equal(hs_make_directory(path, &error), HEADSIFT_OK);
    text = inspect(path, HEADSIFT_FAILED, &error);
    assert_string_equal(text, "");
    has(error.message, "config.json: No such file or directory");
    free(text);
}

static const char FAKE[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";

/* Puts `text` in place of the only cache entry. */
static void replace_entry(const char *cache, const char *text) {
    char command[1400];
    snprintf(command, sizeof command, "for f in '%s'/headsift/digests/*; do printf '%s' > \"$f\"; done", cache, text);
    assert_int_equal(system(command), 0);
}

static void hashes_are_cached(void **state) {
    (void)state;
    char path[512], cache[512], first[HS_HASH_HEX], again[HS_HASH_HEX], command[600];
    headsift_error error = {0};
    char *bytes = calloc(1, 2 << 20);
    test_scratch(path, sizeof path, "digest.bin");
    test_scratch(cache, sizeof cache, "digest_cache");
    snprintf(command, sizeof command, "rm -rf '%s'", cache);
    assert_int_equal(system(command), 0);
    setenv("XDG_CACHE_HOME", cache, 1);
    assert_int_equal(hs_file_write(path, bytes, 2 << 20, &error), HEADSIFT_OK);
    assert_int_equal(hs_file_digest(path, first, &error), HEADSIFT_OK);
    assert_string_equal(first, "5647f05ec18958947d32874eeb788fa396a05d0bab7c1b71f112ceb7e9b31eee");
    replace_entry(cache, FAKE); /* what the cache says is believed ... */
    assert_int_equal(hs_file_digest(path, again, &error), HEADSIFT_OK);
    assert_memory_equal(again, FAKE, HS_HASH_HEX - 1);
    replace_entry(cache, "garbage"); /* ... if it is a hash */
    assert_int_equal(hs_file_digest(path, again, &error), HEADSIFT_OK);
    assert_string_equal(again, first);
    replace_entry(cache, FAKE);
    bytes[5] = 1; /* the file changes: same size, another time */
    assert_int_equal(hs_file_write(path, bytes, 2 << 20, &error), HEADSIFT_OK);
    assert_int_equal(hs_file_digest(path, again, &error), HEADSIFT_OK);
    assert_memory_not_equal(again, FAKE, HS_HASH_HEX - 1);
    assert_string_not_equal(again, first);
    setenv("XDG_CACHE_HOME", "/dev/null/no", 1); /* can't be written: no error */
    assert_int_equal(hs_file_digest(path, first, &error), HEADSIFT_OK);
    assert_string_equal(first, again);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_cached),
        cmocka_unit_test(a_model_that_opens),
        cmocka_unit_test(a_model_without_a_tokenizer),
        cmocka_unit_test(a_family_that_is_not_supported),
        cmocka_unit_test(blocks_of_families),
        cmocka_unit_test(text_of_files_is_escaped),
        cmocka_unit_test(what_is_no_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
