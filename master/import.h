#pragma once

/*
 * import: rules of other systems as files have them, made our own.
 */

#include "lib/slice.h"

struct buf;
struct rules;

/* Commands for redis-cli, one a line: SET of frontends, and of rules of our own (yett:route:NAME
 * and the like), HSET and HMSET of backends. Later lines win, as they would in Redis. What cannot
 * be taken over is added to `report`, "FILE:LINE: what; the remedy", a line each. `rules` is
 * empty. */
void import_redx(struct slice text, const char *file, struct rules *rules, struct buf *report);
/* a-shine's gateway.conf.yaml: its services as routes of our own, with targets (import_ashine.c).
 */
void import_ashine(struct slice text, const char *file, struct rules *rules, struct buf *report);
/* Of nginx: upstream blocks, maps of paths or hosts to them, also the lines of one alone, and
 * locations with proxy_pass (import_nginx.c). */
void import_nginx(struct slice text, const char *file, struct rules *rules, struct buf *report);
