/* Tests of headsift_probe_write with the demo model: defaults, options that are refused, same seed same bytes,
 * and that nothing half-written is left behind. */
#include "support.h"

#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/scorer.h"
#include "probe/detect.h"
#include "probe/probe.h"

static headsift_model *model;

static int set_up(void **state) {
    (void)state;
    headsift_model_options options = {.path = HS_DEMO_MODEL};
    headsift_error error = {0};
    if (headsift_model_open(&options, NULL, &model, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    headsift_model_close(model);
    return 0;
}

static void write_probe(const char *name, headsift_probe_options options, struct hs_buffer *bytes) {
    char path[512];
    headsift_error error = {0};
    test_scratch(path, sizeof path, name);
    if (headsift_probe_write(model, &options, path, NULL, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(hs_file_read(path, 1 << 28, bytes, NULL), HEADSIFT_OK);
}

static void the_same_seed_gives_the_same_bytes(void **state) {
    (void)state;
    struct hs_buffer a = {0}, b = {0}, more = {0}, other = {0};
    headsift_probe_options options = {.samples = 3, .tokens = 700, .shots = 3, .seed = 42};
    write_probe("write_a.jsonl", options, &a);
    write_probe("write_b.jsonl", options, &b);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    /* The same on every machine. A change of the grammar, the template or the rules changes it, and the changelog. */
    char hex[HS_HASH_HEX];
    assert_int_equal(hs_hash_bytes(a.data, a.size, hex, NULL), HEADSIFT_OK);
    assert_string_equal(hex, "7d01d97f63e5feb2ff6f692366e1aadac8326bddd4561c3b40c360ee2190dc98");
    options.samples = 5;
    write_probe("write_more.jsonl", options, &more);
    assert_true(more.size > a.size);
    assert_memory_equal(a.data, more.data, a.size); /* more samples only add to it */
    options.seed = 43;
    write_probe("write_other.jsonl", options, &other);
    assert_memory_not_equal(a.data, other.data, a.size);
    hs_buffer_free(&a);
    hs_buffer_free(&b);
    hs_buffer_free(&more);
    hs_buffer_free(&other);
}

static void defaults_are_full_samples_that_read_back(void **state) {
    (void)state;
    struct hs_buffer bytes = {0};
    struct hs_probe probe;
    struct hs_sample *samples;
    headsift_error error = {0};
    char path[512];
    write_probe("write_default.jsonl", (headsift_probe_options){.samples = 4, .shots = -1}, &bytes);
    hs_buffer_free(&bytes);
    test_scratch(path, sizeof path, "write_default.jsonl");
    if (hs_probe_load(path, &probe, &error) != HEADSIFT_OK ||
        hs_samples_encode(model, &probe, path, &samples, &error) != HEADSIFT_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(probe.n, 4);
    for (size_t i = 0; i < probe.n; i++) {
        assert_in_range(samples[i].n, 4096 - 80, 4096);
        assert_in_range(samples[i].n - samples[i].n_prompt, 8, 30);
        assert_true(samples[i].value.last > samples[i].value.first);
        size_t questions = 0;
        for (const char *at = probe.rows[i].text; (at = strstr(at, "\nQuestion: ")) != NULL; at++) {
            questions++;
        }
        assert_int_equal(questions, 4);
    }
    hs_samples_free(samples, probe.n);
    hs_probe_free(&probe);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    static const struct {
        headsift_probe_options options;
        const char *message;
        headsift_status status;
    } cases[] = {
        {{.samples = -1}, "--samples", HEADSIFT_USAGE},
        {{.tokens = -5}, "--probe-tokens", HEADSIFT_USAGE},
        {{.tokens = 1 << 30}, "the model's context", HEADSIFT_USAGE},
        {{.shots = 100000}, "--shots", HEADSIFT_USAGE},
        {{.tokens = 60, .shots = 3}, "at least", HEADSIFT_USAGE},
        {{.sentences = "no/such/file"}, "no/such/file", HEADSIFT_FAILED},
        {{.template_path = "no/such/file"}, "no/such/file", HEADSIFT_FAILED},
    };
    char path[512];
    test_scratch(path, sizeof path, "write_refused.jsonl");
    unlink(path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        headsift_error error = {0};
        assert_int_equal(headsift_probe_write(model, &cases[i].options, path, NULL, &error), cases[i].status);
        if (strstr(error.message, cases[i].message) == NULL) {
            fail_msg("\"%s\" does not say %s", error.message, cases[i].message);
        }
        assert_false(hs_file_exists(path));
    }
}

static void another_language_is_in_prompt_and_values(void **state) {
    (void)state;
    struct hs_buffer bytes = {0}, own = {0};
    headsift_probe_options options = {.samples = 2, .tokens = 700, .shots = 1, .language = HEADSIFT_LANGUAGE_SPANISH};
    write_probe("write_spanish.jsonl", options, &bytes);
    assert_non_null(strstr(bytes.data, "Busca la clave"));
    assert_non_null(strstr(bytes.data, "Pregunta: "));
    assert_null(strstr(bytes.data, "Answer:"));
    assert_null(strstr(bytes.data, " the "));
    char hex[HS_HASH_HEX], path[512];
    assert_int_equal(hs_hash_bytes(bytes.data, bytes.size, hex, NULL), HEADSIFT_OK);
    assert_string_equal(hex, "effd56b3b2ddab61a7b023528676c699222dd67df7ac8ff9713e6ce9b54be8d2");
    test_scratch(path, sizeof path, "write_template.json");
    static const char words[] = "{\"instruction\": \"Find.\", \"question\": \"Q \", \"answer\": \"A:\"}";
    assert_int_equal(hs_file_write(path, words, sizeof words - 1, NULL), HEADSIFT_OK);
    options.template_path = path; /* a file wins */
    write_probe("write_template.jsonl", options, &own);
    assert_null(strstr(own.data, "Pregunta"));
    assert_non_null(strstr(own.data, "Find."));
    hs_buffer_free(&own);
    hs_buffer_free(&bytes);
}

static void template_and_sentences_are_used(void **state) {
    (void)state;
    static const char template[] =
        "{\"instruction\": \"Gib den Wert aus.\\nSonst nichts.\", \"question\": \"Frage: \", \"answer\": \"Antwort:\"}";
    char template_path[512], sentences_path[512];
    struct hs_buffer text = {0}, bytes = {0};
    for (int i = 0; i < 60; i++) {
        assert_true(hs_buffer_printf(&text,
                                     "Satz Nummer %d steht h\xC3\xBC"
                                     "bsch in dieser Datei.\n",
                                     i));
    }
    test_scratch(template_path, sizeof template_path, "write_template.json");
    test_scratch(sentences_path, sizeof sentences_path, "write_sentences.txt");
    assert_int_equal(hs_file_write(template_path, template, sizeof template - 1, NULL), HEADSIFT_OK);
    assert_int_equal(hs_file_write(sentences_path, text.data, text.size, NULL), HEADSIFT_OK);
    write_probe(
        "write_template.jsonl",
        (headsift_probe_options){
            .samples = 1, .tokens = 900, .shots = 1, .sentences = sentences_path, .template_path = template_path},
        &bytes);
    assert_memory_equal(bytes.data, "{\"prompt\": \"Gib den Wert aus.\\nSonst nichts.\\n{", 47);
    assert_non_null(strstr(bytes.data, "\\nFrage: "));
    assert_non_null(strstr(bytes.data, "\\nAntwort:\", \"answer\": \" Satz Nummer "));
    assert_null(strstr(bytes.data, "Question"));
    hs_buffer_free(&text);
    hs_buffer_free(&bytes);
}

static void sentences_of_an_array_are_used(void **state) {
    (void)state;
    enum { N = 50 };
    const char *sentences[N];
    char lines[N][64], path[512];
    for (int i = 0; i < N; i++) {
        snprintf(lines[i], sizeof lines[i], "Line number %d stands in an array of ours.", i);
        sentences[i] = lines[i];
    }
    headsift_probe_options options = {.samples = 2, .tokens = 600, .shots = 1};
    headsift_error error = {0};
    test_scratch(path, sizeof path, "write_array.jsonl");
    assert_true(N >= hs_probe_sentences_needed(600));
    assert_int_equal(hs_probe_write_sentences(model, &options, sentences, N, "the documents", path, NULL, &error),
                     HEADSIFT_OK);
    struct hs_buffer bytes = {0};
    assert_int_equal(hs_file_read(path, 1 << 20, &bytes, NULL), HEADSIFT_OK);
    assert_non_null(strstr(bytes.data, "\"answer\": \" Line number "));
    hs_buffer_free(&bytes);
    assert_int_equal(hs_probe_write_sentences(model, &options, sentences, 5, "the documents", path, NULL, &error),
                     HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "the documents: 5 usable sentences"));
}

struct seen {
    volatile sig_atomic_t stop;
    int steps;
};

static void stop_at_the_second(void *user, const headsift_progress *progress) {
    struct seen *seen = user;
    assert_string_equal(progress->stage, "probe");
    seen->stop = progress->documents == 2;
    seen->steps++;
}

static void a_stop_leaves_nothing(void **state) {
    (void)state;
    struct seen seen = {0};
    headsift_monitor monitor = {.progress = stop_at_the_second, .user = &seen, .stop = &seen.stop};
    headsift_probe_options options = {.samples = 9, .tokens = 600, .shots = 2};
    headsift_error error = {0};
    char path[512], pattern[600];
    test_scratch(path, sizeof path, "write_stopped.jsonl");
    snprintf(pattern, sizeof pattern, "%s*", path);
    assert_int_equal(headsift_probe_write(model, &options, path, &monitor, &error), HEADSIFT_STOPPED);
    assert_int_equal(seen.steps, 2);
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), GLOB_NOMATCH);
}

static void a_missing_folder_is_named(void **state) {
    (void)state;
    headsift_probe_options options = {.samples = 2, .tokens = 600, .shots = 2};
    headsift_error error = {0};
    assert_int_equal(headsift_probe_write(model, &options, "no/such/folder/p.jsonl", NULL, &error), HEADSIFT_FAILED);
    assert_non_null(strstr(error.message, "no/such/folder/p.jsonl"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(defaults_are_full_samples_that_read_back),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(another_language_is_in_prompt_and_values),
        cmocka_unit_test(template_and_sentences_are_used),
        cmocka_unit_test(sentences_of_an_array_are_used),
        cmocka_unit_test(a_stop_leaves_nothing),
        cmocka_unit_test(a_missing_folder_is_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
