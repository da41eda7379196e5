/* Generated tasks: settings out of a spec, items one by one, each from random numbers of its own.
 * Item i is the same whatever the number of items. */
#include "eval/generate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

static const struct hs_generator *const generators[] = {&hs_generate_kv, &hs_generate_induction, &hs_generate_labels,
                                                        &hs_generate_arithmetic, &hs_generate_variables};
enum { N_GENERATORS = sizeof generators / sizeof *generators, OWN_SETTINGS = 5, DEFAULT_ITEMS = 200 };
enum { MOST_ITEMS = 100000, ANSWER_TOKENS = 24 };

static const char *const setting_names[HS_SETTINGS] = {
    [HS_SET_ITEMS] = "items",     [HS_SET_FORM] = "form",         [HS_SET_CHOICES] = "choices",
    [HS_SET_PAIRS] = "pairs",     [HS_SET_DIGITS] = "digits",     [HS_SET_WORDS] = "words",
    [HS_SET_CLASSES] = "classes", [HS_SET_EXAMPLES] = "examples", [HS_SET_OPERATION] = "operation",
    [HS_SET_CHAINS] = "chains",   [HS_SET_HOPS] = "hops",
};
static const char *const forms[] = {"choice", "generate", "loss", NULL};
static const char *const operations[] = {"add", "subtract", "both", NULL};

struct settings {
    int64_t values[HS_SETTINGS];
    bool known[HS_SETTINGS]; /* of this generator */
    int64_t low[HS_SETTINGS], high[HS_SETTINGS];
    uint64_t seed;
    struct hs_view name;
};

static const char *const *words_of(enum hs_setting setting) {
    if (setting == HS_SET_FORM) {
        return forms;
    }
    return setting == HS_SET_OPERATION ? operations : NULL;
}

/* ---- Settings -------------------------------------------------------------------------------------------------- */

static void declare(struct settings *settings, enum hs_setting setting, int64_t usual, int64_t low, int64_t high) {
    settings->known[setting] = true;
    settings->values[setting] = usual;
    settings->low[setting] = low;
    settings->high[setting] = high;
}

static void set_defaults(const struct hs_generator *generator, const struct hs_task_options *options,
                         struct settings *settings) {
    *settings = (struct settings){.seed = options->seed, .name = hs_view(generator->name)};
    declare(settings, HS_SET_ITEMS, DEFAULT_ITEMS, 1, MOST_ITEMS);
    declare(settings, HS_SET_FORM, HS_FORM_CHOICE, HS_FORM_CHOICE, HS_FORM_LOSS);
    for (size_t i = 0; i < OWN_SETTINGS && generator->settings[i].high > 0; i++) {
        declare(settings, generator->settings[i].setting, generator->settings[i].usual, generator->settings[i].low,
                generator->settings[i].high);
    }
}

static headsift_status refuse_setting(const struct hs_generator *generator, const struct settings *settings,
                                      struct hs_view key, headsift_error *error) {
    struct hs_buffer there = {0};
    bool ok = hs_buffer_printf(&there, "name, seed");
    for (size_t i = 0; ok && i < HS_SETTINGS; i++) {
        ok = !settings->known[i] || hs_buffer_printf(&there, ", %s", setting_names[i]);
    }
    headsift_status status = ok ? hs_fail(error, HEADSIFT_USAGE, "the task %s has no setting \"%.*s\": it has %s",
                                          generator->name, (int)(key.size < 60 ? key.size : 60), key.data, there.data)
                                : hs_no_memory(error);
    hs_buffer_free(&there);
    return status;
}

