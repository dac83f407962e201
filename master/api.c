#include "api.h"

#include "master.h"
#include "store.h"

#include "lib/log.h"
#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const struct api_row api_rows[] = {
	{ "GET", "/status", ACCESS_LOOK, api_status,
	  .text = "The state of the gateway: table, workers, rules, Redis, endpoints." },
	{ "GET", "/openapi.json", ACCESS_LOOK, api_openapi,
	  .text = "What this API is, as an OpenAPI 3.1 document." },
	{ "GET", "/whoami", ACCESS_LOOK, api_whoami, .text = "Who asks, and in which role." },
	{ "GET", "/routes", ACCESS_LOOK, api_routes,
	  .text = "Every route, and why one is not in force; refused=1: the refused rules instead; "
		  "find=WORDS: the first 500 that have all of these in their id, host, path, "
		  "upstream or conditions, and how many do.",
	  .query = "refused find" },
	{ "GET", "/statistics", ACCESS_LOOK, api_statistics,
	  .text = "Requests, errors, bytes and time of each route and upstream; with the role "
		  "operate of "
		  "identities, too.",
	  .query = "hour" },
	{ "GET", "/log", ACCESS_OPERATE, api_log,
	  .text = "Lines of the access log that came since after=PLACE, where the last answer "
		  "ended, and how many were missed; without it only a place.",
	  .query = "after" },
	{ "GET", "/errors", ACCESS_OPERATE, api_errors,
	  .text = "The last requests that were refused for their form, and by a route or a policy, "
		  "with the bytes of their heads; what may be secret is masked." },
	{ "GET", "/fleet", ACCESS_READ, api_fleet,
	  .text = "The gateways that share the Redis: which revision all workers of each have in "
		  "force, "
		  "its version and state." },
	{ "GET", "/wait/{revision}", ACCESS_READ, api_wait,
	  .text = "Waits for a revision (\"latest\"), or a newer one, to be in force here, with "
		  "all=1 in "
		  "every gateway: for two seconds, or timeout=DURATION.",
	  .query = "all timeout" },
	{ "GET", "/config", ACCESS_LOOK, api_config,
	  .text = "Every setting with its origin, secrets redacted." },
	{ "GET", "/sessions/{user}", ACCESS_READ, api_sessions,
	  .text = "The sessions of a user: since when, until when, and at which providers." },
	{ "DELETE", "/sessions/{user}", ACCESS_WRITE, api_sessions_end,
	  .text = "Ends all of them, and closes what is under way." },
	{ "GET", "/suspended", ACCESS_READ, api_suspended,
	  .text = "Who is suspended, by whom and why; limit=N: so many of them at most.",
	  .query = "limit" },
	{ "PUT", "/suspended/{kind}/{id}", ACCESS_WRITE, api_suspend,
	  .text = "Suspends it: the kind is sub, sid or jti, or all with the id *; the body may "
		  "have until "
		  "and before (seconds since 1970), and a reason.",
	  .body = "Suspension" },
	{ "DELETE", "/suspended/{kind}/{id}", ACCESS_WRITE, api_resume, .text = "Resumes it." },
	{ "GET", "/revisions", ACCESS_READ, api_revisions,
	  .text = "The last revisions of the rules: who changed them, when and why." },
	{ "GET", "/revisions/{id}", ACCESS_READ, api_revision,
	  .text = "One of them, with what it changed." },
	{ "GET", "/diff", ACCESS_READ, api_diff,
	  .text = "What differs in the rules between from=ID and to=ID; \"previous\" and "
		  "\"current\" where "
		  "they are not given.",
	  .query = "from to" },
	{ "GET", "/replay", ACCESS_READ, api_replay,
	  .text = "How many of the last requests would go elsewhere by the rules of to=ID "
		  "(\"previous\"), "
		  "and which.",
	  .query = "to" },
	{ "POST", "/apply", ACCESS_WRITE, api_apply,
	  .text = "Makes the families of rules that the body names exactly so; dry_run=1 only says "
		  "what "
		  "would change, force=1 confirms that more than half goes.",
	  .query = "dry_run force", .body = "Rules" },
	{ "POST", "/rollback", ACCESS_WRITE, api_rollback,
	  .text =
	      "Makes the rules what they were steps=N revisions ago, or at to=ID; dry_run=1 and "
	      "force=1 as for /apply.",
	  .query = "steps to dry_run force" },
	{ "POST", "/replay", ACCESS_READ, api_replay_rules,
	  .text = "The same by the rules of the body, which is as for /apply.", .body = "Rules" },
	{ "POST", "/explain", ACCESS_READ, api_explain,
	  .text = "What would become of a request: {\"method\", \"url\", \"headers\": [{\"name\", "
		  "\"value\"}], \"from\"}.",
	  .body = "Request" },
	{ "POST", "/reload", ACCESS_OPERATE, api_reload,
	  .text =
	      "Reads the file again, all of it or nothing; wait=1 waits without end, force=1 also "
	      "applies deletions in Redis that were withheld.",
	  .query = "wait force" },

	{ "GET", "/drained", ACCESS_READ, api_drains,
	  .text = "Endpoints that get no new requests, and how many each has under way." },
	{ "PUT", "/drained/{endpoint}", ACCESS_OPERATE, api_drain_begin,
	  .text = "Takes an endpoint out of service, for all upstreams that have it; with sticky=1 "
		  "those "
		  "whose sticky cookie names it go on coming.",
	  .query = "sticky" },
	{ "DELETE", "/drained/{endpoint}", ACCESS_OPERATE, api_drain_end,
	  .text = "Takes that back." },
	{ "POST", "/workers/{number}/replace", ACCESS_OPERATE, api_worker_replace,
	  .text =
	      "Starts another worker in the place of this one, which finishes what it has within "
	      "timeouts.handover." },
	{ "GET", "/maintenance", ACCESS_READ, api_maintenance,
	  .text = "Is every request answered by 503, with which Retry-After, and who says so." },
	{ "PUT", "/maintenance/{retry_after}", ACCESS_OPERATE, api_maintenance_set,
	  .text =
	      "Has every request answered by 503 with this Retry-After (10m), or with off none, "
	      "whatever "
	      "the configuration says." },
	{ "DELETE", "/maintenance", ACCESS_OPERATE, api_maintenance_end,
	  .text = "Takes that back: it is as the configuration says." },
	{ "POST", "/upgrade", ACCESS_OPERATE, api_upgrade,
	  .text = "Executes what is now at the path that the gateway was started from in its "
		  "place, once a "
		  "trial has shown that it can take over; for the gateway's own user and root, at "
		  "admin.socket." },

	{ "GET", "/cascade", ACCESS_READ, api_cascade,
	  .text = "Deletions of users that services have still to hear of, and those of which a "
		  "service "
		  "was given up; 100 of each." },
	{ "POST", "/cascade/{job}", ACCESS_OPERATE, api_cascade_retry,
	  .text = "Tells the services of a job that are not done again, now." },
	{ "DELETE", "/cascade/{job}", ACCESS_OPERATE, api_cascade_drop,
	  .text = "Forgets a job, whoever has not heard of it." },

	{ "GET", "/rules", ACCESS_READ, api_rules,
	  .text = "All rules of our own, and which of them are refused." },
	{ "GET", "/export", ACCESS_READ, api_export,
	  .text = "All rules in force in the form that /apply takes, and which are refused." },
	{ "GET", "/rules/{kind}/{name}", ACCESS_READ, api_rule,
	  .text = "One of them: the kind is route, upstream, policy or key." },
	{ "PUT", "/rules/{kind}/{name}", ACCESS_WRITE, api_rule_set,
	  .text = "Sets it: the body is the JSON object that yett-rules(5) describes.",
	  .body = "Rule" },
	{ "DELETE", "/rules/{kind}/{name}", ACCESS_WRITE, api_rule_delete, .text = "Deletes it." },

	{ "GET", "/keys", ACCESS_READ, api_keys,
	  .text = "The API keys of file and store, by their digests." },

	{ "GET", "/test", ACCESS_READ, api_test, .text = "An empty answer." },
	{ "GET", "/health", ACCESS_READ, api_health,
	  .text = "Writes, reads and deletes a key of the store." },
	{ "DELETE", "/flush", ACCESS_WRITE, api_flush,
	  .text = "Deletes all frontends and backends, and nothing else." },
	{ "GET", "/frontends", ACCESS_READ, api_frontends, .text = "All frontends." },
	{ "GET", "/frontends/{url}", ACCESS_READ, api_frontend, .text = "The backend of one." },
	{ "DELETE", "/frontends/{url}", ACCESS_WRITE, api_frontend_delete, .text = "Deletes it." },
	{ "POST PUT", "/frontends/{url}/{backend}", ACCESS_WRITE, api_frontend_set,
	  .text = "Leads it to this backend." },
	{ "DELETE", "/frontends/{url}/{backend}", ACCESS_WRITE, api_frontend_delete,
	  .text = "Deletes it, whatever its backend." },
	{ "GET", "/backends", ACCESS_READ, api_backends, .text = "All backends." },
	{ "GET", "/backends/{name}", ACCESS_READ, api_backend,
	  .text = "The servers and settings of one." },
	{ "DELETE", "/backends/{name}", ACCESS_WRITE, api_backend_delete, .text = "Deletes it." },
	{ "POST", "/backends/{name}/{server}", ACCESS_WRITE, api_server_add,
	  .text = "Adds the server, with score 0." },
	{ "PUT", "/backends/{name}/{server}", ACCESS_WRITE, api_server_only,
	  .text = "Replaces the backend by this one server." },
	{ "DELETE", "/backends/{name}/{server}", ACCESS_WRITE, api_server_delete,
	  .text = "Deletes the server." },
	{ "PUT", "/backends/{name}/{server}/score/{score}", ACCESS_WRITE, api_score_set,
	  .text = "Sets its score." },
	{ "GET", "/backends/{name}/config/{setting}", ACCESS_READ, api_setting,
	  .text = "The value of a setting." },
	{ "DELETE", "/backends/{name}/config/{setting}", ACCESS_WRITE, api_setting_delete,
	  .text = "Deletes it." },
	{ "PUT", "/backends/{name}/config/{setting}/{value}", ACCESS_WRITE, api_setting_set,
	  .text = "Sets it." },
	{ "POST", "/batch", ACCESS_WRITE, api_batch_add,
	  .text = "Adds all frontends and backends of the body, or none.", .body = "Batch" },
	{ "PUT", "/batch", ACCESS_WRITE, api_batch_replace,
	  .text = "The same, after deleting what the body names.", .body = "Batch" },
	{ "DELETE", "/batch", ACCESS_WRITE, api_batch_delete,
	  .text = "Deletes the frontends, backends, servers and settings of the body.",
	  .body = "Batch" },
	{ "GET", "/orphans", ACCESS_READ, api_orphans,
	  .text =
	      "Frontends without a backend, and backends that no frontend and no rule leads to." },
	{ "DELETE", "/orphans", ACCESS_WRITE, api_orphans_delete, .text = "Deletes these." },
};
const size_t api_rows_count = sizeof api_rows / sizeof api_rows[0];

