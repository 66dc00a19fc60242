/* SVG by hand, over the writer of markup. */
#ifndef GB_SVG_H
#define GB_SVG_H

#include <stdio.h>

/* The whole picture: its size in pixels, a title for who cannot see it, and CSS. The caller's own style is not escaped. */
void gb_svg_begin(FILE *out, double width, double height, const char *title, const char *style);
void gb_svg_end(FILE *out);

void gb_svg_text(FILE *out, double x, double y, const char *css_class, const char *text);
void gb_svg_line(FILE *out, double x1, double y1, double x2, double y2, const char *css_class);
void gb_svg_path(FILE *out, const char *css_class, const char *path);

/* Between them numbers and letters of the path are printed as they are. */
void gb_svg_path_begin(FILE *out, const char *css_class);
void gb_svg_path_end(FILE *out);

#endif
