/*
 * One value in a schema, by the type of its row.
 */

#include "schema.h"

#include "document.h"
#include "number.h"
#include "settings.h"
#include "value.h"

#include "lib/json.h"

#include <string.h>

/* YAML takes a text such as 8080 or true for something else; the reader does not. */
#define ANY "[\"string\",\"number\",\"boolean\"]"
#define TEXT "\"string\""
#define PORT "[0-9]{1,5}"
#define HOST "(\\[[0-9A-Fa-f:.]+\\]|[^\\s:/\\[\\]]+)"

static const struct form {
	const char *type, *pattern;
	bool length; /* min and max of the row are of its length */
} forms[SETTING_MAP + 1] = {
	[SETTING_STRING] = { ANY, NULL, true },
	[SETTING_TEXT] = { ANY, NULL, true },
	[SETTING_NAME] = { ANY, "^[A-Za-z0-9._-]*$", true },
	[SETTING_TOKEN] = { ANY, "^[!#$%&'*+.^_`|~0-9A-Za-z-]*$", true },
	[SETTING_QUOTABLE] = { ANY, "^[ !#-\\[\\]-~]*$", true },
	[SETTING_PATH] = { TEXT, "^(/|$)", true },
	[SETTING_FILE] = { TEXT, NULL, true },
	[SETTING_LISTEN] = { TEXT, "^(unix:.+|(" HOST ")?:" PORT ")$", false },
	[SETTING_ADDRESS] = { TEXT, "^(unix:.+|" HOST "(:" PORT ")?)$", false },
	[SETTING_SOCKET] = { TEXT, ".", false },
	[SETTING_ENDPOINT] = { TEXT, "^(unix:.+|([A-Za-z]+://)?" HOST "(:" PORT ")?(/\\S*)?)$",
			       false },
	[SETTING_HOST] = { TEXT, "^(\\*|(\\*\\.)?[^\\s/*]*)$", false },
	[SETTING_HOST_HEADER] = { TEXT, "^[^\\s/*]+$", false },
	[SETTING_HASH_BY] = { TEXT, "^(address|path|(header|cookie|claim):.+)$", false },
	[SETTING_PATTERN] = { ANY, NULL, false },
	[SETTING_SHA256] = { ANY, "^[0-9A-Fa-f]{64}$", false },
	[SETTING_MOMENT] = { "[\"string\",\"integer\"]",
			     "^([Nn][Ee][Vv][Ee][Rr]|[0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}"
			     "(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2}))?)$",
			     false },
	[SETTING_LOG] = { TEXT, "^([Oo][Ff][Ff]|stdout|stderr|syslog|.*/.*)$", false },
	[SETTING_STRINGS] = { ANY, NULL, true },
	[SETTING_TOKENS] = { ANY, "^[!#$%&'*+.^_`|~0-9A-Za-z-]*$", true },
	[SETTING_NETWORKS] = { TEXT, "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$", false },
	[SETTING_SERVERS] = { TEXT, "^[0-9A-Fa-f:.\\[\\]]+$", false },
};

static void
add_form(const struct setting *s, struct buf *out)
{
	const struct form *f = &forms[s->type];

	buf_addf(out, "\"type\":%s", f->type);
	if (f->pattern) {
		buf_adds(out, SLICE(",\"pattern\":"));
		buf_add_json(out, slice_of(f->pattern));
	}
	if (f->length && s->min > 0)
		buf_adds(out, SLICE(",\"minLength\":1"));
	if (f->length && s->max > 0) /* bytes: characters are never more */
		buf_addf(out, ",\"maxLength\":%lld", (long long)s->max);
}

/* As JSON has it without quotes? */
static bool
is_literal(struct slice text)
{
	struct json *v = NULL;
	bool literal = json_parse(text, text.n, 0, &v) == 0;

	json_free(v);
	return literal;
}

/* A word such as 502 or true stands without quotes, too. */
static void
add_words(const struct setting_word *words, struct buf *out)
{
	buf_adds(out, SLICE("\"enum\":["));
	for (const struct setting_word *w = words; w->word; w++) {
		buf_adds(out, w == words ? SLICE("") : SLICE(","));
		buf_add_json(out, slice_of(w->word));
		if (is_literal(slice_of(w->word)))
			buf_addf(out, ",%s", w->word);
	}
	buf_addc(out, ']');
}

