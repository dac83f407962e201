#pragma once

/*
 * action: what the request's route does beside passing it on (r->action): answers of its own, and
 * changed fields in both directions. A route without one never comes here.
 */

#include "put.h"
#include "request.h"

#include "shm/template.h"

/* After the policies: is it answered here (then r->step is set), refused, or where does it go? */
enum result action_step(struct request *r);

/* The request on its way to the upstream. */
struct action_request {
	struct slice values[TEMPLATE_N];
	size_t room; /* what action_put_request may write */
};
void action_request_begin(struct request *r, struct action_request *a);
bool action_drops(const struct request *r, struct slice name);
char *action_put_request(char *o, const struct request *r, const struct action_request *a);

/* The answer on its way to the client: more room than its head, its fields one by one, and what
 * stands behind them. */
size_t action_answer_room(struct request *r, const struct http_parser *p);
char *action_put_field(char *o, struct put_run *run, struct request *r, const struct http_parser *p,
		       const struct http_field *f);
char *action_put_answer(char *o, struct request *r);
