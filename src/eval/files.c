/* Records of all files of a path: their layout is that of the first record.
 * CSV records become objects by their header, or by the columns of the original MMLU, which has none. */
#include "eval/files.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "corpus/formats.h"
#include "corpus/json_rows.h"

struct file {
    const char *path;
    char where[1200]; /* "PATH: record N" */
    int64_t row;
    bool csv;
    bool one_of_many;      /* of several files: its name is the group of records that have none */
    json_t *header;        /* CSV: the columns' names */
    const json_t *names;   /* of integer labels; may be NULL */
    json_t *own_names;     /* a first record {"names": [...]} */
    struct hs_view filter; /* samples: of the first record, borrowed from `first` */
    json_t *first;
};

/* ---- CSV ------------------------------------------------------------------------------------------------------- */

static bool is_headless_mmlu(const json_t *row) {
    struct hs_view last = hs_list_at(row, 5);
    return json_array_size(row) == 6 && last.size == 1 && last.data[0] >= 'A' && last.data[0] <= 'D';
}

static headsift_status take_header(struct file *file, json_t **row, headsift_error *error) {
    if (is_headless_mmlu(*row)) {
        file->header = json_pack("[ssssss]", "question", "A", "B", "C", "D", "answer");
        return file->header != NULL ? HEADSIFT_OK : hs_no_memory(error);
    }
    file->header = *row;
    *row = NULL;
    return HEADSIFT_OK;
}

/* *row becomes an object; NULL for a header. */
static headsift_status name_columns(struct file *file, json_t **row, headsift_error *error) {
    if (file->header == NULL) {
        HS_TRY(take_header(file, row, error));
        if (*row == NULL) {
            return HEADSIFT_OK;
        }
    }
    size_t n = json_array_size(*row);
    if (n != json_array_size(file->header)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: %zu values where there are %zu columns", file->where, n,
                       json_array_size(file->header));
    }
    json_t *object = json_object();
    bool ok = object != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        struct hs_view name = hs_list_at(file->header, i);
        ok = json_object_setn(object, name.data, name.size, json_array_get(*row, i)) == 0;
    }
    json_decref(*row);
    *row = object;
    return ok ? HEADSIFT_OK : hs_no_memory(error);
}

/* ---- Records --------------------------------------------------------------------------------------------------- */

/* A file's name without folders and suffixes; of MMLU's also without its split. */
static struct hs_view stem(const char *path, bool without_split) {
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    struct hs_view view = {name, strcspn(name, ".")};
    static const char *const splits[] = {"_test", "_dev", "_val"};
    for (size_t i = 0; without_split && i < sizeof splits / sizeof *splits; i++) {
        size_t size = strlen(splits[i]);
        if (view.size > size && memcmp(view.data + view.size - size, splits[i], size) == 0) {
            view.size -= size;
            break;
        }
    }
    return view;
}

/* An integer label gets its name where the file has names. */
static headsift_status name_label(const struct file *file, json_t *row, headsift_error *error) {
    const json_t *names = file->own_names != NULL ? file->own_names : file->names;
    const json_t *label = json_object_get(row, "label");
    if (!json_is_integer(label) || json_object_get(row, "label_text") != NULL || names == NULL) {
        return HEADSIFT_OK;
    }
    json_int_t index = json_integer_value(label);
    json_t *name = index >= 0 ? json_array_get(names, (size_t)index) : NULL;
    if (!json_is_string(name)) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: \"label\" is %" JSON_INTEGER_FORMAT ", which is none of the %zu names", file->where, index,
                       json_array_size(names));
    }
    return json_object_set(row, "label_text", name) == 0 ? HEADSIFT_OK : hs_no_memory(error);
}

static headsift_status set_group(const struct file *file, const struct hs_layout *layout, struct hs_record *record,
                                 headsift_error *error) {
    if (record->item.group.size > 0 || !(file->one_of_many || layout->file_is_group)) {
        return HEADSIFT_OK;
    }
    struct hs_view group = stem(file->path, layout->file_is_group);
    return HS_JOIN(&record->item.group, group) ? HEADSIFT_OK : hs_no_memory(error);
}

static headsift_status check_asked(const struct file *file, const struct hs_records *records, headsift_error *error) {
    const struct hs_asked *first = &records->items[0].asked, *this = &records->items[records->n - 1].asked;
    return hs_asked_equal(first, this)
               ? HEADSIFT_OK
               : hs_fail(error, HEADSIFT_FAILED,
                         "%s is asked in another way than the first record (its form, stops, match, most tokens or "
                         "shots): put it into a file of its own",
                         file->where);
}

