/* Score rows come from SQL, results from strings.
 * The shapes of the results are those of docs/formats.md. */
#include "report_scene.h"

#include <string.h>

#include "base/file.h"

/* A path that holds EVIL: folders may be called that. */
#define EVIL_FOLDER "docs/<"
#define EVIL_FILE                                                                                                      \
    EVIL_FOLDER "/script><script>alert(1)<"                                                                            \
                "/script>\033[31m.jsonl"

static const char heads[] =
    "{\"model\": {\"name\": \"Tiny " EVIL "\", \"sha256\": \"ab\", \"n_layer\": 4, \"n_head\": 3, \"n_kv_head\": 3},"
    "\"method\": \"retrieval\", \"samples\": 40, \"samples_counted\": 40, \"seed\": 1, \"mask_fraction\": 0.1667,"
    "\"effect\": {\"samples\": 32, \"unmasked\": 0.5, \"masked\": 2.25, \"random_mean\": 0.75, \"random_low\": 0.625, "
    "\"random_high\": 0.875, \"draws\": 5},"
    "\"scores\": [[0, 0.1, 0], [0.2, 0, 0], [0, 0.9, 0.3], [0.8, 0, 0]], \"heads\": [[2, 1], [3, 0]],"
    "\"settling\": [{\"samples\": 10, \"overlap\": 0.5, \"spearman\": 0.7}, {\"samples\": 20, \"overlap\": 1, "
    "\"spearman\": "
    "0.9}, {\"samples\": 40, \"overlap\": 1, \"spearman\": 1}]}";

#define METRIC(v, l, h) "{\"value\": " #v ", \"low\": " #l ", \"high\": " #h "}"
#define RESULT(name, metric, v, l, h)                                                                                  \
    "{\"condition\": \"" name "\", \"metrics\": {\"" metric "\": " METRIC(v, l, h) "}}"
static const char eval[] =
    "{\"kind\": \"eval\", \"headsift\": \"0.1.0\", \"model\": {\"name\": \"Tiny\"}, \"mask\": \"uniform\", \"seed\": "
    "0, "
    "\"draws\": 2, \"resamples\": 1000, \"shape\": [4, 3], \"conditions\": ["
    "{\"name\": \"unmasked\", \"group\": \"unmasked\", \"n_heads\": 0}, {\"name\": \"masked\", \"group\": \"masked\", "
    "\"n_heads\": 2}, {\"name\": \"random-1\", \"group\": \"random\", \"n_heads\": 2}, {\"name\": \"random-2\", "
    "\"group\": "
    "\"random\", \"n_heads\": 2}, {\"name\": \"masked-0.5\", \"group\": \"fraction\", \"n_heads\": 6, \"fraction\": "
    "0.5}],"
    "\"tasks\": [{\"name\": \"lookup\", \"task_kind\": \"choice\", \"items\": 50, \"primary\": \"accuracy\", "
    "\"chance\": 0.25, "
    "\"results\": [" RESULT("unmasked", "accuracy", 0.9, 0.8, 1) ", " RESULT(
        "masked", "accuracy",
        0.3, 0.2, 0.4) ", " RESULT("random-1", "accuracy", 0.9, 0.8,
                                   1) ", " RESULT("random-2", "accuracy", 0.8, 0.7,
                                                  0.9) ", " RESULT("masked-0.5", "accuracy", 0.2, 0.1,
                                                                   0.3) "], \"effect\": {\"metric\": \"accuracy\", "
                                                                        "\"masked\": " METRIC(-0.6, -0.7,
                                                                                              -0.5) ", "
                                                                                                    "\"random\":"
                                                                                                    " " METRIC(-0.05,
                                                                                                               -0.1,
                                                                                                               0) ", "
                                                                                                                  "\"be"
                                                                                                                  "yond"
                                                                                                                  "_ran"
                                                                                                                  "dom"
                                                                                                                  "\":"
                                                                                                                  " " METRIC(-0.55,
                                                                                                                             -0.7,
                                                                                                                             -0.4) ", \"hurts_more_than_random\": true}, \"effect_loss\": {\"metric\": \"loss\", \"masked\": " METRIC(1.5,
                                                                                                                                                                                                                                      1, 2) ", \"random\": " METRIC(0.1,
                                                                                                                                                                                                                                                                    0, 0.2) ", \"beyond_random\": " METRIC(1.4, 1, 2) ", \"hurts_more_than_random\": true}}, {\"name\": \"<i>sums</i>\", \"task_kind\": \"choice\", \"items\": 50, "
                                                                                                                                                                                                                                                                                                                      "\"primary\": \"accuracy\", \"chance\": null, \"results\": [" RESULT("unmasked",
                                                                                                                                                                                                                                                                                                                                                                                           "accuracy",
                                                                                                                                                                                                                                                                                                                                                                                           0.4, 0.3, 0.5) ", " RESULT("masked",
                                                                                                                                                                                                                                                                                                                                                                                                                      "accuracy", 0.38, 0.3, 0.5) ", " RESULT("random-1",
                                                                                                                                                                                                                                                                                                                                                                                                                                                              "accuracy", 0.39, 0.3, 0.5) "], \"effect\": {\"metric\": \"accuracy\", \"masked\": " METRIC(-0.02, -0.1, 0.1) ", \"random\": " METRIC(-0.01,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    -0.1,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    0.1) ", \"beyond_random\": " METRIC(-0.01,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        -0.1,
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        0.1) ", \"hurts_more_than_random\": false}}]}";

