// mcpload: a closed-loop MCP tools/call load generator (one thread, epoll, HTTP/1.1 keep-alive).
//
// Each connection sends a call, waits for the whole reply, checks it and sends the next. A reply
// is right only if it is HTTP 200, one JSON-RPC response with this request's id, no error, and
// exactly the text that was sent, which no other call ever sends. Anything else is an error, so
// that a gateway cannot look fast by answering wrongly or by mixing up its callers.
// It connects to 127.0.0.1 only. The result is one line of JSON on stdout.
#define _GNU_SOURCE
#include "tally.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 65536
#define ERRORS_MAX 1000        // a peer this broken has nothing more to tell
#define REPLY_TIMEOUT_S 10     // a call that takes longer has failed
#define ABANDON_TIME_MAX_S 600 // for all sessions of -a together
#define SESSION_LENGTH_MAX 1024
#define META "io.modelcontextprotocol/"

static const char USAGE[] =
    "usage: mcpload -p PORT [options]\n"
    "  -P PATH     endpoint (default /mcp)\n"
    "  -e ERA      modern (2026-07-28, default) or legacy (2025-11-25, with handshake)\n"
    "  -c N        connections (default 1)\n"
    "  -d SECONDS  measured time (default 5)       -w SECONDS  warm-up before it (default 0)\n"
    "  -n CALLS    stop after so many replies\n"
    "  -a N        legacy: open N sessions, one call in each, and abandon them; then stop\n"
    "  -T TOOL     tool to call (default echo)     -H HEADER   extra header line; repeatable\n"
    "  -x BYTES    length of the text (default 1024)\n"
    "  -r N        send priority N in each call (default: 0 to 4 in turn)\n";

typedef struct {
    int fd; // -1: not connected
    Phase phase;
    bool outstanding, want_write;
    uint64_t id, sent_ns;
    char session[SESSION_LENGTH_MAX];
    Buffer out, in, expected; // expected: the text of the reply, with its quotes
    size_t sent;
} Conn;

static struct {
    int port, priority;
    const char *path, *tool;
    bool modern;
    unsigned conns;
    double seconds, warm_seconds;
    uint64_t calls_max, abandon;
    size_t text_length;
} opt = {.path = "/mcp",
         .tool = "echo",
         .modern = true,
         .conns = 1,
         .seconds = 5,
         .text_length = 1024,
         .priority = -1};

static int epoll_fd;
static Buffer head_start; // request line and the headers that never change
static char *padding;
static uint64_t started_ns, measure_from_ns, stop_ns;
static uint64_t sessions_opened;
static bool stop;

// ---- requests

static void make_head_start(int argc, char **argv) {
    char line[512];
    int n = snprintf(line, sizeof line,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                     "Content-Type: application/json\r\n"
                     "Accept: application/json, text/event-stream\r\n",
                     opt.path, opt.port);
    if (n >= (int)sizeof line) {
        fputs("mcpload: the path is too long\n", stderr);
        exit(2);
    }
    buffer_text(&head_start, line);
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "-H"))
            continue;
        buffer_text(&head_start, argv[i + 1]);
        buffer_text(&head_start, "\r\n");
    }
    if (opt.modern) {
        buffer_text(&head_start, "MCP-Protocol-Version: " MODERN_VERSION "\r\n"
                                 "Mcp-Method: tools/call\r\nMcp-Name: ");
        buffer_text(&head_start, opt.tool);
        buffer_text(&head_start, "\r\n");
    }
}

