/*
 * load: a load generator for HTTP/1.1. One thread, one epoll. Closed loop: each connection sends its next request when the
 * answer is whole. Open loop: requests fall due at random times of a fixed rate whatever the server does, and latency
 * counts from the due time, so that a stall is seen by all the requests that it delays (no coordinated omission).
 * A window begins with all connections open and ends when the last of its requests is answered or has failed.
 */

#include "client.h"
#include "histogram.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NS_PER_S 1e9
#define TICK_NS 10000000u /* failed connections rest so long; timeouts are looked for */
#define OPENING_MAX 128   /* connections that are being opened at once: a listener's queue is bounded */
#define EVENTS 256
#define STATUSES 600

struct due_queue { /* due times that no connection was free for, oldest first */
	uint64_t *times;
	size_t first, count, cap;
};

struct load {
	struct plan plan;
	int epoll;
	struct client *clients;
	struct list idle, resting; /* ready ones: to be used at once, after the next tick */
	struct due_queue due;
	double rate;
	uint64_t random;
	uint64_t begin, end, next_due, next_tick, last_result; /* ns */
	size_t in_flight, opening;
	uint64_t counts[CLIENT_RESULTS], statuses[STATUSES], bytes;
	struct histogram latency;
	char scratch[256 * 1024];
	char command[128];
	size_t command_n;
};

static const char *const result_names[CLIENT_RESULTS] = {
	[CLIENT_CONNECT] = "connect", [CLIENT_RESET] = "reset",	  [CLIENT_TIMEOUT] = "timeout",
	[CLIENT_STATUS] = "status",   [CLIENT_LENGTH] = "length", [CLIENT_MALFORMED] = "malformed",
};

static void
due_push(struct due_queue *q, uint64_t due)
{
	if (q->first + q->count == q->cap) {
		if (q->first > q->cap / 2) {
			memmove(q->times, q->times + q->first, q->count * sizeof *q->times);
			q->first = 0;
		} else {
			q->cap = q->cap ? q->cap * 2 : 1024;
			q->times = xrealloc(q->times, q->cap * sizeof *q->times);
		}
	}
	q->times[q->first + q->count++] = due;
}

static uint64_t
due_pop(struct due_queue *q)
{
	uint64_t due = q->times[q->first++];

	if (--q->count == 0)
		q->first = 0;
	return due;
}

/* Exponential gaps: a Poisson process. xorshift64*, so that a seed gives the same arrivals everywhere. */
static uint64_t
random_gap(struct load *load)
{
	uint64_t x = load->random;
	double unit;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	load->random = x;
	unit = ((double)((x * 0x2545F4914F6CDD1Du) >> 11) + 0.5) / 9007199254740992.0;
	return (uint64_t)(-log(unit) / load->rate * NS_PER_S);
}

static void load_result(struct load *load, struct client *c, enum client_result result);

static void
load_send(struct load *load, struct client *c, uint64_t since, uint64_t now)
{
	enum client_result r;

	list_remove(&c->link);
	load->in_flight++;
	r = client_send(c, since, now);
	if (r != CLIENT_PENDING)
		load_result(load, c, r);
}

/* A client is ready: its next request, or rest. One that failed waits for the tick, so that a refused connection does not
 * spin. */
static void
load_ready(struct load *load, struct client *c, uint64_t now, bool failed)
{
	list_remove(&c->link);
	if (failed)
		list_push(&load->resting, &c->link);
	else if (load->rate > 0 && load->due.count > 0)
		load_send(load, c, due_pop(&load->due), now);
	else if (load->rate <= 0 && now < load->end)
		load_send(load, c, now, now);
	else
		list_push(&load->idle, &c->link);
}

/* The request on a client has ended. */
static void
load_result(struct load *load, struct client *c, enum client_result result)
{
	uint64_t now = clock_mono_ns();

	load->in_flight--;
	load->counts[result]++;
	load->last_result = now;
	if (result == CLIENT_OK) {
		histogram_record(&load->latency, now - c->since);
		load->bytes += c->answer.body;
	} else if (result == CLIENT_STATUS) {
		load->statuses[c->answer.status]++;
	}
	if (client_ready(c))
		load_ready(load, c, now, result != CLIENT_OK && c->state == CLIENT_CLOSED);
}

