#include "config_read.h"

#include "authorise.h"
#include "redx_names.h"

#include "lib/json.h"
#include "lib/map.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define OBJECT_DEPTH 8u

static void read_mapping(struct config_reader *r, const struct node *n, void *base);

const char *
config_key(struct config_reader *r)
{
	buf_addc(&r->key, '\0');
	r->key.n--;
	return r->key.p;
}

int
config_line(const struct config_reader *r, const char *path)
{
	const struct node *n = node_at(r->root, slice_of(path));

	return n ? n->line : 0;
}

static const char *
kind_name(enum node_kind kind)
{
	return kind == NODE_SCALAR ? "a single value" : kind == NODE_LIST ? "a list" : "a mapping";
}

static void
wrong_kind(struct config_reader *r, const struct node *n, enum node_kind wanted)
{
	static const char *const remedy[] = {
		[NODE_SCALAR] = "write it behind the colon",
		[NODE_LIST] = "write [a, b], or one element a line behind \"- \"",
		[NODE_MAPPING] = "write its keys below it, indented",
	};

	mistakes_add(&r->mistakes, false, n->line, config_key(r), "%s belongs here, not %s; %s",
		     kind_name(wanted), kind_name(n->kind), remedy[wanted]);
}

static void
remember_origin(struct config_reader *r, int line)
{
	struct buf BUF_CLEAN text = { 0 };

	if (r->rule || (r->origin && !*r->origin))
		return;
	if (r->origin)
		buf_addf(&text, "%s", r->origin);
	else
		mistakes_where(&r->mistakes, r->file, line, &text);
	if (r->origins_count == r->origins_cap) {
		r->origins_cap = r->origins_cap ? 2 * r->origins_cap : 64;
		r->origins = xrealloc(r->origins, r->origins_cap * sizeof *r->origins);
	}
	r->origins[r->origins_count++] = (struct config_origin){
		arena_string(&r->c->arena, buf_slice(&r->key)),
		arena_string(&r->c->arena, buf_slice(&text)),
	};
}

static void
read_scalar(struct config_reader *r, const struct setting *s, const struct node *n, void *base)
{
	struct buf BUF_CLEAN why = { 0 };

	if (n->kind != NODE_SCALAR)
		wrong_kind(r, n, NODE_SCALAR);
	else if (!value_parse(&r->env, s, n->text, base, &why))
		mistakes_add(&r->mistakes, false, n->line, config_key(r), "%.*s", SLICE_F(why));
}

static void
read_items(struct config_reader *r, const struct setting *s, const struct node *n, void *base)
{
	bool alone = n->kind == NODE_SCALAR;
	size_t count = alone ? 1 : n->count;

	if (n->kind == NODE_MAPPING) {
		wrong_kind(r, n, NODE_LIST);
		return;
	}
	value_list(&r->env, s, count, base);
	if (count == 0 && s->min > 0 && s->type == SETTING_FLAGS)
		mistakes_add(&r->mistakes, false, n->line, config_key(r),
			     "the list is empty; name at least one, or remove the key");
	for (size_t i = 0; i < count; i++) {
		const struct node *item = alone ? n : n->items[i];
		struct buf BUF_CLEAN why = { 0 };

		if (item->kind != NODE_SCALAR)
			wrong_kind(r, item, NODE_SCALAR);
		else if (!value_item(&r->env, s, item->text, base, &why))
			mistakes_add(&r->mistakes, false, item->line, config_key(r), "%.*s",
				     SLICE_F(why));
	}
}

static void
unknown_key(struct config_reader *r, struct slice prefix, const struct node *key)
{
	struct buf BUF_CLEAN hint = { 0 };

	if (slice_eq(key->text, SLICE("<<")))
		buf_adds(&hint,
			 SLICE("; merging of mappings is not supported, repeat the keys here"));
	else if (setting_find(buf_slice(&r->pattern)))
		buf_adds(&hint, SLICE("; write each part of the name on a level of its own"));
	else if (prefix.n == 0)
		redx_names_hint(key->text, &hint);
	if (hint.n == 0)
		setting_suggest(prefix, key->text, &hint);
	if (hint.n == 0)
		buf_adds(&hint, SLICE("; remove it, or look in `yett help settings`"));
	mistakes_add(&r->mistakes, false, key->line, config_key(r), "unknown key%.*s",
		     SLICE_F(hint));
}

