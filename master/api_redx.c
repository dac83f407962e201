/*
 * The paths of redx's management API, with its envelope. What is read are the rules that the master
 * has; a stored value that is refused is listed with the reason.
 */

#include "api.h"

#include "change.h"
#include "master.h"

#define FRONTEND SLICE("frontend:")
#define BACKEND SLICE("backend:")

static const char absent[] = "Entry does not exist";

/* ---- reading ---- */

static bool
is_kind(const struct rules_refusal *f, struct slice kind, struct slice *name)
{
	struct slice key = slice_make(f->key, f->key_n);

	if (f->kept || !slice_starts(key, kind))
		return false;
	*name = slice_make(key.p + kind.n, key.n - kind.n);
	return true;
}

static void
add_comma(struct buf *out)
{
	if (out->n > 0 && out->p[out->n - 1] != '[' && out->p[out->n - 1] != '{')
		buf_addc(out, ',');
}

static void
add_refused(struct buf *out, const struct rules_refusal *f)
{
	if (!f)
		return;
	buf_adds(out, SLICE(",\"refused\":"));
	buf_add_json(out, slice_of(f->reason));
}

static const struct rules_refusal *
refusal_of(const struct rules *r, struct slice kind, const char *name)
{
	struct buf key BUF_CLEAN = { 0 };

	buf_adds(&key, kind);
	buf_adds(&key, slice_of(name));
	return rules_refusal_find(r, buf_slice(&key));
}

static void
add_frontend(struct buf *out, struct slice url, const char *backend, const struct rules_refusal *f)
{
	add_comma(out);
	buf_adds(out, SLICE("{\"url\":"));
	buf_add_json(out, url);
	buf_adds(out, SLICE(",\"backend_name\":"));
	buf_add_json(out, slice_of(backend));
	add_refused(out, f);
	buf_addc(out, '}');
}

void
api_frontends(struct api_call *c)
{
	const struct rules *r = c->master->rules;
	struct buf data BUF_CLEAN = { 0 };
	struct slice name;

	buf_addc(&data, '[');
	for (size_t i = 0; i < rules_frontends(r); i++) {
		const struct rules_frontend *f = rules_frontend_at(r, i);

		add_frontend(&data, slice_of(f->url), f->backend, refusal_of(r, FRONTEND, f->url));
	}
	for (size_t i = 0; i < rules_refusals(r); i++) {
		if (is_kind(rules_refusal_at(r, i), FRONTEND, &name))
			add_frontend(&data, name, "", rules_refusal_at(r, i));
	}
	buf_addc(&data, ']');
	api_reply_message(c, 200, "OK", buf_slice(&data));
}

void
api_frontend(struct api_call *c)
{
	const struct rules_frontend *f = rules_frontend_find(c->master->rules, c->param[0]);
	struct buf data BUF_CLEAN = { 0 };

	if (!f) {
		api_reply_message(c, 404, absent, SLICE(""));
		return;
	}
	buf_add_json(&data, slice_of(f->backend));
	api_reply_message(c, 200, "OK", buf_slice(&data));
}

/* "servers" and "config", without braces. `b` may be NULL. */
static void
add_content(struct buf *out, const struct rules_backend *b)
{
	buf_adds(out, SLICE("\"servers\":["));
	for (size_t i = 0; b && i < b->servers_count; i++) {
		add_comma(out);
		buf_add_json(out, slice_of(b->servers[i].text));
	}
	buf_adds(out, SLICE("],\"config\":{"));
	for (size_t i = 0; b && i < b->config_count; i++) {
		add_comma(out);
		buf_add_json(out, slice_of(b->config[2 * i] + 1));
		buf_addc(out, ':');
		buf_add_json(out, slice_of(b->config[2 * i + 1]));
	}
	buf_addc(out, '}');
}

static void
add_backend(struct buf *out, struct slice name, const struct rules_backend *b,
	    const struct rules_refusal *f)
{
	add_comma(out);
	buf_adds(out, SLICE("{\"name\":"));
	buf_add_json(out, name);
	buf_addc(out, ',');
	add_content(out, b);
	add_refused(out, f);
	buf_addc(out, '}');
}

void
api_backends(struct api_call *c)
{
	const struct rules *r = c->master->rules;
	struct buf data BUF_CLEAN = { 0 };
	struct slice name;

	buf_addc(&data, '[');
	for (size_t i = 0; i < rules_backends(r); i++) {
		const struct rules_backend *b = rules_backend_at(r, i);

		add_backend(&data, slice_of(b->name), b, refusal_of(r, BACKEND, b->name));
	}
	for (size_t i = 0; i < rules_refusals(r); i++) {
		if (is_kind(rules_refusal_at(r, i), BACKEND, &name))
			add_backend(&data, name, NULL, rules_refusal_at(r, i));
	}
	buf_addc(&data, ']');
	api_reply_message(c, 200, "OK", buf_slice(&data));
}

