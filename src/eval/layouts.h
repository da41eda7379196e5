/* The layouts of files that are read: how each is told, how it is usually asked, and its reader.
 * A new layout is a reader and a line in layouts.c. Inside of src/eval only. */
#ifndef HS_EVAL_LAYOUTS_H
#define HS_EVAL_LAYOUTS_H

#include "eval/record.h"

typedef headsift_status (*hs_read_record)(const json_t *row, const char *where, struct hs_record *out,
                                          headsift_error *error);

enum { HS_TAKES_NO_SHOTS = -1 };

struct hs_layout {
    const char *name;
    const char *fields[4];           /**< a record of this layout has all of them */
    bool (*fits)(const json_t *row); /**< and is so; NULL: nothing more to ask */
    int shots;                       /**< usual number of worked examples; HS_TAKES_NO_SHOTS: the prompts hold theirs */
    bool labels;                     /**< the choices are all labels of the file; examples are spread over them */
    bool file_is_group;              /**< the group is the file's name */
    hs_read_record read;
    bool (*header)(struct hs_view group, struct hs_buffer *out); /**< NULL: nothing stands before the examples */
};

/** The layout of a record; HEADSIFT_USAGE with its fields and the layouts there are. */
headsift_status hs_layout_find(const json_t *row, const char *path, const struct hs_layout **out,
                               headsift_error *error);

headsift_status hs_read_own_choice(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_own_generate(const json_t *row, const char *where, struct hs_record *out,
                                     headsift_error *error);
headsift_status hs_read_own_loss(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_sample(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_mmlu(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_mmlu_pro(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_agieval(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_agieval_query(const json_t *row, const char *where, struct hs_record *out,
                                      headsift_error *error);
headsift_status hs_read_arc(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_hellaswag(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_gsm8k(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_math(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_bbh(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_drop(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_labelled(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
headsift_status hs_read_humaneval(const json_t *row, const char *where, struct hs_record *out, headsift_error *error);
bool hs_mmlu_header(struct hs_view group, struct hs_buffer *out);

#endif
