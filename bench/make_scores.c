/* headsift-make-scores DIR [ROWS [ROWS-A-PART [PARTS-A-FILE [CORPUS DOCUMENTS]]]]: a folder of synthetic score rows, to
 * measure `headsift select` with. With CORPUS, a Parquet file, its rows over and over are the documents that the scores
 * name, in DOCUMENTS/corpus; without it there are none. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "corpus/sql.h"

struct plan {
    const char *directory;
    int64_t rows, part_rows, file_parts;
    const char *corpus, *documents;
};

/* Domain j of 40 has about 1/(j+1) as many rows as domain 0, and 1 row in 97 no score, 1 in 101 one that is no number.
 * Scores have 14 bits or so, so that many are equal; tokens are skewed. All comes from a hash of the row's number. */
static bool append_part(struct hs_buffer *sql, const struct plan *plan, int64_t part, const char *path) {
    int64_t first = part * plan->part_rows, end = first + plan->part_rows, file = part / plan->file_parts;
    end = end < plan->rows ? end : plan->rows;
    return hs_buffer_printf(
               sql,
               "COPY (SELECT 'doc-' || i AS id, 'corpus/shard-%05" PRId64 ".parquet' AS file, i - %" PRId64
               " AS row, printf('domain-%%02d', least(39, floor(exp(u * ln(41.0::DOUBLE)) - 1))::INTEGER) AS domain, "
               "(h %% 20000)::BIGINT AS n_bytes, (h >> 11) %% 4096 + 1 AS n_tokens, (h %% 20000)::BIGINT AS "
               "n_bytes_scored, ((h >> 11) %% 4096)::INTEGER AS n_scored, 2 + v AS loss_base, 3 + v AS loss_ref, "
               "CASE WHEN i %% 97 = 5 THEN NULL WHEN i %% 101 = 7 THEN 'nan'::DOUBLE ELSE round(v * v * 16384) / 65536 "
               "END AS score, CASE WHEN i %% 97 = 5 THEN 'too_short' ELSE 'ok' END AS status, '' AS note FROM (SELECT "
               "i, hash(i) AS h, (hash(i + 1000000007) >> 12)::DOUBLE / 4503599627370496.0::DOUBLE AS u, (hash(i * 3 + "
               "1) >> 12)::DOUBLE / 4503599627370496.0::DOUBLE AS v FROM range(%" PRId64 ", %" PRId64 ") t(i))) TO ",
               file, file * plan->file_parts * plan->part_rows, first, end) &&
           hs_sql_target(sql, path) &&
           hs_buffer_printf(sql, " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)");
}

static headsift_status make_part(struct hs_sql *sql, const struct plan *plan, int64_t part, headsift_error *error) {
    char *path = hs_format("%s/part-%05" PRId64 "-%05" PRId64 "-shard.parquet", plan->directory,
                           part / plan->file_parts, part % plan->file_parts);
    struct hs_buffer statement = {0};
    bool built = path != NULL && append_part(&statement, plan, part, path);
    headsift_status status = built ? hs_sql_run(sql, statement.data, NULL, error) : hs_fail_memory(error, "SQL", 1);
    hs_buffer_free(&statement);
    hs_free(path);
    return status;
}

/* The letters of each round through the corpus are others, so that no dictionary holds all texts. */
static headsift_status make_file(struct hs_sql *sql, const struct plan *plan, int64_t file, headsift_error *error) {
    int64_t most = plan->part_rows * plan->file_parts, left = plan->rows - file * most;
    char *path = hs_format("%s/corpus/shard-%05" PRId64 ".parquet", plan->documents, file);
    struct hs_buffer statement = {0};
    bool built =
        path != NULL &&
        hs_buffer_printf(&statement,
                         "COPY (SELECT c.* REPLACE (translate(c.text, a, substring(a || a, 1 + (i // n) %% 26, 26)) AS "
                         "text) FROM range(%" PRId64 ") t(i), (SELECT *, file_row_number AS k, count(*) OVER () AS n, "
                         "'abcdefghijklmnopqrstuvwxyz' AS a FROM read_parquet(",
                         left < most ? left : most) &&
        hs_sql_path(&statement, plan->corpus) && hs_buffer_printf(&statement, ")) x, read_parquet(") &&
        hs_sql_path(&statement, plan->corpus) &&
        hs_buffer_printf(&statement, ") c WHERE x.k = i %% n AND c.file_row_number = x.k) TO ") &&
        hs_sql_target(&statement, path) &&
        hs_buffer_printf(&statement, " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480)");
    headsift_status status = built ? hs_sql_run(sql, statement.data, NULL, error) : hs_fail_memory(error, "SQL", 1);
    hs_buffer_free(&statement);
    hs_free(path);
    return status;
}

static headsift_status make_documents(struct hs_sql *sql, const struct plan *plan, headsift_error *error) {
    char *folder = hs_format("%s/corpus", plan->documents);
    headsift_status status =
        folder != NULL ? hs_make_directory(folder, error) : hs_fail_memory(error, plan->documents, 1);
    hs_free(folder);
    int64_t most = plan->part_rows * plan->file_parts;
    for (int64_t file = 0; status == HEADSIFT_OK && file * most < plan->rows; file++) {
        status = make_file(sql, plan, file, error);
    }
    return status;
}

static headsift_status make_all(const struct plan *plan, headsift_error *error) {
    HS_TRY(hs_make_directory(plan->directory, error));
    const char *const paths[] = {plan->directory, plan->corpus, plan->documents};
    if (plan->documents != NULL) {
        HS_TRY(hs_make_directory(plan->documents, error));
    }
    const struct hs_sql_options options = {.threads = 1, .paths = paths, .n_paths = plan->documents != NULL ? 3 : 1};
    struct hs_sql sql;
    HS_TRY(hs_sql_open(&options, &sql, error));
    headsift_status status = HEADSIFT_OK;
    for (int64_t part = 0; status == HEADSIFT_OK && part * plan->part_rows < plan->rows; part++) {
        status = make_part(&sql, plan, part, error);
    }
    if (status == HEADSIFT_OK && plan->documents != NULL) {
        status = make_documents(&sql, plan, error);
    }
    hs_sql_close(&sql);
    return status;
}

int main(int argc, char **argv) {
    struct plan plan = {.rows = 100000000, .part_rows = 50000, .file_parts = 20};
    int64_t *numbers[] = {&plan.rows, &plan.part_rows, &plan.file_parts};
    bool usable = (argc >= 2 && argc <= 5) || argc == 7;
    for (int i = 2; usable && i < argc && i < 5; i++) {
        *numbers[i - 2] = strtoll(argv[i], NULL, 10);
        usable = *numbers[i - 2] > 0;
    }
    if (!usable) {
        fprintf(stderr, "usage: headsift-make-scores DIR [ROWS [ROWS-A-PART [PARTS-A-FILE [CORPUS DOCUMENTS]]]]\n");
        return HEADSIFT_USAGE;
    }
    plan.directory = argv[1];
    plan.corpus = argc == 7 ? argv[5] : NULL;
    plan.documents = argc == 7 ? argv[6] : NULL;
    headsift_error error = {0};
    headsift_status status = make_all(&plan, &error);
    if (status != HEADSIFT_OK) {
        fprintf(stderr, "headsift-make-scores: %s\n", error.message);
    }
    return (int)status;
}
