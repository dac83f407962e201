/*
 * login_logout: out of here first, whatever becomes of the rest: the session is no more, its
 * refresh tokens are revoked; then, one after the other, to the providers that want to end theirs
 * (OpenID Connect RP-Initiated Logout), and back to where it all was to end.
 */

#include "login_own.h"

#include "answer.h"
#include "fields.h"
#include "login_redirect.h"
#include "login_url.h"
#include "worker.h"

#include "lib/buf.h"

/* ---- who may ---- */

/* A person at a page of ours, or of an origin that is ours as well; or a program, which is what a
 * browser that says nothing of itself is taken for: it would send no cookie from elsewhere. A link
 * proves more than a form has to: it must have been followed on a page of ours. */
static bool
is_proved(const struct request *r)
{
	struct slice site = fields_header(r, SLICE("Sec-Fetch-Site"));
	struct slice dest = fields_header(r, SLICE("Sec-Fetch-Dest"));
	struct slice origin = fields_header(r, SLICE("Origin"));
	bool same = slice_eq(site, SLICE("same-origin"));

	if (r->method != METHOD_POST)
		return same && slice_eq(dest, SLICE("document"));
	if (same || (origin.p && login_origin_is_known(r->table->segments[SEGMENT_RULES], origin)))
		return true;
	return !origin.p && (!site.p || slice_eq(site, SLICE("none")));
}

static enum result
ask(struct login *l, enum reason reason)
{
	struct login_page page = {
		.title = "Log out?",
		.text = SLICE("You will be logged out here, and at the identity providers that you "
			      "logged in with."),
		.first = { .label = "Log out", .post = true, .place = l->state.place },
		.second = { .label = "Stay logged in", .href = l->state.place },
	};

	page.first.href = login_link(l, "logout", SLICE(""));
	return login_show(l, reason, &page);
}

static void
read_place(struct login *l)
{
	struct request *r = l->request;
	struct slice place,
	    all = r->method == METHOD_POST && r->held.n > 0 ? buf_slice(&r->held) : l->query;

	if (login_parameter(&r->arena, all, "redirect_url", &place) == 0 &&
	    login_parameter(&r->arena, l->query, "redirect_url", &place) == 0)
		login_parameter(&r->arena, l->query, "rd", &place);
	l->state.place = login_redirect(login_rules(l), place.p ? place : SLICE(""));
}

/* ---- at the providers ---- */

static enum result
send_off(struct login *l)
{
	const struct segment *rules = login_rules(l);
	const struct table_login *login = table_login(rules);
	uint32_t i = table_provider_find(rules, l->state.providers[0]);
	const struct table_provider *p = table_provider(rules, i);
	struct buf url = { 0 };
	struct slice endpoint = p ? seg_string(rules, p->end_session) : SLICE("");
	enum result result;

	if (l->lost || endpoint.n == 0) /* then that is all */
		return login_go(l, l->state.place);
	buf_reserve(&url, endpoint.n + 3 * l->state.hints[0].n + 1024);
	buf_adds(&url, endpoint);
	if (!memchr(endpoint.p, '?', endpoint.n))
		buf_addc(&url, '?');
	if (l->state.hints[0].n > 0)
		login_add_parameter(&url, "id_token_hint", l->state.hints[0]);
	login_add_parameter(&url, "client_id", seg_string(rules, p->client_id));
	login_add_parameter(&url, "post_logout_redirect_uri",
			    login_text(l, "%.*s%.*s", SLICE_F(seg_string(rules, login->origin)),
				       SLICE_F(login_link(l, "logout/done", SLICE("")))));
	login_add_parameter(&url, "state", slice_of(l->key));
	result = login_go(l, buf_slice(&url));
	buf_wipe(&url);
	return result;
}

static enum result
go_on(struct login *l)
{
	if (l->state.count == 0 || !login_browser_put(l))
		return login_go(l, l->state.place);
	return login_await(l, send_off);
}

static enum result
came_back(struct login *l)
{
	struct login_state *s = &l->state;

	if (l->lost || !login_browser_open(l) || !s->logout) {
		*s = (struct login_state){ .place = login_redirect(login_rules(l), SLICE("")) };
	} else {
		s->count--;
		memmove(s->providers, s->providers + 1, s->count * sizeof *s->providers);
		memmove(s->hints, s->hints + 1, s->count * sizeof *s->hints);
	}
	return go_on(l);
}

