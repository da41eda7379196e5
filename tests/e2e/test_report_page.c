/* The report in a real Chromium: what is drawn, filtered, reached by keyboard and seen, and that hostile text stays
 * text. Skipped only where chromium is not installed. */
#define _GNU_SOURCE
#include "chromium.h"
#include "unit/influence_support.h"
#include "unit/report_scene.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { SKIPPED = 77, ARROW_DOWN = 40, TAB = 9, MOST_STOPS = 200 };

static headsift_model *model;

/* Functions that the tests call in the page. */
static const char helpers[] =
    "window.count = function (q) { return document.querySelectorAll(q).length; };"
    "window.marks = function (id, kind) { return count('#plot-' + id + ' .mark-' + kind + '.role-mark > *'); };"
    "window.chart = function (id) { return JSON.parse(document.getElementById('data').textContent)"
    "  .filter(function (c) { return c.id === id; })[0]; };"
    "window.filled = function (id, chosen, picked) { var d = chart(id).domains; d = picked < 0 ? d : [d[picked]];"
    "  return d[0][chosen].filter(function (_, i) { return d.some(function (e) { return e[chosen][i] > 0; }); "
    "}).length; };"
    "window.total = function (id, chosen, picked) { var d = chart(id).domains; d = picked < 0 ? d : [d[picked]];"
    "  return d.reduce(function (s, e) { return s + e[chosen].reduce(function (a, b) { return a + b; }, 0); }, 0); };"
    "window.shown = function (q) { return Array.from(document.querySelectorAll(q)).filter(function (e) {"
    "  return e.offsetParent !== null || e.tagName === 'TR' && !e.hidden; }).length; };"
    "window.rgba = function (c) { var m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? m.concat(1) : m; };"
    "window.over = function (a, b) { return [0, 1, 2].map(function (i) { return a[i] * a[3] + b[i] * (1 - a[3]); "
    "}).concat(1); };"
    "window.paper = function (e) { var stack = []; for (; e; e = e.parentElement) { "
    "stack.push(rgba(getComputedStyle(e).backgroundColor)); }"
    "  stack.push(matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18, 1] : [255, 255, 255, 1]);"
    "  return stack.reduceRight(function (below, above) { return over(above, below); }); };"
    "window.light = function (c) { var v = c.slice(0, 3).map(function (x) { x /= 255; return x <= .03928 ? x / 12.92 : "
    "Math.pow((x + .055) / 1.055, 2.4); });"
    "  return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };"
    "window.contrast = function (e, property) { var below = paper(e); var ink = "
    "over(rgba(getComputedStyle(e)[property]), below);"
    "  var a = light(ink), b = light(below); return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); };"
    "window.worst = function (q, property) { return Array.from(document.querySelectorAll(q)).reduce(function (w, e) {"
    "  return Math.min(w, contrast(e, property)); }, 99); }; 1";

static void open_page(const char *name, int width) {
    chromium_open(in_folder(name), width, 900);
    json_decref(chromium_value(helpers));
}

static void expect(const char *expression, double wanted) {
    double got = chromium_number(expression);
    if (fabs(got - wanted) > 1e-9) {
        fail_msg("%s is %g, not %g", expression, got, wanted);
    }
}

static void nothing_went_wrong(void) { assert_string_equal(chromium_problems(), ""); }

/* ---- The tests ---- */

static void every_chart_has_its_marks(void **state) {
    (void)state;
    open_page("report.html", 1100);
    expect("marks('heads', 'rect')", SCENE_LAYERS * SCENE_HEADS);
    expect("marks('heads', 'symbol')", 2);
    expect("marks('effect', 'symbol')", 3);
    expect("marks('effect', 'rule')", 1);
    expect("marks('settling', 'symbol')", 6);
    expect("marks('settling', 'line')", 2);
    expect("marks('eval-0-accuracy', 'symbol')", 4);
    expect("marks('eval-0-accuracy', 'rule')", 5); /* four intervals and the line at 0 */
    expect("marks('eval-0-loss', 'symbol')", 2);
    expect("marks('selections-0-plane', 'symbol')", 3);
    expect("marks('eval-0-shares-accuracy', 'symbol')", 3);
    expect("marks('baselines-0', 'symbol')", 4);
    expect("marks('explained-0', 'symbol')", 5);
    expect("marks('scorings-0', 'symbol')", 2);
    expect("marks('head-pairs-0', 'symbol')", 2);
    expect("marks('judges-0', 'symbol')", 2);
    expect("marks('judges-0', 'rule')", 2);
    expect("marks('lengths', 'line')", 1);
    expect("marks('lengths', 'rect') - filled('lengths', 0, -1)", 0);
    expect("marks('losses', 'rect') - filled('losses', 0, -1)", 0);
    expect("marks('scores', 'rect') - filled('scores', 0, -1) - filled('scores', 1, -1)", 0);
    expect("total('scores', 0, -1)", SCENE_DOCUMENTS);
    expect("total('scores', 1, -1)", 24); /* a fifth of each domain */
    expect("total('lengths', 1, 0)", 12);
    nothing_went_wrong();
}

