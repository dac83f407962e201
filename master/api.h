#pragma once

/*
 * api: what operators ask through the admin worker, and through it alone. One table (api.c) says
 * which methods a path takes, who may use them, and who answers. A call lives until it is answered,
 * at once or later; the admin worker that brought it may be gone by then.
 */

#include "lib/arena.h"
#include "lib/buf.h"
#include "shm/call.h"
#include "store.h"

struct change;
struct ipc_message;
struct master;
struct msg_call;
struct slot;

#define API_PARAMS 3

struct api_call {
	struct master *master;
	struct slot *admin;
	uint64_t instance; /* of the admin worker that asked; another one knows nothing of it */
	uint32_t id;
	const struct api_row *row;
	struct call_text text;
	struct slice
	    param[API_PARAMS]; /* what stood for {url} and the like, decoded; in the arena */
	struct arena arena;    /* lives as long as the call */
	char revision[STORE_REVISION_MAX]; /* that it made; "": none */
	struct buf data;                   /* JSON that goes along with what became of a change */
	struct buf warnings;               /* of what it does, JSON texts with commas between */
};

struct api_row {
	const char *methods;   /* "GET", "POST PUT" */
	const char *path;      /* "/frontends/{url}": {} stands for one segment that is not empty */
	enum access_role role; /* the least that is needed */
	void (*run)(struct api_call *c); /* takes the call over: it must be answered once */
	const char *text;                /* one sentence, for `yett help api` */
	const char *query; /* names of its parameters, with blanks between; NULL: none */
	const char *body;  /* what the body is, by a name in openapi.c; NULL: there is none */
};

extern const struct api_row api_rows[];
extern const size_t api_rows_count;

/* A call of the admin worker. `m->fd` stays the caller's. */
void api_answer(struct master *m, struct slot *admin, const struct msg_call *call,
		const struct ipc_message *message);

/* Answers with this JSON (or nothing), and ends the call. `status`: HTTP. `fields`: whole header
 * lines, or NULL. */
void api_reply(struct api_call *c, int status, struct slice json, const char *fields);
/* The same with JSON that is in a sealed memfd, which stays the caller's. */
void api_reply_fd(struct api_call *c, int status, int fd, const char *fields);
/* The same in redx's envelope, {"message": text, "data": json, "revision": .., "version": ..};
 * `data` may be empty. `more`: members of its own (",\"a\":1"). */
void api_reply_message(struct api_call *c, int status, const char *text, struct slice data);
void api_reply_more(struct api_call *c, int status, const char *text, struct slice data,
		    struct slice more, const char *fields);
/* api_aside.c: an answer that takes long where there are many routes. `make` writes it, here or in
 * a child, which changes nothing: 0 or a negative errno. `made` hears of that with a sealed memfd
 * of what was written, which is there when r is 0, and answers; -EBUSY: there is another one.
 * `what` is for `make`, and need not outlive this call. */
typedef int api_make(struct api_call *c, const void *what, struct buf *out);
typedef void api_made(struct api_call *c, int r, int fd);
void api_aside(struct api_call *c, api_make *make, api_made *made, const void *what);
/* api_query.c: a copy without percent triplets, in the call's arena. */
struct slice api_unescape(struct api_call *c, struct slice s);
/* False, with the answer given, when a flag of the query is neither 0 nor 1, or one of our own
 * writes has a parameter that it does not know. */
bool api_query_check(struct api_call *c);
/* Is the word one of these, which have blanks between? NULL: there are none. */
bool api_has_word(const char *words, struct slice word);
/* Is it answered by api_change: with wait in its query, If-Match and X-Yett-Why? */
bool api_changes_rules(const struct api_row *row);
/* Is the flag ("wait=0") in the query? */
bool api_flag(const struct api_call *c, struct slice flag);
/* The value of a parameter of the query, decoded, in the call's arena; p == NULL: it is not there.
 */
