#pragma once

/*
 * explain: what would become of a request, said without sending anything. The request is a real one
 * and takes the steps of every other up to the choice of an endpoint; only its client is a stand-in
 * that hears nothing. Whatever those steps count or take turns in is put back.
 */

#include "request.h"

#include "lib/buf.h"

struct explained {
	struct request *r;
	enum result result; /* of the last step that it took */
	bool malformed;     /* it took none: it is no HTTP */
	bool forwarded;     /* an endpoint was picked, and worker->head is what it would get */
};

/* Answers the master's question: `fd` holds the request as it would come, up to the empty line, and
 * stays the caller's. */
void explain_answer(struct worker *w, const struct msg_explain *question, int fd);

/* explain_report.c: all of it. Its parts in explain_near.c,
 * explain_authorise.c, explain_limits.c, explain_credentials.c and explain_upstream.c, and what
 * they are written with. */
void explain_report(const struct explained *e, struct buf *out);
void explain_near(struct request *r, struct buf *out);
void explain_authorise(struct request *r, struct buf *out);
void explain_limits(const struct request *r, struct buf *out);
void explain_credentials(const struct request *r, struct buf *out);
/* Is it a field that the upstream is told of who asks? */
bool explain_is_credential(const struct request *r, struct slice name);
void explain_upstream(const struct explained *e, struct buf *out);
/* explain_hub.c */
void explain_hub(const struct request *r, struct buf *out);
/* explain_issuers.c: `accepted`: bits of those whose tokens are good there. */
void explain_issuers(const struct request *r, uint64_t accepted, struct buf *out);
/* explain_upstream.c: whether bodies are translated on the way. */
void explain_translation(const struct request *r, struct buf *out);
void explain_heads(const struct explained *e, struct buf *out);
void explain_route(const struct segment *rules, const struct table_route *route, struct buf *out);
void explain_methods(uint32_t methods, struct buf *out);
void explain_text(struct buf *out, const char *name, struct slice value);
void explain_bool(struct buf *out, const char *name, bool value);
