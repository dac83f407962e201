#include "blame.h"

#include "limiter.h"
#include "translate.h"
#include "worker.h"

#include "shm/call.h"

/* The route's own limit, or the one for all? */
static const char *
body_limit(const struct request *r)
{
	const struct table_policy *all;

	if (r->access != ACCESS_NONE)
		return r->access > ACCESS_LOOK ? "admin.body_limit" : NULL;
	if (r->action && r->action->translation && translate_limits(r))
		return "routes[].translate.max";
	all = r->table ? table_policy(r->table->segments[SEGMENT_RULES], 0) : NULL;

	if (r->action && r->action->hub && r->hub)
		return "routes[].hub.request_limit";
	return all && all->body_bytes != r->policy.body_bytes ? "routes[].body_limit"
							      : "limits.body";
}

const char *
blame_limit(const struct request *r)
{
	switch (r->reason) {
	case REASON_uri_too_long:
		return "limits.uri";
	case REASON_header_too_large:
		return "limits.head";
	case REASON_too_many_headers:
		return "limits.fields";
	case REASON_body_too_large:
		return body_limit(r);
	case REASON_client_head_timeout:
		return "timeouts.client_head";
	case REASON_client_body_timeout:
		return "timeouts.client_body";
	case REASON_upstream_connect_timeout:
		return "timeouts.connect";
	case REASON_hub_answer:
		return "routes[].hub.response_limit";
	case REASON_upstream_first_byte_timeout:
		return r->hub ? "routes[].hub.timeout" : "timeouts.first_byte";
	case REASON_upstream_send_timeout:
	case REASON_upstream_stalled:
		return "timeouts.idle";
	case REASON_request_timeout:
		return "timeouts.total";
	case REASON_rate_limited:
	case REASON_concurrency_limited:
		return r->limits->setting;
	case REASON_queue_full:
		return "queue";
	case REASON_queue_timeout:
		return "timeouts.queue";
	default:
		return NULL;
	}
}

struct slice
blame_field(const struct request *r)
{
	if (r->reason == REASON_body_too_large && r->in.has_length &&
	    r->in.length > r->policy.body_bytes)
		return SLICE("Content-Length");
	return r->field;
}
