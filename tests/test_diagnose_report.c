/* The page of a diagnosis: all parts, well-formed, with data in each plot, and nothing from
 * outside.
 *
 * With ELMAN_WRITE_REPORTS set to a folder, the pages are also written there: tests/report looks at
 * them in a browser. */
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diagnose/plot.h"
#include "diagram_sheet.h"
#include "made_diagnosis.h"

static const char hostile[] = "a<script>&\"'\x01\xff http-like </title> \xF0\x9F\x92\xA1";

static Made *make(size_t layers) {
    Made *const made = malloc(sizeof *made);
    assert_non_null(made);
    made_diagnosis(made, layers);
    return made;
}

static Sheet report(const elman_diagnosis *diagnosis, const elman_report_options *options) {
    Sheet sheet = {NULL, 0};
    elman_error error = {0};
    if (elman_diagnosis_report(diagnosis, options, sheet_write, &sheet, &error))
        fail_msg("%s", error.message);
    return sheet;
}

static void keep(const char *name, const Sheet *sheet) {
    const char *const folder = getenv("ELMAN_WRITE_REPORTS");
    char path[1024];
    if (!folder) return;
    (void)snprintf(path, sizeof path, "%s/%s.html", folder, name);
    FILE *const file = fopen(path, "wb");
    if (!file) fail_msg("%s: cannot be written", path);
    assert_int_equal(fwrite(sheet->text, 1, sheet->size, file), sheet->size);
    assert_int_equal(fclose(file), 0);
}

/* Tags nest, and nothing is asked for from outside. */
static void check_page(const char *name, const Sheet *sheet) {
    static const char *const forbidden[] = {
        "http",    "<script",    "url(", "@import", "src=", "href=", "onload", "<link",
        "<iframe", "javascript", "nan<", "inf<",    " nan", "-nan",  "(null)"};
    static const char doctype[] = "<!DOCTYPE html>\n";
    keep(name, sheet);
    assert_memory_equal(sheet->text, doctype, sizeof doctype - 1);
    check_xml(name, sheet->text + sizeof doctype - 1);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        const char *const found = strstr(sheet->text, forbidden[i]);
        if (found) fail_msg("%s: holds \"%.40s\"", name, found);
    }
    assert_non_null(strstr(sheet->text, "prefers-color-scheme:dark"));
}

/* What is between `open` and the next `close` behind it; NULL: nothing any more. */
static const char *cut(const char **at, const char *open, const char *close, size_t *size) {
    const char *const start = strstr(*at, open);
    if (!start) return NULL;
    const char *const end = strstr(start, close);
    assert_non_null(end);
    *at = end;
    *size = (size_t)(end - start);
    return start;
}

/* The vertices of paths of one class in a piece of text: commands of M, L. */
static size_t count_vertices(const char *text, size_t size, char class) {
    char open[32];
    size_t count = 0;
    for (const char *at = text; at < text + size; at++) {
        (void)snprintf(open, sizeof open, "<path class=\"%c", class);
        if (strncmp(at, open, strlen(open)) != 0 || !isdigit((unsigned char)at[strlen(open)]))
            continue;
        const char *data = strstr(at, " d=\"");
        assert_non_null(data);
        for (data += 4; *data != '"'; data++) count += *data == 'M' || *data == 'L';
    }
    return count;
}

/* Every plot has a name, a description or bars, and at least `least` points on each of its lines.
 */
static size_t check_plots(const Sheet *sheet, size_t least) {
    const char *at = sheet->text, *figure;
    size_t plots = 0, size = 0;
    for (; (figure = cut(&at, "<figure>", "</figure>", &size)); plots++) {
        const char *const svg = strstr(figure, "<svg class=\"plot\"");
        assert_true(svg && svg < figure + size);
        assert_non_null(strstr(svg, "role=\"img\" aria-label=\""));
        assert_non_null(strstr(svg, "<title>"));
        const size_t drawn = (size_t)(strstr(svg, "</svg>") - svg);
        const size_t lines = count_vertices(svg, drawn, 'l'),
                     bars = count_vertices(svg, drawn, 'f');
        if (lines < least && bars == 0)
            fail_msg("a plot with %zu points: %.80s", lines, figure + strlen("<figure>\n"));
    }
    return plots;
}

