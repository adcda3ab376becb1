// The floor of delivering: a bare HTTP client, and the server that it and the gateway both deliver to.
//
//   http-floor server --port 0 [--hang 1]     one thread; answers each POST as ERPNext answers a stored check-in, the
//                                             `time` of the request echoed; GET answers how many POSTs there were.
//                                             With --hang it accepts, reads and never answers.
//   http-floor client --port P [--in-flight N] [--seconds T] [--path /api/method/…]
//                                             one thread, N connections kept alive, one request at a time in each
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "support.h"

enum { most_files = 1 << 16, most_events = 256, most_request = 1 << 20 };

typedef struct {
    buffer in, out;
    double sent;
} connection;

static connection *connections;
static long posts;

static void drop(int fd) {
    close(fd);
    free(connections[fd].in.bytes);
    free(connections[fd].out.bytes);
    connections[fd] = (connection){0};
}

// The whole message at the front of `in` by its Content-Length; 0 while it is not complete.
static size_t whole_message(buffer *in, char **body, size_t *body_length) {
    buffer_append(in, "", 1);
    in->end--;
    char *head = buffer_bytes(in), *end = strstr(head, "\r\n\r\n");
    if (!end) return 0;
    char *length = strcasestr(head, "\r\ncontent-length:");
    *body_length = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    *body = end + 4;
    size_t whole = (size_t)(*body - head) + *body_length;
    return buffer_count(in) >= whole ? whole : 0;
}

static int hex(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

// The `time` or `timestamp` of a form or of JSON, as YYYY-MM-DD HH:MM:SS whichever way round its date was.
static void requested_time(const char *body, size_t length, char time[20]) {
    char text[20] = {0};
    const char *end = body + length, *p = NULL;
    for (const char *at = body; at < end && (at = memmem(at, end - at, "time", 4)); at += 4) {
        bool first = at == body || at[-1] == '&' || at[-1] == '"';
        const char *after = at + 4 + (end - at > 9 && memcmp(at + 4, "stamp", 5) == 0 ? 5 : 0);
        if (first && after < end && (*after == '=' || *after == '"')) {
            p = after + 1;
            break;
        }
    }
    while (p && p < end && (*p == ':' || *p == '"' || *p == ' ')) p++;
    for (int n = 0; p && p < end && n < 19 && *p != '&' && *p != '"'; n++) {
        if (*p == '%' && end - p > 2) {
            text[n] = (char)(hex(p[1]) << 4 | hex(p[2]));
            p += 3;
        } else {
            text[n] = *p == '+' ? ' ' : *p;
            p++;
        }
    }
    if (text[2] == '-') snprintf(time, 20, "%.4s-%.2s-%.2s%.9s", text + 6, text + 3, text, text + 10);
    else memcpy(time, text, 20);
}

static void answer(connection *c, bool is_post, const char *body, size_t length) {
    char json[512], head[256], time[20];
    int n;
    if (is_post) {
        posts++;
        requested_time(body, length, time);
        n = snprintf(
            json, sizeof json,
            "{\"message\":{\"name\":\"EMP-CKIN-11-2026-%06ld\",\"owner\":\"gateway@example.com\",\"docstatus\":0,"
            "\"creation\":\"2026-11-22 08:01:10.123456\",\"modified\":\"2026-11-22 08:01:10.123456\",\"idx\":0,"
            "\"employee\":\"HR-EMP-00007\",\"employee_name\":\"Someone Somewhere\",\"log_type\":\"\",\"time\":\"%s\","
            "\"device_id\":\"gate-1\",\"skip_auto_attendance\":0,\"latitude\":0.0,\"longitude\":0.0,"
            "\"doctype\":\"Employee Checkin\"}}",
            posts, time);
    } else {
        n = snprintf(json, sizeof json, "{\"posts\":%ld}", posts);
    }
    int h = snprintf(
        head, sizeof head,
        "HTTP/1.1 200 OK\r\nServer: floor\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
        "Connection: keep-alive\r\n\r\n",
        n);
    buffer_append(&c->out, head, h);
    buffer_append(&c->out, json, n);
}

static _Noreturn void serve(int port, bool hang) {
    int listener = listen_local(port), epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener, EPOLLIN, listener);
    struct epoll_event events[most_events];
    for (;;) {
        int n = epoll_wait(epoll, events, most_events, -1);
        for (int i = 0; i < n; i++) {
            int fd = (int)events[i].data.u64;
            if (fd == listener) {
                for (int new; (new = accept_local(listener)) >= 0;) {
                    if (new < most_files) watch(epoll, new, EPOLLIN, new);
                    else close(new);
                }
                continue;
            }
            connection *c = &connections[fd];
            if (read_some(fd, &c->in) < 0 || buffer_count(&c->in) > most_request) {
                drop(fd);
                continue;
            }
            char *body;
            size_t length, whole;
            if (hang) {
                buffer_consume(&c->in, buffer_count(&c->in));
                continue;
            }
            while ((whole = whole_message(&c->in, &body, &length)) > 0) {
                answer(c, buffer_bytes(&c->in)[0] == 'P', body, length);
                buffer_consume(&c->in, whole);
            }
            if (write_some(fd, &c->out) < 0) drop(fd);
        }
    }
}

