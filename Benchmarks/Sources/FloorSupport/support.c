#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// --- The program itself

void fail(const char *message) {
    fprintf(stderr, "%s: %s\n", message, strerror(errno));
    exit(1);
}

void prepare_process(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

const char *option(int argc, char **argv, const char *name, const char *otherwise) {
    for (int i = 1; i + 1 < argc; i++)
        if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0) return argv[i + 1];
    return otherwise;
}

long option_number(int argc, char **argv, const char *name, long otherwise) {
    const char *text = option(argc, argv, name, NULL);
    return text ? strtol(text, NULL, 10) : otherwise;
}

double monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

// --- Bytes waiting

void buffer_reserve(buffer *b, size_t more) {
    if (b->start == b->end) b->start = b->end = 0;
    if (b->end + more <= b->capacity) return;
    if (b->start > 0) {
        memmove(b->bytes, b->bytes + b->start, b->end - b->start);
        b->end -= b->start;
        b->start = 0;
        if (b->end + more <= b->capacity) return;
    }
    size_t capacity = b->capacity ? b->capacity : 512;
    while (capacity < b->end + more) capacity *= 2;
    b->bytes = realloc(b->bytes, capacity);
    if (!b->bytes) fail("memory");
    b->capacity = capacity;
}

void buffer_append(buffer *b, const void *bytes, size_t count) {
    buffer_reserve(b, count);
    memcpy(b->bytes + b->end, bytes, count);
    b->end += count;
}

void buffer_consume(buffer *b, size_t count) {
    b->start += count;
    if (b->start == b->end) b->start = b->end = 0;
}

// --- Sockets

static void no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static struct sockaddr_in local(uint32_t address, int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = address;
    return a;
}

int listen_local(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in a = local(htonl(INADDR_LOOPBACK), port);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0) fail("bind");
    if (listen(fd, 4096) < 0) fail("listen");
    socklen_t length = sizeof a;
    getsockname(fd, (struct sockaddr *)&a, &length);
    printf("%d\n", ntohs(a.sin_port));
    return fd;
}

int accept_local(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) no_delay(fd);
    return fd;
}

int connect_local(int port, uint32_t source) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) fail("socket");
    no_delay(fd);
    if (source) {
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        struct sockaddr_in from = local(source, 0);
        if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) fail("bind to a source address");
    }
    struct sockaddr_in to = local(htonl(INADDR_LOOPBACK), port);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) fail("connect");
    return fd;
}

int read_some(int fd, buffer *in) {
    buffer_reserve(in, 2048);
    ssize_t n = read(fd, in->bytes + in->end, in->capacity - in->end);
    if (n > 0) in->end += n;
    return n > 0 ? 1 : n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

int write_some(int fd, buffer *out) {
    while (buffer_count(out) > 0) {
        ssize_t n = write(fd, buffer_bytes(out), buffer_count(out));
        if (n < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
        buffer_consume(out, n);
    }
    return 1;
}

void watch(int epoll, int fd, uint32_t events, uint64_t tag) {
    struct epoll_event e = {.events = events, .data.u64 = tag};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0) fail("epoll");
}

void rewatch(int epoll, int fd, uint32_t events, uint64_t tag) {
    struct epoll_event e = {.events = events, .data.u64 = tag};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e) < 0) fail("epoll");
}

// --- WebSocket

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

// SHA-1 (FIPS 180-4) of a message shorter than 120 bytes: the handshake's key and its fixed suffix are 60.
static void sha1(const char *message, size_t length, uint8_t digest[20]) {
    uint8_t blocks[128] = {0};
    size_t padded = length < 56 ? 64 : 128;
    memcpy(blocks, message, length);
    blocks[length] = 0x80;
    for (int i = 0; i < 8; i++) blocks[padded - 1 - i] = (uint8_t)((uint64_t)length * 8 >> (8 * i));
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    for (size_t block = 0; block < padded; block += 64) {
        uint32_t w[80];
        for (int i = 0; i < 16; i++) {
            const uint8_t *p = blocks + block + 4 * i;
            w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        }
        for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20   ? (b & c) | (~b & d)
                         : i < 40 ? b ^ c ^ d
                         : i < 60 ? (b & c) | (b & d) | (c & d)
                                  : b ^ c ^ d;
            uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
            uint32_t next = rotate(a, 5) + f + e + k + w[i];
            e = d, d = c, c = rotate(b, 30), b = a, a = next;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int i = 0; i < 20; i++) digest[i] = h[i / 4] >> (24 - 8 * (i % 4));
}

