#include "export.h"

#include "rules.h"
#include "rules_backend.h"

#include "lib/json.h"

#define KEY_MAX                                                                                    \
	170 /* bytes of a key that YAML is sure to take on one line: it has 1024 there, each       \
	       of ours is six at most */

static const struct {
	enum native_kind kind;
	const char *name;
} families[] = {
	{ NATIVE_ROUTE, "routes" },
	{ NATIVE_UPSTREAM, "upstreams" },
	{ NATIVE_POLICY, "policies" },
	{ NATIVE_KEY, "api_keys" },
};

/* ---- JSON ---- */

static void
add_natives(const struct rules *r, enum native_kind kind, struct buf *out)
{
	for (size_t i = 0; i < rules_natives(r, kind); i++) {
		const struct rules_native *n = rules_native_at(r, kind, i);

		buf_adds(out, i ? SLICE(",") : SLICE(""));
		buf_add_json(out, slice_of(rules_native_name(n)));
		buf_addc(out, ':');
		buf_adds(out, rules_native_text(n));
	}
}

void
export_json(const struct rules *r, struct buf *out)
{
	buf_addc(out, '{');
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
		buf_addf(out, "\"%s\":{", families[i].name);
		add_natives(r, families[i].kind, out);
		buf_adds(out, SLICE("},"));
	}
	buf_adds(out, SLICE("\"frontends\":{"));
	for (size_t i = 0; i < rules_frontends(r); i++) {
		const struct rules_frontend *f = rules_frontend_at(r, i);

		buf_adds(out, i ? SLICE(",") : SLICE(""));
		buf_add_json(out, slice_of(f->url));
		buf_addc(out, ':');
		buf_add_json(out, slice_of(f->backend));
	}
	buf_adds(out, SLICE("},\"backends\":{"));
	for (size_t i = 0; i < rules_backends(r); i++) {
		buf_adds(out, i ? SLICE(",") : SLICE(""));
		buf_add_json(out, slice_of(rules_backend_at(r, i)->name));
		buf_addc(out, ':');
		backend_write(rules_backend_at(r, i), out);
	}
	buf_adds(out, SLICE("}}"));
}

/* ---- YAML ---- */

/* The character that begins s, if JSON has it as it is and YAML not: line ends of other alphabets,
 * a byte order mark, what is no character. *n: its bytes. 0: another one. */
static unsigned
foreign_to_yaml(struct slice s, size_t *n)
{
	const unsigned char *p = (const unsigned char *)s.p;

	*n = s.n >= 3 && p[0] >= 0xe0 ? 3 : s.n >= 2 && p[0] >= 0xc2 ? 2 : 1;
	if (*n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
		return 0x2028U + p[2] - 0xa8;
	if (*n == 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
		return 0xfeff;
	if (*n == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe)
		return 0xffc0U + (p[2] & 0x3f);
	return 0;
}

/* They stand in texts alone. */
static void
add_as_yaml(struct buf *out, struct slice json)
{
	size_t from = 0, n = 1;

	for (size_t i = 0; i < json.n; i += n) {
		unsigned c;

		n = 1;
		if ((unsigned char)json.p[i] < 0x80)
			continue;
		c = foreign_to_yaml(slice_make(json.p + i, json.n - i), &n);
		if (c == 0)
			continue;
		buf_adds(out, slice_make(json.p + from, i - from));
		buf_addf(out, "\\u%04x", c);
		from = i + n;
	}
	buf_adds(out, slice_make(json.p + from, json.n - from));
}

/* JSON is YAML, but for a few characters, and a long key, which needs a mark. */
void
export_yaml(const struct json *all, struct buf *out)
{
	struct buf BUF_CLEAN json = { 0 };

	for (const struct json *f = json_first(all); f; f = json_next(f)) {
		buf_addf(out, "%.*s:%s\n", SLICE_F(json_name(f)), json_first(f) ? "" : " {}");
		for (const struct json *v = json_first(f); v; v = json_next(v)) {
			bool marked = json_name(v).n > KEY_MAX;

			json.n = 0;
			buf_adds(&json, marked ? SLICE("  ? ") : SLICE("  "));
			buf_add_json(&json, json_name(v));
			buf_adds(&json, marked ? SLICE("\n  : ") : SLICE(": "));
			json_write(v, &json);
			buf_addc(&json, '\n');
			add_as_yaml(out, buf_slice(&json));
		}
	}
}

/* ---- commands ---- */

/* As redis-cli reads an argument between double quotes; a terminal obeys none of it. */
static void
add_argument(struct buf *out, const char *prefix, struct slice text)
{
	size_t control = 0; /* bytes from here on that are of a control character */

	buf_addf(out, " \"%s", prefix);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '"' || c == '\\')
			buf_addc(out, '\\');
		if (control == 0)
			control = utf8_control(slice_make(text.p + i, text.n - i));
		if (control > 0) {
			buf_addf(out, "\\x%02x", c);
			control--;
		} else {
			buf_addc(out, (char)c);
		}
	}
	buf_addc(out, '"');
}

void
export_redx(const struct json *all, struct buf *out, struct buf *left)
{
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
		const struct json *f = json_get(all, families[i].name);

		for (const struct json *v = json_first(f); v; v = json_next(v))
			buf_addf(left, "%s.%.*s\n", families[i].name, SLICE_F(json_name(v)));
	}
	for (const struct json *v = json_first(json_get(all, "frontends")); v; v = json_next(v)) {
		buf_adds(out, SLICE("SET"));
		add_argument(out, "frontend:", json_name(v));
		add_argument(out, "", json_text(v));
		buf_addc(out, '\n');
	}
	for (const struct json *v = json_first(json_get(all, "backends")); v; v = json_next(v)) {
		buf_adds(out, SLICE("HSET"));
		add_argument(out, "backend:", json_name(v));
		for (const struct json *m = json_first(v); m; m = json_next(m)) {
			add_argument(out, "", json_name(m));
			add_argument(out, "", json_text(m));
		}
		buf_addc(out, '\n');
	}
}
