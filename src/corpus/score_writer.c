/* Score rows gathered in a DuckDB table, in a hidden folder on disk beyond ROWS_MEMORY, and written as one Parquet file
 * on commit. It is written beside its final name by one thread, so that the same rows give the same bytes. */
#define _GNU_SOURCE
#include "corpus/score_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "corpus/sql.h"
#include "corpus/step_values.h"

struct hs_score_writer {
    struct hs_sql sql;
    duckdb_appender appender;
    char *path;
    char *temporary;
    char *spill;               /**< DIR/.NAME.spill-HOST-PID */
    struct hs_buffer metadata; /**< the KV_METADATA struct of the COPY statement; empty: none */
    struct hs_buffer scratch;
    struct hs_step_values *steps; /**< how steps become values; NULL: the rows have none */
};

#define ROWS_MEMORY "512MB" /* what DuckDB keeps in memory of the rows of a file */

/* In the order of the columns of the file: docs/formats.md. */
static const char create_table[] =
    "CREATE TABLE scores (id VARCHAR, file VARCHAR, \"row\" BIGINT, domain VARCHAR, n_bytes BIGINT, n_tokens INTEGER, "
    "n_bytes_scored BIGINT, n_scored INTEGER, loss_base DOUBLE, loss_ref DOUBLE, score DOUBLE, status VARCHAR, "
    "note VARCHAR)";
static const char add_steps[] = "ALTER TABLE scores ADD COLUMN steps " HS_STEPS_TYPE;

static headsift_status no_memory(const struct hs_score_writer *writer, headsift_error *error) {
    return hs_fail_memory(error, writer->path != NULL ? writer->path : "score rows", writer->scratch.size + 1);
}

/* Appends text as UTF-8: bytes that are none become U+FFFD, since a Parquet string can't hold them. */
static bool append_valid(struct hs_buffer *out, const char *text, size_t size) {
    while (size > 0) {
        size_t good = hs_utf8_check(text, size);
        if (!hs_buffer_append(out, text, good)) {
            return false;
        }
        if (good == size) {
            return true;
        }
        if (!hs_buffer_append(out, "\xEF\xBF\xBD", 3)) {
            return false;
        }
        text += good + 1;
        size -= good + 1;
    }
    return true;
}

/* ---- Opening ------------------------------------------------------------------------------------------------ */

static bool append_metadata_text(struct hs_score_writer *writer, const char *text) {
    struct hs_buffer *out = &writer->scratch;
    out->size = 0;
    return append_valid(out, text, strlen(text)) &&
           hs_sql_string(&writer->metadata, out->size > 0 ? out->data : "", out->size);
}

static bool build_metadata(struct hs_score_writer *writer, const char *const *metadata) {
    bool ok = true;
    for (size_t i = 0; metadata != NULL && metadata[i] != NULL && metadata[i + 1] != NULL && ok; i += 2) {
        ok = hs_buffer_printf(&writer->metadata, "%s", i == 0 ? ", KV_METADATA {" : ", ") &&
             append_metadata_text(writer, metadata[i]) && hs_buffer_append(&writer->metadata, ": ", 2) &&
             append_metadata_text(writer, metadata[i + 1]);
    }
    return ok && (writer->metadata.size == 0 || hs_buffer_append(&writer->metadata, "}", 1));
}

/* Makes the empty temporary file, so that a folder that can't be written to is known before any work is done. */
static headsift_status create_temporary(struct hs_score_writer *writer, headsift_error *error) {
    int file = open(writer->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) {
        return hs_fail_errno(error, errno, "can't write %s", writer->path);
    }
    close(file);
    return HEADSIFT_OK;
}

