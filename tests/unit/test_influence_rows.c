/* The row journal of a unit: what is read back, and that nothing behind a wrong byte is ever believed.
 * No model: rows are made up. */
#define _GNU_SOURCE
#include "influence_three.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/process.h"
#include "influence/rows.h"

enum { UNIT = 2, FIRST = 5, ROWS = 4 }; /* part 2 of the plan: rows 5 to 8 of b.jsonl */

/* Row i of the unit, with what is awkward in one or the other: no id, an empty one, NUL, NaN, a long note. */
static struct hs_row row_of(int i) {
    struct hs_row row = {.row = FIRST + i, .domain = "d\0d", .domain_size = (size_t)i % 4};
    row.id = i == 1 ? NULL : "id\0x";
    row.id_size = i == 1 || i == 2 ? 0 : 4;
    row.score = (headsift_score){.n_bytes = 100 + i,
                                 .n_bytes_scored = (int64_t)1 << 40,
                                 .n_tokens = i,
                                 .n_scored = i,
                                 .loss_base = 0.1 + i,
                                 .loss_ref = i == 2 ? (double)NAN : 1.0 / 3,
                                 .score = i == 2 ? (double)NAN : -1e-300};
    snprintf(row.score.status, sizeof row.score.status, "%s", i == 2 ? "failed" : "ok");
    memset(row.score.note, 'n', i == 3 ? sizeof row.score.note - 1 : 2);
    static const headsift_step steps[] = {
        {.n_bytes = 7, .n_scored = 3, .loss_base = 1.0 / 3, .loss_ref = 0.1, .score = -0.7, .weight = 0},
        {.start = (int64_t)1 << 40,
         .n_bytes = 1,
         .loss_base = (double)NAN,
         .score = (double)NAN,
         .weight = (double)NAN}};
    row.steps = steps;
    row.n_steps = (size_t)i % 3;
    return row;
}

static struct hs_part_record counts_of(int n) {
    return (struct hs_part_record){
        .documents = n, .unscored = 1, .tokens = 7 * n, .check = {n, n - 1}, .duplicates = 3};
}

/* What a replay gave. */
struct replayed {
    int n;
};

