#include "pattern_scan.h"

struct scan {
	struct slice text;
	size_t i; /* what is looked at */
};

static char
peek(const struct scan *s, size_t ahead)
{
	return s->i + ahead < s->text.n ? s->text.p[s->i + ahead] : '\0';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

/* Behind \\x. */
static const char *
scan_hex(struct scan *s)
{
	if (!is_hex(peek(s, 0)) || !is_hex(peek(s, 1)))
		return "a byte is written \\xHH, with two digits";
	s->i += 2;
	return NULL;
}

/* At the character behind a backslash. Moves behind the escape. */
static const char *
scan_escape(struct scan *s, bool in_class)
{
	char c = peek(s, 0);

	s->i += s->i < s->text.n;
	if (c == 'x')
		return scan_hex(s);
	if (c == 'C')
		return "\\C is not possible; write [^\\n] or (?s:.)";
	if (!in_class && ((c >= '1' && c <= '9') || c == 'g' || c == 'k'))
		return "a reference back is not regular; write out what it stands for";
	if (is_digit(c) || c == 'o' || c == 'c')
		return "bytes by number are written \\xHH; write it so";
	if (c != '\0' && strchr("QEKGNpPRX", c))
		return "this escape is not possible; write out what it stands for";
	return NULL;
}

/* Behind "[:", "[." or "[=" in a class: the end of such a name, or 0 when it is none. PCRE2 looks
 * for it in the same way. */
static size_t
class_name_end(const struct scan *s, char kind)
{
	for (size_t i = s->i + 2; i + 1 < s->text.n; i++) {
		char c = s->text.p[i], next = s->text.p[i + 1];

		if (c == '\\' && (next == ']' || next == '\\'))
			i++;
		else if ((c == '[' && next == kind) || c == ']')
			return 0;
		else if (c == kind && next == ']')
			return i + 2;
	}
	return 0;
}

/* At the first character of a class. Moves behind its bracket. */
static const char *
scan_class(struct scan *s)
{
	bool first = true;

	s->i += peek(s, 0) == '^';
	for (; s->i < s->text.n; first = false) {
		char c = peek(s, 0), next = peek(s, 1);
		const char *fault;

		if (c == ']' && !first) {
			s->i++;
			return NULL;
		}
		if (c == '[' && (next == ':' || next == '.' || next == '=')) {
			size_t end = class_name_end(s, next);

			s->i = end ? end : s->i + 1;
			continue;
		}
		s->i++;
		if (c != '\\')
			continue;
		fault = scan_escape(s, true);
		if (fault)
			return fault;
	}
	return NULL; /* it has no end: PCRE2 says so */
}

static bool
is_option(char c)
{
	return c != '\0' && strchr("imsnJU-^", c);
}

/* Behind "(?". What may stand there: ':', names, '|', options. */
static const char *
scan_group(struct scan *s)
{
	char c = peek(s, 0), next = peek(s, 1);
	size_t n = 0;

	if (c == 'P' && next == '<') {
		s->i += 2;
		return NULL;
	}
	if (c == '=' || c == '!' || (c == '<' && (next == '=' || next == '!' || next == '*')) ||
	    c == '*')
		return "look-ahead and look-behind are not regular; make two rules of it";
	if (c == '>')
		return "an atomic group is not regular; write (?:...)";
	if (c == '(')
		return "a condition is not regular; write two branches with |";
	if (c == 'C')
		return "a callout has no meaning here; remove it";
	if (c == '#')
		return "a comment is not possible; remove it";
	if (c == ':' || c == '|' || c == '<' || c == '\'') {
		s->i++;
		return NULL;
	}
	while (is_option(peek(s, n)))
		n++;
	if (n > 0 && (peek(s, n) == ')' || peek(s, n) == ':')) {
		s->i += n;
		return NULL;
	}
	if (c == 'x' || peek(s, n) == 'x')
		return "the option x is not possible; remove it and the blanks";
	return "recursion and references to groups are not regular; write out what is meant";
}

/* At what stands behind something that may be repeated. */
static bool
is_possessive(const struct scan *s)
{
	char c = peek(s, 0);

	return (c == '*' || c == '+' || c == '?' || c == '}') && peek(s, 1) == '+';
}

/* "{1,}" is x+ too: how many bytes it has, 0 when it is none. */
static size_t
plus_length(const struct scan *s)
{
	size_t n = 1;

	if (peek(s, 0) == '+')
		return 1;
	if (peek(s, 0) != '{')
		return 0;
	while (peek(s, n) == '0')
		n++;
	return peek(s, n) == '1' && peek(s, n + 1) == ',' && peek(s, n + 2) == '}' ? n + 3 : 0;
}

/* One item: a character, an escape, a class, the start of a group. */
static const char *
scan_item(struct scan *s)
{
	char c = peek(s, 0);

	s->i++;
	if ((unsigned char)c < 0x20 || (unsigned char)c > 0x7e)
		return "only printable ASCII is possible; write \\xHH for other bytes";
	if (c == '\\')
		return scan_escape(s, false);
	if (c == '[')
		return scan_class(s);
	if (c == '(' && peek(s, 0) == '*')
		return "a verb is not regular; remove it";
	if (c == '(' && peek(s, 0) == '?') {
		s->i++;
		return scan_group(s);
	}
	return NULL;
}

const char *
pattern_scan(struct slice text, struct buf *out, size_t *at)
{
	const char *possessive = "a possessive repetition is not regular; remove the +";
	struct scan s = { text, 0 };
	size_t item = 0; /* the last one's start, and whether it may be written twice */
	bool single = false;

	while (s.i < text.n) {
		size_t plus = single ? plus_length(&s) : 0;
		const char *fault;

		*at = s.i;
		if (s.i > 0 && is_possessive(&s))
			return possessive;
		if (plus) {
			buf_add(out, text.p + item, s.i - item);
			buf_addc(out, '*');
			s.i += plus;
			single = false;
			if (peek(&s, 0) == '+')
				return possessive;
			continue;
		}
		item = s.i;
		single = !strchr("()|*?+{^$", peek(&s, 0));
		fault = scan_item(&s);
		if (fault)
			return fault;
		buf_add(out, text.p + item, s.i - item);
	}
	return NULL;
}
