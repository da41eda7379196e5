/* See influence_scene.h. Folders are made under the build's scratch folder.
 * SQL may touch that folder alone. */
#define _GNU_SOURCE
#include "influence_scene.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "corpus/sql.h"

enum { LINE = 256 };

void path_of(const struct scene *scene, const char *name, char out[2 * PATH]) {
    snprintf(out, 2 * PATH, "%s/%s", scene->folder, name);
}

static void remove_folder(const char *path) {
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char name[2 * PATH];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && unlink(name) != 0) {
            remove_folder(name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
        rmdir(path);
    }
}

void write_text(const struct scene *scene, const char *name, const char *text) {
    char path[2 * PATH];
    path_of(scene, name, path);
    assert_int_equal(hs_file_write(path, text, strlen(text), NULL), HEADSIFT_OK);
}

void fresh(struct scene *scene, const char *name) {
    test_scratch(scene->folder, sizeof scene->folder, name);
    remove_folder(scene->folder);
    assert_int_equal(hs_make_directory(scene->folder, NULL), HEADSIFT_OK);
}

static void keep_log(void *user, headsift_log_level level, const char *line) {
    struct scene *scene = user;
    (void)level;
    hs_buffer_append(&scene->log, line, strlen(line));
    hs_buffer_append(&scene->log, "\n", 1);
}

static void stop_in_time(void *user, const headsift_progress *progress) {
    struct scene *scene = user;
    assert_string_equal(progress->stage, "score");
    assert_true(progress->share >= 0 && progress->share <= 1);
    assert_true(progress->share >= scene->last.share && progress->documents >= scene->last.documents &&
                progress->tokens >= scene->last.tokens);
    if (scene->calls == 0) {
        scene->first = *progress;
    }
    scene->last = *progress;
    scene->calls++;
    scene->stop = scene->stop_after > 0 && progress->documents >= scene->stop_after;
}

size_t length_of(size_t i) { return i % 400 == 399 ? 2500 : i * 37 % 90 + 2; }

void text_of(size_t i, char *out) {
    for (size_t at = 0; at < length_of(i); at++) {
        out[at] = (char)('a' + (int)((at * at + i * 31 + at / 7 + i * at) % 25));
    }
    if (i == 700) {
        out[3] = 'z';
    }
    out[length_of(i)] = '\0';
}

void append_record(struct hs_buffer *out, size_t i) {
    char text[4096];
    text_of(i, text);
    assert_true(hs_buffer_printf(out, "{\"id\":\"d%zu\",\"domain\":\"m%zu\",\"text\":\"%s\"}\n", i, i % 3, text));
}

void write_many(const struct scene *scene, const char *name, size_t first, size_t n) {
    struct hs_buffer lines = {0};
    for (size_t i = first; i < first + n; i++) {
        append_record(&lines, i);
    }
    write_text(scene, name, n > 0 ? lines.data : "");
    hs_buffer_free(&lines);
}

/* One call over a space-separated list of the folder's files, into its folder "out". */
headsift_status score(struct scene *scene, const char *names, headsift_inputs inputs,
                      const headsift_score_options *options, bool overwrite) {
    static char room[8][2 * PATH];
    const char *paths[8];
    char list[LINE], out[2 * PATH];
    snprintf(list, sizeof list, "%s", names);
    for (char *word = strtok(list, " "); word != NULL; word = strtok(NULL, " ")) {
        path_of(scene, word, room[inputs.n_paths]);
        paths[inputs.n_paths] = room[inputs.n_paths];
        inputs.n_paths++;
    }
    inputs.paths = paths;
    path_of(scene, "out", out);
    headsift_monitor monitor = {keep_log, stop_in_time, scene, &scene->stop};
    scene->error = (headsift_error){0};
    scene->last = (headsift_progress){0};
    scene->calls = 0;
    scene->log.size = 0;
    hs_buffer_append(&scene->log, "", 0);
    return headsift_score_files(scene->model, tiny_heads(), options, &inputs, out, overwrite, &monitor, &scene->summary,
                                &scene->error);
}

headsift_status simple(struct scene *scene, const char *names) {
    return score(scene, names, (headsift_inputs){0}, NULL, false);
}

/* The first value of a query in which each @ stands for the folder. */
const char *ask(const struct scene *scene, const char *query) {
    static char answer[LINE];
    struct hs_buffer text = {0};
    struct hs_sql sql;
    const char *const paths[] = {scene->folder};
    headsift_error error = {0};
    duckdb_result result;
    for (const char *at = query; *at != '\0'; at++) {
        hs_buffer_append(&text, *at == '@' ? scene->folder : at, *at == '@' ? strlen(scene->folder) : 1);
    }
    headsift_status status = hs_sql_open(&(struct hs_sql_options){.paths = paths, .n_paths = 1}, &sql, &error);
    if (status != HEADSIFT_OK || hs_sql_run(&sql, text.data, &result, &error) != HEADSIFT_OK) {
        fail_msg("%s: %s", text.data, error.message);
    }
    char *value = duckdb_row_count(&result) > 0 ? duckdb_value_varchar(&result, 0, 0) : NULL;
    snprintf(answer, sizeof answer, "%s", value != NULL ? value : "NULL");
    duckdb_free(value);
    duckdb_destroy_result(&result);
    hs_sql_close(&sql);
    hs_buffer_free(&text);
    return answer;
}

struct hs_buffer bytes_of(const struct scene *scene, const char *name) {
    char path[2 * PATH];
    struct hs_buffer bytes = {0};
    path_of(scene, name, path);
    assert_int_equal(hs_file_read(path, 1 << 24, &bytes, NULL), HEADSIFT_OK);
    return bytes;
}

void assert_same_bytes(const struct scene *scene, const char *name, struct hs_buffer *before) {
    struct hs_buffer now = bytes_of(scene, name);
    assert_int_equal(now.size, before->size);
    assert_memory_equal(now.data, before->data, now.size);
    hs_buffer_free(&now);
    hs_buffer_free(before);
}

void remove_file(const struct scene *scene, const char *name) {
    char path[2 * PATH];
    path_of(scene, name, path);
    assert_int_equal(unlink(path), 0);
}

int scene_set_up(void **state) {
    static struct scene scene;
    scene.model = tiny_scorer(false);
    *state = &scene;
    return 0;
}

int scene_tear_down(void **state) {
    struct scene *scene = *state;
    headsift_model_close(scene->model);
    hs_buffer_free(&scene->log);
    return 0;
}
