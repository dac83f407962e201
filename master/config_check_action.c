#include "config_check_action.h"

#include "config_check_authorise.h"
#include "config_check_translate.h"
#include "issuer_names.h"
#include "redirect.h"
#include "shm/origin.h"
#include "shm/rewrite.h"
#include "shm/template.h"

#include <stdarg.h>
static void mistake(const struct action_check *a, int line, const char *below, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void
mistake(const struct action_check *a, int line, const char *below, const char *fmt, ...)
{
	struct buf BUF_CLEAN key = { 0 };
	va_list args;

	buf_addf(&key, "%s.%s", a->key, below);
	buf_addc(&key, '\0');
	va_start(args, fmt);
	mistakes_vadd(a->mistakes, false, line ? line : a->line, key.p, fmt, args);
	va_end(args);
}

/* ---- headers ---- */

/* The gateway's own: what frames a message, what is between two hops, who asks. Under these names,
 * folded as table_strip has it. */
static const struct {
	const char *name;
	bool prefix, answer_only;
} kept[] = {
	{ "connection", false, false },
	{ "keep-alive", false, false },
	{ "proxy-connection", false, false },
	{ "proxy-authenticate", false, false },
	{ "proxy-authorization", false, false },
	{ "te", false, false },
	{ "trailer", false, false },
	{ "transfer-encoding", false, false },
	{ "content-length", false, false },
	{ "upgrade", false, false },
	{ "http2-settings", false, false },
	{ "expect", false, false },
	{ "max-forwards", false, false },
	{ "host", false, false },
	{ "via", false, false },
	{ "forwarded", false, false },
	{ "x-forwarded-", true, false },
	{ "x-real-ip", false, false },
	{ "x-request-id", false, false },
	{ "x-yett-", true, false },
	{ "x-redx-", true, false },
	{ "auth-id", false, false },
	{ "renku-auth-", true, false },
	{ "renku-user", true, false },
	{ "gitlab-access-token", true, false },
	{ "date", false, true },
};

static void
fold(const char *name, struct buf *out)
{
	for (; *name; name++)
		buf_addc(out, *name == '_' || *name == '.' ? '-' : ascii_lower(*name));
}

static bool
is_kept(const struct action_check *a, struct slice name, bool answer)
{
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
		struct slice own = slice_of(kept[i].name);

		if (kept[i].answer_only && !answer)
			continue;
		if (kept[i].prefix ? slice_starts(name, own) : slice_eq(name, own))
			return true;
	}
	for (size_t i = 0; i < a->claims_count && !answer; i++) {
		struct buf BUF_CLEAN header = { 0 };

		fold(a->claims[i].header ? a->claims[i].header : "", &header);
		if (slice_eq(name, buf_slice(&header)))
			return true;
	}
	return false;
}

static void
check_name(const struct action_check *a, const struct config_route *route, const char *below,
	   int line, const char *name, bool answer)
{
	struct buf BUF_CLEAN folded = { 0 };

	fold(name, &folded);
	if (is_kept(a, buf_slice(&folded), answer))
		mistake(
		    a, line, below,
		    "%s is the gateway's own: it frames the message, belongs to one connection, "
		    "or says who asks; remove it",
		    name);
	else if (answer && route->action.cors.origins_count > 0 &&
		 slice_starts(buf_slice(&folded), SLICE("access-control-")))
		mistake(a, line, below, "%s is set by cors; remove one of the two", name);
}

static void
check_set(const struct action_check *a, const struct config_route *route, const char *below,
	  const struct config_header *headers, size_t count, bool answer)
{
	for (size_t i = 0; i < count; i++) {
		const struct config_header *h = &headers[i];

		if (!h->name || !h->value)
			continue;
		check_name(a, route, below, h->place.line, h->name, answer);
		if (template_names(slice_of(h->value)) & ~TEMPLATE_OF_FIELD)
			mistake(a, h->place.line, below,
				"%s has a variable that there is not; there are $remote_addr, "
				"$request_id, $host, $scheme, $route, $tls_version, $tls_suite, "
				"$tls_name, $tls_resumed, $client_cert_subject and "
				"$client_cert_fingerprint ($$ is a dollar sign)",
				h->name);
	}
}

static void
check_changes(const struct action_check *a, const struct config_route *route, bool answer)
{
	const struct config_changes *c = answer ? &route->action.response : &route->action.request;

	check_set(a, route, answer ? "response_headers.set" : "request_headers.set", c->set,
		  c->set_count, answer);
	check_set(a, route, answer ? "response_headers.add" : "request_headers.add", c->add,
		  c->add_count, answer);
	for (size_t i = 0; i < c->remove_count; i++)
		check_name(a, route, answer ? "response_headers.remove" : "request_headers.remove",
			   0, c->remove[i], answer);
}

/* ---- the rest, one by one ---- */

void
config_check_cors(const struct action_check *a, const struct config_cors *c)
{
	for (size_t i = 0; i < c->origins_count; i++) {
		const char *fault = origin_fault(slice_of(c->origins[i]));

		if (fault)
			mistake(a, 0, "cors.origins", "\"%s\" %s", c->origins[i], fault);
		else if (c->credentials && strcmp(c->origins[i], "*") == 0)
			mistake(a, 0, "cors.origins",
				"every page there is could act with the user's credentials; name "
				"the origins, or remove credentials");
		else if (c->credentials && strcmp(c->origins[i], "null") == 0)
			mistake(
			    a, 0, "cors.origins",
			    "any page can have the origin null, in a sandbox, and could act with "
			    "the user's credentials; name the origins, or remove credentials");
	}
}

