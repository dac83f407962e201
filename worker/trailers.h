#pragma once

/*
 * trailers: fields behind a chunked body. Those pass that change nothing about how the message is
 * read, routed or trusted (RFC 9110 section 6.5.1).
 */

#include "request.h"

/* Of a message that is done: p's trailers without those that must not pass, as whole lines in p's
 * memory. `rules`: what these strip stays too; NULL: no more than the rest. */
struct slice trailers_filter(struct http_parser *p, const struct segment *rules);

/* What Connection names must not come in by the back door: who names anything gets no trailers. */
static inline struct slice
trailers_to_upstream(struct request *r)
{
	if (r->in.trailers_n == 0 || !r->in.done || r->nominates)
		return SLICE("");
	return trailers_filter(&r->in, r->table->segments[SEGMENT_RULES]);
}

/* Only if the client said that it takes them. */
static inline struct slice
trailers_to_client(const struct request *r, struct http_parser *p)
{
	if (p->trailers_n == 0 || !p->done || !r->te_trailers || r->answer_nominates)
		return SLICE("");
	return trailers_filter(p, NULL);
}
