/*
 * `yett drain`: takes an endpoint out of service, or back, or shows those that are out.
 */

#include "command_ask.h"
#include "command_table.h"
#include "number.h"

#include "lib/clock.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS 200

static void
write_table(const struct json *root, bool colours, struct buf *out)
{
	static const char *const titles[] = { "ENDPOINT", "SINCE", "UNDER WAY", "STICKY", NULL };
	struct columns c;
	char space[32];

	if (!json_first(json_get(root, "drained"))) {
		buf_adds(out, SLICE("no endpoint is drained\n"));
		return;
	}
	columns_init(&c, 4, colours);
	command_head(&c, titles);
	for (const struct json *d = json_first(json_get(root, "drained")); d; d = json_next(d)) {
		command_field(&c, d, "endpoint");
		command_field(&c, d, "since");
		if (answer_true(d, "known"))
			columns_addf(&c, COLOUR_NONE, "%s", answer_text(d, "in_flight", space));
		else
			columns_add(&c, COLOUR_NONE, SLICE("no upstream has it"));
		columns_add(&c, COLOUR_NONE,
			    answer_true(d, "sticky") ? SLICE("go on") : SLICE("go elsewhere"));
	}
	columns_write(&c, out);
	columns_deinit(&c);
}

static const struct json *
entry_of(const struct json *root, const char *endpoint)
{
	for (const struct json *d = json_first(json_get(root, "drained")); d; d = json_next(d)) {
		if (slice_eq(json_text(json_get(d, "endpoint")), slice_of(endpoint)))
			return d;
	}
	return NULL;
}

static int
tell(const struct answer *a, const struct command_options *o)
{
	const struct json *d = entry_of(a->json, o->words[0]);
	char space[32];

	if (o->json)
		answer_print(&a->body);
	else if (!d)
		printf("%s is in service\n", o->words[0]);
	else
		printf("%s gets no new requests; %s under way\n", o->words[0],
		       answer_text(d, "in_flight", space));
	return COMMAND_OK;
}

/* Until it has nothing under way. */
static int
wait_for_it(struct answer *a, const struct command_options *o, uint64_t until_ms)
{
	struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	struct command_options plain = *o;
	const struct json *d;
	int r = COMMAND_OK;

	plain.wait = false;
	while (r == COMMAND_OK && (d = entry_of(a->json, o->words[0])) != NULL &&
	       answer_number(d, "in_flight") > 0) {
		if (clock_mono_ms() >= until_ms)
			return COMMAND_LAGGING;
		nanosleep(&pause, NULL);
		answer_deinit(a);
		r = answer_get(a, &plain, "GET", "/drained");
	}
	return r;
}

static void
add_escaped(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addf(out, "%%%02X", (unsigned char)s.p[i]);
}

static int
change(const struct command_options *o, uint64_t until_ms)
{
	struct buf BUF_CLEAN target = { 0 };
	struct answer a;
	int r, waited = COMMAND_OK;

	buf_adds(&target, SLICE("/drained/"));
	add_escaped(&target, slice_of(o->words[0]));
	buf_adds(&target, o->sticky ? SLICE("?sticky=1") : SLICE(""));
	buf_addc(&target, '\0');
	r = answer_get(&a, o, o->undo ? "DELETE" : "PUT", target.p);
	if (r == COMMAND_OK && (a.status == 404 || a.status == 409)) {
		fprintf(stderr, "yett drain: %s: %.*s\n", o->words[0],
			SLICE_F(json_text(json_get(a.json, "message"))));
		r = COMMAND_REFUSED;
	} else if (r == COMMAND_OK && a.status != 200) {
		r = answer_refused(&a, "drain");
	} else if (r == COMMAND_OK) {
		if (o->wait && !o->undo)
			waited = wait_for_it(&a, o, until_ms);
		r = waited == COMMAND_OK || waited == COMMAND_LAGGING ? tell(&a, o) : waited;
		if (r == COMMAND_OK)
			r = waited;
	}
	answer_deinit(&a);
	return r;
}

static int
replace_worker(const struct command_options *o)
{
	struct buf BUF_CLEAN target = { 0 };
	struct answer a;
	int r;

	buf_adds(&target, SLICE("/workers/"));
	add_escaped(&target, slice_of(o->worker));
	buf_adds(&target, SLICE("/replace"));
	buf_addc(&target, '\0');
	r = answer_get(&a, o, "POST", target.p);
	if (r == COMMAND_OK && (a.status == 404 || a.status == 409)) {
		fprintf(stderr, "yett drain: worker %s: %.*s\n", o->worker,
			SLICE_F(json_text(json_get(a.json, "message"))));
		r = COMMAND_REFUSED;
	} else if (r == COMMAND_OK && a.status != 202) {
		r = answer_refused(&a, "drain");
	} else if (r == COMMAND_OK && o->json) {
		answer_print(&a.body);
	} else if (r == COMMAND_OK) {
		printf("another worker takes the place of worker %s, which finishes\n", o->worker);
	}
	answer_deinit(&a);
	return r;
}

int
command_drain(const struct command_options *o)
{
	uint64_t until_ms = UINT64_MAX;
	int64_t ms = 0;

	if (o->timeout && number_parse(SETTING_DURATION, slice_of(o->timeout), &ms) != NUMBER_OK) {
		fputs("yett drain: --timeout takes a duration, such as 30s\n", stderr);
		return COMMAND_UNREADABLE;
	}
	if (o->timeout)
		until_ms = clock_mono_ms() + (uint64_t)ms;
	if (o->worker && !o->words[0] && !o->undo && !o->sticky && !o->wait)
		return replace_worker(o);
	if (o->worker) {
		fputs("yett drain: --worker N takes nothing beside it\n", stderr);
		return COMMAND_UNREADABLE;
	}
	if (o->words[0])
		return change(o, until_ms);
	if (o->undo || o->sticky || o->wait) {
		fputs("yett drain: which endpoint? yett status names them\n", stderr);
		return COMMAND_UNREADABLE;
	}
	return command_show(o, "drain", "/drained", write_table);
}