static void
find_duplicates(struct config_reader *r, const struct node *n)
{
	struct map seen = MAP_INIT;
	size_t mark = r->key.n;

	for (size_t i = 0; i < n->count; i++) {
		const struct node *key = n->pairs[i].key;
		void **place;

		if (key->kind != NODE_SCALAR) {
			mistakes_add(&r->mistakes, false, key->line, config_key(r),
				     "%s cannot be a key; write a name", kind_name(key->kind));
			continue;
		}
		place = map_put(&seen, key->text);
		if (*place) {
			buf_addf(&r->key, "%s%s", mark ? "." : "", key->text.p);
			mistakes_add(&r->mistakes, false, key->line, config_key(r),
				     "this key stands in line %d already; remove one of the two",
				     ((const struct node *)*place)->line);
			r->key.n = mark;
		}
		*place = (void *)(uintptr_t)key;
	}
	map_deinit(&seen, NULL);
}

/* A path takes such a key for two, or for all. */
static bool
is_plain_key(struct slice key)
{
	return key.n > 0 && !memchr(key.p, '.', key.n) && !memchr(key.p, '[', key.n) &&
	       !memchr(key.p, '*', key.n);
}

/* One key of a mapping. Children come in the second pass: they may inherit from what stands below
 * them in the file. */
static void
read_pair(struct config_reader *r, const struct node_pair *pair, struct slice prefix, unsigned pass,
	  void *base)
{
	bool plain = is_plain_key(pair->key->text);
	const struct setting *s = plain ? setting_find(buf_slice(&r->pattern)) : NULL;
	bool children = s && s->children;

	if (prefix.n == 0 && redx_names_has(r, pair->key->text))
		return; /* they were read before */
	if (children != (pass == 1))
		return;
	if (s && r->rule && setting_of_file(s))
		mistakes_add(&r->mistakes, false, pair->key->line, config_key(r),
			     "only the configuration file can name files; set it there");
	else if (s)
		config_read_value(r, s, pair->value, base);
	else if (!plain || !setting_section(buf_slice(&r->pattern)))
		unknown_key(r, prefix, pair->key);
	else if (pair->value->kind == NODE_MAPPING)
		read_mapping(r, pair->value, base);
	else if (!node_is_null(pair->value))
		wrong_kind(r, pair->value, NODE_MAPPING);
}

static void
add_key(struct buf *path, const struct node *key)
{
	if (path->n > 0)
		buf_addc(path, '.');
	buf_adds(path, key->text);
}

static void
read_mapping(struct config_reader *r, const struct node *n, void *base)
{
	size_t key_mark = r->key.n, pattern_mark = r->pattern.n;

	if (!r->rule) /* JSON with a name twice was refused as a whole */
		find_duplicates(r, n);
	for (unsigned pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < n->count; i++) {
			const struct node_pair *pair = &n->pairs[i];

			if (pair->key->kind != NODE_SCALAR)
				continue;
			add_key(&r->key, pair->key);
			add_key(&r->pattern, pair->key);
			read_pair(r, pair, slice_make(r->pattern.p, pattern_mark), pass, base);
			r->key.n = key_mark;
			r->pattern.n = pattern_mark;
		}
	}
}

static void
check_required(struct config_reader *r, const char *prefix, const struct node *n)
{
	struct slice of = slice_of(prefix);
	const struct setting *s = NULL;

	while ((s = setting_next(of, s))) {
		const char *key = s->path + of.n + 1;

		if (s->required && !node_get(n, slice_of(key)))
			mistakes_add(&r->mistakes, false, n->line, config_key(r),
				     "%s is missing; give it", key);
	}
}

/* Is it written in the place of the mapping? Where a secret is comes as a mapping itself. */
static bool
stands_alone(const struct setting *alone, const struct node *n)
{
	if (!alone)
		return false;
	if (n->kind == NODE_MAPPING)
		return alone->type == SETTING_SECRET &&
		       !node_get(n, slice_of(strrchr(alone->path, '.') + 1));
	return n->kind == NODE_SCALAR || value_is_list(alone);
}

void
config_read_given(struct config_reader *r, const struct setting *s, const char *prefix,
		  const struct node *n, void *child)
{
	const struct setting *alone =
	    s->children->alone ? setting_find(slice_of(s->children->alone)) : NULL;

	*(struct config_place *)((char *)child + s->children->place) =
	    (struct config_place){ r->file, r->origin ? 0 : n->line };
	if (stands_alone(alone, n)) {
		buf_addf(&r->key, ".%s", strrchr(alone->path, '.') + 1);
		config_read_value(r, alone, n, child);
	} else if (n->kind == NODE_MAPPING) {
		check_required(r, prefix, n);
		read_mapping(r, n, child);
	} else {
		wrong_kind(r, n, NODE_MAPPING);
	}
}

/* The same as config_read_given, but for the defaults. */
static void
config_read_child(struct config_reader *r, const struct setting *s, const char *prefix,
		  const struct node *n, void *child)
{
	config_defaults(r, prefix, n, child);
	config_read_given(r, s, prefix, n, child);
}

