/* headsift_run on the demo model over a small corpus written here: what it prints, what it leaves, and how it goes on.
 * The first run is made once; the tests after it look at its folder in the order below. */
#define _GNU_SOURCE
#include "unit/select_support.h"

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "run/run.h"

static headsift_model *model;
static char *first_text; /* what the first run printed */
static char log_lines[8192];

/* ---- The corpus ---- */

static const char *const nouns[] = {"river", "lantern", "miller", "orchard", "harbour", "letter", "winter", "meadow"};
static const char *const verbs[] = {"follows", "remembers", "carries", "forgets", "repairs", "measures", "finds"};

static void add_sentence(struct hs_buffer *out, int seed) {
    hs_buffer_printf(out, "The %s of number %d %s the %s near the %s. ", nouns[seed % 8], seed, verbs[seed % 7],
                     nouns[(seed / 3) % 8], nouns[(seed / 5) % 8]);
}

static void add_body(struct hs_buffer *out, const char *domain, int seed) {
    for (int i = 0; i < 2; i++) {
        if (strcmp(domain, "prose") == 0) {
            add_sentence(out, 40 * seed + 11 * i);
        } else if (strcmp(domain, "code") == 0) {
            hs_buffer_printf(out, "def %s_%d(x):\\n    return x * %d + %d\\n\\n", nouns[(seed + i) % 8], i, seed + 2,
                             i);
        } else {
            hs_buffer_printf(out, "If %d x + %d = %d, then x = %d. ", i + 2, seed, (i + 2) * (seed + 1) + seed,
                             seed + 1);
        }
    }
}

static void write_corpus(void) {
    static const char *const domains[] = {"prose", "code", "maths"};
    struct hs_buffer lines = {0};
    for (int i = 0; i < 15; i++) {
        const char *domain = domains[i % 3];
        hs_buffer_printf(&lines, "{\"id\": \"%s-%d\", \"domain\": \"%s\", \"text\": \"", domain, i / 3, domain);
        add_body(&lines, domain, i / 3 + 1);
        hs_buffer_printf(&lines, "\", \"n\": %d}\n", i);
    }
    hs_buffer_printf(&lines, "{\"id\": \"empty\", \"domain\": \"maths\", \"text\": \"\"}\n");
    write_bytes("corpus/a.jsonl", lines.data);
    hs_buffer_free(&lines);
    sql("COPY (SELECT 'p-' || i AS id, 'prose' AS domain, 'Escaped ' || chr(27) || '[2Jred' || chr(10) || chr(10) || "
        "repeat('words of row ' || i || ' ', 5 + i) AS text, [i] AS list FROM range(3) t(i)) TO '@/corpus/b.parquet' "
        "(FORMAT parquet)");
}

static void keep_line(void *user, headsift_log_level level, const char *line) {
    (void)user, (void)level;
    size_t size = strlen(log_lines);
    snprintf(log_lines + size, sizeof log_lines - size, "%s\n", line);
}

static const headsift_monitor monitor = {.log = keep_line};

/* ---- Calling it ---- */

static headsift_run_options short_options(void) {
    return (headsift_run_options){
        .probe = {.samples = 2, .tokens = 300, .shots = 1, .seed = 1}, .select = {.keep = 0.4}, .show = 1};
}

/* Runs over the corpus, as a folder where the output lies in it, else as its two files; gives what it printed: free().
 */
static char *run_into(const char *out, headsift_run_options options, headsift_status wanted) {
    const char *const folder[] = {in_folder("corpus")};
    const char *const files[] = {in_folder("corpus/a.jsonl"), in_folder("corpus/b.parquet")};
    bool inside = strncmp(out, "corpus/", 7) == 0;
    headsift_inputs inputs = {.paths = inside ? folder : files, .n_paths = inside ? 1 : 2};
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    log_lines[0] = '\0';
    last_error = (headsift_error){0};
    headsift_status got = headsift_run(model, &options, &inputs, in_folder(out), stream, &monitor, &last_error);
    fclose(stream);
    if (got != wanted) {
        fail_msg("status %d for %d: %s", got, wanted, last_error.message);
    }
    return text;
}

