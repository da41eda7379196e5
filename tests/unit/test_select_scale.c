/* Tests of selections from many rows in many parts: the chosen set against a plain SQL answer, one output a source
 * file, and row groups that stay unread. */
#define _GNU_SOURCE
#include "select_support.h"

#include <string.h>

#include "base/file.h"

/* ---- A million rows: 3 files of 350,000 rows in parts of 50,000, 4 domains, ties, NULL and NaN ---- */

enum { FILES = 3, FILE_ROWS = 350000, PART_ROWS = 50000 };

#define ROWS_SQL                                                                                                       \
    "SELECT '@/' || file || '.parquet' AS file, row, CASE WHEN h %% 10 < 6 THEN 'x' WHEN h %% 10 < 9 THEN '' WHEN h "  \
    "%% "                                                                                                              \
    "1000 = 999 THEN 'q''\"' ELSE 'y' END AS domain, ((h >> 20) %% 500)::INTEGER AS n_tokens, CASE WHEN i %% 97 = 0 "  \
    "THEN NULL WHEN i %% 101 = 0 THEN 'nan'::DOUBLE ELSE round(pow((h >> 12)::DOUBLE / 4503599627370496.0::DOUBLE, "   \
    "3) "                                                                                                              \
    "* 5000) / 5000 END AS score, 1.0::DOUBLE AS flat, CASE WHEN i %% 7 = 0 THEN -0.0::DOUBLE ELSE (h >> 11)::DOUBLE " \
    "/ 9007199254740992.0::DOUBLE - 0.5::DOUBLE END AS wide FROM (SELECT *, hash(i) AS h FROM (SELECT i, "             \
    "chr((97 + i // 350000)::INTEGER) AS file, i %% 350000 AS row FROM range(%d, %d) t(i)))"

static void copy_part(struct hs_buffer *text, int part) {
    int first = part * PART_ROWS, parts = FILE_ROWS / PART_ROWS;
    assert_true(hs_buffer_printf(text, "COPY (" ROWS_SQL ") TO '@/scores/part-%05d-%05d-%c.parquet' (FORMAT parquet); ",
                                 first, first + PART_ROWS, part / parts, part % parts, 'a' + part / parts));
}

static int million_rows(void **state) {
    (void)state;
    struct hs_buffer text = {0};
    fresh_folder("select_scale");
    assert_int_equal(hs_make_directory(in_folder("scores"), &last_error), HEADSIFT_OK);
    for (int part = 0; part < FILES * FILE_ROWS / PART_ROWS; part++) {
        copy_part(&text, part);
    }
    for (int file = 0; file < FILES; file++) {
        assert_true(hs_buffer_printf(&text,
                                     "COPY (SELECT '@/%c.parquet' AS file, i AS row FROM range(%d) t(i)) TO "
                                     "'@/%c.parquet' (FORMAT parquet); ",
                                     'a' + file, FILE_ROWS, 'a' + file));
    }
    sql(text.data);
    hs_buffer_free(&text);
    return 0;
}

/* What plain SQL chooses: a rank and a running sum in each domain, by one sort of everything. */
#define UNIFORM(bits, half)                                                                                            \
    "(((md5_number_lower('5:' || row || ':' || file) >> (64 - " #bits "))::DOUBLE + " #half                            \
    ") / (1::UBIGINT << " #bits ")::DOUBLE)"
#define PLAIN_SQL                                                                                                      \
    "WITH scored AS (SELECT *, %s AS value FROM read_parquet('@/scores/*.parquet') WHERE isfinite(score)), limits AS " \
    "(SELECT domain, count(*) AS n, sum(n_tokens) AS tokens, median(value) AS middle, avg(value) AS mean, "            \
    "stddev_pop(value) AS sd FROM scored GROUP BY domain), ranked AS (SELECT file, row, n, tokens, row_number() OVER " \
    "w AS rank, sum(n_tokens) OVER w AS running FROM scored JOIN limits USING (domain) WINDOW w AS (PARTITION BY "     \
    "domain ORDER BY %s, file, row ROWS UNBOUNDED PRECEDING)), plain AS (SELECT file, row FROM ranked WHERE %s), got " \
    "AS (SELECT file, row FROM read_parquet('@/out/*.parquet')) SELECT (SELECT count(*) FROM (FROM plain EXCEPT FROM " \
    "got)) || ' ' || (SELECT count(*) FROM (FROM got EXCEPT FROM plain)) || ' ' || ((SELECT count(*) FROM got) - "     \
    "(SELECT count(*) FROM plain)) || ' ' || ((SELECT count(*) FROM plain) > 1000)"

