#pragma once

/*
 * fleet: many simulated gateways against one Redis, in one process and on one loop. What they say
 * is not written here: bench/simulate records a real gateway, and hands over its words as events.
 * An event is a list of rounds; a round is what is said over one connection at once, and the next
 * one begins when all of it is answered.
 */

#include "lib/slice.h"

#include <stdint.h>
#include <uv.h>

#define FLEET_CONNS 24 /* of a gateway */
#define FLEET_NAME 16
#define FLEET_REPORT_MS 120000 /* what has not ended by then is told as it is */

enum part_kind { PART_BYTES, PART_GATEWAY, PART_CLIENT, PART_VALUE };

struct part { /* of a word */
	enum part_kind kind;
	char *bytes; /* or the name of a value */
	size_t n;    /* of bytes; or which connection's id as Redis knows it */
};

struct word {
	struct part *parts;
	size_t n;
};

struct saying {
	struct word *words;
	size_t n;
};

struct round {
	unsigned conn;
	uint64_t at_ms; /* not before this, since the event began */
	struct saying *says;
	size_t n;
};

struct event {
	char *name;
	struct round *rounds;
	size_t n;
};

struct trigger { /* a key that is announced on a connection begins an event */
	unsigned conn;
	struct slice key;
	struct event *event;
};

struct value { /* that the words of all gateways may name */
	char *name;
	struct slice bytes;
};

struct script {
	struct event **events;
	struct trigger *triggers;
	struct value *values;
	size_t events_n, triggers_n, values_n;
};

/* What is being measured: runs of one event, as many as are wanted. */
struct measure {
	const struct event *event; /* NULL: nothing is */
	size_t want, n, heard_n;
	uint64_t since_ns; /* 0: each run counts from its own beginning */
	uint64_t begun_ns, end_ns;
	double *ms, *heard_ms;
	uint64_t failed;
	char fault[160];
};

struct gateway;

struct fleet {
	uv_loop_t loop;
	uv_timer_t tick;
	struct sockaddr_storage address;
	struct script script;
	struct measure measure;
	struct gateway *gateways;
	size_t gateways_n;
	unsigned conns;
	const struct event *every; /* what each does again and again; NULL: nothing */
	uint64_t every_ms;
	const struct event *stopped; /* what it was until now */
	const struct event *rate; /* begun so often in a second, by any gateway */
	double per_ns;
	uint64_t rate_next;
	size_t rate_left;
	uint64_t random;
	uint64_t sent, messages, keys, lost;
};

/* ---- the script: lines of words (fleet_script.c) ---- */

struct event *script_find(const struct script *s, const char *name);
const struct slice *script_value(const struct script *s, const char *name);
/* "event", "round", "say", "hear" and "value"; false: it is none of these. Nonsense ends the
 * program: it is our own. */
bool script_line(struct script *s, char *line);

/* ---- gateways (fleet_gateway.c) ---- */

/* So many, each with so many connections, over `spread_ms`; each begins the event "start" when all
 * of its connections stand, and comes back when it loses one. */
void fleet_connect(struct fleet *f, size_t n, unsigned conns, uint64_t spread_ms);
/* `again`: so many times, one after the other. */
void gateway_run(struct fleet *f, size_t gateway, const struct event *e, size_t again);
/* A run of the event has ended, and was begun then; or a key that begins it was announced. */
void measure_ended(struct fleet *f, const struct event *e, uint64_t begun_ns);
void measure_heard(struct fleet *f, const struct event *e);
void measure_failed(struct fleet *f, struct slice fault);
/* At every tick: what each says again and again. */
void fleet_periods(struct fleet *f, uint64_t now);
uint64_t fleet_random(struct fleet *f);
