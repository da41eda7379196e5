/* See tiny_model.h. Files are made in the folder that the test is in.
 * Texts are made of the letters that the tokenizer knows. */
#define _GNU_SOURCE
#include "tiny_model.h"
#include "support.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "corpus/sql.h"

enum { N_TOKENS = 128, PARQUET_ROWS = 3000, JSONL_ROWS = 1600, CSV_ROWS = 800, FRAME = 90 };

/* ---- The model ---- */

/* Ids: three special ones, "!" to "y", fillers, space and newline in GPT-2's alphabet. */
static json_t *vocabulary(void) {
    static const char *const special[] = {"<pad>", "<s>", "</s>"};
    json_t *ids = json_object();
    char name[32];
    for (int id = 0; id < N_TOKENS; id++) {
        if (id < 3) {
            snprintf(name, sizeof name, "%s", special[id]);
        } else if ('!' + id - 3 <= 'y') {
            snprintf(name, sizeof name, "%c", '!' + id - 3);
        } else {
            snprintf(name, sizeof name, "[unused%d]", id);
        }
        json_object_set_new(ids, id == 126 ? "\xC4\xA0" : id == 127 ? "\xC4\x8A" : name, json_integer(id));
    }
    return ids;
}

static json_t *byte_level(void) {
    return json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0, "trim_offsets", 1, "use_regex",
                     1);
}

static void write_tokenizer(const char *path) {
    json_t *added = json_array();
    static const char *const special[] = {"<pad>", "<s>", "</s>"};
    for (int id = 0; id < 3; id++) {
        json_array_append_new(added,
                              json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", id, "content", special[id],
                                        "single_word", 0, "lstrip", 0, "rstrip", 0, "normalized", 0, "special", 1));
    }
    json_t *bpe = json_pack("{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:[]}", "type", "BPE", "dropout",
                            "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0,
                            "byte_fallback", 0, "ignore_merges", 0, "vocab", vocabulary(), "merges");
    json_t *digits = json_pack("{s:s, s:b}", "type", "Digits", "individual_digits", 1);
    json_t *split = json_pack("{s:s, s:[o, o]}", "type", "Sequence", "pretokenizers", digits, byte_level());
    json_t *all = json_pack("{s:s, s:n, s:n, s:o, s:n, s:o, s:n, s:o, s:o}", "version", "1.0", "truncation", "padding",
                            "added_tokens", added, "normalizer", "pre_tokenizer", split, "post_processor", "decoder",
                            byte_level(), "model", bpe);
    assert_non_null(all);
    assert_int_equal(json_dump_file(all, path, 0), 0);
    json_decref(all);
}

void tiny_model(void) {
    static const char heads[] = "{\"heads\": [[1, 2], [2, 0]]}";
    assert_int_equal(system("mkdir tiny && cp '" HS_TEST_DATA "'/goldens/tiny/llama_gqa_tied/config.json '" HS_TEST_DATA
                            "'/goldens/tiny/llama_gqa_tied/model.safetensors tiny/"),
                     0);
    write_tokenizer("tiny/tokenizer.json");
    assert_int_equal(hs_file_write("heads.json", heads, sizeof heads - 1, NULL), HEADSIFT_OK);
}

/* ---- The corpus ---- */

/* Text i: 20 to 109 letters and spaces, now and then 900. */
static void text_of(int i, char out[1024]) {
    int size = i % 397 == 396 ? 900 : 20 + i * 37 % 90;
    for (int at = 0; at < size; at++) {
        int letter = (at * at + i * 31 + at / 7 + i * at) % 29;
        out[at] = letter > 24 ? ' ' : (char)('a' + letter);
    }
    out[size] = '\0';
}

static void write_bytes(const char *name, const void *bytes, size_t size) {
    assert_int_equal(hs_file_write(name, bytes, size, NULL), HEADSIFT_OK);
}

/* A frame for every FRAME records: the size of a frame does not matter to what is read. */
static void write_jsonl(void) {
    struct hs_buffer lines = {0}, packed = {0};
    char text[1024];
    for (int i = 0; i < JSONL_ROWS; i++) {
        text_of(i, text);
        assert_true(
            hs_buffer_printf(&lines, "{\"id\": \"j%d\", \"domain\": \"m%d\", \"text\": \"%s\"}\n", i, i % 3, text));
        if (i % FRAME == FRAME - 1 || i + 1 == JSONL_ROWS) {
            size_t room = ZSTD_compressBound(lines.size);
            assert_true(hs_buffer_reserve(&packed, room));
            size_t size = ZSTD_compress(packed.data + packed.size, room, lines.data, lines.size, 3);
            assert_false(ZSTD_isError(size));
            packed.size += size;
            lines.size = 0;
        }
    }
    write_bytes("docs.jsonl.zst", packed.data, packed.size);
    hs_buffer_free(&lines);
    hs_buffer_free(&packed);
}

/* Some values hold line breaks and quotes; one gzip member. */
static void write_csv(void) {
    gzFile file = gzopen("docs.csv.gz", "wb");
    char text[1024];
    gzputs(file, "id,domain,text\n");
    for (int i = 0; i < CSV_ROWS; i++) {
        text_of(5000 + i, text);
        gzprintf(file, "c%d,m%d,\"%s%s\"\n", i, i % 3, i % 5 == 0 ? "two\nlines \"\"and quotes\"\" " : "", text);
    }
    assert_int_equal(gzclose(file), Z_OK);
}

static void write_parquet(void) {
    struct hs_buffer lines = {0};
    char text[1024], folder[512], statement[2048];
    for (int i = 0; i < PARQUET_ROWS; i++) {
        text_of(9000 + i, text);
        assert_true(hs_buffer_printf(&lines, "p%d,m%d,%s\n", i, i % 3, text));
    }
    write_bytes("parquet.csv", lines.data, lines.size);
    hs_buffer_free(&lines);
    assert_non_null(getcwd(folder, sizeof folder));
    const char *const paths[] = {folder};
    struct hs_sql sql;
    headsift_error error = {0};
    assert_int_equal(hs_sql_open(&(struct hs_sql_options){.paths = paths, .n_paths = 1}, &sql, &error), HEADSIFT_OK);
    snprintf(statement, sizeof statement,
             "COPY (FROM read_csv('%s/parquet.csv', header = false, columns = {'id': 'VARCHAR', 'domain': 'VARCHAR', "
             "'text': 'VARCHAR'})) TO '%s/docs.parquet' (FORMAT parquet, ROW_GROUP_SIZE 200)",
             folder, folder);
    if (hs_sql_run(&sql, statement, NULL, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    hs_sql_close(&sql);
    assert_int_equal(unlink("parquet.csv"), 0);
}

void mixed_corpus(void) {
    write_jsonl();
    write_csv();
    write_parquet();
}