void websocket_accept(const char *key, size_t length, char accept[29]) {
    static const char suffix[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[119];
    uint8_t d[21] = {0};
    if (length > 64) length = 64;
    memcpy(text, key, length);
    memcpy(text + length, suffix, 36);
    sha1(text, length + 36, d);
    for (int i = 0; i < 7; i++) {
        uint32_t three = (uint32_t)d[3 * i] << 16 | (uint32_t)d[3 * i + 1] << 8 | d[3 * i + 2];
        for (int j = 0; j < 4; j++) accept[4 * i + j] = digits[three >> (18 - 6 * j) & 63];
    }
    accept[27] = '=';
    accept[28] = 0;
}

static void apply_mask(char *bytes, size_t length, uint32_t mask) {
    uint64_t wide = (uint64_t)mask << 32 | mask;
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        word ^= wide;
        memcpy(bytes + i, &word, 8);
    }
    for (; i < length; i++) bytes[i] ^= (char)(mask >> (8 * (i % 4)));
}

void websocket_text(buffer *out, const char *text, size_t length, uint32_t mask) {
    uint8_t head[14] = {0x81};
    size_t n = 2;
    if (length < 126) {
        head[1] = length;
    } else if (length < 65536) {
        head[1] = 126, head[2] = length >> 8, head[3] = length, n = 4;
    } else {
        head[1] = 127;
        for (int i = 0; i < 8; i++) head[2 + i] = (uint64_t)length >> (56 - 8 * i);
        n = 10;
    }
    if (mask) {
        head[1] |= 0x80;
        memcpy(head + n, &mask, 4);
        n += 4;
    }
    buffer_append(out, head, n);
    buffer_append(out, text, length);
    if (mask) apply_mask(out->bytes + out->end - length, length, mask);
}

bool websocket_frame(buffer *in, frame *out) {
    size_t count = buffer_count(in), n = 2;
    uint8_t *b = (uint8_t *)buffer_bytes(in);
    if (count < 2) return false;
    uint64_t length = b[1] & 0x7F;
    if (length == 126) {
        if (count < 4) return false;
        length = (uint64_t)b[2] << 8 | b[3], n = 4;
    } else if (length == 127) {
        if (count < 10) return false;
        length = 0;
        for (int i = 0; i < 8; i++) length = length << 8 | b[2 + i];
        n = 10;
    }
    bool masked = b[1] & 0x80;
    if (count < n + (masked ? 4 : 0) + length) return false;
    if (masked) {
        uint32_t mask;
        memcpy(&mask, b + n, 4);
        n += 4;
        apply_mask((char *)b + n, length, mask);
    }
    *out = (frame){.opcode = b[0] & 15, .payload = (char *)b + n, .length = length, .whole = n + length};
    return true;
}

// --- Latencies

// Bucket of a number of microseconds: 32 to a power of two.
static int bucket(uint64_t us) {
    if (us < 32) return (int)us;
    int power = 63 - __builtin_clzll(us);  // 5 or more
    int index = (power - 4) * 32 + (int)(us >> (power - 5) & 31);
    return index < 32 * 33 ? index : 32 * 33 - 1;
}

static double upper_edge(int index) {
    if (index < 32) return index + 1;
    int power = index / 32 + 4;
    return ((double)(1ull << power) / 32) * (32 + index % 32 + 1);
}

void histogram_add(histogram *h, double seconds) {
    h->counts[bucket((uint64_t)(seconds * 1e6))]++;
    h->total++;
    if (seconds > h->maximum) h->maximum = seconds;
}

double histogram_quantile(const histogram *h, double share) {
    uint64_t wanted = (uint64_t)(share * h->total), seen = 0;
    for (int i = 0; i < 32 * 33; i++) {
        seen += h->counts[i];
        if (seen > wanted) {
            double edge = upper_edge(i) / 1e6;
            return edge < h->maximum ? edge : h->maximum;
        }
    }
    return h->maximum;
}
