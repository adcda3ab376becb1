// What the C programs share: sockets, the little of HTTP and WebSocket they need, latencies, options.
// Linux only. Every function that cannot do its work ends the program with a message.
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// --- The program itself

// Ends the program with `message: strerror(errno)` on standard error and status 1.
_Noreturn void fail(const char *message);
// Raises the limit of open files as far as allowed, ignores SIGPIPE, and asks the kernel to end this process when its
// parent ends, so that no benchmark process outlives the runner.
void prepare_process(void);
// Value of `--name value` on the command line, or the default.
const char *option(int argc, char **argv, const char *name, const char *otherwise);
long option_number(int argc, char **argv, const char *name, long otherwise);
double monotonic(void);  // seconds

// --- Bytes waiting

typedef struct {
    char *bytes;
    size_t start, end, capacity;  // what is held lies in bytes[start..<end]
} buffer;

void buffer_reserve(buffer *b, size_t more);
void buffer_append(buffer *b, const void *bytes, size_t count);
void buffer_consume(buffer *b, size_t count);
static inline size_t buffer_count(const buffer *b) { return b->end - b->start; }
static inline char *buffer_bytes(const buffer *b) { return b->bytes + b->start; }

// --- Sockets

// Listens on 127.0.0.1; port 0 lets the system choose. Prints the port as the first line of standard output.
int listen_local(int port);
// Accepts one connection, non-blocking and without Nagle's delay; -1 when none waits.
int accept_local(int listener);
// Begins to connect to 127.0.0.1:port from `source` (network order; 0: any). Non-blocking.
int connect_local(int port, uint32_t source);
// Reads once. 1: something came; 0: nothing there; -1: the peer is gone.
int read_some(int fd, buffer *in);
// Writes what is there. 1: all; 0: the rest has to wait; -1: the peer is gone.
int write_some(int fd, buffer *out);
void watch(int epoll, int fd, uint32_t events, uint64_t tag);
void rewatch(int epoll, int fd, uint32_t events, uint64_t tag);

// --- WebSocket

// Answers the value of Sec-WebSocket-Accept for a key (28 characters and NUL in `accept`).
void websocket_accept(const char *key, size_t length, char accept[29]);
// Appends one final text frame; `mask` 0 sends it unmasked, as a server does.
void websocket_text(buffer *out, const char *text, size_t length, uint32_t mask);

typedef struct {
    int opcode;
    char *payload;  // unmasked in place
    size_t length, whole;  // of the payload, and of the frame
} frame;
// Reads the first frame of `in`, leaving it there: consume `whole`. False while it is not complete. Fragments are not
// joined: neither side of a benchmark sends any.
bool websocket_frame(buffer *in, frame *out);

// --- Latencies

// Log-linear buckets: 1/32 of a power of two, from 1 microsecond to an hour.
typedef struct {
    uint64_t counts[32 * 33];
    uint64_t total;
    double maximum;  // seconds
} histogram;
void histogram_add(histogram *h, double seconds);
double histogram_quantile(const histogram *h, double share);  // seconds

#endif
