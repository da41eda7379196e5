/* headsift_compare on score rows and documents written here: two selections, one against baselines, scorings.
 * What is expected was worked out by hand; score files are written by SQL as headsift score's are. */
#define _GNU_SOURCE
#include "select_support.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/statistics.h"
#include "compare/side.h"

/* Two domains of 20 documents, in one file: row i has the score i, odd rows are "b". The loss falls as the score rises
 * in domain a; in b they have nothing to do with each other. Lengths are 10 (i + 1) tokens. */
static void write_scores(const char *folder, const char *score) {
    char statement[1400];
    assert_int_equal(hs_make_directory(in_folder(folder), &last_error), HEADSIFT_OK);
    snprintf(statement, sizeof statement,
             "COPY (SELECT i::VARCHAR AS id, '@/docs.jsonl' AS file, i AS row, CASE WHEN i %% 2 = 0 THEN 'a' ELSE 'b' "
             "END AS domain, 100::BIGINT AS n_bytes, (10 * (i + 1))::INTEGER AS n_tokens, CASE WHEN i %% 2 = 0 THEN "
             "100 - i ELSE (i * 7) %% 40 END::DOUBLE AS loss_base, (%s)::DOUBLE AS score FROM range(40) t(i)) TO "
             "'@/%s/s.parquet' (FORMAT parquet)",
             score, folder);
    sql(statement);
}

/* Row i says what it is; rows of domain a repeat themselves the more the higher they stand, those of b never. */
static void write_documents(void) {
    struct hs_buffer lines = {0};
    for (int i = 0; i < 40; i++) {
        hs_buffer_printf(&lines, "{\"text\": \"");
        for (int k = 0; k < 40; k++) {
            bool again = i % 2 == 0 && k < i;
            hs_buffer_printf(&lines, again ? "alpha beta gamma\\n" : "w%d\\n", 40 * i + k);
        }
        hs_buffer_printf(&lines, "\", \"edu\": %d, \"none\": \"x\"}\n", i % 2 == 0 ? i : -i);
    }
    write_bytes("docs.jsonl", lines.data);
    hs_buffer_free(&lines);
}

static int set_up(void **state) {
    (void)state;
    fresh_folder("compare");
    write_documents();
    write_scores("scores", "i");
    return 0;
}

static headsift_status compare(const char *a, const char *b, headsift_compare_options options, json_t **out) {
    const char *const paths[] = {in_folder(a), b != NULL ? in_folder(b) : NULL};
    last_error = (headsift_error){0};
    FILE *table = fopen(in_folder("table"), "w");
    headsift_status status =
        headsift_compare(paths, b != NULL ? 2 : 1, &options, in_folder("out.json"), table, NULL, &last_error);
    fclose(table);
    *out = NULL;
    if (status == HEADSIFT_OK) {
        assert_int_equal(hs_json_load(in_folder("out.json"), 1 << 24, out, &last_error), HEADSIFT_OK);
    }
    return status;
}

static json_t *compared(const char *a, const char *b, headsift_compare_options options) {
    json_t *out;
    if (compare(a, b, options, &out) != HEADSIFT_OK) {
        fail_msg("%s", last_error.message);
    }
    return out;
}

/* A number by its path: "documents.shared", "domains.1.overlap". NaN for null. */
static double at(const json_t *value, const char *path) {
    while (*path != '\0') {
        size_t size = strcspn(path, ".");
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)size, path);
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(key)) : json_object_get(value, key);
        if (value == NULL) {
            fail_msg("there is no %s", path);
        }
        path += size + (path[size] == '.');
    }
    return json_is_null(value) ? (double)NAN : json_number_value(value);
}

static void assert_at(const json_t *value, const char *path, double wanted) {
    double got = at(value, path);
    if (!(fabs(got - wanted) <= 1e-9)) {
        fail_msg("%s is %.12g, not %.12g", path, got, wanted);
    }
}

static const json_t *named(const json_t *list, const char *key, const char *name) {
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        if (strcmp(json_string_value(json_object_get(item, key)), name) == 0) {
            return item;
        }
    }
    fail_msg("nothing is called %s", name);
    return NULL;
}

/* ---- Two selections ---- */