static void
load_event(struct load *load, struct client *c, uint32_t events)
{
	enum client_state before = c->state;
	enum client_result r = client_event(c, events, load->scratch, sizeof load->scratch);

	if (before == CLIENT_CONNECTING && c->state != CLIENT_CONNECTING)
		load->opening--;
	if (before == CLIENT_BUSY) {
		if (r != CLIENT_PENDING)
			load_result(load, c, r);
		return;
	}
	if (r > CLIENT_OK) /* no request was on it: bytes that nobody asked for, or no connection */
		load->counts[r]++;
	if (client_ready(c) && list_empty(&c->link))
		load_ready(load, c, clock_mono_ns(), r > CLIENT_OK);
}

static void
load_overdue(struct load *load, struct client *c, uint64_t now)
{
	enum client_state before = c->state;

	client_abort(c);
	if (before == CLIENT_CONNECTING)
		load->opening--;
	if (before == CLIENT_BUSY)
		load_result(load, c, CLIENT_TIMEOUT);
	else
		load_ready(load, c, now, before == CLIENT_CONNECTING);
}

/* Each one in `list` becomes ready anew; those that this adds again are not looked at. */
static void
load_wake(struct load *load, struct list *list, uint64_t now)
{
	struct list woken = LIST_INIT(woken);

	while (!list_empty(list)) {
		struct list *link = list->next;

		list_remove(link);
		list_push(&woken, link);
	}
	while (!list_empty(&woken))
		load_ready(load, container_of(woken.next, struct client, link), now, false);
}

static void
load_tick(struct load *load, uint64_t now)
{
	uint64_t limit = (uint64_t)(load->plan.timeout * NS_PER_S);

	load->next_tick = now + TICK_NS;
	for (size_t i = 0; i < load->plan.connections; i++) {
		struct client *c = &load->clients[i];

		if (!client_ready(c) && now > c->sent + limit)
			load_overdue(load, c, now);
	}
	load_wake(load, &load->resting, now);
}

static void
load_due(struct load *load, uint64_t now)
{
	for (; load->next_due <= now && load->next_due < load->end; load->next_due += random_gap(load))
		due_push(&load->due, load->next_due);
	while (load->due.count > 0 && !list_empty(&load->idle))
		load_send(load, container_of(load->idle.next, struct client, link), due_pop(&load->due), now);
}

/* Waits for events until `until` at most and handles them. */
static void
load_turn(struct load *load, uint64_t until)
{
	struct epoll_event events[EVENTS];
	uint64_t now = clock_mono_ns(), wait = until > now ? until - now : 0;
	struct timespec ts = { (time_t)(wait / 1000000000u), (long)(wait % 1000000000u) };
	int n = epoll_pwait2(load->epoll, events, EVENTS, &ts, NULL);

	for (int i = 0; i < n; i++)
		load_event(load, events[i].data.ptr, events[i].events);
	now = clock_mono_ns();
	if (load->rate > 0)
		load_due(load, now);
	if (now >= load->next_tick)
		load_tick(load, now);
}

/* Opens all connections ahead, a few at a time. */
static void
load_open(struct load *load)
{
	size_t next = 0;

	while (next < load->plan.connections || load->opening > 0) {
		while (next < load->plan.connections && load->opening < OPENING_MAX) {
			struct client *c = &load->clients[next++];
			uint64_t now = clock_mono_ns();
			enum client_result r;

			list_remove(&c->link);
			r = client_open(c, now);
			if (r == CLIENT_PENDING)
				load->opening++;
			else
				load_ready(load, c, now, r != CLIENT_READY);
		}
		load_turn(load, load->next_tick);
	}
}

static void
load_window(struct load *load, double seconds, double rate)
{
	uint64_t now = clock_mono_ns(), until;

	load->rate = rate;
	load->begin = load->last_result = now;
	load->end = now + (uint64_t)(seconds * NS_PER_S);
	load->next_tick = now + TICK_NS;
	load->next_due = rate > 0 ? now + random_gap(load) : UINT64_MAX;
	memset(load->counts, 0, sizeof load->counts);
	memset(load->statuses, 0, sizeof load->statuses);
	load->bytes = 0;
	histogram_reset(&load->latency);
	load_wake(load, &load->resting, now);
	if (rate <= 0)
		load_wake(load, &load->idle, now);
	while (now < load->end || load->in_flight > 0 || load->due.count > 0) {
		until = load->next_tick;
		if (load->next_due < load->end && load->next_due < until)
			until = load->next_due;
		if (now < load->end && load->end < until)
			until = load->end;
		load_turn(load, until);
		now = clock_mono_ns();
	}
	load->rate = 0;
}

