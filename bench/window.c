#include "window.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define NS_PER_S 1e9
#define TICK_NS 10000000u /* failed connections rest so long; timeouts are looked for */
#define OPENING_MAX                                                                                \
	128 /* connections that are being opened at once: a listener's queue is bounded */
#define EVENTS 256

int
load_init(struct load *load, struct plan *plan)
{
	int r;

	load->plan = plan;
	load->random = plan->seed;
	list_init(&load->idle);
	list_init(&load->resting);
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load->epoll < 0)
		return -errno;
	r = wires_init(&load->wires, &plan->url, &plan->wire, load->epoll);
	if (r < 0)
		return r;
	load->clients = xcalloc(plan->connections, sizeof *load->clients);
	for (size_t i = 0; i < plan->connections; i++) {
		client_init(&load->clients[i], plan, &load->wires);
		list_push(&load->idle, &load->clients[i].link);
	}
	return 0;
}

void
load_deinit(struct load *load)
{
	for (size_t i = 0; load->clients && i < load->plan->connections; i++)
		client_deinit(&load->clients[i]);
	wires_deinit(&load->wires);
	if (load->epoll >= 0)
		close(load->epoll);
	free(load->clients);
	free(load->due.times);
}

/* Exponential gaps: a Poisson process. xorshift64*, so that a seed gives the same arrivals
 * everywhere. */
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

static void
load_count(struct load *load, struct client *c, enum client_result result)
{
	uint64_t now = clock_mono_ns();

	tally_add(&load->total, c, result, now);
	if (load->command_due)
		tally_add(&load->phases[load->command.phase], c, result, now);
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

/* A client is ready: its next request, or rest. One that failed waits for the tick, so that a
 * refused connection does not spin. */
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
	load->in_flight--;
	load_count(load, c, result);
	if (client_ready(c))
		load_ready(load, c, clock_mono_ns(),
			   result != CLIENT_OK && c->state == CLIENT_CLOSED);
}

static void
load_one_event(struct load *load, struct client *c, uint32_t events)
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
	if (r > CLIENT_OK) /* no request was on it: bytes that nobody asked for, no connection, or
			      its end */
		load_count(load, c, r);
	if (client_ready(c) && list_empty(&c->link))
		load_ready(load, c, clock_mono_ns(), r > CLIENT_OK);
}

static void
load_event(struct load *load, struct client *c, uint32_t events)
{
	load_one_event(load, c, events);
	while (c->upgraded && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		load_one_event(load, c, events);
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

/* The command has its third of the window, and what follows it another one, however long it runs.
 */
static void
load_command(struct load *load, uint64_t now)
{
	uint64_t third = (uint64_t)(load->plan->seconds * NS_PER_S / 3);
	enum command_phase before = load->command.phase;

	if (before == COMMAND_BEFORE && now >= load->command_due)
		command_start(&load->command, load->plan->command, now);
	command_tick(&load->command, now);
	if (load->command.phase == COMMAND_DURING && load->end < now + third)
		load->end = now + third;
	if (load->command.phase != before)
		tally_begin(&load->phases[load->command.phase], now);
}

static void
load_tick(struct load *load, uint64_t now)
{
	uint64_t limit = (uint64_t)(load->plan->timeout * NS_PER_S);

	load->next_tick = now + TICK_NS;
	for (size_t i = 0; i < load->plan->connections; i++) {
		struct client *c = &load->clients[i];

		if (!client_ready(c) && now > c->sent + limit)
			load_overdue(load, c, now);
	}
	load_wake(load, &load->resting, now);
	if (load->command_due)
		load_command(load, now);
}

static void
load_due(struct load *load, uint64_t now)
{
	for (; load->next_due <= now && load->next_due < load->end;
	     load->next_due += random_gap(load))
		due_push(&load->due, load->next_due);
	while (load->due.count > 0 && !list_empty(&load->idle))
		load_send(load, container_of(load->idle.next, struct client, link),
			  due_pop(&load->due), now);
}

void
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

void
load_open(struct load *load)
{
	size_t next = 0;

	while (next < load->plan->connections || load->opening > 0) {
		while (next < load->plan->connections && load->opening < OPENING_MAX) {
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
window_begin(struct load *load, double seconds, double rate, bool command, uint64_t now)
{
	load->rate = rate;
	load->end = now + (uint64_t)(seconds * NS_PER_S);
	load->next_tick = now + TICK_NS;
	load->next_due = rate > 0 ? now + random_gap(load) : UINT64_MAX;
	load->command = (struct command){ .phase = COMMAND_BEFORE };
	load->command_due = command ? now + (load->end - now) / 3 : 0;
	tally_begin(&load->total, now);
	load->wires.handshakes = load->wires.resumed = 0;
	for (unsigned i = 0; i < COMMAND_PHASES; i++)
		tally_begin(&load->phases[i], now);
	load_wake(load, &load->resting, now);
	if (rate <= 0)
		load_wake(load, &load->idle, now);
}

void
load_window(struct load *load, double seconds, double rate, bool command)
{
	uint64_t now = clock_mono_ns(), until;

	window_begin(load, seconds, rate, command, now);
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
