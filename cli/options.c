/* Command line and environment to struct cli_values, for any command's flags.
 * Unknown flags are caught before argp, which then formats the help and walks the rest. */
#define _GNU_SOURCE
#include "options.h"

#include <argp.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { KEY_BASE = 0x1000 }; /* argp keys of flags without a letter */

/* One parse. */
struct parsing {
    const struct cli_command *command;
    const struct cli_flag *flags[CLI_MAX_FLAGS];
    bool given[CLI_MAX_FLAGS];
    size_t n;
    struct cli_values *values;
    headsift_error *error;
    headsift_status status;
};

static void gather(struct parsing *parsing) {
    for (const struct cli_flag *const *group = parsing->command->groups; *group != NULL; group++) {
        for (const struct cli_flag *flag = *group; flag->help != NULL && parsing->n < CLI_MAX_FLAGS - 1; flag++) {
            parsing->flags[parsing->n++] = flag;
        }
    }
}

/* A flag that excludes flag `at` and was given already, or NULL. */
static const struct cli_flag *given_rival(const struct parsing *parsing, size_t at) {
    const struct cli_flag *flag = parsing->flags[at];
    for (size_t i = 0; flag->exclusive != 0 && i < parsing->n; i++) {
        if (i != at && parsing->flags[i]->exclusive == flag->exclusive && parsing->given[i]) {
            return parsing->flags[i];
        }
    }
    return NULL;
}

static headsift_status set_flag(struct parsing *parsing, size_t at, const char *text, const char *source) {
    const struct cli_flag *flag = parsing->flags[at], *rival = given_rival(parsing, at);
    if (rival != NULL) {
        return hs_fail(parsing->error, HEADSIFT_USAGE, "--%s and --%s exclude each other; give one of them",
                       rival->name, flag->name);
    }
    parsing->given[at] = true;
    return cli_set(flag, text, source, parsing->values, parsing->error);
}

/* A variable holds a list as words between blanks or line breaks. */
static headsift_status set_words(struct parsing *parsing, size_t at, const char *text, const char *source) {
    static const char blanks[] = " \t\n\r";
    for (text += strspn(text, blanks); *text != '\0'; text += strspn(text, blanks)) {
        size_t size = strcspn(text, blanks);
        char *word = hs_copy_bytes(text, size);
        headsift_status status =
            word != NULL ? set_flag(parsing, at, word, source) : hs_fail_memory(parsing->error, "a list", size);
        hs_free(word);
        HS_TRY(status);
        text += size;
    }
    return HEADSIFT_OK;
}

/* Flags that the command line did not give, nor a rival of theirs. */
static headsift_status read_environment(struct parsing *parsing) {
    bool wanted[CLI_MAX_FLAGS];
    for (size_t i = 0; i < parsing->n; i++) {
        wanted[i] = !parsing->given[i] && given_rival(parsing, i) == NULL;
    }
    for (size_t i = 0; i < parsing->n; i++) {
        if (!wanted[i] || parsing->flags[i]->name == NULL) {
            continue;
        }
        char name[64];
        int size = snprintf(name, sizeof name, "HEADSIFT_%s", parsing->flags[i]->name);
        for (int at = 0; at < size; at++) {
            name[at] = name[at] == '-' ? '_' : (char)toupper((unsigned char)name[at]);
        }
        const char *text = getenv(name);
        if (text != NULL && text[0] != '\0') {
            HS_TRY(parsing->flags[i]->kind == CLI_LIST ? set_words(parsing, i, text, name)
                                                       : set_flag(parsing, i, text, name));
        }
    }
    return HEADSIFT_OK;
}

static const struct cli_flag *find_long(const struct parsing *parsing, const char *name, size_t size) {
    static const struct cli_flag own[] = {{.name = "help"}, {.name = "usage"}, {.name = "version"}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strlen(own[i].name) == size && memcmp(own[i].name, name, size) == 0) {
            return &own[i];
        }
    }
    for (size_t i = 0; i < parsing->n; i++) {
        const struct cli_flag *flag = parsing->flags[i];
        if (flag->name != NULL && strlen(flag->name) == size && memcmp(flag->name, name, size) == 0) {
            return flag;
        }
    }
    return NULL;
}

static const struct cli_flag *find_letter(const struct parsing *parsing, char letter) {
    static const struct cli_flag own = {.name = "help"};
    if (strchr("?V", letter) != NULL) {
        return &own;
    }
    for (size_t i = 0; i < parsing->n; i++) {
        if (parsing->flags[i]->letter == letter) {
            return parsing->flags[i];
        }
    }
    return NULL;
}

static headsift_status unknown_flag(const struct parsing *parsing, const char *typed, size_t size) {
    const char *names[CLI_MAX_FLAGS];
    size_t n = 0;
    for (size_t i = 0; i < parsing->n; i++) {
        if (parsing->flags[i]->name != NULL) {
            names[n++] = parsing->flags[i]->name;
        }
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(size < 60 ? size : 60), typed);
    const char *meant = strncmp(name, "--", 2) == 0 ? cli_closest(name + 2, names, n) : NULL;
    return hs_fail(parsing->error, HEADSIFT_USAGE, "%s has no flag %s%s%s%s; see headsift %s --help",
                   parsing->command->name, name, meant != NULL ? " (did you mean --" : "", meant != NULL ? meant : "",
                   meant != NULL ? "?)" : "", parsing->command->name);
}

static headsift_status needs_value(const struct parsing *parsing, const struct cli_flag *flag) {
    return hs_fail(parsing->error, HEADSIFT_USAGE, "--%s needs a value: --%s %s", flag->name, flag->name, flag->value);
}

