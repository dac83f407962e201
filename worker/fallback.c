#include "fallback.h"

#include "retry.h"

bool
fallback_is_harmless(const struct request *r)
{
	switch (r->failure) {
	case REASON_upstream_connect_refused:
	case REASON_upstream_connect_failed:
	case REASON_upstream_connect_timeout:
	case REASON_upstream_certificate_refused:
		return true;
	case REASON_upstream_tls_failed:
	case REASON_upstream_closed:
		return retry_is_harmless(r);
	case REASON_upstream_first_byte_timeout:
		return !r->body_lost && r->idempotent;
	default:
		return false;
	}
}

bool
fallback_take(struct request *r)
{
	uint32_t to = r->fallback;

	if (to == 0 || to == r->upstream_index || r->fell ||
	    !table_upstream(r->table->segments[SEGMENT_ENDPOINTS], to))
		return false;
	r->fell = true;
	r->fell_from = r->upstream_index;
	r->fell_endpoint = r->failure != REASON_none || r->tries > 0 ? r->endpoint : UINT32_MAX;
	r->upstream_index = to;
	r->tries = 0;
	r->failure = r->reason = REASON_none;
	r->sticky_value = slice_make(NULL, 0);
	r->interim = r->untaken = false;
	r->first_us = 0;
	board_add(&r->worker->page->counts.counter[COUNTER_fallbacks], 1);
	return true;
}
