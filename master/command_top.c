/*
 * `yett top`: who has the most of what, as tables: once, or anew every two seconds on a terminal.
 */

#include "top_table.h"

#include "screen.h"

#include "lib/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_MS 2000
#define ROWS_ONCE 20 /* of each table, where nobody says how high the terminal is */
#define ROWS_MIN 1
#define NUMBERS_WIDTH 68 /* of a line of the live table, behind its name */
#define NAME_MIN 12

/* ---- a look ---- */

static void
write_target(const struct command_options *o, struct buf *out)
{
	buf_addf(out, "/statistics%s", o->hour ? "?hour=" : "");
	for (const char *c = o->hour; c && *c; c++)
		buf_addf(out, "%%%02x", (unsigned char)*c);
	buf_addc(out, '\0');
}

static int
ask_for(struct answer *a, const struct command_options *o)
{
	struct buf BUF_CLEAN target = { 0 };
	int r;

	write_target(o, &target);
	r = answer_get(a, o, "GET", target.p);
	if (r == COMMAND_OK && a->status != 200)
		r = answer_refused(a, "top");
	return r;
}

static int
once(struct top_view *v, const struct command_options *o)
{
	struct buf BUF_CLEAN out = { 0 };
	struct answer a;
	int r = ask_for(&a, o);

	if (r == COMMAND_OK && o->json)
		buf_adds(&out, buf_slice(&a.body));
	else if (r == COMMAND_OK && o->hour)
		top_write_identities(v, a.json, &out);
	else if (r == COMMAND_OK)
		top_write(v, a.json, &out);
	answer_print(&out);
	answer_deinit(&a);
	return r;
}

/* ---- the live table ---- */

struct live {
	struct top_view *v;
	const struct command_options *o;
	struct answer answer; /* of the last look that had one */
	struct buf trouble;   /* why the last look has none */
	uint64_t answered_ms, looked_ms;
	bool stands; /* the last look is shown on */
};

/* The gateway may be back at the next look. */
static void
look(struct live *l)
{
	struct buf BUF_CLEAN target = { 0 };
	uint64_t now = clock_mono_ms();
	struct answer a;

	write_target(l->o, &target);
	l->looked_ms = now;
	if (answer_try(&a, l->o, target.p, "top", &l->trouble) != COMMAND_OK) {
		answer_deinit(&a);
		return;
	}
	if (l->answer.json)
		top_remember(l->v, l->answer.json);
	answer_deinit(&l->answer);
	l->answer = a;
	l->v->seconds = (double)(now - l->answered_ms) / 1000;
	l->answered_ms = now;
}

/* Three tables have a head and a line about what is not shown each, and one between them. */
static void
fit(struct top_view *v)
{
	size_t rows, width, around = v->shown == TOP_ALL ? 13 : 7;

	screen_size(&rows, &width);
	v->rows = rows > around ? rows - around : 0;
	if (v->shown == TOP_ALL)
		v->rows /= 3;
	if (v->rows < ROWS_MIN)
		v->rows = ROWS_MIN;
	v->width = width > NUMBERS_WIDTH + NAME_MIN ? width - NUMBERS_WIDTH : NAME_MIN;
}

static void
write_head(const struct live *l, struct buf *out)
{
	struct buf BUF_CLEAN line = { 0 };

	buf_adds(&line, SLICE("yett top, up "));
	answer_duration(answer_number(l->answer.json, "uptime_s"), &line);
	if (l->v->seconds > 0) {
		struct top_line all = top_total(l->v, l->answer.json);

		buf_addf(&line, ", %.1f requests and %.1f errors a second", all.now,
			 all.errors_now);
	}
	buf_addf(&line, ", by %s%s", top_order_name(l->v->by), l->stands ? ", it stands" : "");
	buf_addc(&line, '\0');
	columns_paint(l->v->colours, COLOUR_BOLD, line.p, out);
	buf_adds(out, SLICE("\nq quit  sort: r requests  e errors  b bytes  l latency  n now"
			    "\nshow: a all  1 routes  2 upstreams  3 identities  4 endpoints  "
			    "space stop\n"));
}

