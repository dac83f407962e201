#include "explain_request.h"

#include "lib/forwarded.h"
#include "lib/json.h"

#define DEPTH 4

/* Nothing in it may end its line. */
static bool
is_line(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			return false;
	}
	return s.p != NULL;
}

/* "http://host/path" is taken apart as a client would; "/path" names no host. */
static void
take_apart(struct slice url, struct slice *host, struct slice *target, bool *secure)
{
	struct slice rest = url;
	size_t n = 0;

	slice_cut(url, '#', &rest);
	if (rest.p)
		url.n = (size_t)(rest.p - url.p) - 1;
	*host = slice_make(NULL, 0);
	*target = url;
	*secure = false;
	for (int i = 0; i < 2; i++) {
		struct slice scheme = i ? SLICE("https://") : SLICE("http://");

		if (url.n < scheme.n || !slice_ieq(slice_make(url.p, scheme.n), scheme))
			continue;
		*secure = i == 1;
		rest = slice_make(url.p + scheme.n, url.n - scheme.n);
		while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
			n++;
		*host = slice_make(rest.p, n);
		*target = slice_make(rest.p + n, rest.n - n);
	}
}

/* `host`: that of an absolute target, in whose stead no Host is believed; p == NULL: there is none.
 */
static const char *
add_fields(struct buf *head, const struct json *fields, struct slice host)
{
	for (const struct json *f = json_first(fields); f; f = json_next(f)) {
		struct slice name = json_text(json_get(f, "name"));
		struct slice value = json_text(json_get(f, "value"));

		if (!is_line(name) || !is_line(value))
			return "each of the headers is {\"name\": text, \"value\": text}, on one "
			       "line";
		if (host.p && slice_ieq(name, SLICE("Host")))
			continue;
		buf_addf(head, "%.*s: %.*s\r\n", SLICE_F(name), SLICE_F(value));
	}
	return NULL;
}

static const char *
write_head(const struct json *root, struct explain_request *out)
{
	struct buf *head = &out->head;
	struct slice method = json_text(json_get(root, "method")), host, target;
	struct slice url = json_text(json_get(root, "url"));
	BUF_CLEAN struct buf fields = { 0 };
	const char *why;

	if (method.p ? !is_line(method) : json_get(root, "method") != NULL)
		return "method is a text on one line";
	if (!is_line(url) || url.n == 0)
		return "url is missing: http://host/path, or /path with a Host header";
	take_apart(url, &host, &target, &out->secure);
	buf_addf(head, "%.*s %s%.*s HTTP/1.1\r\n", SLICE_F(method.p ? method : SLICE("GET")),
		 host.p && (target.n == 0 || target.p[0] == '?') ? "/" : "", SLICE_F(target));
	why = add_fields(&fields, json_get(root, "headers"), host);
	if (why)
		return why;
	if (host.p)
		buf_addf(head, "Host: %.*s\r\n", SLICE_F(host));
	buf_adds(head, buf_slice(&fields));
	buf_adds(head, SLICE("\r\n"));
	return head->n > EXPLAIN_HEAD_MAX ? "the request is too large" : NULL;
}

int
explain_request(struct slice json, struct explain_request *out, const char **why)
{
	struct json *root;
	struct slice from;

	if (json_parse(json, EXPLAIN_HEAD_MAX, DEPTH, &root) < 0) {
		*why = "the body is no JSON";
		return -1;
	}
	*why =
	    json_kind(root) == JSON_OBJECT ? write_head(root, out) : "the body is no JSON object";
	from = json_text(json_get(root, "from"));
	if (!*why && !forwarded_address(from.p ? from : SLICE("127.0.0.1"), out->ip))
		*why = "from is no address";
	json_free(root);
	return *why ? -1 : 0;
}
