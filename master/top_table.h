#pragma once

/*
 * top_table: what `GET /statistics` answers, as the tables of `yett top`.
 */

#include "command_table.h"

#include "lib/map.h"

enum top_shown { TOP_ALL, TOP_ROUTES, TOP_UPSTREAMS, TOP_IDENTITIES, TOP_ENDPOINTS };

/* By what rows are sorted, the largest first. */
enum top_order { TOP_REQUESTS, TOP_ERRORS, TOP_BYTES, TOP_LATENCY, TOP_NOW };

struct top_view {
	enum top_order by;
	enum top_shown shown;
	bool colours;
	bool live;         /* with what came since the last look */
	size_t rows;       /* of each table */
	size_t from;       /* rows left out at its beginning, where one is shown alone */
	size_t width;      /* of a name at most; 0: as it is */
	struct map before; /* "table name": what was counted at the look before */
	double seconds;    /* between the two; 0: there was none before */
	size_t most;       /* rows of the table that is shown alone, as it turned out */
};

struct top_line {
	struct slice name;
	double requests, errors, denied, bytes, us; /* since the gateway started */
	double now, errors_now, us_now;             /* since the look before: rates, a mean */
};

void top_deinit(struct top_view *v);
/* The order of this name: false when there is none. "now" is one of a live table. */
bool top_order_named(const char *name, enum top_order *out);
const char *top_order_name(enum top_order order);

/* top_line.c: a row of the answer. */
struct top_line top_line_of(const struct json *row);
/* What the next look is compared with. */
void top_remember(struct top_view *v, const struct json *root);
/* What came since then. Who was not there, and is now, has all of it from since. */
void top_compare(const struct top_view *v, const char *table, struct top_line *l);
/* Of all routes, what came since then. */
struct top_line top_total(const struct top_view *v, const struct json *root);
void top_write(struct top_view *v, const struct json *root, struct buf *out);
void top_write_identities(struct top_view *v, const struct json *root, struct buf *out);
