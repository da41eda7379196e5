/* Tasks that need no download: generated items with answers known by construction.
 * Inside of src/eval only; docs/eval.md says what each generator asks. */
#ifndef HS_EVAL_GENERATE_H
#define HS_EVAL_GENERATE_H

#include "base/random.h"
#include "eval/record.h"

enum hs_form { HS_FORM_CHOICE, HS_FORM_GENERATE, HS_FORM_LOSS };
enum hs_operation { HS_ADD, HS_SUBTRACT, HS_BOTH };

enum hs_setting {
    HS_SET_ITEMS,
    HS_SET_FORM,
    HS_SET_CHOICES,
    HS_SET_PAIRS,
    HS_SET_DIGITS,
    HS_SET_WORDS,
    HS_SET_CLASSES,
    HS_SET_EXAMPLES,
    HS_SET_OPERATION,
    HS_SET_CHAINS,
    HS_SET_HOPS,
    HS_SETTINGS
};

/** Fills in a zeroed item: context and choices, the right one first. Settings are in their ranges. False when there is
 *  no memory. */
typedef bool (*hs_make_item)(const int64_t *settings, struct hs_random *random, struct hs_item *item);

struct hs_generator {
    const char *name;
    hs_make_item make;
    enum hs_match match; /**< of form=generate */
    bool no_generate;    /**< there is no such form */
    struct {
        enum hs_setting setting;
        int64_t usual, low, high;
    } settings[5]; /**< its own; ends with low = high = 0 */
};

extern const struct hs_generator hs_generate_kv, hs_generate_induction, hs_generate_labels, hs_generate_arithmetic,
    hs_generate_variables;

/** A made-up word with a NUL. */
struct hs_word {
    char text[12];
};
/** n different words of 2 or 3 syllables; there must be far more of them than n. */
void hs_words_make(struct hs_random *random, size_t syllables, struct hs_word *words, size_t n);
/** n different numbers of `digits` digits. */
void hs_numbers_make(struct hs_random *random, int64_t digits, int64_t *numbers, size_t n);
/** Puts 0..n-1 into `order`, shuffled. */
void hs_shuffled(struct hs_random *random, size_t *order, size_t n);
int64_t hs_random_number(struct hs_random *random, int64_t digits); /**< of so many digits, the first one not 0 */

headsift_status hs_task_generate(const char *spec, const struct hs_task_options *options, struct hs_task *out,
                                 headsift_error *error);
bool hs_task_name_good(struct hs_view name);

#endif
