#include "cascade_own.h"

#include "master.h"

#include "lib/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define TOGETHER_MAX 512 /* commands that are done together: most, with every service */

static void
ignore(void *userdata, struct slice tag, const struct redis_reply *r)
{
}

bool
cascade_ask(struct cascade *c, side_answer_fn answer, struct slice tag, size_t argc,
	    const struct slice *argv)
{
	return side_command(c->master->side, answer ? answer : ignore, c, tag, argc, argv) == 0;
}

/* Half of a MULTI would leave the link in it, which others use: there has to be room for all. */
bool
cascade_begin(struct cascade *c)
{
	struct side_status st;

	side_get_status(c->master->side, &st);
	return st.up && st.waiting + TOGETHER_MAX < SIDE_WAITING_MAX &&
	       cascade_ask(c, NULL, SLICE(""), 1, (struct slice[]){ SLICE("MULTI") });
}

void
cascade_put(struct cascade *c, size_t argc, const struct slice *argv)
{
	bool sent = cascade_ask(c, NULL, SLICE(""), argc, argv);

	assert(sent);
}

void
cascade_end_for(struct cascade *c, side_answer_fn answer, void *userdata, struct slice tag)
{
	int r = side_command(c->master->side, answer, userdata, tag, 1,
			     (struct slice[]){ SLICE("EXEC") });

	assert(r == 0);
}

void
cascade_end(struct cascade *c, side_answer_fn answer, struct slice tag)
{
	cascade_end_for(c, answer ? answer : ignore, c, tag);
}

void
cascade_key(const char *kind, const char *job, struct buf *out)
{
	buf_addf(out, "yett:cascade:%s:%s", kind, job);
}

void
cascade_number(int64_t n, struct buf *out)
{
	buf_addf(out, "%" PRId64, n);
}

void
cascade_random(char out[33])
{
	uint64_t word[2];

	if (getrandom(word, sizeof word, 0) != sizeof word)
		abort();
	snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, word[0], word[1]);
}

void
cascade_fault(struct cascade_fault *f, const struct redis_reply *r)
{
	char fault[96];
	const char *text = r && r->type == REDIS_FAILED ? redis_fault(r, fault, sizeof fault) : "";

	if (!r)
		return;
	snprintf(f->now, sizeof f->now, "%s", text);
	if (!*text || strcmp(f->now, f->told) == 0)
		return;
	memcpy(f->told, f->now, sizeof f->told);
	log_error("cascade error=\"%s\" remedy=\"let the user of Redis do it\"", text);
}
