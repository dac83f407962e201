/*
 * login_offer: who is sent to log in, and who is only told where.
 */

#include "login.h"

#include "answer.h"
#include "fields.h"
#include "https.h"
#include "login_page.h"
#include "login_url.h"
#include "worker.h"

/* Would another answer come of it? */
static bool
mends(const struct request *r)
{
	switch (r->reason) {
	case REASON_token_missing:
	case REASON_token_expired:
	case REASON_session_expired:
	case REASON_login_needed:
		return true;
	case REASON_credential_missing: /* who has logged in lacks it for another reason */
		return !r->who;
	default:
		return false;
	}
}

/* Fetch Metadata says it; of a browser that does not, it is what it would like to have. */
bool
login_is_visit(const struct request *r)
{
	struct slice mode = fields_header(r, SLICE("Sec-Fetch-Mode"));

	if (fields_header(r, SLICE("X-Requested-With")).p)
		return false;
	return mode.p ? slice_eq(mode, SLICE("navigate")) : answer_accepts(r, SLICE("text/html"));
}

/* Is it a page that a person goes to? A frame could not show the login, and would not say why. */
static bool
login_is_navigation(const struct request *r)
{
	struct slice dest = fields_header(r, SLICE("Sec-Fetch-Dest"));

	return (r->method == METHOD_GET || r->method == METHOD_HEAD) && !r->upgrade &&
	       (!dest.p || slice_eq(dest, SLICE("document"))) && login_is_visit(r);
}

/* Where r was on its way to: a path of our origin, or the whole URL of another one, which the login
 * judges. */
static void
add_place(struct request *r, struct slice origin, struct buf *out)
{
	struct buf BUF_CLEAN place = { 0 };
	struct slice scheme = https_scheme(r);

	buf_addf(&place, "%.*s://%.*s", SLICE_F(scheme), SLICE_F(r->host.host_port));
	if (slice_eq(buf_slice(&place), origin))
		place.n = 0;
	buf_adds(&place, r->path);
	buf_adds(&place, request_query(r));
	login_add_parameter(out, "redirect_url", buf_slice(&place));
}

static void
add_login(const struct segment *rules, struct buf *out)
{
	const struct table_login *login = table_login(rules);

	buf_addf(out, "%.*s%.*s/login", SLICE_F(seg_string(rules, login->origin)),
		 SLICE_F(seg_string(rules, login->base)));
}

bool
login_offer(const struct request *r, struct buf *out)
{
	const struct segment *rules = r->table ? r->table->segments[SEGMENT_RULES] : NULL;

	if (!rules || !mends(r) || !table_login(rules))
		return false;
	add_login(rules, out);
	return true;
}

bool
login_redirects(struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	struct buf BUF_CLEAN fields = { 0 };

	if (!table_login(rules) || r->asks || r->rehearsed || !mends(r) || !login_is_navigation(r))
		return false;
	login_page_fields(false, &fields);
	buf_addf(&fields, "X-Yett-Reason: %s\r\nLocation: ", reason_info(r->reason)->name);
	add_login(rules, &fields);
	buf_addc(&fields, '?');
	add_place(r, seg_string(rules, table_login(rules)->origin), &fields);
	buf_adds(&fields, SLICE("\r\n"));
	answer_body(r, 302, NULL, SLICE(""), buf_slice(&fields));
	return true;
}