/* Of 20 documents a domain: the top 4 by score are the longest. The shortest 4 are others. */
static void a_selection_with_itself_is_one_and_a_disjoint_one_zero(void **state) {
    (void)state;
    select_into("top", (headsift_select_options){0}, HEADSIFT_OK);
    select_into("short", (headsift_select_options){.by = "n_tokens", .order = "asc"}, HEADSIFT_OK);
    json_t *same = compared("top", "top", (headsift_compare_options){.seed = 3});
    assert_at(same, "documents.shared", 8);
    assert_at(same, "documents.overlap", 1);
    assert_at(same, "documents.jaccard", 1);
    for (int i = 0; i < 3; i++) {
        char path[32];
        snprintf(path, sizeof path, "words.tf.%d.overlap", i);
        assert_at(same, path, 1);
        snprintf(path, sizeof path, "words.tfidf.%d.overlap", i);
        assert_at(same, path, 1);
    }
    assert_int_equal(json_array_size(json_object_get(same, "frequent")), 0);
    json_decref(same);
    json_t *other = compared("top", "short", (headsift_compare_options){0});
    assert_at(other, "documents.shared", 0);
    assert_at(other, "documents.jaccard", 0);
    assert_at(other, "domains.0.overlap", 0);
    assert_at(other, "a.tokens", 4 * (390 + 400) - 2 * (20 + 40 + 60));
    json_decref(other);
}

/* Rows 28 to 39 are the top 12, in domain a those even; the other selection takes the top 2 of each domain. */
static void shares_and_lengths_are_those_counted_by_hand(void **state) {
    (void)state;
    select_into("six", (headsift_select_options){.keep_count = 6}, HEADSIFT_OK);
    select_into("edu", (headsift_select_options){.keep_count = 2, .by = "edu"}, HEADSIFT_OK);
    json_t *out = compared("six", "edu", (headsift_compare_options){0});
    /* edu: rows 38 and 36 of a, which six has; rows 1 and 3 of b, which it has not */
    assert_at(out, "documents.shared", 2);
    assert_at(out, "documents.overlap", 0.5);
    assert_at(out, "documents.jaccard", 2.0 / 14);
    assert_at(out, "domains.0.a", 6);
    assert_at(out, "domains.0.overlap", 1);
    assert_at(out, "domains.1.shared", 0);
    /* edges 0 16 23 32 45 64 91 128 181 256 362 512: rows 1 and 3 have 20 and 40 tokens */
    assert_at(out, "lengths.edges.1", 16);
    assert_at(out, "lengths.edges.2", 23);
    assert_at(out, "lengths.b.1", 1);
    assert_at(out, "lengths.b.3", 1);
    assert_at(out, "lengths.b.10", 2);
    assert_at(out, "lengths.a.9", 8); /* 290 to 360 */
    assert_at(out, "lengths.a.10", 4);
    assert_at(out, "lengths.all.0", 1);
    assert_int_equal(json_array_size(json_object_get(json_object_get(out, "lengths"), "edges")), 12);
    json_decref(out);
}

/* Documents are the same where file and row are, whichever scoring chose them. */
static void selections_of_two_scorings_are_matched_by_file_and_row(void **state) {
    (void)state;
    assert_int_equal(hs_make_directory(in_folder("other"), &last_error), HEADSIFT_OK);
    write_scores("other/scores", "CASE WHEN i >= 36 THEN i ELSE -i END");
    headsift_select_options options = {.keep_count = 4};
    assert_int_equal(headsift_select_files(in_folder("other/scores"), &options, in_folder("other/selected"), NULL, NULL,
                                           &last_error),
                     HEADSIFT_OK);
    select_into("four", options, HEADSIFT_OK);
    json_t *out = compared("four", "other/selected", (headsift_compare_options){0});
    assert_at(out, "documents.shared", 4); /* rows 36 to 39; the other takes rows 0 to 3 too */
    assert_string_equal(json_string_value(json_object_get(json_object_get(out, "b"), "label")), "other");
    json_decref(out);
}

