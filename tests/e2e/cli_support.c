/* See cli_support.h.
 * Paths of model and data reach the shell as $MODEL, $HEADS and the like. */
#define _GNU_SOURCE
#include "cli_support.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

static const char setting[] = "headsift() { '" HS_COMMAND "' \"$@\"; }\n"
                              "MODEL='" HS_DEMO_MODEL "' DATA='" HS_TEST_DATA "'\n"
                              "HEADS='" HS_TEST_DATA "/goldens/heads.json'\n";

void cli_folder(const char *name) {
    char path[512], line[1200];
    test_scratch(path, sizeof path, name);
    snprintf(line, sizeof line, "rm -rf '%s' && mkdir -p '%s'", path, path);
    assert_int_equal(system(line), 0);
    assert_int_equal(chdir(path), 0);
}

static void read_back(const char *path, struct hs_buffer *out) {
    out->size = 0;
    hs_buffer_append(out, "", 0);
    assert_int_equal(hs_file_read(path, 1 << 26, out, NULL), HEADSIFT_OK);
}

static int exit_code(int state) { return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state); }

const struct cli_output *cli(const char *format, ...) {
    static struct cli_output output;
    char line[4096];
    struct hs_buffer script = {0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert_true(hs_buffer_printf(&script, "exec >.out 2>.err\n%s%s\n", setting, line));
    int state = system(script.data);
    hs_buffer_free(&script);
    output.code = exit_code(state);
    read_back(".out", &output.out);
    read_back(".err", &output.err);
    return &output;
}

pid_t cli_start(const char *arguments) {
    pid_t child = fork();
    if (child == 0) {
        char line[4096];
        snprintf(line, sizeof line, "%sexec '%s' %s >out 2>err", setting, HS_COMMAND, arguments);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    assert_true(child > 0);
    return child;
}

int cli_wait(pid_t child) {
    int state;
    assert_int_equal(waitpid(child, &state, 0), child);
    return exit_code(state);
}

void assert_code(const struct cli_output *output, int code) {
    if (output->code != code) {
        fail_msg("exit code %d, wanted %d\nstdout: %s\nstderr: %s", output->code, code, output->out.data,
                 output->err.data);
    }
}

size_t count_lines(const struct hs_buffer *text) {
    size_t n = 0;
    for (size_t i = 0; i < text->size; i++) {
        n += text->data[i] == '\n';
    }
    return n;
}

void assert_one_error(const struct cli_output *output, const char *part) {
    bool one = count_lines(&output->err) == 1 && strncmp(output->err.data, "headsift: ", 10) == 0;
    if (!one || strstr(output->err.data, part) == NULL) {
        fail_msg("stderr is not one line about \"%s\": %s", part, output->err.data);
    }
    assert_int_equal(output->out.size, 0);
}