static void request(int fd, int port, const char *path, long number) {
    connection *c = &connections[fd];
    char body[200], head[400];
    int n = snprintf(
        body, sizeof body,
        "punchingcode=%ld&employee_name=Person+%ld&time=22-11-2026+08%%3A01%%3A%02ld&device_id=BENCH%06ld", number,
        number, number % 60, number % 1000);
    int h = snprintf(
        head, sizeof head,
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: application/json\r\nAccept-Language: en\r\n"
        "User-Agent: floor\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n",
        path, port, n);
    buffer_append(&c->out, head, h);
    buffer_append(&c->out, body, n);
    c->sent = monotonic();
    if (write_some(fd, &c->out) != 1) fail("the server is gone");
}

static int deliver(int port, long in_flight, double seconds, const char *path) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    histogram latency = {0};
    long sent = 0, done = 0;
    struct epoll_event events[most_events];
    double start = monotonic(), end = start + seconds;
    for (long i = 0; i < in_flight; i++) {
        int fd = connect_local(port, 0);
        watch(epoll, fd, EPOLLOUT, fd);
    }
    while (monotonic() < end) {
        int n = epoll_wait(epoll, events, most_events, 100);
        for (int i = 0; i < n; i++) {
            int fd = (int)events[i].data.u64;
            connection *c = &connections[fd];
            if (events[i].events & EPOLLOUT) {
                rewatch(epoll, fd, EPOLLIN, fd);
                request(fd, port, path, ++sent);
                continue;
            }
            if (read_some(fd, &c->in) < 0) fail("the server hung up");
            char *body;
            size_t length, whole = whole_message(&c->in, &body, &length);
            if (whole == 0) continue;
            if (!memmem(body, length, "\"EMP-CKIN-", 10)) fail("not the answer of a stored check-in");
            buffer_consume(&c->in, whole);
            histogram_add(&latency, monotonic() - c->sent);
            done++;
            request(fd, port, path, ++sent);
        }
    }
    double took = monotonic() - start;
    printf(
        "{\"inFlight\":%ld,\"requests\":%ld,\"seconds\":%.4f,\"requestsPerSecond\":%.1f,\"p50\":%.6f,\"p99\":%.6f}\n",
        in_flight, done, took, done / took, histogram_quantile(&latency, 0.5), histogram_quantile(&latency, 0.99));
    return 0;
}

int main(int argc, char **argv) {
    prepare_process();
    connections = calloc(most_files, sizeof *connections);
    const char *mode = argc > 1 ? argv[1] : "";
    int port = option_number(argc, argv, "port", 0);
    if (strcmp(mode, "server") == 0) serve(port, option_number(argc, argv, "hang", 0));
    if (strcmp(mode, "client") == 0)
        return deliver(
            port, option_number(argc, argv, "in-flight", 1), atof(option(argc, argv, "seconds", "3")),
            option(argc, argv, "path", "/api/method/add_checkin"));
    errno = EINVAL;
    fail("http-floor server|client");
}
