/* The report's parts: escaping, hashes, bins, cost by hand, the words that follow from numbers, folders that lack
 * parts, and a page that stays small whatever the run's size. */
#define _GNU_SOURCE
#include "influence_support.h"
#include "report_scene.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "report/report.h"

/* ---- Text and hashes ---- */

static void escaped_text_can_open_nothing(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"a < b > c & d", "a &lt; b &gt; c &amp; d"},
        {"\"x\" 'y'", "&quot;x&quot; &#39;y&#39;"},
        {EVIL, "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"},
        {"\033[2J\r\x7F", "\\x1b[2J\\r\\x7f"},
        {"line\nand\ttab", "line\nand\ttab"},
        {"r\xC3\xA9sum\xC3\xA9 \xE4\xBD\xA0", "r\xC3\xA9sum\xC3\xA9 \xE4\xBD\xA0"},
        {"\xE2\x80\xAE<\xE2\x80\xA8", "\\u{202e}&lt;\\u{2028}"},
        {"half \xE4\xBD", "half \\xe4\\xbd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hs_buffer out = {0};
        assert_true(hs_html_escape(&out, cases[i][0], strlen(cases[i][0])));
        assert_string_equal(out.data, cases[i][1]);
        hs_buffer_free(&out);
    }
    struct hs_buffer out = {0};
    assert_true(hs_html_escape(&out, "a\0b", 3));
    assert_string_equal(out.data, "a\\x00b");
    hs_buffer_free(&out);
}

static void data_can_stand_in_a_script_element(void **state) {
    (void)state;
    json_t *value =
        json_pack("{s:s, s:[f, i]}", "k" EVIL, "<!-- & \xE2\x80\xA8 \033 \x7F \xF0\x9F\x98\x80", "n", 0.5, 3);
    struct hs_buffer out = {0};
    assert_true(hs_page_json(&out, value));
    for (size_t i = 0; i < out.size; i++) {
        assert_true(out.data[i] >= ' ' && out.data[i] < 0x7F && strchr("<>&", out.data[i]) == NULL);
    }
    json_t *back = json_loadb(out.data, out.size, 0, NULL);
    assert_true(json_equal(value, back));
    json_decref(back);
    json_decref(value);
    hs_buffer_free(&out);
}

static void hashes_are_those_of_the_standard(void **state) {
    (void)state;
    char hash[HS_CSP_HASH];
    assert_int_equal(hs_csp_hash("alert('Hello, world.');", 23, hash, NULL), HEADSIFT_OK);
    assert_string_equal(hash, "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
    assert_int_equal(hs_csp_hash("", 0, hash, NULL), HEADSIFT_OK);
    assert_string_equal(hash, "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
}

/* Scripts that would close their own element could never run. */
static void embedded_scripts_can_stand_in_a_page(void **state) {
    (void)state;
    const struct hs_assets assets = hs_report_assets();
    const struct hs_asset *const all[] = {&assets.vega, &assets.vega_lite, &assets.interpreter, &assets.script,
                                          &assets.style};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t size = (size_t)(all[i]->end - all[i]->start);
        assert_true(size > 1000 && hs_utf8_check(all[i]->start, size) == size);
        assert_null(memmem(all[i]->start, size, "</scr", 5));
        assert_null(memmem(all[i]->start, size, "</sty", 5));
        assert_null(memmem(all[i]->start, size, "<!--", 4));
        assert_null(memchr(all[i]->start, '\r', size));
    }
    assert_non_null(
        memmem(assets.licences.start, (size_t)(assets.licences.end - assets.licences.start), "vega-lite", 9));
}

/* ---- Numbers ---- */

static void bins_hold_every_value(void **state) {
    (void)state;
    struct hs_bins bins = hs_bins_over(-1, 3, 8);
    static const double values[] = {-9, -1, -0.75, -0.51, -0.5, 2.99, 3, 99};
    static const int wanted[] = {0, 0, 0, 0, 1, 7, 7, 7};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_int_equal(hs_bin_of(&bins, values[i]), wanted[i]);
    }
    assert_true(hs_bin_edge(&bins, 0) == -1 && hs_bin_edge(&bins, 1) == -0.5 && hs_bin_edge(&bins, 8) == 3);
    bins = hs_bins_over(5, 5, 4); /* one value only */
    assert_true(bins.low < 5 && bins.high > 5);
    bins = hs_bins_over((double)NAN, (double)NAN, 4);
    assert_true(bins.high > bins.low);
}

