/* The loop over wanted records, and its form as a table function of DuckDB.
 * The function runs on one thread and gives rows in the file's order. */
#include "select/records.h"

#include <string.h>

#include "base/text.h"
#include "select/cursor.h"

struct hs_rows hs_rows_wanted(const struct hs_selection *selection, const struct hs_source *source) {
    return (struct hs_rows){.selection = selection, .source = source, .n = source->wanted};
}

/* Whether a record is asked for, `given` of which have been found before it. */
static bool is_asked(const struct hs_rows *rows, int64_t given, int64_t row) {
    return rows->selection != NULL ? hs_is_wanted(rows->selection, rows->source, row) : rows->items[given] == row;
}

/* The first record from `row` on that is asked for; there is one. */
static int64_t next_asked(const struct hs_rows *rows, int64_t given, int64_t row) {
    while (rows->selection != NULL && !is_asked(rows, given, row)) {
        row++;
    }
    return rows->selection != NULL ? row : rows->items[given];
}

/* ---- The loop ---- */

headsift_status hs_scan_open(const struct hs_source *source, const struct hs_input *input, const struct hs_rows *rows,
                             bool all_fields, struct hs_scan *scan, headsift_error *error) {
    *scan = (struct hs_scan){.input = input, .rows = rows};
    headsift_inputs inputs = hs_source_inputs(source);
    return hs_reader_open(input, &inputs, all_fields, &scan->reader, error);
}

/* A plain text file has no columns: it gets its id and its text. */
static headsift_status text_fields(struct hs_scan *scan, struct hs_document *document, headsift_error *error) {
    hs_free(scan->id);
    scan->id = hs_format("%s:%lld", scan->input->path, (long long)document->row);
    if (scan->id == NULL) {
        return hs_fail_memory(error, scan->input->path, strlen(scan->input->path));
    }
    scan->fields[0] = (struct hs_field){"id", 2, scan->id, strlen(scan->id)};
    scan->fields[1] = (struct hs_field){"text", 4, document->text, document->text_size};
    document->fields = scan->fields;
    document->n_fields = 2;
    return HEADSIFT_OK;
}

headsift_status hs_scan_next(struct hs_scan *scan, struct hs_document *document, bool *more, headsift_error *error) {
    *more = false;
    if (scan->rows != NULL && scan->given == scan->rows->n) {
        return HEADSIFT_OK;
    }
    for (;;) {
        bool read;
        HS_TRY(hs_reader_next(scan->reader, document, &read, error));
        if (!read && scan->rows != NULL) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: %lld records, but the scores name row %lld: it has changed, score it again",
                           scan->input->path, (long long)scan->records,
                           (long long)next_asked(scan->rows, scan->given, scan->records));
        }
        if (!read) {
            return HEADSIFT_OK;
        }
        scan->records = document->row + 1;
        if (scan->rows == NULL || is_asked(scan->rows, scan->given, document->row)) {
            break;
        }
    }
    scan->given++;
    *more = true;
    bool bare = scan->input->format == HS_FORMAT_TEXT && document->n_fields == 0;
    return bare ? text_fields(scan, document, error) : HEADSIFT_OK;
}

void hs_scan_close(struct hs_scan *scan) {
    hs_reader_close(scan->reader);
    hs_free(scan->id);
    *scan = (struct hs_scan){0};
}

const char *hs_repair_text(const char *text, size_t *size, struct hs_buffer *room) {
    size_t good = hs_utf8_check(text, *size);
    if (good == *size) {
        return text;
    }
    room->size = 0;
    size_t at = 0;
    while (at < *size) {
        if (!hs_buffer_append(room, text + at, good)) {
            return NULL;
        }
        at += good;
        if (at < *size) {
            if (!hs_buffer_append(room, "\xEF\xBF\xBD", 3)) {
                return NULL;
            }
            at++;
            good = hs_utf8_check(text + at, *size - at);
        }
    }
    *size = room->size;
    return room->data;
}

/* ---- The table function ---- */

static void bind_records(duckdb_bind_info info) {
    const struct hs_feed *feed = duckdb_bind_get_extra_info(info);
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_bind_add_result_column(info, "row", number);
    for (size_t i = 0; i < feed->n_names; i++) {
        char name[32];
        snprintf(name, sizeof name, "c%zu", i);
        duckdb_bind_add_result_column(info, name, text);
    }
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_logical_type(&text);
}

static void init_records(duckdb_init_info info) { duckdb_init_set_max_threads(info, 1); }

