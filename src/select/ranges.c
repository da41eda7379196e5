/* Which parts of a Parquet file hold wanted rows, so that DuckDB leaves the other row groups unread.
 * A file that is wanted throughout gets no condition at all. */
#include <string.h>

#include "select/cursor.h"
#include "select/select.h"

enum { MOST_RANGES = 32 /**< of a condition, which is looked at for each row that is read */ };

struct range {
    int64_t first, last;
};

struct ranges {
    struct range *items;
    size_t n, capacity;
    int64_t rows; /**< of the file */
};

static bool any_wanted(const struct hs_selection *selection, const struct hs_source *source, int64_t first,
                       int64_t last) {
    last = last < source->last_row ? last : source->last_row;
    while (first <= last && !hs_is_wanted(selection, source, first)) {
        first++;
    }
    return first <= last;
}

/* Adds a row group that holds wanted rows. */
static bool add_group(struct ranges *ranges, int64_t first, int64_t last) {
    if (ranges->n > 0 && ranges->items[ranges->n - 1].last + 1 == first) {
        ranges->items[ranges->n - 1].last = last;
        return true;
    }
    void *items = ranges->items;
    bool grown = hs_grow(&items, &ranges->capacity, ranges->n + 1, sizeof *ranges->items);
    ranges->items = items;
    if (grown) {
        ranges->items[ranges->n++] = (struct range){first, last};
    }
    return grown;
}

static headsift_status read_groups(struct hs_selection *selection, const struct hs_source *source, const char *path,
                                   struct ranges *ranges, headsift_error *error) {
    struct hs_buffer sql = {0};
    bool built = hs_buffer_printf(&sql, "SELECT row_group_num_rows::BIGINT FROM parquet_metadata(") &&
                 hs_sql_path(&sql, path) && hs_buffer_printf(&sql, ") WHERE column_id = 0 ORDER BY row_group_id");
    struct hs_cursor cursor = {0};
    headsift_status status =
        built ? hs_cursor_open(&selection->sql, sql.data, &cursor, error) : hs_fail_memory(error, path, sql.size);
    hs_buffer_free(&sql);
    HS_TRY(status);
    while (status == HEADSIFT_OK && hs_cursor_next(&cursor)) {
        int64_t first = ranges->rows;
        ranges->rows += hs_cursor_integer(&cursor, 0, 0);
        if (any_wanted(selection, source, first, ranges->rows - 1) && !add_group(ranges, first, ranges->rows - 1)) {
            status = hs_fail_memory(error, "the row groups", ranges->n * sizeof *ranges->items);
        }
    }
    hs_cursor_close(&cursor);
    return status;
}

/* Joins the ranges that lie closest, until few are left. */
static void join(struct ranges *ranges) {
    for (int64_t gap = 1; ranges->n > MOST_RANGES; gap *= 2) {
        size_t n = 1;
        for (size_t i = 1; i < ranges->n; i++) {
            if (ranges->items[i].first - ranges->items[n - 1].last <= gap) {
                ranges->items[n - 1].last = ranges->items[i].last;
            } else {
                ranges->items[n++] = ranges->items[i];
            }
        }
        ranges->n = n;
    }
}

static bool append(struct hs_buffer *out, const struct ranges *ranges) {
    bool all = ranges->n == 1 && ranges->items[0].first == 0 && ranges->items[0].last == ranges->rows - 1;
    bool ok = true;
    for (size_t i = 0; ok && !all && i < ranges->n; i++) {
        ok = hs_buffer_printf(out, "%ss.file_row_number BETWEEN %lld AND %lld", i == 0 ? " AND (" : " OR ",
                              (long long)ranges->items[i].first, (long long)ranges->items[i].last);
    }
    return ok && (all || ranges->n == 0 || hs_buffer_printf(out, ")"));
}

headsift_status hs_ranges_append(struct hs_selection *selection, const struct hs_source *source, const char *path,
                                 struct hs_buffer *out, headsift_error *error) {
    struct ranges ranges = {0};
    headsift_status status = read_groups(selection, source, path, &ranges, error);
    join(&ranges);
    if (status == HEADSIFT_OK && !append(out, &ranges)) {
        status = hs_fail_memory(error, "a statement", out->size);
    }
    hs_free(ranges.items);
    return status;
}
