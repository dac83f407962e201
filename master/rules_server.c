/*
 * One server of a backend, as redx's users write it.
 *
 * redx hands "host:port/uri" to nginx, which then replaces the URI of every request by that one:
 * nearly always a mistake, and never what the same text means to anybody else. It is refused here,
 * with the way out: http://host:port/base puts the base before the request's path. https:// is
 * the same over TLS.
 */

#include "rules.h"

#include "lib/uri.h"
#include "lib/xalloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/un.h>

static int
refuse(const char **why, const char *reason)
{
	*why = reason;
	return -EINVAL;
}

static int
parse_unix(struct slice path, struct config_endpoint *out, const char **why)
{
	if (path.n == 0 || path.p[0] != '/')
		return refuse(why, "a Unix socket is written unix:/absolute/path");
	if (slice_has_control(path))
		return refuse(why, "the path of the Unix socket has a control character");
	if (path.n >= sizeof((struct sockaddr_un *)0)->sun_path)
		return refuse(why, "the path of the Unix socket is too long");
	out->address.unix_path = xstrndup(path.p, path.n);
	return 0;
}

/* Without a slash at the end; canonical, so that joining it makes no other path than it seems. */
static int
parse_base(struct slice base, struct config_endpoint *out, const char **why)
{
	struct uri_path path;

	if (base.n > 0 && (uri_canonical(base, NULL, &path) != 0 || path.flags & URI_SUSPECT))
		return refuse(why, "the base path is not a plain path");
	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	out->base = xstrndup(base.p ? base.p : "", base.n);
	return 0;
}

/* "host[:port]", "[v6][:port]". */
static int
parse_authority(struct slice text, struct config_endpoint *out, const char **why)
{
	char space[2 * RULES_NAME_MAX + 2];
	struct uri_host host;
	struct slice name;

	if (text.n == 0)
		return refuse(why, "no host");
	if (memchr(text.p, '@', text.n))
		return refuse(why, "a user or password does not belong here");
	if (text.p[0] != '[' && memchr(text.p, ':', text.n) != memrchr(text.p, ':', text.n))
		return refuse(why, "an IPv6 address is written [address]:port");
	if (uri_host_parse(text, space, &host) != 0 || host.host.n == 0)
		return refuse(why, "neither a host nor host:port");
	if (host.port < 0 && text.p[text.n - 1] == ':')
		return refuse(why, "the port is missing");
	name = host.host;
	if (name.p[0] == '[')
		name = slice_make(name.p + 1, name.n - 2);
	out->address.host = xstrndup(name.p, name.n);
	out->address.port = host.port >= 0 ? (uint16_t)host.port : out->tls ? 443 : 80;
	return 0;
}

/* The length of "http://" or "https://"; 0: neither. */
static size_t
parse_scheme(struct slice text, bool *tls)
{
	*tls = text.n >= 8 && slice_ieq(slice_make(text.p, 8), SLICE("https://"));
	if (*tls)
		return 8;
	return text.n >= 7 && slice_ieq(slice_make(text.p, 7), SLICE("http://")) ? 7 : 0;
}

static int
parse_form(struct slice text, struct config_endpoint *out, const char **why)
{
	size_t scheme = parse_scheme(text, &out->tls);
	const char *slash;
	struct slice base = { NULL, 0 };
	int r;

	if (slice_starts(text, SLICE("unix:"))) {
		r = parse_base(base, out, why);
		return r ? r : parse_unix(slice_make(text.p + 5, text.n - 5), out, why);
	}
	text = slice_make(text.p + scheme, text.n - scheme);
	if (scheme == 0 && memmem(text.p, text.n, "://", 3))
		return refuse(why, "the scheme is neither http nor https");
	slash = memchr(text.p, '/', text.n);
	if (slash && scheme == 0)
		return refuse(
		    why, "a path behind the port would replace the path of every request; write "
			 "http://host:port/base to put a base before it");
	if (slash) {
		base = slice_make(slash, text.n - (size_t)(slash - text.p));
		text.n = (size_t)(slash - text.p);
	}
	r = parse_base(base, out, why);
	return r ? r : parse_authority(text, out, why);
}

int
rules_server_parse(struct slice text, struct config_endpoint *out, const char **why)
{
	int r;

	*out = (struct config_endpoint){ .weight = 1 };
	if (!text.p || text.n == 0)
		return refuse(why, "the server is empty");
	if (text.n > RULES_NAME_MAX)
		return refuse(why, "the server is longer than 1 KiB");
	r = parse_form(text, out, why);
	if (r == 0)
		out->address.text = xstrndup(text.p, text.n);
	else
		rules_endpoint_free(out);
	return r;
}

void
rules_endpoint_free(struct config_endpoint *e)
{
	free((char *)e->address.text);
	free((char *)e->address.host);
	free((char *)e->address.unix_path);
	free((char *)e->base);
	*e = (struct config_endpoint){ 0 };
}
