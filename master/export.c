#include "export.h"

#include "rules.h"
#include "rules_backend.h"

#include "lib/json.h"

#define KEY_MAX 900 /* bytes of a key that YAML is sure to take on one line (it has 1024) */

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

/* JSON is YAML, but for a long key, which needs a mark. */
void
export_yaml(const struct json *all, struct buf *out)
{
	for (const struct json *f = json_first(all); f; f = json_next(f)) {
		buf_addf(out, "%.*s:%s\n", SLICE_F(json_name(f)), json_first(f) ? "" : " {}");
		for (const struct json *v = json_first(f); v; v = json_next(v)) {
			bool marked = json_name(v).n > KEY_MAX;

			buf_adds(out, marked ? SLICE("  ? ") : SLICE("  "));
			buf_add_json(out, json_name(v));
			buf_adds(out, marked ? SLICE("\n  : ") : SLICE(": "));
			json_write(v, out);
			buf_addc(out, '\n');
		}
	}
}

/* ---- commands ---- */

/* As redis-cli reads an argument between double quotes. */
static void
add_argument(struct buf *out, const char *prefix, struct slice text)
{
	buf_addf(out, " \"%s", prefix);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '"' || c == '\\')
			buf_addc(out, '\\');
		if (c < 0x20 || c == 0x7f)
			buf_addf(out, "\\x%02x", c);
		else
			buf_addc(out, (char)c);
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
