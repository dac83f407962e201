#include "schema.h"

#include "config_rule.h"
#include "settings.h"

#include <string.h>

struct writer {
	struct buf *out;
	bool rule; /* of a store: it names no files */
};

static void write_setting(const struct writer *w, const struct setting *s);

/* Was this key of the section written for an earlier row? */
static bool
is_repeated(const struct setting *s, struct slice prefix, struct slice name)
{
	for (const struct setting *t = settings; t < s; t++) {
		if (slice_eq(setting_part(t, prefix), name))
			return true;
	}
	return false;
}

static bool
is_left_out(const struct writer *w, const struct setting *s)
{
	return w->rule && (setting_of_file(s) || strcmp(s->path, "routes[].name") == 0);
}

/* The keys below the prefix, a section by its own keys; `first`: nothing stands before them. */
static void
write_keys(const struct writer *w, struct slice prefix, bool first)
{
	for (const struct setting *s = settings; s < settings + settings_count; s++) {
		struct slice name = setting_part(s, prefix);
		struct buf BUF_CLEAN path = { 0 };
		const struct setting *own;

		if (name.n == 0 || is_repeated(s, prefix, name))
			continue;
		buf_addf(&path, "%.*s%s%.*s", SLICE_F(prefix), prefix.n ? "." : "", SLICE_F(name));
		own = setting_find(buf_slice(&path));
		if (own && is_left_out(w, own))
			continue;
		buf_addf(w->out, "%s\n\"%.*s\":{", first ? "" : ",", SLICE_F(name));
		first = false;
		if (own) {
			write_setting(w, own);
		} else {
			buf_adds(w->out, SLICE("\"type\":[\"object\",\"null\"],"
					       "\"additionalProperties\":false,\"properties\":{"));
			write_keys(w, buf_slice(&path), true);
			buf_addc(w->out, '}');
		}
		buf_addc(w->out, '}');
	}
}

/* ---- children ---- */

static void
write_required(const struct writer *w, struct slice prefix)
{
	const struct setting *s = NULL;
	bool first = true;

	while ((s = setting_next(prefix, s))) {
		if (!s->required)
			continue;
		buf_addf(w->out, "%s\"%s\"", first ? ",\"required\":[" : ",",
			 s->path + prefix.n + 1);
		first = false;
	}
	buf_adds(w->out, first ? SLICE("") : SLICE("]"));
}

/* The mapping that a child is. `more`: a key that is no setting, or "". */
static void
write_mapping(const struct writer *w, struct slice prefix, struct slice more)
{
	buf_adds(w->out, SLICE("\"type\":\"object\",\"additionalProperties\":false,"
			       "\"properties\":{"));
	buf_adds(w->out, more);
	write_keys(w, prefix, more.n == 0);
	buf_addc(w->out, '}');
	write_required(w, prefix);
}

static struct slice
prefix_of(const struct setting *s, struct buf *space)
{
	buf_addf(space, "%s%s", s->path, s->type == SETTING_MAP ? ".*" : "[]");
	return buf_slice(space);
}

static void
write_child(const struct writer *w, const struct setting *s, struct slice prefix)
{
	const struct setting *alone =
	    s->children->alone ? setting_find(slice_of(s->children->alone)) : NULL;

	if (!alone || is_left_out(w, alone)) {
		write_mapping(w, prefix, SLICE(""));
		return;
	}
	buf_adds(w->out, SLICE("\"anyOf\":[{"));
	schema_value(alone, w->out);
	buf_adds(w->out, SLICE("},{"));
	write_mapping(w, prefix, SLICE(""));
	buf_adds(w->out, SLICE("}]"));
}