static headsift_status open_table(struct hs_score_writer *writer, headsift_error *error) {
    const char *const paths[] = {writer->temporary};
    struct hs_sql_options options = {
        .threads = 1, .memory = ROWS_MEMORY, .temp_dir = writer->spill, .paths = paths, .n_paths = 1};
    HS_TRY(hs_sql_open(&options, &writer->sql, error));
    HS_TRY(hs_sql_run(&writer->sql, create_table, NULL, error));
    if (writer->steps != NULL) {
        HS_TRY(hs_sql_run(&writer->sql, add_steps, NULL, error));
    }
    if (duckdb_appender_create(writer->sql.connection, NULL, "scores", &writer->appender) == DuckDBError) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: %s", writer->path, duckdb_appender_error(writer->appender));
    }
    return HEADSIFT_OK;
}

static bool name_files(struct hs_score_writer *writer, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    char process[HS_PROCESS_NAME];
    hs_process_name(process);
    writer->path = hs_copy_string(path);
    writer->temporary = hs_temporary_path(path);
    writer->spill = hs_format("%.*s.%s.spill-%s", (int)(name - path), path, name, process);
    return writer->path != NULL && writer->temporary != NULL && writer->spill != NULL;
}

static headsift_status open_writer(const char *path, const char *const *metadata, bool steps,
                                   struct hs_score_writer **out, headsift_error *error) {
    *out = NULL;
    struct hs_score_writer *writer = hs_alloc(1, sizeof *writer);
    if (writer == NULL) {
        return hs_fail_memory(error, path, sizeof *writer);
    }
    writer->steps = steps ? hs_step_values_open() : NULL;
    bool named = name_files(writer, path) && build_metadata(writer, metadata) && (!steps || writer->steps != NULL);
    headsift_status status = named ? create_temporary(writer, error) : no_memory(writer, error);
    if (status == HEADSIFT_OK) {
        status = open_table(writer, error);
    }
    if (status != HEADSIFT_OK) {
        hs_score_writer_abort(writer);
        return status;
    }
    *out = writer;
    return HEADSIFT_OK;
}

headsift_status hs_score_writer_open(const char *path, const char *const *metadata, struct hs_score_writer **out,
                                     headsift_error *error) {
    return open_writer(path, metadata, false, out, error);
}

headsift_status hs_score_writer_open_steps(const char *path, const char *const *metadata, struct hs_score_writer **out,
                                           headsift_error *error) {
    return open_writer(path, metadata, true, out, error);
}

/* ---- Rows --------------------------------------------------------------------------------------------------- */

/* The append_* functions below return whether DuckDB took the value; add_row joins them. */
static bool append_text(struct hs_score_writer *writer, const char *text, size_t size) {
    if (hs_utf8_check(text, size) < size) {
        writer->scratch.size = 0;
        if (!append_valid(&writer->scratch, text, size)) {
            return false;
        }
        text = writer->scratch.data;
        size = writer->scratch.size;
    }
    return duckdb_append_varchar_length(writer->appender, text, size) == DuckDBSuccess;
}

static bool append_id(struct hs_score_writer *writer, const char *id, size_t id_size, const char *file, int64_t row) {
    if (id != NULL) {
        return append_text(writer, id, id_size);
    }
    char *made = hs_format("%s:%" PRId64, file, row);
    bool ok = made != NULL && append_text(writer, made, strlen(made));
    hs_free(made);
    return ok;
}

static bool append_double(struct hs_score_writer *writer, double value) {
    return (isnan(value) ? duckdb_append_null(writer->appender) : duckdb_append_double(writer->appender, value)) ==
           DuckDBSuccess;
}

static bool append_numbers(struct hs_score_writer *writer, const headsift_score *score) {
    duckdb_appender appender = writer->appender;
    return duckdb_append_int64(appender, score->n_bytes) == DuckDBSuccess &&
           duckdb_append_int32(appender, score->n_tokens) == DuckDBSuccess &&
           duckdb_append_int64(appender, score->n_bytes_scored) == DuckDBSuccess &&
           duckdb_append_int32(appender, score->n_scored) == DuckDBSuccess && append_double(writer, score->loss_base) &&
           append_double(writer, score->loss_ref) && append_double(writer, score->score);
}