static bool
is_way_of_split(struct slice by)
{
	struct slice name, way = slice_cut(by, ':', &name);

	if (slice_eq(way, SLICE("cookie")) || slice_eq(way, SLICE("header"))) {
		for (size_t i = 0; i < name.n; i++) {
			if (!strchr("!#$%&'*+-.^_`|~", name.p[i]) &&
			    !(name.p[i] >= '0' && name.p[i] <= '9') &&
			    !(ascii_lower(name.p[i]) >= 'a' && ascii_lower(name.p[i]) <= 'z'))
				return false;
		}
		return name.n > 0;
	}
	return slice_eq(by, SLICE("request")) || slice_eq(by, SLICE("user")) ||
	       slice_eq(by, SLICE("address"));
}

static void
check_split(const struct action_check *a, const struct config_action *c)
{
	uint32_t sum = 0;

	if (c->split_by && !is_way_of_split(slice_of(c->split_by)))
		mistake(a, 0, "split_by",
			"\"%s\" is not known here; write request, user, address, cookie:NAME or "
			"header:NAME",
			c->split_by);
	for (size_t i = 0; i < c->arms_count; i++) {
		sum += c->arms[i].weight;
		for (size_t k = 0; k < i; k++) {
			if (c->arms[i].upstream && c->arms[k].upstream &&
			    strcmp(c->arms[i].upstream, c->arms[k].upstream) == 0)
				mistake(a, c->arms[i].place.line, "split",
					"%s is there twice; add up the weights",
					c->arms[i].upstream);
		}
	}
	if (c->arms_count > 0 && sum == 0)
		mistake(a, 0, "split",
			"all weights are 0, so that nothing gets the requests; raise one");
}

static void
check_auth(const struct action_check *a, const struct config_action *c)
{
	if ((c->auth == AUTH_REQUIRED || c->auth == AUTH_OPTIONAL) && !a->has_keys)
		mistake(
		    a, 0, "auth",
		    "a token is needed, but there is nothing to verify it with; give gate.secret "
		    "or gate.public_key, and its algorithm in gate.algorithms");
	if ((c->auth == AUTH_NONE || c->auth == AUTH_OPTIONAL) && a->gated)
		mistake(a, 0, "auth",
			"the gate protects %s, which a route cannot undo; name the path in "
			"gate.except",
			a->gated);
}

static void
check_issuers(const struct action_check *a, const struct config_action *c)
{
	const char *unknown = NULL;

	if (a->gate)
		config_issuers_mask(a->gate, c->issuers, c->issuers_count, &unknown);
	if (unknown)
		mistake(a, 0, "issuers",
			"there is no issuer %s; write names of gate.issuers, or default for the "
			"one that gate.secret or gate.public_key belong to",
			unknown);
	if (c->issuers_count > 0 && c->auth == AUTH_NONE)
		mistake(a, 0, "issuers", "no token is asked for here; remove it, or auth: none");
}

static void
check_rewrite(const struct action_check *a, const struct config_route *route)
{
	const char *fault;

	if (!route->rewrite || !*route->rewrite)
		return;
	fault = rewrite_fault(slice_of(route->rewrite));
	if (fault)
		mistake(a, 0, "rewrite", "\"%s\" %s", route->rewrite, fault);
	if (route->strip || (route->add_prefix && *route->add_prefix))
		mistake(a, 0, "rewrite",
			"it makes the whole path; remove strip_prefix, add_prefix and "
			"replace_prefix");
}

/* strip_prefix and add_prefix in one. */
static void
finish_prefix(const struct action_check *a, struct config_route *route)
{
	const char *prefix = route->action.replace_prefix;
	size_t n = prefix ? strlen(prefix) : 0;

	if (n == 0)
		return;
	if (route->strip || (route->add_prefix && *route->add_prefix))
		mistake(a, 0, "replace_prefix",
			"it is strip_prefix and add_prefix in one; remove those");
	route->strip = true;
	route->add_prefix =
	    prefix[n - 1] == '/' ? arena_string(a->arena, slice_make(prefix, n - 1)) : prefix;
}

static void
check_answers(const struct action_check *a, const struct config_route *route)
{
	const struct config_action *c = &route->action;
	bool own = (c->redirect && *c->redirect) || c->respond_status ||
		   (c->store.upstream && *c->store.upstream);
	const char *fault =
	    c->redirect && *c->redirect ? redirect_fault(slice_of(c->redirect)) : NULL;

	if (fault)
		mistake(a, 0, "redirect.to", "\"%s\" %s", c->redirect, fault);
	fault =
	    c->store.source && *c->store.source ? redirect_fault(slice_of(c->store.source)) : NULL;
	if (fault)
		mistake(a, 0, "redirect_store.source", "\"%s\" %s", c->store.source, fault);
	if (own && c->mirror && *c->mirror)
		mistake(
		    a, 0, "mirror",
		    "the gateway answers itself, so that there is nothing to mirror; remove it");
	if (own && c->request.set_count + c->request.add_count + c->request.remove_count > 0)
		mistake(a, 0, "request_headers",
			"the gateway answers itself, so that nobody sees them; remove them");
	if ((c->respond_status == 204 || c->respond_status == 304) && *c->respond_body)
		mistake(a, 0, "respond.body", "an answer with this status has none; remove it");
}

void
config_check_action(const struct action_check *a, struct config_route *route)
{
	check_answers(a, route);
	check_changes(a, route, false);
	check_changes(a, route, true);
	config_check_cors(a, &route->action.cors);
	check_split(a, &route->action);
	config_check_translate(a, route);
	config_check_authorise(a, &route->action);
	check_auth(a, &route->action);
	check_issuers(a, &route->action);
	finish_prefix(a, route);
	check_rewrite(a, route);
}
