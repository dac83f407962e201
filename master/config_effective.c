/*
 * config_effective: the whole configuration as it is in force, one line a setting, with where each
 * value comes from; and what of it a reload cannot change.
 */

#include "config_read.h"

#include <stdlib.h>

struct dump {
	const struct config *c;
	size_t origins_count;
	bool json, first;
	struct buf *out;
};

static const char *
origin_of(const struct dump *d, const char *path)
{
	size_t low = 0, high = d->origins_count;
	const struct config_origin *all = d->c->origins;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(path, all[middle].path);

		if (order == 0)
			return all[middle].text;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static void
write_line(struct dump *d, const char *path, struct slice value, const char *origin)
{
	if (!d->json) {
		buf_addf(d->out, "%s: %.*s  # %s\n", path, SLICE_F(value), origin);
		return;
	}
	buf_addf(d->out, "%s\n    {\"path\": ", d->first ? "" : ",");
	buf_add_json(d->out, slice_of(path));
	buf_addf(d->out, ", \"value\": %.*s, \"origin\": ", SLICE_F(value));
	buf_add_json(d->out, slice_of(origin));
	buf_addc(d->out, '}');
	d->first = false;
}

/* The upstream of a route that names a target. */
static bool
is_of_target(const struct setting *s, const void *base)
{
	return strcmp(s->path, "routes[].upstream") == 0 &&
	       ((const struct config_route *)base)->target.address.text;
}

static void
dump_value(struct dump *d, const struct setting *s, const char *path, const void *base)
{
	struct buf BUF_CLEAN value = { 0 }, origin = { 0 };
	const char *from = origin_of(d, path);

	if (value_is_unset(s, base))
		value_format(setting_find(slice_of(s->inherit)), d->c, d->json, &value);
	else
		value_format(s, base, d->json, &value);
	if (from)
		buf_addf(&origin, "%s", from);
	else if (is_of_target(s, base))
		buf_addf(&origin, "named after the target");
	else if (s->inherit)
		buf_addf(&origin, "as %s", s->inherit);
	else
		buf_addf(&origin, "default");
	if (s->type == SETTING_SECRET) {
		const struct config_secret *secret =
		    (const struct config_secret *)((const char *)base + s->offset);

		if (secret->bytes)
			buf_addf(&origin, ", %s", secret->origin);
	}
	buf_addc(&origin, '\0');
	write_line(d, path, buf_slice(&value), origin.p);
}

static void dump_struct(struct dump *d, const char *prefix, const char *path, const void *base);

static const char *
child_name(const struct setting *s, const char *prefix, const void *child, struct buf *space)
{
	const struct setting *key = setting_find(slice_of(prefix));

	if (s->type == SETTING_LIST)
		return "";
	if (key->type == SETTING_INT)
		buf_addf(space, ".%u", *(const uint32_t *)((const char *)child + key->offset));
	else
		buf_addf(space, ".%s", *(const char *const *)((const char *)child + key->offset));
	buf_addc(space, '\0');
	return space->p;
}

/* Upstreams that targets made are told by their routes. */
static bool
is_made(const struct setting *s, const void *child)
{
	return strcmp(s->path, "upstreams") == 0 &&
	       strchr(((const struct config_upstream *)child)->name, ':');
}

static void
dump_children(struct dump *d, const struct setting *s, const char *path, const void *base)
{
	const char *child = *(const char *const *)((const char *)base + s->offset);
	size_t count = *(const size_t *)((const char *)base + s->count), shown = 0;
	struct buf BUF_CLEAN prefix = { 0 };
	const char *origin = origin_of(d, path);

	buf_addf(&prefix, "%s%s", s->path, s->type == SETTING_MAP ? ".*" : "[]");
	buf_addc(&prefix, '\0');
	for (size_t i = 0; i < count; i++, child += s->children->size) {
		struct buf BUF_CLEAN name = { 0 }, whole = { 0 };

		if (is_made(s, child))
			continue;
		shown++;
		buf_addf(&whole, "%s%s", path, child_name(s, prefix.p, child, &name));
		if (s->type == SETTING_LIST)
			buf_addf(&whole, "[%zu]", i);
		buf_addc(&whole, '\0');
		dump_struct(d, prefix.p, whole.p, child);
	}
	if (shown == 0)
		write_line(d, path, s->type == SETTING_MAP ? SLICE("{}") : SLICE("[]"),
			   origin ? origin : "default");
}

static void
dump_struct(struct dump *d, const char *prefix, const char *path, const void *base)
{
	const struct setting *s = NULL;

	while ((s = setting_next(slice_of(prefix), s))) {
		struct buf BUF_CLEAN whole = { 0 };

		buf_addf(&whole, "%s%s", path, s->path + strlen(prefix));
		buf_addc(&whole, '\0');
		if (s->children)
			dump_children(d, s, whole.p, base);
		else
			dump_value(d, s, whole.p, base);
	}
}

static struct dump
dump_of(const struct config *c, bool json, struct buf *out)
{
	struct dump d = { .c = c, .json = json, .first = true, .out = out };

	while (c->origins[d.origins_count].path)
		d.origins_count++;
	return d;
}

void
config_effective(const struct config *c, bool json, struct buf *out)
{
	struct dump d = dump_of(c, json, out);

	if (json) {
		buf_adds(out, SLICE("{\n  \"file\": "));
		buf_add_json(out, slice_of(c->file));
		buf_adds(out, SLICE(",\n  \"settings\": ["));
	}
	dump_struct(&d, "", "", c);
	if (json)
		buf_adds(out, SLICE("\n  ]\n}\n"));
}

/* A child: the value that may stand alone for it, and what differs from the defaults. */
static void
write_child(const struct setting *list, const void *child, struct buf *out)
{
	struct buf BUF_CLEAN prefix = { 0 };
	const struct setting *s = NULL, *alone = setting_find(slice_of(list->children->alone));

	buf_addf(&prefix, "%s[]", list->path);
	value_format(alone, child, false, out);
	while ((s = setting_next(buf_slice(&prefix), s))) {
		struct buf BUF_CLEAN value = { 0 };

		if (s == alone)
			continue;
		value_format(s, child, false, &value);
		/* "none" is how one is written that is not set */
		if (!slice_eq(buf_slice(&value), slice_of(s->initial ? s->initial : "none")))
			buf_addf(out, " with %s: %.*s", s->path + prefix.n + 1, SLICE_F(value));
	}
}

/* One setting with all its children as text, for comparing. */
static void
write_setting(const struct config *c, const struct setting *s, struct buf *out)
{
	const char *child;
	size_t count;

	if (!s->children) {
		value_format(s, c, false, out);
		return;
	}
	child = *(const char *const *)((const char *)c + s->offset);
	count = *(const size_t *)((const char *)c + s->count);
	buf_addc(out, '[');
	for (size_t i = 0; i < count; i++, child += s->children->size) {
		buf_addf(out, "%s", i > 0 ? ", " : "");
		write_child(s, child, out);
	}
	buf_addc(out, ']');
}

int
config_restart_needed(const struct config *now, const struct config *next, struct buf *report)
{
	const struct setting *s = NULL;
	int n = 0;

	while ((s = setting_next(slice_of(""), s))) {
		struct buf BUF_CLEAN a = { 0 }, b = { 0 };

		if (!s->restart)
			continue;
		write_setting(now, s, &a);
		write_setting(next, s, &b);
		if (slice_eq(buf_slice(&a), buf_slice(&b)))
			continue;
		buf_addf(report,
			 "%s: %.*s in the file, but %.*s is in force; restart the gateway to "
			 "change it\n",
			 s->path, SLICE_F(b), SLICE_F(a));
		n++;
	}
	return n;
}
