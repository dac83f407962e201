#include "value_text.h"

#include "address.h"
#include "hash_by.h"
#include "lib/moment.h"
#include "number.h"
#include "rules.h"

#include "lib/pattern.h"
#include "lib/uri.h"

#include <arpa/inet.h>

#define ECHO_MAX 80

bool
value_refuse(struct buf *why, const char *text)
{
	buf_adds(why, slice_of(text));
	return false;
}

void
value_echo(struct slice text, struct buf *why)
{
	if (text.n > 0 && memchr(text.p, '@', text.n))
		buf_addf(why, "<redacted-%zu-chars>", text.n);
	else
		buf_addf(why, "\"%.*s%s\"", (int)(text.n < ECHO_MAX ? text.n : ECHO_MAX), text.p,
			 text.n > ECHO_MAX ? "..." : "");
	buf_addc(why, ' ');
}

static void
store_text(const struct setting *s, void *base, const char *text)
{
	*(const char **)((char *)base + s->offset) = text;
}

static bool
is_token(char c)
{
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_name(char c)
{
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	       (c != '\0' && strchr("._-", c));
}

const char *
value_fault(const struct setting *s, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (s->type == SETTING_NAME && !is_name(c))
			return "has a character that a name cannot have; use letters, digits, '.', "
			       "'_' and '-'";
		if (s->type == SETTING_TOKEN && !is_token(c))
			return "is not the name of a header or cookie; use letters, digits, '-' "
			       "and '_'";
		if (s->type == SETTING_TOKENS && !is_token(c))
			return "one has a character that neither a header nor a method has; use "
			       "letters, digits, '-' and '_'";
		if (s->type == SETTING_TEXT && (c == '\n' || c == '\t'))
			continue;
		if (s->type == SETTING_QUOTABLE &&
		    (c == '"' || c == '\\' || (unsigned char)c >= 0x7f))
			return "has a quote, a backslash or a letter beyond ASCII; remove it";
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return "has a control character; remove it";
	}
	return NULL;
}

bool
value_length(const struct setting *s, struct slice text, struct buf *why)
{
	if (s->min > 0 && text.n == 0)
		return value_refuse(why, "the value is empty; give one, or remove the key");
	if (s->max > 0 && text.n > (size_t)s->max) {
		buf_addf(why, "the value has %zu bytes; at most %lld are possible", text.n,
			 (long long)s->max);
		return false;
	}
	return true;
}

static bool
parse_text(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	   struct buf *why)
{
	const char *fault;

	if (!value_length(s, text, why))
		return false;
	fault = value_fault(s, text);
	if (fault) {
		value_echo(text, why);
		return value_refuse(why, fault);
	}
	store_text(s, base, arena_string(e->arena, text));
	return true;
}

static bool
parse_path(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	   struct buf *why)
{
	struct uri_path path;

	if (!value_length(s, text, why))
		return false;
	if (text.n == 0) {
		store_text(s, base, "");
		return true;
	}
	if (uri_canonical(text, arena_alloc(e->arena, URI_ROOM(text.n)), &path) != 0) {
		value_echo(text, why);
		return value_refuse(
		    why, text.p[0] != '/'
			     ? "does not begin with '/'; write /path"
			     : "is not the path of a URL; write other characters than letters, "
			       "digits and -._~ as percent triplets, and no query");
	}
	if (path.flags & URI_SUSPECT) {
		value_echo(text, why);
		return value_refuse(why, "can be read in more than one way (';' or a triplet such "
					 "as %2F); requests for such "
					 "paths are ambiguous, choose another path");
	}
	text = uri_match_form(path.path, arena_alloc(e->arena, path.path.n));
	store_text(s, base, arena_string(e->arena, text));
	return true;
}

static bool
parse_file(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	   struct buf *why)
{
	struct slice path;

	if (s->words && slice_eq(text, slice_of(s->words->word))) {
		store_text(s, base, "");
		return true;
	}
	if (text.n == 0)
		return value_refuse(why, "the path is empty; give one, or remove the key");
	path = slice_of(address_path(e->arena, text, e->folder));
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	if (!value_length(s, path, why))
		return false;
	store_text(s, base, arena_string(e->arena, path));
	return true;
}

static bool
parse_address(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	      struct buf *why)
{
	struct config_address *out = (struct config_address *)((char *)base + s->offset);
	struct address_rule rule = { .folder = e->folder };

	if (s->type == SETTING_LISTEN)
		rule.flags = ADDRESS_ANY_HOST | ADDRESS_NEEDS_PORT;
	else
		rule.default_port = (uint16_t)s->min;
	if (s->type == SETTING_SOCKET) {
		if (slice_starts(text, SLICE("unix:")))
			text = slice_make(text.p + 5, text.n - 5);
		return address_unix(e->arena, text, e->folder, out, why);
	}
	return address_parse(e->arena, text, &rule, out, why);
}