/* ---- the end of a call ---- */

static bool
is_write(const struct api_call *c)
{
	return (!c->row || c->row->role >= ACCESS_WRITE) &&
	       !slice_eq(c->text.part[CALL_METHOD], SLICE("GET")) &&
	       !slice_eq(c->text.part[CALL_METHOD], SLICE("HEAD"));
}

/* Who changed what, from where, and how it went; never a body or a query. */
static void
audit(const struct api_call *c, int status)
{
	const struct slice *part = c->text.part;
	char who[80], method[16], path[1024], from[64];

	log_info("audit who=\"%s\" from=%s method=%s path=\"%s\" status=%d revision=%s",
		 log_quote(part[CALL_WHO], who, sizeof who),
		 log_quote(part[CALL_FROM], from, sizeof from),
		 log_quote(part[CALL_METHOD], method, sizeof method),
		 log_quote(part[CALL_PATH], path, sizeof path), status,
		 *c->revision ? c->revision : "-");
}

static void
call_end(struct api_call *c)
{
	c->master->calls--;
	call_close(&c->text);
	arena_deinit(&c->arena);
	buf_deinit(&c->data);
	buf_deinit(&c->warnings);
	free(c);
}

void
api_reply_fd(struct api_call *c, int status, int fd, const char *fields)
{
	struct msg_reply reply = { .id = c->id, .status = (uint32_t)status };

	if (is_write(c))
		audit(c, status);
	snprintf(reply.fields, sizeof reply.fields, "%s", fields ? fields : "");
	if (c->admin->instance == c->instance)
		supervisor_send(c->admin, MSG_REPLY, &reply, sizeof reply, fd);
	call_end(c);
}