static void
read_children(struct config_reader *r, const struct setting *s, const struct node *n, void *base)
{
	bool map = s->type == SETTING_MAP;
	struct buf BUF_CLEAN prefix = { 0 };
	struct buf pattern = r->pattern;
	size_t key_mark = r->key.n;
	char *child;

	if (n->kind != (map ? NODE_MAPPING : NODE_LIST)) {
		wrong_kind(r, n, map ? NODE_MAPPING : NODE_LIST);
		return;
	}
	if (map)
		find_duplicates(r, n);
	child = arena_calloc(r->env.arena, (n->count + 1) * s->children->size);
	*(void **)((char *)base + s->offset) = child;
	*(size_t *)((char *)base + s->count) = n->count;
	buf_addf(&prefix, "%s%s", s->path, map ? ".*" : "[]");
	buf_addc(&prefix, '\0');
	r->pattern = (struct buf){ 0 };
	for (size_t i = 0; i < n->count; i++, child += s->children->size) {
		if (map && n->pairs[i].key->kind == NODE_SCALAR)
			buf_addf(&r->key, ".%s", n->pairs[i].key->text.p);
		else
			buf_addf(&r->key, "[%zu]", i);
		r->pattern.n = 0;
		buf_addf(&r->pattern, "%s", prefix.p);
		if (map)
			read_scalar(r, setting_find(slice_of(prefix.p)), n->pairs[i].key, child);
		config_read_child(r, s, prefix.p, map ? n->pairs[i].value : n->items[i], child);
		r->key.n = key_mark;
	}
	buf_deinit(&r->pattern);
	r->pattern = pattern;
}

static void
read_object(struct config_reader *r, const struct setting *s, const struct node *n, void *base)
{
	struct buf BUF_CLEAN text = { 0 };
	struct json *v = NULL;

	if (n->kind != NODE_MAPPING && s->type == SETTING_OBJECT) {
		wrong_kind(r, n, NODE_MAPPING);
		return;
	}
	node_json(n, &text);
	if (json_parse(buf_slice(&text), (size_t)s->max, OBJECT_DEPTH, &v) < 0)
		mistakes_add(&r->mistakes, false, n->line, config_key(r),
			     "it names a member twice, or is nested deeper than %u, or has more "
			     "than %lld bytes as JSON; write less",
			     OBJECT_DEPTH, (long long)s->max);
	json_free(v);
	*(const char **)((char *)base + s->offset) = arena_string(r->env.arena, buf_slice(&text));
}

void
config_read_value(struct config_reader *r, const struct setting *s, const struct node *n,
		  void *base)
{
	bool list = value_is_list(s);

	if (node_is_null(n) && s->type != SETTING_JSON) {
		if (!s->children && !list)
			mistakes_add(&r->mistakes, false, n->line, config_key(r),
				     "the value is missing; give one, or remove the key");
		return;
	}
	remember_origin(r, n->line);
	if (s->children)
		read_children(r, s, n, base);
	else if (list)
		read_items(r, s, n, base);
	else if (s->type == SETTING_OBJECT || s->type == SETTING_JSON)
		read_object(r, s, n, base);
	else if (s->type == SETTING_SECRET)
		config_read_secret(r, n, (struct config_secret *)((char *)base + s->offset));
	else if (s->type == SETTING_AUTHORISE)
		authorise_read(r, n, (const struct authorise **)((char *)base + s->offset));
	else
		read_scalar(r, s, n, base);
}

void
config_read(struct config_reader *r)
{
	config_read_profile(r);
	redx_names_read(r);
	config_defaults(r, "", r->root, r->c);
	if (r->root && r->root->kind == NODE_MAPPING)
		read_mapping(r, r->root, r->c);
	else if (r->root && !node_is_null(r->root))
		wrong_kind(r, r->root, NODE_MAPPING);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct config_origin *)a)->path,
		      ((const struct config_origin *)b)->path);
}

void
config_read_origins(struct config_reader *r)
{
	struct config_origin *all =
	    arena_calloc(&r->c->arena, (r->origins_count + 1) * sizeof *all);

	if (r->origins_count > 0) {
		memcpy(all, r->origins, r->origins_count * sizeof *all);
		qsort(all, r->origins_count, sizeof *all, compare);
	}
	r->c->origins = all;
}

void
config_reader_deinit(struct config_reader *r)
{
	mistakes_deinit(&r->mistakes);
	document_deinit(&r->second);
	buf_deinit(&r->key);
	buf_deinit(&r->pattern);
	free(r->origins);
}
