#include "import_nginx_text.h"

#define NAME_MOST 100 /* bytes of ${name} */

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
		const char *end;

		if (t->rest.p[0] != '#') {
			skip(t, 1);
			continue;
		}
		end = memchr(t->rest.p, '\n', t->rest.n);
		skip(t, end ? (size_t)(end - t->rest.p) : t->rest.n);
	}
}

/* How many bytes there are one of the word: what is behind a backslash is no end of it, nor is the
 * brace of ${name}. 0: it ends. */
static size_t
step(struct slice s, char quote)
{
	const char *brace;

	if (quote ? s.p[0] == quote : is_blank(s.p[0]) || strchr(";{}", s.p[0]))
		return 0;
	if (s.p[0] == '\\' && s.n > 1)
		return 2;
	if (!quote && s.n > 1 && s.p[0] == '$' && s.p[1] == '{') {
		brace = memchr(s.p, '}', s.n < NAME_MOST ? s.n : NAME_MOST);
		return brace ? (size_t)(brace - s.p) + 1 : 1;
	}
	return 1;
}

/* A word, which stays in the text: escapes are not undone. */
static struct slice
take_word(struct nginx_text *t)
{
	char quote = t->rest.p[0] == '"' || t->rest.p[0] == '\'' ? t->rest.p[0] : '\0';
	size_t from = quote ? 1 : 0, i = from;
	struct slice word;

	for (size_t n = 1; n > 0 && i < t->rest.n; i += n)
		n = step(slice_make(t->rest.p + i, t->rest.n - i), quote);
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
