/* headsift_join_files: two runs to score rows. The runs must hold the same ids, each once, and have scored the same
 * number of tokens of each: else they did not do the same work, and nothing is written. */
#include "join/join.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "corpus/score_writer.h"
#include "influence/scoring.h"
#include "select/cursor.h"
#include "select/ranking.h"

/* Fails where a query finds a row: an id, and what is wrong with it. */
static headsift_status refuse_where(struct hs_sql *sql, const char *query, const char *path, headsift_error *error) {
    struct hs_cursor cursor;
    HS_TRY(hs_cursor_open(sql, query, &cursor, error));
    headsift_status status = HEADSIFT_OK;
    if (hs_cursor_next(&cursor)) {
        size_t id_size, size;
        const char *id = hs_cursor_text(&cursor, 0, &id_size), *fault = hs_cursor_text(&cursor, 1, &size);
        status = hs_fail(error, HEADSIFT_FAILED, "%s: id \"%.*s\" %.*s", path, (int)(id_size < 200 ? id_size : 200),
                         id != NULL ? id : "", (int)size, fault);
    }
    hs_cursor_close(&cursor);
    return status;
}

#define REPEATED(table)                                                                                                \
    "SELECT id, 'stands ' || count(*) || ' times: ids must tell the documents apart' FROM " table                      \
    " GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 1"
#define NEGATIVE(table)                                                                                                \
    "SELECT id, 'has a loss below 0: a loss is minus the mean of the log-probabilities' FROM " table                   \
    " WHERE loss < 0 ORDER BY seq LIMIT 1"
#define MISSING(here, other)                                                                                           \
    "SELECT min(id), 'is missing here, with ' || (count(*) - 1) || ' others that the other run has' FROM " other       \
    " ANTI JOIN " here " USING (id) HAVING count(*) > 0"

static headsift_status check_runs(struct hs_sql *sql, const char *base, const char *ref, headsift_error *error) {
    struct hs_cursor cursor;
    HS_TRY(hs_cursor_open(sql, "SELECT 1::BIGINT FROM base LIMIT 1", &cursor, error));
    bool any = hs_cursor_next(&cursor);
    hs_cursor_close(&cursor);
    if (!any) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: there are no records to join", base);
    }
    HS_TRY(refuse_where(sql, REPEATED("base"), base, error));
    HS_TRY(refuse_where(sql, REPEATED("ref"), ref, error));
    HS_TRY(refuse_where(sql, NEGATIVE("base"), base, error));
    HS_TRY(refuse_where(sql, NEGATIVE("ref"), ref, error));
    HS_TRY(refuse_where(sql, MISSING("ref", "base"), ref, error));
    HS_TRY(refuse_where(sql, MISSING("base", "ref"), base, error));
    return refuse_where(sql,
                        "SELECT id, 'has ' || r.n_scored || ' scored tokens here and ' || b.n_scored || ' in the other "
                        "run: both must score the same tokens' FROM base b JOIN ref r USING (id) WHERE b.n_scored <> "
                        "r.n_scored AND b.loss IS NOT NULL AND r.loss IS NOT NULL ORDER BY b.seq LIMIT 1",
                        ref, error);
}

static void copy_text(const struct hs_cursor *cursor, idx_t column, char *out, size_t room) {
    size_t size;
    const char *text = hs_cursor_text(cursor, column, &size);
    snprintf(out, room, "%.*s", (int)(size < room ? size : room - 1), text != NULL ? text : "");
}

/* A mean of no tokens is none, whatever the run says; nor is infinity. */
static double loss_of(const struct hs_cursor *cursor, idx_t column, int32_t n_scored) {
    double loss = hs_cursor_real(cursor, column);
    return n_scored > 0 && isfinite(loss) ? loss : (double)NAN;
}

