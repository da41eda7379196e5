/* Builds a tokenizer: names to ids, GPT-2's byte alphabet to bytes, merges, added tokens, and the table of whole
 * pieces. Used by tokenizer_json.c and gguf_vocab.c. */
#include "tokenizer/vocab.h"

#include <string.h>

#include "base/text.h"

static headsift_status no_memory(const struct hs_builder *builder, headsift_error *error) {
    return hs_fail(error, HEADSIFT_FAILED, "%s: no memory for the tokenizer", builder->where);
}

headsift_status hs_builder_begin(struct hs_builder *builder, const char *where, size_t n_names, headsift_error *error) {
    *builder = (struct hs_builder){.where = where};
    if (n_names == 0) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: the vocabulary is empty", where);
    }
    size_t slots = hs_table_slots(n_names);
    builder->names = hs_alloc(slots, sizeof *builder->names);
    builder->names_mask = slots - 1;
    builder->tokenizer = hs_alloc(1, sizeof *builder->tokenizer);
    if (builder->names == NULL || builder->tokenizer == NULL) {
        return no_memory(builder, error);
    }
    for (size_t i = 0; i < 256; i++) {
        builder->tokenizer->bpe.byte_ids[i] = -1;
    }
    builder->tokenizer->bpe.unknown = -1;
    builder->tokenizer->bos = -1;
    return HEADSIFT_OK;
}

/* ---- Tokens ----------------------------------------------------------------------------------------------------- */

/* The slot of a name, or the free one where it belongs. */
static struct hs_name *find_name(const struct hs_builder *builder, const char *name, size_t size) {
    size_t at = (size_t)hs_piece_hash(name, size) & builder->names_mask;
    while (builder->names[at].text != NULL &&
           (builder->names[at].size != size || memcmp(builder->names[at].text, name, size) != 0)) {
        at = (at + 1) & builder->names_mask;
    }
    return &builder->names[at];
}

int32_t hs_builder_find(const struct hs_builder *builder, const char *name, size_t size) {
    const struct hs_name *slot = find_name(builder, name, size);
    return slot->text == NULL ? -1 : slot->id;
}

/* The byte that a character of GPT-2's alphabet stands for, or -1: printable ones stand for themselves, the other 68
 * bytes follow from U+0100 on. */
static int alphabet_byte(uint32_t point) {
    if ((point >= '!' && point <= '~') || (point >= 0xA1 && point <= 0xFF && point != 0xAD)) {
        return (int)point;
    }
    if (point >= 0x100 && point <= 0x120) {
        return (int)point - 0x100;
    }
    if (point >= 0x121 && point <= 0x142) {
        return (int)point - 0x121 + 0x7F;
    }
    return point == 0x143 ? 0xAD : -1;
}

/* Appends the bytes of a name to `bytes`; false if it is not in the alphabet. There is room for `size` bytes. */
static bool decode_name(struct hs_buffer *bytes, const char *name, size_t size) {
    size_t start = bytes->size;
    for (size_t at = 0, length; at < size; at += length) {
        int byte = alphabet_byte(hs_utf8_decode(name + at, &length));
        if (byte < 0) {
            bytes->size = start;
            return false;
        }
        bytes->data[bytes->size++] = (char)byte;
    }
    return true;
}

/* The token of an id, made where the array does not reach so far. NULL when there is no memory. */
static struct hs_token *token_at(struct hs_tokenizer *tokenizer, size_t id) {
    if (!hs_grow((void **)&tokenizer->tokens, &tokenizer->tokens_capacity, id + 1, sizeof *tokenizer->tokens)) {
        return NULL;
    }
    if (id >= tokenizer->n_tokens) {
        memset(tokenizer->tokens + tokenizer->n_tokens, 0, (id + 1 - tokenizer->n_tokens) * sizeof *tokenizer->tokens);
        tokenizer->n_tokens = id + 1;
    }
    return &tokenizer->tokens[id];
}

/* Keeps what a token stands for: bytes that were appended from `start` on. */
static void set_bytes(struct hs_tokenizer *tokenizer, struct hs_token *token, size_t start) {
    token->offset = start;
    token->size = (uint32_t)(tokenizer->bytes.size - start);
    token->present = true;
}