static bool same_double(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

static headsift_status compare_row(void *user, const struct hs_row *row, headsift_error *error) {
    struct replayed *replayed = user;
    struct hs_row wanted = row_of(replayed->n++);
    (void)error;
    assert_int_equal(row->row, wanted.row);
    assert_int_equal(row->id == NULL, wanted.id == NULL);
    assert_int_equal(row->id_size, wanted.id_size);
    assert_memory_equal(row->domain, wanted.domain, wanted.domain_size);
    assert_int_equal(row->domain_size, wanted.domain_size);
    assert_int_equal(row->score.n_bytes, wanted.score.n_bytes);
    assert_int_equal(row->score.n_bytes_scored, wanted.score.n_bytes_scored);
    assert_int_equal(row->score.n_tokens, wanted.score.n_tokens);
    assert_int_equal(row->score.n_scored, wanted.score.n_scored);
    assert_true(same_double(row->score.loss_base, wanted.score.loss_base));
    assert_true(same_double(row->score.loss_ref, wanted.score.loss_ref));
    assert_true(same_double(row->score.score, wanted.score.score));
    assert_string_equal(row->score.status, wanted.score.status);
    assert_string_equal(row->score.note, wanted.score.note);
    assert_int_equal(row->n_steps, wanted.n_steps);
    for (size_t i = 0; i < row->n_steps; i++) {
        const headsift_step *got = &row->steps[i], *step = &wanted.steps[i];
        assert_true(got->start == step->start && got->n_bytes == step->n_bytes && got->n_scored == step->n_scored);
        assert_true(same_double(got->loss_base, step->loss_base) && same_double(got->loss_ref, step->loss_ref));
        assert_true(same_double(got->score, step->score) && same_double(got->weight, step->weight));
    }
    return HEADSIFT_OK;
}

static void journal_path(const struct three *three, const char *process, char out[1024]) {
    snprintf(out, 1024, "%s/_running/part-00001-00001.%s.rows", three->directory, process);
}

static void prepare(struct three *three, const char *name) {
    char path[600];
    make_three(three, name);
    snprintf(path, sizeof path, "%s/_running", three->directory);
    assert_int_equal(hs_make_directory(path, NULL), HEADSIFT_OK);
    snprintf(three->plan.settings_sha256, HS_HASH_HEX, "%064d", 7);
}

static struct hs_rows *open_rows(const struct three *three) {
    struct hs_rows *rows = NULL;
    headsift_error error = {0};
    if (hs_rows_open(&three->plan, UNIT, &rows, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return rows;
}

/* Writes rows [from, to) of the unit as one window. */
static void add_window(struct hs_rows *rows, int from, int to) {
    for (int i = from; i < to; i++) {
        struct hs_row row = row_of(i);
        assert_int_equal(hs_rows_add(rows, &row, NULL), HEADSIFT_OK);
    }
    struct hs_part_record counted = counts_of(to);
    assert_int_equal(hs_rows_end_window(rows, &counted, NULL), HEADSIFT_OK);
}

static void check_replay(struct hs_rows *rows, int n) {
    struct replayed replayed = {0};
    struct hs_part_record record = {.seconds = 5}, wanted = counts_of(n);
    assert_int_equal(hs_rows_kept(rows), n);
    assert_int_equal(hs_rows_replay(rows, compare_row, &replayed, &record, NULL), HEADSIFT_OK);
    assert_int_equal(replayed.n, n);
    if (n > 0) {
        wanted.seconds = 5;
        assert_memory_equal(&record, &wanted, sizeof wanted);
    }
}

/* The bytes of a journal of windows of 1, 1 and 2 rows; ends[k] is where window k ends. */
static struct hs_buffer whole_journal(struct three *three, size_t ends[4]) {
    char process[HS_PROCESS_NAME], path[1024];
    struct hs_buffer bytes = {0};
    static const int borders[] = {0, 1, 2, 4};
    hs_process_name(process);
    journal_path(three, process, path);
    struct hs_rows *rows = open_rows(three);
    for (int k = 0; k < 4; k++) {
        if (k > 0) {
            add_window(rows, borders[k - 1], borders[k]);
        }
        struct stat info;
        assert_int_equal(stat(path, &info), 0);
        ends[k] = (size_t)info.st_size;
    }
    hs_rows_close(rows);
    assert_int_equal(hs_file_read(path, 1 << 20, &bytes, NULL), HEADSIFT_OK);
    remove(path);
    return bytes;
}

static int rows_before(const size_t ends[4], size_t size) {
    return size >= ends[3] ? 4 : size >= ends[2] ? 2 : size >= ends[1] ? 1 : 0;
}

static void what_was_written_is_read_back_and_gone_on_with(void **state) {
    (void)state;
    struct three three;
    prepare(&three, "rows_back");
    struct hs_rows *rows = open_rows(&three);
    check_replay(rows, 0);
    add_window(rows, 0, 1);
    hs_rows_close(rows);
    rows = open_rows(&three); /* its own journal, as a process with the same number would find it */
    check_replay(rows, 1);
    add_window(rows, 1, 3);
    hs_rows_close(rows);
    rows = open_rows(&three);
    add_window(rows, 3, 4); /* without a replay before it */
    hs_rows_close(rows);
    rows = open_rows(&three);
    check_replay(rows, 4);
    hs_rows_close(rows);
    hs_rows_remove(&three.plan, &three.parts[UNIT]);
    rows = open_rows(&three);
    check_replay(rows, 0);
    hs_rows_close(rows);
    char process[HS_PROCESS_NAME], path[1024];
    hs_process_name(process);
    journal_path(&three, process, path);
    assert_false(hs_file_exists(path)); /* one without rows is not left */
}

/* Puts bytes there as another process's journal and asks what is believed of them. */
static int believed(struct three *three, const char *bytes, size_t size) {
    char path[1024];
    journal_path(three, "elsewhere-1", path);
    FILE *file = fopen(path, "we");
    assert_true(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    struct hs_rows *rows = open_rows(three);
    int kept = (int)hs_rows_kept(rows);
    check_replay(rows, kept);
    hs_rows_close(rows);
    hs_rows_remove(&three->plan, &three->parts[UNIT]);
    return kept;
}

static void a_journal_cut_at_any_byte_is_believed_to_its_last_whole_window(void **state) {
    (void)state;
    struct three three;
    size_t ends[4];
    prepare(&three, "rows_cut");
    struct hs_buffer bytes = whole_journal(&three, ends);
    assert_true(ends[0] < ends[1] && ends[3] == bytes.size);
    for (size_t size = 0; size <= bytes.size; size++) {
        assert_int_equal(believed(&three, bytes.data, size), rows_before(ends, size));
    }
    hs_buffer_free(&bytes);
}

static void nothing_behind_a_wrong_byte_is_believed(void **state) {
    (void)state;
    struct three three;
    size_t ends[4];
    prepare(&three, "rows_flipped");
    struct hs_buffer bytes = whole_journal(&three, ends);
    for (size_t at = 0; at < bytes.size; at++) {
        char kept = bytes.data[at];
        bytes.data[at] = (char)(kept ^ (1 << at % 8));
        assert_int_equal(believed(&three, bytes.data, bytes.size), at < ends[0] ? 0 : rows_before(ends, at));
        bytes.data[at] = kept;
    }
    assert_true(hs_buffer_append(&bytes, "tail", 4)); /* and what stands behind the last window is left out */
    assert_int_equal(believed(&three, bytes.data, bytes.size), 4);
    hs_buffer_free(&bytes);
}

static void windows_in_another_order_are_not_believed(void **state) {
    (void)state;
    struct three three;
    size_t ends[4];
    struct hs_buffer mixed = {0};
    prepare(&three, "rows_order");
    struct hs_buffer bytes = whole_journal(&three, ends);
    hs_buffer_append(&mixed, bytes.data, ends[0]);
    hs_buffer_append(&mixed, bytes.data + ends[1], ends[2] - ends[1]);
    hs_buffer_append(&mixed, bytes.data + ends[0], ends[1] - ends[0]);
    assert_int_equal(believed(&three, mixed.data, mixed.size), 0);
    mixed.size = 0;
    hs_buffer_append(&mixed, bytes.data, ends[1]);
    hs_buffer_append(&mixed, bytes.data + ends[0], ends[1] - ends[0]); /* one of them twice */
    assert_int_equal(believed(&three, mixed.data, mixed.size), 1);
    hs_buffer_free(&mixed);
    hs_buffer_free(&bytes);
}

static void journals_about_something_else_are_not_believed(void **state) {
    (void)state;
    struct three three;
    size_t ends[4];
    prepare(&three, "rows_other");
    struct hs_buffer bytes = whole_journal(&three, ends);
    assert_int_equal(believed(&three, bytes.data, bytes.size), 4);
    three.plan.settings_sha256[0] = '1';
    assert_int_equal(believed(&three, bytes.data, bytes.size), 0);
    three.plan.settings_sha256[0] = '0';
    three.inputs[1].identity.size++;
    assert_int_equal(believed(&three, bytes.data, bytes.size), 0);
    three.inputs[1].identity.size--;
    three.parts[UNIT].range.rows++;
    assert_int_equal(believed(&three, bytes.data, bytes.size), 0);
    hs_buffer_free(&bytes);
}

static void the_longest_journal_wins_and_all_go_in_the_end(void **state) {
    (void)state;
    struct three three;
    size_t ends[4];
    char path[1024];
    prepare(&three, "rows_longest");
    struct hs_buffer bytes = whole_journal(&three, ends);
    static const struct {
        const char *process;
        int windows;
    } left[] = {{"a-1", 1}, {"b-2", 2}, {"c-3", 0}};
    for (size_t i = 0; i < 3; i++) {
        journal_path(&three, left[i].process, path);
        assert_int_equal(hs_file_write(path, bytes.data, ends[left[i].windows], NULL), HEADSIFT_OK);
    }
    assert_true(hs_rows_in_work(&three.plan, &three.parts[UNIT]));
    assert_false(hs_rows_in_work(&three.plan, &three.parts[1]));
    struct hs_rows *rows = open_rows(&three);
    check_replay(rows, 2);
    hs_rows_close(rows);
    three.parts[1].done = true; /* another one */
    hs_rows_remove_done(&three.plan);
    assert_true(hs_file_exists(path));
    three.parts[UNIT].done = true;
    hs_rows_remove_done(&three.plan);
    assert_false(hs_file_exists(path));
    assert_false(hs_rows_in_work(&three.plan, &three.parts[UNIT]));
    hs_buffer_free(&bytes);
}

static void a_journal_that_nobody_touches_is_not_in_work(void **state) {
    (void)state;
    struct three three;
    char path[1024];
    prepare(&three, "rows_old");
    journal_path(&three, "far-9", path);
    assert_int_equal(hs_file_write(path, "x", 1, NULL), HEADSIFT_OK);
    const struct timespec long_ago[2] = {{.tv_sec = time(NULL) - 601}, {.tv_sec = time(NULL) - 601}};
    assert_true(hs_rows_in_work(&three.plan, &three.parts[UNIT]));
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    assert_false(hs_rows_in_work(&three.plan, &three.parts[UNIT]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back_and_gone_on_with),
        cmocka_unit_test(a_journal_cut_at_any_byte_is_believed_to_its_last_whole_window),
        cmocka_unit_test(nothing_behind_a_wrong_byte_is_believed),
        cmocka_unit_test(windows_in_another_order_are_not_believed),
        cmocka_unit_test(journals_about_something_else_are_not_believed),
        cmocka_unit_test(the_longest_journal_wins_and_all_go_in_the_end),
        cmocka_unit_test(a_journal_that_nobody_touches_is_not_in_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
