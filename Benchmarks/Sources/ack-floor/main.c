// The floor of acknowledging durably: a WebSocket server in one thread that keeps each message in a file and
// acknowledges it after an fdatasync, one for all messages that had come by then.
//
//   ack-floor --port 0 --file PATH [--reuse 1]
//
// Messages are appended, and each sync has to write down the file's new size as well. With `--reuse 1` the file is made
// once (64 MiB of zeros, synced) and rewritten in place, round and round, as a write-ahead log that is reused: a faster
// sync, and so a harder floor. No JSON is parsed beyond finding `count` and `logindex`.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

enum { file_size = 64 << 20, most_files = 1 << 17, most_events = 1024 };

typedef struct {
    buffer in, out;
    bool upgraded, open;
} connection;

static connection *connections;
static buffer journal;  // messages read since the last sync
static int *waiting;  // connections whose acknowledgement waits for the sync
static int waiting_count;

static long number_after(const char *text, size_t length, const char *key) {
    const char *found = memmem(text, length, key, strlen(key));
    return found ? strtol(found + strlen(key), NULL, 10) : 0;
}

static void answer(connection *c, const char *word, long count, long index) {
    char text[160], clock[20];
    time_t now = time(NULL);
    struct tm parts;
    strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &parts));
    int n = index < 0
        ? snprintf(text, sizeof text, "{\"ret\":\"%s\",\"result\":true,\"cloudtime\":\"%s\"}", word, clock)
        : snprintf(
            text, sizeof text,
            "{\"ret\":\"%s\",\"result\":true,\"count\":%ld,\"logindex\":%ld,\"cloudtime\":\"%s\"}", word, count,
            index, clock);
    websocket_text(&c->out, text, n, 0);
}

static bool upgrade(connection *c) {
    buffer_append(&c->in, "", 1);
    c->in.end--;
    char *head = buffer_bytes(&c->in), *end = strstr(head, "\r\n\r\n");
    if (!end) return buffer_count(&c->in) < 16384;
    char *key = strcasestr(head, "sec-websocket-key:");
    if (!key || key > end) return false;
    key += 18;
    while (*key == ' ') key++;
    char accept[29], text[160];
    websocket_accept(key, strcspn(key, " \r"), accept);
    int n = snprintf(
        text, sizeof text,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\n\r\n",
        accept);
    buffer_append(&c->out, text, n);
    buffer_consume(&c->in, end + 4 - head);
    return c->upgraded = true;
}

static bool serve(int fd) {
    connection *c = &connections[fd];
    if (!c->upgraded && !upgrade(c)) return false;
    frame f;
    bool waits = false;
    while (c->upgraded && websocket_frame(&c->in, &f)) {
        if (f.opcode == 8) return false;
        if (memmem(f.payload, f.length, "\"sendlog\"", 9)) {
            buffer_append(&journal, f.payload, f.length);
            long count = number_after(f.payload, f.length, "\"count\":");
            answer(c, "sendlog", count, number_after(f.payload, f.length, "\"logindex\":"));
            waits = true;
        } else if (f.opcode == 1) {
            answer(c, "reg", 0, -1);
        }
        buffer_consume(&c->in, f.whole);
    }
    if (waits)
        waiting[waiting_count++] = fd;
    else if (write_some(fd, &c->out) < 0)
        return false;
    return true;
}

static void drop(int fd) {
    close(fd);
    connections[fd].open = connections[fd].upgraded = false;
    connections[fd].in.start = connections[fd].in.end = 0;
    connections[fd].out.start = connections[fd].out.end = 0;
}

static off_t place;
static bool reuse;

static int make_file(const char *path) {
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) fail(path);
    if (!reuse) return file;
    static char zeros[1 << 20];
    for (int i = 0; i < file_size >> 20; i++)
        if (write(file, zeros, sizeof zeros) != sizeof zeros) fail(path);
    if (fsync(file) < 0) fail(path);
    return file;
}

static void keep(int file) {
    size_t count = buffer_count(&journal);
    if (reuse && place + (off_t)count > file_size) place = 0;
    if (pwrite(file, buffer_bytes(&journal), count, place) != (ssize_t)count) fail("write");
    place += count;
    buffer_consume(&journal, count);
    if (fdatasync(file) < 0) fail("fdatasync");
}

int main(int argc, char **argv) {
    prepare_process();
    connections = calloc(most_files, sizeof *connections);
    waiting = calloc(most_files, sizeof *waiting);
    reuse = option_number(argc, argv, "reuse", 0);
    int file = make_file(option(argc, argv, "file", "/tmp/ack-floor.journal"));
    int listener = listen_local(option_number(argc, argv, "port", 0)), epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener, EPOLLIN, listener);
    struct epoll_event events[most_events];
    for (;;) {
        int n = epoll_wait(epoll, events, most_events, -1);
        for (int i = 0; i < n; i++) {
            int fd = (int)events[i].data.u64;
            if (fd == listener) {
                for (int new; (new = accept_local(listener)) >= 0;) {
                    if (new >= most_files) {
                        close(new);
                        continue;
                    }
                    connections[new].open = true;
                    watch(epoll, new, EPOLLIN, new);
                }
                continue;
            }
            if (read_some(fd, &connections[fd].in) < 0 || !serve(fd)) drop(fd);
        }
        if (waiting_count == 0) continue;
        keep(file);
        for (int i = 0; i < waiting_count; i++)
            if (connections[waiting[i]].open && write_some(waiting[i], &connections[waiting[i]].out) < 0)
                drop(waiting[i]);
        waiting_count = 0;
    }
}
