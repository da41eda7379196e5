/* The built-in English sentences: a small grammar of who did what to what, where, when and why.
 * Its patterns have more than ten thousand million different sentences. Other languages have a file each. */
#include "probe/sentences.h"

static const char *const people[] = {
    "baker",     "carpenter",  "gardener",  "sailor",   "teacher",    "tailor",   "miller",     "painter",
    "librarian", "clockmaker", "fisherman", "shepherd", "musician",   "doctor",   "engineer",   "postman",
    "farmer",    "weaver",     "potter",    "cook",     "translator", "surveyor", "blacksmith", "beekeeper",
    "student",   "merchant",   "pilot",     "nurse",    "judge",      "printer",  "locksmith",  "innkeeper",
    "geologist", "juggler",    "watchman",  "dancer",   "botanist",   "driver",   "stonemason", "chemist",
};

static const char *const qualities[] = {
    "old",     "patient",   "cheerful",    "tired",  "curious",  "young",    "careful", "stubborn",
    "quiet",   "clever",    "honest",      "famous", "retired",  "restless", "polite",  "absent-minded",
    "anxious", "talkative", "left-handed", "tall",   "generous", "hungry",   "grumpy",  "well-travelled",
};

static const char *const deeds[] = {
    "repaired",   "carried",  "sold",     "painted",  "borrowed",  "hid",      "found",     "described",
    "measured",   "cleaned",  "dropped",  "wrapped",  "inspected", "returned", "bought",    "photographed",
    "weighed",    "sketched", "admired",  "forgot",   "polished",  "unpacked", "delivered", "exchanged",
    "discovered", "lost",     "examined", "labelled", "collected", "hung up",  "put away",  "took apart",
};

static const char *const things[] = {
    "a copper kettle",     "a wooden ladder",       "an old map",          "a silver whistle",
    "a basket of pears",   "a broken violin",       "a bundle of letters", "a heavy anchor",
    "a glass lantern",     "a box of candles",      "a torn umbrella",     "a jar of honey",
    "a velvet curtain",    "a rusty bicycle",       "a leather saddle",    "a sack of barley",
    "an iron stove",       "a painted mask",        "a woollen blanket",   "a small telescope",
    "a marble statue",     "a pair of boots",       "a loaf of rye bread", "a porcelain teapot",
    "a canvas tent",       "a stack of newspapers", "a brass compass",     "a set of chess pieces",
    "a garden hose",       "a birthday cake",       "a paper kite",        "a bag of walnuts",
    "an empty birdcage",   "a bottle of ink",       "a straw hat",         "a spare wheel",
    "a music box",         "a length of rope",      "a crate of oranges",  "a bronze medal",
    "a dusty dictionary",  "a snow shovel",         "a folding chair",     "a sewing machine",
    "a roll of wallpaper", "a ceramic bowl",        "a fishing net",       "an alarm clock",
    "a wicker suitcase",   "a bunch of keys",
};

static const char *const places[] = {
    "behind the railway station",
    "near the harbour",
    "under the stone bridge",
    "in the village square",
    "at the edge of the forest",
    "beside the frozen lake",
    "in a narrow alley",
    "on the top floor",
    "outside the town hall",
    "next to the windmill",
    "in the school kitchen",
    "at the northern gate",
    "in the cellar of the museum",
    "on the ferry",
    "between two haystacks",
    "across the river",
    "in the waiting room",
    "at the foot of the hill",
    "inside the greenhouse",
    "by the lighthouse",
    "in front of the theatre",
    "along the canal",
    "on a park bench",
    "in the workshop",
    "at the night market",
    "among the apple trees",
    "in the royal stables",
    "on the island",
    "near the observatory",
    "in the back of a truck",
    "at the border crossing",
    "under a row of lime trees",
};

static const char *const times[] = {
    "on a foggy morning",
    "late in the autumn",
    "shortly before midnight",
    "after the first snowfall",
    "early on Monday",
    "during the long drought",
    "one summer evening",
    "in the middle of the night",
    "two days after the storm",
    "at the end of the war",
    "on the last day of school",
    "around noon",
    "a week before the election",
    "in the third year",
    "just after sunrise",
    "on the eve of the festival",
    "every second Thursday",
    "during the lunch break",
    "at half past seven",
    "in the spring of that year",
    "on a windy afternoon",
    "at the start of the harvest",
    "once again",
    "many years ago",
};

static const char *const reasons[] = {
    "because the bridge was closed",
    "while the children were asleep",
    "before the market opened",
    "although nobody had asked for it",
    "as soon as the rain stopped",
    "because the train was late",
    "while the band was still playing",
    "until the lamps went out",
    "although it was far too expensive",
    "when the bells began to ring",
    "because the winter had been so long",
    "while a cat watched from the roof",
    "before anyone noticed the smoke",
    "although the door was locked",
    "after the guests had left",
    "because a friend had promised to help",
    "when the water finally went down",
    "while the soup was getting cold",
    "although the instructions were missing",
    "as if it were the most natural thing",
    "because there was no other choice",
    "when the neighbours were on holiday",
    "before the paint was dry",
    "after three failed attempts",
};

#define PICK(random, list) (list[hs_random_below(random, sizeof list / sizeof *list)])

enum { N_PATTERNS = 6 };

static bool english_sentence(struct hs_random *random, struct hs_buffer *out) {
    uint64_t pattern = hs_random_below(random, N_PATTERNS);
    const char *who = PICK(random, people), *other = PICK(random, people), *how = PICK(random, qualities);
    const char *did = PICK(random, deeds), *what = PICK(random, things), *more = PICK(random, things);
    const char *where = PICK(random, places), *when = PICK(random, times), *why = PICK(random, reasons);
    switch (pattern) {
    case 0:
        return hs_buffer_printf(out, "%s, the %s %s %s %s %s.", when, how, who, did, what, where);
    case 1:
        return hs_buffer_printf(out, "the %s %s %s %s %s %s.", how, who, did, what, where, why);
    case 2:
        return hs_buffer_printf(out, "%s, the %s %s %s %s.", why, who, did, what, where);
    case 3:
        return hs_buffer_printf(out, "the %s and a %s %s %s %s and %s %s.", who, how, other, did, what, more, where);
    case 4:
        return hs_buffer_printf(out, "%s, a %s showed the %s how to find %s %s.", when, who, other, what, where);
    default:
        return hs_buffer_printf(out, "it was the %s %s who %s %s %s.", how, who, did, what, when);
    }
}

bool hs_grammar_sentence(headsift_language language, struct hs_random *random, struct hs_buffer *out) {
    size_t start = out->size;
    bool spanish = language == HEADSIFT_LANGUAGE_SPANISH;
    if (!(spanish ? hs_spanish_sentence(random, out) : english_sentence(random, out))) {
        return false;
    }
    char *first = out->data + start;
    if (*first >= 'a' && *first <= 'z') {
        *first = (char)(*first - 'a' + 'A');
    }
    return true;
}
