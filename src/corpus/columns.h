/* Which columns of a record a reader takes, and the domain where it comes from no column.
 * And the one message for a column that is not there. */
#ifndef HS_CORPUS_COLUMNS_H
#define HS_CORPUS_COLUMNS_H

#include "corpus/corpus.h"

enum hs_role { HS_ROLE_TEXT, HS_ROLE_PROMPT, HS_ROLE_ID, HS_ROLE_DOMAIN, HS_ROLES };

/** The columns by role. A name is NULL where no column plays the role; `required` where the user named it (the text
 * always): a file that lacks it is refused. Of prompts and responses the response is the text. */
struct hs_columns {
    char *names[HS_ROLES];
    bool required[HS_ROLES];
    char *fixed_domain; /**< the domain of every record of this file; NULL: from the column, else "" */
};

/** HEADSIFT_USAGE where --prompt and --response are not given together, or name the same column. */
headsift_status hs_columns_check(const headsift_inputs *inputs, headsift_error *error);

/** Resolves headsift_inputs for one file. Free with hs_columns_free, also on failure. */
headsift_status hs_columns_init(const headsift_inputs *inputs, const char *path, struct hs_columns *columns,
                                headsift_error *error);
void hs_columns_free(struct hs_columns *columns);

/** The flag that names the column of a role: "--text". */
const char *hs_columns_flag(const struct hs_columns *columns, enum hs_role role);

/** HEADSIFT_USAGE: `path` has no column for `role`; lists the n columns there are. */
headsift_status hs_columns_missing(const struct hs_columns *columns, enum hs_role role, const char *path,
                                   const struct hs_field *there, size_t n, headsift_error *error);

#endif
