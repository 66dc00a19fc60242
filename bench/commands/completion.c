#include <string.h>

#include "manual.h"

/* What gradbench list --plain knows the values of. */
static const char *list_of(const struct gb_flag *flag) {
    static const char *const lists[][2] = {{"kernels", "kernels"}, {"isa", "variants"}, {"workload", "workloads"}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(flag->name, lists[i][0]) == 0) return lists[i][1];
    return NULL;
}

static bool takes_value(const struct gb_flag *flag) { return flag->kind != GB_FLAG_SWITCH; }
static bool takes_file(const struct gb_flag *flag) {
    return flag->value && (strcmp(flag->value, "FILE") == 0 || strcmp(flag->name, "workload") == 0);
}
static bool takes_folder(const struct gb_flag *flag) { return flag->value && strcmp(flag->value, "FOLDER") == 0; }

/* A text within single quotes of the shell, which is to be as it is: `specials` have a backslash before them. */
static void write_quoted(FILE *out, const char *text, const char *quote, const char *specials) {
    for (; *text; text++) {
        if (*text == '\'') fputs(quote, out);
        else fprintf(out, "%s%c", strchr(specials, *text) ? "\\" : "", *text == '\n' ? ' ' : *text);
    }
}

static void write_words(FILE *out, const char *const *words) {
    for (size_t i = 0; words[i]; i++) fprintf(out, "%s%s", i ? " " : "", words[i]);
}

/* --- bash */

static void write_bash_value(FILE *out, const char *command, const struct gb_flag *flag) {
    fprintf(out, "    '%s --%s'", command, flag->name);
    if (flag->letter) fprintf(out, " | '%s -%c'", command, flag->letter);
    fputc(')', out);
    if (flag->words) {
        fputs(" words='", out);
        write_words(out, flag->words);
        fputc('\'', out);
    }
    if (list_of(flag)) fprintf(out, " words=$(_gradbench_names %s) list=1", list_of(flag));
    if (takes_file(flag)) fputs(" files=-f", out);
    if (takes_folder(flag)) fputs(" files=-d", out);
    fputs(" ;;\n", out);
}

static void write_bash_command(const struct gb_syntax *syntax, void *data) {
    FILE *const out = data;
    for (size_t i = 0; i < syntax->n_options; i++)
        if (takes_value(&syntax->options[i])) write_bash_value(out, syntax->command, &syntax->options[i]);
    fprintf(out, "    '%s '*)\n        words='", syntax->command);
    for (size_t i = 0; i < syntax->n_options; i++) fprintf(out, "--%s ", syntax->options[i].name);
    for (size_t i = 0; i < syntax->n_options; i++)
        if (syntax->options[i].letter) fprintf(out, "-%c ", syntax->options[i].letter);
    fputs("--help'", out);
    if (syntax->operand) {
        fputs("\n        [[ $cur == -* ]] || { words='", out);
        if (syntax->operand_words) write_words(out, syntax->operand_words);
        fputs("' files=-f; }", out);
    }
    fputs(" ;;\n", out);
}

static void print_bash(FILE *out, const struct gb_command *commands, size_t count) {
    fputs("# Completion of gradbench for bash, made by gradbench help --completion bash.\n"
          "_gradbench_names() { \"${COMP_WORDS[0]}\" list --plain \"$1\" 2>/dev/null | cut -f1; }\n\n"
          "_gradbench() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= files= list= head=\n"
          "    [ \"$cur\" != = ] || cur=\n"
          "    [ \"$prev\" != = ] || prev=${COMP_WORDS[COMP_CWORD-2]}\n"
          "    [ \"$COMP_CWORD\" -gt 1 ] || prev=\n"
          "    case \"$([ \"$COMP_CWORD\" = 1 ] || echo \"${COMP_WORDS[1]}\") $prev\" in\n"
          "    ' ') words='",
          out);
    for (size_t i = 0; i < count; i++) fprintf(out, "%s ", commands[i].name);
    fputs("--help --version' ;;\n", out);
    gb_commands_describe(commands, count, write_bash_command, out);
    fputs("    esac\n"
          "    if [ -n \"$list\" ] && [[ $cur == *,* ]]; then head=${cur%,*},; fi\n"
          "    mapfile -t COMPREPLY < <(compgen -P \"$head\" -W \"$words\" -- \"${cur#\"$head\"}\")\n"
          "    [ -z \"$files\" ] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen \"$files\" -- \"$cur\")\n"
          "    if [ -n \"$files\" ]; then compopt -o filenames 2>/dev/null; fi\n"
          "}\n"
          "complete -F _gradbench gradbench\n",
          out);
}

/* --- zsh */

static const char zsh_quote[] = "'\\''", zsh_specials[] = "[]:\\";

