// Terminals as a load: N WebSocket connections in one thread, each with at most one message in flight, as the protocol
// has it. Punches are unique: each connection counts its enroll ids up, the time is the machine's clock. With --people they
// are those of a day instead: so many people punch --rounds times each, evenly over the last --hours.
//
//   load MODE --port P [--connections N] [--records R] [--seconds T] [--warm-up W] [--rate PUNCHES_A_SECOND]
//        [--most MESSAGES] [--run K] [--people N] [--rounds R] [--hours H]
//
//   closed  every connection sends its next message as soon as the last is acknowledged
//   rate    messages leave by a timetable, spread over the connections; latency counts from the planned moment, also
//           when the connection was still busy then
//   burst   all connect at once and send one message; the figure is the time from the first connect to the last ack
//   idle    all connect and register, `ready` is printed, and they stay until standard input ends
//
// One JSON object on standard output at the end. An answer other than success, or a connection that ends early, is
// counted in `failed`; nothing is retried. Connections come from 127.K.x.y: thousands from one address would wait for
// each other's TIME_WAIT.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

enum { most_events = 1024, most_dialing = 256 };

typedef enum { dialing, upgrading, registering, idle, sending, gone } phase;

typedef struct {
    int fd, number, log_index;
    uint32_t person;
    phase phase;
    double sent;  // or planned, in mode `rate`
    buffer in, out;
} terminal;

static struct {
    int epoll, port, run, count, records, dialed, ready, failed;
    bool burst, measuring, stop;
    long messages, most, acknowledged, people, rounds, hours, punches;
    time_t started;
    histogram latency;
    uint32_t random;
} load;
static terminal *terminals;
static buffer message;

static uint32_t mask(void) {  // xorshift; 0 would mean unmasked
    load.random ^= load.random << 13, load.random ^= load.random >> 17, load.random ^= load.random << 5;
    return load.random;
}

static void lose(terminal *t) {
    if (t->phase == gone) return;
    if (t->phase < idle) load.dialed--;
    if (t->phase >= idle) load.ready--;
    t->phase = gone;
    close(t->fd);
    if (!load.stop) load.failed++;
}

static void flush(terminal *t) {
    int state = write_some(t->fd, &t->out);
    if (state < 0) return lose(t);
    if (state == 0) rewatch(load.epoll, t->fd, EPOLLIN | EPOLLOUT, t->number);
}

static void dial(terminal *t) {
    // 127.run.x.y, never .0 or .255
    uint32_t host = 127u << 24 | (uint32_t)(load.run & 255) << 16 | (uint32_t)(t->number / 250 & 255) << 8
        | (uint32_t)(t->number % 250 + 1);
    t->fd = connect_local(load.port, htonl(host));
    t->phase = dialing;
    load.dialed++;
    watch(load.epoll, t->fd, EPOLLIN | EPOLLOUT, t->number);
}

static void append(const char *text) { buffer_append(&message, text, strlen(text)); }

static void send_message(terminal *t, double now) {
    static char clock[20];
    static time_t second;
    time_t wall = time(NULL);
    if (wall != second) {
        struct tm parts;
        second = wall;
        strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S", localtime_r(&wall, &parts));
    }
    char text[200];
    message.start = message.end = 0;
    snprintf(
        text, sizeof text, "{\"cmd\":\"sendlog\",\"sn\":\"BENCH%06d\",\"count\":%d,\"logindex\":%d,\"record\":[",
        t->number, load.records, t->log_index++);
    append(text);
    for (int i = 0; i < load.records; i++) {
        t->person = t->person % 999999 + 1;
        if (load.people) {
            long turn = load.punches++ % (load.people * load.rounds);
            time_t then = load.started - load.hours * 3600 + turn * load.hours * 3600 / (load.people * load.rounds);
            struct tm parts;
            strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S", localtime_r(&then, &parts));
            t->person = turn % load.people + 1;
        }
        snprintf(
            text, sizeof text,
            "%s{\"enrollid\":%u,\"name\":\"\",\"time\":\"%s\",\"mode\":8,\"inout\":0,\"event\":0,\"temp\":36.5,"
            "\"verifymode\":0}",
            i ? "," : "", t->person, clock);
        append(text);
    }
    append("]}");
    websocket_text(&t->out, buffer_bytes(&message), buffer_count(&message), mask());
    t->phase = sending;
    t->sent = now;
    load.messages++;
    flush(t);
}

