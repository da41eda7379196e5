/* A folder of inputs, calls of headsift_score_files over it, and questions about what they left.
 * Paths are relative to the folder; the scores go to its folder "out". */
#ifndef HS_TESTS_INFLUENCE_SCENE_H
#define HS_TESTS_INFLUENCE_SCENE_H

#include "influence_support.h"

#include <signal.h>

#include "base/memory.h"

enum { PATH = 512 };

/* A folder of a test, and what its last call said. */
struct scene {
    headsift_model *model;
    char folder[PATH];
    headsift_error error;
    headsift_score_summary summary;
    struct hs_buffer log;
    volatile sig_atomic_t stop;
    int64_t stop_after;      /**< documents; 0: do not stop */
    headsift_progress first; /**< of the last call */
    headsift_progress last;  /**< none of its numbers ever goes back */
    int calls;               /**< of the progress callback */
};

void fresh(struct scene *scene, const char *name); /**< an empty folder of this name */
void path_of(const struct scene *scene, const char *name, char out[2 * PATH]);
void write_text(const struct scene *scene, const char *name, const char *text);
void remove_file(const struct scene *scene, const char *name);
struct hs_buffer bytes_of(const struct scene *scene, const char *name);
void assert_same_bytes(const struct scene *scene, const char *name, struct hs_buffer *before); /**< frees `before` */

size_t length_of(size_t i); /**< of text i: 2 to 91 characters, now and then more than a batch */
/** Letters that the tokenizer has; text 700 has one that the model lacks. */
void text_of(size_t i, char *out);
/** Record i as a line of JSONL: id "d", domain "m" and a number, text. */
void append_record(struct hs_buffer *out, size_t i);
void write_many(const struct scene *scene, const char *name, size_t first, size_t n);

/** One call over a space-separated list of the folder's files. */
headsift_status score(struct scene *scene, const char *names, headsift_inputs inputs,
                      const headsift_score_options *options, bool overwrite);
headsift_status simple(struct scene *scene, const char *names);
/** The first value of a query in which each @ stands for the folder. */
const char *ask(const struct scene *scene, const char *query);

/** A group's scene with a tiny model, in *state. */
int scene_set_up(void **state);
int scene_tear_down(void **state);

#endif