#define SHARE "rank <= greatest(floor(n * 0.2::DOUBLE + 0.5::DOUBLE), 1)"

static void the_chosen_are_those_of_plain_sql(void **state) {
    (void)state;
    static const struct {
        headsift_select_options options;
        const char *value, *key, *condition;
    } cases[] = {
        {{.keep = 0.2}, "score", "value DESC", SHARE},
        {{.keep_count = 100000, .order = "asc"}, "score", "value", "rank <= 100000"},
        {{.keep = 0.2, .order = "middle"}, "score", "abs(value - middle)", SHARE},
        {{.keep = 0.2, .order = "middle", .by = "wide"}, "wide", "abs(value - middle)", SHARE},
        {{.keep = 0.2, .by = "wide"}, "wide", "value DESC", SHARE},
        {{.keep = 0.2, .by = "flat"}, "flat", "value DESC", SHARE}, /* all tied: by file and row alone */
        {{.budget = 10000000}, "score", "value DESC", "running <= 10000000"},
        {{.budget_total = 50000000},
         "score",
         "value DESC",
         "running <= 50000000 * tokens // (SELECT sum(tokens) FROM limits)"},
        {{.keep = 0.2, .by = "random", .seed = 5}, UNIFORM(53, 0), "value DESC", SHARE},
        {{.keep = 0.2, .temperature = 1.5, .seed = 5},
         "score",
         "(mean - value) / sd / 1.5::DOUBLE + ln(-ln(" UNIFORM(52, 0.5) "))",
         SHARE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_select_options options = cases[i].options;
        options.overwrite = true;
        select_into("out", options, HEADSIFT_OK);
        char text[4096];
        snprintf(text, sizeof text, PLAIN_SQL, cases[i].value, cases[i].key, cases[i].condition);
        const char *answer = sql_text(text);
        if (strcmp(answer, "0 0 0 true") != 0) {
            fail_msg("case %zu: %s (missing, too many, difference, enough)", i, answer);
        }
    }
}

static void parts_of_a_file_make_one_output_in_its_order(void **state) {
    (void)state;
    select_into("out", (headsift_select_options){.keep = 0.2}, HEADSIFT_OK);
    assert_string_equal(sql_text("SELECT string_agg(DISTINCT parse_filename(filename), ' ' ORDER BY "
                                 "parse_filename(filename)) FROM read_parquet('@/out/*.parquet', filename=true)"),
                        "part-00000-a.parquet part-00001-b.parquet part-00002-c.parquet");
    assert_string_equal(sql_text("SELECT bool_and(ordered) FROM (SELECT row > lag(row, 1, -1) OVER (PARTITION BY "
                                 "filename ORDER BY file_row_number) AND file[-9] = filename[-9] AS ordered FROM "
                                 "read_parquet('@/out/*.parquet', filename=true))"),
                        "true");
    assert_string_equal(sql_text("SELECT count(*) FROM parquet_metadata('@/out/part-00000-a.parquet') WHERE "
                                 "compression <> 'ZSTD' OR row_group_num_rows < 60000"),
                        "0"); /* 69,000 rows: one group */
}

/* More parts than one statement reads, and units whose order is not that of their rows. */
static void thousands_of_parts_are_one_table(void **state) {
    (void)state;
    enum { PARTS = 1203 };
    struct hs_buffer text = {0};
    fresh_folder("select_parts");
    assert_int_equal(hs_make_directory(in_folder("scores"), &last_error), HEADSIFT_OK);
    for (int part = 0; part < PARTS; part++) {
        assert_true(hs_buffer_printf(&text,
                                     "COPY (SELECT '@/docs.parquet' AS file, i + %d AS row, 'd' AS domain, 2 AS "
                                     "n_tokens, ((i + %d) %% 3)::DOUBLE AS score FROM range(3) t(i)) TO "
                                     "'@/scores/part-00000-%05d-docs.parquet' (FORMAT parquet%s); ",
                                     3 * (PARTS - 1 - part), part, part,
                                     part % 2 == 0 ? "" : ", KV_METADATA {'headsift.mask': 'uniform'}"));
    }
    assert_true(hs_buffer_printf(
        &text, "COPY (SELECT i AS row FROM range(%d) t(i)) TO '@/docs.parquet' (FORMAT parquet)", 3 * PARTS));
    sql(text.data);
    hs_buffer_free(&text);
    select_into("out", (headsift_select_options){.keep_count = 1}, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "another mask")); /* metadata belong to their own file */
    assert_non_null(strstr(last_error.message, "part-00000-00000-docs.parquet and "));
    assert_non_null(strstr(last_error.message, "part-00000-00001-docs.parquet were"));
    sql("COPY (SELECT * EXCLUDE filename FROM read_parquet('@/scores/*.parquet', filename=true)) TO "
        "'@/scores/all.parquet' (FORMAT parquet)");
    for (int part = 1; part < PARTS; part += 2) {
        char name[64], again[512];
        snprintf(name, sizeof name, "scores/part-00000-%05d-docs.parquet", part);
        snprintf(again, sizeof again,
                 "COPY (FROM read_parquet('@/scores/all.parquet') WHERE row // 3 = %d) TO '@/%s' "
                 "(FORMAT parquet)",
                 PARTS - 1 - part, name);
        sql(again);
    }
    remove(in_folder("scores/all.parquet"));
    select_into("out", (headsift_select_options){.keep = 1.0}, HEADSIFT_OK);
    assert_int_equal(last_summary.documents, 3 * PARTS);
    assert_string_equal(sql_text("SELECT count(*) || ' ' || bool_and(row = file_row_number) FROM "
                                 "read_parquet('@/out/part-00000-docs.parquet')"),
                        "3609 true");
}