/* The names that children may have: those of the row that is the name itself. */
static void
write_names(const struct writer *w, struct slice prefix)
{
	const struct setting *name = setting_find(prefix);

	buf_adds(w->out, SLICE("\"propertyNames\":{"));
	if (name->type == SETTING_INT) /* of a key JSON makes a text */
		buf_adds(w->out, SLICE("\"pattern\":\"^[0-9]+$\""));
	else
		schema_value(name, w->out);
	buf_adds(w->out, SLICE("},"));
}

static void
write_setting(const struct writer *w, const struct setting *s)
{
	struct buf BUF_CLEAN space = { 0 };
	bool map = s->type == SETTING_MAP;
	struct slice prefix;

	/* that of a whole child may name files */
	schema_notes(s, !w->rule || !s->children, w->out);
	if (!s->children) {
		schema_value(s, w->out);
		return;
	}
	prefix = prefix_of(s, &space);
	buf_addf(w->out, "\"type\":[\"%s\",\"null\"],", map ? "object" : "array");
	if (map)
		write_names(w, prefix);
	buf_adds(w->out, map ? SLICE("\"additionalProperties\":{") : SLICE("\"items\":{"));
	write_child(w, s, prefix);
	buf_addc(w->out, '}');
}

/* ---- documents ---- */

static void
begin(const char *title, struct buf *out)
{
	buf_addf(out,
		 "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\n\"title\":\"%s\","
		 "\n\"$comment\":\"of yett %s\",\n\"$defs\":{",
		 title, YETT_VERSION);
	schema_defs(out);
}

void
schema_config(struct buf *out)
{
	struct writer w = { .out = out };

	begin("The configuration of Yett", out);
	buf_adds(out, SLICE("},\n\"type\":[\"object\",\"null\"],\"additionalProperties\":false,"
			    "\"properties\":{"));
	write_keys(&w, SLICE(""), true);
	buf_adds(out, SLICE("}}\n"));
}

static const struct family {
	const char *setting, *name; /* name: of one of them, in $defs */
} families[] = {
	{ "routes", "route" },
	{ "upstreams", "upstream" },
	{ "policies", "policy" },
	{ "api_keys", "api_key" },
};

#define FAMILIES (sizeof families / sizeof families[0])

void
schema_rules(struct buf *out)
{
	struct writer w = { .out = out, .rule = true };

	begin("Rules of Yett", out);
	for (size_t i = 0; i < FAMILIES; i++) {
		struct buf BUF_CLEAN space = { 0 }, format = { 0 };

		buf_addf(&format,
			 "\n\"format\":{\"description\":\"The form of rules that it is written "
			 "by.\",\"type\":\"integer\",\"minimum\":0,\"maximum\":%d}",
			 RULE_FORMAT);
		buf_addf(out, ",\n\"%s\":{", families[i].name);
		write_mapping(&w, prefix_of(setting_find(slice_of(families[i].setting)), &space),
			      buf_slice(&format));
		buf_addc(out, '}');
	}
	buf_adds(out, SLICE("},\n\"type\":\"object\",\"minProperties\":1,"
			    "\"additionalProperties\":false,\"properties\":{"));
	for (size_t i = 0; i < FAMILIES; i++)
		buf_addf(out,
			 "\n\"%s\":{\"type\":\"object\",\"propertyNames\":{\"minLength\":1,"
			 "\"maxLength\":%d},\"additionalProperties\":{\"$ref\":\"#/$defs/%s\"}},",
			 families[i].setting, RULE_NAME_MAX, families[i].name);
	buf_adds(out, SLICE("\n\"frontends\":{\"description\":\"As redx has them: of a host and "
			    "path the backend.\",\"type\":\"object\",\"additionalProperties\":"
			    "{\"type\":[\"string\",\"number\",\"boolean\"]}},"
			    "\n\"backends\":{\"description\":\"As redx has them: the servers of a "
			    "backend with their scores, and its settings (_max_score).\","
			    "\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\","
			    "\"minProperties\":1,\"additionalProperties\":{\"type\":[\"string\","
			    "\"number\",\"boolean\"]}}}}}\n"));
}