/* The losses and what follows from them; a status that the first run gives stays where there is a score. */
static void fill_scores(const struct hs_cursor *cursor, headsift_score *row) {
    row->n_bytes = hs_cursor_integer(cursor, 4, 0);
    row->n_bytes_scored = hs_cursor_integer(cursor, 6, 0);
    row->n_scored = (int32_t)hs_cursor_integer(cursor, 7, 0);
    row->n_tokens = (int32_t)hs_cursor_integer(cursor, 5, row->n_scored);
    row->loss_base = loss_of(cursor, 8, row->n_scored);
    row->loss_ref = loss_of(cursor, 9, row->n_scored);
    row->score = (row->loss_ref - row->loss_base) / row->loss_base;
    copy_text(cursor, 10, row->status, sizeof row->status);
    copy_text(cursor, 11, row->note, sizeof row->note);
    bool scored = isfinite(row->score);
    bool said = row->status[0] != '\0' && (scored || strcmp(row->status, "ok") != 0);
    if (!scored) {
        row->score = NAN;
    }
    if (!said) {
        snprintf(row->status, sizeof row->status, "%s", scored ? "ok" : row->n_scored == 0 ? "too_short" : "failed");
        if (!scored && row->note[0] == '\0') {
            snprintf(row->note, sizeof row->note, "the runs give no loss to compare");
        }
    }
}

static headsift_status write_rows(struct hs_sql *sql, struct hs_score_writer *writer, headsift_score_summary *summary,
                                  struct hs_mask_check *check, headsift_error *error) {
    static const char query[] =
        "SELECT b.id, b.\"file\", b.\"row\", b.domain, b.n_bytes, b.n_tokens::BIGINT, b.n_bytes_scored, "
        "b.n_scored::BIGINT, b.loss, r.loss, b.status, b.note FROM base b JOIN ref r USING (id) ORDER BY b.seq";
    struct hs_cursor cursor;
    struct hs_buffer file = {0};
    HS_TRY(hs_cursor_open(sql, query, &cursor, error));
    headsift_status status = HEADSIFT_OK;
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        headsift_score row = {0};
        size_t id_size, file_size, domain_size;
        const char *id = hs_cursor_text(&cursor, 0, &id_size), *name = hs_cursor_text(&cursor, 1, &file_size),
                   *domain = hs_cursor_text(&cursor, 3, &domain_size);
        fill_scores(&cursor, &row);
        file.size = 0;
        if (!hs_buffer_append(&file, name != NULL ? name : "", file_size)) {
            status = hs_fail_memory(error, "a path", file_size);
            break;
        }
        status = hs_score_writer_add(writer, id, id_size, file.data, hs_cursor_integer(&cursor, 2, 0),
                                     domain != NULL ? domain : "", domain_size, &row, error);
        hs_mask_check_add(check, &row);
        summary->documents++;
        summary->tokens += row.n_tokens;
        summary->unscored += !isfinite(row.score);
    }
    summary->scored = summary->documents - summary->unscored;
    hs_buffer_free(&file);
    hs_cursor_close(&cursor);
    return status;
}

static headsift_status write_part(struct hs_sql *sql, const char *path, const char *base, const char *ref,
                                  headsift_score_summary *summary, headsift_error *error) {
    const char *const metadata[] = {
        "headsift.version", HEADSIFT_VERSION, "headsift.joined_base", base, "headsift.joined_ref", ref, NULL};
    struct hs_score_writer *writer;
    struct hs_mask_check check = {0};
    HS_TRY(hs_score_writer_open(path, metadata, &writer, error));
    headsift_status status = write_rows(sql, writer, summary, &check, error);
    if (status == HEADSIFT_OK && check.compared > 0 && check.changed == 0) {
        status = hs_fail(error, HEADSIFT_FAILED,
                         "%s: the losses of all %lld documents with %d or more scored tokens are those of %s: one run "
                         "must be of the masked model",
                         ref, (long long)check.compared, (int)HS_CHECKED_TOKENS, base);
    }
    if (status != HEADSIFT_OK) {
        hs_score_writer_abort(writer);
        return status;
    }
    return hs_score_writer_commit(writer, error);
}