static int open_and_run(void **state) {
    (void)state;
    fresh_folder("run");
    headsift_model_options options = {.path = HS_DEMO_MODEL};
    if (hs_make_directory(in_folder("corpus"), &last_error) != HEADSIFT_OK ||
        headsift_model_open(&options, NULL, &model, &last_error) != HEADSIFT_OK) {
        print_error("%s\n", last_error.message);
        return -1;
    }
    write_corpus();
    first_text = run_into("corpus/out", short_options(), HEADSIFT_UNSCORED);
    return 0;
}

static int close_all(void **state) {
    (void)state;
    free(first_text);
    headsift_model_close(model);
    return 0;
}

/* ---- The tests ---- */

static void the_folder_holds_every_step(void **state) {
    (void)state;
    static const char *const files[] = {"probe.jsonl", "heads.json",  "heads.svg",
                                        "run.json",    "report.html", "selected/manifest.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[256];
        snprintf(path, sizeof path, "corpus/out/%s", files[i]);
        assert_true(hs_file_exists(in_folder(path)));
    }
    assert_string_equal(sql_text("SELECT count(*) || ' ' || count(score) FROM "
                                 "read_parquet('@/corpus/out/scores/*.parquet')"),
                        "19 18");
    assert_non_null(strstr(last_error.message, "1 of 19 documents"));
    /* .4 of 5 code, 5 maths and 8 prose */
    assert_string_equal(sql_text("SELECT count(*) FROM read_parquet('@/corpus/out/selected/*.parquet', "
                                 "union_by_name=true)"),
                        "7");
    assert_string_equal(sql_text("SELECT count(DISTINCT domain) FROM read_parquet('@/corpus/out/selected/*.parquet', "
                                 "union_by_name=true)"),
                        "3");
}

/* The line of `text` that begins with `rank` behind the header of a domain. */
static const char *ranked_line(const char *text, const char *domain, const char *rank) {
    const char *at = strstr(text, domain);
    assert_non_null(at);
    at = strstr(at, rank);
    assert_non_null(at);
    return at;
}

static void the_ranking_is_that_of_the_scores(void **state) {
    (void)state;
    static const char *const domains[][2] = {{"code", "\ncode: 5 documents, 5 scored, 2 chosen, mean score "},
                                             {"maths", "\nmaths: 6 documents, 5 scored, 2 chosen, mean score "},
                                             {"prose", "\nprose: 8 documents, 8 scored, 3 chosen, mean score "}};
    static const char *const orders[][3] = {{"DESC", "\n     1 ", ""}, {"ASC", "\n     5 ", "\n     8 "}};
    for (int d = 0; d < 3; d++) {
        for (int o = 0; o < 2; o++) {
            char query[512], wanted[160];
            snprintf(query, sizeof query,
                     "SELECT printf('%%8.4f %%8.4f %%8.4f %%7d  %%s', score, loss_base, loss_ref, n_tokens, id) FROM "
                     "read_parquet('@/corpus/out/scores/*.parquet') WHERE domain = '%s' AND score IS NOT NULL ORDER BY "
                     "score %s LIMIT 1",
                     domains[d][0], orders[o][0]);
            snprintf(wanted, sizeof wanted, "%s", sql_text(query));
            const char *line = ranked_line(first_text, domains[d][1], o == 1 && d == 2 ? orders[o][2] : orders[o][1]);
            assert_memory_equal(line + 8, wanted, strlen(wanted));
        }
    }
    assert_non_null(strstr(first_text, "Effect   answer loss "));
    assert_non_null(strstr(first_text, "; 1 without a score"));
}

static void what_is_printed_is_harmless_and_narrow(void **state) {
    (void)state;
    assert_null(strchr(first_text, '\x1B'));
    for (const char *at = first_text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        assert_in_range(end - at, 0, 126); /* bytes: an ellipsis has three of them in one cell */
    }
}

