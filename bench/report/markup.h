/* HTML and SVG by hand. All texts and attributes go through one writer, which escapes them; what it writes is XML, too. */
#ifndef GB_MARKUP_H
#define GB_MARKUP_H

#include <stdio.h>

/* What XML keeps for itself becomes an entity; control characters, and bytes that are no UTF-8, become '?'. */
void gb_markup_escape(FILE *out, const char *text);

/* An element: gb_markup_open(out, "rect"), its attributes, and gb_markup_close(out, "rect", text), with NULL for no text. */
void gb_markup_open(FILE *out, const char *element);
void gb_markup_number(FILE *out, const char *name, double value); /* to a tenth of a pixel */
void gb_markup_word(FILE *out, const char *name, const char *value);
void gb_markup_close(FILE *out, const char *element, const char *text);

/* Or, around others: gb_markup_open, its attributes, gb_markup_inside, the others, and gb_markup_end. */
void gb_markup_inside(FILE *out);
void gb_markup_end(FILE *out, const char *element);

/* One with a class (NULL: none) and a text, at once. */
void gb_markup_element(FILE *out, const char *element, const char *css_class, const char *text);

#endif