static void text(terminal *t, const char *words, int length) {
    websocket_text(&t->out, words, length, mask());
    flush(t);
}

static void connected(terminal *t) {
    char request[300];
    int n = snprintf(
        request, sizeof request,
        "GET /pub/chat HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        load.port);
    buffer_append(&t->out, request, n);
    t->phase = upgrading;
    rewatch(load.epoll, t->fd, EPOLLIN, t->number);
    flush(t);
}

static void upgraded(terminal *t) {
    buffer_append(&t->in, "", 1);
    t->in.end--;
    char *head = buffer_bytes(&t->in), *end = strstr(head, "\r\n\r\n"), words[400];
    if (!end) return;
    if (strncmp(head, "HTTP/1.1 101", 12) != 0) return lose(t);
    buffer_consume(&t->in, end + 4 - head);
    t->phase = registering;
    int n = snprintf(
        words, sizeof words,
        "{\"cmd\":\"reg\",\"sn\":\"BENCH%06d\",\"cpusn\":\"123456789\",\"devinfo\":{\"modelname\":\"AiFace\","
        "\"usersize\":5000,\"logsize\":500000,\"useduser\":200,\"usedlog\":0,\"usednewlog\":0,"
        "\"firmware\":\"ai518_f48v_v1.20\",\"mac\":\"00-01-A9-00-00-01\"}}",
        t->number);
    text(t, words, n);
}

static void answered(terminal *t, const frame *f) {
    if (f->opcode == 9) {  // a pong is a ping sent back
        size_t at = t->out.end;
        websocket_text(&t->out, f->payload, f->length, mask());
        t->out.bytes[at] = (char)0x8A;
        return flush(t);
    }
    if (f->opcode == 8) return lose(t);
    if (memmem(f->payload, f->length, "\"cmd\"", 5)) return;  // the server asks for something: not in a benchmark
    bool success = memmem(f->payload, f->length, "\"result\":true", 13);
    if (t->phase == registering && success) {
        t->phase = idle;
        load.dialed--;
        load.ready++;
        if (load.burst) send_message(t, monotonic());
    } else if (t->phase == sending && success) {
        t->phase = idle;
        load.acknowledged++;
        if (load.measuring) histogram_add(&load.latency, monotonic() - t->sent);
    } else {
        load.failed++;
        if (t->phase == sending) t->phase = idle;
    }
}

static void turn(int timeout, bool closed) {
    struct epoll_event events[most_events];
    int n = epoll_wait(load.epoll, events, most_events, timeout);
    for (int i = 0; i < n; i++) {
        terminal *t = &terminals[events[i].data.u64];
        if (t->phase == gone) continue;
        if (t->phase == dialing) {
            if (events[i].events & (EPOLLERR | EPOLLHUP)) lose(t);
            else connected(t);
            continue;
        }
        if (events[i].events & EPOLLOUT) {
            rewatch(load.epoll, t->fd, EPOLLIN, t->number);
            flush(t);
            if (t->phase == gone) continue;
        }
        if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
        int state = read_some(t->fd, &t->in);
        if (state < 0) {
            lose(t);
            continue;
        }
        if (t->phase == upgrading) upgraded(t);
        frame f;
        while (t->phase > upgrading && t->phase != gone && websocket_frame(&t->in, &f)) {
            answered(t, &f);
            buffer_consume(&t->in, f.whole);
        }
        if (closed && t->phase == idle && !load.stop) send_message(t, monotonic());
    }
}

// Connects all, `most_dialing` at a time or all at once, until each is ready or lost; at most a minute.
static double connect_all(bool at_once) {
    double start = monotonic();
    int next = 0;
    while (load.ready + load.failed < load.count && monotonic() - start < 60) {
        while (next < load.count && (at_once || load.dialed < most_dialing)) dial(&terminals[next++]);
        turn(100, false);
        if (load.burst && load.acknowledged + load.failed >= load.count) break;
    }
    return monotonic() - start;
}

static void closed_loop(double seconds, bool measuring) {
    load.measuring = measuring;
    double end = monotonic() + seconds;
    for (int i = 0; i < load.count; i++)
        if (terminals[i].phase == idle) send_message(&terminals[i], monotonic());
    while (monotonic() < end && load.ready > 0 && (load.most == 0 || load.acknowledged < load.most)) turn(50, true);
}

static void timetable(double seconds, double per_second, bool measuring) {
    static int next;
    load.measuring = measuring;
    double start = monotonic(), step = load.records / per_second;
    long planned = (long)(seconds / step), made = 0;
    while (made < planned || monotonic() < start + seconds) {
        double now = monotonic();
        // A message whose connection is still busy waits for it; its latency has begun.
        while (made < planned && start + made * step <= now) {
            terminal *t = &terminals[next];
            double give_up = now + 30;
            while (t->phase == sending && monotonic() < give_up) turn(1, false);
            if (t->phase == idle) send_message(t, start + made * step);
            else if (t->phase == sending) load.failed++;
            next = (next + 1) % load.count;
            made++;
        }
        double wait = start + made * step - monotonic();
        turn(wait > 0 ? (int)(wait * 1000) : 0, false);
    }
}

static void drain(double seconds) {
    double end = monotonic() + seconds;
    long open = 1;
    while (open > 0 && monotonic() < end) {
        open = 0;
        for (int i = 0; i < load.count; i++) open += terminals[i].phase == sending;
        if (open > 0) turn(20, false);
    }
}

int main(int argc, char **argv) {
    prepare_process();
    const char *mode = argc > 1 ? argv[1] : "";
    double seconds = atof(option(argc, argv, "seconds", "5")), warm_up = atof(option(argc, argv, "warm-up", "1"));
    double rate = atof(option(argc, argv, "rate", "1000"));
    load.port = option_number(argc, argv, "port", 7788);
    load.count = option_number(argc, argv, "connections", 1000);
    load.records = option_number(argc, argv, "records", 1);
    load.most = option_number(argc, argv, "most", 0);
    load.run = option_number(argc, argv, "run", 1);
    load.people = option_number(argc, argv, "people", 0);
    load.rounds = option_number(argc, argv, "rounds", 4);
    load.hours = option_number(argc, argv, "hours", 12);
    load.started = time(NULL);
    load.random = 2463534242u + load.run;
    load.burst = strcmp(mode, "burst") == 0;
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    terminals = calloc(load.count, sizeof *terminals);
    // Runs within one second of the clock must not repeat each other's punches, and few people punch at two terminals.
    for (int i = 0; i < load.count; i++)
        terminals[i] = (terminal){.number = i, .phase = gone, .person = ((uint32_t)load.run * 100000 + i * 997) % 900000};

    double connecting = connect_all(load.burst), start = monotonic(), took = connecting;
    long before = 0;
    if (load.burst) {
        drain(30);
        took += monotonic() - start;
    } else if (strcmp(mode, "closed") == 0) {
        closed_loop(warm_up, false);
        before = load.acknowledged;
        start = monotonic();
        closed_loop(seconds, true);
        took = monotonic() - start;
    } else if (strcmp(mode, "rate") == 0) {
        timetable(warm_up, rate, false);
        drain(30);
        before = load.acknowledged;
        start = monotonic();
        timetable(seconds, rate, true);
        drain(30);
        took = monotonic() - start;
    } else if (strcmp(mode, "idle") == 0) {
        printf("ready %d\n", load.ready);
        struct pollfd both[2] = {{.fd = 0, .events = POLLIN}, {.fd = load.epoll, .events = POLLIN}};
        char byte;
        for (;;) {
            poll(both, 2, 1000);
            if (both[0].revents && read(0, &byte, 1) <= 0) break;
            if (both[1].revents) turn(0, false);
        }
    } else {
        errno = EINVAL;
        fail("load closed|rate|burst|idle");
    }
    long acks = load.acknowledged - before;
    load.measuring = false;
    load.stop = true;
    if (load.most == 0) drain(5);
    printf(
        "{\"mode\":\"%s\",\"connections\":%d,\"records\":%d,\"seconds\":%.4f,\"connecting\":%.4f,\"acks\":%ld,"
        "\"acksPerSecond\":%.1f,\"punchesPerSecond\":%.1f,\"p50\":%.6f,\"p99\":%.6f,\"max\":%.6f,\"failed\":%d}\n",
        mode, load.count, load.records, took, connecting, acks, acks / took, acks * (double)load.records / took,
        histogram_quantile(&load.latency, 0.5), histogram_quantile(&load.latency, 0.99), load.latency.maximum,
        load.failed);
    return 0;
}
