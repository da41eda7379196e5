/* A record of a file on its way to an item of a task: what the readers of layouts fill in, and their helpers.
 * Inside of src/eval only. */
#ifndef HS_EVAL_RECORD_H
#define HS_EVAL_RECORD_H

#include <jansson.h>

#include "base/memory.h"
#include "eval/task.h"

enum { HS_MOST_CHOICES = 10000 };

/** Bytes of somebody else. */
struct hs_view {
    const char *data;
    size_t size;
};

/** What holds for a task as a whole: the same in all records of a file. */
struct hs_asked {
    enum hs_task_kind kind;
    enum hs_match match; /* GENERATE, as the next ones */
    int32_t most_tokens;
    struct hs_text *stops;
    size_t n_stops;
    int32_t shots; /* worked examples that a record's own prefix holds */
};

struct hs_record {
    struct hs_item item;   /* `prefix` is set later */
    struct hs_text prefix; /* own forms: what stands in front of the context */
    struct hs_text worked; /* as an example for others, with the right answer; empty: context and right choice */
    struct hs_text label;  /* layouts whose choices are the labels of the whole file */
    struct hs_asked asked;
};

void hs_texts_free(struct hs_text *texts, size_t n);
void hs_item_free(struct hs_item *item);
void hs_asked_free(struct hs_asked *asked);
void hs_record_free(struct hs_record *record);

struct hs_view hs_view(const char *string);
struct hs_view hs_view_of(const struct hs_text *text);
struct hs_view hs_view_trim(struct hs_view view); /**< without ASCII blanks and line ends at both ends */
bool hs_view_is(struct hs_view a, struct hs_view b);

/** Sets a text to the parts, one behind the other; an old text is freed. False when there is no memory. */
bool hs_text_join(struct hs_text *out, const struct hs_view *parts, size_t n);
#define HS_JOIN(out, ...)                                                                                              \
    hs_text_join(out, (const struct hs_view[]){__VA_ARGS__},                                                           \
                 sizeof((const struct hs_view[]){__VA_ARGS__}) / sizeof(struct hs_view))
/** Moves a buffer's bytes into a text; the buffer is empty then. */
void hs_text_take(struct hs_text *out, struct hs_buffer *buffer);
/** n empty texts in *out, *n_out set. False when there is no memory. */
bool hs_texts_make(size_t n, struct hs_text **out, size_t *n_out);

headsift_status hs_no_memory(headsift_error *error); /**< hs_fail_memory for a task */

/** Fields of a record. `where` is "FILE: record N" in messages. What is not required and missing or null leaves *out.
 */
headsift_status hs_row_text(const json_t *row, const char *key, bool required, const char *where, struct hs_view *out,
                            headsift_error *error);
/** An array of low..high strings. */
headsift_status hs_row_list(const json_t *row, const char *key, size_t low, size_t high, const char *where,
                            json_t **out, headsift_error *error);
/** Checks that an array holds low..high strings. */
headsift_status hs_check_list(const json_t *list, const char *key, size_t low, size_t high, const char *where,
                              headsift_error *error);
struct hs_view hs_list_at(const json_t *list, size_t i);
/** Which of n choices is right: an index as a number or as its digits, or a letter A, B, ... */
headsift_status hs_row_gold(const json_t *row, const char *key, size_t n, const char *where, int32_t *out,
                            headsift_error *error);
headsift_status hs_value_gold(const json_t *value, const char *key, size_t n, const char *where, int32_t *out,
                              headsift_error *error);

/** The texts of `list` with `before` in front of each. */
bool hs_texts_of_list(const json_t *list, const char *before, struct hs_text **out, size_t *n);
/** Says how answers are generated and compared. `stops` ends with NULL. */
bool hs_asked_generate(struct hs_asked *asked, enum hs_match match, int32_t most_tokens, const char *const *stops);
bool hs_asked_equal(const struct hs_asked *a, const struct hs_asked *b);
/** One right answer. */
bool hs_record_answer(struct hs_record *record, struct hs_view answer);

#endif
