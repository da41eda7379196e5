/* See rank_report.h. Reports replace one another without fsync: they are no part of the result.
 * Names begin with rank-00003, so that each rank writes only files of its own. */
#define _GNU_SOURCE
#include "influence/rank_report.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/human.h"
#include "base/text.h"

enum { RATE_SECONDS = 60, HOST_SIZE = 256 };

static const char *const phases[] = {"running", "done", "stopped", "failed"};
enum { RUNNING, DONE, STOPPED, FAILED, N_PHASES };

/* Tokens at a time of the call. */
struct mark {
    double seconds;
    int64_t tokens;
};

struct hs_rank_report {
    int32_t rank, world;
    bool json_log;
    time_t started;
    char host[HOST_SIZE];
    char *json_path, *prom_path;
    FILE *log;
    int phase;
    const char *message;
    struct hs_rank_state state; /* of the last update; its part is the caller's and not kept */
    double written;             /* state.seconds of the last reports */
    struct mark marks[2];       /* where the rate is measured from, and where it will be once that is a minute on */
};

/* Tokens per second over the last one to two minutes. */
static double rate_of(const struct hs_rank_report *report) {
    double seconds = report->state.seconds - report->marks[0].seconds;
    int64_t tokens = report->state.tokens - report->marks[0].tokens;
    return seconds > 0 && tokens > 0 ? (double)tokens / seconds : 0;
}

static void move_marks(struct hs_rank_report *report) {
    if (report->state.seconds - report->marks[1].seconds >= RATE_SECONDS) {
        report->marks[0] = report->marks[1];
        report->marks[1] = (struct mark){report->state.seconds, report->state.tokens};
    }
}

static double share_of(const struct hs_rank_state *state) {
    double share = state->work > 0 ? state->work_done / state->work : 1;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* ---- rank-00003.json ---- */

static bool quoted(struct hs_buffer *out, const char *key, const char *value) {
    return hs_buffer_printf(out, "\"%s\":", key) && hs_json_quote(out, value, strlen(value)) &&
           hs_buffer_append(out, ",", 1);
}

static bool add_part(struct hs_buffer *out, const struct hs_rank_state *state) {
    if (state->part == NULL) {
        return hs_buffer_printf(out, "\"part\":null}\n");
    }
    return hs_buffer_printf(out, "\"part\":{") && quoted(out, "name", state->part) &&
           hs_buffer_printf(out, "\"share\":%.6f,\"documents\":%lld,\"tokens\":%lld}}\n", state->part_share,
                            (long long)state->part_documents, (long long)state->part_tokens);
}

static bool format_json(const struct hs_rank_report *report, time_t now, struct hs_buffer *out) {
    const struct hs_rank_state *state = &report->state;
    char started[HS_STAMP], updated[HS_STAMP];
    hs_stamp_write(report->started, started);
    hs_stamp_write(now, updated);
    return hs_buffer_printf(out, "{\"rank\":%d,\"world\":%d,", report->rank, report->world) &&
           quoted(out, "host", report->host) &&
           hs_buffer_printf(out, "\"pid\":%ld,\"version\":\"%s\",\"state\":\"%s\",", (long)getpid(), HEADSIFT_VERSION,
                            phases[report->phase]) &&
           quoted(out, "message", report->message) &&
           hs_buffer_printf(out,
                            "\"started\":\"%s\",\"updated\":\"%s\",\"seconds\":%.1f,\"documents\":%lld,\"tokens\":%lld,"
                            "\"unscored\":%lld,\"units\":%lld,\"units_done\":%lld,\"work\":%.0f,\"work_before\":%.0f,"
                            "\"work_done\":%.0f,\"share\":%.6f,\"tokens_per_second\":%.1f,",
                            started, updated, state->seconds, (long long)state->documents, (long long)state->tokens,
                            (long long)state->unscored, (long long)state->units, (long long)state->units_done,
                            state->work, state->work_before, state->work_done, share_of(state), rate_of(report)) &&
           add_part(out, state);
}

/* ---- rank-00003.prom ---- */

static bool format_prom(const struct hs_rank_report *report, time_t now, struct hs_buffer *out) {
    const struct hs_rank_state *state = &report->state;
    const struct {
        const char *name, *type, *help;
        double value;
    } metrics[] = {
        {"documents_total", "counter", "Documents this process has scored.", (double)state->documents},
        {"tokens_total", "counter", "Tokens of these documents.", (double)state->tokens},
        {"unscored_documents_total", "counter", "Documents of these that have no score.", (double)state->unscored},
        {"units", "gauge", "Units of work of this rank.", (double)state->units},
        {"units_done", "gauge", "Units of these that are done.", (double)state->units_done},
        {"work_bytes", "gauge", "Text of this rank's units.", state->work},
        {"work_done_bytes", "gauge", "Text of these that is done.", state->work_done},
        {"done_ratio", "gauge", "Share of this rank's work that is done, 0 to 1.", share_of(state)},
        {"tokens_per_second", "gauge", "Rate of the last minute or two.", rate_of(report)},
        {"start_time_seconds", "gauge", "Unix time at which this process began.", (double)report->started},
        {"update_time_seconds", "gauge", "Unix time of these figures.", (double)now},
    };
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof metrics / sizeof *metrics; i++) {
        const char *name = metrics[i].name;
        ok = hs_buffer_printf(out,
                              "# HELP headsift_%s %s\n# TYPE headsift_%s %s\n"
                              "headsift_%s{rank=\"%d\",world=\"%d\"} %.16g\n",
                              name, metrics[i].help, name, metrics[i].type, name, report->rank, report->world,
                              metrics[i].value);
    }
    ok = ok && hs_buffer_printf(out, "# HELP headsift_rank_state 1 for the state this rank is in.\n"
                                     "# TYPE headsift_rank_state gauge\n");
    for (int i = 0; ok && i < N_PHASES; i++) {
        ok = hs_buffer_printf(out, "headsift_rank_state{rank=\"%d\",world=\"%d\",state=\"%s\"} %d\n", report->rank,
                              report->world, phases[i], report->phase == i);
    }
    return ok;
}

