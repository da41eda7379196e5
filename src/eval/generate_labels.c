/* In-context classification: sentences of a small grammar by topic, each topic with a made-up label.
 * Labels are drawn anew for each item, so that only the examples in the context tell which topic is which. */
#include <string.h>

#include "eval/generate.h"

enum { NOUNS = 8, VERBS = 6, PLACES = 6, TOPICS = 8 };

static const struct topic {
    const char *nouns[NOUNS], *verbs[VERBS], *places[PLACES];
} topics[TOPICS] = {
    {{"fox", "horse", "rabbit", "owl", "turtle", "goat", "heron", "badger"},
     {"sleeps", "hides", "listens", "waits", "drinks", "rests"},
     {"in the forest", "by the river", "under a tree", "behind the barn", "on the meadow", "near its nest"}},
    {{"cook", "baker", "stew", "soup", "dough", "kettle", "sauce", "oven"},
     {"simmers", "steams", "bubbles", "cools", "smells good", "gets warm"},
     {"in the kitchen", "on the stove", "beside the plates", "next to the salt", "under a lid", "before dinner"}},
    {{"storm", "rain", "fog", "snow", "wind", "hail", "thunder", "frost"},
     {"arrives", "grows stronger", "passes", "comes back", "fades", "settles"},
     {"over the hills", "from the north", "during the night", "along the coast", "before dawn", "late in autumn"}},
    {{"train", "bus", "ferry", "tram", "driver", "pilot", "passenger", "taxi"},
     {"departs", "is late", "stops", "turns around", "arrives early", "leaves again"},
     {"at the station", "near the airport", "at the border", "on the bridge", "at platform nine", "by the harbour"}},
    {{"violin", "choir", "drummer", "singer", "piano", "flute", "band", "cello"},
     {"plays softly", "rehearses", "sounds clear", "begins a song", "is out of tune", "performs"},
     {"on the stage", "in the concert hall", "after the overture", "for the audience", "in a minor key",
      "during the encore"}},
    {{"runner", "goalkeeper", "swimmer", "team", "coach", "striker", "referee", "cyclist"},
     {"trains hard", "wins", "loses", "warms up", "scores", "takes a break"},
     {"in the stadium", "before the match", "at the finish line", "in the second half", "on the track",
      "during the final"}},
    {{"doctor", "nurse", "patient", "surgeon", "dentist", "bandage", "fever", "vaccine"},
     {"helps", "is checked", "gets better", "is noted down", "is discussed", "needs time"},
     {"in the hospital", "at the clinic", "after the operation", "in the waiting room", "during the visit",
      "on the ward"}},
    {{"banker", "loan", "invoice", "salary", "broker", "budget", "account", "tax"},
     {"is reviewed", "is approved", "goes up", "is due", "is counted", "is delayed"},
     {"at the bank", "before the audit", "in the last quarter", "with interest", "after the merger", "on the market"}},
};

static const char *draw(struct hs_random *random, const char *const *words, size_t n) {
    return words[hs_random_below(random, n)];
}

static void write_sentence(struct hs_random *random, const struct topic *topic, char out[128]) {
    const char *noun = draw(random, topic->nouns, NOUNS), *verb = draw(random, topic->verbs, VERBS);
    snprintf(out, 128, "The %s %s %s.", noun, verb, draw(random, topic->places, PLACES));
}

struct item {
    size_t classes, examples;
    size_t topics[TOPICS];         /* of the classes: the first `classes` ones */
    struct hs_word labels[TOPICS]; /* likewise */
};

/* A sentence that the context does not hold yet. */
static void write_new(struct hs_random *random, const struct topic *topic, const struct hs_buffer *context,
                      char out[128]) {
    do {
        write_sentence(random, topic, out);
    } while (context->size > 0 && strstr(context->data, out) != NULL);
}

static bool append_examples(struct hs_random *random, const struct item *item, struct hs_buffer *context) {
    size_t *order = hs_alloc(item->examples, sizeof *order);
    bool ok = order != NULL;
    if (ok) {
        hs_shuffled(random, order, item->examples);
    }
    for (size_t i = 0; ok && i < item->examples; i++) {
        size_t class = order[i] % item->classes;
        char sentence[128];
        write_new(random, &topics[item->topics[class]], context, sentence);
        ok = hs_buffer_printf(context, "Text: %s\nLabel: %s\n\n", sentence, item->labels[class].text);
    }
    hs_free(order);
    return ok;
}

static bool set_choices(const struct item *drawn, size_t right, struct hs_item *item) {
    bool ok = hs_texts_make(drawn->classes, &item->choices, &item->n_choices);
    for (size_t i = 0; ok && i < drawn->classes; i++) {
        size_t class = i == 0 ? right : i == right ? 0 : i;
        ok = HS_JOIN(&item->choices[i], hs_view(" "), hs_view(drawn->labels[class].text));
    }
    return ok;
}

static bool make_labels(const int64_t *settings, struct hs_random *random, struct hs_item *item) {
    struct item drawn = {.classes = (size_t)settings[HS_SET_CLASSES], .examples = (size_t)settings[HS_SET_EXAMPLES]};
    struct hs_buffer context = {0};
    char sentence[128];
    hs_shuffled(random, drawn.topics, TOPICS);
    hs_words_make(random, 2, drawn.labels, drawn.classes);
    bool ok = append_examples(random, &drawn, &context);
    if (ok) {
        size_t right = (size_t)hs_random_below(random, drawn.classes);
        write_new(random, &topics[drawn.topics[right]], &context, sentence);
        ok = hs_buffer_printf(&context, "Text: %s\nLabel:", sentence) && set_choices(&drawn, right, item);
    }
    hs_text_take(&item->context, &context);
    return ok;
}

const struct hs_generator hs_generate_labels = {
    .name = "labels",
    .make = make_labels,
    .match = HS_MATCH_EXACT,
    .settings = {{HS_SET_CLASSES, 4, 2, TOPICS}, {HS_SET_EXAMPLES, 16, 2, 128}},
};