static void a_sample_is_drawn_by_the_seed(void **state) {
    (void)state;
    select_into("all", (headsift_select_options){.keep = 1}, HEADSIFT_OK);
    json_t *first = compared("all", "all", (headsift_compare_options){.sample = 5, .seed = 1});
    json_t *again = compared("all", "all", (headsift_compare_options){.sample = 5, .seed = 1});
    assert_at(first, "words.documents.0", 5);
    assert_at(first, "words.tf.0.overlap", 1);
    assert_true(json_equal(first, again));
    /* with the same documents these would be the same words */
    bool differs = false;
    for (uint64_t seed = 2; seed < 8; seed++) {
        json_t *other = compared("all", "all", (headsift_compare_options){.sample = 5, .seed = seed});
        differs = differs || at(first, "words.different") != at(other, "words.different");
        json_decref(other);
    }
    assert_true(differs);
    json_decref(first);
    json_decref(again);
}

static void a_sample_holds_the_lowest_keys_in_the_order_of_the_rows(void **state) {
    (void)state;
    struct hs_sample sample = {.most = 10};
    for (int64_t i = 0; i < 1000; i++) {
        uint64_t key = (uint64_t)(i * 617 % 1000); /* each once */
        const struct hs_scored row = {.source = (int32_t)(key % 2), .row = 1000 - (int64_t)key};
        assert_int_equal(hs_sample_offer(&sample, key, &row, &last_error), HEADSIFT_OK);
    }
    hs_sample_finish(&sample);
    assert_int_equal(sample.n, 10);
    assert_int_equal(sample.offered, 1000);
    for (size_t i = 0; i < 10; i++) { /* keys 8 6 4 2 0 of the first file, 9 7 5 3 1 of the second */
        assert_int_equal(sample.items[i].key, i < 5 ? 8 - 2 * i : 9 - 2 * (i - 5));
    }
    hs_sample_free(&sample);
}

/* ---- Baselines ---- */

static void baselines_have_the_same_budget_and_the_overlap_by_hand(void **state) {
    (void)state;
    select_into("base", (headsift_select_options){0}, HEADSIFT_OK);
    json_t *out = compared("base", NULL, (headsift_compare_options){.by = "edu,n_bytes"});
    const json_t *list = json_object_get(out, "baselines");
    assert_int_equal(json_array_size(list), 8);
    size_t i;
    json_t *baseline;
    json_array_foreach(list, i, baseline) {
        assert_at(baseline, "documents", 8);
        assert_at(baseline, "expected", 0.2);
        assert_at(baseline, "domains.1.taken", 4);
    }
    assert_at(named(list, "name", "longest"), "overlap", 1);
    assert_at(named(list, "name", "shortest"), "overlap", 0);
    assert_at(named(list, "name", "shortest"), "tokens", 10 * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8));
    assert_at(named(list, "name", "loss_lowest"), "domains.0.overlap", 1);
    assert_at(named(list, "name", "loss_highest"), "domains.0.overlap", 0);
    assert_at(named(list, "name", "loss_middle"), "domains.0.overlap", 0);
    /* b: the top rows 33 35 37 39 have losses 31 5 19 33; the lowest losses 1 3 5 7 are of rows 23 29 35 1 */
    assert_at(named(list, "name", "loss_lowest"), "domains.1.overlap", 0.25);
    assert_at(named(list, "name", "edu"), "domains.0.overlap", 1);
    assert_at(named(list, "name", "edu"), "domains.1.overlap", 0);
    json_decref(out);
    /* 1,000 tokens a domain: 400 + 380 of b, 390 + 370 of a; the next would not fit */
    select_into("tokens", (headsift_select_options){.budget = 1000}, HEADSIFT_OK);
    out = compared("tokens", NULL, (headsift_compare_options){0});
    baseline = json_array_get(json_object_get(out, "baselines"), 0);
    assert_at(baseline, "documents", 4);
    assert_at(baseline, "expected", 0.1);
    json_decref(out);
}

static void what_explains_a_ranking_is_told_from_what_does_not(void **state) {
    (void)state;
    select_into("why", (headsift_select_options){0}, HEADSIFT_OK);
    json_t *out = compared("why", NULL, (headsift_compare_options){0});
    const json_t *list = json_object_get(out, "explained");
    const json_t *a = named(list, "domain", "a"), *b = named(list, "domain", "b");
    assert_at(a, "documents", 20);
    assert_at(a, "length", 1);
    assert_at(a, "loss", 1);
    assert_at(a, "position", 1);
    assert_at(a, "all", 1);
    assert_at(a, "spearman.loss", -1);
    assert_at(a, "spearman.length", 1);
    assert_true(at(a, "repetition") > 0.9 && at(a, "spearman.repeated_ngrams") > 0.9);
    /* ranks of 7 i mod 40 against those of i, over the odd i: 1 - 6 * 1380 / (20 * 399) */
    double rho = 1 - 6.0 * 1380 / (20 * 399);
    assert_at(b, "spearman.loss", rho);
    assert_at(b, "loss", rho * rho);
    assert_at(b, "position", 1);
    assert_at(b, "by_chance", 6.0 / 19);
    assert_true(isnan(at(b, "spearman.duplicate_lines"))); /* no line comes twice in any of them */
    json_decref(out);
}