/* ---- Both ---- */

static headsift_status write_one(const struct hs_rank_report *report, const char *path,
                                 bool (*format)(const struct hs_rank_report *, time_t, struct hs_buffer *), time_t now,
                                 headsift_error *error) {
    struct hs_buffer text = {0};
    headsift_status status = format(report, now, &text) ? hs_file_replace(path, text.data, text.size, error)
                                                        : hs_fail_memory(error, "a rank's report", text.size);
    hs_buffer_free(&text);
    return status;
}

static headsift_status write_reports(struct hs_rank_report *report, time_t now, headsift_error *error) {
    report->written = report->state.seconds;
    HS_TRY(write_one(report, report->json_path, format_json, now, error));
    return write_one(report, report->prom_path, format_prom, now, error);
}

static void free_report(struct hs_rank_report *report) {
    if (report->log != NULL) {
        fclose(report->log);
    }
    hs_free(report->json_path);
    hs_free(report->prom_path);
    hs_free(report);
}

static headsift_status open_log(struct hs_rank_report *report, const char *folder, headsift_error *error) {
    char *path = hs_format("%s/rank-%05d.log", folder, report->rank);
    if (path == NULL) {
        return hs_fail_memory(error, "a path", strlen(folder));
    }
    report->log = fopen(path, "ae");
    headsift_status status = report->log != NULL ? HEADSIFT_OK : hs_fail_errno(error, errno, "can't write %s", path);
    hs_free(path);
    return status;
}

static headsift_status open_files(struct hs_rank_report *report, const char *folder, time_t now,
                                  headsift_error *error) {
    report->json_path = hs_format("%s/rank-%05d.json", folder, report->rank);
    report->prom_path = hs_format("%s/rank-%05d.prom", folder, report->rank);
    if (report->json_path == NULL || report->prom_path == NULL) {
        return hs_fail_memory(error, "a path", strlen(folder));
    }
    HS_TRY(hs_make_directory(folder, error));
    HS_TRY(open_log(report, folder, error));
    return write_reports(report, now, error);
}

headsift_status hs_rank_open(const char *directory, int32_t rank, int32_t world, bool json_log, time_t now,
                             struct hs_rank_report **out, headsift_error *error) {
    struct hs_rank_report *report = hs_alloc(1, sizeof *report);
    char *folder = hs_join_path(directory, "_ranks");
    *out = NULL;
    headsift_status status = HEADSIFT_OK;
    if (report == NULL || folder == NULL) {
        status = hs_fail_memory(error, "a rank's report", sizeof *report);
    } else {
        report->rank = rank;
        report->world = world;
        report->json_log = json_log;
        report->started = now;
        report->message = "";
        if (gethostname(report->host, sizeof report->host - 1) != 0) {
            snprintf(report->host, sizeof report->host, "unknown");
        }
        status = open_files(report, folder, now, error);
    }
    hs_free(folder);
    if (status != HEADSIFT_OK && report != NULL) {
        free_report(report);
        report = NULL;
    }
    *out = report;
    return status;
}

headsift_status hs_rank_update(struct hs_rank_report *report, const struct hs_rank_state *state, time_t now,
                               headsift_error *error) {
    bool news = state->units != report->state.units; /* the share is known now */
    if (!news && state->seconds < report->written + HS_RANK_INTERVAL) {
        return HEADSIFT_OK;
    }
    report->state = *state;
    headsift_status status = write_reports(report, now, error);
    move_marks(report);
    report->state.part = NULL;
    return status;
}

void hs_rank_log(struct hs_rank_report *report, headsift_log_level level, const char *text, time_t now) {
    static const char *const levels[] = {"debug", "info", "warning"};
    struct hs_buffer line = {0};
    char stamp[HS_STAMP], plain[2048];
    if (report == NULL) {
        return;
    }
    hs_stamp_write(now, stamp);
    bool ok;
    if (report->json_log) {
        ok = hs_buffer_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"rank\":%d,\"message\":", stamp, levels[level],
                              report->rank) &&
             hs_json_quote(&line, text, strlen(text)) && hs_buffer_append(&line, "}\n", 2);
    } else {
        hs_escape_line(text, strlen(text), plain, sizeof plain);
        ok = hs_buffer_printf(&line, "%s %s %s\n", stamp, levels[level], plain);
    }
    if (ok) {
        fwrite(line.data, 1, line.size, report->log);
        fflush(report->log);
    }
    hs_buffer_free(&line);
}

headsift_status hs_rank_close(struct hs_rank_report *report, const struct hs_rank_state *state, headsift_status status,
                              const char *message, time_t now, headsift_error *error) {
    if (report == NULL) {
        return HEADSIFT_OK;
    }
    bool done = status == HEADSIFT_OK || status == HEADSIFT_UNSCORED;
    report->phase = done ? DONE : status == HEADSIFT_STOPPED ? STOPPED : FAILED;
    report->message = message;
    report->state = state != NULL ? *state : report->state;
    headsift_status written = write_reports(report, now, error);
    free_report(report);
    return written;
}