/* Checks one argument that begins with "--". *skip: the next argument is its value. */
static headsift_status check_long(const struct parsing *parsing, const char *argument, bool last, bool *skip) {
    size_t size = strcspn(argument, "=");
    const struct cli_flag *flag = find_long(parsing, argument + 2, size - 2);
    if (flag == NULL) {
        return unknown_flag(parsing, argument, size);
    }
    bool inline_value = argument[size] == '=';
    if (flag->value == NULL && inline_value) {
        return hs_fail(parsing->error, HEADSIFT_USAGE, "--%s takes no value", flag->name);
    }
    *skip = flag->value != NULL && flag->alone == NULL && !inline_value;
    return *skip && last ? needs_value(parsing, flag) : HEADSIFT_OK;
}

/* The same for letters: "-qv", "-j4", "-j 4". */
static headsift_status check_letters(const struct parsing *parsing, const char *argument, bool last, bool *skip) {
    for (size_t i = 1; argument[i] != '\0'; i++) {
        const struct cli_flag *flag = find_letter(parsing, argument[i]);
        if (flag == NULL) {
            char typed[] = {'-', argument[i], '\0'};
            return unknown_flag(parsing, typed, 2);
        }
        if (flag->value != NULL) {
            *skip = argument[i + 1] == '\0';
            return *skip && last ? needs_value(parsing, flag) : HEADSIFT_OK;
        }
    }
    return HEADSIFT_OK;
}

/* Every argument that looks like a flag must be one, spelled in full. */
static headsift_status check_flags(const struct parsing *parsing, int argc, char **argv) {
    static char help[] = "--help";
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        bool skip = false;
        if (strcmp(argv[i], "-h") == 0) {
            argv[i] = help;
        }
        if (strncmp(argv[i], "--", 2) == 0) {
            HS_TRY(check_long(parsing, argv[i], i + 1 == argc, &skip));
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            HS_TRY(check_letters(parsing, argv[i], i + 1 == argc, &skip));
        }
        i += skip;
    }
    return HEADSIFT_OK;
}

static error_t take_argument(struct parsing *parsing, char *argument) {
    if (parsing->values->n_arguments >= parsing->command->most) {
        parsing->status =
            hs_fail(parsing->error, HEADSIFT_USAGE, "%s does not know what to do with %s; see headsift %s --help",
                    parsing->command->name, argument, parsing->command->name);
        return EINVAL;
    }
    parsing->values->arguments[parsing->values->n_arguments++] = argument;
    return 0;
}

static error_t on_key(int key, char *text, struct argp_state *state) {
    struct parsing *parsing = state->input;
    if (key == ARGP_KEY_ARG) {
        return take_argument(parsing, text);
    }
    for (size_t i = 0; i < parsing->n; i++) {
        const struct cli_flag *flag = parsing->flags[i];
        int own = flag->letter != 0 ? flag->letter : KEY_BASE + (int)i;
        if (flag->kind != CLI_HEADER && key == own) {
            char source[64];
            snprintf(source, sizeof source, "--%s", flag->name);
            parsing->status = set_flag(parsing, i, text != NULL ? text : flag->alone, source);
            return parsing->status == HEADSIFT_OK ? 0 : EINVAL;
        }
    }
    return ARGP_ERR_UNKNOWN;
}

static void print_version(FILE *stream, struct argp_state *state) {
    (void)state;
    fprintf(stream, "headsift %s\n", HEADSIFT_VERSION);
}

static headsift_status walk(struct parsing *parsing, int argc, char **argv) {
    struct argp_option table[CLI_MAX_FLAGS] = {0};
    for (size_t i = 0; i < parsing->n; i++) {
        const struct cli_flag *flag = parsing->flags[i];
        bool header = flag->kind == CLI_HEADER;
        table[i] = (struct argp_option){.name = flag->name,
                                        .key = header              ? 0
                                               : flag->letter != 0 ? flag->letter
                                                                   : KEY_BASE + (int)i,
                                        .arg = flag->value,
                                        .flags = flag->alone != NULL ? OPTION_ARG_OPTIONAL : 0,
                                        .doc = flag->help};
    }
    char program[64];
    snprintf(program, sizeof program, "headsift %s", parsing->command->name);
    argv[0] = program;
    argp_program_version_hook = print_version;
    struct argp argp = {table, on_key, parsing->command->arguments, parsing->command->summary, NULL, NULL, NULL};
    error_t failed = argp_parse(&argp, argc, argv, 0, NULL, parsing);
    if (parsing->status != HEADSIFT_OK) {
        return parsing->status;
    }
    return failed == 0
               ? HEADSIFT_OK
               : hs_fail(parsing->error, HEADSIFT_USAGE, "wrong flags; see headsift %s --help", parsing->command->name);
}

headsift_status cli_parse(const struct cli_command *command, int argc, char **argv, struct cli_values *values,
                          headsift_error *error) {
    struct parsing parsing = {.command = command, .values = values, .error = error};
    *values = (struct cli_values){.shots = -1, .show = -1, .rank = -1, .draws = -1};
    values->arguments = hs_alloc((size_t)argc, sizeof *values->arguments);
    if (values->arguments == NULL) {
        return hs_fail_memory(error, "the arguments", (size_t)argc * sizeof *values->arguments);
    }
    gather(&parsing);
    HS_TRY(check_flags(&parsing, argc, argv));
    HS_TRY(walk(&parsing, argc, argv));
    HS_TRY(read_environment(&parsing));
    if (values->n_arguments < command->least) {
        return hs_fail(error, HEADSIFT_USAGE, "%s needs %s; see headsift %s --help", command->name, command->arguments,
                       command->name);
    }
    return HEADSIFT_OK;
}