static void conn_watch(Conn *c, bool want_write) {
    if (c->want_write == want_write)
        return;
    c->want_write = want_write;
    struct epoll_event e = {.events = EPOLLIN | (want_write ? EPOLLOUT : 0u), .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

// A failed write is left to the read side, which sees why the connection ended.
static void conn_flush(Conn *c) {
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        c->sent += (size_t)n;
    }
    conn_watch(c, c->sent < c->out.len);
}

static void send_request(Conn *c, const Buffer *body) {
    c->out.len = c->in.len = c->sent = 0;
    buffer_add(&c->out, head_start.data, head_start.len);
    if (!opt.modern && c->phase != INITIALIZE) {
        buffer_text(&c->out, "MCP-Protocol-Version: " LEGACY_VERSION "\r\n");
        if (c->session[0]) {
            buffer_text(&c->out, "Mcp-Session-Id: ");
            buffer_text(&c->out, c->session);
            buffer_text(&c->out, "\r\n");
        }
    }
    buffer_text(&c->out, "Content-Length: ");
    buffer_number(&c->out, body->len);
    buffer_text(&c->out, "\r\n\r\n");
    buffer_add(&c->out, body->data, body->len);
    c->outstanding = true;
    c->sent_ns = now_ns();
    conn_flush(c);
}

static void make_call(Conn *c, Buffer *body) {
    c->expected.len = 0; // "xxxx...-ID"
    buffer_text(&c->expected, "\"");
    buffer_add(&c->expected, padding, opt.text_length);
    buffer_text(&c->expected, "-");
    buffer_number(&c->expected, c->id);
    buffer_text(&c->expected, "\"");

    buffer_text(body, "{\"jsonrpc\":\"2.0\",\"id\":");
    buffer_number(body, c->id);
    buffer_text(body, ",\"method\":\"tools/call\",\"params\":{");
    if (opt.modern)
        buffer_text(body, "\"_meta\":{\"" META "protocolVersion\":\"" MODERN_VERSION "\","
                          "\"" META "clientInfo\":{\"name\":\"mcpload\",\"version\":\"1.0\"},"
                          "\"" META "clientCapabilities\":{}},");
    buffer_text(body, "\"name\":\"");
    buffer_text(body, opt.tool);
    buffer_text(body, "\",\"arguments\":{\"text\":");
    buffer_add(body, c->expected.data, c->expected.len);
    buffer_text(body, ",\"priority\":");
    buffer_number(body, opt.priority < 0 ? c->id % 5 : (uint64_t)opt.priority);
    buffer_text(body, "}}}");
}

static void send_next(Conn *c) {
    static Buffer body;
    static uint64_t last_id;
    body.len = 0;
    c->id = ++last_id;
    if (c->phase == INITIALIZE) {
        c->session[0] = 0;
        buffer_text(&body, "{\"jsonrpc\":\"2.0\",\"id\":");
        buffer_number(&body, c->id);
        buffer_text(&body, ",\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
                           "\"" LEGACY_VERSION "\",\"capabilities\":{},\"clientInfo\":"
                           "{\"name\":\"mcpload\",\"version\":\"1.0\"}}}");
    } else if (c->phase == INITIALIZED) {
        buffer_text(&body, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    } else {
        make_call(c, &body);
    }
    send_request(c, &body);
}

// ---- replies

static void conn_open(Conn *c) {
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)opt.port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    c->outstanding = c->want_write = false;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address)) {
        const char *why = strerror(errno);
        note_fault(E_CLOSED, 0, (Slice){why, strlen(why)});
        if (c->fd >= 0)
            close(c->fd);
        c->fd = -1;
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct timeval no_wait = {.tv_usec = 1}; // for send; reads pass MSG_DONTWAIT
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &no_wait, sizeof no_wait);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
}

static void conn_reopen(Conn *c) {
    close(c->fd);
    tally.reconnects++;
    conn_open(c);
}

// What the connection does after a reply was judged, or after it failed.
static void go_on(Conn *c, bool good) {
    if (c->phase == INITIALIZE || c->phase == INITIALIZED)
        c->phase = good ? c->phase + 1 : FINISHED;
    else if (opt.abandon) {
        tally.sessions_done++; // its id is forgotten here, and nobody ends it
        c->phase = sessions_opened < opt.abandon ? INITIALIZE : FINISHED;
        sessions_opened += c->phase == INITIALIZE;
    }
    if (tally.faults_total >= ERRORS_MAX)
        stop = true;
    if (opt.calls_max && tally.good_total + tally.faults_total >= opt.calls_max)
        stop = true;
    if (c->fd >= 0 && c->phase != FINISHED && !stop)
        send_next(c);
}

static bool keep_session(Conn *c, Slice id) {
    if (id.len >= SESSION_LENGTH_MAX)
        return false;
    if (id.at)
        memcpy(c->session, id.at, id.len);
    c->session[id.len] = 0; // empty: a server without sessions
    return true;
}

static void count_call(const Conn *c, uint64_t now) {
    tally.good_total++;
    if (now >= measure_from_ns && now < stop_ns)
        note_latency(now - c->sent_ns);
}

static void reply_done(Conn *c, const Head *head, Slice body, bool surplus) {
    uint64_t now = now_ns();
    int status = head->start_line.len > 11 ? atoi(head->start_line.at + 9) : 0;
    Slice sent_text = {c->expected.data, c->expected.len};
    Fault fault = surplus ? E_FRAMING : judge(c->phase, c->id, sent_text, head, status, body);
    if (fault == OK && c->phase == INITIALIZE && !keep_session(c, head->session))
        fault = E_FRAMING;
    c->outstanding = false;
    if (fault != OK)
        note_fault(fault, status, body);
    else if (c->phase == CALL)
        count_call(c, now);
    if (head->close || surplus)
        conn_reopen(c);
    go_on(c, fault == OK);
}

static void conn_failed(Conn *c, Fault fault) {
    if (c->outstanding)
        note_fault(fault, 0, (Slice){c->in.data, c->in.len});
    c->outstanding = false;
    conn_reopen(c);
    go_on(c, false);
}

