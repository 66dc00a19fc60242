#include "report_layout.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "text.h"

enum { WIDTH_LEAST = 60, WIDTH_MOST = 10000 };

int gb_report_width(FILE *out) {
    const char *const columns = getenv("COLUMNS");
    struct winsize window = {.ws_col = 0};
    uint64_t width = 0;
    if (!columns || !gb_text_count(columns, 1, WIDTH_MOST, &width))
        width = ioctl(fileno(out), TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
    return width == 0 || width >= WIDTH_LEAST ? (int)width : WIDTH_LEAST;
}

static const char *escape(const struct gb_report *report, const char *sequence) { return report->color ? sequence : ""; }

const char *gb_bold(const struct gb_report *report) { return escape(report, "\033[1m"); }
const char *gb_dim(const struct gb_report *report) { return escape(report, "\033[2m"); }
const char *gb_red(const struct gb_report *report) { return escape(report, "\033[31m"); }
const char *gb_plain(const struct gb_report *report) { return escape(report, "\033[0m"); }

/* Bytes of the longest start of text that is at most `width` characters wide and ends before a space; where there is none, of
 * as many characters as fit. Escapes have no width. */
static size_t line_bytes(const char *text, int width) {
    size_t end = 0, space = 0;
    int used = 0;
    while (text[end]) {
        if (text[end] == '\033') {
            end += strcspn(text + end, "m");
            end += text[end] == 'm';
            continue;
        }
        const bool starts = ((unsigned char)text[end] & 0xC0) != 0x80; /* a character of UTF-8 */
        if (used == width && starts) break;
        if (text[end] == ' ' && used > 0 && text[end - 1] != ' ') space = end;
        used += starts;
        end++;
    }
    return !text[end] || text[end] == ' ' || space == 0 ? end : space;
}

/* end: of each line but the last. */
static void say(const struct gb_report *report, int indent, const char *end, const char *text) {
    const char *rest = text;
    for (int before = 0; *rest || rest == text; before = indent) {
        const size_t bytes = report->width ? line_bytes(rest, report->width - before - (int)strlen(end)) : strlen(rest);
        size_t visible = bytes;
        while (visible && rest[visible - 1] == ' ') visible--;
        fprintf(report->out, "%*s%.*s", before, "", (int)visible, rest);
        rest += bytes;
        rest += strspn(rest, " ");
        fprintf(report->out, "%s\n", *rest ? end : "");
        if (rest == text) break;
    }
}

void gb_say(const struct gb_report *report, int indent, const char *format, ...) {
    char text[3000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say(report, indent, "", text);
}

void gb_say_command(const struct gb_report *report, const char *command) { say(report, 4, " \\", command); }

size_t gb_columns_fit(struct gb_column *columns, size_t count, int width) {
    size_t hidden = 0;
    int sum = 0;
    for (size_t i = 0; i < count; i++) sum += columns[i].width;
    while (width && sum > width) {
        struct gb_column *least = NULL;
        for (size_t i = 0; i < count; i++)
            if (columns[i].rank && columns[i].width && !columns[i].hidden && (!least || columns[i].rank < least->rank))
                least = &columns[i];
        if (!least) break;
        least->hidden = true;
        sum -= least->width;
        hidden++;
    }
    return hidden;
}

void gb_print_hidden(const struct gb_report *report, size_t hidden, const char *names) {
    char count[40], line[600];
    if (hidden == 0) return;
    gb_count_text(hidden, "more column", count, sizeof count);
    snprintf(line, sizeof line, "--wide shows %s: %s", count, names);
    if ((int)strlen(line) > report->width) snprintf(line, sizeof line, "--wide shows %s", count);
    fprintf(report->out, "\n%s\n", line);
}

void gb_print_cell(struct gb_line *line, const struct gb_column *column, const char *escape, const char *text) {
    const int free = column->width - (int)strlen(text), before = column->left ? column->left : free > 0 ? free : 0;
    if (column->hidden || column->width == 0) return;
    if (!*text) {
        line->pending += column->width;
        return;
    }
    fprintf(line->report->out, "%*s%s%s%s", line->pending + before, "", escape, text, *escape ? gb_plain(line->report) : "");
    line->pending = free > before ? free - before : 0;
}