static void cost_is_what_is_worked_out_by_hand(void **state) {
    (void)state;
    assert_true(fabs(hs_hours_a_billion(1e6) - 0.27777777777777778) < 1e-12);
    assert_true(isnan(hs_hours_a_billion(0)) && isnan(hs_hours_a_billion((double)NAN)));
    const struct hs_run_folder folder = {.seconds = 4, .timed_tokens = 100}, untimed = {0};
    const struct hs_numbers numbers = {.all = {.tokens = 120}, .tokens_in = 100, .token_pairs = 900};
    const struct hs_work work = {.pair_token = 30, .pair_pair = 2, .single_token = 20, .single_pair = 1};
    struct hs_cost cost = hs_report_cost(&folder, &numbers, &work);
    assert_true(cost.tokens == 120 && cost.seconds == 4 && cost.speed == 25);
    assert_true(cost.operations == 30 * 100 + 2 * 900); /* 4800 */
    assert_true(fabs(cost.single_share - (20 * 100 + 900) / 4800.0) < 1e-12 && isnan(cost.peak));
    cost = hs_report_cost(&untimed, &numbers, NULL);
    assert_true(isnan(cost.speed) && isnan(cost.seconds) && isnan(cost.operations) && isnan(cost.single_share));
}

/* Layers of the tiny model above its first masked head run twice, and logits are formed twice. */
static void operations_are_those_of_weights_attention_and_logits(void **state) {
    (void)state;
    headsift_model *model = tiny_scorer(false);
    const struct hs_config *c = hs_model_config(model->model);
    struct hs_work work;
    assert_int_equal(hs_report_work(model, tiny_heads(), &work, NULL), HEADSIFT_OK);
    double q = c->n_head * c->head_dim, k = c->n_kv_head * c->head_dim;
    double layer = c->hidden * (2 * q + 2 * k + 3.0 * c->ffn), logits = (double)c->hidden * c->vocab;
    double twice = 2.0 * c->n_layer - 1; /* from layer 1 on */
    assert_true(fabs(work.single_token - 2 * (c->n_layer * layer + logits)) < 1e-6);
    assert_true(fabs(work.pair_token - 2 * (twice * layer + 2 * logits)) < 1e-6);
    assert_true(fabs(work.pair_pair / work.single_pair - twice / c->n_layer) < 1e-12);
    headsift_model_close(model);
}