int hs_byte_of_name(const char *name, size_t size) {
    static const char digits[] = "0123456789ABCDEF";
    const char *high = size == 6 ? memchr(digits, name[3], 16) : NULL;
    const char *low = size == 6 ? memchr(digits, name[4], 16) : NULL;
    bool framed = size == 6 && memcmp(name, "<0x", 3) == 0 && name[5] == '>';
    return framed && high != NULL && low != NULL ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

/* Appends the text that a name stands for: a byte, or the name with spaces for their signs. There is room for it. */
static void append_text(struct hs_buffer *bytes, const char *name, size_t size) {
    static const char sign[] = "\xE2\x96\x81";
    int byte = hs_byte_of_name(name, size);
    if (byte >= 0) {
        bytes->data[bytes->size++] = (char)byte;
        return;
    }
    for (size_t at = 0; at < size;) {
        bool marked = size - at >= 3 && memcmp(name + at, sign, 3) == 0;
        bytes->data[bytes->size++] = marked ? ' ' : name[at];
        at += marked ? 3 : 1;
    }
}

/* What a name of the byte alphabet stands for: the piece of text and the token's bytes are the same. */
static void keep_bytes(struct hs_builder *builder, struct hs_name *name, struct hs_token *token) {
    struct hs_tokenizer *tokenizer = builder->tokenizer;
    size_t start = tokenizer->bytes.size;
    bool decoded = decode_name(&tokenizer->bytes, name->text, name->size);
    if (!decoded) {
        memcpy(tokenizer->bytes.data + start, name->text, name->size);
        tokenizer->bytes.size += name->size;
    }
    set_bytes(tokenizer, token, start);
    name->offset = start;
    name->bytes = decoded ? token->size : 0;
    if (name->bytes == 1) {
        tokenizer->bpe.byte_ids[(unsigned char)tokenizer->bytes.data[start]] = name->id;
    }
}

/* What a name of characters stands for: the piece is the name, the token's bytes may be others. */
static void keep_text(struct hs_builder *builder, struct hs_name *name, struct hs_token *token) {
    struct hs_tokenizer *tokenizer = builder->tokenizer;
    name->offset = tokenizer->bytes.size;
    name->bytes = (uint32_t)name->size;
    memcpy(tokenizer->bytes.data + name->offset, name->text, name->size);
    tokenizer->bytes.size += name->size;
    set_bytes(tokenizer, token, name->offset);
    int byte = hs_byte_of_name(name->text, name->size);
    if (byte >= 0) {
        tokenizer->bpe.byte_ids[byte] = name->id;
    }
    if (builder->marked_spaces) {
        size_t start = tokenizer->bytes.size;
        append_text(&tokenizer->bytes, name->text, name->size);
        set_bytes(tokenizer, token, start);
    }
}

static headsift_status check_token(const struct hs_builder *builder, const char *name, size_t size, int64_t id,
                                   headsift_error *error) {
    if (id < 0 || id >= HS_MAX_TOKENS) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: token \"%.80s\" has id %lld, must be 0 to %d", builder->where, name,
                       (long long)id, HS_MAX_TOKENS - 1);
    }
    if (hs_utf8_check(name, size) != size || size > INT32_MAX / 4) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: the name of token %lld is not UTF-8 or too long", builder->where,
                       (long long)id);
    }
    return HEADSIFT_OK;
}

headsift_status hs_builder_token(struct hs_builder *builder, const char *name, size_t size, int64_t id,
                                 headsift_error *error) {
    HS_TRY(check_token(builder, name, size, id, error));
    struct hs_tokenizer *tokenizer = builder->tokenizer;
    struct hs_name *slot = find_name(builder, name, size);
    if (slot->text != NULL) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: tokens %d and %lld have the same name \"%.80s\"", builder->where,
                       slot->id, (long long)id, name);
    }
    struct hs_token *token = token_at(tokenizer, (size_t)id);
    if (token == NULL) {
        return no_memory(builder, error);
    }
    if (token->present) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: id %lld stands twice in the vocabulary, the second time for \"%.80s\"", builder->where,
                       (long long)id, name);
    }
    if (!hs_buffer_reserve(&tokenizer->bytes, size * 2)) {
        return no_memory(builder, error);
    }
    *slot = (struct hs_name){.text = name, .size = size, .id = (int32_t)id};
    if (tokenizer->bpe.kind == HS_BPE_BYTES) {
        keep_bytes(builder, slot, token);
    } else {
        keep_text(builder, slot, token);
    }
    builder->n_names++;
    return HEADSIFT_OK;
}

/* ---- Merges ----------------------------------------------------------------------------------------------------- */

headsift_status hs_builder_merges(struct hs_builder *builder, size_t n_merges, headsift_error *error) {
    if (n_merges >= INT32_MAX) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: %zu merges are too many", builder->where, n_merges);
    }
    return hs_bpe_reserve(&builder->tokenizer->bpe, n_merges) ? HEADSIFT_OK : no_memory(builder, error);
}