static void the_filter_changes_charts_tables_and_examples(void **state) {
    (void)state;
    open_page("report.html", 1100);
    expect("shown('.examples')", 3);
    expect("shown('#scores tr[data-domain]')", 4);
    json_decref(chromium_value("document.getElementById('domain').focus()"));
    chromium_press("ArrowDown", ARROW_DOWN);
    chromium_press("ArrowDown", ARROW_DOWN);
    assert_string_equal(chromium_text("document.getElementById('domain').selectedOptions[0].text"), "code");
    json_decref(chromium_value("new Promise(function (done) { setTimeout(done, 200); })"));
    expect("filled('scores', 0, 1) < filled('scores', 0, -1) ? 1 : 0", 1);
    expect("marks('scores', 'rect') - filled('scores', 0, 1) - filled('scores', 1, 1)", 0);
    expect("marks('losses', 'rect') - filled('losses', 0, 1)", 0);
    expect("shown('.examples')", 1);
    assert_string_equal(chromium_text("Array.from(document.querySelectorAll('.examples')).filter(function (e) { return "
                                      "!e.hidden; })[0].querySelector('h3').textContent"),
                        "code");
    expect("shown('#scores tr[data-domain]')", 2); /* all, and the one */
    chromium_press("ArrowUp", 38);
    chromium_press("ArrowUp", 38);
    json_decref(chromium_value("new Promise(function (done) { setTimeout(done, 200); })"));
    expect("marks('scores', 'rect') - filled('scores', 0, -1) - filled('scores', 1, -1)", 0);
    expect("shown('.examples')", 3);
    nothing_went_wrong();
}

/* Each Tab goes on in the order of the page, what it reaches is seen to have the focus, and nothing is left out. */
static void tab_goes_through_the_page_in_order(void **state) {
    (void)state;
    open_page("report.html", 1100);
    json_decref(chromium_value("window.last = null; window.stops = []"));
    int stops = 0;
    for (; stops < MOST_STOPS; stops++) {
        chromium_press("Tab", TAB);
        double where = chromium_number(
            "(function () { var e = document.activeElement; if (e === document.body || stops.indexOf(e) >= 0) { return "
            "0; }"
            "  var after = !last || last.compareDocumentPosition(e) & 4; var style = getComputedStyle(e);"
            "  last = e; stops.push(e); return after && style.outlineStyle !== 'none' && "
            "parseFloat(style.outlineWidth) >= 2 ? 1 : "
            "  e.matches('pre') ? 1 : -1; })()");
        if (where == 0) {
            break;
        }
        if (where < 0) {
            fail_msg("stop %d is out of order or can't be seen: %s", stops,
                     chromium_text("last.outerHTML.slice(0, 200)"));
        }
    }
    expect("stops[0].className === 'skip' ? 1 : 0", 1);
    expect("Array.from(document.querySelectorAll('a[href], select, summary, .wide')).filter(function (e) { return "
           "stops.indexOf(e) < 0; }).length",
           0);
    expect("stops.length", stops);
    nothing_went_wrong();
}

static void the_skip_link_leads_to_the_content(void **state) {
    (void)state;
    open_page("report.html", 1100);
    chromium_press("Tab", TAB);
    expect("document.activeElement.getBoundingClientRect().left >= 0 ? 1 : 0", 1);
    json_decref(chromium_call("Input.dispatchKeyEvent",
                              json_pack("{s:s, s:s, s:s, s:s, s:i}", "type", "keyDown", "key", "Enter", "code", "Enter",
                                        "text", "\r", "windowsVirtualKeyCode", 13)));
    assert_string_equal(chromium_text("document.activeElement.id"), "main");
}

static void a_narrow_screen_needs_no_sideways_scrolling(void **state) {
    (void)state;
    static const int widths[] = {320, 360, 768};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        open_page("report.html", widths[i]);
        expect("document.documentElement.scrollWidth > innerWidth ? 1 : 0", 0);
        expect("Array.from(document.querySelectorAll('main p, main h2, .plot, .wide, select')).filter(function (e) { "
               "return "
               "e.getBoundingClientRect().right > innerWidth + 1; }).length",
               0);
        nothing_went_wrong();
    }
}