static void numbers_are_those_of_plain_sql(void **state) {
    (void)state;
    struct hs_run_folder folder;
    struct hs_numbers numbers;
    const headsift_report_options options = {0};
    report_scene("report_numbers");
    assert_int_equal(hs_run_folder_read(in_folder("run"), NULL, &folder, &last_error), HEADSIFT_OK);
    assert_int_equal(hs_numbers_read(&folder, &options, NULL, &numbers, &last_error), HEADSIFT_OK);
    assert_int_equal(numbers.n_domains, 3);
    assert_string_equal(numbers.domains[0].name, "prose"); /* the largest first */
    assert_string_equal(numbers.domains[1].name, "code");
    assert_true(numbers.have_choice && !numbers.have_rest && numbers.all.documents == SCENE_DOCUMENTS);
    assert_int_equal(numbers.domains[1].chosen, 8);
    assert_int_equal(numbers.domains[1].counted[0], 40);
    assert_int_equal(numbers.domains[1].counted[1], 8);
    char text[256];
    snprintf(text, sizeof text, "%.9f %.9f %.9f %.6f", numbers.domains[1].quantiles[1], numbers.domains[1].quantiles[4],
             numbers.domains[1].mean, numbers.domains[1].sum_losses[1]);
    assert_string_equal(
        text, sql_text("WITH c AS (SELECT * FROM read_parquet('@/run/scores/*.parquet') WHERE domain = 'code') "
                       "SELECT printf('%.9f %.9f %.9f %.6f', quantile_cont(score, 0.1), quantile_cont(score, "
                       "0.99), avg(score), (SELECT sum(loss_base) FROM (SELECT * FROM c ORDER BY score DESC "
                       "LIMIT 8))) FROM c"));
    for (int i = 0; i < HS_SCORE_BINS; i++) { /* inner bins: their edges as SQL would have them */
        char query[300];
        double low = hs_bin_edge(&numbers.scores, i), high = hs_bin_edge(&numbers.scores, i + 1);
        snprintf(query, sizeof query,
                 "SELECT count(*) FROM read_parquet('@/run/scores/*.parquet') WHERE (%d = 0 OR score >= %.17g) "
                 "AND (%d = %d OR score < %.17g)",
                 i, low, i, HS_SCORE_BINS - 1, high);
        assert_int_equal(numbers.all.scores[0][i], atoi(sql_text(query)));
    }
    hs_numbers_free(&numbers);
    hs_run_folder_free(&folder);
}

/* ---- The page ---- */

static char *page(const char *name) {
    struct hs_buffer bytes = file_bytes(name);
    return bytes.data; /* hs_free */
}

static void assert_says(const char *name, const char *words, bool wanted) {
    char *text = page(name);
    if ((strstr(text, words) != NULL) != wanted) {
        fail_msg("%s %s: %s", name, wanted ? "does not say" : "says", words);
    }
    hs_free(text);
}

static void words_follow_from_numbers(void **state) {
    (void)state;
    report_scene("report_words");
    const headsift_report_options options = {.price = 3.5, .classifier_speed = 1000};
    report_to("a.html", &options, HEADSIFT_OK);
    assert_says("a.html", "On the probe these heads matter:", true);
    assert_says("a.html", "<strong>1 of 2 tasks</strong>", true);
    assert_says("a.html", "it hurts 1 of 1 more than random ones", true);
    assert_says("a.html", "explain at most 30.0 % of the ranking", true);
    assert_says("a.html", "Selected: 24 documents</strong> (20.0 %)", true);
    assert_says("a.html", "<td>1,000</td><td>278</td><td>972</td>", true); /* hours, and 3.5 times as much */
    assert_says("a.html", "No task was measured", false);
    assert_says("a.html", "The heads come from 40 samples", true);
    struct hs_buffer heads = file_bytes("run/heads.json");
    memcpy(strstr(heads.data, "2.25"), "0.87", 4); /* below the highest random draw */
    write_bytes("run/heads.json", heads.data);
    hs_buffer_free(&heads);
    report_to("b.html", NULL, HEADSIFT_OK);
    assert_says("b.html", "matter no more than random ones", true);
    assert_says("b.html", "On the probe these heads matter:", false);
}

