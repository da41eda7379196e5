/* A walk over the header of a GGUF before ggml reads it: counts, strings, arrays and shapes must fit the file.
 * ggml's own reader trusts some of them: it divides by sizes, compares all pairs of names and allocates what is asked.
 */
#include <string.h>

#include <ggml.h>
#include <gguf.h>

#include "model/internal.h"

enum { MAX_KEYS = 4096, MAX_TENSORS = 20000, MAX_KEY_LENGTH = 65535, MAX_ALIGNMENT = 1 << 20 };

struct walk {
    const unsigned char *bytes;
    size_t size, at;
    const char *where;
    headsift_error *error;
};

static headsift_status bad(const struct walk *walk, const char *what) {
    return hs_fail(walk->error, HEADSIFT_FAILED, "%s: GGUF header, byte %zu: %s; the file is cut or damaged",
                   walk->where, walk->at, what);
}

static headsift_status take(struct walk *walk, void *out, size_t size) {
    if (walk->size - walk->at < size) {
        return bad(walk, "the file ends inside the header");
    }
    memcpy(out, walk->bytes + walk->at, size);
    walk->at += size;
    return HEADSIFT_OK;
}

static headsift_status skip(struct walk *walk, uint64_t count, uint64_t size) {
    uint64_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > walk->size - walk->at) {
        return bad(walk, "a value is longer than the file");
    }
    walk->at += (size_t)bytes;
    return HEADSIFT_OK;
}

static headsift_status take_string(struct walk *walk, uint64_t limit, const char **text, uint64_t *length) {
    HS_TRY(take(walk, length, sizeof *length));
    *text = (const char *)walk->bytes + walk->at;
    if (*length > limit) {
        return bad(walk, "a name is absurdly long");
    }
    return skip(walk, *length, 1);
}

static uint64_t size_of(uint32_t type) {
    switch (type) {
    case GGUF_TYPE_UINT8:
    case GGUF_TYPE_INT8:
    case GGUF_TYPE_BOOL:
        return 1;
    case GGUF_TYPE_UINT16:
    case GGUF_TYPE_INT16:
        return 2;
    case GGUF_TYPE_UINT32:
    case GGUF_TYPE_INT32:
    case GGUF_TYPE_FLOAT32:
        return 4;
    case GGUF_TYPE_UINT64:
    case GGUF_TYPE_INT64:
    case GGUF_TYPE_FLOAT64:
        return 8;
    default:
        return 0;
    }
}

static headsift_status walk_values(struct walk *walk, uint32_t type, uint64_t count) {
    if (type != GGUF_TYPE_STRING) {
        return size_of(type) > 0 ? skip(walk, count, size_of(type)) : bad(walk, "a value of an unknown type");
    }
    for (uint64_t i = 0; i < count; i++) {
        const char *text;
        uint64_t length;
        HS_TRY(take_string(walk, UINT64_MAX, &text, &length));
    }
    return HEADSIFT_OK;
}

static bool is_key(const char *text, uint64_t length, const char *key) {
    return length == strlen(key) && memcmp(text, key, length) == 0;
}

static headsift_status walk_key(struct walk *walk) {
    const char *key;
    uint64_t length, count = 1;
    uint32_t type;
    HS_TRY(take_string(walk, MAX_KEY_LENGTH, &key, &length));
    HS_TRY(take(walk, &type, sizeof type));
    if (length == 0) {
        return bad(walk, "a key without a name");
    }
    if (is_key(key, length, GGUF_KEY_GENERAL_ALIGNMENT)) {
        uint32_t alignment;
        HS_TRY(take(walk, &alignment, sizeof alignment));
        bool fine = type == GGUF_TYPE_UINT32 && alignment > 0 && alignment <= MAX_ALIGNMENT &&
                    (alignment & (alignment - 1)) == 0;
        return fine ? HEADSIFT_OK : bad(walk, "general.alignment is no power of two");
    }
    if (type == GGUF_TYPE_ARRAY) {
        HS_TRY(take(walk, &type, sizeof type));
        HS_TRY(take(walk, &count, sizeof count));
    }
    return walk_values(walk, type, count);
}

