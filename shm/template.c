#include "template.h"

static const struct slice names[TEMPLATE_N] = {
	[TEMPLATE_SCHEME] = { "scheme", 6 },
	[TEMPLATE_HOST] = { "host", 4 },
	[TEMPLATE_PATH] = { "path", 4 },
	[TEMPLATE_REST] = { "rest", 4 },
	[TEMPLATE_QUERY] = { "query", 5 },
	[TEMPLATE_REMOTE_ADDR] = { "remote_addr", 11 },
	[TEMPLATE_REQUEST_ID] = { "request_id", 10 },
	[TEMPLATE_ROUTE] = { "route", 5 },
	[TEMPLATE_TLS_VERSION] = { "tls_version", 11 },
	[TEMPLATE_TLS_SUITE] = { "tls_suite", 9 },
	[TEMPLATE_TLS_NAME] = { "tls_name", 8 },
	[TEMPLATE_TLS_RESUMED] = { "tls_resumed", 11 },
	[TEMPLATE_CLIENT_CERT_SUBJECT] = { "client_cert_subject", 19 },
	[TEMPLATE_CLIENT_CERT_FINGERPRINT] = { "client_cert_fingerprint", 23 },
};

static bool
is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || c == '_';
}

/* What stands behind a '$'. */
static void
variable_next(struct slice *text, struct template_part *part)
{
	size_t n = 0;

	*part = (struct template_part){ .name = TEMPLATE_N };
	if (text->n > 0 && text->p[0] == '$') {
		part->literal = slice_make(text->p, 1);
		n = 1;
	}
	while (!part->literal.p && n < text->n && is_of_name(text->p[n]))
		n++;
	for (unsigned i = 0; i < TEMPLATE_N; i++) {
		if (slice_eq(names[i], slice_make(text->p, n)))
			part->name = i;
	}
	*text = slice_make(text->p + n, text->n - n);
}

bool
template_next(struct slice *text, struct template_part *part)
{
	const char *dollar = text->n > 0 ? memchr(text->p, '$', text->n) : NULL;
	size_t n = dollar ? (size_t)(dollar - text->p) : text->n;

	if (text->n == 0)
		return false;
	if (n > 0) {
		*part = (struct template_part){ .literal = slice_make(text->p, n) };
		*text = slice_make(text->p + n, text->n - n);
	} else {
		*text = slice_make(text->p + 1, text->n - 1);
		variable_next(text, part);
	}
	return true;
}

uint32_t
template_names(struct slice text)
{
	struct template_part part;
	uint32_t bits = 0;

	while (template_next(&text, &part))
		bits |= part.literal.p ? 0 : 1u << part.name;
	return bits;
}

static struct slice
value_of(const struct template_part *part, const struct slice *values)
{
	if (part->literal.p)
		return part->literal;
	return part->name < TEMPLATE_N ? values[part->name] : slice_make("", 0);
}

size_t
template_size(struct slice text, const struct slice *values)
{
	struct template_part part;
	size_t n = 0;

	while (template_next(&text, &part))
		n += value_of(&part, values).n;
	return n;
}

char *
template_put(char *o, struct slice text, const struct slice *values)
{
	struct template_part part;

	while (template_next(&text, &part)) {
		struct slice value = value_of(&part, values);

		if (value.n > 0)
			memcpy(o, value.p, value.n);
		o += value.n;
	}
	return o;
}
