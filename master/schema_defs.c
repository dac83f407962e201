/*
 * What several settings are, said once: secrets, and who may.
 */

#include "authorise_own.h"
#include "schema.h"

#define VALUE "{\"type\":[\"string\",\"number\",\"boolean\"]}"
#define VALUES "{\"anyOf\":[" VALUE ",{\"type\":\"array\",\"minItems\":1,\"items\":" VALUE "}]}"
#define CONDITION "{\"$ref\":\"#/$defs/condition\"}"

/* One of the words, or a list of them. */
static void
add_words(const struct setting_word *words, struct buf *out)
{
	struct buf BUF_CLEAN all = { 0 };

	for (const struct setting_word *w = words; w->word; w++)
		buf_addf(&all, "%s\"%s\"", w == words ? "" : ",", w->word);
	buf_addf(out,
		 "{\"anyOf\":[{\"enum\":[%.*s]},{\"type\":\"array\",\"minItems\":1,\"items\":"
		 "{\"enum\":[%.*s]}}]}",
		 SLICE_F(all), SLICE_F(all));
}

/* By name what is asked of it; `names`: those that there are, NULL: any. */
static void
add_named(const struct setting_word *names, struct buf *out)
{
	buf_adds(out, SLICE("{\"type\":\"object\",\"minProperties\":1,"));
	if (names) {
		buf_adds(out, SLICE("\"propertyNames\":{\"enum\":["));
		for (const struct setting_word *w = names; w->word; w++)
			buf_addf(out, "%s\"%s\"", w == names ? "" : ",", w->word);
		buf_adds(out, SLICE("]},"));
	}
	buf_adds(out, SLICE("\"additionalProperties\":{\"anyOf\":[" VALUES
			    ",{\"type\":\"object\",\"properties\":{\"present\":{\"type\":"
			    "\"boolean\"}},\"required\":[\"present\"],\"additionalProperties\":"
			    "false}]}}"));
}

static void
add_key(enum authorise_kind kind, struct buf *out)
{
	switch (kind) {
	case AUTHORISE_ANY:
	case AUTHORISE_ALL:
		buf_adds(out, SLICE("{\"type\":\"array\",\"minItems\":1,\"maxItems\":64,"
				    "\"items\":" CONDITION "}"));
		break;
	case AUTHORISE_NOT:
		buf_adds(out, SLICE(CONDITION));
		break;
	case AUTHORISE_CLAIM:
		add_named(NULL, out);
		break;
	case AUTHORISE_CERTIFICATE:
		add_named(setting_find(SLICE("routes[].client_certificate[].name"))->words, out);
		break;
	case AUTHORISE_KINDS:
		add_words(authorise_kinds, out);
		break;
	case AUTHORISE_METHODS:
		add_words(setting_find(SLICE("gate.protect[].methods"))->words, out);
		break;
	case AUTHORISE_GROUPS: /* none: nobody */
		buf_adds(out,
			 SLICE("{\"anyOf\":[" VALUE ",{\"type\":\"array\",\"items\":" VALUE "}]}"));
		break;
	default:
		buf_adds(out, SLICE(VALUES));
	}
}

/* `more`: keys that stand at the top alone. */
static void
add_condition(const char *name, const char *more, struct buf *out)
{
	buf_addf(out,
		 "\n\"%s\":{\"type\":\"object\",\"minProperties\":1,"
		 "\"additionalProperties\":false,\"properties\":{%s",
		 name, more);
	for (const struct setting_word *w = authorise_keys; w->word; w++) {
		buf_addf(out, "%s\"%s\":", w == authorise_keys ? "" : ",", w->word);
		add_key((enum authorise_kind)w->value, out);
	}
	buf_adds(out, SLICE("}}"));
}

static void
add_secret(struct buf *out)
{
	static const char *const places[] = { "file", "env", "credential" };

	buf_adds(out, SLICE("\n\"secret\":{\"anyOf\":[" VALUE));
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		buf_addf(out,
			 ",{\"type\":\"object\",\"required\":[\"%s\"],"
			 "\"additionalProperties\":false,\"properties\":{\"%s\":{\"type\":"
			 "\"string\",\"minLength\":1}}}",
			 places[i], places[i]);
	buf_adds(out, SLICE("]}"));
}

void
schema_defs(struct buf *out)
{
	add_secret(out);
	buf_addc(out, ',');
	add_condition("authorize", "\"shadow\":{\"type\":\"boolean\"},", out);
	buf_addc(out, ',');
	add_condition("condition", "", out);
}
