/* The state of a folder as text: a summary, the ranks that need a look, failures and problems.
 * What other machines wrote is escaped. */
#define _GNU_SOURCE
#include <string.h>

#include "base/human.h"
#include "base/text.h"
#include "status/status.h"

enum { SHOWN_RANKS = 10, HUMAN = 24 };

/* Text being made; once there is no memory, nothing more is added. */
struct text {
    struct hs_buffer *out;
    bool ok;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...) {
    char line[1400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    text->ok = text->ok && hs_buffer_append(text->out, line, strlen(line));
}

static const char *escaped(const char *from, char *to, size_t size) {
    hs_escape_line(from, strlen(from), to, size);
    return to;
}

static void add_steps(struct text *text, const struct hs_folder *folder) {
    static const char *const words[] = {"left", "begun", "done"};
    const char *at = "all done";
    for (int i = 3; i >= 0; i--) {
        at = folder->steps[i] != HS_STEP_DONE ? hs_step_names[i] : at;
    }
    add(text, "run       at: %s (", at);
    for (int i = 0; i < 4; i++) {
        add(text, "%s%s %s", i > 0 ? ", " : "", hs_step_names[i], words[folder->steps[i]]);
    }
    add(text, ")\n");
}

static void add_counts(struct text *text, const struct hs_folder *folder) {
    char documents[HUMAN], tokens[HUMAN];
    long long rest = (long long)(folder->all - folder->done - folder->working);
    hs_human_count((double)folder->documents, documents, sizeof documents);
    hs_human_count((double)folder->tokens, tokens, sizeof tokens);
    if (folder->share >= 0) {
        add(text, "done      %.1f %% of the text: ", 100 * folder->share);
    } else {
        add(text, "done      share not known, %zu of %zu inputs have an index: ", folder->planned, folder->inputs);
    }
    add(text, "%lld of %lld units, %lld in work, %lld left\n", (long long)folder->done, (long long)folder->all,
        (long long)folder->working, rest);
    add(text, "documents %s, %lld without a score; %s tokens\n", documents, (long long)folder->unscored, tokens);
}

static void add_rate(struct text *text, const struct hs_folder *folder) {
    char rate[HUMAN], left[HUMAN];
    size_t running = folder->ranks_in[HS_RANK_RUNNING] + folder->ranks_in[HS_RANK_LAGGING];
    if (running == 0) {
        return;
    }
    hs_human_count(folder->rate, rate, sizeof rate);
    hs_human_time(folder->left, left, sizeof left);
    add(text, "rate      %s tokens/s by %zu running rank%s, %s%s\n", rate, running, running == 1 ? "" : "s",
        folder->left >= 0 ? left : "time left not known", folder->left >= 0 ? " left" : "");
}

/* "3, 7-9": as many as fit. */
static void add_missing(struct text *text, const struct hs_ranks *ranks) {
    if (ranks->n_missing == 0) {
        return;
    }
    add(text, "no report %zu rank%s: ", ranks->n_missing, ranks->n_missing == 1 ? "" : "s");
    size_t shown = 0;
    for (size_t i = 0; i < ranks->n_missing; shown++) {
        size_t last = i;
        while (last + 1 < ranks->n_missing && ranks->missing[last + 1] == ranks->missing[last] + 1) {
            last++;
        }
        if (shown == SHOWN_RANKS) {
            add(text, ", ...");
            break;
        }
        add(text, last > i ? "%s%d-%d" : "%s%d", shown > 0 ? ", " : "", ranks->missing[i], ranks->missing[last]);
        i = last + 1;
    }
    add(text, "\n");
}

static void add_rank_counts(struct text *text, const struct hs_folder *folder) {
    add(text, "ranks     %d", folder->ranks.world);
    const char *between = ": ";
    for (enum hs_rank_seen i = 0; i < HS_RANK_STATES; i++) {
        if (folder->ranks_in[i] > 0) {
            add(text, "%s%zu %s", between, folder->ranks_in[i], hs_rank_state_name(i));
            between = ", ";
        }
    }
    if (folder->earlier > 0) {
        add(text, "; %zu report%s of earlier calls", folder->earlier, folder->earlier == 1 ? "" : "s");
    }
    add(text, "\n");
    add_missing(text, &folder->ranks);
}

static void add_rank(struct text *text, const struct hs_folder *folder, const struct hs_rank *rank) {
    char rate[HUMAN], left[HUMAN] = "-", done[HUMAN] = "-", age[HUMAN], units[48], host[80];
    double share = hs_rank_share(rank);
    bool runs = rank->state == HS_RANK_RUNNING || rank->state == HS_RANK_LAGGING;
    if (share >= 0) {
        snprintf(done, sizeof done, "%.1f %%", 100 * share);
    }
    hs_human_count(rank->rate, rate, sizeof rate);
    hs_human_time((double)(folder->now - rank->updated), age, sizeof age);
    if (runs && rank->left >= 0) {
        hs_human_time(rank->left, left, sizeof left);
    }
    snprintf(units, sizeof units, "%lld/%lld", (long long)rank->units_done, (long long)rank->units);
    add(text, "%6d  %-8s %7s  %9s  %8s  %7s  %7s ago  %s:%lld\n", rank->rank, hs_rank_state_name(rank->state), done,
        units, runs ? rate : "-", left, age, escaped(rank->host, host, sizeof host), (long long)rank->pid);
}

static void add_ranks(struct text *text, const struct hs_folder *folder, bool all) {
    size_t now = folder->ranks.n - folder->earlier, shown = all || now < SHOWN_RANKS ? now : SHOWN_RANKS;
    if (shown == 0) {
        return;
    }
    add(text, "\n  rank  state      done      units  tokens/s     left       report  host:process\n");
    for (size_t i = 0; i < shown; i++) {
        add_rank(text, folder, &folder->ranks.items[i]);
    }
    if (shown < now) {
        add(text, "  (the %zu that need a look first; -v shows all %zu)\n", shown, now);
    }
}

/* Failed ranks are the first ones. */
static void add_failures(struct text *text, const struct hs_folder *folder, bool all) {
    size_t failed = folder->ranks_in[HS_RANK_FAILED], shown = all || failed < SHOWN_RANKS ? failed : SHOWN_RANKS;
    for (size_t i = 0; i < shown; i++) {
        char host[80], message[1024];
        const struct hs_rank *rank = &folder->ranks.items[i];
        add(text, "%srank %d on %s: %s\n", i == 0 ? "\nfailures\n" : "", rank->rank,
            escaped(rank->host, host, sizeof host), escaped(rank->message, message, sizeof message));
    }
    if (shown < failed) {
        add(text, "and %zu more (-v shows all)\n", failed - shown);
    }
}

static void add_problems(struct text *text, const struct hs_problems *problems) {
    for (size_t i = 0; i < problems->n && i < HS_SHOWN_PROBLEMS; i++) {
        char line[1200];
        const char *said = problems->lines[i] != NULL ? problems->lines[i] : "no memory";
        add(text, "%s%s\n", i == 0 ? "\nproblems\n" : "", escaped(said, line, sizeof line));
    }
    if (problems->n > HS_SHOWN_PROBLEMS) {
        add(text, "and %zu more\n", problems->n - HS_SHOWN_PROBLEMS);
    }
}

bool hs_folder_text(const struct hs_folder *folder, bool all, struct hs_buffer *out) {
    struct text text = {out, true};
    char name[600];
    add(&text, "folder    %s: %s\n", escaped(folder->directory, name, sizeof name), folder->state);
    if (folder->run) {
        add_steps(&text, folder);
    }
    add_counts(&text, folder);
    add_rate(&text, folder);
    if (folder->ranks.world > 0) {
        add_rank_counts(&text, folder);
        add_ranks(&text, folder, all);
    }
    add_failures(&text, folder, all);
    add_problems(&text, &folder->problems);
    return text.ok;
}