static headsift_status walk_shape(struct walk *walk, int64_t *first) {
    uint32_t n_dims;
    int64_t product = 1;
    HS_TRY(take(walk, &n_dims, sizeof n_dims));
    if (n_dims < 1 || n_dims > GGML_MAX_DIMS) {
        return bad(walk, "a tensor must have 1 to 4 dimensions");
    }
    for (uint32_t i = 0; i < n_dims; i++) {
        int64_t size;
        HS_TRY(take(walk, &size, sizeof size));
        if (size < 1 || __builtin_mul_overflow(product, size, &product) || product > INT64_MAX / 256) {
            return bad(walk, "a tensor's shape is absurd");
        }
        *first = i == 0 ? size : *first;
    }
    return HEADSIFT_OK;
}

static headsift_status walk_tensor(struct walk *walk) {
    const char *name;
    uint64_t length, offset;
    int64_t first = 1;
    uint32_t type;
    HS_TRY(take_string(walk, GGML_MAX_NAME - 1, &name, &length));
    HS_TRY(walk_shape(walk, &first));
    HS_TRY(take(walk, &type, sizeof type));
    if (type >= GGML_TYPE_COUNT || ggml_type_size((enum ggml_type)type) == 0) {
        return hs_fail(walk->error, HEADSIFT_FAILED,
                       "%s: tensor \"%.*s\" has type %u, which is not supported: convert the model to another type",
                       walk->where, (int)length, name, type);
    }
    if (first % ggml_blck_size((enum ggml_type)type) != 0) {
        return hs_fail(walk->error, HEADSIFT_FAILED, "%s: tensor \"%.*s\": rows of %lld are no whole blocks of %s",
                       walk->where, (int)length, name, (long long)first, ggml_type_name((enum ggml_type)type));
    }
    return take(walk, &offset, sizeof offset);
}

static headsift_status check_version(const struct walk *walk, uint32_t version) {
    if (version >= 2 && version <= GGUF_VERSION) {
        return HEADSIFT_OK;
    }
    if (version != 0 && (version & 0xffff) == 0) {
        return hs_fail(walk->error, HEADSIFT_FAILED, "%s: a big-endian GGUF is not supported: convert it again",
                       walk->where);
    }
    return hs_fail(walk->error, HEADSIFT_FAILED, "%s: GGUF version %u is not supported (2 and 3 are)", walk->where,
                   version);
}

headsift_status hs_gguf_check(const unsigned char *bytes, size_t size, const char *where, headsift_error *error) {
    struct walk walk = {bytes, size, 0, where, error};
    uint32_t version;
    int64_t n_tensors, n_keys;
    if (size < 4 || memcmp(bytes, GGUF_MAGIC, 4) != 0) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s is not a GGUF file: give a .gguf file or a folder with config.json and *.safetensors",
                       where);
    }
    walk.at = 4;
    HS_TRY(take(&walk, &version, sizeof version));
    HS_TRY(check_version(&walk, version));
    HS_TRY(take(&walk, &n_tensors, sizeof n_tensors));
    HS_TRY(take(&walk, &n_keys, sizeof n_keys));
    if (n_tensors < 0 || n_tensors > MAX_TENSORS || n_keys < 0 || n_keys > MAX_KEYS) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s: %lld tensors and %lld keys are absurd (at most %d and %d); the file is damaged", where,
                       (long long)n_tensors, (long long)n_keys, MAX_TENSORS, MAX_KEYS);
    }
    for (int64_t i = 0; i < n_keys; i++) {
        HS_TRY(walk_key(&walk));
    }
    for (int64_t i = 0; i < n_tensors; i++) {
        HS_TRY(walk_tensor(&walk));
    }
    return HEADSIFT_OK;
}
