/*
 * `yett fleet` and `yett wait`: who shares the Redis, and when all of them have a revision in
 * force.
 */

#include "command_table.h"
#include "history.h"
#include "number.h"

#include "lib/clock.h"

#include <stdio.h>
#include <unistd.h>

#define ROUND_MS 20000 /* of one question; a command answers within 30 s, or is taken for lost */

/* ---- who there is ---- */

/* A time in ms, as people read it. */
static void
add_age(struct columns *c, const struct json *g, const char *name)
{
	struct buf BUF_CLEAN text = { 0 };

	if (json_get(g, name))
		answer_duration(answer_number(g, name) / 1000, &text);
	else
		buf_addc(&text, '-');
	columns_add(c, COLOUR_NONE, buf_slice(&text));
}

static void
add_gateway(struct columns *c, const struct json *g, struct slice self)
{
	static const char *const fields[] = { "pid", "version", "format" };
	struct slice state = json_text(json_get(g, "state")), id = json_text(json_get(g, "id")),
		     revision = json_text(json_get(g, "revision"));

	columns_addf(c, COLOUR_NONE, "%.*s%s", SLICE_F(id), slice_eq(id, self) ? " *" : "");
	command_field(c, g, "name");
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		command_field(c, g, fields[i]);
	columns_add(c, command_colour(state), state);
	columns_add(c, COLOUR_NONE, revision.n ? revision : SLICE("-"));
	add_age(c, g, "in_force_ms");
	add_age(c, g, "up_ms");
	add_age(c, g, "heard_ms");
}

static void
write_gateways(const struct json *data, bool colours, struct buf *out)
{
	static const char *const titles[] = { "GATEWAY", "HOST",  "PID",      "VERSION",
					      "FORMAT",  "STATE", "REVISION", "IN FORCE",
					      "UP",      "HEARD", NULL };
	struct slice self = json_text(json_get(data, "self"));
	struct columns c;

	columns_init(&c, 10, colours);
	command_head(&c, titles);
	for (const struct json *g = json_first(json_get(data, "gateways")); g; g = json_next(g))
		add_gateway(&c, g, self);
	columns_write(&c, out);
	columns_deinit(&c);
	for (const struct json *g = json_first(json_get(data, "gateways")); g; g = json_next(g)) {
		struct slice why = json_text(json_get(g, "degraded"));

		if (why.n)
			buf_addf(out, "%.*s: %.*s\n", SLICE_F(json_text(json_get(g, "id"))),
				 SLICE_F(why));
	}
}

int
command_fleet(const struct command_options *o)
{
	struct buf BUF_CLEAN out = { 0 };
	struct answer a;
	int r = answer_get(&a, o, "GET", "/fleet");

	if (r == COMMAND_OK && a.status != 200) {
		r = answer_refused(&a, "fleet");
	} else if (r == COMMAND_OK) {
		const struct json *data = json_get(a.json, "data");

		if (!o->json)
			write_gateways(data, columns_want_colours(STDOUT_FILENO), &out);
		answer_print(o->json ? &a.body : &out);
		if (!answer_true(data, "whole")) {
			fputs(
			    "yett fleet: Redis is away, or has forgotten the gateways; the others "
			    "are as they were heard of last\n",
			    stderr);
			r = COMMAND_REFUSED;
		}
	}
	answer_deinit(&a);
	return r;
}

/* ---- waiting ---- */

static void
name_all(const struct json *list, const char *what)
{
	for (const struct json *g = json_first(list); g; g = json_next(g)) {
		struct slice revision = json_text(json_get(g, "revision"));

		fprintf(stderr, "yett wait: gateway %.*s (%.*s) %s%s%.*s\n",
			SLICE_F(json_text(json_get(g, "gateway"))),
			SLICE_F(json_text(json_get(g, "name"))), what,
			revision.n ? ": it has " : "", SLICE_F(revision));
	}
}

static int
tell_waited(const struct answer *a, const struct command_options *o)
{
	struct slice revision = json_text(json_get(a->json, "revision"));

	if (o->json)
		answer_print_body(a);
	if (a->status == 200 || a->status == 202) {
		name_all(json_get(a->json, "lagging"), "lags");
		name_all(json_get(a->json, "gone"), "is gone and does not count");
	}
	if (a->status == 200 && !o->json)
		answer_say("revision %.*s is in force%s\n", SLICE_F(revision),
			   o->all ? " in every gateway" : "");
	if (a->status == 200 || a->status == 202)
		return a->status == 200 ? COMMAND_OK : COMMAND_LAGGING;
	if (!json_get(a->json, "message"))
		return answer_refused(a, "wait");
	if (!o->json)
		fprintf(stderr, "yett wait: %.*s\n",
			SLICE_F(json_text(json_get(a->json, "message"))));
	return COMMAND_REFUSED;
}

/* For up to `ms`. */
static int
wait_once(const struct command_options *o, const char *revision, uint64_t ms, bool last)
{
	struct buf BUF_CLEAN target = { 0 };
	struct answer a;
	int r;

	buf_addf(&target, "/wait/%s?timeout=%llums%s", revision, (unsigned long long)ms,
		 o->all ? "&all=1" : "");
	buf_addc(&target, '\0');
	r = answer_get(&a, o, "GET", target.p);
	if (r == COMMAND_OK && a.status == 202 && !last)
		r = COMMAND_LAGGING;
	else if (r == COMMAND_OK)
		r = tell_waited(&a, o);
	answer_deinit(&a);
	return r;
}

int
command_wait(const struct command_options *o)
{
	const char *revision = o->words_count ? o->words[0] : "latest";
	uint64_t now = clock_mono_ms(), end = UINT64_MAX;
	int64_t ms;
	int r;

	if (strcmp(revision, "latest") != 0 && !revision_is_id(slice_of(revision))) {
		fprintf(stderr, "yett wait: \"%s\" is no revision; see yett history\n", revision);
		return COMMAND_REFUSED;
	}
	if (o->timeout) {
		if (number_parse(SETTING_DURATION, slice_of(o->timeout), &ms) != NUMBER_OK) {
			fputs("yett wait: --timeout takes a duration, such as 30s\n", stderr);
			return COMMAND_UNREADABLE;
		}
		end = now + (uint64_t)ms;
	}
	do {
		uint64_t left = end - now;

		r = wait_once(o, revision, left < ROUND_MS ? left : ROUND_MS, left <= ROUND_MS);
		now = clock_mono_ms();
	} while (r == COMMAND_LAGGING && now < end);
	return r;
}
