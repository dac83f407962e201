/*
 * renku_sources: Renku's configuration is what its file says, over that what secret_config.yaml
 * says, over both what the environment says. A list replaces another one whole. Nodes of the other
 * two tell by their line which place they are of (mistakes.h).
 */

#include "renku_own.h"

#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define SECRETS "secret_config.yaml"
#define SECRETS_MAX ((size_t)1 << 20)
#define PREFIX SLICE("GATEWAY_")

static const char *const sections[] = {
	"runningEnvironment", "debugMode", "server", "sessions", "redirects",
	"revproxy",           "login",     "redis",  "posthog",  "monitoring"
};

/* ---- one over another ---- */

static struct node_pair *
find_pair(const struct node *n, struct slice key)
{
	for (size_t i = 0; n && i < n->count; i++) {
		if (n->pairs[i].key->kind == NODE_SCALAR && slice_ieq(n->pairs[i].key->text, key))
			return &n->pairs[i];
	}
	return NULL;
}

/* A new mapping of both, in which `over` wins. */
static struct node *
join(struct arena *a, const struct node *n, const struct node *over)
{
	struct node *out = node_new(a, NODE_MAPPING, n->line, n->count + over->count);

	memcpy(out->pairs, n->pairs, n->count * sizeof *n->pairs);
	out->count = n->count;
	for (size_t i = 0; i < over->count; i++) {
		const struct node_pair *from = &over->pairs[i];
		struct node_pair *to =
		    from->key->kind == NODE_SCALAR ? find_pair(out, from->key->text) : NULL;

		if (node_is_null(from->value))
			continue;
		if (!to)
			out->pairs[out->count++] = *from;
		else if (to->value->kind == NODE_MAPPING && from->value->kind == NODE_MAPPING)
			to->value = join(a, to->value, from->value);
		else
			to->value = from->value;
	}
	return out;
}

/* ---- the file with secrets ---- */

/* Its lines are those of the second place. */
static void
mark(struct document *d, int place)
{
	for (size_t i = 0; i < d->nodes_count; i++)
		d->nodes[i].line += place * MISTAKES_LINES;
}

/* Beside the file first, then where Renku's gateway looks. */
static bool
find_secrets(const struct config_reader *r, struct buf *path)
{
	const char *folders[] = { r->env.folder, getenv("CONFIG_LOCATION"), "/etc/gateway", "." };

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		path->n = 0;
		if (!folders[i] || !*folders[i])
			continue;
		buf_addf(path, "%s/" SECRETS, folders[i]);
		buf_addc(path, '\0');
		if (access(path->p, F_OK) == 0)
			return true;
	}
	return false;
}

static const struct node *
with_secrets(struct config_reader *r, const struct node *root)
{
	struct buf BUF_CLEAN path = { 0 };
	struct buf FILE_SECRET text = { 0 };
	struct document_error error;
	struct stat st = { 0 };
	int e;

	if (!find_secrets(r, &path))
		return root;
	e = file_read(path.p, SECRETS_MAX, &text, &st);
	if (e < 0) {
		mistakes_add(&r->mistakes, false, 0, "", "%s cannot be read: %s", path.p,
			     file_error(e));
		return root;
	}
	r->second_mode = st.st_mode;
	r->mistakes.places[1] = arena_string(r->env.arena, slice_of(path.p));
	if (document_parse(&r->second, buf_slice(&text), &error) < 0) {
		mistakes_add(&r->mistakes, false, error.line + MISTAKES_LINES, "", "%s",
			     error.text);
		return root;
	}
	mark(&r->second, 1);
	if (r->second.root && r->second.root->kind == NODE_MAPPING)
		return join(r->env.arena, root, r->second.root);
	if (r->second.root && !node_is_null(r->second.root))
		mistakes_add(&r->mistakes, false, r->second.root->line, "",
			     "a mapping belongs here, as in config.yaml; write its keys");
	return root;
}

/* ---- the environment ---- */

/* GATEWAY_SERVICE_HOST and the like are Kubernetes' own. */
static bool
is_section(struct slice name)
{
	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
		if (slice_ieq(slice_of(sections[i]), name))
			return true;
	}
	return false;
}

/* LOGIN_TOKENENCRYPTION_SECRETKEY=x as {login: {tokenencryption: {secretkey: x}}}. The value stays
 * where it is. */
static struct node *
nest(struct arena *a, struct slice name, const char *value, int line)
{
	struct slice rest, first = slice_cut(name, '_', &rest);
	struct node *out = node_new(a, NODE_MAPPING, line, 1), *key;
	struct node *leaf = node_new(a, NODE_SCALAR, line, 0);

	leaf->text = slice_of(value);
	key = node_scalar(a, first, line);
	for (size_t i = 0; i < first.n; i++)
		((char *)(uintptr_t)key->text.p)[i] = ascii_lower(key->text.p[i]);
	out->pairs[out->count++] =
	    (struct node_pair){ key, rest.p ? nest(a, rest, value, line) : leaf };
	return out;
}

static const struct node *
with_environment(struct config_reader *r, const struct node *root)
{
	int place = 2;

	for (char **e = environ; *e; e++) {
		struct slice value, rest, name = slice_cut(slice_of(*e), '=', &value);
		struct slice path = slice_make(name.p + PREFIX.n, name.n - PREFIX.n);

		if (!slice_starts(name, PREFIX) || !value.p || !*value.p ||
		    !is_section(slice_cut(path, '_', &rest)))
			continue;
		if (place == MISTAKES_PLACES) {
			mistakes_add(&r->mistakes, false, 0, "",
				     "there are more than %d variables GATEWAY_*; write some of "
				     "them into the file",
				     MISTAKES_PLACES - 2);
			break;
		}
		r->mistakes.places[place] = arena_string(r->env.arena, name);
		root = join(r->env.arena, root,
			    nest(r->env.arena, path, value.p, place * MISTAKES_LINES));
		place++;
	}
	return root;
}

const char *
renku_variable(const struct config_reader *r, const struct node *n)
{
	int place = n->line / MISTAKES_LINES;

	return place > 1 ? r->mistakes.places[place] : NULL;
}

const struct node *
renku_sources(struct config_reader *r, const struct node *root)
{
	return with_environment(r, with_secrets(r, root));
}