headsift_status hs_builder_merge(struct hs_builder *builder, uint32_t rank, const char *left, size_t left_size,
                                 const char *right, size_t right_size, headsift_error *error) {
    builder->joined.size = 0;
    if (!hs_buffer_append(&builder->joined, left, left_size) ||
        !hs_buffer_append(&builder->joined, right, right_size)) {
        return no_memory(builder, error);
    }
    const char *names[] = {left, right, builder->joined.data};
    size_t sizes[] = {left_size, right_size, builder->joined.size};
    int32_t ids[3];
    for (size_t i = 0; i < 3; i++) {
        ids[i] = hs_builder_find(builder, names[i], sizes[i]);
        if (ids[i] < 0) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: merge %u needs the token \"%.*s\", which is not in the vocabulary", builder->where,
                           rank, (int)(sizes[i] < 80 ? sizes[i] : 80), names[i]);
        }
    }
    hs_bpe_add(&builder->tokenizer->bpe, rank, ids[0], ids[1], ids[2]);
    return HEADSIFT_OK;
}

headsift_status hs_builder_merge_line(struct hs_builder *builder, uint32_t rank, const char *line, size_t size,
                                      headsift_error *error) {
    const char *space = memchr(line, ' ', size);
    size_t left = space == NULL ? 0 : (size_t)(space - line);
    if (space == NULL || memchr(space + 1, ' ', size - left - 1) != NULL) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: merge %u must be two tokens with one space between them, is \"%.*s\"", builder->where, rank,
                       (int)(size < 80 ? size : 80), line);
    }
    return hs_builder_merge(builder, rank, line, left, space + 1, size - left - 1, error);
}

/* ---- Added tokens ----------------------------------------------------------------------------------------------- */

headsift_status hs_builder_added(struct hs_builder *builder, const struct hs_added_token *token,
                                 headsift_error *error) {
    HS_TRY(check_token(builder, token->content, token->size, token->id, error));
    struct hs_tokenizer *tokenizer = builder->tokenizer;
    struct hs_token *kept = token_at(tokenizer, (size_t)token->id);
    if (kept == NULL) {
        return no_memory(builder, error);
    }
    if (kept->added) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: id %d stands twice among the added tokens", builder->where,
                       token->id);
    }
    if (kept->present && hs_builder_find(builder, token->content, token->size) != token->id) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: added token \"%.80s\" has id %d, which is taken", builder->where,
                       token->content, token->id);
    }
    size_t start = tokenizer->bytes.size;
    if (!hs_buffer_append(&tokenizer->bytes, token->content, token->size) ||
        !hs_added_tokens_add(&tokenizer->added, token)) {
        return no_memory(builder, error);
    }
    kept->added = true;
    set_bytes(tokenizer, kept, start);
    return HEADSIFT_OK;
}

/* What building needs besides the tokenizer: one scratch for all pieces and contents. */
struct work {
    struct hs_bpe_scratch bpe;
    struct hs_step_room room;
    struct hs_rewrite rewrites[2];
};

static headsift_status insert_added(const struct hs_builder *builder, size_t index, struct work *work, int32_t *other,
                                    headsift_error *error) {
    struct hs_tokenizer *tokenizer = builder->tokenizer;
    const struct hs_added_token *token = &tokenizer->added.tokens[index];
    struct hs_added_tree *tree = token->normalized ? &tokenizer->added.normalized : &tokenizer->added.raw;
    const char *content = token->content;
    size_t size = token->size;
    if (token->normalized) {
        HS_TRY(hs_steps_run_plain(&tokenizer->normalizer, content, size, &work->room, work->rewrites, &content, &size,
                                  error));
    }
    return hs_added_tree_insert(tree, content, size, (int32_t)index, other) ? HEADSIFT_OK : no_memory(builder, error);
}

/* Two tokens that are the same once normalised are refused: which one the library takes changes from run to run. */
static headsift_status build_trees(const struct hs_builder *builder, struct work *work, headsift_error *error) {
    struct hs_tokenizer *tokenizer = builder->tokenizer;
    for (size_t i = 0; i < tokenizer->added.n; i++) {
        int32_t other;
        HS_TRY(insert_added(builder, i, work, &other, error));
        if (other >= 0) {
            return hs_fail(error, HEADSIFT_FAILED, "%s: the added tokens %d and %d are the same once normalised",
                           builder->where, tokenizer->added.tokens[other].id, tokenizer->added.tokens[i].id);
        }
    }
    return HEADSIFT_OK;
}

/* ---- What text comes to ----------------------------------------------------------------------------------------- */

