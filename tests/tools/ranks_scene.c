/* For the tests of the launchers: a small random model, heads and a corpus of every format, and the comparison of what
 * many processes left with what one did.
 * usage: ranks_scene write FOLDER RECORDS | ranks_scene check SCORES WANTED */
#define _GNU_SOURCE
#include "unit/corpus_files.h"
#include "written_llama.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/random.h"

/* Where a scene goes, and the bytes of the file in the making. */
struct scene {
    const char *folder;
    struct hs_random random;
    struct hs_buffer bytes;
};

static void put_words(struct scene *scene, uint64_t n) {
    static const char *const words[] = {"boats ", "come in ", "before ", "dawn ",   "and ",  "crates ",
                                        "of ",    "herring ", "stand ",  "on the ", "quay ", "while "};
    for (uint64_t i = 0; i < n; i++) {
        hs_buffer_printf(&scene->bytes, "%s", words[hs_random_below(&scene->random, sizeof words / sizeof *words)]);
    }
}

/* A record in 50 is one without a score: no JSON, or an empty text. */
static void put_json_lines(struct scene *scene, const char *name, int records) {
    for (int row = 0; row < records; row++) {
        if (row % 50 == 7) {
            hs_buffer_printf(&scene->bytes, row % 100 == 7 ? "no record\n" : "{\"text\":\"\"}\n");
            continue;
        }
        hs_buffer_printf(&scene->bytes, "{\"id\":\"%s-%d\",\"domain\":\"%s\",\"text\":\"", name, row,
                         row % 3 == 0 ? "sea" : "land");
        put_words(scene, 1 + hs_random_below(&scene->random, 300));
        hs_buffer_printf(&scene->bytes, "\"}\n");
    }
}

static void put_csv_records(struct scene *scene, const char *name, int records) {
    hs_buffer_printf(&scene->bytes, "id,domain,text\n");
    for (int row = 0; row < records; row++) {
        hs_buffer_printf(&scene->bytes, "%s-%d,%s,\"", name, row, row % 3 == 0 ? "sea" : "land");
        put_words(scene, row % 50 == 7 ? 0 : 1 + hs_random_below(&scene->random, 60));
        hs_buffer_printf(&scene->bytes, "\nthe end\"\n");
    }
}

static void path_of(const struct scene *scene, const char *name, char out[1024]) {
    snprintf(out, 1024, "%s/%s", scene->folder, name);
}

static void write_out(struct scene *scene, const char *name, const void *bytes, size_t size) {
    char path[1024];
    path_of(scene, name, path);
    assert_int_equal(hs_file_write(path, bytes, size, NULL), HEADSIFT_OK);
}

/* What was put together, in so many members or frames. */
static void flush_as(struct scene *scene, const char *name, enum hs_compression kind) {
    if (kind == HS_PLAIN) {
        write_out(scene, name, scene->bytes.data, scene->bytes.size);
    } else {
        struct hs_buffer small = packed(kind, scene->bytes.data, scene->bytes.size, 3);
        write_out(scene, name, small.data, small.size);
        hs_buffer_free(&small);
    }
    scene->bytes.size = 0;
}

static void write_parquet(struct scene *scene, int records) {
    char csv[1024], statement[4096];
    put_csv_records(scene, "parquet", records);
    flush_as(scene, "rows.csv", HS_PLAIN);
    path_of(scene, "rows.csv", csv);
    snprintf(statement, sizeof statement,
             "COPY (SELECT * FROM read_csv('%s', header = true, all_varchar = true)) TO '%s/corpus/d.parquet' "
             "(FORMAT parquet, ROW_GROUP_SIZE 2048)",
             csv, scene->folder);
    duckdb_do(statement);
    assert_int_equal(remove(csv), 0);
}

static void write_model(struct scene *scene) {
    static const struct written_llama llama = {
        .n_layer = 2, .hidden = 64, .ffn = 128, .n_head = 4, .n_kv_head = 2, .vocab = 3005, .largest = 0.3};
    struct hs_buffer tokenizer = {0};
    char path[1024];
    path_of(scene, "model", path);
    written_llama(path, &llama);
    assert_int_equal(hs_file_read(HS_TEST_DATA "/goldens/tokenizers/smollm/tokenizer.json", SIZE_MAX, &tokenizer, NULL),
                     HEADSIFT_OK);
    write_out(scene, "model/tokenizer.json", tokenizer.data, tokenizer.size);
    hs_buffer_free(&tokenizer);
    static const char heads[] = "{\"heads\":[[0,2],[1,1]]}\n";
    write_out(scene, "heads.json", heads, sizeof heads - 1);
}

static int write_scene(const char *folder, int records) {
    struct scene scene = {.folder = folder};
    char corpus[1024];
    path_of(&scene, "corpus", corpus);
    mkdir(folder, 0777);
    mkdir(corpus, 0777);
    hs_random_seed(&scene.random, 6);
    write_model(&scene);
    put_json_lines(&scene, "plain", records);
    flush_as(&scene, "corpus/a.jsonl", HS_PLAIN);
    put_json_lines(&scene, "zst", records / 2);
    flush_as(&scene, "corpus/b.jsonl.zst", HS_ZSTD);
    put_csv_records(&scene, "gz", records);
    flush_as(&scene, "corpus/c.csv.gz", HS_GZIP);
    write_parquet(&scene, 5 * records);
    hs_buffer_free(&scene.bytes);
    return 0;
}

/* The one number that a query gives. */
static int64_t number(duckdb_connection connection, const char *query) {
    duckdb_result result;
    if (duckdb_query(connection, query, &result) == DuckDBError) {
        fail_msg("%s: %s", query, duckdb_result_error(&result));
    }
    int64_t value = duckdb_value_int64(&result, 0, 0);
    duckdb_destroy_result(&result);
    return value;
}

/* Both folders hold the same rows, each record of each file once. */
static int check(const char *scores, const char *wanted) {
    duckdb_database database;
    duckdb_connection connection;
    char query[4096];
    assert_int_equal(duckdb_open(NULL, &database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
    snprintf(query, sizeof query,
             "CREATE VIEW got AS FROM read_parquet('%s/part-*.parquet'); CREATE VIEW wanted AS FROM "
             "read_parquet('%s/part-*.parquet'); SELECT 0",
             scores, wanted);
    number(connection, query);
    int64_t rows = number(connection, "SELECT count(*) FROM got");
    int64_t all = number(connection, "SELECT count(*) FROM wanted");
    int64_t places = number(connection, "SELECT count(*) FROM (SELECT DISTINCT file, \"row\" FROM got)");
    int64_t other = number(connection, "SELECT (SELECT count(*) FROM (FROM got EXCEPT ALL FROM wanted)) + "
                                       "(SELECT count(*) FROM (FROM wanted EXCEPT ALL FROM got))");
    printf("%lld rows, %lld wanted, %lld places, %lld unlike\n", (long long)rows, (long long)all, (long long)places,
           (long long)other);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return rows > 0 && rows == all && places == rows && other == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "write") == 0) {
        return write_scene(argv[2], atoi(argv[3]));
    }
    if (argc == 4 && strcmp(argv[1], "check") == 0) {
        return check(argv[2], argv[3]);
    }
    fprintf(stderr, "usage: ranks_scene write FOLDER RECORDS | ranks_scene check SCORES WANTED\n");
    return 2;
}
