/*
 * login_answer: what the endpoints of a login say.
 */

#include "login_own.h"

#include "answer.h"
#include "login_url.h"

#include "lib/xalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct slice
login_text(const struct login *l, const char *format, ...)
{
	struct arena *arena = &l->request->arena;
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = arena_alloc(arena, (size_t)n + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return slice_make(text, (size_t)n);
}

static enum result
say(struct login *l, int status, const char *type, struct slice body, struct slice extra,
    bool posts)
{
	struct request *r = l->request;
	struct buf BUF_CLEAN fields = { 0 };

	login_page_fields(posts, &fields);
	buf_adds(&fields, extra);
	buf_adds(&fields, buf_slice(&l->cookies));
	answer_body(r, status, type, body, buf_slice(&fields));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}

enum result
login_answer(struct login *l, int status, const char *type, struct slice body, struct slice extra)
{
	return say(l, status, type, body, extra, false);
}

enum result
login_go(struct login *l, struct slice location)
{
	struct buf BUF_CLEAN field = { 0 };
	int status = l->request->method == METHOD_POST ? 303 : 302;

	buf_addf(&field, "Location: %.*s\r\n", SLICE_F(location));
	return login_answer(l, status, NULL, SLICE(""), buf_slice(&field));
}

enum result
login_show(struct login *l, enum reason reason, struct login_page *page)
{
	struct request *r = l->request;
	struct reason_info info = *reason_info(reason);
	int status = reason == REASON_none ? 200 : info.status;
	bool html = reason == REASON_none || answer_wants_html(r);
	struct buf BUF_CLEAN body = { 0 };
	struct buf BUF_CLEAN extra = { 0 };

	r->reason = reason;
	if (reason != REASON_none)
		buf_addf(&extra, "X-Yett-Reason: %s\r\n", info.name);
	if (status == 503)
		buf_adds(&extra, SLICE("Retry-After: 1\r\n"));
	page->reason = reason == REASON_none ? "" : info.name;
	page->id = slice_of(r->id);
	if (html)
		login_page_write(page, &body);
	else
		answer_problem(r, status, &info, &body);
	return say(l, status, html ? "text/html; charset=utf-8" : "application/problem+json",
		   buf_slice(&body), buf_slice(&extra),
		   html && (page->first.post || page->second.post));
}

static const char *
title_of(enum reason reason)
{
	switch (reason) {
	case REASON_login_needed:
		return "Please log in";
	case REASON_login_denied:
		return "You were not let in";
	case REASON_state_unknown:
		return "This login is no longer valid";
	case REASON_login_changed:
		return "Somebody else is logged in now";
	case REASON_provider_unavailable:
	case REASON_session_unavailable:
		return "Not possible at the moment";
	default:
		return "The login did not work";
	}
}

/* With the name of the provider that it happened at. */
static struct slice
sentence(const struct login *l, enum reason reason)
{
	const struct segment *rules = login_rules(l);
	const char *text = reason_info(reason)->text;
	uint32_t p = l->state.count > 0 && reason != REASON_session_unavailable
			 ? table_provider_find(rules, l->state.providers[0])
			 : TRIE_NONE;

	if (p == TRIE_NONE)
		return slice_of(text);
	return login_text(l, "%s (Identity provider: %.*s)", text,
			  SLICE_F(seg_string(rules, table_provider(rules, p)->title)));
}

enum result
login_fail(struct login *l, enum reason reason)
{
	const struct segment *rules = login_rules(l);
	const struct login_state *s = &l->state;
	struct login_page page = {
		.title = title_of(reason),
		.text = sentence(l, reason),
		.first = { .label = reason == REASON_login_needed ? "Log in" : "Try again" },
		.second = { .label = "Go to the start page",
			    .href = seg_string(rules, table_login(rules)->home) },
	};

	page.first.href =
	    login_again(l, s->providers, s->count, s->count > 0 ? s->place : SLICE(""));
	if (s->count > 0 && s->sub.n > 0) { /* what one needs first is there */
		page.second.label = "Go on without it";
		page.second.href = s->place;
	}
	return login_show(l, reason, &page);
}

struct slice
login_link(const struct login *l, const char *name, struct slice query)
{
	const struct segment *rules = login_rules(l);

	return login_text(l, "%.*s/%s%.*s", SLICE_F(seg_string(rules, table_login(rules)->base)),
			  name, SLICE_F(query));
}

struct slice
login_again(const struct login *l, const struct slice *providers, unsigned count,
	    struct slice place)
{
	struct buf BUF_CLEAN query = { 0 };

	buf_addc(&query, '?');
	for (unsigned i = 0; i < count; i++)
		login_add_parameter(&query, "provider_id", providers[i]);
	if (place.n > 0)
		login_add_parameter(&query, "redirect_url", place);
	return login_link(l, "login", query.n > 1 ? buf_slice(&query) : SLICE(""));
}
