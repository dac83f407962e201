/*
 * What is asked of the settings table: rows by path, their defaults, their description, the nearest
 * known name.
 */

#include "settings.h"

#include "value.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#define SUGGEST_MAX 48 /* longer keys are no misspelling of ours */

/* ---- rows by path ---- */

#define PLACES 4096 /* several for each row */

/* Each rule of a store asks for a hundred rows: made at the first question, of what never changes.
 */
static struct {
	struct slice paths[PLACES / 2];
	/* The row behind that belongs to the same struct, and the first one of the struct that is a
	 * child of the row; settings_count: none. */
	uint16_t next[PLACES / 2], first[PLACES / 2];
	uint16_t rows[PLACES]; /* and one; 0: none */
	bool made;
} table;

static uint32_t
place_of(struct slice path)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < path.n; i++)
		h = (h ^ (uint8_t)path.p[i]) * 16777619u;
	return (h ^ h >> 15) % PLACES;
}

/* The struct that a row belongs to: "routes[]" of "routes[].timeouts.connect". */
static struct slice
struct_of(struct slice path)
{
	size_t n = path.n;

	while (n > 0 && path.p[n - 1] != '*' && path.p[n - 1] != ']')
		n--;
	return slice_make(path.p, n);
}

/* The row whose children such structs are; settings_count: none, it is the configuration. */
static size_t
row_of(struct slice of)
{
	const struct setting *s = NULL;

	if (of.n > 2)
		s = setting_find(slice_make(of.p, of.n - 2)); /* "[]" or ".*" */
	return s ? (size_t)(s - settings) : settings_count;
}

/* From behind: `first` is of those that were met. The name of children belongs to none. */
static void
table_link(void)
{
	for (size_t i = 0; i <= settings_count; i++)
		table.first[i] = (uint16_t)settings_count;
	for (size_t i = settings_count; i-- > 0;) {
		struct slice of = struct_of(table.paths[i]);
		uint16_t *first = &table.first[row_of(of)];

		table.next[i] = *first;
		if (of.n < table.paths[i].n)
			*first = (uint16_t)i;
	}
}

static void
table_make(void)
{
	if (table.made)
		return;
	assert(settings_count < PLACES / 2);
	for (size_t i = 0; i < settings_count; i++) {
		uint32_t at;

		table.paths[i] = slice_of(settings[i].path);
		for (at = place_of(table.paths[i]); table.rows[at];)
			at = (at + 1) % PLACES;
		table.rows[at] = (uint16_t)(i + 1);
	}
	table.made = true;
	table_link();
}

const struct setting *
setting_find(struct slice path)
{
	table_make();
	for (uint32_t at = place_of(path); table.rows[at]; at = (at + 1) % PLACES) {
		if (slice_eq(table.paths[table.rows[at] - 1], path))
			return &settings[table.rows[at] - 1];
	}
	return NULL;
}

/* What follows "prefix." in the row's path; p == NULL when it is not below it. */
static struct slice
below(const struct setting *s, struct slice prefix)
{
	struct slice path;

	table_make();
	path = table.paths[s - settings];
	if (prefix.n == 0)
		return path;
	if (path.n <= prefix.n || path.p[prefix.n] != '.' || !slice_starts(path, prefix))
		return slice_make(NULL, 0);
	return slice_make(path.p + prefix.n + 1, path.n - prefix.n - 1);
}

/* ---- what is asked of them ---- */

bool
setting_section(struct slice path)
{
	for (size_t i = 0; i < settings_count; i++) {
		if (below(&settings[i], path).n > 0)
			return true;
	}
	return false;
}

struct slice
setting_part(const struct setting *s, struct slice prefix)
{
	struct slice more, name = slice_cut(below(s, prefix), '.', &more);

	name = slice_cut(name, '[', &more);
	return name.n > 0 && name.p[0] == '*' ? slice_make(NULL, 0) : name;
}

bool
setting_of_file(const struct setting *s)
{
	return s->type == SETTING_SECRET || s->type == SETTING_FILE || s->type == SETTING_LOG;
}

const struct setting *
setting_next(struct slice prefix, const struct setting *at)
{
	struct slice of = struct_of(prefix);
	size_t i;

	table_make();
	i = at ? table.next[at - settings] : table.first[row_of(of)];
	while (of.n < prefix.n && i < settings_count && below(&settings[i], prefix).n == 0)
		i = table.next[i];
	return i < settings_count ? &settings[i] : NULL;
}

static const struct setting_profile *
profile_row(const struct setting *s, enum profile profile)
{
	for (size_t i = 0; i < setting_profiles_count; i++) {
		if (setting_profiles[i].profile == profile &&
		    strcmp(setting_profiles[i].path, s->path) == 0)
			return &setting_profiles[i];
	}
	return NULL;
}

const char *
setting_initial(const struct setting *s, enum profile profile)
{
	const struct setting_profile *p = profile_row(s, profile);

	return p ? p->initial : s->initial;
}

bool
setting_in_profile(const struct setting *s, enum profile profile)
{
	return profile_row(s, profile) != NULL;
}

const char *
setting_profile_name(enum profile profile)
{
	return setting_word_name(setting_find(SLICE("compatibility"))->words, profile);
}

const char *
setting_word_name(const struct setting_word *words, uint32_t value)
{
	for (; words && words->word; words++) {
		if (words->value == value)
			return words->word;
	}
	return NULL;
}

