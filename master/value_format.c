/*
 * value_format: a value from its field back to text, as an operator would write it. The inverse of
 * value.c, but that secrets are redacted.
 */

#include "value.h"

#include "authorise.h"
#include "lib/moment.h"
#include "number.h"

#include "shm/table.h"

/* Would YAML read it back as this text, also inside of brackets? */
static bool
is_plain(struct slice text)
{
	if (text.n == 0 || text.p[0] == '-' || text.p[0] == '~')
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!((c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
		      (c != '\0' && strchr("/._-+~", c))) &&
		    !(c == ':' && i > 0 && i + 1 < text.n))
			return false;
	}
	return true;
}

static void
put_text(struct slice text, bool json, struct buf *out)
{
	if (json || !is_plain(text))
		buf_add_json(out, text);
	else
		buf_adds(out, text);
}

static void
put_optional(const char *text, bool json, struct buf *out)
{
	if (text && *text)
		put_text(slice_of(text), json, out);
	else
		buf_adds(out, json ? SLICE("null") : SLICE("none"));
}

static void
put_number(const struct setting *s, const void *field, bool json, struct buf *out)
{
	uint64_t raw = number_load(field, s->width);
	int64_t v = s->type == SETTING_SIGNED    ? (int32_t)raw
		    : s->type == SETTING_SECONDS ? (int64_t)raw * 1000
						 : (int64_t)raw;
	const char *word =
	    s->type == SETTING_INT ? setting_word_name(s->words, (uint32_t)raw) : NULL;
	bool bare = s->type == SETTING_INT || s->type == SETTING_SIGNED;
	struct buf BUF_CLEAN text = { 0 };

	if (s->type == SETTING_SIZE && v == INT64_MAX)
		word = "off";
	if (word)
		buf_addf(&text, "%s", word);
	else
		value_format_number(s->type, v, &text);
	if (bare && !word)
		buf_adds(out, buf_slice(&text));
	else
		put_text(buf_slice(&text), json, out);
}

static void
put_flags(const struct setting *s, uint64_t bits, bool json, struct buf *out)
{
	bool first = true;

	buf_addc(out, '[');
	for (const struct setting_word *w = s->words; w->word; w++) {
		if (!(bits & w->value))
			continue;
		if (!first)
			buf_adds(out, SLICE(", "));
		put_text(slice_of(w->word), json, out);
		first = false;
	}
	buf_addc(out, ']');
}

static void
put_strings(const char *const *items, size_t count, bool json, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_adds(out, SLICE(", "));
		put_text(slice_of(items[i]), json, out);
	}
	buf_addc(out, ']');
}

/* Quoted in either form: they all have a colon. */
static void
put_servers(struct slice all, struct buf *out)
{
	buf_addc(out, '[');
	while (all.n > 0) {
		put_text(slice_cut(all, ',', &all), true, out);
		if (all.n > 0)
			buf_adds(out, SLICE(", "));
	}
	buf_addc(out, ']');
}

static void
put_secret(const struct config_secret *secret, bool json, struct buf *out)
{
	struct buf BUF_CLEAN text = { 0 };

	if (secret->bytes)
		buf_addf(&text, "<redacted-%zu-chars>", secret->n);
	if (secret->bytes && !json)
		buf_adds(out, buf_slice(&text));
	else
		put_optional(secret->bytes ? (buf_addc(&text, '\0'), text.p) : NULL, json, out);
}

static void
put_host_header(const struct config_route *r, bool json, struct buf *out)
{
	put_text(slice_of(r->upstream_host ? "upstream"
			  : *r->set_host   ? r->set_host
					   : "keep"),
		 json, out);
}

static void
put_log(const struct config *c, bool json, struct buf *out)
{
	static const char *const name[] = {
		[ACCESS_LOG_OFF] = "off",
		[ACCESS_LOG_STDOUT] = "stdout",
		[ACCESS_LOG_STDERR] = "stderr",
	};

	put_text(
	    slice_of(c->access_log >= ACCESS_LOG_FILE ? c->access_log_file : name[c->access_log]),
	    json, out);
}

static void
put_moment(int64_t moment, bool json, struct buf *out)
{
	struct buf BUF_CLEAN text = { 0 };

	moment_write(moment, &text);
	put_text(buf_slice(&text), json, out);
}

static void
put_ratio(uint32_t parts, struct buf *out)
{
	buf_add_double(out, (double)parts / TRACE_PARTS);
}

void
value_format(const struct setting *s, const void *base, bool json, struct buf *out)
{
	const void *field = (const char *)base + s->offset;

	switch (s->type) {
	case SETTING_BOOL:
		buf_addf(out, "%s", *(const bool *)field ? "true" : "false");
		break;
	case SETTING_INT:
	case SETTING_SIGNED:
	case SETTING_DURATION:
	case SETTING_SECONDS:
	case SETTING_SIZE:
		put_number(s, field, json, out);
		break;
	case SETTING_WORD:
		put_text(
		    slice_of(setting_word_name(s->words, (uint32_t)number_load(field, s->width))),
		    json, out);
		break;
	case SETTING_FLAGS:
		put_flags(s, number_load(field, s->width), json, out);
		break;
	case SETTING_STRING:
	case SETTING_TEXT:
	case SETTING_NAME:
	case SETTING_TOKEN:
	case SETTING_QUOTABLE:
	case SETTING_PATH:
	case SETTING_FILE:
	case SETTING_PATTERN:
	case SETTING_SHA256:
	case SETTING_HASH_BY:
		put_optional(*(const char *const *)field, json, out);
		break;
	case SETTING_HOST:
		put_text(
		    slice_of(**(const char *const *)field ? *(const char *const *)field : "any"),
		    json, out);
		break;
	case SETTING_LISTEN:
	case SETTING_ADDRESS:
	case SETTING_ENDPOINT:
		put_optional(((const struct config_address *)field)->text, json, out);
		break;
	case SETTING_SOCKET:
		put_optional(((const struct config_address *)field)->unix_path, json, out);
		break;
	case SETTING_HOST_HEADER:
		put_host_header(base, json, out);
		break;
	case SETTING_RATIO:
		put_ratio(*(const uint32_t *)field, out);
		break;
	case SETTING_MOMENT:
		put_moment(*(const int64_t *)field, json, out);
		break;
	case SETTING_OBJECT:
		buf_addf(out, "%s",
			 *(const char *const *)field ? *(const char *const *)field : "{}");
		break;
	case SETTING_JSON:
		if (*(const char *const *)field)
			buf_adds(out, slice_of(*(const char *const *)field));
		else
			put_optional(NULL, json, out);
		break;
	case SETTING_LOG:
		put_log(base, json, out);
		break;
	case SETTING_STRINGS:
	case SETTING_TOKENS:
	case SETTING_NETWORKS:
		put_strings(*(const char *const *const *)field,
			    *(const size_t *)((const char *)base + s->count), json, out);
		break;
	case SETTING_SERVERS:
		put_servers(*(const struct slice *)field, out);
		break;
	case SETTING_SECRET:
		put_secret(field, json, out);
		break;
	case SETTING_AUTHORISE:
		authorise_format(*(const struct authorise *const *)field, json, out);
		break;
	case SETTING_LIST:
	case SETTING_MAP:
		break;
	}
}
