/* Scores two texts from C: opens a model, loads the heads that `headsift heads` or `headsift run` found, prints scores.
 * usage: score_from_c MODEL heads.json */
#include "headsift/headsift.h"

#include <stdio.h>
#include <string.h>

enum { N_TEXTS = 2 };

static const char *const texts[N_TEXTS] = {
    "The jar of salt stands on the top shelf, left of the window. When the soup tastes flat, take the jar of salt from "
    "the top shelf, left of the window, and add one spoon.",
    "Rain fell. A door closed somewhere. Nine boats, or ten, were blue.",
};

static void print_line(void *user, headsift_log_level level, const char *line) {
    (void)user;
    if (level == HEADSIFT_LOG_WARNING)
        fprintf(stderr, "score_from_c: %s\n", line);
}

static void print_scores(const headsift_score *scores) {
    for (int i = 0; i < N_TEXTS; i++)
        printf("text %d: score %.4f, loss %.4f, masked %.4f, %d tokens, %s\n", i + 1, scores[i].score,
               scores[i].loss_base, scores[i].loss_ref, scores[i].n_scored, scores[i].status);
}

/* Everything that was opened is closed by the caller, whatever this comes to. */
static headsift_status score(const char *model_path, const char *heads_path, headsift_model **model,
                             headsift_heads **heads, headsift_error *error) {
    headsift_monitor monitor = {.log = print_line};
    headsift_model_options options = {.path = model_path};
    headsift_status status = headsift_model_open(&options, &monitor, model, error);
    if (status == HEADSIFT_OK)
        status = headsift_heads_load(heads_path, heads, error);
    if (status == HEADSIFT_OK)
        status = headsift_heads_check(*heads, *model, &monitor, error);
    if (status != HEADSIFT_OK)
        return status;

    size_t sizes[N_TEXTS];
    for (int i = 0; i < N_TEXTS; i++)
        sizes[i] = strlen(texts[i]);
    headsift_score_options defaults = {0};
    headsift_score scores[N_TEXTS];
    status = headsift_score_texts(*model, *heads, &defaults, texts, sizes, N_TEXTS, scores, error);
    if (status == HEADSIFT_OK || status == HEADSIFT_UNSCORED)
        print_scores(scores);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fputs("usage: score_from_c MODEL heads.json\n", stderr);
        return HEADSIFT_USAGE;
    }
    headsift_model *model = NULL;
    headsift_heads *heads = NULL;
    headsift_error error = {0};
    headsift_status status = score(argv[1], argv[2], &model, &heads, &error);
    if (status != HEADSIFT_OK && status != HEADSIFT_UNSCORED)
        fprintf(stderr, "score_from_c: %s\n", error.message);
    headsift_heads_free(heads);
    headsift_model_close(model);
    return (int)status;
}
