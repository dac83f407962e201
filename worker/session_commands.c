#include "session_commands.h"

#include "store.h"

#include "lib/log.h"
#include "lib/moment.h"
#include "lib/redis.h"
#include "lib/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct run {
	void (*fn)(void *userdata, int error);
	void *userdata;
};

void
commands_begin(struct session_commands *c, struct slice word)
{
	assert(c->n < COMMANDS_MAX);
	c->all[c->n] = arena_alloc(&c->arena, sizeof *c->all[0]);
	c->all[c->n++]->n = 0;
	commands_add(c, word);
}

void
commands_add(struct session_commands *c, struct slice word)
{
	struct session_command *last = c->all[c->n - 1];

	assert(last->n < COMMAND_WORDS);
	last->words[last->n++] = word;
}

void
commands_add_number(struct session_commands *c, int64_t number)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%lld", (long long)number);

	commands_add(c, arena_copy(&c->arena, slice_make(text, (size_t)n)));
}

void
commands_add_moment(struct session_commands *c, int64_t moment)
{
	struct buf BUF_CLEAN text = { 0 };

	moment_write(moment, &text);
	commands_add(c, arena_copy(&c->arena, buf_slice(&text)));
}

/* Of EXEC: each command's answer, or that nothing was done. */
static void
on_done(void *userdata, const struct redis_reply *r)
{
	struct run *run = userdata;
	const struct redis_reply *fault = r && r->type != REDIS_ARRAY ? r : NULL;
	char text[160];

	for (size_t i = 0; r && r->type == REDIS_ARRAY && i < r->count; i++) {
		if (r->elements[i] && r->elements[i]->type == REDIS_FAILED)
			fault = r->elements[i];
	}
	if (fault)
		log_error("sessions store=refuses reason=\"%s\"",
			  redis_fault(fault, text, sizeof text));
	run->fn(run->userdata, !r ? -EAGAIN : fault ? -EIO : 0);
	free(run);
}

/* What was said to one of them alone comes again with EXEC. */
static void
on_queued(void *userdata, const struct redis_reply *r)
{
}

static bool
ask(struct worker *w, store_fn fn, void *userdata, const struct slice *words, size_t n)
{
	return store_ask(w, fn, userdata, n, words) != NULL;
}

int
commands_run(struct session_commands *c, struct worker *w, void (*fn)(void *userdata, int error),
	     void *userdata)
{
	static const struct slice multi = { "MULTI", 5 }, exec = { "EXEC", 4 };
	bool good = store_has_room(w, c->n + 2);
	struct run *run;

	if (good) {
		run = xcalloc(1, sizeof *run);
		*run = (struct run){ fn, userdata };
		good = ask(w, on_queued, NULL, &multi, 1);
		for (size_t i = 0; i < c->n; i++)
			good &= ask(w, on_queued, NULL, c->all[i]->words, c->all[i]->n);
		good &= ask(w, on_done, run, &exec, 1);
		assert(good); /* there was room */
	}
	arena_deinit(&c->arena);
	c->n = 0;
	return good ? 0 : -EAGAIN;
}
