/* A sample of documents for judges, who see texts and no groups, and what they answered.
 * The order: hs_draw, then the sample's files; later the key, the answers, the figures. */
#ifndef HS_JUDGE_JUDGE_H
#define HS_JUDGE_JUDGE_H

#include <jansson.h>

#include "base/error.h"
#include "base/memory.h"

/* ---- Questions (questions.c) ---- */

enum { HS_QUESTIONS = 2, HS_ANSWER_LOW = 1, HS_ANSWER_HIGH = 5 };
extern const char *const hs_question_names[HS_QUESTIONS];

/** [{"name", "low", "high"}]; NULL when there is no memory. */
json_t *hs_questions_json(void);
/** Appends the prompt about one document. The text is held between lines with `mark`, which it can't know. */
bool hs_prompt_append(struct hs_buffer *out, const char *key, uint64_t mark, const char *text, size_t size, bool cut);

/* ---- The sample (draw.c, sample.c) ---- */

enum hs_group { HS_GROUP_TOP, HS_GROUP_RANDOM, HS_GROUP_BOTTOM, HS_GROUPS };
extern const char *const hs_group_names[HS_GROUPS];

struct hs_drawn {
    int32_t source, domain;
    int64_t row;
    unsigned groups; /**< a bit each: a random document may be a top one too */
    double score;
    char *id;
    size_t id_size;
    char *file; /**< as the score rows name it */
    char *text;
    size_t text_size;
    bool cut; /**< the text was longer */
};

struct hs_sample {
    struct hs_drawn *documents; /**< by source file and row */
    size_t n, capacity;
    json_t *domains; /**< names, by index */
};

/** Draws options->documents documents of each group of each domain: the top and the bottom 20 % by score (at least one)
 *  and all that have a score. The same scores and seed, the same documents. */
headsift_status hs_draw(const char *scores, const headsift_judge_options *options, const char *temp_dir,
                        const headsift_monitor *monitor, struct hs_sample *out, headsift_error *error);
void hs_judge_sample_free(struct hs_sample *sample); /**< fine on a zeroed struct */

/* ---- Answers (answers.c, judged.c) ---- */

/** A document of the key. */
struct hs_judged_document {
    int32_t domain;
    unsigned groups;
};

/** One judge's answer about one document; NaN where a question was not answered. */
struct hs_answer {
    size_t document;
    double values[HS_QUESTIONS];
};

struct hs_answers {
    json_t *key; /**< of key.json: holds the names below */
    json_t *domains;
    struct hs_judged_document *documents; /**< in the order of the key's "keys" */
    size_t n_documents;
    struct hs_answer *items;
    size_t n, capacity;
    json_t *places;                                   /**< key: document; key and judge: answer */
    int64_t records, bad, unknown, repeated, refused; /**< refused: values that are no number from low to high */
};

headsift_status hs_key_read(const char *directory, struct hs_answers *out, headsift_error *error);
/** Adds the answers of files: see docs/formats.md. What can't be used is counted, and the first ones are said. */
headsift_status hs_answers_read(const char *path, const headsift_monitor *monitor, struct hs_answers *answers,
                                headsift_error *error);
void hs_answers_free(struct hs_answers *answers);

/** Means with intervals by group and domain, agreement, counts: kind "judges". */
headsift_status hs_judged_json(const struct hs_answers *answers, json_t **out, headsift_error *error);

#endif
