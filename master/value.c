#include "value.h"

#include "address.h"
#include "number.h"
#include "value_text.h"

#include <stdlib.h>

static void
store(const struct setting *s, void *base, uint64_t value)
{
	number_store((char *)base + s->offset, s->width, value);
}

static bool
parse_bool(const struct setting *s, struct slice text, void *base, struct buf *why)
{
	static const struct setting_word words[] = {
		{ "true", 1 }, { "yes", 1 }, { "on", 1 }, { "false", 0 },
		{ "no", 0 },   { "off", 0 }, { 0 },
	};

	for (const struct setting_word *w = words; w->word; w++) {
		if (slice_ieq(slice_of(w->word), text)) {
			store(s, base, w->value);
			return true;
		}
	}
	value_echo(text, why);
	return value_refuse(why, "is neither true nor false; write true or false");
}

static bool
parse_number(const struct setting *s, struct slice text, void *base, struct buf *why)
{
	int64_t v;
	enum number_fault fault;

	for (const struct setting_word *w = s->words; w && w->word; w++) {
		if (slice_ieq(slice_of(w->word), text)) {
			store(s, base, w->value);
			return true;
		}
	}
	fault = number_parse(s->type, text, &v);
	if (fault == NUMBER_OK && v >= s->min && v <= s->max) {
		if (s->type == SETTING_SECONDS)
			v /= 1000;
		if (s->type == SETTING_SIZE && v == 0)
			v = INT64_MAX;
		store(s, base, (uint64_t)v);
		return true;
	}
	value_echo(text, why);
	buf_adds(why,
		 slice_of(fault == NUMBER_MALFORMED ? "is not a " : "is out of range; write a "));
	if (fault == NUMBER_MALFORMED)
		buf_addf(why, "%s; write a ", number_kind(s->type));
	setting_describe_type(s, why);
	return false;
}

static const struct setting_word *
find_word(const struct setting *s, struct slice text, struct buf *why)
{
	struct buf BUF_CLEAN near = { 0 };
	const struct setting_word *w;

	for (w = s->words; w->word; w++) {
		if (slice_ieq(slice_of(w->word), text))
			return w;
	}
	value_echo(text, why);
	setting_suggest_word(s->words, text, &near);
	buf_addf(why, "is not known here%.*s%s", SLICE_F(near),
		 near.n ? " Known are " : "; write ");
	for (w = s->words; w->word; w++)
		buf_addf(why, "%s%s", w == s->words ? "" : w[1].word ? ", " : " or ", w->word);
	return NULL;
}

static bool
parse_word(const struct setting *s, struct slice text, void *base, struct buf *why)
{
	const struct setting_word *w = find_word(s, text, why);

	if (w)
		store(s, base, w->value);
	return w != NULL;
}

bool
value_parse(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	    struct buf *why)
{
	switch (s->type) {
	case SETTING_BOOL:
		return parse_bool(s, text, base, why);
	case SETTING_INT:
	case SETTING_SIGNED:
	case SETTING_DURATION:
	case SETTING_SECONDS:
	case SETTING_SIZE:
		return parse_number(s, text, base, why);
	case SETTING_WORD:
		return parse_word(s, text, base, why);
	case SETTING_STRING:
	case SETTING_TEXT:
	case SETTING_NAME:
	case SETTING_TOKEN:
	case SETTING_QUOTABLE:
	case SETTING_PATH:
	case SETTING_FILE:
	case SETTING_LISTEN:
	case SETTING_ADDRESS:
	case SETTING_SOCKET:
	case SETTING_ENDPOINT:
	case SETTING_HOST:
	case SETTING_HOST_HEADER:
	case SETTING_HASH_BY:
	case SETTING_PATTERN:
	case SETTING_SHA256:
	case SETTING_MOMENT:
	case SETTING_RATIO:
	case SETTING_LOG:
		return value_text_parse(e, s, text, base, why);
	case SETTING_FLAGS:
	case SETTING_STRINGS:
	case SETTING_TOKENS:
	case SETTING_NETWORKS:
	case SETTING_SERVERS:
	case SETTING_SECRET:
	case SETTING_OBJECT:
	case SETTING_JSON:
	case SETTING_AUTHORISE:
	case SETTING_LIST:
	case SETTING_MAP:
		break;
	}
	abort();
}

void
value_list(const struct value_env *e, const struct setting *s, size_t n, void *base)
{
	void *field = (char *)base + s->offset;

	if (s->type == SETTING_FLAGS) {
		store(s, base, 0);
	} else if (s->type == SETTING_SERVERS) {
		*(struct slice *)field = slice_make("", 0);
	} else {
		*(const char ***)field = arena_calloc(e->arena, (n + 1) * sizeof(char *));
		*(size_t *)((char *)base + s->count) = 0;
	}
}

static bool
add_text(const struct value_env *e, const struct setting *s, struct slice text, void *base)
{
	const char **items = *(const char ***)((char *)base + s->offset);
	size_t *count = (size_t *)((char *)base + s->count);

	items[(*count)++] = arena_string(e->arena, text);
	return true;
}

static bool
add_network(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	    struct buf *why)
{
	struct buf BUF_CLEAN made = { 0 };

	if (address_network(text, &made))
		return add_text(e, s, buf_slice(&made), base);
	value_echo(text, why);
	return value_refuse(why, "is no network; write address/bits, such as 10.0.0.0/8");
}

static bool
add_server(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	   struct buf *why)
{
	struct slice *all = (struct slice *)((char *)base + s->offset);
	struct buf BUF_CLEAN made = { 0 };

	buf_addf(&made, "%.*s%s", SLICE_F(*all), all->n ? "," : "");
	if (!address_dns(text, &made)) {
		value_echo(text, why);
		return value_refuse(why,
				    "is no IP address with a port; write 127.0.0.1:53 or [::1]:53");
	}
	*all = slice_make(arena_string(e->arena, buf_slice(&made)), made.n);
	return true;
}

bool
value_item(const struct value_env *e, const struct setting *s, struct slice text, void *base,
	   struct buf *why)
{
	const struct setting_word *w;
	const char *fault;

	if (s->type == SETTING_NETWORKS)
		return add_network(e, s, text, base, why);
	if (s->type == SETTING_SERVERS)
		return add_server(e, s, text, base, why);
	if (s->type == SETTING_FLAGS) {
		w = find_word(s, text, why);
		if (w)
			store(s, base, number_load((char *)base + s->offset, s->width) | w->value);
		return w != NULL;
	}
	if (!value_length(s, text, why))
		return false;
	fault = value_fault(s, text);
	return fault ? value_refuse(why, fault) : add_text(e, s, text, base);
}

bool
value_is_unset(const struct setting *s, const void *base)
{
	return s->late && number_load((const char *)base + s->offset, s->width) ==
			      (s->width == 8 ? UINT64_MAX : UINT32_MAX);
}

void
value_unset(const struct setting *s, void *base)
{
	store(s, base, UINT64_MAX);
}

void
value_copy(const struct setting *to, void *base, const struct setting *from, const void *from_base)
{
	memcpy((char *)base + to->offset, (const char *)from_base + from->offset, to->width);
	if (to->count)
		memcpy((char *)base + to->count, (const char *)from_base + from->count,
		       sizeof(size_t));
}

bool
value_is_list(const struct setting *s)
{
	return s->type == SETTING_FLAGS || s->type == SETTING_STRINGS ||
	       s->type == SETTING_TOKENS || s->type == SETTING_NETWORKS ||
	       s->type == SETTING_SERVERS;
}
