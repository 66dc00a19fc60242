#include "support_said.h"

#include <sys/mman.h>

#include "message.h"
#include "support.h"

struct ears {
    int file[2], before[2];
};

static void put_on(struct ears *ears) {
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        ears->file[i] = memfd_create("said", MFD_CLOEXEC);
        ears->before[i] = dup(STDOUT_FILENO + i);
        assert_true(ears->file[i] >= 0 && ears->before[i] >= 0);
    }
    for (int i = 0; i < 2; i++) dup2(ears->file[i], STDOUT_FILENO + i);
}

static void read_all(int file, char *text, size_t size) {
    const ssize_t got = pread(file, text, size - 1, 0);
    assert_true(got >= 0 && (size_t)got < size - 1);
    text[got] = '\0';
    close(file);
}

static void take_off(const struct ears *ears, struct gb_said *said) {
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        dup2(ears->before[i], STDOUT_FILENO + i);
        close(ears->before[i]);
    }
    read_all(ears->file[0], said->out, sizeof said->out);
    read_all(ears->file[1], said->err, sizeof said->err);
}

void gb_hear(struct gb_said *said, int (*body)(void *data), void *data) {
    struct ears ears;
    put_on(&ears);
    said->code = body(data);
    take_off(&ears, said);
}

int gb_count_words(char *const words[]) {
    int count = 0;
    while (words[count]) count++;
    return count;
}

struct command {
    int (*run)(int argc, char **argv);
    char **words;
};

static int run(void *data) {
    const struct command *const command = data;
    return gb_finish_output(command->run(gb_count_words(command->words), command->words));
}

void gb_hear_command(struct gb_said *said, int (*command)(int argc, char **argv), char *words[]) {
    gb_hear(said, run, &(struct command){command, words});
}

size_t gb_count_in(const char *text, const char *word) {
    size_t count = 0;
    while ((text = strstr(text, word))) {
        count++;
        text += strlen(word);
    }
    return count;
}

struct call {
    int (*body)(void *data);
    void *data;
};

static int in_a_child(void *data) {
    const struct call *const call = data;
    const pid_t child = fork();
    if (child == 0) {
        const int code = call->body(call->data);
        fflush(NULL);
        _exit(code);
    }
    return gb_exit_code(child);
}

void gb_hear_child(struct gb_said *said, int (*body)(void *data), void *data) {
    gb_hear(said, in_a_child, &(struct call){body, data});
}
