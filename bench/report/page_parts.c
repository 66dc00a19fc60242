#include "page_parts.h"

#include <math.h>
#include <stdarg.h>

#include "markup.h"
#include "report_words.h"

void gb_section_begin(FILE *out, const char *id, const char *title) {
    gb_markup_open(out, "section");
    gb_markup_word(out, "id", id);
    gb_markup_inside(out);
    gb_markup_element(out, "h2", NULL, title);
}

void gb_paragraph(FILE *out, const char *css_class, const char *format, ...) {
    char text[1200];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    gb_markup_element(out, "p", css_class, text);
}

void gb_table_begin(FILE *out, const char *css_class, const char *caption, const char *const *heads) {
    gb_paragraph(out, "quiet", "%s", caption);
    gb_markup_open(out, "div");
    gb_markup_word(out, "class", "wide");
    gb_markup_word(out, "tabindex", "0");
    gb_markup_word(out, "role", "region");
    gb_markup_word(out, "aria-label", caption);
    gb_markup_inside(out);
    gb_markup_open(out, "table");
    gb_markup_word(out, "class", css_class);
    gb_markup_inside(out);
    fputs("<thead><tr>\n", out);
    for (size_t i = 0; heads[i]; i++) {
        const bool number = heads[i][0] == '#';
        gb_markup_open(out, "th");
        gb_markup_word(out, "scope", "col");
        if (number) gb_markup_word(out, "class", "n");
        gb_markup_close(out, "th", heads[i] + number);
    }
    fputs("</tr></thead><tbody>\n", out);
}

void gb_table_end(FILE *out) { fputs("</tbody></table></div>\n", out); }

void gb_row_begin(FILE *out, const char *css_class) {
    gb_markup_open(out, "tr");
    if (css_class) gb_markup_word(out, "class", css_class);
    gb_markup_inside(out);
}

void gb_cell(FILE *out, const char *css_class, const char *text) { gb_markup_element(out, "td", css_class, text); }

void gb_number_cell(FILE *out, double value, const char *text) {
    gb_markup_open(out, "td");
    gb_markup_word(out, "class", "n");
    if (isfinite(value)) fprintf(out, " data-v=\"%.6g\"", value);
    gb_markup_close(out, "td", isfinite(value) ? text : "");
}

void gb_ratio_cell(FILE *out, double value) {
    char text[24];
    gb_number_cell(out, value > 0 ? value : NAN, gb_ratio_text(value, text, sizeof text));
}

void gb_time_cell(FILE *out, double ns) {
    char text[40];
    gb_number_cell(out, ns > 0 ? ns : NAN, gb_time_text(ns, text, sizeof text));
}

void gb_count_cell(FILE *out, size_t count) {
    char text[24];
    snprintf(text, sizeof text, "%zu", count);
    gb_number_cell(out, (double)count, text);
}

void gb_name_cell(FILE *out, const char *text) {
    gb_markup_open(out, "th");
    gb_markup_word(out, "scope", "row");
    gb_markup_close(out, "th", text);
}
