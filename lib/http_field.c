/* The fields that the gateway itself looks at, by name. See http_head.h. */

#include "http_head.h"

struct known {
	struct slice name;
	enum http_id id;
};

#define K(text, id)                                                                                \
	{                                                                                          \
		{ text, sizeof(text) - 1 }, id                                                     \
	}
static const struct known known[] = {
	K("te", HTTP_TE),
	K("via", HTTP_VIA),
	K("host", HTTP_HOST),
	K("date", HTTP_DATE),
	K("accept", HTTP_ACCEPT),
	K("cookie", HTTP_COOKIE),
	K("expect", HTTP_EXPECT),
	K("origin", HTTP_ORIGIN),
	K("referer", HTTP_REFERER),
	K("trailer", HTTP_TRAILER),
	K("upgrade", HTTP_UPGRADE),
	K("forwarded", HTTP_FORWARDED),
	K("x-real-ip", HTTP_X_REAL_IP),
	K("connection", HTTP_CONNECTION),
	K("keep-alive", HTTP_KEEP_ALIVE),
	K("user-agent", HTTP_USER_AGENT),
	K("max-forwards", HTTP_MAX_FORWARDS),
	K("x-request-id", HTTP_X_REQUEST_ID),
	K("authorization", HTTP_AUTHORIZATION),
	K("content-length", HTTP_CONTENT_LENGTH),
	K("http2-settings", HTTP_HTTP2_SETTINGS),
	K("x-forwarded-for", HTTP_X_FORWARDED_FOR),
	K("x-forwarded-host", HTTP_X_FORWARDED_HOST),
	K("x-forwarded-port", HTTP_X_FORWARDED_PORT),
	K("proxy-connection", HTTP_PROXY_CONNECTION),
	K("x-forwarded-proto", HTTP_X_FORWARDED_PROTO),
	K("transfer-encoding", HTTP_TRANSFER_ENCODING),
	K("proxy-authenticate", HTTP_PROXY_AUTHENTICATE),
	K("proxy-authorization", HTTP_PROXY_AUTHORIZATION),
	K("x-forwarded-protocol", HTTP_X_FORWARDED_PROTOCOL),
};

/* First row of `known` for a length: rows are in order of length. */
static const int8_t known_from[] = { -1, -1, 0,  1,  2,  -1, 4,  8,  -1, 11, 13,
				     -1, 16, 18, 19, 21, 22, 25, 27, 28, 29 };

enum http_id
http_identify(struct slice name)
{
	if (name.n >= sizeof known_from || known_from[name.n] < 0)
		return HTTP_OTHER;
	for (size_t i = (size_t)known_from[name.n];
	     i < sizeof known / sizeof known[0] && known[i].name.n == name.n; i++) {
		if ((name.p[0] | 0x20) == known[i].name.p[0] && slice_ieq(name, known[i].name))
			return known[i].id;
	}
	return HTTP_OTHER;
}

const struct http_field *
http_find(const struct http_parser *p, enum http_id id)
{
	for (uint16_t i = 0; i < p->fields_n; i++) {
		if (p->fields[i].id == id)
			return &p->fields[i];
	}
	return NULL;
}
