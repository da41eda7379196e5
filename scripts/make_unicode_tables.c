/* Makes src/tokenizer/unicode_tables.c from the code points that the `tokenizers` library was seen to put in each
 * class:
 *   cc scripts/make_unicode_tables.c -ljansson -o make && ./make tests/data/goldens/unicode.json \
 *       tests/data/tokenizer/unicode_more.json > src/tokenizer/unicode_tables.c
 * Each file holds {"class": [[first, last], ...]}. The classes of the second file were read off the library too:
 * "w": the characters beside which a single_word token is not found; "canonical": those that its NFD changes or moves;
 * "compat": the same of its NFKD; "mark": those that its StripAccents takes out.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 0x110000 };

static const char *const names[] = {"L", "N", "s", "is_numeric", "w", "canonical", "compat", "mark"};
static uint8_t bits[POINTS];

static void add(const json_t *ranges, unsigned bit) {
    for (size_t i = 0; i < json_array_size(ranges); i++) {
        const json_t *range = json_array_get(ranges, i);
        json_int_t last = json_integer_value(json_array_get(range, 1));
        for (json_int_t point = json_integer_value(json_array_get(range, 0)); point <= last && point < POINTS;
             point++) {
            bits[point] |= (uint8_t)bit;
        }
    }
}

static void read_file(const char *path) {
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    if (root == NULL) {
        fprintf(stderr, "%s: %s\n", path, error.text);
        exit(1);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        add(json_object_get(root, names[i]), 1u << i);
    }
    json_decref(root);
}

static void print_ascii(void) {
    printf("const uint8_t hs_class_ascii[128] = {");
    for (int point = 0; point < 128; point++) {
        printf("%s%u,", point % 16 == 0 ? "\n    " : " ", bits[point]);
    }
    printf("\n};\n");
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        read_file(argv[i]);
    }
    printf("/* Made by scripts/make_unicode_tables.c; do not edit.\n"
           " * code point << 8 | class bits, where a class begins. */\n#include \"tokenizer/unicode.h\"\n\n"
           "/* clang-format off */\n");
    print_ascii();
    printf("\nconst uint32_t hs_class_starts[] = {");
    size_t count = 0;
    for (uint32_t point = 0; point < POINTS; point++) {
        if (point == 0 || bits[point] != bits[point - 1]) {
            printf("%s0x%X,", count % 11 == 0 ? "\n    " : " ", point << 8 | bits[point]);
            count++;
        }
    }
    printf("\n};\n/* clang-format on */\n\n"
           "const size_t hs_class_starts_count = sizeof hs_class_starts / sizeof hs_class_starts[0];\n");
    return 0;
}
