/*
 * fleet: reads a script and orders from standard input, and prints one JSON object for each order
 * that measures something:
 *
 *   connect GATEWAYS CONNECTIONS SPREAD_MS   until each has said what a gateway says at its start
 *   mark EVENT RUNS SINCE_NS                 until so many have ended, from that moment on
 *   run EVENT GATEWAYS TIMES                 each of so many gateways, without a pause
 *   rate EVENT PER_SECOND RUNS               by any gateway, when they are due
 *   every EVENT MS                           each gateway, at random times; prints nothing. 0: none
 */

#include "fleet.h"

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define TICK_MS 2

static struct {
	struct fleet fleet;
	uv_pipe_t orders;
	struct buf text;
	char chunk[1 << 16];
} all;

uint64_t
fleet_random(struct fleet *f)
{
	f->random = f->random * 6364136223846793005u + 1442695040888963407u;
	return f->random >> 33;
}

/* ---- measuring ---- */

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
print_times(struct buf *out, const char *name, double *ms, size_t n)
{
	static const double shares[] = { 0.5, 0.9, 0.99 };

	qsort(ms, n, sizeof *ms, ascending);
	buf_addf(out, ",\"%s\":[", name);
	for (size_t i = 0; n && i < sizeof shares / sizeof shares[0]; i++)
		buf_addf(out, "%.4f,", ms[(size_t)(shares[i] * (double)(n - 1) + 0.5)]);
	buf_addf(out, n ? "%.4f]" : "]", n ? ms[n - 1] : 0);
}

static void
measure_print(struct fleet *f)
{
	struct measure *m = &f->measure;
	struct buf out BUF_CLEAN = { 0 };

	buf_addf(&out, "{\"event\":\"%s\",\"n\":%zu,\"failed\":%llu,\"fault\":", m->event->name,
		 m->n, (unsigned long long)m->failed);
	buf_add_json(&out, slice_of(m->fault));
	print_times(&out, "ms", m->ms, m->n);
	print_times(&out, "heard_ms", m->heard_ms, m->heard_n);
	buf_addf(&out,
		 ",\"seconds\":%.6f,\"sent\":%llu,\"messages\":%llu,\"keys\":%llu,\"lost\":%llu}\n",
		 (double)(clock_mono_ns() - m->begun_ns) / 1e9, (unsigned long long)f->sent,
		 (unsigned long long)f->messages, (unsigned long long)f->keys,
		 (unsigned long long)f->lost);
	fwrite(out.p, 1, out.n, stdout);
	fflush(stdout);
	free(m->ms);
	free(m->heard_ms);
	*m = (struct measure){ 0 };
}

static void
measure_begin(struct fleet *f, const struct event *e, size_t want, uint64_t since_ns)
{
	struct measure *m = &f->measure;

	*m = (struct measure){ .event = e, .want = want, .since_ns = since_ns };
	m->begun_ns = clock_mono_ns();
	m->end_ns = m->begun_ns + FLEET_REPORT_MS * UINT64_C(1000000);
	m->ms = xcalloc(want + 1, sizeof *m->ms);
	m->heard_ms = xcalloc(want + 1, sizeof *m->heard_ms);
	f->sent = f->messages = f->keys = f->lost = 0;
}

static double
ms_since(uint64_t ns)
{
	return (double)(int64_t)(clock_mono_ns() - ns) / 1e6;
}

void
measure_ended(struct fleet *f, const struct event *e, uint64_t begun_ns)
{
	struct measure *m = &f->measure;

	if (m->event != e || m->n == m->want)
		return;
	m->ms[m->n++] = ms_since(m->since_ns ? m->since_ns : begun_ns);
	if (m->n == m->want)
		measure_print(f);
}

void
measure_heard(struct fleet *f, const struct event *e)
{
	struct measure *m = &f->measure;

	if (m->event == e && m->since_ns && m->heard_n < m->want)
		m->heard_ms[m->heard_n++] = ms_since(m->since_ns);
}

void
measure_failed(struct fleet *f, struct slice fault)
{
	struct measure *m = &f->measure;

	if (m->failed++ == 0)
		snprintf(m->fault, sizeof m->fault, "%.*s", SLICE_F(fault));
}

