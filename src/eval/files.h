/* From files to a task: all records of a path, then the choice of worked examples and of items.
 * Inside of src/eval only. */
#ifndef HS_EVAL_FILES_H
#define HS_EVAL_FILES_H

#include "eval/layouts.h"

struct hs_records {
    const struct hs_layout *layout;
    struct hs_record *items;
    size_t n, capacity;
};

/** Reads a file, or all files of a folder or glob, which are of one layout and ask in one way. */
headsift_status hs_records_read(const char *path, struct hs_records *out, headsift_error *error);
void hs_records_free(struct hs_records *records);

/** Makes a task of records: its texts are moved there. @param examples NULL: worked examples are the first records
 *  themselves, which are not asked then. @param shots negative: as the layout is usually asked. */
headsift_status hs_task_assemble(struct hs_records *records, const struct hs_records *examples, int shots,
                                 int64_t limit, struct hs_task *task, headsift_error *error);

#endif
