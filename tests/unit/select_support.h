/* What the tests of src/select share: a fresh folder, SQL over its files, and a selection as one line.
 * Score files are written by SQL, so that a test says each value itself. */
#ifndef HS_TESTS_SELECT_SUPPORT_H
#define HS_TESTS_SELECT_SUPPORT_H

#include "support.h"

#include "corpus/sql.h"

/** Makes an empty folder under the scratch folder and remembers it: paths below are relative to it. */
void fresh_folder(const char *name);
/** "FOLDER/name", valid until eight further calls. */
const char *in_folder(const char *name);
/** Runs a statement in which each @ stands for the folder. Fails the test when SQL fails. */
void sql(const char *statement);
/** Runs a query and gives its first value as text ("NULL" for none), valid until the next call. */
const char *sql_text(const char *query);
/** Bytes of a file in the folder; hs_buffer_free. */
struct hs_buffer file_bytes(const char *name);
void write_bytes(const char *name, const char *bytes);

/** Selects from @/scores into @/out, and fails the test unless it comes to `wanted`. */
void select_into(const char *out, headsift_select_options options, headsift_status wanted);
extern headsift_error last_error;
extern headsift_select_summary last_summary;

#endif