/* Where nothing can be drawn one look is printed below the other. */
static void
draw(const struct live *l, bool plain)
{
	struct buf BUF_CLEAN out = { 0 };

	if (!plain) {
		fit(l->v);
		write_head(l, &out);
	}
	if (l->trouble.n > 1)
		columns_paint(l->v->colours, COLOUR_BAD, l->trouble.p, &out);
	buf_addc(&out, '\n');
	if (l->answer.json)
		top_write(l->v, l->answer.json, &out);
	if (!plain) {
		screen_draw(buf_slice(&out));
		return;
	}
	answer_print(&out);
	fflush(stdout);
}

static void
scroll(struct top_view *v, int by)
{
	size_t last = v->most > v->rows ? v->most - v->rows : 0;

	if (by < 0)
		v->from -= v->from < (size_t)-by ? v->from : (size_t)-by;
	else
		v->from = v->from + (size_t)by < last ? v->from + (size_t)by : last;
}

static void
show(struct top_view *v, enum top_shown what)
{
	v->shown = what;
	v->from = 0;
}

/* False: it is to end. */
static bool
obey(struct live *l, int key)
{
	static const char orders[] = "rebln"; /* as enum top_order has them */
	static const char tables[] = "a1234"; /* as enum top_shown has them */
	struct top_view *v = l->v;
	const char *order = key > 0 && key < 128 ? strchr(orders, key) : NULL;
	const char *table = key > 0 && key < 128 ? strchr(tables, key) : NULL;

	if (order)
		v->by = (enum top_order)(order - orders);
	else if (table)
		show(v, (enum top_shown)(table - tables));
	else if (key == ' ')
		l->stands = !l->stands;
	else if (key == SCREEN_UP || key == 'k')
		scroll(v, -1);
	else if (key == SCREEN_DOWN || key == 'j')
		scroll(v, 1);
	else if (key == SCREEN_PAGE_UP)
		scroll(v, -(int)v->rows);
	else if (key == SCREEN_PAGE_DOWN)
		scroll(v, (int)v->rows);
	else if (key == SCREEN_HOME)
		v->from = 0;
	return key != 'q' && key != 'Q' && key != SCREEN_END;
}

/* The exit status: that of the first look, which is not tried again. */
static int
watch(struct top_view *v, const struct command_options *o)
{
	struct live l = { .v = v, .o = o };
	bool plain = !screen_can_draw(), goes_on = true;
	int r = ask_for(&l.answer, o);

	if (r != COMMAND_OK) {
		answer_deinit(&l.answer);
		return r;
	}
	l.answered_ms = l.looked_ms = clock_mono_ms();
	if (!plain)
		screen_open();
	while (goes_on) {
		uint64_t next = l.looked_ms + LOOK_MS, now;
		int key = SCREEN_NONE;

		draw(&l, plain);
		now = clock_mono_ms();
		if (plain)
			goes_on = usleep(LOOK_MS * 1000) == 0 && !ferror(stdout);
		else
			key = screen_wait(now < next ? (int)(next - now) : l.stands ? LOOK_MS : 0);
		goes_on = goes_on && obey(&l, key);
		if (goes_on && !l.stands && clock_mono_ms() >= next)
			look(&l);
	}
	if (!plain)
		screen_close();
	answer_deinit(&l.answer);
	buf_deinit(&l.trouble);
	return COMMAND_OK;
}

int
command_top(const struct command_options *o)
{
	struct top_view v = { .by = TOP_REQUESTS, .rows = ROWS_ONCE, .before = MAP_INIT };
	int r;

	if (o->by && !top_order_named(o->by, &v.by)) {
		fprintf(
		    stderr,
		    "yett top: --by is one of requests, errors, bytes, latency and now, not %s\n",
		    o->by);
		return COMMAND_UNREADABLE;
	}
	v.colours = columns_want_colours(STDOUT_FILENO);
	v.live = !o->once && !o->hour && !o->json && isatty(STDOUT_FILENO);
	r = v.live ? watch(&v, o) : once(&v, o);
	top_deinit(&v);
	return r;
}
