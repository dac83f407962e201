/*
 * `yett upgrade`: what is at the gateway's path takes the place of what runs; it says why not, or
 * waits until the new one serves.
 */

#include "ask.h"
#include "command_ask.h"
#include "number.h"

#include "lib/clock.h"

#include <stdio.h>
#include <time.h>

#define ANSWER_MAX ((size_t)1 << 22)
#define ANSWER_DEPTH 32
#define PAUSE_MS 50
#define PATIENCE_MS 90000

/* What the gateway says of it; NULL while nobody answers who has a master. `root` is to be freed.
 */
static const struct json *
look(const char *socket, struct json **root)
{
	struct ask q = { .socket = socket, .method = "GET", .target = "/status", .timeout_s = 5 };
	struct buf BUF_CLEAN body = { 0 }, why = { 0 };

	*root = NULL;
	if (ask(&q, &body, &why) != 200 ||
	    json_parse(buf_slice(&body), ANSWER_MAX, ANSWER_DEPTH, root) < 0)
		return NULL;
	return json_get(*root, "upgrade");
}

/* `effect`: what serves now. */
static int
failed(const struct command_options *o, struct slice error, const char *effect)
{
	struct buf BUF_CLEAN json = { 0 };

	if (o->json) {
		buf_adds(&json, SLICE("{\"ok\":false,\"error\":"));
		buf_add_json(&json, error);
		buf_adds(&json, SLICE("}\n"));
		answer_print(&json);
	}
	fprintf(stderr, "yett upgrade: %.*s\nyett upgrade: %s\n", SLICE_F(error), effect);
	return COMMAND_REFUSED;
}

static int
refused(const struct command_options *o, struct slice error)
{
	return failed(o, error, "refused; the running image serves on");
}

static void
print_done(const struct command_options *o, const struct json *root)
{
	struct buf BUF_CLEAN out = { 0 };
	char version[32], pid[32];

	if (!o->json) {
		answer_say("version %s serves, in process %s\n",
			   answer_text(root, "version", version), answer_text(root, "pid", pid));
		return;
	}
	buf_adds(&out, SLICE("{\"ok\":true,\"version\":"));
	buf_add_json(&out, slice_of(answer_text(root, "version", version)));
	buf_addf(&out, ",\"pid\":%.0f}\n", answer_number(root, "pid"));
	answer_print(&out);
}

/* The service manager has started the gateway anew. */
static int
died(const struct command_options *o, const struct json *root)
{
	struct buf BUF_CLEAN effect = { 0 };
	char version[32], pid[32];

	buf_addf(&effect, "version %s serves, in process %s", answer_text(root, "version", version),
		 answer_text(root, "pid", pid));
	buf_addc(&effect, '\0');
	return failed(o, SLICE("the new image died after its trial; the log says why"), effect.p);
}

/* -1: not yet; else the exit status. */
static int
look_again(const char *socket, const struct json *begun, const struct command_options *o)
{
	struct json *root;
	const struct json *now = look(socket, &root);
	struct slice error = json_text(json_get(now, "error"));
	int r = -1;

	if (now && answer_number(now, "count") > answer_number(begun, "count")) {
		if (answer_true(root, "ready")) {
			print_done(o, root);
			r = COMMAND_OK;
		}
	} else if (now && answer_number(now, "tried") < answer_number(begun, "tried")) {
		if (answer_true(root, "ready"))
			r = died(o, root);
	} else if (now &&
		   (answer_number(now, "tried") > answer_number(begun, "tried") || error.n > 0)) {
		r = refused(o, error.n > 0 ? error : SLICE("another one was begun meanwhile"));
	}
	json_free(root);
	return r;
}

static int
wait_for_it(const struct json *begun, const struct command_options *o, uint64_t patience_ms)
{
	struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	uint64_t until_ms = clock_mono_ms() + patience_ms;
	struct buf BUF_CLEAN path = { 0 };
	int r = -1;

	if (command_socket(o, &path) != 0)
		return COMMAND_UNREADABLE;
	while (r < 0 && clock_mono_ms() < until_ms) {
		nanosleep(&pause, NULL);
		r = look_again(path.p, begun, o);
	}
	if (r >= 0)
		return r;
	fputs("yett upgrade: it is still under way; `yett status` says how it went\n", stderr);
	return COMMAND_LAGGING;
}

int
command_upgrade(const struct command_options *o)
{
	int64_t patience_ms = PATIENCE_MS;
	struct answer a;
	int r;

	if (o->timeout &&
	    number_parse(SETTING_DURATION, slice_of(o->timeout), &patience_ms) != NUMBER_OK) {
		fputs("yett upgrade: --timeout takes a duration, such as 30s\n", stderr);
		return COMMAND_UNREADABLE;
	}
	r = answer_get(&a, o, "POST", "/upgrade");
	if (r == COMMAND_OK && a.status == 202)
		r = wait_for_it(json_get(a.json, "upgrade"), o, (uint64_t)patience_ms);
	else if (r == COMMAND_OK && a.status == 409)
		r = refused(o, json_text(json_get(a.json, "error")));
	else if (r == COMMAND_OK)
		r = answer_refused(&a, "upgrade");
	answer_deinit(&a);
	return r;
}
