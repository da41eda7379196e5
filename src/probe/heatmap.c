/* The heat map of head scores as SVG: layers down, heads across, a colour scale, chosen heads outlined.
 * No scripts, nothing loaded; text follows the reader's light or dark scheme. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "probe/heads_file.h"

enum { LEFT = 56, TOP = 64, RIGHT = 96, BOTTOM = 20, SCALE_WIDTH = 14, SCALE_STEPS = 32, LEAST_WIDTH = 440 };

struct map {
    const headsift_heads *heads;
    struct hs_buffer *out;
    double low, high;
    int cell, width, height; /* pixels of a cell; of the grid */
    int page_width;
};

/* Appends text as XML, control characters made visible. */
static bool print_text(struct hs_buffer *out, const char *text) {
    char line[256];
    hs_escape_line(text, strlen(text), line, sizeof line);
    bool ok = true;
    for (const char *at = line; ok && *at != '\0'; at++) {
        const char *name = *at == '<'   ? "&lt;"
                           : *at == '>' ? "&gt;"
                           : *at == '&' ? "&amp;"
                           : *at == '"' ? "&quot;"
                                        : NULL;
        ok = name != NULL ? hs_buffer_append(out, name, strlen(name)) : hs_buffer_append(out, at, 1);
    }
    return ok;
}

/* A dark to bright scale that is readable without colour vision too. */
static void colour(double share, int rgb[3]) {
    static const int stops[][3] = {{43, 30, 92}, {47, 94, 151}, {38, 152, 141}, {126, 201, 92}, {252, 231, 55}};
    double at = fmin(fmax(share, 0), 1) * 4;
    int index = at >= 4 ? 3 : (int)at;
    for (int i = 0; i < 3; i++) {
        rgb[i] = (int)lround(stops[index][i] + (at - index) * (stops[index + 1][i] - stops[index][i]));
    }
}

static double share_of(const struct map *map, double score) {
    return map->high > map->low ? (score - map->low) / (map->high - map->low) : 0;
}

static bool print_head(const struct map *map) {
    const headsift_heads *heads = map->heads;
    int width = map->page_width, height = TOP + map->height + BOTTOM;
    return hs_buffer_printf(map->out,
                            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
                            "height=\"%d\" role=\"img\">\n<title>",
                            width, height, width, height) &&
           print_text(map->out, heads->model_name != NULL ? heads->model_name : "Model") &&
           hs_buffer_printf(map->out, ": scores of its attention heads</title>\n"
                                      "<style>\n.page{fill:#fff}.ink{fill:#1c1c1c;font:11px sans-serif}\n"
                                      ".name{font-size:14px}.mid{text-anchor:middle}.end{text-anchor:end}\n"
                                      ".pick{fill:none;stroke:#e6194b;stroke-width:2}\n"
                                      "@media (prefers-color-scheme:dark){.page{fill:#161616}.ink{fill:#e8e8e8}}\n"
                                      "</style>\n") &&
           hs_buffer_printf(map->out, "<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n", width, height);
}

static bool print_titles(const struct map *map) {
    const headsift_heads *heads = map->heads;
    const char *method = heads->method != NULL ? heads->method : "score";
    return hs_buffer_printf(map->out, "<text class=\"ink name\" x=\"8\" y=\"20\">") &&
           print_text(map->out, heads->model_name != NULL ? heads->model_name : "Model") &&
           hs_buffer_printf(map->out, "</text>\n<text class=\"ink\" x=\"8\" y=\"36\">") &&
           print_text(map->out, method) &&
           (heads->samples_counted == 0 || hs_buffer_printf(map->out, ", %d samples", heads->samples_counted)) &&
           hs_buffer_printf(map->out, "; %zu of %d heads chosen (outlined)</text>\n", heads->n_heads,
                            heads->n_layer * heads->n_head) &&
           hs_buffer_printf(map->out,
                            "<text class=\"ink mid\" x=\"%d\" y=\"%d\">head</text>\n"
                            "<text class=\"ink mid\" transform=\"translate(14,%d) rotate(-90)\">layer</text>\n",
                            LEFT + map->width / 2, TOP - 16, TOP + map->height / 2);
}

