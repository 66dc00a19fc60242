#include "svg.h"

#include "markup.h"

void gb_svg_text(FILE *out, double x, double y, const char *css_class, const char *text) {
    gb_markup_open(out, "text");
    gb_markup_number(out, "x", x);
    gb_markup_number(out, "y", y);
    gb_markup_word(out, "class", css_class);
    gb_markup_close(out, "text", text);
}

void gb_svg_line(FILE *out, double x1, double y1, double x2, double y2, const char *css_class) {
    gb_markup_open(out, "line");
    gb_markup_number(out, "x1", x1);
    gb_markup_number(out, "y1", y1);
    gb_markup_number(out, "x2", x2);
    gb_markup_number(out, "y2", y2);
    gb_markup_word(out, "class", css_class);
    gb_markup_close(out, "line", NULL);
}

void gb_svg_path_begin(FILE *out, const char *css_class) {
    gb_markup_open(out, "path");
    gb_markup_word(out, "class", css_class);
    fputs(" d=\"", out);
}

void gb_svg_path_end(FILE *out) { fputs("\"/>\n", out); }

void gb_svg_path(FILE *out, const char *css_class, const char *path) {
    gb_svg_path_begin(out, css_class);
    gb_markup_escape(out, path);
    gb_svg_path_end(out);
}

void gb_svg_begin(FILE *out, double width, double height, const char *title, const char *style) {
    gb_markup_open(out, "svg");
    gb_markup_word(out, "xmlns", "http://www.w3.org/2000/svg");
    gb_markup_word(out, "role", "img");
    gb_markup_number(out, "width", width);
    gb_markup_number(out, "height", height);
    fprintf(out, " viewBox=\"0 0 %.0f %.0f\"", width, height);
    gb_markup_inside(out);
    gb_markup_element(out, "title", NULL, title);
    fprintf(out, "<style>\n%s</style>\n", style);
}

void gb_svg_end(FILE *out) { gb_markup_end(out, "svg"); }
