#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static const char *const FAULT_NAMES[E_KINDS] = {"ok",      "http",    "id",     "rpc",
                                                 "payload", "framing", "closed", "timeout"};

Tally tally;

static uint64_t faults[E_KINDS];
static uint32_t *latency_100ns; // of each call in the measured time
static size_t latency_count, latency_cap;
static char first_error[256];

void note_fault(Fault fault, int status, Slice text) {
    faults[fault]++;
    tally.faults_total++;
    if (first_error[0])
        return;
    int n =
        snprintf(first_error, sizeof first_error, "%s, status %d: ", FAULT_NAMES[fault], status);
    for (size_t i = 0; i < text.len && n < (int)sizeof first_error - 1; i++) {
        char ch = text.at[i]; // the line printed is JSON: keep out what would need escaping
        first_error[n++] = ch == '"' || ch == '\\' ? '\'' : ch < 32 || ch > 126 ? ' ' : ch;
    }
    first_error[n] = 0;
}

void note_latency(uint64_t latency_ns) {
    if (latency_count == latency_cap) {
        latency_cap = latency_cap ? latency_cap * 2 : 1 << 18;
        latency_100ns = realloc(latency_100ns, latency_cap * sizeof *latency_100ns);
        if (!latency_100ns)
            exit(70);
    }
    uint64_t latency = latency_ns / 100;
    latency_100ns[latency_count++] = latency > UINT32_MAX ? UINT32_MAX : (uint32_t)latency;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(double share) {
    return latency_count ? latency_100ns[(size_t)(share * (double)(latency_count - 1) + 0.5)] / 1e4
                         : 0;
}

void print_result(unsigned connections, uint64_t started_ns, uint64_t measured_from_ns,
                  uint64_t ended_ns) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    double cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                 (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    double elapsed = ((double)ended_ns - (double)measured_from_ns) / 1e9;
    if (latency_count)
        qsort(latency_100ns, latency_count, sizeof *latency_100ns, by_value);
    printf("{\"connections\":%u,\"calls\":%llu,\"calls_total\":%llu,\"calls_per_s\":%.1f,"
           "\"p50_ms\":%.4f,\"p95_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f,"
           "\"sessions_abandoned\":%llu,\"reconnects\":%llu,\"generator_cpu_s\":%.3f,"
           "\"seconds\":%.3f,\"errors\":%llu,\"errors_by_kind\":{",
           connections, (unsigned long long)latency_count, (unsigned long long)tally.good_total,
           elapsed > 0 ? (double)latency_count / elapsed : 0.0, percentile_ms(.5),
           percentile_ms(.95), percentile_ms(.99), percentile_ms(1),
           (unsigned long long)tally.sessions_done, (unsigned long long)tally.reconnects, cpu,
           (double)(ended_ns - started_ns) / 1e9, (unsigned long long)tally.faults_total);
    for (int i = 1; i < E_KINDS; i++)
        printf("%s\"%s\":%llu", i > 1 ? "," : "", FAULT_NAMES[i], (unsigned long long)faults[i]);
    printf("},\"first_error\":\"%s\"}\n", first_error);
}