static void text_and_marks_are_seen_on_light_and_on_dark(void **state) {
    (void)state;
    static const char *const schemes[] = {"light", "dark"};
    static const char *const texts[] = {"p",          "h1",    "h2",     "h4",    "nav a",  "td",      "th",  "caption",
                                        "figcaption", ".meta", ".range", ".note", "select", "summary", "pre", ".brand"};
    open_page("report.html", 1100);
    for (int s = 0; s < 2; s++) {
        chromium_scheme(schemes[s]);
        double dark = chromium_number("light(paper(document.body)) < .1 ? 1 : 0");
        assert_true(dark == s);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            char expression[128];
            snprintf(expression, sizeof expression, "worst('%s', 'color')", texts[i]);
            if (chromium_number(expression) < 4.5) {
                fail_msg("%s has too little contrast in the %s scheme", texts[i], schemes[s]);
            }
        }
        assert_true(chromium_number("worst('.plot svg text', 'fill')") >= 4.5);
        assert_true(chromium_number("worst('#plot-eval-0-accuracy .mark-symbol path', 'fill')") >= 3);
        assert_true(chromium_number("worst('#plot-explained-0 .mark-symbol path', 'fill')") >= 3);
        assert_true(chromium_number("worst('#plot-lengths .mark-line path', 'stroke')") >= 3);
    }
    chromium_scheme("");
    nothing_went_wrong();
}

static void it_prints_whole(void **state) {
    (void)state;
    open_page("report.html", 1100);
    json_decref(chromium_call("Emulation.setEmulatedMedia", json_pack("{s:s}", "media", "print")));
    expect("Array.from(document.querySelectorAll('.wide, .examples pre')).filter(function (e) { return "
           "getComputedStyle(e).overflowY !== 'visible'; }).length",
           0);
    expect("document.querySelector('nav').offsetHeight", 0);
    json_t *printed = chromium_call("Page.printToPDF", NULL);
    assert_true(strlen(json_string_value(json_object_get(printed, "data"))) > 20000);
    json_decref(printed);
    json_decref(chromium_call("Emulation.setEmulatedMedia", json_pack("{s:s}", "media", "")));
    nothing_went_wrong();
}

static void hostile_text_stays_text(void **state) {
    (void)state;
    open_page("report.html", 1100);
    expect("count('script')", 5); /* data, Vega, Vega-Lite, the interpreter, ours */
    expect("count('img, iframe, object, embed, b, i, link, base, form:not(.vega-bindings)')", 0);
    expect("count('[onclick], [onerror], [onload], [style*=url]')", 0);
    expect("Array.from(document.querySelectorAll('.examples pre')).some(function (e) { return e.textContent === '"
           "<\\/script><script>alert(1)<\\/script> text number 0\\\\x1b[2J'; }) ? 1 : 0",
           1);
    expect("document.body.textContent.indexOf('\\x1b') < 0 ? 1 : 0", 1);
    expect("Array.from(document.querySelectorAll('.examples .name')).some(function (e) { return e.textContent === '"
           "<\\/script><script>alert(1)<\\/script>\\\\x1b'; }) ? 1 : 0",
           1);
    expect("Array.from(document.querySelectorAll('option')).some(function (o) { return o.text === '<b "
           "onclick=\"alert(2)\">&amp;\\\\x1b'; }) ? 1 : 0",
           1);
    expect("document.body.textContent.indexOf('x<img src=x onerror=alert(3)>.json') > 0 ? 1 : 0", 1);
    expect("document.title.indexOf('Tiny <\\/script>') > 0 ? 1 : 0", 1);
    nothing_went_wrong();
}

/* The policy is there and works: a script that does not stand in it does not run. */
static void the_policy_stops_other_scripts(void **state) {
    (void)state;
    open_page("report.html", 1100);
    json_decref(chromium_value(
        "var s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)"));
    expect("window.ran === undefined ? 1 : 0", 1);
    expect("(function () { try { return new Function('return 1')(); } catch (e) { return 0; } })()", 0);
    expect("fetch('file:///etc/hostname').then(function () { return 1; }, function () { return 0; })", 0);
    assert_string_not_equal(chromium_problems(), "");
}

/* Without scripts the words and tables are there, and no chart leaves a hole. */
static void it_reads_without_scripts(void **state) {
    (void)state;
    json_decref(chromium_call("Emulation.setScriptExecutionDisabled", json_pack("{s:b}", "value", 1)));
    char url[1200];
    snprintf(url, sizeof url, "file://%s", in_folder("report.html"));
    json_decref(chromium_call("Page.navigate", json_pack("{s:s}", "url", url)));
    while (chromium_number("document.readyState === 'complete' ? 1 : 0") < 1) {
        usleep(20000);
    }
    expect("document.querySelectorAll('table').length >= 12 ? 1 : 0", 1);
    expect("Array.from(document.querySelectorAll('.plot')).filter(function (e) { return e.offsetHeight > 0; }).length",
           0);
    json_decref(chromium_call("Emulation.setScriptExecutionDisabled", json_pack("{s:b}", "value", 0)));
}

