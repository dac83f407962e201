/*
 * login_begin: from us to a provider.
 */

#include "login_own.h"

#include "login_redirect.h"
#include "login_url.h"
#include "session_cookie.h"
#include "worker.h"

/* ---- what is asked for ---- */

static enum reason
add_provider(struct login *l, struct slice name)
{
	struct login_state *s = &l->state;

	for (unsigned i = 0; i < s->count; i++) {
		if (slice_eq(s->providers[i], name))
			return REASON_login_malformed;
	}
	if (table_provider_find(login_rules(l), name) == TRIE_NONE)
		return REASON_login_provider_unknown;
	s->providers[s->count++] = name;
	return REASON_none;
}

static enum reason
read_providers(struct login *l)
{
	const struct segment *rules = login_rules(l);
	const struct table_login *login = table_login(rules);
	struct slice names[PROVIDERS_MAX];
	unsigned n =
	    login_parameters(&l->request->arena, l->query, "provider_id", names, PROVIDERS_MAX);
	enum reason reason = n > PROVIDERS_MAX ? REASON_login_malformed : REASON_none;

	for (unsigned i = 0; i < n && reason == REASON_none; i++)
		reason = add_provider(l, names[i]);
	for (uint32_t i = 0; n == 0 && i < login->sequence_count && i < PROVIDERS_MAX; i++) {
		const uint32_t *p =
		    seg_at(rules, RULES_SEQUENCE, login->sequence_first + i, sizeof *p);
		const struct table_provider *row = p ? table_provider(rules, *p) : NULL;

		if (row)
			l->state.providers[l->state.count++] = seg_string(rules, row->name);
	}
	return reason;
}

static void
read_place(struct login *l)
{
	struct slice place;

	if (login_parameter(&l->request->arena, l->query, "redirect_url", &place) == 0)
		login_parameter(&l->request->arena, l->query, "rd", &place);
	l->state.place = login_redirect(login_rules(l), place.p ? place : SLICE(""));
}

/* ---- whose session it is for ---- */

bool
login_session_of(const struct login *l, struct slice *first, struct slice *sub)
{
	const struct session *s = l->request->session;
	const struct table_provider *p =
	    s && !s->ephemeral ? table_provider(login_rules(l), s->first) : NULL;

	if (!p)
		return false;
	*first = seg_string(login_rules(l), p->name);
	*sub = s->user;
	return sub->n > 0;
}

/* Who is known by one provider, and asks for another one, gets its tokens beside what he has. */
static void
settle_session(struct login *l)
{
	struct slice first, sub;

	if (!login_session_of(l, &first, &sub) || slice_eq(first, l->state.providers[0]))
		return;
	l->state.first = first;
	l->state.sub = sub;
}

/* ---- the way there ---- */

static enum result
send_off(struct login *l)
{
	const struct segment *rules = login_rules(l);
	uint32_t p = table_provider_find(rules, l->state.providers[0]);
	struct buf BUF_CLEAN url = { 0 };

	if (l->lost || !login_authorization_url(rules, table_provider(rules, p), &l->state,
						slice_of(l->key), &url))
		return login_fail(l, REASON_session_unavailable);
	board_add(&l->worker->page->counts.counter[COUNTER_logins_started], 1);
	return login_go(l, buf_slice(&url));
}

enum result
login_leave_to(struct login *l)
{
	const struct segment *rules = login_rules(l);
	uint32_t p = table_provider_find(rules, l->state.providers[0]);
	char verifier[SESSION_ID + 1], nonce[SESSION_ID + 1];

	if (p == TRIE_NONE)
		return login_fail(l, REASON_login_provider_unknown);
	if (seg_string(rules, table_provider(rules, p)->authorization).n == 0)
		return login_fail(l, REASON_provider_unavailable);
	session_id_new(verifier); /* 256 random bits as well */
	session_id_new(nonce);
	l->state.verifier = login_text(l, "%s", verifier);
	l->state.nonce = login_text(l, "%s", nonce);
	if (!login_browser_put(l))
		return login_fail(l, REASON_session_unavailable);
	return login_await(l, send_off);
}

static enum result
show_loop(struct login *l)
{
	const struct segment *rules = login_rules(l);
	struct buf BUF_CLEAN again = { 0 };
	struct login_page page = {
		.title = "You keep coming back here",
		.text = SLICE("You were logged in several times within a minute, and sent back to "
			      "log in each time. The page that you want may not take this login, "
			      "or your browser may not keep its cookie."),
		.first = { .label = "Start over" },
		.second = { .label = "Go to the start page",
			    .href = seg_string(rules, table_login(rules)->home) },
	};

	buf_adds(&again, login_again(l, l->state.providers, l->state.count, l->state.place));
	login_add_parameter(&again, "again", SLICE("1"));
	page.first.href = buf_slice(&again);
	return login_show(l, REASON_login_loop, &page);
}

static enum result
begin_known(struct login *l)
{
	struct slice again;

	if (l->lost)
		return login_fail(l, REASON_session_unavailable);
	if (login_parameter(&l->request->arena, l->query, "again", &again) > 0)
		login_browser_forget(l);
	else if (login_browser_loops(l, l->state.place))
		return show_loop(l);
	settle_session(l);
	return login_leave_to(l);
}

enum result
login_begin(struct login *l)
{
	enum reason reason;

	read_place(l);
	reason = read_providers(l);
	if (reason == REASON_none && l->state.count == 0)
		reason = REASON_login_provider_unknown;
	if (reason != REASON_none) {
		l->state.count = 0; /* trying that again is no use */
		return login_fail(l, reason);
	}
	login_browser(l);
	login_browser_read(l);
	return login_await(l, begin_known);
}