/* Ranks ceil(q n) of 60, 40 and 20 documents, whose scores fall with their number: from 0, 60 and 100 on. */
static void documents_stand_at_their_ranks(void **state) {
    (void)state;
    static const struct {
        int n, first, ranks[5];
    } domains[] = {{20, 100, {1, 2, 10, 18, 20}}, {40, 60, {1, 4, 20, 36, 40}}, {60, 0, {1, 6, 30, 54, 60}}};
    report_scene("report_ranks");
    report_to("out.html", NULL, HEADSIFT_OK);
    char *text = page("out.html");
    const char *at = strstr(text, "id=\"examples\"");
    for (size_t d = 0; d < 3; d++) {
        for (size_t i = 0; i < 5; i++) {
            char rank[64], id[64];
            int document = domains[d].first + domains[d].ranks[i] - 1;
            snprintf(rank, sizeof rank, "<h4>Rank %d of %d ", domains[d].ranks[i], domains[d].n);
            snprintf(id, sizeof id, "class=\"name\">d-%d</span>: score %.4f", document, (120 - document) / 240.0);
            at = strstr(at, "<h4>");
            assert_non_null(at);
            assert_memory_equal(at, rank, strlen(rank));
            const char *next = strstr(at + 1, "<h4>"), *found = strstr(at, id);
            assert_true(document == 0 || (found != NULL && (next == NULL || found < next)));
            at++;
        }
    }
    assert_null(strstr(at, "<h4>Rank "));
    hs_free(text);
}

static void made_again_it_has_the_same_bytes(void **state) {
    (void)state;
    report_scene("report_again");
    report_to("a.html", NULL, HEADSIFT_OK);
    report_to("b.html", NULL, HEADSIFT_OK);
    char *a = page("a.html"), *b = page("b.html");
    assert_string_equal(a, b);
    hs_free(a);
    hs_free(b);
    assert_false(hs_file_exists(in_folder("b.html.spill")));
}

static char said[2048];
static void keep_line(void *user, headsift_log_level level, const char *line) {
    (void)user, (void)level;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", line);
}

static void folders_may_lack_parts(void **state) {
    (void)state;
    const headsift_monitor monitor = {.log = keep_line};
    report_scene("report_parts");
    const char *run = in_folder("run"), *out = in_folder("out.html");
    write_bytes("run/broken.json", "{\"kind\": ");
    sql("COPY (FROM read_parquet('@/run/scores/part-00000.parquet') WHERE row < 50) TO "
        "'@/run/scores/part-00000.parquet' (FORMAT parquet)");
    if (headsift_report(NULL, run, NULL, out, &monitor, &last_error) != HEADSIFT_OK) {
        fail_msg("%s", last_error.message);
    }
    assert_non_null(strstr(said, "broken.json"));
    assert_non_null(strstr(said, "is not about these scores"));
    assert_says("out.html", "id=\"selected\"", false);
    assert_int_equal(remove(in_folder("run/heads.json")), 0);
    assert_int_equal(headsift_report(NULL, run, NULL, out, NULL, &last_error), HEADSIFT_OK);
    assert_says("out.html", "id=\"heads\"", false);
    assert_int_equal(hs_make_directory(in_folder("empty"), &last_error), HEADSIFT_OK);
    assert_int_equal(headsift_report(NULL, in_folder("empty"), NULL, out, NULL, &last_error), HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "nothing to report"));
    assert_int_equal(headsift_report(NULL, in_folder("none"), NULL, out, NULL, &last_error), HEADSIFT_FAILED);
    assert_non_null(strstr(last_error.message, "is not a folder"));
    write_bytes("empty/heads.json", "{\"heads\": [[0, 0]]}");
    assert_int_equal(headsift_report(NULL, in_folder("empty"), NULL, out, NULL, &last_error), HEADSIFT_OK);
    write_bytes("empty/heads.json", "{\"heads\": 3}");
    assert_int_equal(headsift_report(NULL, in_folder("empty"), NULL, out, NULL, &last_error), HEADSIFT_FAILED);
}