void
api_reply(struct api_call *c, int status, struct slice json, const char *fields)
{
	int fd = -1, r = 0;

	if (json.n > 0)
		r = memfd_of("yett-reply", &json, 1, &fd);
	if (r < 0)
		log_error("reply error=\"%s\"", strerror(-r));
	api_reply_fd(c, r < 0 ? 500 : status, fd, fields);
	if (fd >= 0)
		close(fd);
}

void
api_reply_more(struct api_call *c, int status, const char *text, struct slice data,
	       struct slice more, const char *fields)
{
	const char *revision = *c->revision ? c->revision : store_revision(c->master);
	BUF_CLEAN struct buf json = { 0 }, tag = { 0 };

	if (!fields && status == 200 && !is_write(c) && *revision) {
		buf_addf(&tag, "ETag: \"%s\"\r\n", revision);
		buf_addc(&tag, '\0');
		fields = tag.p;
	}
	buf_adds(&json, SLICE("{\"message\":"));
	buf_add_json(&json, slice_of(text));
	if (data.n > 0) {
		buf_adds(&json, SLICE(",\"data\":"));
		buf_adds(&json, data);
	}
	buf_adds(&json, SLICE(",\"revision\":"));
	buf_add_json(&json, slice_of(revision));
	buf_addf(&json, ",\"version\":%llu", (unsigned long long)c->master->publisher.version);
	if (c->warnings.n > 0 && status < 300)
		buf_addf(&json, ",\"warnings\":[%.*s]", SLICE_F(buf_slice(&c->warnings)));
	buf_adds(&json, more);
	buf_adds(&json, SLICE("}\n"));
	api_reply(c, status, buf_slice(&json), fields);
}