enum result
login_logout_done(struct login *l)
{
	struct slice key;

	login_browser(l);
	if (login_parameter(&l->request->arena, l->query, "state", &key) != 1 ||
	    key.n != SESSION_ID || l->browser_new)
		return came_back(l);
	login_browser_take(l, key);
	return login_await(l, came_back);
}

/* ---- here ---- */

/* A program gets to know where it would have to send its user. */
static enum result
tell(struct login *l)
{
	struct buf BUF_CLEAN body = { 0 };

	buf_adds(&body, SLICE("{\"logged_out\":true,\"redirect_url\":"));
	buf_add_json(&body, l->state.place);
	buf_adds(&body, SLICE("}\n"));
	return login_answer(l, 200, "application/json", buf_slice(&body), SLICE(""));
}

static enum result
ended(struct login *l)
{
	if (l->lost)
		return login_fail(l, REASON_session_unavailable);
	session_cookie(l->request, "", &l->cookies);
	if (!login_is_visit(l->request))
		return tell(l);
	login_browser(l);
	l->state.logout = true;
	return go_on(l);
}

static void
on_revoked(void *userdata, const struct exchange_answer *a)
{
}

/* Nobody waits for it: whether the provider does it or not, the token is gone here. */
static void
revoke_token(struct worker *w, struct slice provider, struct slice token)
{
	struct buf form = { 0 };

	buf_reserve(&form, 3 * token.n + 64);
	login_add_parameter(&form, "token", token);
	login_add_parameter(&form, "token_type_hint", SLICE("refresh_token"));
	(void)exchange_start(w, provider, EXCHANGE_REVOKE, buf_slice(&form), on_revoked, NULL);
	buf_wipe(&form);
}

/* The session may be older than the table: its tokens say themselves whose they are. */
void
login_ended(struct worker *w, const struct session *s, struct login *l)
{
	const struct segment *rules = w->table->segments[SEGMENT_RULES];

	for (uint32_t i = 0; s && i < PROVIDERS_MAX; i++) {
		const struct session_token *t = &s->tokens[i];
		struct slice rest, name = slice_cut(t->tid, ':', &rest);
		uint32_t p = table_provider_find(rules, name);
		uint32_t flags = p == TRIE_NONE ? 0 : table_provider(rules, p)->flags;

		if (t->refresh.n > 0 && flags & PROVIDER_REVOKES)
			revoke_token(w, name, t->refresh);
		if (!l || !(flags & PROVIDER_END_SESSION))
			continue;
		l->state.hints[l->state.count] = arena_copy(&l->request->arena, t->id);
		l->state.providers[l->state.count++] = arena_copy(&l->request->arena, name);
	}
}

static void
on_ended(void *userdata, int error, const struct session *s)
{
	struct login *l = userdata;

	login_ended(l->worker, s, l->request ? l : NULL);
	if (login_told(l, error))
		login_resume(l);
}

enum result
login_logout(struct login *l)
{
	struct request *r = l->request;
	const struct session *s = r->session;
	struct slice id;

	read_place(l);
	if (!s || s->ephemeral)
		return ended(l);
	if (!is_proved(r))
		return ask(l, r->method == METHOD_POST ? REASON_logout_unproved : REASON_none);
	id = login_text(l, "%s", s->id);
	login_let_go(l);
	if (session_end(l->worker, id, on_ended, l) < 0)
		return login_fail(l, REASON_session_unavailable);
	login_expect(l);
	return login_await(l, ended);
}

/* Renku's gateway has a way out of one provider alone. */
enum result
login_logout_of(struct login *l)
{
	const struct segment *rules = login_rules(l);
	const struct table_provider *p = table_provider(rules, l->provider);
	struct login_page page = {
		.title = "Log out there?",
		.text = login_text(l, "You will be logged out of %.*s, and stay logged in here.",
				   SLICE_F(seg_string(rules, p->title))),
		.first = { .label = "Log out there",
			   .href = seg_string(rules, p->end_session),
			   .post = true },
		.second = { .label = "Stay logged in",
			    .href = seg_string(rules, table_login(rules)->home) },
	};

	if (page.first.href.n == 0) {
		l->request->reason = REASON_no_route;
		return STEP_REPLY;
	}
	return login_show(l, REASON_none, &page);
}
