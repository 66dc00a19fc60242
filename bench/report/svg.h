/* SVG by hand. All texts and attributes go through one writer, which escapes them. */
#ifndef GB_SVG_H
#define GB_SVG_H

#include <stdio.h>

/* What XML keeps for itself becomes an entity; control characters, and bytes that are no UTF-8, become '?'. */
void gb_svg_escape(FILE *out, const char *text);

/* The whole picture: its size in pixels, a title for who cannot see it, and CSS. The caller's own style is not escaped. */
void gb_svg_begin(FILE *out, double width, double height, const char *title, const char *style);
void gb_svg_end(FILE *out);

/* An element: gb_svg_open(out, "rect"), its attributes, and gb_svg_close(out, "rect", text), with NULL for no text. */
void gb_svg_open(FILE *out, const char *element);
void gb_svg_number(FILE *out, const char *name, double value); /* to a tenth of a pixel */
void gb_svg_word(FILE *out, const char *name, const char *value);
void gb_svg_close(FILE *out, const char *element, const char *text);

void gb_svg_text(FILE *out, double x, double y, const char *css_class, const char *text);

#endif