static const char baselines[] =
    "{\"kind\": \"compare-baselines\", \"baselines\": [{\"name\": \"random\", \"overlap\": 0.21, \"expected\": 0.2}, "
    "{\"name\": \"longest\", \"overlap\": 0.5, \"expected\": 0.2}], \"explained\": [{\"domain\": \"prose\", "
    "\"documents\": 60, "
    "\"length\": 0.1, \"loss\": 0.2, \"repetition\": 0.05, \"position\": 0.01, \"all\": 0.3, \"spearman\": "
    "{\"length\": 0.3, "
    "\"loss\": -0.4, \"position\": 0.1, \"compression\": 0.2, \"repeated_ngrams\": 0.2, \"duplicate_lines\": null}}], "
    "\"bands\": [{\"band\": \"0-1%\", \"compression\": 0.5, \"repeated_ngrams\": 0.1, \"duplicate_lines\": 0, "
    "\"words\": "
    "[\"the\", \"" EVIL "\"]}]}";
static const char judges[] =
    "{\"kind\": \"judges\", \"questions\": [{\"name\": \"education\", \"low\": 0, \"high\": 5}], \"groups\": "
    "[{\"group\": "
    "\"top\", \"domain\": \"prose\", \"documents\": 20, \"answers\": {\"education\": " METRIC(
        3.5, 3, 4) "}}, {\"group\": "
                   "\"random\", \"domain\": \"prose\", \"documents\": 20, \"answers\": {\"education\": " METRIC(
                       2.5, 2, 3) "}}]}";
static const char selections[] =
    "{\"kind\": \"compare-selections\", \"a\": {\"label\": \"ours\", \"documents\": 24, "
    "\"tokens\": 100}, \"b\": {\"label\": "
    "\"theirs\", \"documents\": 24, \"tokens\": 100}, \"documents\": {\"shared\": 6, "
    "\"overlap\": 0.25, \"jaccard\": 0.14}, \"pca\": {\"explained\": [0.5, 0.2], \"a\": [[1, 2], [2, 3]], \"b\": [[0, "
    "0.5]]}, \"frequent\": [{\"word\": \"" EVIL "\", \"a\": 10, \"b\": 2, \"z\": 3}], "
    "\"domains\": [{\"domain\": \"prose\", \"a\": 12, \"b\": 12, \"shared\": 6, "
    "\"overlap\": 0.5}], \"words\": {\"tf\": "
    "[{\"top\": 10, \"overlap\": 0.8}], \"tfidf\": [{\"top\": 10, \"overlap\": 0.6}]}}";