static void check_section(const Sheet *sheet, const char *id, size_t plots, bool absent) {
    char open[64];
    size_t size = 0, found = 0;
    const char *at = sheet->text;
    (void)snprintf(open, sizeof open, "<section id=\"%s\">", id);
    const char *const section = cut(&at, open, "</section>", &size);
    if (!section) fail_msg("no section %s", id);
    for (const char *c = section; c < section + size; c++)
        found += strncmp(c, "<figure>", strlen("<figure>")) == 0;
    if (found != plots) fail_msg("%s has %zu plots, expected %zu", id, found, plots);
    const char *const sentence = strstr(section, "class=\"absent\"");
    assert_true(absent == (sentence && sentence < section + size));
    const char *const read = strstr(section, "class=\"read\"");
    assert_true(absent != (read && read < section + size));
}

static void everything_is_shown(void **state) {
    Made *const made = make(2);
    const elman_report_options options = {.struct_size = sizeof options,
                                          .title = "Diagnosis of kjv.safetensors",
                                          .model_name = "kjv.safetensors",
                                          .data_name = "kjv.txt"};
    Sheet sheet = report(&made->diagnosis, &options);
    (void)state;
    check_page("full", &sheet);
    check_section(&sheet, "gradient", 2, false);
    check_section(&sheet, "context", 1, false);
    check_section(&sheet, "errors", 1, false);
    check_section(&sheet, "jacobian", 2, false);
    check_section(&sheet, "activity", 2, false);
    check_section(&sheet, "time-constants", 2, false);
    check_section(&sheet, "training", 3, false);
    check_section(&sheet, "drift", 3, false);
    check_section(&sheet, "meanings", 0, false);
    assert_int_equal(check_plots(&sheet, 8), 16);
    static const char *const said[] = {
        "<title>Diagnosis of kjv.safetensors</title>",
        "Model kjv.safetensors on data kjv.txt",
        "Troubles were found: vanishing-gradient, dead-units.</p>",
        "<p class=\"cure\">Use a cell that carries its state along: --cell lstm.</p>",
        "and what the errors owe to the input is 96 steps back.",
        "<dd>65.8</dd>",
        "memory horizon: 65.8",
        "memory horizon: beyond the plot",
        "training window: 64",
        "used horizon: 11.6",
        "i 0.7, f 0.91, g 1.12, o 1.33",
        "r 0.7, z 0.91, n 1.12",
        "23, 24 and 6 more.",
        "31 and 32 (0.9999)",
        "30 and 32 (−0.9995)",
        "Clipping acted in 12 % of 400 steps, where the norm was 1.31 times the limit",
        "The loss jumped up 1 time, at step 201.",
        "Unit 18 of layer 1: inside quotes (0.913)",
        "<i>␣</i>",
        "<i>↵</i>",
        "<i>⇥</i>",
        "Blue is h up to 1, red down to −1.",
        "&lt;b",
        "&lt; 1 %, 57 %",
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (!strstr(sheet.text, said[i])) fail_msg("the page does not say \"%s\"", said[i]);
    free(sheet.text);
    free(made);
}

/* Each measure that is not there says why, in one sentence. */
static void what_is_not_measured_is_said(void **state) {
    static const char *const sections[] = {"gradient", "context",  "errors",
                                           "jacobian", "activity", "time-constants",
                                           "training", "drift",    "meanings"};
    Made *const made = make(0);
    (void)state;
    made->diagnosis.summary = (elman_diagnosis_summary){
        .loss = NAN, .baseline = NAN, .memory_horizon = NAN, .used_horizon = NAN};
    made->diagnosis.health = (elman_training_health){0};
    made->diagnosis.log = NULL;
    made->diagnosis.passage_steps = 0;
    Sheet sheet = report(&made->diagnosis, NULL);
    check_page("nothing", &sheet);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        check_section(&sheet, sections[i], 0, true);
    assert_non_null(strstr(sheet.text, "Healthy: no trouble was found."));
    assert_non_null(strstr(sheet.text, "<title>Diagnosis</title>"));
    assert_non_null(strstr(sheet.text, "Not measured: there is no log of the run."));
    free(sheet.text);
    free(made);
}

static void a_log_alone_has_its_plots(void **state) {
    Made *const made = make(0);
    (void)state;
    const elman_log_step *const log = made->diagnosis.log;
    made->diagnosis.summary = (elman_diagnosis_summary){
        .loss = NAN, .baseline = NAN, .memory_horizon = NAN, .used_horizon = NAN};
    made->diagnosis.health.not_finite = "step 44: the loss is not finite";
    made->diagnosis.health.not_finite_step = 44;
    made->log[43].loss = INFINITY;
    made->log[42].loss = 1e30;
    assert_ptr_equal(log, made->log);
    Sheet sheet = report(&made->diagnosis, NULL);
    check_page("log", &sheet);
    check_section(&sheet, "training", 3, false);
    check_section(&sheet, "gradient", 0, true);
    assert_int_equal(check_plots(&sheet, 8), 3);
    assert_non_null(strstr(sheet.text, "step 44: the loss is not finite"));
    assert_non_null(strstr(sheet.text, ">1e30</text>"));
    free(sheet.text);
    free(made);
}

static void check_drawn(const Plot *plot, const char *path) {
    Sheet sheet = {NULL, 0};
    DiagramOut out;
    elman_error error = {0};
    diagram_out_init(&out, sheet_write, &sheet);
    plot_draw(&out, plot);
    assert_int_equal(diagram_out_finish(&out, &error), ELMAN_OK);
    if (!strstr(sheet.text, path)) fail_msg("no %s in %s", path, sheet.text);
    free(sheet.text);
}

/* The plane is 356 by 200 pixels from (62, 28) on; an axis from 0 goes a twentieth beyond its
 * greatest number, so that 4 of 4.2 stands at 62 + 339.0 and 10 of 10.5 at 228 - 190.5. */
static void points_stand_where_they_should(void **state) {
    static const double x[] = {0.0, 2.0, 4.0};
    static const double high[] = {0.0, 10.0, 10.0};
    double y[] = {0.0, 5.25, 10.0};
    Plot plot = {.title = "plot", .x_name = "x", .y_name = "y"};
    (void)state;
    PlotSeries *const series = plot_add(&plot, 3, plot_doubles(x), plot_doubles(y), "line");
    assert_non_null(series);
    check_drawn(&plot, "<path class=\"l0\" d=\"M62 228L231.5 128L401 37.5\"/>");
    series->low = plot_doubles(y);
    series->high = plot_doubles(high);
    check_drawn(&plot, "<path class=\"b0\" d=\"M62 228L231.5 37.5L401 37.5L401 37.5L231.5 128L62 "
                       "228z\"/>");
    series->low = series->high = (PlotNumbers){0};
    y[1] = NAN;
    check_drawn(&plot, "<path class=\"l0\" d=\"M62 228m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0M401 37.5m");
    series->joined = true;
    check_drawn(&plot, "<path class=\"l0\" d=\"M62 228L401 37.5\"/>");
    plot_mark(&plot, PLOT_WINDOW, 2.0, "window");
    check_drawn(&plot, "<path class=\"m2\" d=\"M231.5 28v200\"/>");
    /* From 1 to 10 in 1, 2, 5, 10: 2 is at the logarithm 0.30103. */
    y[0] = 1.0;
    y[1] = 2.0;
    plot.y_logarithmic = true;
    check_drawn(&plot, "<path class=\"l0\" d=\"M62 228L231.5 167.8L401 28\"/>");
}

/* One point is no line. */
static void a_lone_point_is_no_plot(void **state) {
    Made *const made = make(2);
    (void)state;
    for (size_t i = 1; i + 1 < MADE_DRIFT; i++) made->drift_loss[i] = NAN;
    Sheet sheet = report(&made->diagnosis, NULL);
    check_section(&sheet, "drift", 2, false);
    free(sheet.text);
    free(made);
}

static void both_directions_have_names(void **state) {
    Made *const made = make(2);
    (void)state;
    made->layers[1].layer = 0;
    made->layers[1].reverse = 1;
    made->diagnosis.summary.context_count = 0;
    made->diagnosis.summary.used_horizon = NAN;
    made->diagnosis.summary.memory_horizon = INFINITY;
    Sheet sheet = report(&made->diagnosis, NULL);
    check_page("both-ways", &sheet);
    assert_non_null(strstr(sheet.text, "Gradient by lag: layer 0, forward</figcaption>"));
    assert_non_null(strstr(sheet.text, "Gradient by lag: layer 0, backward</figcaption>"));
    assert_non_null(strstr(sheet.text, "steps ahead"));
    assert_non_null(strstr(sheet.text, "<dd>more than 128</dd>"));
    assert_non_null(strstr(sheet.text, "<td>more than 128</td>"));
    check_section(&sheet, "context", 0, true);
    assert_non_null(strstr(sheet.text, "layers that read backward too"));
    free(sheet.text);
    free(made);
}

/* More layers than a plot has colours, and than it has room for; numbers of all sizes; lone points;
 * gaps. */
static void hard_numbers_are_drawn(void **state) {
    Made *const made = make(MADE_LAYERS_MAX);
    (void)state;
    made->gradient[3] = (elman_quartiles){NAN, NAN, NAN};
    made->gradient[5] = (elman_quartiles){0.0, 0.0, 1e-300};
    made->gradient[7] = (elman_quartiles){1e-9, 1e30, INFINITY};
    made->drift_loss[3] = made->drift_loss[5] = NAN;
    for (size_t i = 0; i < MADE_DRIFT; i++) made->state_norm[i] = 0.0;
    made->exponents[0] = -INFINITY;
    made->error_by_lag[4] = NAN;
    for (size_t i = 0; i < MADE_STEPS; i++) made->log[i].learning_rate = 1e-3;
    Sheet sheet = report(&made->diagnosis, NULL);
    check_page("hard", &sheet);
    (void)check_plots(&sheet, 7);
    assert_non_null(strstr(sheet.text, "l0 dash"));
    assert_non_null(strstr(sheet.text, "The learning rate was 0.001 throughout."));
    check_section(&sheet, "training", 2, false);
    assert_non_null(strstr(sheet.text, "the first 16 of 20"));
    free(sheet.text);
    free(made);
}

/* A log of many steps stays a small picture, and its jump is seen. */
static void a_long_log_stays_small(void **state) {
    enum { LONG = 100000 };
    Made *const made = make(1);
    elman_log_step *const log = calloc(LONG, sizeof *log);
    uint32_t noise = 3;
    (void)state;
    assert_non_null(log);
    for (size_t i = 0; i < LONG; i++)
        log[i] = (elman_log_step){.step = i + 1,
                                  .loss = 2.0 + made_noise(&noise),
                                  .learning_rate = 1e-3,
                                  .gradient_norm = 1.0,
                                  .validation_loss = NAN};
    log[54321].loss = 17.0;
    made->diagnosis.log = log;
    made->diagnosis.log_count = LONG;
    made->diagnosis.health.best_validation = NAN;
    Sheet sheet = report(&made->diagnosis, NULL);
    check_page("long", &sheet);
    assert_in_range(sheet.size, 20000, 120000);
    assert_non_null(strstr(sheet.text, ">15</text>"));
    free(sheet.text);
    free(log);
    free(made);
}

static void names_are_escaped(void **state) {
    Made *const made = make(2);
    const elman_report_options options = {.struct_size = sizeof options,
                                          .title = hostile,
                                          .model_name = hostile,
                                          .data_name = hostile};
    (void)state;
    made->meanings[0].event = "<b>lag & \"1\"";
    made->findings[0].sentence = "x < 1 & y > 2";
    made->findings[0].prescription = "take <i>";
    made->diagnosis.health.not_finite = "</section>";
    made->labels[0] = "<";
    Sheet sheet = report(&made->diagnosis, &options);
    const char *const title = strstr(sheet.text, "<h1>");
    assert_non_null(title);
    assert_memory_equal(title, "<h1>a&lt;script&gt;&amp;&quot;'", 31);
    assert_null(strstr(sheet.text, "<script"));
    assert_null(strchr(sheet.text, '\x01'));
    assert_null(strchr(sheet.text, '\xff'));
    check_xml("hostile", sheet.text + strlen("<!DOCTYPE html>\n"));
    assert_non_null(strstr(sheet.text, "&lt;b&gt;lag &amp; &quot;1&quot;"));
    assert_non_null(strstr(sheet.text, "x &lt; 1 &amp; y &gt; 2"));
    assert_non_null(strstr(sheet.text, "take &lt;i&gt;"));
    free(sheet.text);
    free(made);
}

static void the_same_gives_the_same_bytes(void **state) {
    Made *const made = make(2);
    Sheet first = report(&made->diagnosis, NULL);
    const bool german = setlocale(LC_ALL, "de_DE.UTF-8") || setlocale(LC_ALL, "de_DE.utf8");
    Sheet second = report(&made->diagnosis, NULL);
    (void)setlocale(LC_ALL, "C");
    (void)state;
    assert_string_equal(first.text, second.text);
    if (!german) print_message("no German locale: not checked\n");
    free(first.text);
    free(second.text);
    free(made);
}

/* Takes so many pieces, then says stop. */
static int write_some(void *user, const char *bytes, size_t size) {
    size_t *const left = user;
    (void)bytes;
    (void)size;
    if (*left == 0) return 1;
    --*left;
    return 0;
}

static void a_receiver_may_stop(void **state) {
    Made *const made = make(2);
    elman_status status = ELMAN_ERR_CANCELLED;
    (void)state;
    for (size_t pieces = 0; status; pieces++) {
        elman_error error = {0};
        size_t left = pieces;
        status = elman_diagnosis_report(&made->diagnosis, NULL, write_some, &left, &error);
        if (!status) break;
        assert_int_equal(status, ELMAN_ERR_CANCELLED);
        assert_string_equal(error.message, "a report: its receiver asked to stop");
        assert_true(pieces < 1000);
    }
    free(made);
}

static void options_of_another_time_are_refused(void **state) {
    Made *const made = make(0);
    const elman_report_options options = {.struct_size = 3};
    elman_error error = {0};
    size_t left = 0;
    (void)state;
    assert_int_equal(elman_diagnosis_report(&made->diagnosis, &options, write_some, &left, &error),
                     ELMAN_ERR_ARGUMENT);
    free(made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_shown),
        cmocka_unit_test(what_is_not_measured_is_said),
        cmocka_unit_test(a_log_alone_has_its_plots),
        cmocka_unit_test(points_stand_where_they_should),
        cmocka_unit_test(a_lone_point_is_no_plot),
        cmocka_unit_test(both_directions_have_names),
        cmocka_unit_test(hard_numbers_are_drawn),
        cmocka_unit_test(a_long_log_stays_small),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(the_same_gives_the_same_bytes),
        cmocka_unit_test(a_receiver_may_stop),
        cmocka_unit_test(options_of_another_time_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
