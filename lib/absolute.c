#include "absolute.h"

#include <arpa/inet.h>

#define HTTP_PORT 80
#define HTTPS_PORT 443

static bool
is_clean(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '\\')
			return false;
	}
	return true;
}

/* Whose last label is a number. */
static bool
is_number(struct slice host)
{
	const char *dot = memrchr(host.p, '.', host.n);
	size_t at = dot ? (size_t)(dot - host.p) + 1 : 0;
	struct slice last = slice_make(host.p + at, host.n - at);

	if (slice_starts(last, SLICE("0x")))
		return true;
	for (size_t i = 0; i < last.n; i++) {
		if (last.p[i] < '0' || last.p[i] > '9')
			return false;
	}
	return last.n > 0;
}

/* Does everybody take it for the same host? */
static bool
is_plain(struct slice host)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr address;

	if (host.p[0] == '[' || !is_number(host))
		return true;
	if (host.n >= sizeof text)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	return inet_pton(AF_INET, text, &address) == 1;
}

/* As everybody writes it: in lower case. */
static bool
scheme_take(struct slice *text, bool *https)
{
	size_t n;

	*https = slice_starts(*text, SLICE("https://"));
	if (!*https && !slice_starts(*text, SLICE("http://")))
		return false;
	n = *https ? 8 : 7;
	*text = slice_make(text->p + n, text->n - n);
	return true;
}

const char *
absolute_parse(struct slice text, char *room, struct absolute *out)
{
	struct slice raw, rest;
	const char *colon;
	size_t n = 0;

	*out = (struct absolute){ .port = 0 };
	if (!scheme_take(&text, &out->https))
		return "it begins with neither https:// nor http://";
	while (n < text.n && !strchr("/?#", text.p[n]))
		n++;
	raw = slice_make(text.p, n);
	if (raw.n > URI_HOST_MAX || uri_host_parse(raw, room, &out->host) != 0 ||
	    out->host.host.n == 0 || !is_plain(out->host.host))
		return "its host is none";
	colon = memrchr(raw.p, ':', raw.n);
	out->dotted = raw.p[raw.n - 1] == '.' || (colon && colon > raw.p && colon[-1] == '.');
	out->port = out->https ? HTTPS_PORT : HTTP_PORT;
	if (out->host.port > 0)
		out->port = (uint16_t)out->host.port;
	text = slice_make(text.p + n, text.n - n);
	if (!is_clean(text))
		return "its path has characters that do not belong there";
	out->target = slice_cut(text, '#', &rest);
	if (rest.p)
		out->fragment = slice_make(rest.p - 1, rest.n + 1);
	return NULL;
}