static const char scorings[] =
    "{\"kind\": \"compare-scores\", \"scores\": [{\"label\": \"uniform\"}, {\"label\": \"zero\"}], \"pairs\": [{\"a\": "
    "\"uniform\", \"b\": \"zero\", \"domains\": [{\"domain\": \"prose\", \"documents\": 60, \"spearman\": 0.9, "
    "\"overlap\": "
    "0.75}, {\"domain\": \"code\", \"documents\": 40, \"spearman\": 0.8, \"overlap\": 0.5}], \"lengths\": [{\"low\": "
    "0, "
    "\"high\": 128, \"documents\": 50, \"spearman\": 0.7, \"overlap\": 0.5}]}]}";
static const char pairs[] =
    "{\"kind\": \"compare-heads\", \"heads\": [{\"label\": \"seed 1\"}, {\"label\": \"seed 2\"}], \"top\": 0.05, "
    "\"pairs\": "
    "[{\"a\": \"seed 1\", \"b\": \"seed 2\", \"overlap\": 0.93, \"spearman\": 0.88, \"pearson\": 0.99}]}";

/* Document 0, the highest of its domain, is hostile in text and id. */
static void write_documents(void) {
    struct hs_buffer lines = {0};
    for (int i = 0; i < SCENE_DOCUMENTS; i++) {
        hs_buffer_printf(&lines, "{\"id\": \"%s%d\", \"text\": \"%s text number %d\\u001b[2J\"}\n",
                         i == 0 ? EVIL "\\u001b[31m" : "d-", i, i == 0 ? EVIL : "Plain", i);
    }
    assert_int_equal(hs_make_directory(in_folder(EVIL_FOLDER "/script><script>alert(1)<"), &last_error), HEADSIFT_OK);
    write_bytes(EVIL_FILE, lines.data);
    hs_buffer_free(&lines);
}

void report_scene(const char *name) {
    fresh_folder(name);
    write_documents();
    assert_int_equal(hs_make_directory(in_folder("run/scores"), &last_error), HEADSIFT_OK);
    sql("COPY (SELECT CASE WHEN i = 0 THEN '</script><script>alert(1)</script>' || chr(27) ELSE 'd-' || i END AS id, "
        "'@/" EVIL_FILE "' AS file, i AS row, CASE WHEN i < 60 THEN 'prose' WHEN i < 100 THEN 'code' ELSE '<b "
        "onclick=\"alert(2)\">&amp;' || "
        "chr(27) END AS domain, 100::BIGINT AS n_bytes, 20 + i AS n_tokens, 100::BIGINT AS n_bytes_scored, 19 + i AS "
        "n_scored, "
        "2.0 + (i % 7) / 7.0 AS loss_base, 3.0::DOUBLE AS loss_ref, (120 - i) / 240.0 AS score, 'ok' AS status, '' AS "
        "note FROM range(120) t(i)) TO '@/run/scores/part-00000.parquet' (FORMAT parquet)");
    const headsift_select_options options = {.keep = 0.2};
    assert_int_equal(headsift_select_files(in_folder("run/scores"), &options, in_folder("run/selected"), NULL,
                                           &last_summary, &last_error),
                     HEADSIFT_OK);
    write_bytes("run/heads.json", heads);
    write_bytes("run/eval.json", eval);
    write_bytes("run/x<img src=x onerror=alert(3)>.json", baselines);
    write_bytes("run/judges.json", judges);
    write_bytes("run/selections.json", selections);
    write_bytes("run/scorings.json", scorings);
    write_bytes("run/pairs.json", pairs);
    write_bytes("run/other.json", "{\"kind\": \"of something else\"}");
}

void report_to(const char *name, const headsift_report_options *options, headsift_status wanted) {
    last_error = (headsift_error){0};
    headsift_status got = headsift_report(NULL, in_folder("run"), options, in_folder(name), NULL, &last_error);
    if (got != wanted) {
        fail_msg("status %d for %d: %s", got, wanted, last_error.message);
    }
}
