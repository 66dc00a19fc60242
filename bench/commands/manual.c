#include "manual.h"

#include "environment.h"
#include "gradkern.h"

/* Text in the language of man, as it stands: what is typed can be copied, and no line becomes a request. */
static void write_text(FILE *out, const char *text) {
    bool starts = true;
    for (; *text; text++) {
        if (starts && (*text == '.' || *text == '\'')) fputs("\\&", out);
        starts = *text == '\n';
        switch (*text) {
        case '\\': fputs("\\e", out); break;
        case '-': fputs("\\-", out); break;
        case '\'': fputs("\\(aq", out); break;
        case '`': fputs("\\(ga", out); break;
        case '^': fputs("\\(ha", out); break;
        case '~': fputs("\\(ti", out); break;
        default: fputc(*text, out);
        }
    }
}

/* A term, in bold, after its letter, if it has one, what it is followed by, in italics, or NULL, and what it is. */
static void write_item(FILE *out, char letter, const char *dashes, const char *term, const char *value, const char *help) {
    fputs(".TP\n", out);
    if (letter) fprintf(out, "\\fB\\-%c\\fR, ", letter);
    fputs("\\fB", out);
    write_text(out, dashes);
    write_text(out, term);
    fputs("\\fR", out);
    if (value) {
        fputs(" \\fI", out);
        write_text(out, value);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    write_text(out, help);
    fputc('\n', out);
}

static void write_lines(FILE *out, const char *text) {
    fputs(".PP\n.nf\n", out);
    write_text(out, text);
    fputs("\n.fi\n", out);
}

static void write_command(const struct gb_syntax *syntax, void *data) {
    FILE *const out = data;
    fprintf(out, ".SS gradbench %s%s%s", syntax->command, syntax->n_options ? " [options]" : "", syntax->operand ? " " : "");
    write_text(out, syntax->operand ? syntax->operand : "");
    fputc('\n', out);
    write_text(out, syntax->summary);
    fputc('\n', out);
    for (size_t i = 0; i < syntax->n_options; i++)
        write_item(out, syntax->options[i].letter, "--", syntax->options[i].name, syntax->options[i].value,
                   syntax->options[i].help);
    if (syntax->notes) write_lines(out, syntax->notes);
}

void gb_manual_print(FILE *out, const struct gb_command *commands, size_t count) {
    fprintf(out,
            ".TH GRADBENCH 1 \"\" \"gradkern %s\"\n.SH NAME\ngradbench \\- check, time and compare training kernels\n"
            ".SH SYNOPSIS\n\\fBgradbench\\fR \\fICOMMAND\\fR [\\fIoptions\\fR]\n.SH DESCRIPTION\n"
            "gradbench checks, times and compares gradkern's training kernels.\n",
            gk_version());
    for (size_t i = 0; i < count; i++) write_item(out, '\0', "", commands[i].name, NULL, commands[i].summary);
    fputs(".SH COMMANDS\n", out);
    gb_commands_describe(commands, count, write_command, out);
    fputs(".SH ENVIRONMENT\n", out);
    for (size_t i = 0; i < GB_VARIABLES; i++) write_item(out, '\0', "", gb_variables[i].name, NULL, gb_variables[i].help);
    write_item(out, '\0', "", "OMP_NUM_THREADS", NULL, "as for any OpenMP program");
    fputs(".SH EXIT STATUS\n", out);
    write_text(out, gb_exit_codes);
    fputc('\n', out);
}
