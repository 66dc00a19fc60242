#include "markup.h"

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

void gb_markup_escape(FILE *out, const char *text) {
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

void gb_markup_open(FILE *out, const char *element) { fprintf(out, "<%s", element); }

void gb_markup_number(FILE *out, const char *name, double value) {
    fprintf(out, " %s=\"%.*f\"", name, value != floor(value), value);
}

void gb_markup_word(FILE *out, const char *name, const char *value) {
    fprintf(out, " %s=\"", name);
    gb_markup_escape(out, value);
    fputc('"', out);
}

void gb_markup_close(FILE *out, const char *element, const char *text) {
    if (!text) {
        fputs("/>\n", out);
        return;
    }
    fputc('>', out);
    gb_markup_escape(out, text);
    fprintf(out, "</%s>\n", element);
}

void gb_markup_inside(FILE *out) { fputs(">\n", out); }

void gb_markup_end(FILE *out, const char *element) { fprintf(out, "</%s>\n", element); }

void gb_markup_element(FILE *out, const char *element, const char *css_class, const char *text) {
    gb_markup_open(out, element);
    if (css_class) gb_markup_word(out, "class", css_class);
    gb_markup_close(out, element, text);
}