/* Digits only, at most 19. */
static bool read_number(struct hs_view text, uint64_t *out) {
    *out = 0;
    bool good = text.size > 0 && text.size <= 19;
    for (size_t i = 0; good && i < text.size; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '9';
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return good;
}

static bool read_word(struct hs_view text, const char *const *words, int64_t *out) {
    for (int64_t i = 0; words[i] != NULL; i++) {
        if (hs_view_is(text, hs_view(words[i]))) {
            *out = i;
            return true;
        }
    }
    return false;
}

static headsift_status set_value(struct settings *settings, enum hs_setting setting, struct hs_view value,
                                 headsift_error *error) {
    const char *const *words = words_of(setting);
    const char *name = setting_names[setting];
    if (words != NULL) {
        return read_word(value, words, &settings->values[setting])
                   ? HEADSIFT_OK
                   : hs_fail(error, HEADSIFT_USAGE, "%s must be %s, %s or %s", name, words[0], words[1], words[2]);
    }
    uint64_t number;
    bool good = read_number(value, &number) && number >= (uint64_t)settings->low[setting] &&
                number <= (uint64_t)settings->high[setting];
    if (!good) {
        return hs_fail(error, HEADSIFT_USAGE, "%s must be %" PRId64 " to %" PRId64, name, settings->low[setting],
                       settings->high[setting]);
    }
    settings->values[setting] = (int64_t)number;
    return HEADSIFT_OK;
}

static headsift_status take_setting(const struct hs_generator *generator, struct settings *settings, struct hs_view key,
                                    struct hs_view value, headsift_error *error) {
    if (hs_view_is(key, hs_view("name"))) {
        settings->name = value;
        return hs_task_name_good(value) ? HEADSIFT_OK
                                        : hs_fail(error, HEADSIFT_USAGE,
                                                  "a task's name may hold letters, digits, "
                                                  "\".\", \"_\" and \"-\"");
    }
    if (hs_view_is(key, hs_view("seed"))) {
        return read_number(value, &settings->seed)
                   ? HEADSIFT_OK
                   : hs_fail(error, HEADSIFT_USAGE, "seed must be a whole number of at most 19 digits");
    }
    for (size_t i = 0; i < HS_SETTINGS; i++) {
        if (settings->known[i] && hs_view_is(key, hs_view(setting_names[i]))) {
            return set_value(settings, (enum hs_setting)i, value, error);
        }
    }
    return refuse_setting(generator, settings, key, error);
}

static headsift_status check_together(const struct hs_generator *generator, const struct settings *settings,
                                      headsift_error *error) {
    const int64_t *values = settings->values;
    if (generator->no_generate && values[HS_SET_FORM] == HS_FORM_GENERATE) {
        return hs_fail(error, HEADSIFT_USAGE, "the task %s has the forms choice and loss only", generator->name);
    }
    enum hs_setting source = settings->known[HS_SET_PAIRS] ? HS_SET_PAIRS : HS_SET_WORDS;
    if (settings->known[source] && values[HS_SET_CHOICES] > values[source]) {
        return hs_fail(error, HEADSIFT_USAGE, "choices (%" PRId64 ") must not be more than %s (%" PRId64 ")",
                       values[HS_SET_CHOICES], setting_names[source], values[source]);
    }
    if (settings->known[HS_SET_CLASSES] && values[HS_SET_EXAMPLES] < values[HS_SET_CLASSES]) {
        return hs_fail(error, HEADSIFT_USAGE, "examples (%" PRId64 ") must not be fewer than classes (%" PRId64 ")",
                       values[HS_SET_EXAMPLES], values[HS_SET_CLASSES]);
    }
    return HEADSIFT_OK;
}

/* `text` is what stands behind "NAME:". */
static headsift_status read_settings(const struct hs_generator *generator, const char *text, struct settings *settings,
                                     headsift_error *error) {
    while (*text != '\0') {
        size_t size = strcspn(text, ","), key = strcspn(text, "=,");
        struct hs_view value = {text + key + (key < size), size - key - (key < size)};
        HS_TRY(take_setting(generator, settings, (struct hs_view){text, key}, value, error));
        text += size + (text[size] == ',');
    }
    return check_together(generator, settings, error);
}

/* ---- Items ----------------------------------------------------------------------------------------------------- */

/* The right choice stands first so far. */
static bool shuffle_choices(struct hs_random *random, struct hs_item *item) {
    size_t n = item->n_choices;
    size_t *order = hs_alloc(n, sizeof *order);
    struct hs_text *shuffled = hs_alloc(n, sizeof *shuffled);
    bool ok = order != NULL && shuffled != NULL;
    if (ok) {
        hs_shuffled(random, order, n);
        for (size_t i = 0; i < n; i++) {
            shuffled[i] = item->choices[order[i]];
            item->gold = order[i] == 0 ? (int32_t)i : item->gold;
        }
        hs_free(item->choices);
        item->choices = shuffled;
    } else {
        hs_free(shuffled);
    }
    hs_free(order);
    return ok;
}

/* Leaves only the right choice, which stands first. */
static void keep_first(struct hs_item *item) {
    for (size_t i = 1; i < item->n_choices; i++) {
        hs_free(item->choices[i].data);
    }
    item->n_choices = item->n_choices > 0 ? 1 : 0;
}

static bool to_form(enum hs_form form, struct hs_random *random, struct hs_item *item) {
    if (form == HS_FORM_CHOICE) {
        return shuffle_choices(random, item);
    }
    keep_first(item);
    if (form == HS_FORM_LOSS) {
        return true;
    }
    bool ok = hs_texts_make(1, &item->answers, &item->n_answers) &&
              HS_JOIN(&item->answers[0], hs_view_trim(hs_view_of(&item->choices[0])));
    hs_texts_free(item->choices, item->n_choices);
    item->choices = NULL;
    item->n_choices = 0;
    return ok;
}

static bool make_items(const struct hs_generator *generator, const struct settings *settings, struct hs_task *task) {
    uint64_t own = hs_random_at(settings->seed, hs_crc32(0, generator->name, strlen(generator->name)));
    for (size_t i = 0; i < task->n_items; i++) {
        struct hs_random random;
        hs_random_seed(&random, hs_random_at(own, i));
        task->items[i].prefix = -1;
        if (!generator->make(settings->values, &random, &task->items[i]) ||
            !to_form((enum hs_form)settings->values[HS_SET_FORM], &random, &task->items[i])) {
            return false;
        }
    }
    return true;
}

/* The spec with every setting. */
static bool write_source(const struct hs_generator *generator, const struct settings *settings, struct hs_task *task) {
    struct hs_buffer text = {0};
    bool ok = hs_buffer_printf(&text, "%s:", generator->name);
    for (size_t i = 0; ok && i < HS_SETTINGS; i++) {
        const char *const *words = words_of((enum hs_setting)i);
        if (settings->known[i] && words != NULL) {
            ok = hs_buffer_printf(&text, "%s=%s,", setting_names[i], words[settings->values[i]]);
        } else if (settings->known[i]) {
            ok = hs_buffer_printf(&text, "%s=%" PRId64 ",", setting_names[i], settings->values[i]);
        }
    }
    ok = ok && hs_buffer_printf(&text, "seed=%" PRIu64, settings->seed);
    task->source = ok ? hs_copy_bytes(text.data, text.size) : NULL;
    task->name = hs_copy_bytes(settings->name.data, settings->name.size);
    hs_buffer_free(&text);
    return task->source != NULL && task->name != NULL;
}

static bool make_task(const struct hs_generator *generator, struct settings *settings, int64_t limit,
                      struct hs_task *task) {
    static const enum hs_task_kind kinds[] = {HS_TASK_CHOICE, HS_TASK_GENERATE, HS_TASK_LOSS};
    static const char *const stops[] = {"\n", ".", NULL};
    if (limit > 0 && settings->values[HS_SET_ITEMS] > limit) {
        settings->values[HS_SET_ITEMS] = limit;
    }
    task->kind = kinds[settings->values[HS_SET_FORM]];
    task->n_items = (size_t)settings->values[HS_SET_ITEMS];
    task->items = hs_alloc(task->n_items, sizeof *task->items);
    bool ok = task->items != NULL && write_source(generator, settings, task);
    if (ok && task->kind == HS_TASK_GENERATE) {
        struct hs_asked asked;
        ok = hs_asked_generate(&asked, generator->match, ANSWER_TOKENS, stops);
        task->match = asked.match;
        task->most_tokens = asked.most_tokens;
        task->stops = asked.stops;
        task->n_stops = asked.n_stops;
    }
    return ok && make_items(generator, settings, task);
}

/* ---- The spec -------------------------------------------------------------------------------------------------- */

static headsift_status refuse_name(const char *spec, headsift_error *error) {
    struct hs_buffer known = {0};
    bool ok = true;
    for (size_t i = 0; i < N_GENERATORS; i++) {
        ok = ok && hs_buffer_printf(&known, "%s%s", i > 0 ? ", " : "", generators[i]->name);
    }
    headsift_status status = ok ? hs_fail(error, HEADSIFT_USAGE,
                                          "--task %.200s: no such task; give NAME=PATH for a file, or "
                                          "GENERATOR:setting=value,... with one of %s",
                                          spec, known.data)
                                : hs_no_memory(error);
    hs_buffer_free(&known);
    return status;
}

headsift_status hs_task_generate(const char *spec, const struct hs_task_options *options, struct hs_task *out,
                                 headsift_error *error) {
    size_t size = strcspn(spec, ":");
    const struct hs_generator *generator = NULL;
    for (size_t i = 0; i < N_GENERATORS; i++) {
        if (hs_view_is((struct hs_view){spec, size}, hs_view(generators[i]->name))) {
            generator = generators[i];
        }
    }
    if (generator == NULL) {
        return refuse_name(spec, error);
    }
    struct settings settings;
    set_defaults(generator, options, &settings);
    headsift_error reason = {0};
    if (read_settings(generator, spec + size + (spec[size] == ':'), &settings, &reason) != HEADSIFT_OK) {
        return hs_fail(error, reason.status, "--task %.200s: %s", spec, reason.message);
    }
    return make_task(generator, &settings, options->limit, out) ? HEADSIFT_OK : hs_no_memory(error);
}