static struct timespec changed_at(const char *name) {
    struct stat info;
    assert_int_equal(stat(in_folder(name), &info), 0);
    return info.st_mtim;
}

static const char *const outputs[] = {"corpus/out/probe.jsonl", "corpus/out/heads.json",
                                      "corpus/out/scores/part-00000-00000-a.parquet",
                                      "corpus/out/selected/part-00000-a.parquet", "corpus/out/selected/manifest.json"};

static void a_second_call_does_nothing_and_prints_the_same(void **state) {
    (void)state;
    struct timespec before[5], after;
    for (int i = 0; i < 5; i++) {
        before[i] = changed_at(outputs[i]);
    }
    char *text = run_into("corpus/out", short_options(), HEADSIFT_UNSCORED);
    assert_string_equal(text, first_text);
    free(text);
    for (int i = 0; i < 5; i++) {
        after = changed_at(outputs[i]);
        assert_memory_equal(&before[i], &after, sizeof after);
    }
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static void lost_steps_are_made_again_with_the_same_bytes(void **state) {
    (void)state;
    static const char *const lost[] = {"corpus/out/selected", "corpus/out/scores", "corpus/out/probe.jsonl"};
    struct hs_buffer before[5];
    for (int k = 0; k < 5; k++) {
        before[k] = file_bytes(outputs[k]);
    }
    for (int i = 0; i < 3; i++) {
        nftw(in_folder(lost[i]), remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        char *text = run_into("corpus/out", short_options(), HEADSIFT_UNSCORED);
        assert_string_equal(text, first_text);
        free(text);
        for (int k = i == 2; k < 5; k++) { /* the heads are there: the probe is not made again */
            struct hs_buffer after = file_bytes(outputs[k]);
            assert_int_equal(after.size, before[k].size);
            assert_memory_equal(after.data, before[k].data, after.size);
            hs_buffer_free(&after);
        }
    }
    for (int k = 0; k < 5; k++) {
        hs_buffer_free(&before[k]);
    }
}

static void given_heads_need_no_probe(void **state) {
    (void)state;
    headsift_run_options options = short_options();
    char heads[1024];
    snprintf(heads, sizeof heads, "%s", in_folder("corpus/out/heads.json"));
    options.heads_path = heads;
    free(run_into("out2", options, HEADSIFT_UNSCORED));
    assert_false(hs_file_exists(in_folder("out2/probe.jsonl")));
    assert_string_equal(sql_text("SELECT count(*) FROM read_parquet('@/corpus/out/scores/*.parquet') a JOIN "
                                 "read_parquet('@/out2/scores/*.parquet') b USING (file, row) WHERE a.score IS NOT "
                                 "DISTINCT FROM b.score"),
                        "19");
}

static void other_settings_are_refused_and_overwrite_begins_where_they_differ(void **state) {
    (void)state;
    headsift_run_options options = short_options();
    options.select.keep = 0.2;
    free(run_into("corpus/out", options, HEADSIFT_FAILED));
    assert_non_null(strstr(last_error.message, "keep was 0.4"));
    struct timespec before = changed_at(outputs[2]);
    options.overwrite = true;
    free(run_into("corpus/out", options, HEADSIFT_UNSCORED));
    struct timespec after = changed_at(outputs[2]);
    assert_memory_equal(&before, &after, sizeof before); /* the scores still hold */
    assert_string_equal(sql_text("SELECT count(*) FROM read_parquet('@/corpus/out/selected/*.parquet', "
                                 "union_by_name=true)"),
                        "4"); /* .2 of 5, 5 and 8 */
    options = short_options();
    options.score.mask = HEADSIFT_MASK_ZERO;
    options.select.keep = 0.2;
    free(run_into("corpus/out", options, HEADSIFT_FAILED));
    assert_non_null(strstr(last_error.message, "mask was \"uniform\""));
    options.score = (headsift_score_options){.mask = HEADSIFT_MASK_MEAN, .calibration = in_folder("none.txt")};
    free(run_into("corpus/out", options, HEADSIFT_FAILED));
    assert_non_null(strstr(last_error.message, "none.txt"));
    options.score.calibration = NULL;
    free(run_into("corpus/out", options, HEADSIFT_FAILED));
    assert_non_null(strstr(last_error.message, "mask was \"uniform\" and is now \"mean\""));
    options = short_options();
    options.select.keep = 2;
    free(run_into("out3", options, HEADSIFT_USAGE));
    assert_non_null(strstr(last_error.message, "share"));
    assert_false(hs_file_exists(in_folder("out3")));
}

static void a_folder_of_somebody_else_is_left_alone(void **state) {
    (void)state;
    assert_int_equal(hs_make_directory(in_folder("theirs"), &last_error), HEADSIFT_OK);
    write_bytes("theirs/heads.json", "{}");
    free(run_into("theirs", short_options(), HEADSIFT_FAILED));
    assert_non_null(strstr(last_error.message, "run.json"));
    struct hs_buffer bytes = file_bytes("theirs/heads.json");
    assert_string_equal(bytes.data, "{}");
    hs_buffer_free(&bytes);
}

static void inputs_that_changed_are_noticed(void **state) {
    (void)state;
    headsift_run_options options = short_options();
    options.select.keep = 0.2;
    write_bytes("corpus/c.jsonl", "{\"text\": \"more\"}\n");
    free(run_into("corpus/out", options, HEADSIFT_FAILED));
    assert_non_null(strstr(last_error.message, "c.jsonl"));
    remove(in_folder("corpus/c.jsonl"));
}

/* 700 sentences are enough for a probe of the documents' own sentences; 3 are not. */
static void sentences_come_from_documents_that_have_enough(void **state) {
    (void)state;
    for (int n = 700; n > 0; n -= 697) {
        struct hs_buffer lines = {0};
        for (int i = 0; i < n; i++) {
            hs_buffer_printf(&lines, "{\"text\": \"");
            add_sentence(&lines, i);
            hs_buffer_printf(&lines, "Done.\"}\n");
        }
        write_bytes("sentences.jsonl", lines.data);
        hs_buffer_free(&lines);
        const char *const paths[] = {in_folder("sentences.jsonl")};
        headsift_run_options options = short_options();
        struct hs_run run = {.model = model,
                             .options = &options,
                             .monitor = &monitor,
                             .inputs = {.paths = paths, .n_paths = 1},
                             .files.probe = hs_copy_string(in_folder("probe.jsonl"))};
        log_lines[0] = '\0';
        assert_int_equal(hs_inputs_find(&run.inputs, &run.documents, &last_error), HEADSIFT_OK);
        assert_int_equal(hs_run_probe(&run, &last_error), HEADSIFT_OK);
        struct hs_buffer probe = file_bytes("probe.jsonl");
        assert_int_equal(strstr(probe.data, " of number ") != NULL, n == 700);
        assert_non_null(strstr(log_lines, n == 700 ? "from the documents" : "built-in"));
        hs_buffer_free(&probe);
        hs_inputs_free(&run.documents);
        hs_free(run.files.probe);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folder_holds_every_step),
        cmocka_unit_test(the_ranking_is_that_of_the_scores),
        cmocka_unit_test(what_is_printed_is_harmless_and_narrow),
        cmocka_unit_test(a_second_call_does_nothing_and_prints_the_same),
        cmocka_unit_test(lost_steps_are_made_again_with_the_same_bytes),
        cmocka_unit_test(given_heads_need_no_probe),
        cmocka_unit_test(other_settings_are_refused_and_overwrite_begins_where_they_differ),
        cmocka_unit_test(a_folder_of_somebody_else_is_left_alone),
        cmocka_unit_test(inputs_that_changed_are_noticed),
        cmocka_unit_test(sentences_come_from_documents_that_have_enough),
    };
    return cmocka_run_group_tests(tests, open_and_run, close_all);
}