static void
load_print(const struct load *load)
{
	BUF_CLEAN struct buf out = { 0 };
	const struct histogram *h = &load->latency;
	double seconds = (double)(load->last_result - load->begin) / NS_PER_S;
	uint64_t errors = 0;
	const char *sep = "";

	for (unsigned i = CLIENT_OK + 1; i < CLIENT_RESULTS; i++)
		errors += load->counts[i];
	buf_addf(&out, "{\"requests\":%llu,\"errors\":%llu,\"seconds\":%.6f,\"rps\":%.1f,\"bytes\":%llu,\"by_kind\":{",
		 (unsigned long long)load->counts[CLIENT_OK], (unsigned long long)errors, seconds,
		 seconds > 0 ? (double)load->counts[CLIENT_OK] / seconds : 0.0, (unsigned long long)load->bytes);
	for (unsigned i = CLIENT_OK + 1; i < CLIENT_RESULTS; i++) {
		buf_addf(&out, "%s\"%s\":%llu", sep, result_names[i], (unsigned long long)load->counts[i]);
		sep = ",";
	}
	buf_adds(&out, SLICE("},\"wrong_statuses\":{"));
	sep = "";
	for (unsigned i = 0; i < STATUSES; i++) {
		if (load->statuses[i] == 0)
			continue;
		buf_addf(&out, "%s\"%u\":%llu", sep, i, (unsigned long long)load->statuses[i]);
		sep = ",";
	}
	buf_addf(&out, "},\"latency_us\":{\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f}",
		 h->count ? (double)h->sum / (double)h->count / 1e3 : 0.0, (double)histogram_percentile(h, 0.5) / 1e3,
		 (double)histogram_percentile(h, 0.9) / 1e3, (double)histogram_percentile(h, 0.99) / 1e3,
		 (double)histogram_percentile(h, 0.999) / 1e3, (double)h->max / 1e3);
	buf_adds(&out, SLICE(",\"latency_buckets\":"));
	histogram_print(h, &out);
	printf("%.*s}\n", (int)out.n, out.p);
	fflush(stdout);
}

/* Waits for "run SECONDS [RATE]" on standard input while idle connections are watched. False at its end. */
static bool
control_next(struct load *load, double *seconds, double *rate)
{
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = load->epoll, .events = POLLIN } };

	for (;;) {
		char *end = memchr(load->command, '\n', load->command_n);
		ssize_t n;

		if (end) {
			*end = '\0';
			*rate = load->plan.rate;
			n = sscanf(load->command, "run %lf %lf", seconds, rate);
			load->command_n -= (size_t)(end + 1 - load->command);
			memmove(load->command, end + 1, load->command_n);
			return n >= 1;
		}
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return false;
		if (fds[1].revents)
			load_turn(load, 0);
		if (!fds[0].revents)
			continue;
		n = read(STDIN_FILENO, load->command + load->command_n, sizeof load->command - load->command_n);
		if (n <= 0)
			return false;
		load->command_n += (size_t)n;
	}
}

static void
load_run(struct load *load)
{
	double seconds, rate;

	if (!load->plan.new_connection)
		load_open(load);
	if (load->plan.warmup > 0)
		load_window(load, load->plan.warmup, load->plan.rate);
	if (!load->plan.control) {
		load_window(load, load->plan.seconds, load->plan.rate);
		load_print(load);
		return;
	}
	printf("{\"ready\":true}\n");
	fflush(stdout);
	while (control_next(load, &seconds, &rate)) {
		load_window(load, seconds, rate);
		load_print(load);
	}
}

int
main(int argc, char **argv)
{
	struct load *load = xcalloc(1, sizeof *load);
	int status = EXIT_FAILURE;

	if (plan_parse(&load->plan, argc, argv) < 0) {
		status = 2;
		goto out;
	}
	prctl(PR_SET_TIMERSLACK, 1UL);
	load->random = load->plan.seed;
	list_init(&load->idle);
	list_init(&load->resting);
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load->epoll < 0) {
		perror("bench-load: epoll");
		goto out;
	}
	load->clients = xcalloc(load->plan.connections, sizeof *load->clients);
	for (size_t i = 0; i < load->plan.connections; i++) {
		client_init(&load->clients[i], &load->plan, load->epoll);
		list_push(&load->idle, &load->clients[i].link);
	}
	load_run(load);
	for (size_t i = 0; i < load->plan.connections; i++)
		client_deinit(&load->clients[i]);
	close(load->epoll);
	status = load->latency.count ? EXIT_SUCCESS : EXIT_FAILURE;
out:
	free(load->due.times);
	free(load->clients);
	plan_deinit(&load->plan);
	free(load);
	return status;
}
