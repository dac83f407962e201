/*
 * A file of rules, in YAML or JSON, as JSON. Knows what a text is and what a number, and nothing of
 * rules.
 */

#include "apply.h"

#include "document.h"

#include "lib/json.h"

#include <errno.h>

#define NUMBER_MAX 64 /* bytes of a scalar that JSON may take for something else than a text */

struct writer {
	struct buf *out, *report;
	bool texts; /* all scalars are texts, as in Redis */
	bool failed;
};

static void
mistake(struct writer *w, const struct node *n, const char *what)
{
	w->failed = true;
	buf_addf(w->report, "%d: %s\n", n->line, what);
}

/* A scalar without quotes is what JSON takes it for: a number, true, false or null; else a text. */
static void
write_scalar(struct writer *w, const struct node *n)
{
	struct json *v = NULL;

	if (!w->texts && node_is_null(n))
		buf_adds(w->out, SLICE("null"));
	else if (!w->texts && n->plain && json_parse(n->text, NUMBER_MAX, 0, &v) == 0)
		buf_adds(w->out, n->text);
	else
		buf_add_json(w->out, n->text);
	json_free(v);
}

static void write_node(struct writer *w, const struct node *n);

/* A name that stands twice is two things to two readers. */
static void
write_mapping(struct writer *w, const struct node *n)
{
	struct map seen = MAP_INIT;

	buf_addc(w->out, '{');
	for (size_t i = 0; i < n->count; i++) {
		const struct node *key = n->pairs[i].key;

		if (key->kind != NODE_SCALAR) {
			mistake(w, key, "a name is a text; write one in the place of this");
			continue;
		}
		if (map_get(&seen, key->text))
			mistake(w, key, "the name stands twice; remove one of the two");
		*map_put(&seen, key->text) = w;
		buf_adds(w->out, i ? SLICE(",") : SLICE(""));
		buf_add_json(w->out, key->text);
		buf_addc(w->out, ':');
		write_node(w, n->pairs[i].value);
	}
	buf_addc(w->out, '}');
	map_deinit(&seen, NULL);
}

static void
write_node(struct writer *w, const struct node *n)
{
	switch (n->kind) {
	case NODE_SCALAR:
		write_scalar(w, n);
		break;
	case NODE_MAPPING:
		write_mapping(w, n);
		break;
	case NODE_LIST:
		buf_addc(w->out, '[');
		for (size_t i = 0; i < n->count; i++) {
			buf_adds(w->out, i ? SLICE(",") : SLICE(""));
			write_node(w, n->items[i]);
		}
		buf_addc(w->out, ']');
		break;
	}
}

static void
write_root(struct writer *w, const struct node *root)
{
	struct map seen = MAP_INIT;

	buf_addc(w->out, '{');
	for (size_t i = 0; i < root->count; i++) {
		const struct node *key = root->pairs[i].key;

		if (key->kind != NODE_SCALAR || map_get(&seen, key->text)) {
			mistake(w, key, "a name is a text and stands once; remove this one");
			continue;
		}
		*map_put(&seen, key->text) = w;
		w->texts = slice_eq(key->text, SLICE("frontends")) ||
			   slice_eq(key->text, SLICE("backends"));
		buf_adds(w->out, i ? SLICE(",") : SLICE(""));
		buf_add_json(w->out, key->text);
		buf_addc(w->out, ':');
		write_node(w, root->pairs[i].value);
	}
	buf_addc(w->out, '}');
	map_deinit(&seen, NULL);
}

/* JSON is YAML, but for characters that it writes as two escapes (\ud83d\ude00), as many of its
 * writers do. */
static int
parse(struct document *d, struct slice text, struct document_error *error)
{
	struct document json;

	if (document_parse(d, text, error) == 0)
		return 0;
	if (document_json(&json, text, SIZE_MAX, DOCUMENT_DEPTH) < 0) {
		document_deinit(&json);
		return -EBADMSG;
	}
	document_deinit(d);
	*d = json;
	return 0;
}

int
apply_file(struct slice text, struct buf *out, struct buf *report)
{
	struct writer w = { .out = out, .report = report };
	struct document_error error;
	struct document d;

	if (parse(&d, text, &error) < 0) {
		buf_addf(report, "%d: %s\n", error.line, error.text);
		w.failed = true;
	} else if (!d.root || d.root->kind != NODE_MAPPING) {
		buf_adds(report, SLICE("1: there are no rules in it; write a mapping with routes, "
				       "upstreams, policies, api_keys, frontends or "
				       "backends\n"));
		w.failed = true;
	} else {
		write_root(&w, d.root);
	}
	document_deinit(&d);
	return w.failed ? -EBADMSG : 0;
}