/* ---- Row groups ---- */

/* Overwrites the pages of one row group of the documents; its statistics stay. */
static void break_group(int group) {
    char query[256];
    snprintf(query, sizeof query,
             "SELECT min(data_page_offset) FROM parquet_metadata('@/docs.parquet') WHERE row_group_id = %d", group);
    long start = atol(sql_text(query));
    snprintf(query, sizeof query,
             "SELECT sum(total_compressed_size) FROM parquet_metadata('@/docs.parquet') WHERE row_group_id = %d",
             group);
    long size = atol(sql_text(query));
    FILE *file = fopen(in_folder("docs.parquet"), "r+b");
    assert_non_null(file);
    assert_true(start > 0 && size > 100);
    assert_int_equal(fseek(file, start, SEEK_SET), 0);
    for (long i = 0; i < size; i++) {
        fputc(0xFF, file);
    }
    assert_int_equal(fclose(file), 0);
}

static void score_where(const char *condition) {
    char text[512];
    snprintf(text, sizeof text,
             "COPY (SELECT '@/docs.parquet' AS file, i AS row, 'd' AS domain, 5 AS n_tokens, CASE WHEN %s THEN 2 ELSE "
             "1 END::DOUBLE AS score FROM range(12000) t(i)) TO '@/scores/p.parquet' (FORMAT parquet)",
             condition);
    sql(text);
}

static int six_groups(void **state) {
    (void)state;
    fresh_folder("select_groups");
    assert_int_equal(hs_make_directory(in_folder("scores"), &last_error), HEADSIFT_OK);
    sql("COPY (SELECT i AS row, md5(i::VARCHAR) AS text FROM range(12000) t(i)) TO '@/docs.parquet' (FORMAT parquet, "
        "COMPRESSION zstd, ROW_GROUP_SIZE 2048)");
    return 0;
}

static void row_groups_without_a_chosen_row_are_not_read(void **state) {
    (void)state;
    static const headsift_select_options options = {.keep_count = 3};
    score_where("i IN (2048, 2100, 9000)"); /* groups 1 and 4 */
    break_group(0);
    break_group(2);
    break_group(3);
    break_group(5);
    select_into("out", options, HEADSIFT_OK);
    assert_string_equal(sql_text("SELECT string_agg(row || text, ' ') = '2048' || md5('2048') || ' 2100' || "
                                 "md5('2100') || ' 9000' || md5('9000') FROM read_parquet('@/out/p.parquet')"),
                        "true");
    score_where("i IN (2048, 2100, 6143)"); /* the last row of group 2 */
    select_into("out2", options, HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "docs.parquet"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_chosen_are_those_of_plain_sql, million_rows),
        cmocka_unit_test_setup(parts_of_a_file_make_one_output_in_its_order, million_rows),
        cmocka_unit_test(thousands_of_parts_are_one_table),
        cmocka_unit_test_setup(row_groups_without_a_chosen_row_are_not_read, six_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