void
api_backend(struct api_call *c)
{
	const struct rules_backend *b = rules_backend_find(c->master->rules, c->param[0]);
	struct buf data BUF_CLEAN = { 0 };

	if (!b) {
		api_reply_message(c, 404, absent, SLICE(""));
		return;
	}
	buf_addc(&data, '{');
	add_content(&data, b);
	add_refused(&data, refusal_of(c->master->rules, BACKEND, b->name));
	buf_addc(&data, '}');
	api_reply_message(c, 200, "OK", buf_slice(&data));
}

void
api_setting(struct api_call *c)
{
	const struct rules_backend *b = rules_backend_find(c->master->rules, c->param[0]);
	struct buf data BUF_CLEAN = { 0 };

	for (size_t i = 0; b && i < b->config_count && data.n == 0; i++) {
		if (slice_eq(slice_of(b->config[2 * i] + 1), c->param[1]))
			buf_add_json(&data, slice_of(b->config[2 * i + 1]));
	}
	if (data.n == 0)
		api_reply_message(c, 404, absent, SLICE(""));
	else
		api_reply_message(c, 200, "OK", buf_slice(&data));
}

/* ---- writing ---- */

static struct slice
key(struct change *change, struct api_call *c, struct slice kind)
{
	return change_key(change, kind, c->param[0]);
}

/* "_limit" of "limit": in the hash of a backend. */
static struct slice
setting_field(struct change *change, struct api_call *c)
{
	return change_key(change, SLICE("_"), c->param[1]);
}

void
api_frontend_set(struct api_call *c)
{
	struct change *change = api_new_change(c);

	change_set(change, key(change, c, FRONTEND), c->param[1]);
	api_change(c, change);
}

void
api_frontend_delete(struct api_call *c)
{
	struct change *change = api_new_change(c);

	change_delete(change, key(change, c, FRONTEND));
	api_change(c, change);
}

void
api_backend_delete(struct api_call *c)
{
	struct change *change = api_new_change(c);

	change_delete(change, key(change, c, BACKEND));
	api_change(c, change);
}

void
api_server_add(struct api_call *c)
{
	struct change *change = api_new_change(c);

	change_set_field(change, key(change, c, BACKEND), c->param[1], SLICE("0"));
	api_change(c, change);
}

void
api_server_only(struct api_call *c)
{
	struct change *change = api_new_change(c);

	change_delete(change, key(change, c, BACKEND));
	change_set_field(change, key(change, c, BACKEND), c->param[1], SLICE("0"));
	api_change(c, change);
}

void
api_server_delete(struct api_call *c)
{
	struct change *change = api_new_change(c);

	change_delete_field(change, key(change, c, BACKEND), c->param[1]);
	api_change(c, change);
}

void
api_score_set(struct api_call *c)
{
	struct change *change = api_new_change(c);

	change_set_field(change, key(change, c, BACKEND), c->param[1], c->param[2]);
	api_change(c, change);
}

void
api_setting_set(struct api_call *c)
{
	struct change *change = api_new_change(c);

	change_set_field(change, key(change, c, BACKEND), setting_field(change, c), c->param[2]);
	api_change(c, change);
}

void
api_setting_delete(struct api_call *c)
{
	struct change *change = api_new_change(c);

	change_delete_field(change, key(change, c, BACKEND), setting_field(change, c));
	api_change(c, change);
}

void
api_flush(struct api_call *c)
{
	const struct rules *r = c->master->rules;
	struct change *change = api_new_change(c);
	struct buf name BUF_CLEAN = { 0 };

	for (size_t i = 0; i < rules_keys(r); i++) {
		if (rules_key_at(r, i, &name) && (slice_starts(buf_slice(&name), FRONTEND) ||
						  slice_starts(buf_slice(&name), BACKEND)))
			change_delete(change, buf_slice(&name));
	}
	api_change(c, change);
}

/* ---- the whole ---- */

void
api_test(struct api_call *c)
{
	api_reply(c, 200, SLICE(""), NULL);
}

static void
on_probed(void *userdata, const struct store_outcome *o)
{
	struct buf reason BUF_CLEAN = { 0 };

	buf_adds(&reason, o->status == 200 ? SLICE("OK") : o->reason);
	buf_addc(&reason, '\0');
	api_reply_message(userdata, o->status, reason.p, SLICE(""));
}

void
api_health(struct api_call *c)
{
	store_probe(c->master, on_probed, c);
}
