/* Cells of the tables that comparisons print: names of documents' domains are escaped and cut, what is not known is -.
 * Columns keep their width whatever stands in them. */
#ifndef HS_COMPARE_PRINT_H
#define HS_COMPARE_PRINT_H

#include <stdio.h>

#include "compare/side.h"

enum { HS_NAME_CELLS = 24 };

void hs_print_name(FILE *out, const char *name, size_t size);
void hs_print_percent(FILE *out, double share);            /**< " %8.1f %" */
void hs_print_real(FILE *out, double value, int decimals); /**< " %9.*f" */
json_t *hs_side_json(const struct hs_side *side);          /**< label, path, documents, tokens, by, order */

#endif