/* A ranking by loss and place: neither alone explains it, and together they explain at least what a fit of both does.
 */
static void causes_explain_more_together(void **state) {
    (void)state;
    double values[3][20], ranks[3][20], both;
    char scores[512];
    for (int k = 0; k < 20; k++) {
        int i = 2 * k + 1;
        values[0][k] = i * 7 % 40;
        values[1][k] = i;
        values[2][k] = 2 * values[0][k] + i;
    }
    for (int column = 0; column < 3; column++) {
        assert_int_equal(hs_mean_ranks(values[column], 20, ranks[column], NULL), HEADSIFT_OK);
    }
    assert_int_equal(hs_explained(ranks[0], 2, ranks[2], 20, &both, NULL), HEADSIFT_OK);
    write_scores("mixed", "2 * ((i * 7) % 40) + i");
    snprintf(scores, sizeof scores, "%s", in_folder("mixed"));
    headsift_select_options options = {0};
    assert_int_equal(headsift_select_files(scores, &options, in_folder("of-mixed"), NULL, NULL, &last_error),
                     HEADSIFT_OK);
    json_t *out = compared("of-mixed", NULL, (headsift_compare_options){.scores = scores});
    const json_t *b = named(json_object_get(out, "explained"), "domain", "b");
    double loss = hs_pearson(ranks[0], ranks[2], 20), place = hs_pearson(ranks[1], ranks[2], 20);
    assert_at(b, "loss", loss * loss);
    assert_at(b, "position", place * place);
    assert_true(both > loss * loss + 0.05 && both > place * place + 0.05);
    assert_true(at(b, "all") >= both - 1e-9 && at(b, "all") <= 1 + 1e-9);
    json_decref(out);
}

/* Of 20 documents a domain: none in the top percent, 1, 3, 6 and 10 in the bands. Scores are 0 to 39. */
static void bands_and_distributions_hold_every_document(void **state) {
    (void)state;
    static const double documents[] = {0, 2, 6, 12, 20};
    select_into("bands", (headsift_select_options){0}, HEADSIFT_OK);
    json_t *out = compared("bands", NULL, (headsift_compare_options){0});
    const json_t *bands = json_object_get(out, "bands");
    for (size_t i = 0; i < 5; i++) {
        assert_at(json_array_get(bands, i), "documents", documents[i]);
    }
    assert_true(isnan(at(bands, "0.loss")));
    assert_at(bands, "1.tokens", (390 + 400) / 2.0);
    assert_true(at(bands, "1.repeated_ngrams") > at(bands, "4.repeated_ngrams"));
    assert_string_equal(json_string_value(json_array_get(json_object_get(json_array_get(bands, 2), "words"), 0)),
                        "alpha");
    const json_t *a = named(json_object_get(out, "distribution"), "domain", "a");
    double all = 0, chosen = 0;
    for (size_t i = 0; i < 30; i++) {
        all += json_number_value(json_array_get(json_object_get(a, "counts"), i));
        chosen += json_number_value(json_array_get(json_object_get(a, "selected"), i));
    }
    assert_true(all == 20 && chosen == 4);
    assert_at(a, "threshold", 32);
    assert_at(a, "quantiles.5.1", 19);
    assert_at(a, "edges.0", 0.005 * 38); /* between the scores 0, 2, ... 38 */
    assert_at(a, "edges.30", 0.995 * 38);
    assert_at(a, "counts.0", 1);
    assert_at(a, "selected.0", 0);
    assert_at(a, "selected.29", 1);
    json_decref(out);
}

/* ---- Scorings ---- */

