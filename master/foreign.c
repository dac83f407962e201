#include "foreign.h"

#include "node.h"

static bool
is_known(const struct setting_word *known, struct slice key)
{
	for (; known->word; known++) {
		if (slice_ieq(slice_of(known->word), key))
			return true;
	}
	return false;
}

bool
foreign_keys(struct config_reader *r, const struct node *n, const char *whose, const char *where,
	     const struct setting_word *known)
{
	if (n->kind != NODE_MAPPING) {
		mistakes_add(&r->mistakes, false, n->line, where,
			     "a mapping belongs here; write its keys below it, indented");
		return false;
	}
	for (size_t i = 0; i < n->count; i++) {
		const struct node *key = n->pairs[i].key;
		struct buf BUF_CLEAN hint = { 0 };

		if (key->kind == NODE_SCALAR && is_known(known, key->text)) {
			for (size_t k = 0; k < i; k++) {
				if (n->pairs[k].key->kind == NODE_SCALAR &&
				    slice_ieq(n->pairs[k].key->text, key->text))
					mistakes_add(&r->mistakes, false, key->line, where,
						     "%s stands in line %d already; remove one of "
						     "the two",
						     key->text.p, n->pairs[k].key->line);
			}
			continue;
		}
		if (key->kind == NODE_SCALAR)
			setting_suggest_word(known, key->text, &hint);
		mistakes_add(&r->mistakes, false, key->line, where, "%s has no key %s here%.*s",
			     whose, key->kind == NODE_SCALAR ? key->text.p : "of this form",
			     SLICE_F(hint.n ? buf_slice(&hint) : SLICE("; remove it")));
	}
	return true;
}

const struct node *
foreign_get(const struct node *n, const char *key)
{
	for (size_t i = 0; n && n->kind == NODE_MAPPING && i < n->count; i++) {
		const struct node *k = n->pairs[i].key;

		if (k->kind == NODE_SCALAR && slice_ieq(k->text, slice_of(key)))
			return node_is_null(n->pairs[i].value) ? NULL : n->pairs[i].value;
	}
	return NULL;
}

const struct node *
foreign_at(const struct node *n, const char *path)
{
	struct slice rest = slice_of(path);

	while (n && rest.n > 0) {
		struct slice part = slice_cut(rest, '.', &rest);
		char key[64] = { 0 };

		memcpy(key, part.p, part.n < sizeof key ? part.n : sizeof key - 1);
		n = foreign_get(n, key);
	}
	return n;
}

void
foreign_put(struct config_reader *r, struct node *mapping, const char *key, struct slice text,
	    int line)
{
	node_put(r->env.arena, mapping, key, node_scalar(r->env.arena, text, line));
}
