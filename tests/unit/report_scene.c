/* Score rows come from SQL, heads and results from tests/data/report, which is written by hand.
 * The shapes of the results are those that headsift eval, compare and judge write. */
#include "report_scene.h"

#include <string.h>

#include "base/file.h"

/* A path that holds EVIL: folders may be called that. */
#define EVIL_FOLDER "docs/<"
#define EVIL_FILE                                                                                                      \
    EVIL_FOLDER "/script><script>alert(1)<"                                                                            \
                "/script>\033[31m.jsonl"

static void copy(const char *from, const char *to) {
    struct hs_buffer bytes = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/report/%s", HS_TEST_DATA, from);
    assert_int_equal(hs_file_read(path, 1 << 20, &bytes, &last_error), HEADSIFT_OK);
    write_bytes(to, bytes.data);
    hs_buffer_free(&bytes);
}

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
    static const char *const results[] = {"heads", "eval", "judges", "selections", "scorings", "pairs"};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        char from[64], to[64];
        snprintf(from, sizeof from, "%s.json", results[i]);
        snprintf(to, sizeof to, "run/%s.json", results[i]);
        copy(from, to);
    }
    copy("baselines.json", "run/x<img src=x onerror=alert(3)>.json");
    write_bytes("run/other.json", "{\"kind\": \"of something else\"}");
}

void report_to(const char *name, const headsift_report_options *options, headsift_status wanted) {
    last_error = (headsift_error){0};
    headsift_status got = headsift_report(NULL, in_folder("run"), options, in_folder(name), NULL, &last_error);
    if (got != wanted) {
        fail_msg("status %d for %d: %s", got, wanted, last_error.message);
    }
}