static bool same_name(const struct hs_field *field, const struct hs_field *name) {
    return field->name_size == name->name_size && memcmp(field->name, name->name, name->name_size) == 0;
}

/* Most records have their fields in the order of the names. */
static const struct hs_field *find_field(const struct hs_document *document, const struct hs_field *name, size_t hint) {
    if (hint < document->n_fields && same_name(&document->fields[hint], name)) {
        return &document->fields[hint];
    }
    for (size_t i = 0; i < document->n_fields; i++) {
        if (same_name(&document->fields[i], name)) {
            return &document->fields[i];
        }
    }
    return NULL;
}

static headsift_status put_field(struct hs_feed *feed, const struct hs_field *field, duckdb_vector vector, idx_t row) {
    if (field == NULL || field->value == NULL) {
        duckdb_vector_ensure_validity_writable(vector);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
        return HEADSIFT_OK;
    }
    size_t size = field->size;
    const char *value = hs_repair_text(field->value, &size, &feed->repaired);
    if (value == NULL) {
        return hs_fail_memory(&feed->error, "a field", size);
    }
    duckdb_vector_assign_string_element_len(vector, row, value, size);
    return HEADSIFT_OK;
}

static headsift_status put_record(struct hs_feed *feed, const struct hs_document *document, duckdb_data_chunk chunk,
                                  idx_t row) {
    int64_t *rows = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    rows[row] = document->row;
    for (size_t i = 0; i < feed->n_names; i++) {
        const struct hs_field *field = find_field(document, &feed->names[i], i);
        HS_TRY(put_field(feed, field, duckdb_data_chunk_get_vector(chunk, i + 1), row));
    }
    return HEADSIFT_OK;
}

static void fill_records(duckdb_function_info info, duckdb_data_chunk chunk) {
    struct hs_feed *feed = duckdb_function_get_extra_info(info);
    idx_t row = 0, capacity = duckdb_vector_size();
    bool more = true;
    while (feed->status == HEADSIFT_OK && row < capacity) {
        struct hs_document document;
        feed->status = hs_scan_next(&feed->scan, &document, &more, &feed->error);
        if (feed->status != HEADSIFT_OK || !more) {
            break;
        }
        feed->status = put_record(feed, &document, chunk, row);
        row++;
    }
    if (feed->status == HEADSIFT_OK && hs_stop_wanted(feed->selection->monitor)) {
        feed->status = hs_fail(&feed->error, HEADSIFT_STOPPED, "stopped while %s was read", feed->input->path);
    }
    if (feed->status != HEADSIFT_OK) {
        duckdb_function_set_error(info, feed->error.message);
    }
    duckdb_data_chunk_set_size(chunk, feed->status == HEADSIFT_OK ? row : 0);
}

/* Makes hs_records() known to the database; its feed is set before each statement that uses it. */
static headsift_status feed_register(struct hs_selection *selection, headsift_error *error) {
    selection->feed = hs_alloc(1, sizeof *selection->feed);
    duckdb_table_function function = duckdb_create_table_function();
    bool made = selection->feed != NULL && function != NULL;
    if (made) {
        duckdb_table_function_set_name(function, "hs_records");
        duckdb_table_function_set_extra_info(function, selection->feed, NULL);
        duckdb_table_function_set_bind(function, bind_records);
        duckdb_table_function_set_init(function, init_records);
        duckdb_table_function_set_function(function, fill_records);
        made = duckdb_register_table_function(selection->sql.connection, function) == DuckDBSuccess;
    }
    duckdb_destroy_table_function(&function);
    return made ? HEADSIFT_OK : hs_fail(error, HEADSIFT_FAILED, "DuckDB does not take the function that reads records");
}

headsift_status hs_feed_run(struct hs_selection *selection, const struct hs_feed *wanted, const char *statement,
                            headsift_error *error) {
    if (selection->feed == NULL) {
        HS_TRY(feed_register(selection, error));
    }
    struct hs_feed *feed = selection->feed;
    *feed = *wanted;
    feed->selection = selection;
    headsift_status status = hs_scan_open(feed->source, feed->input, feed->rows, true, &feed->scan, error);
    if (status == HEADSIFT_OK) {
        status = hs_sql_run(&selection->sql, statement, NULL, error);
    }
    if (feed->status != HEADSIFT_OK) {
        status = hs_fail(error, feed->status, "%s", feed->error.message);
    }
    hs_scan_close(&feed->scan);
    hs_buffer_free(&feed->repaired);
    *feed = (struct hs_feed){0};
    return status;
}
