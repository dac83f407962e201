/*
 * config_defaults: what stands where the file says nothing: a profile's value, an environment
 * variable, the table's default, or the value of another setting. Defaults are text of the same
 * form as the file's and go through the same reader.
 */

#include "config_read.h"

#include "redx_names.h"

#include <assert.h>
#include <stdlib.h>

void
config_read_profile(struct config_reader *r)
{
	const struct setting *s = setting_find(SLICE("compatibility"));
	const struct node *n = node_get(r->root, slice_of(s->path));
	struct buf BUF_CLEAN why = { 0 };

	r->c->profile = PROFILE_NONE;
	if (n && n->kind == NODE_SCALAR && !value_parse(&r->env, s, n->text, r->c, &why))
		r->c->profile = PROFILE_NONE; /* it is told when its turn comes */
}

static void
read_default(struct config_reader *r, const struct setting *s, const char *text, void *base)
{
	struct node scalar = { .kind = NODE_SCALAR, .text = slice_of(text) };
	struct document_error error;
	struct document d;
	int bad;

	if (!*r->origin && (strcmp(text, "[]") == 0 || strcmp(text, "{}") == 0))
		return; /* as all is that nothing was written to */
	if (*text != '[' && *text != '{') {
		config_read_value(r, s, &scalar, base);
		return;
	}
	bad = document_parse(&d, slice_of(text), &error);
	assert(bad == 0);
	config_read_value(r, s, d.root, base);
	document_deinit(&d);
}

/* systemd gives several folders with colons between; the first one is meant. */
static bool
read_environment(struct config_reader *r, const struct setting *s, void *base)
{
	const char *text = s->env ? getenv(s->env) : NULL;
	struct buf BUF_CLEAN origin = { 0 };
	struct slice rest, first = slice_cut(slice_of(text), ':', &rest);
	struct node n = { .kind = NODE_SCALAR, .text = first };

	if (first.n == 0)
		return false;
	buf_addf(&origin, "env %s", s->env);
	buf_addc(&origin, '\0');
	r->origin = origin.p;
	config_read_value(r, s, &n, base);
	return true;
}

void
config_defaults(struct config_reader *r, const char *prefix, const struct node *given, void *base)
{
	struct buf BUF_CLEAN profile = { 0 };
	const struct setting *s = NULL;
	const char *origin = r->origin;
	size_t mark = r->key.n;

	buf_addf(&profile, "profile %s", setting_profile_name(r->c->profile));
	buf_addc(&profile, '\0');
	while ((s = setting_next(slice_of(prefix), s))) {
		const struct node *own = *prefix ? NULL : node_at(given, slice_of(s->path));
		const char *initial = setting_initial(s, r->c->profile);

		if ((own && !node_is_null(own)) || (!*prefix && redx_names_gave(r, s)))
			continue;
		if (s->late)
			value_unset(s, base);
		else if (s->inherit)
			value_copy(s, base, setting_find(slice_of(s->inherit)), r->c);
		if (!*prefix)
			buf_addf(&r->key, "%s", s->path);
		if (!read_environment(r, s, base) && initial) {
			r->origin =
			    !*prefix && setting_in_profile(s, r->c->profile) ? profile.p : "";
			read_default(r, s, initial, base);
		}
		r->key.n = mark;
		r->origin = origin;
	}
}