static void conn_parse(Conn *c) {
    static Buffer decoded;
    Head head;
    int got = head_parse(c->in.data, c->in.len, &head);
    if (!got)
        return;
    if (got < 0 || !c->outstanding) { // bytes that nobody asked for
        c->outstanding = true;
        conn_failed(c, E_FRAMING);
        return;
    }
    const char *start = c->in.data + head.head_len;
    size_t have = c->in.len - head.head_len;
    if (head.chunked) {
        ssize_t n = chunked_decode(start, have, &decoded);
        if (n < 0)
            conn_failed(c, E_FRAMING);
        else if (n > 0)
            reply_done(c, &head, (Slice){decoded.data, decoded.len}, have > (size_t)n);
    } else if (have >= head.length) { // no Content-Length: no body (202, 204)
        reply_done(c, &head, (Slice){start, head.length}, have > head.length);
    }
}

static void conn_read(Conn *c) {
    for (;;) {
        buffer_reserve(&c->in, READ_SIZE);
        ssize_t n = recv(c->fd, c->in.data + c->in.len, READ_SIZE, MSG_DONTWAIT);
        if (n > 0) {
            c->in.len += (size_t)n;
            if (n == READ_SIZE)
                continue;
        } else if (n == 0 || errno != EAGAIN) {
            conn_failed(c, E_CLOSED);
            return;
        }
        break;
    }
    if (c->in.len)
        conn_parse(c);
}

// ---- the run

static void expire(Conn *conns) {
    static uint64_t next_ns;
    uint64_t now = now_ns();
    if (now < next_ns)
        return;
    next_ns = now + 1000000000u;
    for (unsigned i = 0; i < opt.conns; i++) {
        Conn *c = &conns[i];
        if (c->fd >= 0 && c->outstanding && now - c->sent_ns > REPLY_TIMEOUT_S * 1000000000ull)
            conn_failed(c, E_TIMEOUT);
    }
}

static bool finished(const Conn *conns) {
    for (unsigned i = 0; i < opt.conns; i++)
        if (conns[i].fd >= 0 && conns[i].phase != FINISHED)
            return false;
    return true;
}

static void start(Conn *conns) {
    for (unsigned i = 0; i < opt.conns; i++)
        conn_open(&conns[i]);
    // The clock starts when everybody is connected: opening connections is not what is measured.
    started_ns = now_ns();
    measure_from_ns = started_ns + (uint64_t)(opt.warm_seconds * 1e9);
    stop_ns = measure_from_ns + (uint64_t)(opt.seconds * 1e9);
    if (opt.abandon)
        stop_ns = started_ns + ABANDON_TIME_MAX_S * 1000000000ull;
    for (unsigned i = 0; i < opt.conns; i++) {
        Conn *c = &conns[i];
        c->phase = opt.modern ? CALL : INITIALIZE;
        if (opt.abandon && sessions_opened++ >= opt.abandon)
            c->phase = FINISHED;
        if (c->fd >= 0 && c->phase != FINISHED)
            send_next(c);
    }
}

static void run(Conn *conns) {
    start(conns);
    struct epoll_event events[512];
    while (!stop && now_ns() < stop_ns && !finished(conns)) {
        int n = epoll_wait(epoll_fd, events, 512, 100);
        for (int i = 0; i < n && !stop; i++) {
            Conn *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                conn_flush(c);
            if (events[i].events & ~EPOLLOUT)
                conn_read(c);
        }
        expire(conns);
    }
}

static void read_arguments(int argc, char **argv) {
    int option;
    while ((option = getopt(argc, argv, "p:P:e:c:d:w:n:a:T:H:x:r:")) > 0) {
        switch (option) {
        case 'p': opt.port = atoi(optarg); break;
        case 'P': opt.path = optarg; break;
        case 'e': opt.modern = !strcmp(optarg, "modern"); break;
        case 'c': opt.conns = (unsigned)atoi(optarg); break;
        case 'd': opt.seconds = atof(optarg); break;
        case 'w': opt.warm_seconds = atof(optarg); break;
        case 'n': opt.calls_max = strtoull(optarg, NULL, 10); break;
        case 'a': opt.abandon = strtoull(optarg, NULL, 10); break;
        case 'T': opt.tool = optarg; break;
        case 'H': break; // read again where the head is made
        case 'x': opt.text_length = strtoul(optarg, NULL, 10); break;
        case 'r': opt.priority = atoi(optarg); break;
        default: opt.port = 0;
        }
    }
    if (!opt.port || !opt.conns || optind < argc || (opt.abandon && opt.modern)) {
        fputs(USAGE, stderr);
        exit(2);
    }
}

int main(int argc, char **argv) {
    read_arguments(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    make_head_start(argc, argv);
    padding = malloc(opt.text_length + 1);
    Conn *conns = calloc(opt.conns, sizeof *conns);
    if (!padding || !conns)
        return 70;
    memset(padding, 'x', opt.text_length);
    epoll_fd = epoll_create1(0);
    run(conns);
    uint64_t ended_ns = now_ns();
    print_result(opt.conns, started_ns, measure_from_ns, ended_ns < stop_ns ? ended_ns : stop_ns);
    bool short_of = opt.abandon && tally.sessions_done < opt.abandon;
    return tally.faults_total || short_of || !tally.good_total ? 1 : 0;
}