void
api_reply_message(struct api_call *c, int status, const char *text, struct slice data)
{
	api_reply_more(c, status, text, data, SLICE(""), NULL);
}

/* ---- what was asked ---- */

/* Does the path have this form? Then its parameters are in `param`, not decoded. */
static bool
matches(struct slice path, const char *form, struct slice param[API_PARAMS])
{
	struct slice pattern = slice_of(form);
	unsigned n = 0;

	while (pattern.p && path.p) {
		struct slice want = slice_cut(pattern, '/', &pattern);
		struct slice have = slice_cut(path, '/', &path);

		if (want.n == 0 || want.p[0] != '{') {
			if (!slice_eq(want, have))
				return false;
		} else if (have.n == 0) {
			return false;
		} else {
			param[n++] = have;
		}
	}
	return !pattern.p && !path.p;
}

/* Without the slash at its end: what clients of redx reached by a redirect. */
static struct slice
trimmed(struct slice path)
{
	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

/* The row for this method and path; NULL: there is none, and `allow` has the methods that the path
 * takes, if it takes any. */
static const struct api_row *
find_row(struct slice method, struct slice path, struct slice param[API_PARAMS], struct buf *allow)
{
	for (size_t i = 0; i < api_rows_count; i++) {
		struct slice found[API_PARAMS] = { { NULL, 0 } };
		struct slice rest = slice_of(api_rows[i].methods);

		if (!matches(path, api_rows[i].path, found))
			continue;
		if (api_has_word(api_rows[i].methods, method)) {
			memcpy(param, found, sizeof found);
			return &api_rows[i];
		}
		while (rest.p) {
			struct slice one = slice_cut(rest, ' ', &rest);

			buf_addf(allow, "%s%.*s", allow->n ? ", " : "", SLICE_F(one));
		}
	}
	return NULL;
}

/* ---- answering ---- */

/* redx takes the first of two or three segments for the kind of a thing. */
static bool
is_asset(struct slice path)
{
	unsigned segments = 0;

	for (size_t i = 0; i < path.n; i++)
		segments += path.p[i] == '/';
	return segments == 2 || segments == 3;
}

static void
reply_no_row(struct api_call *c, struct slice path, const struct buf *allow)
{
	BUF_CLEAN struct buf field = { 0 };

	if (allow->n == 0 && is_asset(path)) {
		api_reply_message(c, 400, "Bad asset type. Must be \"frontends\" or \"backends\"",
				  SLICE(""));
		return;
	}
	if (allow->n == 0) {
		api_reply_more(c, 404, "There is no such page", SLICE(""), SLICE(""),
			       "X-Yett-Reason: admin_not_found\r\n");
		return;
	}
	buf_addf(&field, "X-Yett-Reason: admin_method\r\nAllow: %.*s\r\n",
		 SLICE_F(buf_slice(allow)));
	buf_addc(&field, '\0');
	api_reply_more(c, 405, "The page does not take this method", SLICE(""), SLICE(""), field.p);
}

static void
run(struct api_call *c)
{
	struct slice method = c->text.part[CALL_METHOD];
	struct slice path = trimmed(c->text.part[CALL_PATH]);
	BUF_CLEAN struct buf allow = { 0 };

	if (slice_eq(method, SLICE("HEAD")))
		method = SLICE("GET");
	c->row = find_row(method, path, c->param, &allow);
	if (!c->row) {
		reply_no_row(c, path, &allow);
		return;
	}
	if (c->text.role < c->row->role) {
		BUF_CLEAN struct buf text = { 0 };

		buf_addf(&text, "This takes the role %s", access_role_name[c->row->role]);
		buf_addc(&text, '\0');
		api_reply_more(c, 403, text.p, SLICE(""), SLICE(""),
			       "X-Yett-Reason: admin_forbidden\r\n");
		return;
	}
	for (unsigned i = 0; i < API_PARAMS && c->param[i].p; i++)
		c->param[i] = api_unescape(c, c->param[i]);
	if (api_query_check(c))
		c->row->run(c);
}

void
api_answer(struct master *m, struct slot *admin, const struct msg_call *call,
	   const struct ipc_message *message)
{
	struct api_call *c = xcalloc(1, sizeof *c);
	int r;

	m->calls++;
	c->master = m;
	c->admin = admin;
	c->instance = admin->instance;
	c->id = call->id;
	r = call_open(message->fd, &c->text);
	if (r < 0) {
		log_error("call error=\"%s\"", strerror(-r));
		api_reply_message(c, 500, "The master cannot read the request", SLICE(""));
	} else {
		run(c);
	}
}