struct slice api_query(struct api_call *c, struct slice name);
/* For a change of this call: who asks, why (X-Yett-Why, else method and path), If-Match. */
struct change *api_new_change(struct api_call *c);
/* Is the revision in force the one that If-Match names, if any? */
bool api_matches(const struct api_call *c);
/* Stores the change (taken over), waits until every worker has it in force, and answers in the
 * envelope: 200, 202 with who lags, 400, 409 or 503. */
void api_change(struct api_call *c, struct change *change);

/* api_fleet.c: a change is in force here: waits for all gateways, and answers: 200, or 202 with who
 * lags. */
void api_wait_fleet(struct api_call *c);
void api_fleet(struct api_call *c);
void api_wait(struct api_call *c);

/* api_warn.c: what a rule of our own says that has no effect beside the configuration becomes a
 * warning of the answer. */
void api_warn(struct api_call *c, struct slice key, struct slice json);

/* api_sessions.c */
void api_sessions(struct api_call *c);
void api_sessions_end(struct api_call *c);
/* openapi.c */
void api_openapi(struct api_call *c);
/* api_export.c */
void api_export(struct api_call *c);
/* api_drain.c */
void api_drains(struct api_call *c);
void api_drain_begin(struct api_call *c);
void api_drain_end(struct api_call *c);
void api_maintenance(struct api_call *c);
void api_worker_replace(struct api_call *c);
void api_maintenance_set(struct api_call *c);
void api_maintenance_end(struct api_call *c);
/* api_suspend.c */
void api_suspended(struct api_call *c);
void api_suspend(struct api_call *c);
void api_resume(struct api_call *c);
/* api_history.c */
void api_revisions(struct api_call *c);
void api_revision(struct api_call *c);
void api_diff(struct api_call *c);
void api_reply_no_revision(struct api_call *c, struct slice id);
/* api_redx.c */
void api_test(struct api_call *c);
void api_health(struct api_call *c);
void api_flush(struct api_call *c);
void api_frontends(struct api_call *c);
void api_frontend(struct api_call *c);
void api_frontend_set(struct api_call *c);
void api_frontend_delete(struct api_call *c);
void api_backends(struct api_call *c);
void api_backend(struct api_call *c);
void api_backend_delete(struct api_call *c);
void api_server_add(struct api_call *c);
void api_server_only(struct api_call *c);
void api_server_delete(struct api_call *c);
void api_score_set(struct api_call *c);
void api_setting(struct api_call *c);
void api_setting_set(struct api_call *c);
void api_setting_delete(struct api_call *c);
void api_orphans(struct api_call *c);
void api_orphans_delete(struct api_call *c);
/* api_batch.c */
void api_batch_add(struct api_call *c);
void api_batch_replace(struct api_call *c);
void api_batch_delete(struct api_call *c);

/* api_apply.c */
void api_apply(struct api_call *c);
void api_rollback(struct api_call *c);

/* api_keys.c */
void api_keys(struct api_call *c);
/* api_rules.c */
void api_rules(struct api_call *c);
void api_rule(struct api_call *c);
void api_rule_set(struct api_call *c);
void api_rule_delete(struct api_call *c);

/* api_own.c */
void api_status(struct api_call *c);
void api_whoami(struct api_call *c);
void api_routes(struct api_call *c);
void api_config(struct api_call *c);
void api_upgrade(struct api_call *c);
void api_reload(struct api_call *c);
/* api_log.c */
void api_log(struct api_call *c);
/* api_errors.c */
void api_errors(struct api_call *c);
/* api_statistics.c */
void api_statistics(struct api_call *c);
/* api_cascade.c */
void api_cascade(struct api_call *c);
void api_cascade_retry(struct api_call *c);
void api_cascade_drop(struct api_call *c);
/* explain.c */
void api_explain(struct api_call *c);
/* api_replay.c */
void api_replay(struct api_call *c);
void api_replay_rules(struct api_call *c);