/* The second scoring turns the order of the domain b around; 5 of its documents are kept of 20. */
static void scorings_agree_by_domain_and_length_as_by_hand(void **state) {
    (void)state;
    write_scores("turned", "CASE WHEN i % 2 = 0 THEN 2 * i ELSE -i END");
    json_t *out = compared("scores", "turned", (headsift_compare_options){.keep = 0.25});
    assert_at(out, "pairs.0.domains.0.spearman", 1);
    assert_at(out, "pairs.0.domains.0.overlap", 1);
    assert_at(out, "pairs.0.domains.1.spearman", -1);
    assert_at(out, "pairs.0.domains.1.overlap", 0);
    /* the quarters are 10 to 100, 110 to 200, 210 to 300, 310 to 400 tokens, ten rows each */
    assert_at(out, "pairs.0.lengths.0.low", 10);
    assert_at(out, "pairs.0.lengths.0.high", 100);
    assert_at(out, "pairs.0.lengths.3.low", 310);
    assert_at(out, "pairs.0.lengths.3.documents", 10);
    assert_at(out, "pairs.0.lengths.3.overlap", 1); /* the first keeps all ten, the second five of them */
    assert_true(isnan(at(out, "pairs.0.lengths.1.overlap")));
    /* ranks by the first 1.5 1.5 3.5 3.5 ... 9.5 9.5, by the second 6 5 7 4 8 3 9 2 10 1: deviations cancel out */
    assert_at(out, "pairs.0.lengths.3.spearman", 0);
    json_decref(out);
    out = compared("scores", "scores", (headsift_compare_options){0});
    for (int i = 0; i < 4; i++) {
        char path[40];
        snprintf(path, sizeof path, "pairs.0.lengths.%d.spearman", i);
        assert_at(out, path, 1);
    }
    assert_int_equal(json_array_size(json_object_get(out, "differences")), 0);
    json_decref(out);
}

static void settings_that_differ_are_named(void **state) {
    (void)state;
    static const char *const masks[] = {"uniform", "zero"};
    for (int i = 0; i < 2; i++) {
        char statement[512];
        assert_int_equal(hs_make_directory(in_folder(masks[i]), &last_error), HEADSIFT_OK);
        snprintf(statement, sizeof statement,
                 "COPY (FROM read_parquet('@/scores/s.parquet')) TO '@/%s/s.parquet' (FORMAT parquet, KV_METADATA "
                 "{'headsift.mask': '%s', 'headsift.dtype': 'f32', 'headsift.text': '%s'})",
                 masks[i], masks[i], masks[i]);
        sql(statement);
    }
    json_t *out = compared("uniform", "zero", (headsift_compare_options){0});
    const json_t *differences = json_object_get(out, "differences");
    assert_int_equal(json_array_size(differences), 1); /* text is about the inputs */
    assert_string_equal(json_string_value(json_object_get(json_array_get(differences, 0), "setting")), "mask");
    const json_t *second = json_array_get(json_object_get(out, "scores"), 1);
    assert_string_equal(json_string_value(json_object_get(second, "mask")), "zero");
    assert_string_equal(json_string_value(json_object_get(second, "dtype")), "f32");
    json_decref(out);
}

/* ---- What is refused ---- */

static void refuse_with(const char *a, const char *b, headsift_compare_options options, const char *part) {
    json_t *out;
    headsift_status status = compare(a, b, options, &out);
    assert_true(status == HEADSIFT_FAILED || status == HEADSIFT_USAGE);
    if (strstr(last_error.message, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, last_error.message);
    }
}

static void refuse(const char *a, const char *b, const char *part) {
    refuse_with(a, b, (headsift_compare_options){0}, part);
}

/* Changes a selection's manifest by the pattern of a shell command. */
static void change_manifest(const char *selection, const char *from, const char *to) {
    char name[64];
    snprintf(name, sizeof name, "%s/manifest.json", selection);
    struct hs_buffer bytes = file_bytes(name), changed = {0};
    const char *found = strstr(bytes.data, from);
    assert_non_null(found);
    hs_buffer_append(&changed, bytes.data, (size_t)(found - bytes.data));
    hs_buffer_printf(&changed, "%s%s", to, found + strlen(from));
    write_bytes(name, changed.data);
    hs_buffer_free(&bytes);
    hs_buffer_free(&changed);
}

