// mcpup: a very fast MCP upstream for the benchmark (Streamable HTTP, one thread, loopback only).
// Its tools only echo: what is measured is what stands in front. mcp.c has the protocol, this the
// connections.
#define _GNU_SOURCE
#include "mcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define FD_MAX 65536
#define READ_SIZE 65536

static const char USAGE[] =
    "usage: mcpup -p PORT [-e both|modern|legacy] [-t TOOLS] [-s] [sleep:MS]\n"
    "  -e  protocol eras to answer (default both)\n"
    "  -t  number of tools: echo, echo_1, echo_2, ... (default 1)\n"
    "  -s  answer as a one-event stream (text/event-stream) instead of application/json\n"
    "  sleep:MS  answer each tools/call after MS milliseconds\n";

typedef struct {
    int fd;
    uint32_t generation; // a descriptor number is reused; this tells its users apart
    Buffer in, out;
    size_t sent;
    bool waiting, closing, want_write;
} Conn;

typedef struct {
    uint64_t due_ns;
    int fd;
    uint32_t generation;
} Delayed;

static Conn *conns[FD_MAX];
static int epoll_fd, timer_fd;
static uint64_t delay_ns;

// Every delay is the same, so the order of arrival is the order of leaving: a ring is enough.
static Delayed delayed[FD_MAX];
static size_t delayed_first, delayed_count;

// ---- connections

static void conn_close(Conn *c) {
    close(c->fd); // also leaves the epoll set
    conns[c->fd] = NULL;
    free(c->in.data);
    free(c->out.data);
    free(c);
}

static void conn_watch(Conn *c, bool want_write) {
    if (c->want_write == want_write)
        return;
    c->want_write = want_write;
    struct epoll_event e = {.events = EPOLLIN | (want_write ? EPOLLOUT : 0u), .data.fd = c->fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

// Returns false when the connection is gone.
static bool conn_flush(Conn *c) {
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n > 0) {
            c->sent += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            conn_watch(c, true);
            return true;
        } else {
            conn_close(c);
            return false;
        }
    }
    c->sent = c->out.len = 0;
    conn_watch(c, false);
    if (c->closing)
        conn_close(c);
    return true;
}

static void timer_set(uint64_t due_ns) {
    struct itimerspec at = {
        .it_value = {(time_t)(due_ns / 1000000000u), (long)(due_ns % 1000000000u)}};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void delay_reply(Conn *c) {
    if (delayed_count == FD_MAX)
        exit(70); // more calls in one delay than there can be connections
    uint64_t due_ns = now_ns() + delay_ns;
    delayed[(delayed_first + delayed_count++) % FD_MAX] = (Delayed){due_ns, c->fd, c->generation};
    c->waiting = true;
    if (delayed_count == 1)
        timer_set(due_ns);
}

static void conn_process(Conn *c) {
    static Buffer decoded;
    size_t used = 0;
    while (!c->waiting && !c->closing && used < c->in.len) {
        Head head;
        const char *start = c->in.data + used;
        size_t left = c->in.len - used;
        int got = head_parse(start, left, &head);
        if (!got)
            break;
        Slice content = {start + head.head_len, head.length};
        size_t total = head.head_len + head.length;
        if (got > 0 && head.chunked) {
            ssize_t n = chunked_decode(content.at, left - head.head_len, &decoded);
            if (!n)
                break;
            got = n < 0 ? -1 : 1;
            content = (Slice){decoded.data, decoded.len};
            total = head.head_len + (size_t)n;
        }
        if (got < 0) {
            c->closing = true;
            buffer_text(&c->out, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                                 "Content-Length: 0\r\n\r\n");
            break;
        }
        if (left < total)
            break;
        c->closing = head.close;
        if (mcp_answer(&c->out, &head, content) && delay_ns)
            delay_reply(c);
        used += total;
    }
    buffer_drop(&c->in, used);
    if (!c->waiting)
        conn_flush(c);
}

static void conn_read(Conn *c) {
    for (;;) {
        buffer_reserve(&c->in, READ_SIZE);
        ssize_t n = recv(c->fd, c->in.data + c->in.len, READ_SIZE, 0);
        if (n > 0) {
            c->in.len += (size_t)n;
            if (n == READ_SIZE)
                continue;
        } else if (n == 0 || errno != EAGAIN) {
            conn_close(c); // also with a reply outstanding: nobody is left to read it
            return;
        }
        break;
    }
    conn_process(c);
}

static void accept_all(int listener) {
    static uint32_t generation;
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        Conn *c = fd < FD_MAX ? calloc(1, sizeof *c) : NULL;
        if (!c) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = fd;
        c->generation = ++generation;
        conns[fd] = c;
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

static void release_due(void) {
    uint64_t fired;
    if (read(timer_fd, &fired, sizeof fired) < 0 && errno != EAGAIN)
        exit(70);
    while (delayed_count && delayed[delayed_first].due_ns <= now_ns()) {
        Delayed d = delayed[delayed_first];
        delayed_first = (delayed_first + 1) % FD_MAX;
        delayed_count--;
        Conn *c = conns[d.fd];
        if (c && c->generation == d.generation) {
            c->waiting = false;
            conn_process(c); // flushes, and goes on with a request that arrived meanwhile
        }
    }
    if (delayed_count)
        timer_set(delayed[delayed_first].due_ns);
}

static int listen_on(int port) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) {
        perror("mcpup: cannot listen");
        exit(1);
    }
    return fd;
}

static int read_arguments(int argc, char **argv) {
    int option, port = 0;
    while ((option = getopt(argc, argv, "p:e:t:s")) > 0) {
        if (option == 'p')
            port = atoi(optarg);
        else if (option == 't')
            mcp_options.tools = (unsigned)atoi(optarg);
        else if (option == 's')
            mcp_options.as_stream = true;
        else if (option == 'e') {
            mcp_options.modern = !strcmp(optarg, "both") || !strcmp(optarg, "modern");
            mcp_options.legacy = !strcmp(optarg, "both") || !strcmp(optarg, "legacy");
        }
    }
    if (optind < argc && !strncmp(argv[optind], "sleep:", 6))
        delay_ns = (uint64_t)(atof(argv[optind++] + 6) * 1e6);
    if (!port || !mcp_options.tools || optind < argc ||
        (!mcp_options.modern && !mcp_options.legacy)) {
        fputs(USAGE, stderr);
        exit(2);
    }
    return port;
}

int main(int argc, char **argv) {
    int port = read_arguments(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    mcp_start();
    int listener = listen_on(port);
    epoll_fd = epoll_create1(0);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e);
    e.data.fd = timer_fd;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &e);
    struct epoll_event events[512];
    for (;;) {
        int n = epoll_wait(epoll_fd, events, 512, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                accept_all(listener);
            } else if (fd == timer_fd) {
                release_due();
            } else if (conns[fd]) {
                if (events[i].events & EPOLLOUT && !conn_flush(conns[fd]))
                    continue;
                if (conns[fd] && events[i].events & ~EPOLLOUT)
                    conn_read(conns[fd]);
            }
        }
    }
}
