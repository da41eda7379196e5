/* The text, prompt, id and domain columns as the user named them, and domains that come from the file's name or folder.
 * A folder that is written as "." or ".." is looked up, so that its name is a real one. */
#define _GNU_SOURCE
#include "corpus/columns.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *const flags[HS_ROLES] = {"--text", "--prompt", "--id", "--domain"};
static const char *const defaults[HS_ROLES] = {"text", NULL, "id", "domain"};

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* The name of the folder that holds the file; NULL when there is no memory. */
static char *folder_name(const char *path) {
    size_t size = (size_t)(base_name(path) - path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    char *folder = size > 0 ? hs_copy_bytes(path, size) : hs_copy_string(".");
    if (folder == NULL) {
        return NULL;
    }
    const char *name = base_name(folder);
    char *real = NULL;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        real = realpath(folder, NULL);
        name = real != NULL ? base_name(real) : name;
    }
    char *copy = hs_copy_string(name);
    free(real);
    hs_free(folder);
    return copy;
}

/* Sets fixed_domain for a rule that begins with '='. */
static bool fix_domain(const char *rule, const char *path, struct hs_columns *columns) {
    if (strcmp(rule, "=FILE") == 0) {
        columns->fixed_domain = hs_copy_string(base_name(path));
    } else if (strcmp(rule, "=DIR") == 0) {
        columns->fixed_domain = folder_name(path);
    } else {
        columns->fixed_domain = hs_copy_string(rule + 1);
    }
    return columns->fixed_domain != NULL;
}

headsift_status hs_columns_check(const headsift_inputs *inputs, headsift_error *error) {
    bool prompt = inputs->prompt != NULL, response = inputs->response != NULL;
    if (prompt != response) {
        return hs_fail(error, HEADSIFT_USAGE, "%s needs %s: give both columns, or --text alone",
                       prompt ? "--prompt" : "--response", prompt ? "--response" : "--prompt");
    }
    if (prompt && strcmp(inputs->prompt, inputs->response) == 0) {
        return hs_fail(error, HEADSIFT_USAGE, "--prompt and --response both name \"%s\": they are two columns",
                       inputs->prompt);
    }
    return HEADSIFT_OK;
}

const char *hs_columns_flag(const struct hs_columns *columns, enum hs_role role) {
    return role == HS_ROLE_TEXT && columns->names[HS_ROLE_PROMPT] != NULL ? "--response" : flags[role];
}

headsift_status hs_columns_init(const headsift_inputs *inputs, const char *path, struct hs_columns *columns,
                                headsift_error *error) {
    *columns = (struct hs_columns){0};
    HS_TRY(hs_columns_check(inputs, error));
    const char *text = inputs->response != NULL ? inputs->response : inputs->text;
    const char *const given[HS_ROLES] = {text, inputs->prompt, inputs->id, inputs->domain};
    for (int role = 0; role < HS_ROLES; role++) {
        if (role == HS_ROLE_PROMPT && given[role] == NULL) {
            continue;
        }
        if (role == HS_ROLE_DOMAIN && given[role] != NULL && given[role][0] == '=') {
            if (!fix_domain(given[role], path, columns)) {
                return hs_fail_memory(error, path, strlen(path));
            }
            continue;
        }
        columns->required[role] = given[role] != NULL || role == HS_ROLE_TEXT;
        columns->names[role] = hs_copy_string(given[role] != NULL ? given[role] : defaults[role]);
        if (columns->names[role] == NULL) {
            return hs_fail_memory(error, path, strlen(path));
        }
    }
    return HEADSIFT_OK;
}

void hs_columns_free(struct hs_columns *columns) {
    for (int role = 0; role < HS_ROLES; role++) {
        hs_free(columns->names[role]);
    }
    hs_free(columns->fixed_domain);
    *columns = (struct hs_columns){0};
}

headsift_status hs_columns_missing(const struct hs_columns *columns, enum hs_role role, const char *path,
                                   const struct hs_field *there, size_t n, headsift_error *error) {
    struct hs_buffer list = {0};
    bool ok = true;
    for (size_t i = 0; i < n && list.size < 400 && ok; i++) {
        ok = hs_buffer_printf(&list, "%s", i > 0 ? ", " : "") &&
             hs_buffer_append(&list, there[i].name, there[i].name_size < 100 ? there[i].name_size : 100);
        if (i + 1 < n && list.size >= 400) {
            ok = ok && hs_buffer_printf(&list, ", and %zu more", n - i - 1);
        }
    }
    headsift_status status =
        ok ? hs_fail(error, HEADSIFT_USAGE, "%s has no column \"%s\"; name one of its columns with %s: %s", path,
                     columns->names[role], hs_columns_flag(columns, role), n > 0 ? list.data : "(it has none)")
           : hs_fail_memory(error, path, list.size);
    hs_buffer_free(&list);
    return status;
}
