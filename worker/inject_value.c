#include "inject_value.h"

#include "lib/base64.h"

#include <inttypes.h>

static bool
can_stand(struct slice value)
{
	if (value.p[0] == ' ' || value.p[value.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < 0x20 || value.p[i] > 0x7e)
			return false;
	}
	return true;
}

static void
add_base64(struct buf *out, struct slice bytes)
{
	buf_reserve(out, base64_size(bytes.n));
	out->n += base64_encode(bytes, out->p + out->n);
}

static void
add_basic(struct buf *out, struct slice user, struct slice value)
{
	struct buf pair = { 0 };

	buf_reserve(&pair, user.n + 1 + value.n); /* at once: growing would leave a copy behind */
	buf_adds(&pair, user);
	buf_addc(&pair, ':');
	buf_adds(&pair, value);
	buf_adds(out, SLICE("Basic "));
	add_base64(out, buf_slice(&pair));
	explicit_bzero(pair.p, pair.n);
	buf_deinit(&pair);
}

bool
inject_line(struct buf *out, struct slice field, enum credential_form form, struct slice user,
	    struct slice value)
{
	if (value.n == 0 || value.n > INJECT_VALUE_MAX)
		return false;
	if ((form == CREDENTIAL_PLAIN || form == CREDENTIAL_BEARER) && !can_stand(value))
		return false;
	buf_adds(out, field);
	buf_adds(out, SLICE(": "));
	switch (form) {
	case CREDENTIAL_BEARER:
		buf_adds(out, SLICE("Bearer "));
		/* fall through */
	case CREDENTIAL_PLAIN:
	case CREDENTIAL_FORM_N:
		buf_adds(out, value);
		break;
	case CREDENTIAL_BASIC:
		add_basic(out, user, value);
		break;
	case CREDENTIAL_BASE64:
		add_base64(out, value);
		break;
	}
	buf_adds(out, SLICE("\r\n"));
	return true;
}

/* A well-formed sequence of UTF-8 (RFC 3629). */
static uint32_t
code_point(struct slice s)
{
	uint32_t c = (unsigned char)s.p[0] & (0xffu >> (s.n + 1));

	for (size_t i = 1; i < s.n; i++)
		c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
	return c;
}

/* Outside of ASCII there is nothing in JSON but within its strings (RFC 8259 section 7). */
static void
add_ascii(struct slice json, struct buf *out)
{
	while (json.n > 0) {
		size_t n = utf8_length(json);
		uint32_t c;

		if (n <= 1) {
			buf_addc(out, json.p[0]);
			n = 1;
		} else if ((c = code_point(slice_make(json.p, n))) < 0x10000) {
			buf_addf(out, "\\u%04x", c);
		} else {
			c -= 0x10000;
			buf_addf(out, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
		}
		json = slice_make(json.p + n, json.n - n);
	}
}

void
inject_json(const struct json *v, struct buf *out)
{
	struct buf BUF_CLEAN text = { 0 };

	json_write(v, &text);
	add_ascii(buf_slice(&text), out);
}

bool
inject_claim(const struct json *claims, struct slice path, struct buf *out)
{
	const struct json *v = json_find(claims, path);

	if (!v || json_kind(v) == JSON_NULL)
		return false;
	if (json_kind(v) == JSON_STRING)
		buf_adds(out, json_text(v));
	else
		inject_json(v, out);
	return true;
}

void
inject_git(const struct inject_git *g, struct buf *out)
{
	struct buf header = { 0 }, json = { 0 };

	buf_reserve(&header, g->token.n + 8);
	buf_adds(&header, SLICE("Bearer "));
	buf_adds(&header, g->token);
	buf_reserve(&json, 6 * (g->origin.n + g->provider.n + header.n) + 128);
	buf_addc(&json, '{');
	buf_add_json(&json, g->origin);
	buf_adds(&json, SLICE(":{\"provider\":"));
	buf_add_json(&json, g->provider);
	buf_adds(&json, SLICE(",\"AuthorizationHeader\":"));
	buf_add_json(&json, buf_slice(&header));
	buf_addf(&json, ",\"AccessTokenExpiresAt\":%" PRId64 "}}",
		 g->expires == INT64_MAX ? -1 : g->expires);
	add_ascii(buf_slice(&json), out);
	explicit_bzero(header.p, header.n);
	explicit_bzero(json.p, json.n);
	buf_deinit(&header);
	buf_deinit(&json);
}
