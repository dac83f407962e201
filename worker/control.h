#pragma once

/*
 * control: the worker's end of the channel to the master. Messages in (shm/message.h),
 * acknowledgements and an operator's calls out. What does not have the right shape is dropped with
 * a line in the log.
 */

#include "worker.h"

struct call_text;
struct request;

/* The master's answer: `fields` are whole header lines, or empty. */
typedef void (*call_done_fn)(struct request *r, int status, struct slice fields, struct slice body);

struct call {                    /* an operator's question on its way to the master */
	struct request *request; /* NULL: it has ended */
	struct list link;
	uint32_t id;
	uint64_t until; /* ms: the master does not answer after that; 0 = as long as it takes */
	call_done_fn done;
};

int control_open(struct worker *w, int fd) __attribute__((warn_unused_result));
void control_close(struct worker *w);
/* The master is gone, and what it said last is yet to be read. */
bool control_is_cut(const struct worker *w);
/* After the loop has let go of the channel: gives back the pages. */
void control_free(struct worker *w);
/* Asks the master. `done` runs later with the answer, unless the request ends before. 0 or a
 * negative errno. */
int control_call(struct request *r, const struct call_text *text, call_done_fn done);
/* At each tick: calls that the master does not answer. */
void control_check(struct worker *w);
/* Whoever asked has ended: the answer will be dropped. */
void control_forget(struct call *call);