static void
add_number(const struct setting *s, struct buf *out)
{
	bool time = s->type == SETTING_DURATION || s->type == SETTING_SECONDS;
	bool plain = s->type == SETTING_INT || s->type == SETTING_SIGNED;
	int64_t unit = time ? 1000 : 1; /* a bare number is seconds */

	if (plain && !s->words) {
		buf_addf(out, "\"type\":\"integer\",\"minimum\":%lld,\"maximum\":%lld",
			 (long long)s->min, (long long)s->max);
		return;
	}
	buf_addf(out, "\"anyOf\":[{\"type\":\"integer\",\"minimum\":%lld,\"maximum\":%lld}",
		 (long long)(s->min / unit + (s->min % unit > 0)), (long long)(s->max / unit));
	if (!plain) {
		buf_adds(out, SLICE(",{\"type\":\"string\",\"pattern\":\"^([0-9]+"));
		buf_adds(out, time ? SLICE("([dDhHmM]|[mM]?[sS])?") : SLICE("[kKmMgG]?"));
		buf_adds(out, s->min > 0 ? SLICE("") : SLICE("|[oO][fF][fF]"));
		buf_adds(out, SLICE(")$\"}"));
	}
	if (s->words) {
		buf_adds(out, SLICE(",{"));
		add_words(s->words, out);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

/* One element stands for a list of one; nothing behind the key for the default. */
static void
add_list(const struct setting *s, struct buf *out)
{
	struct buf BUF_CLEAN item = { 0 };

	if (s->type == SETTING_FLAGS)
		add_words(s->words, &item);
	else
		add_form(s, &item);
	buf_addf(out, "\"anyOf\":[{%.*s},{\"type\":[\"array\",\"null\"],\"items\":{%.*s}%s}]",
		 SLICE_F(item), SLICE_F(item),
		 s->type == SETTING_FLAGS && s->min > 0 ? ",\"minItems\":1" : "");
}

void
schema_value(const struct setting *s, struct buf *out)
{
	switch (s->type) {
	case SETTING_BOOL:
		buf_adds(out, SLICE("\"enum\":[true,false,\"yes\",\"no\",\"on\",\"off\"]"));
		break;
	case SETTING_INT:
	case SETTING_SIGNED:
	case SETTING_DURATION:
	case SETTING_SECONDS:
	case SETTING_SIZE:
		add_number(s, out);
		break;
	case SETTING_RATIO:
		buf_adds(out, SLICE("\"type\":\"number\",\"minimum\":0,\"maximum\":1"));
		break;
	case SETTING_WORD:
		add_words(s->words, out);
		break;
	case SETTING_SECRET:
		buf_adds(out, SLICE("\"$ref\":\"#/$defs/secret\""));
		break;
	case SETTING_AUTHORISE:
		buf_adds(out, SLICE("\"$ref\":\"#/$defs/authorize\""));
		break;
	case SETTING_OBJECT:
		buf_adds(out, SLICE("\"type\":\"object\""));
		break;
	case SETTING_JSON:
		buf_adds(out, SLICE("\"$comment\":\"anything\""));
		break;
	default:
		if (value_is_list(s))
			add_list(s, out);
		else
			add_form(s, out);
	}
}

/* ---- what is told of it ---- */

static void
add_yaml(const char *text, struct buf *out)
{
	struct document_error error;
	struct document d;

	if (document_parse(&d, slice_of(text), &error) == 0 && d.root)
		node_json(d.root, out);
	else
		buf_adds(out, SLICE("null"));
	document_deinit(&d);
}

/* A text as the table has it is no YAML: ":8080" stands there without quotes. */
static void
add_default(const struct setting *s, struct buf *out)
{
	bool text = forms[s->type].type && !value_is_list(s);

	buf_adds(out, SLICE("\"default\":"));
	if (text)
		buf_add_json(out, slice_of(s->initial));
	else
		add_yaml(s->initial, out);
	buf_addc(out, ',');
}

/* A default that nobody can write: an empty list where one names at least one. */
static bool
is_unsayable(const struct setting *s)
{
	return s->type == SETTING_FLAGS && s->min > 0 && strcmp(s->initial, "[]") == 0;
}

void
schema_notes(const struct setting *s, bool examples, struct buf *out)
{
	struct buf BUF_CLEAN text = { 0 };

	buf_addf(&text, "%s\nType: ", s->text);
	setting_describe_type(s, &text);
	buf_adds(&text, SLICE(". Default: "));
	setting_describe_default(s, &text);
	buf_adds(&text, s->restart ? SLICE(". A reload does not change it.") : SLICE("."));
	buf_adds(out, SLICE("\"description\":"));
	buf_add_json(out, buf_slice(&text));
	buf_addc(out, ',');
	if (s->initial && *s->initial && !s->env && !s->inherit && !is_unsayable(s))
		add_default(s, out);
	if (examples) {
		buf_adds(out, SLICE("\"examples\":["));
		add_yaml(s->example, out);
		buf_adds(out, SLICE("],"));
	}
}