/* Numbers along the axes, as many as have room. */
static bool print_axes(const struct map *map) {
    int step = map->cell >= 14 ? 1 : 4;
    bool ok = true;
    for (int head = 0; ok && head < map->heads->n_head; head += step) {
        ok = hs_buffer_printf(map->out, "<text class=\"ink mid\" x=\"%d\" y=\"%d\">%d</text>\n",
                              LEFT + head * map->cell + map->cell / 2, TOP - 4, head);
    }
    for (int layer = 0; ok && layer < map->heads->n_layer; layer += step) {
        ok = hs_buffer_printf(map->out, "<text class=\"ink end\" x=\"%d\" y=\"%d\">%d</text>\n", LEFT - 6,
                              TOP + layer * map->cell + map->cell / 2 + 4, layer);
    }
    return ok;
}

/* 1 for the best chosen head, 0 for one that is not chosen. */
static size_t rank_of(const headsift_heads *heads, int layer, int head) {
    for (size_t i = 0; i < heads->n_heads; i++) {
        if (heads->heads[i].layer == layer && heads->heads[i].head == head) {
            return i + 1;
        }
    }
    return 0;
}

static bool print_cell(const struct map *map, int layer, int head) {
    double score = map->heads->scores[layer * map->heads->n_head + head];
    size_t rank = rank_of(map->heads, layer, head);
    int rgb[3];
    colour(share_of(map, score), rgb);
    bool ok = hs_buffer_printf(map->out,
                               "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%02x%02x%02x\"><title>layer "
                               "%d, head %d: %.4f",
                               LEFT + head * map->cell, TOP + layer * map->cell, map->cell - 1, map->cell - 1, rgb[0],
                               rgb[1], rgb[2], layer, head, score);
    if (ok && rank > 0) {
        ok = hs_buffer_printf(map->out, " (chosen, number %zu)", rank);
    }
    return ok && hs_buffer_printf(map->out, "</title></rect>\n");
}

static bool print_cells(const struct map *map) {
    bool ok = true;
    for (int layer = 0; layer < map->heads->n_layer; layer++) {
        for (int head = 0; ok && head < map->heads->n_head; head++) {
            ok = print_cell(map, layer, head);
        }
    }
    for (size_t i = 0; ok && i < map->heads->n_heads; i++) {
        const headsift_head *head = &map->heads->heads[i];
        ok = hs_buffer_printf(map->out,
                              "<rect class=\"pick\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                              "pointer-events=\"none\"/>\n",
                              LEFT + head->head * map->cell - 1, TOP + head->layer * map->cell - 1, map->cell + 1,
                              map->cell + 1);
    }
    return ok;
}

static bool print_scale(const struct map *map) {
    int x = LEFT + map->width + 16, height = map->height < 160 ? map->height : 160;
    bool ok = true;
    for (int i = 0; ok && i < SCALE_STEPS; i++) {
        int rgb[3], top = TOP + height * i / SCALE_STEPS, bottom = TOP + height * (i + 1) / SCALE_STEPS;
        colour(1 - (double)i / (SCALE_STEPS - 1), rgb);
        ok = hs_buffer_printf(map->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%02x%02x%02x\"/>\n",
                              x, top, SCALE_WIDTH, bottom - top, rgb[0], rgb[1], rgb[2]);
    }
    return ok && hs_buffer_printf(map->out,
                                  "<text class=\"ink\" x=\"%d\" y=\"%d\">%.3g</text>\n"
                                  "<text class=\"ink\" x=\"%d\" y=\"%d\">%.3g</text>\n",
                                  x + SCALE_WIDTH + 4, TOP + 9, map->high, x + SCALE_WIDTH + 4, TOP + height, map->low);
}

bool hs_heatmap_print(const headsift_heads *heads, struct hs_buffer *out) {
    int n = heads->n_layer > heads->n_head ? heads->n_layer : heads->n_head;
    int cell = n <= 40 ? 18 : n <= 100 ? 12 : 8;
    struct map map = {.heads = heads,
                      .out = out,
                      .low = heads->scores[0],
                      .high = heads->scores[0],
                      .cell = cell,
                      .width = cell * heads->n_head,
                      .height = cell * heads->n_layer,
                      .page_width = LEFT + cell * heads->n_head + RIGHT};
    map.page_width = map.page_width > LEAST_WIDTH ? map.page_width : LEAST_WIDTH;
    for (int i = 1; i < heads->n_layer * heads->n_head; i++) {
        map.low = fmin(map.low, heads->scores[i]);
        map.high = fmax(map.high, heads->scores[i]);
    }
    return print_head(&map) && print_titles(&map) && print_axes(&map) && print_cells(&map) && print_scale(&map) &&
           hs_buffer_printf(out, "</svg>\n");
}
