/* Cells of tables, and a side as the result has it.
 * Text of users is escaped before it reaches the terminal. */
#include "compare/print.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

void hs_print_name(FILE *out, const char *name, size_t size) {
    char line[4 * HS_NAME_CELLS];
    hs_escape_line(name, size, line, sizeof line);
    int points = 0;
    size_t end = 0;
    while (line[end] != '\0' && points < HS_NAME_CELLS) {
        size_t length;
        hs_utf8_decode(line + end, &length);
        end += length;
        points++;
    }
    if (size == 0) {
        fprintf(out, "%-*s", HS_NAME_CELLS, "(none)");
        return;
    }
    fprintf(out, "%.*s%*s", (int)end, line, HS_NAME_CELLS - points, "");
}

void hs_print_percent(FILE *out, double share) {
    if (isfinite(share)) {
        fprintf(out, " %7.1f %%", 100 * share);
    } else {
        fprintf(out, " %9s", "-");
    }
}

void hs_print_real(FILE *out, double value, int decimals) {
    if (isfinite(value)) {
        fprintf(out, " %9.*f", decimals, value);
    } else {
        fprintf(out, " %9s", "-");
    }
}

json_t *hs_side_json(const struct hs_side *side) {
    char path[1024];
    hs_escape_line(side->path, strlen(side->path), path, sizeof path);
    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:s}", "label", side->label, "path", path, "documents",
                     (json_int_t)side->documents, "tokens", (json_int_t)side->tokens, "by", side->options.by, "order",
                     side->options.order);
}
