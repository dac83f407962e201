#pragma once

/*
 * import_nginx_own: between import_nginx.c, which goes through the blocks, and
 * import_nginx_rules.c, which makes rules of what stands in them.
 */

#include "import_nginx_text.h"
#include "rules.h"

#include "lib/buf.h"

#define DEPTH_MAX 8 /* blocks within each other */
#define HOSTS_MAX 32

struct nginx_block {
	struct slice words[3]; /* "location", "=", "/a" */
	size_t count;
};

struct nginx {
	struct rules *rules;
	struct buf *report;
	const char *file;
	struct nginx_text text;
	struct nginx_block blocks[DEPTH_MAX];
	size_t depth, ignored; /* ignored: blocks that are not taken over, within each other */
	struct slice hosts[HOSTS_MAX]; /* of the server; none: any */
	size_t hosts_count;
	struct buf endpoints;           /* of the upstream */
	struct slice picked[HOSTS_MAX]; /* variables of maps that are taken over */
	size_t picked_count;
	bool closed;       /* something may refuse requests: no route is to lead past it */
	bool located;      /* this server had a location */
	struct slice pass; /* of this location */
	bool upstreams;    /* the first time through: they may stand behind who names them */
	size_t routes;
};

/* The block that is open; NULL: none. */
const struct nginx_block *nginx_inside(const struct nginx *n);
bool nginx_is_inside(const struct nginx *n, const char *name);
/* Of the directive. */
bool nginx_is_word(const struct nginx *n, size_t i, const char *word);
/* To the report, with the line of the directive. */
void nginx_tell(const struct nginx *n, struct slice what, const char *text);

/* `server HOST:PORT [weight=N];` of an upstream, which nginx_upstream ends. */
void nginx_server(struct nginx *n);
void nginx_upstream(struct nginx *n);
/* A line of a map. */
void nginx_mapped(struct nginx *n);
/* A location that passes on. */
void nginx_pass(struct nginx *n);
extern const char nginx_closed_text[];
