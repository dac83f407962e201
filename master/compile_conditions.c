#include "compile_conditions.h"

#include "lib/tls_peer.h"
#include "lib/xalloc.h"

#include <stdlib.h>

uint32_t
compile_conditions_count(const struct config_route *r)
{
	return (uint32_t)(r->headers_count + r->query_count + r->certificate_count) +
	       (r->methods != 0) + (r->path_regex != NULL);
}

/* A HEAD may be asked wherever a GET may (RFC 9110 section 9.3.2). */
uint32_t
compile_conditions_methods(const struct config_route *r)
{
	return r->methods | (r->methods & 1u << METHOD_GET ? 1u << METHOD_HEAD : 0);
}

static const char *
name_of(const struct config_condition *c, uint32_t kind)
{
#define NAME(name, fact) [fact] = name,
	static const char *const facts[] = { TLS_FACT_NAMES(NAME) };
#undef NAME

	return kind == CONDITION_CERTIFICATE ? facts[c->fact] : c->name;
}

static struct table_condition
condition_of(const struct config_condition *from, uint32_t kind, const char **value)
{
	struct table_condition c = { .kind = kind, .how = CONDITION_PRESENT, .fact = from->fact };

	c.negated = from->negated;
	*value = "";
	if (from->value) {
		c.how = CONDITION_EQUAL;
		*value = from->value;
	} else if (from->prefix) {
		c.how = CONDITION_PREFIX;
		*value = from->prefix;
	} else if (from->regex) {
		c.how = CONDITION_REGEX;
		*value = from->regex;
	} else {
		c.negated = from->negated == from->present;
	}
	return c;
}

static void
add_all(struct table_builder *b, const struct config_condition *all, size_t count, uint32_t kind)
{
	for (size_t i = 0; i < count; i++) {
		const char *value;
		struct table_condition c = condition_of(&all[i], kind, &value);

		c.name = seg_builder_string(&b->seg, slice_of(name_of(&all[i], kind)));
		c.value = seg_builder_string(&b->seg, slice_of(value));
		seg_builder_add(&b->seg, RULES_CONDITIONS, &c, sizeof c);
	}
}

/* The cheapest first. */
uint32_t
compile_conditions(struct table_builder *b, const struct config_route *r)
{
	uint32_t first = seg_builder_count(&b->seg, RULES_CONDITIONS);
	struct table_condition c = { .kind = CONDITION_METHODS,
				     .methods = compile_conditions_methods(r) };

	if (r->methods)
		seg_builder_add(&b->seg, RULES_CONDITIONS, &c, sizeof c);
	add_all(b, r->headers, r->headers_count, CONDITION_HEADER);
	add_all(b, r->certificate, r->certificate_count, CONDITION_CERTIFICATE);
	add_all(b, r->query, r->query_count, CONDITION_QUERY);
	if (r->path_regex) {
		c = (struct table_condition){ .kind = CONDITION_PATH, .how = CONDITION_REGEX };
		c.value = seg_builder_string(&b->seg, slice_of(r->path_regex));
		seg_builder_add(&b->seg, RULES_CONDITIONS, &c, sizeof c);
	}
	return first;
}

static void
text_all(const struct config_condition *all, size_t count, uint32_t kind, struct buf *out)
{
	static const char *const signs[] = {
		[CONDITION_PRESENT] = "",
		[CONDITION_EQUAL] = " = ",
		[CONDITION_PREFIX] = " ^= ",
		[CONDITION_REGEX] = " ~ ",
	};

	for (size_t i = 0; i < count; i++) {
		const char *value;
		struct table_condition c = condition_of(&all[i], kind, &value);

		buf_addf(out, "%s%s%s%s%s%s", out->n ? "; " : "", c.negated ? "not " : "",
			 kind == CONDITION_QUERY         ? "?"
			 : kind == CONDITION_CERTIFICATE ? "certificate "
							 : "",
			 name_of(&all[i], kind), signs[c.how], value);
	}
}

void
compile_conditions_text(const struct config_route *r, struct buf *out)
{
	static const char *const names[] = { "GET",   "HEAD",    "POST",    "PUT",  "DELETE",
					     "PATCH", "OPTIONS", "CONNECT", "TRACE" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (r->methods & 1u << i)
			buf_addf(out, "%s%s", out->n ? ", " : "", names[i]);
	}
	text_all(r->headers, r->headers_count, CONDITION_HEADER, out);
	text_all(r->query, r->query_count, CONDITION_QUERY, out);
	text_all(r->certificate, r->certificate_count, CONDITION_CERTIFICATE, out);
	if (r->path_regex)
		buf_addf(out, "%spath ~ %s", out->n ? "; " : "", r->path_regex);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
key_all(const struct config_condition *all, size_t count, uint32_t kind, struct buf *out)
{
	char **lines = xcalloc(count, sizeof *lines);

	for (size_t i = 0; i < count; i++) {
		struct buf line = { 0 };
		const char *value;
		struct table_condition c = condition_of(&all[i], kind, &value);
		const char *name = name_of(&all[i], kind);

		buf_addf(&line, "%u %u %u ", kind, c.how, c.negated);
		for (const char *p = name ? name : ""; *p; p++)
			buf_addc(&line, kind == CONDITION_HEADER ? ascii_lower(*p) : *p);
		buf_addf(&line, "\n%s\n", value);
		buf_addc(&line, '\0');
		lines[i] = line.p;
	}
	if (count > 1)
		qsort(lines, count, sizeof *lines, compare);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || strcmp(lines[i], lines[i - 1]) != 0)
			buf_adds(out, slice_of(lines[i]));
	}
	for (size_t i = 0; i < count; i++)
		free(lines[i]);
	free(lines);
}

void
compile_conditions_key(const struct config_route *r, struct buf *out)
{
	if (r->methods)
		buf_addf(out, "%u\n", compile_conditions_methods(r));
	if (r->headers_count)
		key_all(r->headers, r->headers_count, CONDITION_HEADER, out);
	if (r->query_count)
		key_all(r->query, r->query_count, CONDITION_QUERY, out);
	if (r->certificate_count)
		key_all(r->certificate, r->certificate_count, CONDITION_CERTIFICATE, out);
	if (r->path_regex)
		buf_addf(out, "%u %s\n", CONDITION_PATH, r->path_regex);
}