static const char *const type_name[] = {
	[SETTING_BOOL] = "true or false",
	[SETTING_INT] = "number",
	[SETTING_SIGNED] = "number",
	[SETTING_DURATION] = "duration",
	[SETTING_SECONDS] = "duration",
	[SETTING_RATIO] = "number from 0 to 1",
	[SETTING_SIZE] = "size",
	[SETTING_WORD] = "one of",
	[SETTING_FLAGS] = "list of",
	[SETTING_STRING] = "text",
	[SETTING_TEXT] = "text",
	[SETTING_NAME] = "name",
	[SETTING_TOKEN] = "name of a header or cookie",
	[SETTING_QUOTABLE] = "text",
	[SETTING_PATH] = "path of a URL",
	[SETTING_FILE] = "file or folder",
	[SETTING_LISTEN] = "address to listen on",
	[SETTING_ADDRESS] = "address",
	[SETTING_SOCKET] = "path of a Unix socket",
	[SETTING_ENDPOINT] = "address or http URL",
	[SETTING_HOST] = "host",
	[SETTING_PATTERN] = "regular expression",
	[SETTING_SHA256] = "SHA-256 in hexadecimal digits",
	[SETTING_MOMENT] = "date, with or without a time, or never",
	[SETTING_OBJECT] = "mapping of anything",
	[SETTING_JSON] = "anything",
	[SETTING_HOST_HEADER] = "keep, upstream or a host",
	[SETTING_HASH_BY] = "address, path, header:NAME, cookie:NAME or claim:NAME",
	[SETTING_LOG] = "off, stdout, stderr, syslog or a file",
	[SETTING_STRINGS] = "list of texts",
	[SETTING_TOKENS] = "list of names",
	[SETTING_NETWORKS] = "list of networks",
	[SETTING_SERVERS] = "list of IP addresses",
	[SETTING_SECRET] = "secret",
	[SETTING_AUTHORISE] = "conditions (see AUTHORISATION)",
	[SETTING_LIST] = "list",
	[SETTING_MAP] = "mapping by name",
};

static void
describe_words(const struct setting_word *words, const char *separator, struct buf *out)
{
	for (size_t i = 0; words[i].word; i++)
		buf_addf(out, "%s%s", i ? separator : "", words[i].word);
}

void
setting_describe_type(const struct setting *s, struct buf *out)
{
	buf_addf(out, "%s", type_name[s->type]);
	switch (s->type) {
	case SETTING_WORD:
	case SETTING_FLAGS:
		buf_addc(out, ' ');
		describe_words(s->words, ", ", out);
		break;
	case SETTING_INT:
	case SETTING_SIGNED:
	case SETTING_DURATION:
	case SETTING_SECONDS:
	case SETTING_SIZE:
		buf_adds(out, SLICE(" from "));
		value_format_number(s->type, s->min, out);
		buf_adds(out, SLICE(" to "));
		value_format_number(s->type, s->max, out);
		if (s->words) {
			buf_adds(out, SLICE(", or "));
			describe_words(s->words, ", ", out);
		}
		break;
	default:
		break;
	}
}

void
setting_describe_default(const struct setting *s, struct buf *out)
{
	if (s->env)
		buf_addf(out, "$%s, else ", s->env);
	if (s->shown)
		buf_addf(out, "%s", s->shown);
	else if (s->inherit)
		buf_addf(out, "as %s", s->inherit);
	else
		buf_addf(out, "%s", s->initial ? s->initial : s->required ? "required" : "none");
}

/* Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. Both at
 * most SUGGEST_MAX long. */
static unsigned
distance(struct slice a, struct slice b)
{
	unsigned rows[3][SUGGEST_MAX + 1] = { 0 };
	unsigned *before = rows[0], *last = rows[1], *now = rows[2], *spare;

	for (size_t j = 0; j <= b.n; j++)
		now[j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		spare = before;
		before = last;
		last = now;
		now = spare;
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned best =
			    last[j - 1] + (ascii_lower(a.p[i - 1]) != ascii_lower(b.p[j - 1]));

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return now[b.n];
}

struct nearest {
	struct slice to, name;
	unsigned distance;
};

static void
nearest_offer(struct nearest *n, struct slice name)
{
	unsigned d;

	if (n->to.n > SUGGEST_MAX || name.n > SUGGEST_MAX)
		return;
	d = distance(n->to, name);
	if (d < n->distance && d <= (n->to.n + 2) / 3) {
		n->distance = d;
		n->name = name;
	}
}

/* The last part of a path: "routes[].path" gives "path". */
static struct slice
last_part(const char *path)
{
	const char *dot = strrchr(path, '.');

	return slice_of(dot ? dot + 1 : path);
}

/* The shortest of them: what stands deep down is rarely meant. */
static void
suggest_elsewhere(struct slice key, struct buf *out)
{
	const char *found = NULL;

	for (size_t i = 0; i < settings_count; i++) {
		const char *path = settings[i].path;

		if (slice_eq(last_part(path), key) && (!found || strlen(path) < strlen(found)))
			found = path;
	}
	if (found)
		buf_addf(out, "; there is %s", found);
}

void
setting_suggest(struct slice prefix, struct slice key, struct buf *out)
{
	struct nearest n = { .to = key, .distance = ~0u };

	for (size_t i = 0; i < settings_count; i++) {
		struct slice name = setting_part(&settings[i], prefix);

		if (name.n > 0)
			nearest_offer(&n, name);
	}
	if (n.name.n > 0)
		buf_addf(out, "; did you mean \"%.*s\"?", SLICE_F(n.name));
	else
		suggest_elsewhere(key, out);
}

void
setting_suggest_word(const struct setting_word *words, struct slice word, struct buf *out)
{
	struct nearest n = { .to = word, .distance = ~0u };

	for (; words->word; words++)
		nearest_offer(&n, slice_of(words->word));
	if (n.name.n > 0)
		buf_addf(out, "; did you mean \"%.*s\"?", SLICE_F(n.name));
}
