#include "http_head.h"

#define CULPRIT_MAX 64

static bool
is_token(char c)
{
	char lower = ascii_lower(c);

	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
	       (c && memchr("!#$%&'*+-.^_`|~", c, 15));
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *
line_of(const char *at, const char *first)
{
	while (at > first && at[-1] != '\n')
		at--;
	return at;
}

/* Without one it is no name but anything, such as a value whose name was lost. */
static bool
has_colon(const char *at, const char *end)
{
	while (at < end && *at != ':' && *at != '\r' && *at != '\n')
		at++;
	return at < end && *at == ':';
}

/* The field in whose line the parser stopped; a folded line belongs to the one before it. */
static struct slice
field_at(const struct http_parser *p, const char *at)
{
	const char *first = p->base + p->url + p->url_n; /* nothing before it is a field */
	const char *end = p->base + p->head_n;
	size_t n = 0;

	if (p->url_n == 0 || !at || at <= first)
		return SLICE("");
	if (at[-1] == '\n' &&
	    ((at < end && is_blank(*at)) || at[-2] != '\r')) /* it is how that line ended */
		at--;
	at = line_of(at, first);
	while (at > first && is_blank(*at))
		at = line_of(at - 1, first);
	if (at <= first)
		return SLICE("");
	while (at + n < end && is_token(at[n]))
		n++;
	return has_colon(at + n, end) ? slice_make(at, n < CULPRIT_MAX ? n : CULPRIT_MAX)
				      : SLICE("");
}

static struct slice
largest(const struct http_parser *p)
{
	const struct http_field *most = NULL;

	for (uint16_t i = 0; i < p->fields_n; i++) {
		const struct http_field *f = &p->fields[i];

		if (!most || f->name_n + f->value_n > most->name_n + most->value_n)
			most = f;
	}
	if (!most || most->name_n + most->value_n < p->url_n)
		return SLICE("");
	return http_at(p, most->name, most->name_n < CULPRIT_MAX ? most->name_n : CULPRIT_MAX);
}

struct slice
http_culprit(const struct http_parser *p, enum http_outcome outcome)
{
	struct slice name = SLICE("");

	if (outcome == HTTP_BAD_FRAMING && p->head_done)
		return SLICE("Transfer-Encoding");
	if (p->head_done && outcome != HTTP_HEAD_LONG)
		return name;
	if (outcome == HTTP_HEAD_LONG && p->trailers_n == 0)
		return largest(p);
	if (outcome == HTTP_BAD || outcome == HTTP_BAD_FRAMING)
		name = field_at(p, llhttp_get_error_pos(&p->llhttp));
	if (name.n == 0 && outcome == HTTP_BAD_FRAMING)
		return SLICE("Content-Length");
	return name;
}
