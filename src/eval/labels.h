/* Classification: the choices of every record are all labels of the file.
 * Inside of src/eval only. */
#ifndef HS_EVAL_LABELS_H
#define HS_EVAL_LABELS_H

#include "eval/files.h"

/** Gives each record all labels of both files as choices, in the order of their bytes, and its gold. */
headsift_status hs_labels_to_choices(struct hs_records *records, const struct hs_records *examples,
                                     headsift_error *error);

#endif
