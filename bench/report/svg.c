#include "svg.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes of the character of valid UTF-8 that XML may hold and that begins here; 0: there is none. */
static size_t character(const unsigned char *p) {
    static const struct {
        unsigned char from, to, second_from, second_to, length;
    } forms[] = {
        {' ', '~', 0, 0, 1},         {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe) return 0; /* no character */
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (p[0] < forms[i].from || p[0] > forms[i].to) continue;
        if (forms[i].length > 1 && (p[1] < forms[i].second_from || p[1] > forms[i].second_to)) return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if (p[k] < 0x80 || p[k] > 0xbf) return 0;
        return forms[i].length;
    }
    return 0;
}

void gb_svg_escape(FILE *out, const char *text) {
    for (size_t length; *text; text += length ? length : 1) {
        length = character((const unsigned char *)text);
        switch (length ? *text : '?') {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&#39;", out); break;
        case '?': fputc('?', out); break;
        default: fwrite(text, 1, length, out);
        }
    }
}

void gb_svg_open(FILE *out, const char *element) { fprintf(out, "<%s", element); }

void gb_svg_number(FILE *out, const char *name, double value) {
    fprintf(out, " %s=\"%.*f\"", name, value != floor(value), value);
}

void gb_svg_word(FILE *out, const char *name, const char *value) {
    fprintf(out, " %s=\"", name);
    gb_svg_escape(out, value);
    fputc('"', out);
}

void gb_svg_close(FILE *out, const char *element, const char *text) {
    if (!text) {
        fputs("/>\n", out);
        return;
    }
    fputc('>', out);
    gb_svg_escape(out, text);
    fprintf(out, "</%s>\n", element);
}

void gb_svg_text(FILE *out, double x, double y, const char *css_class, const char *text) {
    gb_svg_open(out, "text");
    gb_svg_number(out, "x", x);
    gb_svg_number(out, "y", y);
    gb_svg_word(out, "class", css_class);
    gb_svg_close(out, "text", text);
}

void gb_svg_begin(FILE *out, double width, double height, const char *title, const char *style) {
    gb_svg_open(out, "svg");
    gb_svg_word(out, "xmlns", "http://www.w3.org/2000/svg");
    gb_svg_word(out, "role", "img");
    gb_svg_number(out, "width", width);
    gb_svg_number(out, "height", height);
    fprintf(out, " viewBox=\"0 0 %.0f %.0f\">\n", width, height);
    gb_svg_open(out, "title");
    gb_svg_close(out, "title", title);
    fprintf(out, "<style>\n%s</style>\n", style);
}

void gb_svg_end(FILE *out) { fputs("</svg>\n", out); }