/* However much there is of a thing, the page has so much of it. */
static void long_lists_and_names_are_cut(void **state) {
    (void)state;
    struct hs_buffer heads = {0}, results = {0};
    report_scene("report_long");
    hs_buffer_printf(&heads, "{\"heads\": [[0, 0]");
    hs_buffer_printf(&results, "{\"kind\": \"judges\", \"questions\": [{\"name\": \"q\", \"low\": 0, \"high\": 1}], "
                               "\"groups\": [{}");
    for (int i = 1; i < 5000; i++) {
        hs_buffer_printf(&heads, ", [%d, %d]", i / 100, i % 100);
        hs_buffer_printf(&results, ", {\"group\": \"top\", \"domain\": \"%0300d\"}", i);
    }
    hs_buffer_printf(&heads, "]}");
    hs_buffer_printf(&results, "]}");
    write_bytes("run/heads.json", heads.data);
    write_bytes("run/judges.json", results.data);
    report_to("out.html", NULL, HEADSIFT_OK);
    struct hs_buffer bytes = file_bytes("out.html");
    assert_true(bytes.size < 1500000);
    assert_non_null(strstr(bytes.data, "and 4,700 more"));
    assert_null(strstr(bytes.data,
                       "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                       "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                       "0000000000000000000000000"));
    hs_buffer_free(&heads);
    hs_buffer_free(&results);
    hs_buffer_free(&bytes);
}

/* Without its documents a page has all but the examples. */
static void documents_may_be_gone(void **state) {
    (void)state;
    report_scene("report_gone");
    sql("COPY (SELECT * REPLACE ('@/gone.jsonl' AS file) FROM read_parquet('@/run/scores/part-00000.parquet')) TO "
        "'@/run/scores/part-00000.parquet' (FORMAT parquet)");
    report_to("out.html", NULL, HEADSIFT_OK);
    assert_says("out.html", "The documents could not be read", true);
    assert_says("out.html", "id=\"made\"", true);
}

/* A million rows in 300 domains, with little memory for DuckDB: the page is no larger than that of a small run. */
static void a_large_run_has_a_small_page(void **state) {
    (void)state;
    fresh_folder("report_large");
    assert_int_equal(hs_make_directory(in_folder("run/scores"), &last_error), HEADSIFT_OK);
    sql("COPY (SELECT 'd' || i AS id, '@/gone.jsonl' AS file, i AS row, 'domain ' || (i % 300) AS domain, 100::BIGINT "
        "AS n_bytes, "
        "(i % 4000 + 1)::INTEGER AS n_tokens, 100::BIGINT AS n_bytes_scored, (i % 4000 + 1)::INTEGER AS n_scored, 1 + "
        "(hash(i) % "
        "1000) / 500.0 AS loss_base, 4.0::DOUBLE AS loss_ref, (hash(i + 7) % 100000) / 1e5 AS score, 'ok' AS status, "
        "'' AS note "
        "FROM range(1000000) t(i)) TO '@/run/scores/part-00000.parquet' (FORMAT parquet)");
    const headsift_report_options options = {.memory = "700MB"};
    report_to("out.html", &options, HEADSIFT_OK);
    struct hs_buffer bytes = file_bytes("out.html");
    assert_true(bytes.size < 2000000);
    assert_non_null(strstr(bytes.data, "1,000,000 documents"));
    assert_non_null(strstr(bytes.data, "(all others)"));
    hs_buffer_free(&bytes);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(escaped_text_can_open_nothing),
        cmocka_unit_test(data_can_stand_in_a_script_element),
        cmocka_unit_test(hashes_are_those_of_the_standard),
        cmocka_unit_test(embedded_scripts_can_stand_in_a_page),
        cmocka_unit_test(bins_hold_every_value),
        cmocka_unit_test(cost_is_what_is_worked_out_by_hand),
        cmocka_unit_test(operations_are_those_of_weights_attention_and_logits),
        cmocka_unit_test(numbers_are_those_of_plain_sql),
        cmocka_unit_test(words_follow_from_numbers),
        cmocka_unit_test(documents_stand_at_their_ranks),
        cmocka_unit_test(made_again_it_has_the_same_bytes),
        cmocka_unit_test(folders_may_lack_parts),
        cmocka_unit_test(long_lists_and_names_are_cut),
        cmocka_unit_test(documents_may_be_gone),
        cmocka_unit_test(a_large_run_has_a_small_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
