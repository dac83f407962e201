#pragma once

/*
 * window: runs requests over the load generator's connections for a while. Closed loop: each
 * connection sends its next request when the answer is whole. Open loop: requests fall due at
 * random times of a fixed rate whatever the server does, and latency counts from the due time, so
 * that a stall is seen by all the requests that it delays (no coordinated omission). A window
 * begins with all connections open and ends when the last of its requests is answered or has
 * failed.
 */

#include "command.h"
#include "due.h"
#include "tally.h"

struct load {
	struct plan *plan;
	int epoll;
	struct wires wires;
	struct client *clients;
	struct list idle, resting; /* ready ones: to be used at once, after the next tick */
	struct due_queue due;
	double rate;
	uint64_t random;
	uint64_t end, next_due, next_tick; /* ns */
	size_t in_flight, opening;
	struct tally total,
	    phases[COMMAND_PHASES]; /* the latter are told apart when there is a command */
	struct command command;
	uint64_t command_due;
	char scratch[256 * 1024];
};

/* 0, or a negative errno; -EINVAL: OpenSSL has no such groups. The plan must outlive it. */
int load_init(struct load *load, struct plan *plan) __attribute__((warn_unused_result));
void load_deinit(struct load *load);
/* Opens all connections ahead, a few at a time. */
void load_open(struct load *load);
/* Waits for events until `until` (ns of the clock) at most and handles them. */
void load_turn(struct load *load, uint64_t until);
/* Runs a window; `rate` 0 is the closed loop. With `command` the plan's is run in it. What it
 * counted is then in `load`. */
void load_window(struct load *load, double seconds, double rate, bool command);