/* A struct config_endpoint begins with its address, so one row serves for the whole. */
static bool
parse_endpoint(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	       struct buf *why)
{
	struct config_endpoint *out = (struct config_endpoint *)((char *)base + s->offset);
	struct config_endpoint made;
	const char *fault;

	if (slice_starts(text, SLICE("unix:"))) {
		out->base = "";
		out->tls = false;
		return address_unix(e->arena, slice_make(text.p + 5, text.n - 5), e->folder,
				    &out->address, why);
	}
	if (rules_server_parse(text, &made, &fault) != 0) {
		value_echo(text, why);
		buf_addf(why, "is no endpoint: %s%s", fault,
			 strchr(fault, ';') ? "" : "; write host:port or http[s]://host:port/base");
		return false;
	}
	out->address = (struct config_address){
		.text = arena_string(e->arena, text),
		.host = arena_string(e->arena, slice_of(made.address.host)),
		.port = made.address.port,
	};
	out->base = arena_string(e->arena, slice_of(made.base));
	out->tls = made.tls;
	rules_endpoint_free(&made);
	return true;
}

/* Canonical, so that two spellings of one host are found to be one. */
static bool
parse_host(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	   struct buf *why)
{
	char space[2 * URI_HOST_MAX + 8];
	bool wildcard = slice_starts(text, SLICE("*."));
	struct slice name = wildcard ? slice_make(text.p + 2, text.n - 2) : text;
	struct buf BUF_CLEAN made = { 0 };
	struct uri_host host;

	if (text.n == 0 || slice_eq(text, SLICE("*"))) {
		store_text(s, base, "");
		return true;
	}
	if (name.n == 0 || name.n > URI_HOST_MAX || uri_host_parse(name, space, &host) != 0) {
		value_echo(text, why);
		return value_refuse(why, "is no host; write a name, name:port, or *.domain for all "
					 "names below a domain");
	}
	if (wildcard && (host.port >= 0 || host.host.p[0] == '[')) {
		value_echo(text, why);
		return value_refuse(
		    why, "joins a wildcard with a port or an address; write *.domain alone");
	}
	buf_adds(&made, slice_of(wildcard ? "*." : ""));
	buf_adds(&made, host.host_port);
	store_text(s, base, arena_string(e->arena, buf_slice(&made)));
	return true;
}

static bool
parse_host_header(const struct value_env *e, const struct setting *s, struct slice text, void *base,
		  struct buf *why)
{
	struct config_route *r = base;

	r->set_host = "";
	r->upstream_host = slice_eq(text, SLICE("upstream"));
	if (r->upstream_host || slice_eq(text, SLICE("keep")))
		return true;
	if (text.n > 0 && text.p[0] != '*')
		return parse_host(e, s, text, base, why);
	return value_refuse(why, "the value is no host; write keep, upstream, or a host");
}

static bool
parse_hash_by(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	      struct buf *why)
{
	const struct setting token = { .type = SETTING_TOKEN };
	struct hash_by_text made;

	if (!hash_by_parse(text, &made)) {
		value_echo(text, why);
		return value_refuse(why, "is none of address, path, header:NAME, cookie:NAME and "
					 "claim:NAME; write one of them");
	}
	if (made.by != HASH_BY_CLAIM && value_fault(&token, made.name)) {
		value_echo(text, why);
		return value_refuse(why, value_fault(&token, made.name));
	}
	store_text(s, base, arena_string(e->arena, text));
	return true;
}

static bool
parse_pattern(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	      struct buf *why)
{
	struct pattern_error error;
	struct pattern *p = pattern_new(text, &error);

	if (!p) {
		value_echo(text, why);
		buf_addf(why, "is no pattern, at character %zu: %s", error.at, error.text);
		return false;
	}
	pattern_free(p);
	store_text(s, base, arena_string(e->arena, text));
	return true;
}

/* In lower case. */
static bool
parse_sha256(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	     struct buf *why)
{
	char *digits = arena_string(e->arena, text);
	size_t n = 0;

	for (; n < text.n; n++) {
		digits[n] = ascii_lower(digits[n]);
		if (!(digits[n] >= '0' && digits[n] <= '9') &&
		    !(digits[n] >= 'a' && digits[n] <= 'f'))
			break;
	}
	store_text(s, base, digits);
	return (n == text.n && n == 64) ||
	       value_refuse(why, "the value is no SHA-256; write its 64 hexadecimal digits");
}

static bool
parse_moment(const struct setting *s, struct slice text, void *base, struct buf *why)
{
	int64_t moment;

	if (!moment_parse(text, &moment)) {
		value_echo(text, why);
		return value_refuse(why, "is no moment; write a date such as 2026-12-31 or "
					 "2026-12-31T18:00:00Z, or never");
	}
	number_store((char *)base + s->offset, s->width, (uint64_t)moment);
	return true;
}

