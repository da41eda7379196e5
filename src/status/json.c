/* The state of a folder as one JSON object (docs/formats.md names its members).
 * What is not known is null. */
#include <string.h>

#include "base/human.h"
#include "base/text.h"
#include "status/status.h"

static bool quoted(struct hs_buffer *out, const char *key, const char *value) {
    return hs_buffer_printf(out, "\"%s\":", key) && hs_json_quote(out, value, strlen(value)) &&
           hs_buffer_append(out, ",", 1);
}

/* A number that is not negative, or null. */
static bool number(struct hs_buffer *out, const char *key, double value, const char *behind) {
    return value >= 0 ? hs_buffer_printf(out, "\"%s\":%.6f%s", key, value, behind)
                      : hs_buffer_printf(out, "\"%s\":null%s", key, behind);
}

static bool add_steps(struct hs_buffer *out, const struct hs_folder *folder) {
    static const char *const words[] = {"left", "begun", "done"};
    bool ok = hs_buffer_printf(out, "\"steps\":{");
    for (int i = 0; ok && i < 4; i++) {
        ok = hs_buffer_printf(out, "%s\"%s\":\"%s\"", i > 0 ? "," : "", hs_step_names[i], words[folder->steps[i]]);
    }
    return ok && hs_buffer_printf(out, "},");
}

static bool add_sums(struct hs_buffer *out, const struct hs_folder *folder) {
    char stamp[HS_STAMP];
    hs_stamp_write(folder->now, stamp);
    return hs_buffer_printf(out, "{") && quoted(out, "folder", folder->directory) &&
           hs_buffer_printf(out, "\"kind\":\"%s\",\"time\":\"%s\",\"state\":\"%s\",", folder->run ? "run" : "scores",
                            stamp, folder->state) &&
           (!folder->run || add_steps(out, folder)) &&
           hs_buffer_printf(out, "\"documents\":%lld,\"unscored\":%lld,\"tokens\":%lld,", (long long)folder->documents,
                            (long long)folder->unscored, (long long)folder->tokens) &&
           number(out, "share", folder->share, ",") &&
           hs_buffer_printf(out,
                            "\"units\":{\"all\":%lld,\"done\":%lld,\"in_work\":%lld,\"left\":%lld},"
                            "\"inputs\":{\"all\":%zu,\"indexed\":%zu},",
                            (long long)folder->all, (long long)folder->done, (long long)folder->working,
                            (long long)(folder->all - folder->done - folder->working), folder->inputs,
                            folder->planned) &&
           number(out, "tokens_per_second", folder->rate, ",") && number(out, "seconds_left", folder->left, ",");
}

static bool add_rank(struct hs_buffer *out, const struct hs_rank *rank) {
    char started[HS_STAMP], updated[HS_STAMP];
    hs_stamp_write(rank->started, started);
    hs_stamp_write(rank->updated, updated);
    bool ok = hs_buffer_printf(out, "{\"rank\":%d,\"world\":%d,\"state\":\"%s\",", rank->rank, rank->world,
                               hs_rank_state_name(rank->state)) &&
              quoted(out, "host", rank->host) && hs_buffer_printf(out, "\"pid\":%lld,", (long long)rank->pid) &&
              quoted(out, "message", rank->message);
    if (ok && rank->part != NULL) {
        ok = quoted(out, "part", rank->part);
    } else if (ok) {
        ok = hs_buffer_printf(out, "\"part\":null,");
    }
    return ok &&
           hs_buffer_printf(out,
                            "\"started\":\"%s\",\"updated\":\"%s\",\"documents\":%lld,\"tokens\":%lld,"
                            "\"unscored\":%lld,\"units\":%lld,\"units_done\":%lld,",
                            started, updated, (long long)rank->documents, (long long)rank->tokens,
                            (long long)rank->unscored, (long long)rank->units, (long long)rank->units_done) &&
           number(out, "share", hs_rank_share(rank), ",") && number(out, "tokens_per_second", rank->rate, ",") &&
           number(out, "seconds_left", rank->left, "}");
}

static bool add_ranks(struct hs_buffer *out, const struct hs_folder *folder) {
    bool ok = hs_buffer_printf(out, "\"world\":%d,\"ranks_in\":{", folder->ranks.world);
    for (enum hs_rank_seen i = 0; ok && i < HS_RANK_STATES; i++) {
        ok = hs_buffer_printf(out, "%s\"%s\":%zu", i > 0 ? "," : "", hs_rank_state_name(i), folder->ranks_in[i]);
    }
    ok = ok && hs_buffer_printf(out, "},\"no_report\":[");
    for (size_t i = 0; ok && i < folder->ranks.n_missing; i++) {
        ok = hs_buffer_printf(out, "%s%d", i > 0 ? "," : "", folder->ranks.missing[i]);
    }
    ok = ok && hs_buffer_printf(out, "],\"ranks\":[");
    for (size_t i = 0; ok && i < folder->ranks.n - folder->earlier; i++) {
        ok = hs_buffer_printf(out, i > 0 ? ",\n" : "\n") && add_rank(out, &folder->ranks.items[i]);
    }
    return ok && hs_buffer_printf(out, "],");
}

bool hs_folder_json(const struct hs_folder *folder, struct hs_buffer *out) {
    const struct hs_problems *problems = &folder->problems;
    bool ok = add_sums(out, folder) && add_ranks(out, folder) && hs_buffer_printf(out, "\"problems\":[");
    for (size_t i = 0; ok && i < problems->n && i < HS_SHOWN_PROBLEMS; i++) {
        const char *line = problems->lines[i] != NULL ? problems->lines[i] : "no memory";
        ok = hs_buffer_printf(out, i > 0 ? "," : "") && hs_json_quote(out, line, strlen(line));
    }
    return ok && hs_buffer_printf(out, "],\"problems_in_all\":%zu}\n", problems->n);
}
