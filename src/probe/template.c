/* The words around a probe's JSON object, from a file: {"instruction": "...", "question": "Question: ",
 * "answer": "Answer:"}. All three are required; those built in are ours. */
#include "probe/build.h"

#include <string.h>

#include "base/json.h"

static const size_t template_limit = 1 << 20;

static const char english[] =
    "{\"instruction\": \"Below is a JSON object. Find the key that is asked for and extract its value. Output exactly "
    "this value and nothing else.\", \"question\": \"Question: \", \"answer\": \"Answer:\"}";

static const char spanish[] =
    "{\"instruction\": \"A continuación hay un objeto JSON. Busca la clave que se pide y extrae su valor. Escribe "
    "exactamente este valor y nada más.\", \"question\": \"Pregunta: \", \"answer\": \"Respuesta:\"}";

static headsift_status take(const json_t *object, const char *key, const char *where, char **out,
                            headsift_error *error) {
    const char *text = NULL;
    HS_TRY(hs_json_string(object, key, true, where, &text, error));
    if (*text == '\0') {
        return hs_fail(error, HEADSIFT_FAILED, "%s: \"%s\" is empty", where, key);
    }
    *out = hs_copy_string(text);
    return *out != NULL ? HEADSIFT_OK : hs_fail_memory(error, "a template", strlen(text));
}

static headsift_status check_members(const json_t *object, const char *where, headsift_error *error) {
    if (!json_is_object(object)) {
        return hs_fail(error, HEADSIFT_FAILED,
                       "%s must be a JSON object with \"instruction\", \"question\", \"answer\"", where);
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (strcmp(key, "instruction") != 0 && strcmp(key, "question") != 0 && strcmp(key, "answer") != 0) {
            return hs_fail(error, HEADSIFT_FAILED,
                           "%s: unknown member \"%s\"; a template has \"instruction\", \"question\", \"answer\"", where,
                           key);
        }
    }
    return HEADSIFT_OK;
}

static headsift_status read_template(const json_t *object, const char *where, struct hs_template *out,
                                     headsift_error *error) {
    HS_TRY(check_members(object, where, error));
    HS_TRY(take(object, "instruction", where, &out->instruction, error));
    HS_TRY(take(object, "question", where, &out->question, error));
    return take(object, "answer", where, &out->answer, error);
}

headsift_status hs_template_load(const char *path, headsift_language language, struct hs_template *out,
                                 headsift_error *error) {
    *out = (struct hs_template){0};
    json_t *object = NULL;
    if (path != NULL) {
        HS_TRY(hs_json_load(path, template_limit, &object, error));
    } else {
        object = json_loads(language == HEADSIFT_LANGUAGE_SPANISH ? spanish : english, 0, NULL);
        if (object == NULL) {
            return hs_fail_memory(error, "a template", sizeof english);
        }
    }
    headsift_status status = read_template(object, path != NULL ? path : "the built-in template", out, error);
    json_decref(object);
    if (status != HEADSIFT_OK) {
        hs_template_free(out);
    }
    return status;
}

void hs_template_free(struct hs_template *template) {
    hs_free(template->instruction);
    hs_free(template->question);
    hs_free(template->answer);
    *template = (struct hs_template){0};
}