static void selections_that_do_not_fit_their_scores_are_refused(void **state) {
    (void)state;
    select_into("good", (headsift_select_options){0}, HEADSIFT_OK);
    select_into("bad", (headsift_select_options){.keep_count = 3}, HEADSIFT_OK);
    change_manifest("bad", "\"chosen\": 3", "\"chosen\": 4");
    refuse("bad", NULL, "other counts than its manifest.json");
    select_into("lost", (headsift_select_options){.keep_count = 5}, HEADSIFT_OK);
    change_manifest("lost", "\"sha256\": \"", "\"sha256\": \"0");
    refuse("lost", NULL, "say with --scores where they are");
    refuse_with("lost", NULL, (headsift_compare_options){.scores = in_folder("turned")}, "turned nor ");
    refuse("good", "scores", "compare things of one kind");
    refuse("scores", NULL, "at least 2");
    refuse("nothing", NULL, "there is no such file or folder");
    refuse_with("good", NULL, (headsift_compare_options){.by = "edu,,n_bytes"}, "empty name");
    refuse_with("good", NULL, (headsift_compare_options){.by = "none"}, "none");
    assert_int_equal(hs_make_directory(in_folder("others"), &last_error), HEADSIFT_OK);
    sql("COPY (SELECT 1 AS score) TO '@/others/others.parquet' (FORMAT parquet)");
    refuse("scores", "others", "others.parquet: no score rows of headsift score");
    headsift_select_options rejected = {.rejected = in_folder("rest")};
    select_into("kept", rejected, HEADSIFT_OK);
    refuse("rest", NULL, "not chosen: compare the selection");
}

static void other_inputs_and_missing_documents_are_refused(void **state) {
    (void)state;
    assert_int_equal(hs_make_directory(in_folder("far"), &last_error), HEADSIFT_OK);
    assert_int_equal(hs_make_directory(in_folder("far/scores"), &last_error), HEADSIFT_OK);
    sql("COPY (SELECT id, '@/elsewhere.jsonl' AS file, row, domain, n_bytes, n_tokens, loss_base, score FROM "
        "read_parquet('@/scores/s.parquet')) TO '@/far/scores/s.parquet' (FORMAT parquet)");
    sql("COPY (SELECT i AS text FROM range(40) t(i)) TO '@/elsewhere.jsonl' (FORMAT json)");
    assert_int_equal(
        headsift_select_files(in_folder("far/scores"), NULL, in_folder("far/selected"), NULL, NULL, &last_error),
        HEADSIFT_OK);
    select_into("near", (headsift_select_options){0}, HEADSIFT_OK);
    refuse("scores", "far/scores", "score the same inputs");
    refuse("near", "far/selected", "no input file in common");
    struct hs_buffer bytes = file_bytes("docs.jsonl");
    assert_int_equal(rename(in_folder("docs.jsonl"), in_folder("away.jsonl")), 0);
    refuse("near", NULL, "it is not there");
    assert_int_equal(rename(in_folder("away.jsonl"), in_folder("docs.jsonl")), 0);
    char *end = strrchr(bytes.data, '{');
    *end = '\0';
    write_bytes("docs.jsonl", bytes.data);
    refuse("near", NULL, "it has changed");
    hs_buffer_free(&bytes);
    write_documents();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_selection_with_itself_is_one_and_a_disjoint_one_zero),
        cmocka_unit_test(shares_and_lengths_are_those_counted_by_hand),
        cmocka_unit_test(selections_of_two_scorings_are_matched_by_file_and_row),
        cmocka_unit_test(a_sample_is_drawn_by_the_seed),
        cmocka_unit_test(a_sample_holds_the_lowest_keys_in_the_order_of_the_rows),
        cmocka_unit_test(baselines_have_the_same_budget_and_the_overlap_by_hand),
        cmocka_unit_test(what_explains_a_ranking_is_told_from_what_does_not),
        cmocka_unit_test(causes_explain_more_together),
        cmocka_unit_test(bands_and_distributions_hold_every_document),
        cmocka_unit_test(scorings_agree_by_domain_and_length_as_by_hand),
        cmocka_unit_test(settings_that_differ_are_named),
        cmocka_unit_test(selections_that_do_not_fit_their_scores_are_refused),
        cmocka_unit_test(other_inputs_and_missing_documents_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
