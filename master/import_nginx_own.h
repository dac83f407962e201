#pragma once

/*
 * import_nginx_own: between import_nginx.c, which goes through the blocks,
 * import_nginx_rules.c, which makes rules of what stands in them, and import_nginx_closed.c, which
 * knows what no rule may be made of.
 */

#include "import_nginx_text.h"
#include "rules.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/map.h"

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
	bool least;            /* of the upstream: least_conn */
	bool closed;           /* something may refuse any request: no route is to lead past it */
	bool shut;             /* a server may, so that no route is to be for all hosts */
	struct map narrow;     /* variables that pick for some paths alone */
	struct map shut_names; /* hosts of servers that may, in lower case */
	bool server_closed, server_odd, server_located; /* may this one refuse; has it odd names */
	bool located;                                   /* the last block was a location */
	struct slice pass;                              /* of this location */
	struct arena arena;
	bool upstreams; /* the first time through: they may stand behind who names them */
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
/* What a map's lines begin with, by the variable that it is of; 0: it is not taken over. */
enum nginx_key { NGINX_URI = 1, NGINX_HOST, NGINX_BOTH };
enum nginx_key nginx_map_key(struct slice variable);
/* Of ".example.com", which nginx takes for that and all below it, the second: "*.example.com". */
struct slice nginx_below(struct nginx *n, struct slice name);
/* A line of a map. */
void nginx_mapped(struct nginx *n);
/* A location that passes on. */
void nginx_pass(struct nginx *n);

/* The first time through: may the directive refuse somebody? */
void nginx_look_closed(struct nginx *n);
void nginx_server_begins(struct nginx *n);
void nginx_server_ends(struct nginx *n);
/* The second time: would a route for this host ("": any) lead past something? */
bool nginx_is_closed(struct nginx *n, struct slice host);
extern const char nginx_closed_text[];
