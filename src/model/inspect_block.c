/* What inspect says about a block beyond its sizes: norms, activation, multipliers, caps, windows, positions.
 * A line stands there only where a family has something to say. */
#include "model/internal.h"

static void subject(FILE *out, const char *name) { fprintf(out, "%-11s ", name); }

static void print_norms(const struct hs_config *c, FILE *out) {
    subject(out, "norms");
    fprintf(out, "%s attention and MLP%s\n",
            c->pre_norm && c->post_norm ? "before and after"
            : c->post_norm              ? "after"
                                        : "before",
            c->qk_norm == HS_QK_HEAD  ? ", of each head's queries and keys"
            : c->qk_norm == HS_QK_ALL ? ", over all queries and all keys"
                                      : "");
}

static void print_scales(const struct hs_config *c, FILE *out) {
    subject(out, "scales");
    fprintf(out, "scores %.6g, embeddings %.6g, residuals %.6g, logits %.6g\n", c->attention_scale, c->embedding_scale,
            c->residual_scale, c->logit_scale);
    if (c->attention_cap > 0 || c->logit_cap > 0) {
        subject(out, "soft caps");
        fprintf(out, "scores %g, logits %g (0: none)\n", c->attention_cap, c->logit_cap);
    }
}

/* The layers with a flag, as "3 of 8 layers: 0, 3-4". */
static void print_layers(const struct hs_config *c, int flag, FILE *out) {
    int32_t count = 0;
    for (int32_t i = 0; i < c->n_layer; i++) {
        count += (c->layer_flags[i] & flag) != 0;
    }
    fprintf(out, "%d of %d layers", count, c->n_layer);
    const char *between = ": ";
    for (int32_t i = 0, end; i < c->n_layer; i = end) {
        end = i + 1;
        if ((c->layer_flags[i] & flag) == 0) {
            continue;
        }
        while (end < c->n_layer && (c->layer_flags[end] & flag) != 0) {
            end++;
        }
        fprintf(out, end - i > 1 ? "%s%d-%d" : "%s%d", between, i, end - 1);
        between = ", ";
    }
    fputc('\n', out);
}

static bool some_layer(const struct hs_config *c, int flag) {
    for (int32_t i = 0; i < c->n_layer; i++) {
        if ((c->layer_flags[i] & flag) != 0) {
            return true;
        }
    }
    return false;
}

static void print_one_rope(const struct hs_rope *rope, FILE *out) {
    static const char *const names[] = {
        [HS_ROPE_DEFAULT] = "",    [HS_ROPE_LINEAR] = ", linear",     [HS_ROPE_DYNAMIC] = ", dynamic",
        [HS_ROPE_YARN] = ", yarn", [HS_ROPE_LONGROPE] = ", longrope", [HS_ROPE_LLAMA3] = ", llama3"};
    fprintf(out, "base %g%s", rope->base, names[rope->kind]);
    if (rope->kind == HS_ROPE_LINEAR || rope->kind == HS_ROPE_LLAMA3 || rope->kind == HS_ROPE_YARN) {
        fprintf(out, ", factor %g", rope->factor);
    }
    if (rope->kind == HS_ROPE_LLAMA3) {
        fprintf(out, ", low %g, high %g", rope->low_freq_factor, rope->high_freq_factor);
    }
    if (rope->kind == HS_ROPE_DYNAMIC) {
        fprintf(out, ", no document beyond %lld tokens", (long long)rope->original_context);
    } else if (rope->original_context > 0) {
        fprintf(out, ", original context %lld", (long long)rope->original_context);
    }
}

static void print_rope(const struct hs_config *c, FILE *out) {
    if (!(c->rope.base > 0.0)) {
        return;
    }
    subject(out, "rope");
    print_one_rope(&c->rope, out);
    if (c->rotary_dim < c->head_dim) {
        fprintf(out, ", on %d of %d dimensions of a head", c->rotary_dim, c->head_dim);
    }
    fprintf(out, "%s\n",
            !c->divided                        ? ""
            : c->rope.kind == HS_ROPE_LONGROPE ? ", frequencies divided by the file's factors"
                                               : ", divided by the file's rope_freqs.weight");
    if (some_layer(c, HS_LAYER_LOCAL_ROPE)) {
        subject(out, "");
        print_one_rope(&c->local_rope, out);
        fprintf(out, " in ");
        print_layers(c, HS_LAYER_LOCAL_ROPE, out);
    }
    if (some_layer(c, HS_LAYER_NO_ROPE)) {
        subject(out, "");
        fprintf(out, "no positions in ");
        print_layers(c, HS_LAYER_NO_ROPE, out);
    }
}

void hs_inspect_block(const struct hs_model *model, FILE *out) {
    const struct hs_config *c = &model->config;
    if (model->family != NULL && c->n_layer > 0 && c->attention_scale > 0) {
        print_norms(c, out);
        subject(out, "activation");
        fprintf(out, "%s\n", c->activation == HS_SILU ? "silu (SwiGLU)" : "gelu by tanh (GeGLU)");
        print_scales(c, out);
        if (c->window > 0 && some_layer(c, HS_LAYER_WINDOW)) {
            subject(out, "window");
            fprintf(out, "%lld keys in ", (long long)c->window);
            print_layers(c, HS_LAYER_WINDOW, out);
        }
    }
    print_rope(c, out);
}