/* "0", "1", "0.25": as many digits as are kept. */
static bool
parse_ratio(const struct setting *s, struct slice text, void *base, struct buf *why)
{
	struct slice behind, whole = slice_cut(text, '.', &behind);
	uint32_t parts = 0, unit = TRACE_PARTS;
	bool good =
	    whole.n == 1 && (whole.p[0] == '0' || whole.p[0] == '1') && (!behind.p || behind.n > 0);

	if (good)
		parts = whole.p[0] == '1' ? TRACE_PARTS : 0;
	for (size_t i = 0; i < behind.n; i++) {
		good &= behind.p[i] >= '0' && behind.p[i] <= '9' && unit > 1;
		unit /= 10;
		parts += good ? (uint32_t)(behind.p[i] - '0') * unit : 0;
	}
	if (!good || parts > TRACE_PARTS) {
		value_echo(text, why);
		return value_refuse(why, "is no number from 0 to 1; write one such as 0.01, with "
					 "nine digits behind the point at most");
	}
	number_store((char *)base + s->offset, s->width, parts);
	return true;
}

/* "syslog", "syslog:///run/log.sock", "syslog://10.0.0.1:514": nothing is resolved, as who opens it
 * does not wait. */
static bool
parse_syslog(const struct value_env *e, struct slice text, struct config *c, struct buf *why)
{
	const struct address_rule rule = { .default_port = 514, .folder = e->folder };
	struct slice to = slice_make(text.p + 6, text.n - 6);
	struct config_address *out = &c->access_log_syslog;
	unsigned char ip[16];
	bool ok;

	to = to.n > 3 ? slice_make(to.p + 3, to.n - 3) : SLICE("/dev/log");
	*out = (struct config_address){ 0 };
	ok = to.p[0] == '/' ? address_unix(e->arena, to, e->folder, out, why)
			    : address_parse(e->arena, to, &rule, out, why);
	if (!ok)
		return false;
	if (!out->unix_path && inet_pton(AF_INET, out->host, ip) != 1 &&
	    inet_pton(AF_INET6, out->host, ip) != 1) {
		value_echo(text, why);
		return value_refuse(why, "names no IP address; write syslog, "
					 "syslog://127.0.0.1:514 or syslog:///path/of/a/socket");
	}
	c->access_log = ACCESS_LOG_SYSLOG;
	c->access_log_file = arena_string(e->arena, text);
	return true;
}

static bool
parse_log(const struct value_env *e, struct slice text, struct config *c, struct buf *why)
{
	static const struct setting_word words[] = {
		{ "off", ACCESS_LOG_OFF },
		{ "stdout", ACCESS_LOG_STDOUT },
		{ "stderr", ACCESS_LOG_STDERR },
		{ 0 },
	};

	for (const struct setting_word *w = words; w->word; w++) {
		if (slice_ieq(slice_of(w->word), text)) {
			c->access_log = (enum access_log_to)w->value;
			return true;
		}
	}
	if (slice_eq(text, SLICE("syslog")) || slice_starts(text, SLICE("syslog://")))
		return parse_syslog(e, text, c, why);
	if (text.n == 0 || !memchr(text.p, '/', text.n)) {
		value_echo(text, why);
		return value_refuse(
		    why, "is neither off, stdout, stderr, syslog nor a path; write a file "
			 "with its folder, such as "
			 "/var/log/yett/access.log");
	}
	c->access_log = ACCESS_LOG_FILE;
	c->access_log_file = address_path(e->arena, text, e->folder);
	return true;
}

bool
value_text_parse(const struct value_env *e, const struct setting *s, struct slice text, void *base,
		 struct buf *why)
{
	switch (s->type) {
	case SETTING_PATH:
		return parse_path(e, s, text, base, why);
	case SETTING_FILE:
		return parse_file(e, s, text, base, why);
	case SETTING_LISTEN:
	case SETTING_ADDRESS:
	case SETTING_SOCKET:
		return parse_address(e, s, text, base, why);
	case SETTING_ENDPOINT:
		return parse_endpoint(e, s, text, base, why);
	case SETTING_HOST:
		return parse_host(e, s, text, base, why);
	case SETTING_HOST_HEADER:
		return parse_host_header(e, s, text, base, why);
	case SETTING_HASH_BY:
		return parse_hash_by(e, s, text, base, why);
	case SETTING_PATTERN:
		return parse_pattern(e, s, text, base, why);
	case SETTING_SHA256:
		return parse_sha256(e, s, text, base, why);
	case SETTING_RATIO:
		return parse_ratio(s, text, base, why);
	case SETTING_MOMENT:
		return parse_moment(s, text, base, why);
	case SETTING_LOG:
		return parse_log(e, text, base, why);
	default:
		return parse_text(e, s, text, base, why);
	}
}
