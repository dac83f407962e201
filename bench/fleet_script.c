/* fleet_script: what gateways say, from lines of text. A word is parts joined by "+": x616263
 * bytes, g the gateway's name, i3 the id of its fourth connection, vNAME a value. */

#include "fleet.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define WORDS_MAX 2000

static void __attribute__((noreturn)) nonsense(const char *what)
{
	fprintf(stderr, "bench-fleet: %s\n", what);
	exit(2);
}

/* Room for one more behind n. */
static void *
grown(void *at, size_t n, size_t size)
{
	return xrealloc(at, (n + 1) * size);
}

static unsigned
nibble(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static struct slice
unhex(const char *text)
{
	size_t n = strlen(text) / 2;
	char *p = xmalloc(n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
	return slice_make(p, n);
}

static struct part
part_read(const char *text)
{
	struct slice bytes;

	switch (text[0]) {
	case 'x':
		bytes = unhex(text + 1);
		return (struct part){ PART_BYTES, (char *)bytes.p, bytes.n };
	case 'g':
		return (struct part){ PART_GATEWAY, NULL, 0 };
	case 'i':
		return (struct part){ PART_CLIENT, NULL, strtoul(text + 1, NULL, 10) };
	case 'v':
		return (struct part){ PART_VALUE, xstrdup(text + 1), 0 };
	}
	nonsense("a part of a word that is none");
}

static struct word
word_read(char *text)
{
	struct word w = { 0 };
	char *rest = NULL;

	for (char *p = strtok_r(text, "+", &rest); p; p = strtok_r(NULL, "+", &rest)) {
		w.parts = grown(w.parts, w.n, sizeof *w.parts);
		w.parts[w.n++] = part_read(p);
	}
	return w;
}

struct event *
script_find(const struct script *s, const char *name)
{
	for (size_t i = 0; i < s->events_n; i++) {
		if (strcmp(s->events[i]->name, name) == 0)
			return s->events[i];
	}
	nonsense("an event that nobody has described");
}

const struct slice *
script_value(const struct script *s, const char *name)
{
	for (size_t i = 0; i < s->values_n; i++) {
		if (strcmp(s->values[i].name, name) == 0)
			return &s->values[i].bytes;
	}
	nonsense("a value that nobody has set");
}

static void
event_add(struct script *s, const char *name)
{
	struct event *e = xcalloc(1, sizeof *e);

	e->name = xstrdup(name);
	s->events = grown(s->events, s->events_n, sizeof(struct event *));
	s->events[s->events_n++] = e;
}

static struct event *
event_last(const struct script *s)
{
	if (s->events_n == 0)
		nonsense("a round of no event");
	return s->events[s->events_n - 1];
}

static void
round_add(struct event *e, unsigned conn, uint64_t at_ms)
{
	if (conn >= FLEET_CONNS)
		nonsense("a connection too many");
	e->rounds = grown(e->rounds, e->n, sizeof *e->rounds);
	e->rounds[e->n++] = (struct round){ .conn = conn, .at_ms = at_ms };
}

static void
say_add(struct event *e, char **words, size_t n)
{
	struct round *r = e->n ? &e->rounds[e->n - 1] : NULL;
	struct saying say = { xcalloc(n, sizeof *say.words), n };

	if (!r || n == 0)
		nonsense("words that belong nowhere");
	for (size_t i = 0; i < n; i++)
		say.words[i] = word_read(words[i]);
	r->says = grown(r->says, r->n, sizeof *r->says);
	r->says[r->n++] = say;
}

static void
trigger_add(struct script *s, unsigned conn, const char *key, const char *event)
{
	s->triggers = grown(s->triggers, s->triggers_n, sizeof *s->triggers);
	s->triggers[s->triggers_n++] = (struct trigger){ conn, unhex(key), script_find(s, event) };
}

static void
value_set(struct script *s, const char *name, const char *hex)
{
	struct slice bytes = unhex(hex);

	for (size_t i = 0; i < s->values_n; i++) {
		if (strcmp(s->values[i].name, name) != 0)
			continue;
		free((char *)s->values[i].bytes.p);
		s->values[i].bytes = bytes;
		return;
	}
	s->values = grown(s->values, s->values_n, sizeof *s->values);
	s->values[s->values_n++] = (struct value){ xstrdup(name), bytes };
}

bool
script_line(struct script *s, char *line)
{
	char *words[WORDS_MAX] = { "" }, *rest = NULL;
	size_t n = 0;

	if (strncmp(line, "event ", 6) && strncmp(line, "round ", 6) && strncmp(line, "say ", 4) &&
	    strncmp(line, "hear ", 5) && strncmp(line, "value ", 6))
		return false;
	for (char *p = strtok_r(line, " ", &rest); p && n < WORDS_MAX;
	     p = strtok_r(NULL, " ", &rest))
		words[n++] = p;
	if (strcmp(words[0], "event") == 0 && n == 2)
		event_add(s, words[1]);
	else if (strcmp(words[0], "round") == 0 && n == 3)
		round_add(event_last(s), (unsigned)strtoul(words[1], NULL, 10),
			  strtoull(words[2], NULL, 10));
	else if (strcmp(words[0], "say") == 0 && n > 1)
		say_add(event_last(s), words + 1, n - 1);
	else if (strcmp(words[0], "hear") == 0 && n == 4)
		trigger_add(s, (unsigned)strtoul(words[1], NULL, 10), words[2], words[3]);
	else if (strcmp(words[0], "value") == 0 && n == 3)
		value_set(s, words[1], words[2]);
	else
		nonsense("a line that is too short, or too long");
	return true;
}
