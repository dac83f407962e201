#include "dashboard.h"

#include "access.h"
#include "answer.h"

bool
dashboard_is_asked(const struct request *r)
{
	if ((r->method != METHOD_GET && r->method != METHOD_HEAD) || r->body != FRAMING_NONE)
		return false;
	return slice_eq(r->path, SLICE("/dashboard")) ||
	       (slice_eq(r->path, SLICE("/")) && answer_wants_html(r));
}

/* Whatever a rule or a client is called, no other script than the page's own runs; and nothing is
 * loaded from, sent to or shown by anybody else. */
enum result
dashboard_step(struct request *r)
{
	struct buf BUF_CLEAN fields = { 0 };

	r->reason = access_judge_page(r);
	if (r->reason != REASON_none)
		return STEP_REPLY;
	buf_addf(&fields,
		 "Cache-Control: no-store\r\n"
		 "Content-Security-Policy: default-src 'none'; script-src '%s'; style-src '%s'; "
		 "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
		 "frame-ancestors 'none'\r\n"
		 "Cross-Origin-Resource-Policy: same-origin\r\n"
		 "Referrer-Policy: no-referrer\r\n"
		 "X-Content-Type-Options: nosniff\r\n"
		 "X-Frame-Options: DENY\r\n",
		 dashboard_script, dashboard_style);
	answer_body(r, 200, "text/html; charset=utf-8",
		    slice_make(dashboard_page, dashboard_page_n), buf_slice(&fields));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}
