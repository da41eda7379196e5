/* Finds added tokens in a text with a tree of their bytes, and applies their flags.
 * The steps are in the order of the `tokenizers` library, oddities included: a match that its flags refuse uses up its
 * text. */
#include "tokenizer/added_tokens.h"

#include <string.h>

#include "base/memory.h"
#include "tokenizer/unicode.h"

bool hs_added_tokens_add(struct hs_added_tokens *added, const struct hs_added_token *token) {
    struct hs_added_token copy = *token;
    copy.content = hs_copy_bytes(token->content, token->size);
    if (copy.content == NULL ||
        !hs_grow((void **)&added->tokens, &added->capacity, added->n + 1, sizeof *added->tokens)) {
        hs_free(copy.content);
        return false;
    }
    added->tokens[added->n++] = copy;
    return true;
}

/* A new node, or 0 when there is no memory. */
static int32_t new_node(struct hs_added_tree *tree, char byte, int32_t sibling) {
    size_t wanted = tree->n == 0 ? 2 : tree->n + 1;
    if (!hs_grow((void **)&tree->nodes, &tree->capacity, wanted, sizeof *tree->nodes)) {
        return 0;
    }
    int32_t node = (int32_t)wanted - 1;
    tree->nodes[node] = (struct hs_added_node){.byte = (unsigned char)byte, .sibling = sibling, .token = -1};
    tree->n = wanted;
    return node;
}

static int32_t find_child(const struct hs_added_tree *tree, int32_t node, char byte) {
    int32_t child = tree->nodes[node].child;
    while (child != 0 && tree->nodes[child].byte != (unsigned char)byte) {
        child = tree->nodes[child].sibling;
    }
    return child;
}

/* The child of `node` for this byte, made where there is none; node 0 is the root. 0 when there is no memory. */
static int32_t make_child(struct hs_added_tree *tree, int32_t node, char byte) {
    int32_t *first = &tree->roots[(unsigned char)byte];
    if (node == 0 && *first == 0) {
        *first = new_node(tree, byte, 0);
    }
    if (node == 0) {
        return *first;
    }
    int32_t child = find_child(tree, node, byte);
    if (child == 0) {
        child = new_node(tree, byte, tree->nodes[node].child);
        if (child != 0) {
            tree->nodes[node].child = child;
        }
    }
    return child;
}

bool hs_added_tree_insert(struct hs_added_tree *tree, const char *content, size_t size, int32_t index, int32_t *other) {
    int32_t node = 0;
    for (size_t i = 0; i < size; i++) {
        node = make_child(tree, node, content[i]);
        if (node == 0) {
            return false;
        }
    }
    *other = size > 0 ? tree->nodes[node].token : -1;
    if (size > 0 && *other < 0) {
        tree->nodes[node].token = index;
    }
    return true;
}

void hs_added_tokens_free(struct hs_added_tokens *added) {
    for (size_t i = 0; i < added->n; i++) {
        hs_free(added->tokens[i].content);
    }
    hs_free(added->tokens);
    hs_free(added->raw.nodes);
    hs_free(added->normalized.nodes);
}

/* ---- Searching -------------------------------------------------------------------------------------------------- */

/* The longest token at text[at], or NULL; *end is where it ends. */
static const struct hs_added_token *longest_at(const struct hs_added_tokens *added, const struct hs_added_tree *tree,
                                               const char *text, size_t size, size_t at, size_t *end) {
    int32_t best = -1;
    int32_t node = tree->roots[(unsigned char)text[at]];
    for (size_t i = at + 1; node != 0; i++) {
        if (tree->nodes[node].token >= 0) {
            best = tree->nodes[node].token;
            *end = i;
        }
        node = i < size ? find_child(tree, node, text[i]) : 0;
    }
    return best < 0 ? NULL : &added->tokens[best];
}

static size_t previous_point(const char *text, size_t at) {
    do {
        at--;
    } while (((unsigned char)text[at] & 0xC0) == 0x80);
    return at;
}

static unsigned class_before(const char *text, size_t at) {
    size_t length;
    return at == 0 ? 0 : hs_class_at(text + previous_point(text, at), &length);
}

static bool stands_alone(const char *text, size_t size, size_t start, size_t end) {
    size_t length;
    unsigned behind = end < size ? hs_class_at(text + end, &length) : 0;
    return ((class_before(text, start) | behind) & HS_CLASS_WORD) == 0;
}

static size_t spaces_before(const char *text, size_t at, size_t lowest) {
    while (at > lowest && (class_before(text, at) & HS_CLASS_SPACE) != 0) {
        at = previous_point(text, at);
    }
    return at > lowest ? at : lowest;
}

static size_t spaces_behind(const char *text, size_t size, size_t at) {
    size_t length;
    while (at < size && (hs_class_at(text + at, &length) & HS_CLASS_SPACE) != 0) {
        at += length;
    }
    return at;
}

bool hs_added_next(const struct hs_added_tokens *added, const struct hs_added_tree *tree, const char *text, size_t size,
                   bool special, struct hs_added_search *search, struct hs_added_match *match) {
    while (tree->n > 0 && search->at < size) {
        size_t start = search->at, end = 0;
        const struct hs_added_token *token = longest_at(added, tree, text, size, start, &end);
        if (token == NULL) {
            search->at++;
            continue;
        }
        search->at = end;
        if ((token->special && !special) || (token->single_word && !stands_alone(text, size, start, end))) {
            continue;
        }
        /* Spaces that the last match took are not taken again; a match inside them keeps its own place. */
        match->token = token;
        match->start = token->lstrip ? spaces_before(text, start, search->done) : start;
        match->end = token->rstrip ? spaces_behind(text, size, end) : end;
        search->done = match->end;
        return true;
    }
    return false;
}
