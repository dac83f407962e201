#include "doctor.h"

#include "columns.h"

#include "lib/json.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *name;
	enum colour colour;
} states[DOCTOR_STATES] = {
	[DOCTOR_OK] = { "ok", COLOUR_GOOD },
	[DOCTOR_UNKNOWN] = { "unknown", COLOUR_BOLD },
	[DOCTOR_WARNING] = { "warning", COLOUR_WARN },
	[DOCTOR_PROBLEM] = { "problem", COLOUR_BAD },
};

void
doctor_deinit(struct doctor *d)
{
	for (size_t i = 0; i < d->count; i++) {
		buf_deinit(&d->findings[i].text);
		buf_deinit(&d->findings[i].remedy);
	}
	free(d->findings);
	json_free(d->status);
}

static void
add_format(struct buf *to, const char *fmt, va_list words)
{
	char *text;
	int n = vasprintf(&text, fmt, words);

	if (n < 0)
		abort();
	/* What came from files and servers goes to a terminal. */
	for (int i = 0; i < n; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = ' ';
	}
	buf_adds(to, slice_make(text, (size_t)n));
	free(text);
}

void
doctor_tell(struct doctor *d, enum doctor_state state, const char *check, const char *fmt, ...)
{
	struct doctor_finding *f;
	va_list words;

	d->findings = xrealloc(d->findings, (d->count + 1) * sizeof *f);
	f = &d->findings[d->count++];
	*f = (struct doctor_finding){ .state = state, .check = check };
	va_start(words, fmt);
	add_format(&f->text, fmt, words);
	va_end(words);
}

void
doctor_remedy(struct doctor *d, const char *fmt, ...)
{
	va_list words;

	va_start(words, fmt);
	add_format(&d->findings[d->count - 1].remedy, fmt, words);
	va_end(words);
}

void
doctor_message(struct doctor *d, enum doctor_state state, const char *check, struct slice message)
{
	size_t cut = message.n;

	while (message.n > 0 && message.p[message.n - 1] == '\n')
		message.n--;
	for (size_t i = 0; i + 1 < message.n; i++) {
		if (message.p[i] == ';' && message.p[i + 1] == ' ')
			cut = i;
	}
	if (cut >= message.n) {
		doctor_tell(d, state, check, "%.*s", SLICE_F(message));
		return;
	}
	doctor_tell(d, state, check, "%.*s", (int)cut, message.p);
	doctor_remedy(d, "%.*s", (int)(message.n - cut - 2), message.p + cut + 2);
}

size_t
doctor_number(const struct doctor *d, enum doctor_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < d->count; i++)
		n += d->findings[i].state == state;
	return n;
}

static void
write_one(const struct doctor_finding *f, bool colours, struct buf *out)
{
	size_t n = strlen(states[f->state].name);

	columns_paint(colours, states[f->state].colour, states[f->state].name, out);
	buf_addf(out, "%*s%-14s %.*s\n", (int)(9 - n), "", f->check, SLICE_F(f->text));
	if (f->remedy.n > 0)
		buf_addf(out, "%24s%.*s\n", "", SLICE_F(f->remedy));
}

void
doctor_write(const struct doctor *d, bool colours, struct buf *out)
{
	for (int state = DOCTOR_PROBLEM; state >= DOCTOR_OK; state--) {
		for (size_t i = 0; i < d->count; i++) {
			if ((int)d->findings[i].state == state)
				write_one(&d->findings[i], colours, out);
		}
	}
	buf_addf(out, "%s: %zu problem%s, %zu warning%s, %zu unknown, %zu ok\n", d->file,
		 doctor_number(d, DOCTOR_PROBLEM), doctor_number(d, DOCTOR_PROBLEM) == 1 ? "" : "s",
		 doctor_number(d, DOCTOR_WARNING), doctor_number(d, DOCTOR_WARNING) == 1 ? "" : "s",
		 doctor_number(d, DOCTOR_UNKNOWN), doctor_number(d, DOCTOR_OK));
}

void
doctor_write_json(const struct doctor *d, struct buf *out)
{
	buf_adds(out, SLICE("{\"file\":"));
	buf_add_json(out, slice_of(d->file));
	buf_addf(out, ",\"ok\":%s,\"running\":%s,\"problems\":%zu,\"warnings\":%zu,\"checks\":[",
		 doctor_number(d, DOCTOR_PROBLEM) == 0 ? "true" : "false",
		 d->status ? "true" : "false", doctor_number(d, DOCTOR_PROBLEM),
		 doctor_number(d, DOCTOR_WARNING));
	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_finding *f = &d->findings[i];

		buf_addf(out, "%s{\"check\":\"%s\",\"state\":\"%s\",\"text\":", i ? "," : "",
			 f->check, states[f->state].name);
		buf_add_json(out, buf_slice(&f->text));
		buf_adds(out, SLICE(",\"remedy\":"));
		if (f->remedy.n > 0)
			buf_add_json(out, buf_slice(&f->remedy));
		else
			buf_adds(out, SLICE("null"));
		buf_addc(out, '}');
	}
	buf_adds(out, SLICE("]}\n"));
}
