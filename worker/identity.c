#include "identity.h"

#include <string.h>

struct slice
identity_text(const struct identity *who, struct identity_part part)
{
	return who && part.n ? slice_make((const char *)who + part.at, part.n) : SLICE("");
}

struct slice
identity_headers(const struct identity *who)
{
	return who ? identity_text(who, who->headers) : SLICE("");
}

struct slice
identity_name(const struct identity *who)
{
	return who ? identity_text(who, who->name) : SLICE("");
}

struct slice
identity_shown(const struct identity *who)
{
	struct slice name = identity_name(who);

	if (name.n <= IDENTITY_SHOWN_MAX)
		return name;
	name.n = IDENTITY_SHOWN_MAX;
	while (name.n > 0 && ((unsigned char)name.p[name.n] & 0xc0) == 0x80)
		name.n--;
	return name;
}

const struct identity_value *
identity_values(const struct identity *who, uint32_t fact, size_t *n)
{
	uint32_t first = 0, end;

	*n = 0;
	if (!who)
		return NULL;
	while (first < who->values_count && who->values[first].fact < fact)
		first++;
	for (end = first; end < who->values_count && who->values[end].fact == fact; end++)
		;
	*n = end - first;
	return *n ? &who->values[first] : NULL;
}

void
identity_begin(struct identity_builder *b, enum identity_kind kind)
{
	b->head = (struct identity){ .kind = kind, .issued = INT64_MIN, .until = INT64_MAX };
	b->values.n = b->bytes.n = b->whole.n = 0;
}

struct identity_part
identity_add(struct identity_builder *b, struct slice text)
{
	struct identity_part part = { (uint32_t)b->bytes.n, (uint32_t)text.n };

	buf_adds(&b->bytes, text);
	return part;
}

void
identity_add_value(struct identity_builder *b, uint32_t fact, struct slice text)
{
	struct identity_value value = { .fact = fact, .text = identity_add(b, text) };

	buf_add(&b->values, &value, sizeof value);
	b->head.values_count++;
}

void
identity_add_opaque(struct identity_builder *b, uint32_t fact)
{
	struct identity_value value = { .fact = fact, .opaque = 1 };

	buf_add(&b->values, &value, sizeof value);
	b->head.values_count++;
}

const struct identity *
identity_end(struct identity_builder *b)
{
	uint32_t behind = (uint32_t)(sizeof b->head + b->values.n);
	size_t size = behind + b->bytes.n;
	struct identity *who;

	if (size > IDENTITY_MAX)
		return NULL;
	buf_add(&b->whole, &b->head, sizeof b->head);
	buf_adds(&b->whole, buf_slice(&b->values));
	buf_adds(&b->whole, buf_slice(&b->bytes));
	who = (struct identity *)(void *)b->whole.p;
	who->size = (uint32_t)size;
	who->headers.at += behind;
	who->name.at += behind;
	who->sub.at += behind;
	who->sid.at += behind;
	who->jti.at += behind;
	for (uint32_t i = 0; i < who->values_count; i++)
		who->values[i].text.at += behind;
	return who;
}

void
identity_builder_deinit(struct identity_builder *b)
{
	buf_deinit(&b->values);
	buf_deinit(&b->bytes);
	buf_deinit(&b->whole);
}
