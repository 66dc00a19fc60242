#include "system_file.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

FILE *gb_system_open(const char *root, const char *path) {
    char whole[GB_PATH_MAX];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    return fopen(whole, "re");
}

bool gb_system_text(const char *root, const char *path, char *text, size_t size) {
    FILE *const file = gb_system_open(root, path);
    text[0] = '\0';
    if (!file) return false;
    const size_t got = fread(text, 1, size - 1, file);
    fclose(file);
    text[got] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return text[0] != '\0';
}

bool gb_system_choice(const char *root, const char *path, char *word, size_t size) {
    char line[128];
    if (!gb_system_text(root, path, line, sizeof line)) return false;
    const char *const open = strchr(line, '[');
    if (!open || !strchr(open, ']')) return false;
    snprintf(word, size, "%.*s", (int)strcspn(open + 1, "]"), open + 1);
    return true;
}

double gb_system_number(const char *root, const char *path, const char *key) {
    char line[256];
    double number = -1;
    FILE *const file = gb_system_open(root, path);
    if (!file) return number;
    while (number < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0) number = strtod(line + strlen(key), NULL);
    fclose(file);
    return number;
}