static bool is_character(const char *text, size_t size) {
    size_t length;
    return size > 0 && (hs_utf8_decode(text, &length), length == size);
}

/* The texts that merging begins with, or looks up as it goes. */
static headsift_status build_texts(const struct hs_builder *builder, headsift_error *error) {
    struct hs_bpe *bpe = &builder->tokenizer->bpe;
    if (bpe->kind == HS_BPE_BYTES) {
        return HEADSIFT_OK;
    }
    if (!hs_pieces_reserve(&bpe->texts, &builder->tokenizer->bytes, builder->n_names)) {
        return no_memory(builder, error);
    }
    for (size_t i = 0; i <= builder->names_mask; i++) {
        const struct hs_name *name = &builder->names[i];
        bool hidden = name->text == NULL || (builder->hidden != NULL && builder->hidden[name->id]);
        if (bpe->kind == HS_BPE_SCORES ? !hidden && name->bytes > 0
                                       : name->text != NULL && is_character(name->text, name->size)) {
            hs_pieces_add(&bpe->texts, name->offset, name->bytes, name->id);
        }
    }
    return HEADSIFT_OK;
}

/* Whether the name's piece comes to its token: by the merges, or because they are not asked. */
static headsift_status is_whole(const struct hs_builder *builder, const struct hs_name *name,
                                struct hs_bpe_scratch *scratch, bool *whole, headsift_error *error) {
    const struct hs_tokenizer *tokenizer = builder->tokenizer;
    *whole = builder->ignore_merges && (builder->hidden == NULL || !builder->hidden[name->id]);
    if (*whole) {
        return HEADSIFT_OK;
    }
    HS_TRY(hs_bpe_encode(&tokenizer->bpe, tokenizer->bytes.data + name->offset, name->bytes, scratch, error));
    const struct hs_symbol *first = scratch->symbols;
    *whole = scratch->n > 0 && first->id == name->id && first->next == HS_NO_SYMBOL;
    return HEADSIFT_OK;
}

/* Text without cuts is one piece that is never a token: no table then, but for ignore_merges. */
static headsift_status build_whole(struct hs_builder *builder, struct hs_bpe_scratch *scratch, headsift_error *error) {
    struct hs_tokenizer *tokenizer = builder->tokenizer;
    if (tokenizer->cuts.n == 0 && !builder->ignore_merges) {
        return HEADSIFT_OK;
    }
    if (!hs_pieces_reserve(&tokenizer->whole, &tokenizer->bytes, builder->n_names)) {
        return no_memory(builder, error);
    }
    for (size_t i = 0; i <= builder->names_mask; i++) {
        const struct hs_name *name = &builder->names[i];
        bool whole = false;
        if (name->text != NULL && name->bytes > 0) {
            HS_TRY(is_whole(builder, name, scratch, &whole, error));
        }
        if (whole) {
            hs_pieces_add(&tokenizer->whole, name->offset, name->bytes, name->id);
        }
    }
    return HEADSIFT_OK;
}

/* ---- The end ---------------------------------------------------------------------------------------------------- */

static headsift_status build_tables(struct hs_builder *builder, struct work *work, headsift_error *error) {
    HS_TRY(build_texts(builder, error));
    HS_TRY(build_whole(builder, &work->bpe, error));
    return build_trees(builder, work, error);
}

headsift_status hs_builder_finish(struct hs_builder *builder, struct hs_tokenizer **out, headsift_error *error) {
    struct hs_tokenizer *tokenizer = builder->tokenizer;
    struct work work = {0};
    headsift_status status = build_tables(builder, &work, error);
    hs_bpe_scratch_free(&work.bpe);
    hs_step_room_free(&work.room);
    hs_rewrite_free(&work.rewrites[0]);
    hs_rewrite_free(&work.rewrites[1]);
    HS_TRY(status);
    if (tokenizer->bos >= 0 &&
        ((size_t)tokenizer->bos >= tokenizer->n_tokens || !tokenizer->tokens[tokenizer->bos].present)) {
        return hs_fail(error, HEADSIFT_FAILED, "%s: the BOS has id %d, which is no token", builder->where,
                       tokenizer->bos);
    }
    tokenizer->style = hs_describe(tokenizer);
    if (tokenizer->style == NULL) {
        return no_memory(builder, error);
    }
    *out = tokenizer;
    builder->tokenizer = NULL;
    return HEADSIFT_OK;
}

void hs_builder_end(struct hs_builder *builder) {
    hs_free(builder->names);
    hs_free(builder->hidden);
    hs_buffer_free(&builder->joined);
    hs_tokenizer_close(builder->tokenizer);
    *builder = (struct hs_builder){0};
}