/* name: "--json=", "-o". */
static void write_zsh_option(FILE *out, const struct gb_flag *flag, const char *name) {
    fprintf(out, " \\\n            '%s%s[", flag->kind == GB_FLAG_TEXTS ? "*" : "", name);
    write_quoted(out, flag->help, zsh_quote, zsh_specials);
    fputc(']', out);
    if (takes_value(flag)) {
        fputc(':', out);
        write_quoted(out, flag->value, zsh_quote, zsh_specials);
        fputc(':', out);
        if (flag->words) {
            fputc('(', out);
            write_words(out, flag->words);
            fputc(')', out);
        } else if (list_of(flag)) fprintf(out, " _gradbench_names %s", list_of(flag)); /* a space: as it is */
        else if (takes_file(flag)) fputs("_files", out);
        else if (takes_folder(flag)) fputs("_files -/", out);
    }
    fputc('\'', out);
}

static void write_zsh_command(const struct gb_syntax *syntax, void *data) {
    FILE *const out = data;
    fprintf(out, "    %s)\n        _arguments '--help[print the options]'", syntax->command);
    for (size_t i = 0; i < syntax->n_options; i++) {
        const struct gb_flag *const flag = &syntax->options[i];
        char name[80];
        snprintf(name, sizeof name, "--%s%s", flag->name, takes_value(flag) ? "=" : "");
        write_zsh_option(out, flag, name);
        snprintf(name, sizeof name, "-%c", flag->letter);
        if (flag->letter) write_zsh_option(out, flag, name);
    }
    if (syntax->operand) {
        if (syntax->operand_words) {
            fputs(" \\\n            '1: : _gradbench_or_files ", out);
            write_words(out, syntax->operand_words);
            fputc('\'', out);
        }
        fputs(" \\\n            '*: :_files'", out);
    }
    fputs(" ;;\n", out);
}

static void print_zsh(FILE *out, const struct gb_command *commands, size_t count) {
    fputs("#compdef gradbench\n# Made by gradbench help --completion zsh.\n"
          "_gradbench_names() {\n"
          "    local names=${(f)\"$(_call_program names gradbench list --plain $1 2>/dev/null | cut -f1)\"}\n"
          "    compset -P '*,'\n"
          "    _alternative \"names:$1:($names)\" $([[ $1 == workloads ]] && echo files:file:_files)\n"
          "}\n"
          "_gradbench_or_files() { _alternative \"names:word:($*)\" files:file:_files }\n\n"
          "_gradbench() {\n"
          "    local -a commands=(",
          out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "\n        '%s:", commands[i].name);
        write_quoted(out, commands[i].summary, zsh_quote, zsh_specials);
        fputc('\'', out);
    }
    fputs(")\n"
          "    if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
          "    shift words\n    (( CURRENT-- ))\n    case $words[1] in\n",
          out);
    gb_commands_describe(commands, count, write_zsh_command, out);
    fputs("    esac\n}\n_gradbench \"$@\"\n", out);
}

/* --- fish */

static const char fish_quote[] = "\\'", fish_specials[] = "\\";

static void write_fish_option(FILE *out, const char *command, const struct gb_flag *flag) {
    fprintf(out, "complete -c gradbench -n '__fish_seen_subcommand_from %s' -l %s", command, flag->name);
    if (flag->letter) fprintf(out, " -s %c", flag->letter);
    if (takes_value(flag)) fputs(takes_file(flag) ? " -r -F" : " -x", out);
    if (flag->words) {
        fputs(" -a '", out);
        write_words(out, flag->words);
        fputc('\'', out);
    }
    if (list_of(flag))
        fprintf(out, " -a '(__fish_complete_list , \"gradbench list --plain %s 2>/dev/null | cut -f1\")'", list_of(flag));
    if (takes_folder(flag)) fputs(" -a '(__fish_complete_directories)'", out);
    fputs(" -d '", out);
    write_quoted(out, flag->help, fish_quote, fish_specials);
    fputs("'\n", out);
}

static void write_fish_command(const struct gb_syntax *syntax, void *data) {
    FILE *const out = data;
    for (size_t i = 0; i < syntax->n_options; i++) write_fish_option(out, syntax->command, &syntax->options[i]);
    if (!syntax->operand) return;
    fprintf(out, "complete -c gradbench -n '__fish_seen_subcommand_from %s' -F", syntax->command);
    if (syntax->operand_words) {
        fputs(" -a '", out);
        write_words(out, syntax->operand_words);
        fputc('\'', out);
    }
    fputc('\n', out);
}

static void print_fish(FILE *out, const struct gb_command *commands, size_t count) {
    fputs("# Completion of gradbench for fish, made by gradbench help --completion fish.\n"
          "complete -c gradbench -f -l help -d 'print the options'\n",
          out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "complete -c gradbench -n __fish_use_subcommand -a %s -d '", commands[i].name);
        write_quoted(out, commands[i].summary, fish_quote, fish_specials);
        fputs("'\n", out);
    }
    gb_commands_describe(commands, count, write_fish_command, out);
}

void gb_completion_print(FILE *out, const char *shell, const struct gb_command *commands, size_t count) {
    if (strcmp(shell, "bash") == 0) print_bash(out, commands, count);
    else if (strcmp(shell, "zsh") == 0) print_zsh(out, commands, count);
    else print_fish(out, commands, count);
}