/* ---- orders ---- */

static void
order_run(struct fleet *f, const char *name, size_t gateways, size_t times)
{
	const struct event *e = script_find(&f->script, name);

	measure_begin(f, e, gateways * times, 0);
	for (size_t i = 0; i < gateways && i < f->gateways_n; i++)
		gateway_run(f, i, e, times);
}

static void
order_rate(struct fleet *f, const char *name, double per_second, size_t runs)
{
	f->rate = script_find(&f->script, name);
	f->per_ns = per_second / 1e9;
	f->rate_left = runs;
	f->rate_next = clock_mono_ns();
	measure_begin(f, f->rate, runs, 0);
}

static void
order(struct fleet *f, char *line)
{
	char name[64] = "";
	unsigned long long a = 0, b = 0, c = 0;
	double rate = 0;

	if (script_line(&f->script, line))
		return;
	if (sscanf(line, "connect %llu %llu %llu", &a, &b, &c) == 3) {
		measure_begin(f, script_find(&f->script, "start"), a, 0);
		fleet_connect(f, a, (unsigned)b, c);
	} else if (sscanf(line, "mark %63s %llu %llu", name, &a, &b) == 3) {
		measure_begin(f, script_find(&f->script, name), a, b);
	} else if (sscanf(line, "run %63s %llu %llu", name, &a, &b) == 3) {
		order_run(f, name, a, b);
	} else if (sscanf(line, "rate %63s %lf %llu", name, &rate, &a) == 3) {
		order_rate(f, name, rate, a);
	} else if (sscanf(line, "every %63s %llu", name, &a) == 2) {
		f->stopped = a ? NULL : f->every;
		f->every = a ? script_find(&f->script, name) : NULL;
		f->every_ms = a;
	} else {
		fprintf(stderr, "bench-fleet: no order: %s\n", line);
		exit(2);
	}
}

static void
on_orders(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk)
{
	char *newline, *at;

	if (n < 0)
		exit(0);
	buf_add(&all.text, chunk->base, (size_t)n);
	at = all.text.p;
	while ((newline = memchr(at, '\n', (size_t)(all.text.p + all.text.n - at)))) {
		*newline = '\0';
		order(&all.fleet, at);
		at = newline + 1;
	}
	all.text.n -= (size_t)(at - all.text.p);
	memmove(all.text.p, at, all.text.n);
}

static void
on_room(uv_handle_t *handle, size_t hint, uv_buf_t *chunk)
{
	*chunk = uv_buf_init(all.chunk, sizeof all.chunk);
}

/* ---- time ---- */

static void
on_tick(uv_timer_t *timer)
{
	struct fleet *f = &all.fleet;
	uint64_t now = clock_mono_ns();

	fleet_periods(f, now);
	while (f->rate_left > 0 && now >= f->rate_next) {
		double share = (double)(fleet_random(f) % 1000000 + 1) / 1e6;

		f->rate_next += (uint64_t)(-log(share) / f->per_ns);
		f->rate_left--;
		gateway_run(f, fleet_random(f) % f->gateways_n, f->rate, 1);
	}
	if (f->measure.event && now > f->measure.end_ns)
		measure_print(f);
}

int
main(int argc, char **argv)
{
	struct fleet *f = &all.fleet;
	struct sockaddr_in *to = (struct sockaddr_in *)&f->address;
	struct rlimit files;

	if (argc != 2) {
		fprintf(stderr, "usage: bench-fleet PORT\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	*to = (struct sockaddr_in){ .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)atoi(argv[1])),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	f->random = clock_mono_ns();
	uv_loop_init(&f->loop);
	uv_timer_init(&f->loop, &f->tick);
	uv_timer_start(&f->tick, on_tick, TICK_MS, TICK_MS);
	uv_pipe_init(&f->loop, &all.orders, 0);
	uv_pipe_open(&all.orders, STDIN_FILENO);
	uv_read_start((uv_stream_t *)&all.orders, on_room, on_orders);
	return uv_run(&f->loop, UV_RUN_DEFAULT);
}
