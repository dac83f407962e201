/*
 * What the gateway says of itself, and the reload. These answers are older than the envelope, and
 * the yett commands read them.
 */

#include "api.h"

#include "config.h"
#include "master.h"
#include "reload.h"
#include "status.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

void
api_status(struct api_call *c)
{
	BUF_CLEAN struct buf json = { 0 };

	status_write(c->master, &json);
	api_reply(c, 200, buf_slice(&json), NULL);
}

void
api_whoami(struct api_call *c)
{
	BUF_CLEAN struct buf json = { 0 };

	buf_adds(&json, SLICE("{\"who\":"));
	buf_add_json(&json, c->text.part[CALL_WHO]);
	buf_addf(&json, ",\"role\":\"%s\"}\n", access_role_name[c->text.role]);
	api_reply(c, 200, buf_slice(&json), NULL);
}

/* What became of each is not kept where nothing is to be said of it: all are compiled again. */
static int
routes_make(struct api_call *c, const void *what, struct buf *out)
{
	struct compile_report *report;
	int r = publish_report_all(c->master, &report);

	if (r < 0)
		return r;
	status_write_routes(report, what, out);
	compile_report_free(report);
	return 0;
}

static void
routes_made(struct api_call *c, int r, int fd)
{
	if (r == -EBUSY)
		api_reply_message(c, 503, "Another such question is being answered", SLICE(""));
	else if (r < 0)
		api_reply_message(c, 503, "The routes cannot be told now", SLICE(""));
	else
		api_reply_fd(c, 200, fd, NULL);
}

void
api_routes(struct api_call *c)
{
	BUF_CLEAN struct buf json = { 0 };
	struct slice find = api_query(c, SLICE("find"));

	if (!api_flag(c, SLICE("refused=1"))) {
		api_aside(c, routes_make, routes_made,
			  find.p ? arena_string(&c->arena, find) : NULL);
		return;
	}
	status_write_refused(c->master, &json);
	api_reply(c, 200, buf_slice(&json), NULL);
}

void
api_config(struct api_call *c)
{
	BUF_CLEAN struct buf json = { 0 };

	config_effective(c->master->config, true, &json);
	api_reply(c, 200, buf_slice(&json), NULL);
}

/* Lines of the report as a JSON array; of both kinds only that which is asked for. */
static void
add_lines(struct buf *out, struct slice report, bool warnings)
{
	bool first = true;

	buf_addc(out, '[');
	while (report.p && report.n > 0) {
		struct slice line = slice_cut(report, '\n', &report);

		if (line.n == 0 || (memmem(line.p, line.n, ": warning: ", 11) != NULL) != warnings)
			continue;
		buf_adds(out, first ? SLICE("") : SLICE(","));
		buf_add_json(out, line);
		first = false;
	}
	buf_addc(out, ']');
}

/* Deletions were to be confirmed, and the server that knows of them is away. */
static void
reply_redis_down(struct api_call *c, bool reloaded)
{
	static const char error[] = "\"error\":\"Redis is down; nothing was confirmed\"";
	BUF_CLEAN struct buf json = { 0 };

	buf_addf(&json, "{\"ok\":false,%s,\"reloaded\":%s}\n", error, reloaded ? "true" : "false");
	api_reply(c, 503, buf_slice(&json), NULL);
}

static void
reload_refused(struct api_call *c, struct slice report)
{
	BUF_CLEAN struct buf json = { 0 };

	buf_adds(&json, SLICE("{\"ok\":false,\"error\":"));
	buf_add_json(&json, report);
	buf_adds(&json, SLICE(",\"mistakes\":"));
	add_lines(&json, report, false);
	buf_adds(&json, SLICE(",\"warnings\":"));
	add_lines(&json, report, true);
	buf_adds(&json, SLICE("}\n"));
	api_reply(c, 422, buf_slice(&json), NULL);
}

static void
on_reloaded(struct api_call *c, const struct wait_outcome *o)
{
	BUF_CLEAN struct buf json = { 0 };

	if (o->status == 503) {
		reply_redis_down(c, true);
		return;
	}
	buf_addf(&json, "{\"ok\":%s,\"version\":%llu,\"lagging\":[%.*s]",
		 o->status == 500 ? "false" : "true", (unsigned long long)o->version,
		 SLICE_F(o->lagging));
	if (o->status == 500)
		buf_adds(&json, SLICE(",\"error\":\"a worker refused the table\""));
	buf_adds(&json, SLICE("}\n"));
	api_reply(c, o->status, buf_slice(&json), NULL);
}

void
api_reload(struct api_call *c)
{
	struct master *m = c->master;
	bool force = api_flag(c, SLICE("force=1"));
	BUF_CLEAN struct buf report = { 0 };

	if (force && m->config->redis.configured && !waiters_redis_up(m)) {
		reply_redis_down(c, false);
	} else if (master_reload(m, &report) != 0) {
		reload_refused(c, buf_slice(&report));
	} else {
		waiters_add(
		    c, (api_flag(c, SLICE("wait=1")) ? WAIT_LONG : 0) | (force ? WAIT_FORCE : 0),
		    on_reloaded);
	}
}

/* With a token, or for a user whom the configuration names, one may operate the gateway; which
 * program it is is for those to say whose process it is. */
static bool
is_owner(const struct api_call *c)
{
	char own[24];

	snprintf(own, sizeof own, "uid:%u", (unsigned)geteuid());
	return slice_eq(c->text.part[CALL_FROM], SLICE("unix")) &&
	       (slice_eq(c->text.part[CALL_WHO], slice_of(own)) ||
		slice_eq(c->text.part[CALL_WHO], SLICE("uid:0")));
}

void
api_upgrade(struct api_call *c)
{
	BUF_CLEAN struct buf json = { 0 };
	const char *why;

	if (!is_owner(c)) {
		api_reply_more(c, 403, "This is for the gateway's own user, at its admin socket",
			       SLICE(""), SLICE(""), "X-Yett-Reason: admin_forbidden\r\n");
		return;
	}
	why = upgrade_begin(c->master);
	buf_addf(&json, "{\"ok\":%s,\"error\":\"%s\",\"upgrade\":", why ? "false" : "true",
		 why ? why : "");
	upgrade_write(c->master, &json);
	buf_adds(&json, SLICE("}\n"));
	api_reply(c, why ? 409 : 202, buf_slice(&json), NULL);
}