headsift_status hs_score_writer_add(struct hs_score_writer *writer, const char *id, size_t id_size, const char *file,
                                    int64_t row, const char *domain, size_t domain_size, const headsift_score *score,
                                    headsift_error *error) {
    return hs_score_writer_add_steps(writer, id, id_size, file, row, domain, domain_size, score, NULL, 0, error);
}

headsift_status hs_score_writer_add_steps(struct hs_score_writer *writer, const char *id, size_t id_size,
                                          const char *file, int64_t row, const char *domain, size_t domain_size,
                                          const headsift_score *score, const headsift_step *steps, size_t n_steps,
                                          headsift_error *error) {
    bool ok = append_id(writer, id, id_size, file, row) && append_text(writer, file, strlen(file)) &&
              duckdb_append_int64(writer->appender, row) == DuckDBSuccess && append_text(writer, domain, domain_size) &&
              append_numbers(writer, score) &&
              append_text(writer, score->status, strnlen(score->status, sizeof score->status)) &&
              append_text(writer, score->note, strnlen(score->note, sizeof score->note)) &&
              (writer->steps == NULL || hs_step_values_append(writer->steps, writer->appender, steps, n_steps)) &&
              duckdb_appender_end_row(writer->appender) == DuckDBSuccess;
    if (ok) {
        return HEADSIFT_OK;
    }
    const char *reason = duckdb_appender_error(writer->appender);
    return hs_fail(error, HEADSIFT_FAILED, "%s, row %" PRId64 " of %s: %s", writer->path, row, file,
                   reason != NULL ? reason : "not enough memory");
}

/* ---- Commit ------------------------------------------------------------------------------------------------- */

static headsift_status copy_to_file(struct hs_score_writer *writer, headsift_error *error) {
    if (duckdb_appender_close(writer->appender) == DuckDBError) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: %s", writer->path, duckdb_appender_error(writer->appender));
    }
    struct hs_buffer statement = {0};
    bool ok =
        hs_buffer_printf(&statement, "COPY scores TO ") && hs_sql_target(&statement, writer->temporary) &&
        hs_buffer_printf(&statement, " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880, USE_TMP_FILE false") &&
        (writer->metadata.size == 0 || hs_buffer_append(&statement, writer->metadata.data, writer->metadata.size)) &&
        hs_buffer_append(&statement, ")", 1);
    headsift_error reason = {0};
    headsift_status status = ok ? hs_sql_run(&writer->sql, statement.data, NULL, &reason) : no_memory(writer, error);
    if (reason.status != HEADSIFT_OK) {
        const char *advice = status == HEADSIFT_NO_SPACE ? "; free some space and run it again" : "";
        status = hs_fail(error, status, "can't write %s: %s%s", writer->path, reason.message, advice);
    }
    hs_buffer_free(&statement);
    return status;
}

headsift_status hs_score_writer_commit(struct hs_score_writer *writer, headsift_error *error) {
    headsift_status status = copy_to_file(writer, error);
    if (status == HEADSIFT_OK) {
        status = hs_file_publish(writer->temporary, writer->path, error);
    }
    if (status == HEADSIFT_OK) {
        hs_free(writer->temporary);
        writer->temporary = NULL;
    }
    hs_score_writer_abort(writer);
    return status;
}

static void remove_folder(const char *path) {
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder != NULL) {
        closedir(folder);
        rmdir(path);
    }
}

void hs_score_writer_abort(struct hs_score_writer *writer) {
    if (writer == NULL) {
        return;
    }
    duckdb_appender_destroy(&writer->appender);
    hs_step_values_close(writer->steps);
    hs_sql_close(&writer->sql);
    if (writer->temporary != NULL) {
        unlink(writer->temporary);
    }
    if (writer->spill != NULL) {
        remove_folder(writer->spill);
    }
    hs_free(writer->path);
    hs_free(writer->temporary);
    hs_free(writer->spill);
    hs_buffer_free(&writer->metadata);
    hs_buffer_free(&writer->scratch);
    hs_free(writer);
}