/* ---- With a model ---- */

static void write_coloured_corpus(void) {
    struct hs_buffer lines = {0};
    for (int i = 0; i < 12; i++) {
        hs_buffer_printf(&lines, "{\"id\": \"t%d\", \"text\": \"%s and the number %d of %d\"}\n", i, EVIL, 7919 * i,
                         i * i);
    }
    write_bytes("coloured.jsonl", lines.data);
    hs_buffer_free(&lines);
}

static void make_coloured(void) {
    static double scores[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const char *const paths[] = {in_folder("coloured.jsonl")};
    const headsift_inputs inputs = {.paths = paths, .n_paths = 1};
    const headsift_report_options options = {.price = 2, .classifier_speed = 1e6};
    model = tiny_scorer(false);
    headsift_heads heads = *tiny_heads();
    heads.n_layer = 0;
    heads.scores = scores[0] > 0 ? scores : NULL;
    write_coloured_corpus();
    assert_int_equal(hs_make_directory(in_folder("coloured"), &last_error), HEADSIFT_OK);
    assert_int_equal(headsift_heads_save(&heads, in_folder("coloured/heads.json"), &last_error), HEADSIFT_OK);
    if (headsift_score_files(model, &heads, NULL, &inputs, in_folder("coloured/scores"), false, NULL, NULL,
                             &last_error) != HEADSIFT_OK ||
        headsift_report(model, in_folder("coloured"), &options, in_folder("coloured.html"), NULL, &last_error) !=
            HEADSIFT_OK) {
        fail_msg("%s", last_error.message);
    }
}

/* The classes of the spans are the levels of the rises that their tooltips tell. */
static void tokens_have_the_colours_of_their_rise(void **state) {
    (void)state;
    open_page("coloured.html", 1100);
    expect("count('.examples pre span[title]') > 100 ? 1 : 0", 1);
    expect("Array.from(document.querySelectorAll('.examples pre span[title]')).filter(function (e) {"
           "  var rise = Number(e.title), size = Math.abs(rise);"
           "  var level = size >= 2 ? 4 : size >= 1 ? 3 : size >= .5 ? 2 : size >= .1 ? 1 : 0;"
           "  var name = level ? (rise > 0 ? 'abcd' : 'efgh')[level - 1] : '';"
           "  var edge = [2, 1, .5, .1].some(function (x) { return Math.abs(size - x) < .001; });"
           "  return e.className !== name && !edge; }).length",
           0);
    expect("count('.examples pre .a') > 0 && count('.examples pre .e') > 0 ? 1 : 0", 1);
    expect("document.querySelector('.examples pre').textContent.indexOf('<\\/script><script>alert(1)<\\/script> and "
           "the number') === 0 ? 1 : 0",
           1);
    expect("count('script')", 5);
    expect("document.querySelectorAll('#cost tbody tr').length", 3);
    for (int dark = 0; dark < 2; dark++) {
        chromium_scheme(dark ? "dark" : "light");
        assert_true(chromium_number("worst('.examples pre span, .key span', 'color')") >= 4.5);
    }
    chromium_scheme("");
    nothing_went_wrong();
}

static int begin(void **state) {
    (void)state;
    report_scene("report_page");
    report_to("report.html", NULL, HEADSIFT_OK);
    make_coloured();
    chromium_start(in_folder("profile"));
    return 0;
}

static int end(void **state) {
    (void)state;
    chromium_stop();
    headsift_model_close(model);
    return 0;
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chart_has_its_marks),
        cmocka_unit_test(the_filter_changes_charts_tables_and_examples),
        cmocka_unit_test(tab_goes_through_the_page_in_order),
        cmocka_unit_test(the_skip_link_leads_to_the_content),
        cmocka_unit_test(a_narrow_screen_needs_no_sideways_scrolling),
        cmocka_unit_test(text_and_marks_are_seen_on_light_and_on_dark),
        cmocka_unit_test(it_prints_whole),
        cmocka_unit_test(hostile_text_stays_text),
        cmocka_unit_test(the_policy_stops_other_scripts),
        cmocka_unit_test(it_reads_without_scripts),
        cmocka_unit_test(tokens_have_the_colours_of_their_rise),
    };
    if (!chromium_there()) {
        print_message("skipped: chromium is not installed (sh scripts/setup.sh tests installs it)\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, begin, end);
}
