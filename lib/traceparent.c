#include "traceparent.h"

#define KEY_MAX 256
#define VALUE_MAX 256

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; /* capitals are malformed */
}

/* Are these 2 n digits? *any: not all of them are zero. */
static bool
read_hex(const char *p, size_t n, uint8_t *out, bool *any)
{
	*any = false;
	for (size_t i = 0; i < n; i++) {
		int high = digit_of(p[2 * i]), low = digit_of(p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high * 16 + low);
		*any |= out[i] != 0;
	}
	return true;
}

/* A later version may have more behind what this one knows. */
bool
traceparent_read(struct slice value, struct traceparent *out)
{
	const char *p = value.p;
	uint8_t version;
	bool any, trace, parent;

	if (value.n < TRACEPARENT_SIZE || p[2] != '-' || p[35] != '-' || p[52] != '-' ||
	    !read_hex(p, 1, &version, &any) || version == 0xff)
		return false;
	if (value.n > TRACEPARENT_SIZE && (version == 0 || p[TRACEPARENT_SIZE] != '-'))
		return false;
	return read_hex(p + 3, 16, out->trace, &trace) && trace &&
	       read_hex(p + 36, 8, out->parent, &parent) && parent &&
	       read_hex(p + 53, 1, &out->flags, &any);
}

void
traceparent_hex(const uint8_t *bytes, size_t n, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = hex[bytes[i] >> 4];
		*out++ = hex[bytes[i] & 15];
	}
}

void
traceparent_write(const struct traceparent *t, char *out)
{
	uint8_t flags = t->flags & (TRACEPARENT_SAMPLED | TRACEPARENT_RANDOM);

	memcpy(out, "00-", 3);
	traceparent_hex(t->trace, 16, out + 3);
	out[35] = '-';
	traceparent_hex(t->parent, 8, out + 36);
	out[52] = '-';
	traceparent_hex(&flags, 1, out + 53);
}

static bool
is_key(struct slice key)
{
	unsigned ats = 0;

	if (key.n == 0 || key.n > KEY_MAX || key.p[0] == '@')
		return false;
	for (size_t i = 0; i < key.n; i++) {
		char c = key.p[i];

		ats += c == '@';
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    (i == 0 || !memchr("_-*/@", c, 5)))
			return false;
	}
	return ats == 0 || (ats == 1 && key.p[key.n - 1] != '@');
}

static bool
is_value(struct slice value)
{
	if (value.n == 0 || value.n > VALUE_MAX)
		return false;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < 0x20 || value.p[i] > 0x7e || value.p[i] == '=')
			return false;
	}
	return true;
}

bool
tracestate_good(struct slice value, unsigned *members)
{
	while (value.p) {
		struct slice is, member = slice_trim(slice_cut(value, ',', &value)),
				 key = slice_cut(member, '=', &is);

		if (member.n == 0) /* is allowed, and says nothing */
			continue;
		if (!is.p || !is_key(key) || !is_value(is) || ++*members > TRACESTATE_MEMBERS)
			return false;
	}
	return true;
}