static headsift_status add_record(struct file *file, json_t *row, struct hs_records *out, headsift_error *error) {
    if (out->layout == NULL) {
        HS_TRY(hs_layout_find(row, file->path, &out->layout, error));
    }
    if (out->layout->labels) {
        HS_TRY(name_label(file, row, error));
    }
    void *items = out->items;
    bool grown = hs_grow(&items, &out->capacity, out->n + 1, sizeof *out->items);
    out->items = items;
    if (!grown) {
        return hs_no_memory(error);
    }
    struct hs_record *record = &out->items[out->n++];
    *record = (struct hs_record){.item = {.prefix = -1}};
    HS_TRY(out->layout->read(row, file->where, record, error));
    HS_TRY(set_group(file, out->layout, record, error));
    return check_asked(file, out, error);
}

/* lm-evaluation-harness writes a task's samples once for each of its filters: those of the first one are taken. */
static bool is_of_other_filter(struct file *file, json_t *row) {
    if (file->first == NULL) {
        file->first = json_incref(row);
    }
    const json_t *filter = json_object_get(row, "filter"), *first = json_object_get(file->first, "filter");
    return json_is_string(filter) && json_is_string(first) && json_object_get(row, "doc_id") != NULL &&
           !json_equal(filter, first);
}

static headsift_status take_row(struct file *file, json_t **row, struct hs_records *out, headsift_error *error) {
    if (file->csv) {
        HS_TRY(name_columns(file, row, error));
        if (*row == NULL) {
            return HEADSIFT_OK;
        }
    }
    if (!json_is_object(*row)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s is no JSON object", file->where);
    }
    json_t *names = json_object_get(*row, "names");
    if (file->row == 1 && json_object_size(*row) == 1 && names != NULL) {
        HS_TRY(hs_check_list(names, "names", 1, HS_MOST_CHOICES, file->where, error));
        file->own_names = json_incref(names);
        return HEADSIFT_OK;
    }
    return is_of_other_filter(file, *row) ? HEADSIFT_OK : add_record(file, *row, out, error);
}

static headsift_status read_rows(struct file *file, struct hs_json_rows *rows, struct hs_records *out,
                                 headsift_error *error) {
    file->names = json_object_get(json_object_get(hs_json_rows_features(rows), "label"), "names");
    json_t *row;
    headsift_status status;
    while ((status = hs_json_rows_next(rows, &row, error)) == HEADSIFT_OK && row != NULL) {
        file->row++;
        snprintf(file->where, sizeof file->where, "%.1150s: record %" PRId64, file->path, file->row);
        status = take_row(file, &row, out, error);
        json_decref(row);
        if (status != HEADSIFT_OK) {
            return status;
        }
    }
    return status;
}

static headsift_status read_file(const struct hs_input *input, bool one_of_many, struct hs_records *out,
                                 headsift_error *error) {
    struct file file = {.path = input->path, .csv = input->format == HS_FORMAT_CSV, .one_of_many = one_of_many};
    struct hs_json_rows *rows;
    HS_TRY(hs_json_rows_open(input, &rows, error));
    headsift_status status = read_rows(&file, rows, out, error);
    hs_json_rows_close(rows);
    json_decref(file.header);
    json_decref(file.own_names);
    json_decref(file.first);
    return status;
}

headsift_status hs_records_read(const char *path, struct hs_records *out, headsift_error *error) {
    struct hs_input_list list;
    headsift_inputs inputs = {.paths = &path, .n_paths = 1};
    if (hs_file_exists(path) && !hs_is_directory(path) && !hs_format_takes(path, NULL)) {
        return hs_fail(error, HEADSIFT_USAGE, "%s: its name must end in %s", path, hs_format_suffixes(NULL));
    }
    HS_TRY(hs_inputs_find(&inputs, &list, error));
    headsift_status status = HEADSIFT_OK;
    for (size_t i = 0; i < list.n && status == HEADSIFT_OK; i++) {
        status = read_file(&list.items[i], list.n > 1, out, error);
    }
    hs_inputs_free(&list);
    if (status == HEADSIFT_OK && out->n == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s holds no records", path);
    }
    return status;
}

void hs_records_free(struct hs_records *records) {
    for (size_t i = 0; i < records->n; i++) {
        hs_record_free(&records->items[i]);
    }
    hs_free(records->items);
    *records = (struct hs_records){0};
}
