#include "trailers.h"

#include <assert.h>

static const struct slice kept_back[] = {
#define NAME(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
	/* controls, conditions and authentication of a request */
	NAME("cache-control"),
	NAME("if-match"),
	NAME("if-modified-since"),
	NAME("if-none-match"),
	NAME("if-range"),
	NAME("if-unmodified-since"),
	NAME("pragma"),
	NAME("priority"),
	NAME("range"),
	NAME("x-http-method"),
	NAME("x-http-method-override"),
	NAME("x-method-override"),
	NAME("x-original-url"),
	NAME("x-rewrite-url"),
	/* how an answer is to be taken */
	NAME("age"),
	NAME("clear-site-data"),
	NAME("expires"),
	NAME("location"),
	NAME("refresh"),
	NAME("retry-after"),
	NAME("set-cookie"),
	NAME("set-cookie2"),
	NAME("strict-transport-security"),
	NAME("vary"),
	NAME("warning"),
	NAME("www-authenticate"),
	/* what the content is */
	NAME("content-disposition"),
	NAME("content-encoding"),
	NAME("content-language"),
	NAME("content-location"),
	NAME("content-range"),
	NAME("content-security-policy"),
	NAME("content-type"),
};

static const struct slice kept_back_prefixes[] = {
	NAME("accept-"), NAME("access-control-"), NAME("proxy-"),
	NAME("sec-"),    NAME("x-forwarded-"),    NAME("x-yett-"),
#undef NAME
};

static bool
is_kept_back(struct slice name)
{
	for (size_t i = 0; i < sizeof kept_back / sizeof kept_back[0]; i++) {
		if (slice_ieq(name, kept_back[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof kept_back_prefixes / sizeof kept_back_prefixes[0]; i++) {
		size_t n = kept_back_prefixes[i].n;

		if (name.n >= n && slice_ieq(slice_make(name.p, n), kept_back_prefixes[i]))
			return true;
	}
	return false;
}

/* In place; doing it twice changes nothing. */
struct slice
trailers_filter(struct http_parser *p, const struct segment *rules)
{
	uint32_t from = 0, to = 0;

	while (from < p->trailers_size) {
		char *line = p->trailers + from;
		size_t left = p->trailers_size - from;
		const char *end = memchr(line, '\n', left);
		struct slice value, name;
		size_t n;

		assert(end); /* each line is whole once the message is */
		n = (size_t)(end - line) + 1;
		name = slice_cut(slice_make(line, n), ':', &value);
		from += (uint32_t)n;
		if (http_identify(name) != HTTP_OTHER || is_kept_back(name) ||
		    (rules && table_strips(rules, name)))
			continue;
		memmove(p->trailers + to, line, n);
		to += (uint32_t)n;
	}
	p->trailers_size = to;
	return slice_make(p->trailers, to);
}