static headsift_status open_database(const struct hs_input_list *base, const struct hs_input_list *ref,
                                     const char *spill, struct hs_sql *sql, headsift_error *error) {
    const char **paths = hs_alloc(base->n + ref->n + 1, sizeof *paths);
    headsift_status status = paths != NULL ? HEADSIFT_OK : hs_fail_memory(error, "paths", 1);
    for (size_t i = 0; status == HEADSIFT_OK && i < base->n; i++) {
        paths[i] = base->items[i].path;
    }
    for (size_t i = 0; status == HEADSIFT_OK && i < ref->n; i++) {
        paths[base->n + i] = ref->items[i].path;
    }
    if (status == HEADSIFT_OK) {
        struct hs_sql_options options = {.temp_dir = spill, .paths = paths, .n_paths = base->n + ref->n};
        status = hs_sql_open(&options, sql, error);
    }
    hs_free(paths);
    return status;
}

/* @param spill  a folder that DuckDB makes when it needs it, in one that is there */
static headsift_status join_into(const char *path, const char *spill, const struct hs_input_list *base,
                                 const struct hs_input_list *ref, const char *names[2], headsift_score_summary *summary,
                                 headsift_error *error) {
    struct hs_sql sql = {0};
    hs_spill_remove(spill);
    headsift_status status = open_database(base, ref, spill, &sql, error);
    if (status == HEADSIFT_OK) {
        status = hs_run_load(&sql, "base", base, error);
    }
    if (status == HEADSIFT_OK) {
        status = hs_run_load(&sql, "ref", ref, error);
    }
    if (status == HEADSIFT_OK) {
        status = check_runs(&sql, names[0], names[1], error);
    }
    if (status == HEADSIFT_OK) {
        status = write_part(&sql, path, names[0], names[1], summary, error);
    }
    hs_sql_close(&sql);
    hs_spill_remove(spill);
    return status;
}

static headsift_status join(const struct hs_input_list *base, const struct hs_input_list *ref, const char *names[2],
                            const char *directory, bool overwrite, headsift_score_summary *summary,
                            headsift_error *error) {
    char *path = hs_join_path(directory, "part-00000-joined.parquet"), *spill = hs_join_path(directory, ".spill-join"),
         *settings = hs_join_path(directory, "score.json");
    bool there = hs_is_directory(directory);
    headsift_status status = path != NULL && spill != NULL ? HEADSIFT_OK : hs_fail_memory(error, "a path", 1);
    if (status == HEADSIFT_OK && hs_file_exists(path) && !overwrite) {
        status = hs_fail(error, HEADSIFT_FAILED, "%s is there: use --overwrite to replace it, or another folder", path);
    }
    if (status == HEADSIFT_OK && settings != NULL && hs_file_exists(settings)) {
        status = hs_fail(error, HEADSIFT_FAILED, "%s holds the rows of headsift score: name another folder", directory);
    }
    if (status == HEADSIFT_OK) {
        status = hs_make_directory(directory, error);
    }
    if (status == HEADSIFT_OK) {
        status = join_into(path, spill, base, ref, names, summary, error);
    }
    if (status != HEADSIFT_OK && !there) {
        (void)rmdir(directory);
    }
    hs_free(path);
    hs_free(spill);
    hs_free(settings);
    return status;
}

headsift_status headsift_join_files(const char *base, const char *ref, const char *directory, bool overwrite,
                                    headsift_score_summary *summary, headsift_error *error) {
    const char *names[2] = {base, ref};
    struct hs_input_list lists[2] = {0};
    headsift_score_summary own = {0};
    headsift_status status = HEADSIFT_OK;
    for (int i = 0; i < 2 && status == HEADSIFT_OK; i++) {
        const headsift_inputs inputs = {.paths = &names[i], .n_paths = 1};
        status = hs_inputs_find(&inputs, &lists[i], error);
    }
    if (status == HEADSIFT_OK) {
        status = join(&lists[0], &lists[1], names, directory, overwrite, &own, error);
    }
    hs_inputs_free(&lists[0]);
    hs_inputs_free(&lists[1]);
    if (summary != NULL) {
        *summary = own;
    }
    if (status == HEADSIFT_OK && own.unscored > 0) {
        status = hs_fail(error, HEADSIFT_UNSCORED, "%lld of %lld documents have no score: see status and note in %s",
                         (long long)own.unscored, (long long)own.documents, directory);
    }
    return status;
}
