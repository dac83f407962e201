#include "import_nginx_text.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip(struct nginx_text *t, size_t count)
{
	for (size_t i = 0; i < count; i++)
		t->line += t->rest.p[i] == '\n';
	t->rest = slice_make(t->rest.p + count, t->rest.n - count);
}

static void
skip_blanks(struct nginx_text *t)
{
	while (t->rest.n > 0 && (is_blank(t->rest.p[0]) || t->rest.p[0] == '#')) {
		const char *end = memchr(t->rest.p, '\n', t->rest.n);

		if (t->rest.p[0] != '#')
			skip(t, 1);
		else
			skip(t, end ? (size_t)(end - t->rest.p) : t->rest.n);
	}
}

/* A word, which stays in the text: escapes in quotes are not undone. */
static struct slice
take_word(struct nginx_text *t)
{
	char quote = t->rest.p[0] == '"' || t->rest.p[0] == '\'' ? t->rest.p[0] : '\0';
	size_t from = quote ? 1 : 0, i = from;
	struct slice word;

	while (i < t->rest.n && (quote ? t->rest.p[i] != quote
				       : !is_blank(t->rest.p[i]) && !strchr(";{}", t->rest.p[i])))
		i++;
	word = slice_make(t->rest.p + from, i - from);
	skip(t, i + (quote && i < t->rest.n ? 1 : 0));
	return word;
}

/* Up to ';', '{' or '}', which is returned; '\0' at the end. */
char
nginx_directive(struct nginx_text *t)
{
	char end;

	t->count = 0;
	skip_blanks(t);
	t->at = t->line;
	while (t->rest.n > 0 && (t->rest.p[0] == '\0' || !strchr(";{}", t->rest.p[0]))) {
		struct slice word;

		if (t->rest.p[0] == '\0')
			return '\0';
		word = take_word(t);
		if (t->count < NGINX_WORDS)
			t->words[t->count++] = word;
		skip_blanks(t);
	}
	if (t->rest.n == 0)
		return '\0';
	end = t->rest.p[0];
	skip(t, 1);
	return end;
}
