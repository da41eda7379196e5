/* headsift-ranking: its figures on small cases that were worked out by hand, the bar, what it refuses, its exit codes.
 * Scores are written as headsift score writes them. */
#define _GNU_SOURCE
#include "ranking.h"

#include "select_support.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "corpus/score_writer.h"

struct row {
    const char *domain;
    int64_t row;
    double first, second;
};

/* By hand, keeping 20 %:
 * ties: errors 0 1 0 0: mean .25, sd sqrt((3 * .0625 + .5625) / 3) = .5; ranks 1.5 1.5 3 4 and 1 2.5 2.5 4: deviations
 *       -1 -1 .5 1.5 and -1.5 0 0 1.5, rho 3.75 / 4.5; one kept, row 13 on both sides.
 * turn: errors 0 0 0 1.5 0: mean .3, sd sqrt((4 * .09 + 1.44) / 4) = sqrt(.45); spread sqrt(2.5); ranks 1 2 3 4 5 and
 *       1 2 3 5 4: rho 1 - 6 * 2 / (5 * 24) = .9; one kept, rows 4 and 3; cut 4.5: both .5 from it. */
static const struct row rows[] = {
    {"turn", 0, 1, 1},  {"turn", 1, 2, 2},     {"turn", 2, 3, 3},  {"turn", 3, 4, 5.5},
    {"turn", 4, 5, 5},  {"turn", 5, NAN, NAN}, {"ties", 10, 1, 1}, {"ties", 11, 1, 2},
    {"ties", 12, 2, 2}, {"ties", 13, 3, 3},    {"lone", 20, 7, 8},
};
enum { ROWS = sizeof rows / sizeof *rows };

static void write_part(const char *path, size_t from, size_t to, bool second) {
    struct hs_score_writer *writer;
    assert_int_equal(hs_score_writer_open(path, NULL, &writer, &last_error), HEADSIFT_OK);
    for (size_t i = from; i < to; i++) {
        double value = second ? rows[i].second : rows[i].first;
        headsift_score score = {.n_tokens = 9, .loss_base = 1, .loss_ref = 1 + value, .score = value};
        snprintf(score.status, sizeof score.status, "%s", isnan(value) ? "too_short" : "ok");
        assert_int_equal(hs_score_writer_add(writer, NULL, 0, "docs.jsonl", rows[i].row, rows[i].domain,
                                             strlen(rows[i].domain), &score, &last_error),
                         HEADSIFT_OK);
    }
    assert_int_equal(hs_score_writer_commit(writer, &last_error), HEADSIFT_OK);
}

/* Folder a with one part, folder b with two; the rows from `leave` on stay out of b. */
static void write_folders(size_t leave) {
    fresh_folder("ranking");
    assert_int_equal(hs_make_directory(in_folder("a"), &last_error), HEADSIFT_OK);
    assert_int_equal(hs_make_directory(in_folder("b"), &last_error), HEADSIFT_OK);
    write_part(in_folder("a/all.parquet"), 0, ROWS, false);
    write_part(in_folder("b/1.parquet"), 0, 7, true);
    write_part(in_folder("b/2.parquet"), 7, leave, true);
}

static struct hs_agreement agreement_of(const char *first, const char *second, double keep) {
    struct hs_agreement out;
    if (hs_agreement_read(in_folder(first), in_folder(second), &(struct hs_agreement_options){.keep = keep}, &out,
                          &last_error) != HEADSIFT_OK) {
        fail_msg("%s", last_error.message);
    }
    return out;
}

static void near(double got, double wanted) {
    if (!(fabs(got - wanted) < 1e-12)) {
        fail_msg("%.17g is not %.17g", got, wanted);
    }
}

static void figures_are_those_worked_out_by_hand(void **state) {
    (void)state;
    write_folders(ROWS);
    struct hs_agreement agreement = agreement_of("a", "b", 0.2);
    assert_int_equal(agreement.n, 3);
    const struct hs_agreement_domain *lone = &agreement.domains[0], *ties = &agreement.domains[1],
                                     *turn = &agreement.domains[2];
    assert_string_equal(ties->name, "ties");
    assert_int_equal(ties->documents, 4);
    near(ties->error_sd, 0.5);
    near(ties->bias, 0.25);
    near(ties->spearman, 3.75 / 4.5);
    assert_int_equal(ties->kept, 1);
    assert_int_equal(ties->both, 1);
    assert_int_equal(ties->changed, 0);
    near(ties->farthest, 0);
    assert_string_equal(turn->name, "turn");
    assert_int_equal(turn->documents, 5);
    near(turn->error_sd, sqrt(0.45));
    near(turn->bias, 0.3);
    near(turn->spread, sqrt(2.5));
    near(turn->spearman, 0.9);
    assert_int_equal(turn->both, 0);
    assert_int_equal(turn->changed, 2);
    near(turn->farthest, 0.5 / sqrt(0.45));
    assert_string_equal(lone->name, "lone");
    assert_int_equal(lone->kept, 1);
    assert_true(isnan(lone->error_sd) && isnan(lone->spearman));
    near(hs_agreement_overlap(&agreement), 100.0 * 2 / 3);
    hs_agreement_free(&agreement);
}

/* Keeping half of four: rows 13 and 12 by the first scores; by the second 11 and 12 tie and the lower row wins. */
static void ties_at_the_cut_go_by_row(void **state) {
    (void)state;
    write_folders(ROWS);
    struct hs_agreement agreement = agreement_of("a", "b", 0.5);
    const struct hs_agreement_domain *ties = &agreement.domains[1];
    assert_int_equal(ties->kept, 2);
    assert_int_equal(ties->both, 1);
    assert_int_equal(ties->changed, 2);
    near(ties->farthest, 0.5 / 0.5);
    assert_int_equal(agreement.domains[2].kept, 3); /* floor(2.5 + .5) */
    hs_agreement_free(&agreement);
}

static void the_first_scoring_is_the_one_taken_for_right(void **state) {
    (void)state;
    write_folders(ROWS);
    struct hs_agreement agreement = agreement_of("b", "a", 0.2);
    near(agreement.domains[2].bias, -0.3);
    near(agreement.domains[2].farthest, 0.25 / sqrt(0.45)); /* the cut lies between 5.5 and 5 */
    hs_agreement_free(&agreement);
}

static bool passes(double spearman, double farthest, int64_t both) {
    struct hs_agreement_domain domain = {.spearman = spearman, .farthest = farthest, .kept = 100, .both = both};
    struct hs_agreement agreement = {.domains = &domain, .n = 1};
    return hs_agreement_passes(&agreement);
}

static void the_bar(void **state) {
    (void)state;
    assert_true(passes(0.998, 3, 97));
    assert_false(passes(0.9979, 3, 97));
    assert_false(passes(0.998, 3.01, 97));
    assert_false(passes(0.998, 3, 96));
    assert_false(passes(NAN, 0, 100));
    assert_false(passes(1, NAN, 100));
}

static void refuse(const char *first, const char *second, const char *part) {
    struct hs_agreement out;
    assert_int_equal(hs_agreement_read(in_folder(first), in_folder(second), &(struct hs_agreement_options){.keep = 0.2},
                                       &out, &last_error),
                     HEADSIFT_FAILED);
    if (strstr(last_error.message, part) == NULL) {
        fail_msg("\"%s\" is not in: %s", part, last_error.message);
    }
}

static void other_documents_are_refused(void **state) {
    (void)state;
    write_folders(ROWS - 1);
    refuse("a", "b", "row 20 of docs.jsonl is missing");
    refuse("b", "a", "row 20 of docs.jsonl is missing");
    write_part(in_folder("b/3.parquet"), 9, ROWS, true);
    refuse("a", "b", "row 13 of docs.jsonl is there twice");
    refuse("b", "a", "row 13 of docs.jsonl is there twice");
    refuse("a", "none", "none");
    write_part(in_folder("a/all.parquet"), 5, 6, false);
    refuse("a/all.parquet", "a/all.parquet", "no scored document");
}

static void a_score_on_one_side_alone_is_refused(void **state) {
    (void)state;
    fresh_folder("ranking");
    sql("COPY (SELECT 'f' AS file, 1 AS row, 'd' AS domain, 0.5::DOUBLE AS score) TO '@/a.parquet'");
    sql("COPY (SELECT 'f' AS file, 1 AS row, 'd' AS domain, NULL::DOUBLE AS score) TO '@/b.parquet'");
    sql("COPY (SELECT 'f' AS file, 1 AS row, 'e' AS domain, 0.5::DOUBLE AS score) TO '@/c.parquet'");
    refuse("a.parquet", "b.parquet", "row 1 of f is missing, without a score, or of another domain");
    refuse("b.parquet", "a.parquet", "row 1 of f is missing, without a score, or of another domain");
    refuse("a.parquet", "c.parquet", "row 1 of f is missing, without a score, or of another domain");
}

/* Its output goes to OUT in the folder. */
static int command(const char *arguments) {
    char line[2048];
    snprintf(line, sizeof line, "cd '%s' && '%s' %s >OUT 2>&1", in_folder("."), HS_RANKING_COMMAND, arguments);
    int status = system(line);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void exit_codes_tell_the_verdict(void **state) {
    (void)state;
    write_folders(ROWS);
    assert_int_equal(command("a b"), 1);
    struct hs_buffer out = file_bytes("OUT");
    assert_non_null(strstr(out.data, "overlap of the selections: 66.67 % (2 of 3)\n"));
    assert_non_null(strstr(out.data, "Spearman of domain \"turn\" is 0.90000, the bar is 0.998\n"));
    assert_non_null(strstr(out.data, "verdict: the ranking misses the bar\n"));
    hs_buffer_free(&out);
    write_part(in_folder("turn.parquet"), 0, 6, false);
    assert_int_equal(command("turn.parquet turn.parquet --keep 0.5"), 0);
    assert_int_equal(command("a b --json"), 1);
    json_t *report = json_load_file(in_folder("OUT"), 0, NULL);
    const json_t *turn = json_array_get(json_object_get(report, "domains"), 2);
    near(json_real_value(json_object_get(turn, "spearman")), 0.9);
    assert_true(json_is_null(json_object_get(json_array_get(json_object_get(report, "domains"), 0), "spearman")));
    assert_true(json_is_false(json_object_get(report, "passes")));
    json_decref(report);
    assert_int_equal(command("a"), 2);
    assert_int_equal(command("a b a"), 2);
    assert_int_equal(command("a b --keep 1.5"), 2);
    assert_int_equal(command("a none"), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_worked_out_by_hand),
        cmocka_unit_test(ties_at_the_cut_go_by_row),
        cmocka_unit_test(the_first_scoring_is_the_one_taken_for_right),
        cmocka_unit_test(the_bar),
        cmocka_unit_test(other_documents_are_refused),
        cmocka_unit_test(a_score_on_one_side_alone_is_refused),
        cmocka_unit_test(exit_codes_tell_the_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
