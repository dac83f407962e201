#pragma once

/*
 * probe: GET /isAlive of every endpoint, by the master, on its loop. State lives on the master's
 * board page by endpoint slot and survives reloads; an endpoint that leaves and comes back within
 * the life of its slot keeps it.
 *
 * An endpoint that several upstreams name is probed once, as the first of them with health checks
 * says. Endpoints without health words are not probed, and counted by the directory. A name that
 * does not resolve counts as a failure, one that is still asked for does not; listeners of our own
 * are never asked.
 *
 * Rules: the first probe of a new endpoint decides at once; after that `fall` failures in a row
 * make it dead, `rise` successes alive. Any HTTP answer is a success until the page once gave a
 * 2xx; from then on anything else is a failure.
 */

#include "directory.h"
#include "resolve.h"
#include "shm/board.h"

struct certificates;
struct prober;

struct prober *prober_new(uv_loop_t *loop, struct board_master *board, struct resolver *resolver);
void prober_free(struct prober *p); /* closes its handles; run the loop once more before it ends */
/* The endpoints that matter from now on, and what TLS to them needs (NULL: those that are https
 * cannot be asked). Probes of endpoints that stay go on undisturbed, new ones
 * are probed within 50 ms, the rest is spread over the interval with jitter of 10 %; at most 64
 * probes are under way at once, and no more begin in a second than health.rate: of too many
 * endpoints each waits longer, in turn, behind those that were never probed. `c` must outlive the
 * next call. */
void prober_watch(struct prober *p, const struct directory *d, const struct config *c,
		  const struct certificates *files);
/* The same of one upstream, which directory_change has put in the place of `before`. */
void prober_change(struct prober *p, const struct directory *d,
		   const struct directory_upstream *before, const struct directory_upstream *next,
		   const struct certificates *files);
/* How many endpoints are probed. *late_s: health.rate lets each be asked every so many seconds,
 * which is later than their intervals say; 0: they are kept. */
size_t prober_watched(const struct prober *p, uint64_t *late_s);
/* Why the last probe of this endpoint got no answer; "" where it did. Until the prober runs again.
 */
const char *prober_error(const struct prober *p, uint32_t slot);
/* Pages that once gave a 2xx, to be remembered over a restart, and back: "AUTHORITY PATH", since
 * another page of the same endpoint is another matter. Without line feeds, at most 500 bytes each;
 * borrowed until the prober runs again. */
size_t prober_seen(const struct prober *p, const char *const **pages);
/* Another number after each change of these, never 0. */
uint64_t prober_seen_changes(const struct prober *p);
void prober_remember(struct prober *p, const char *page); /* before prober_watch */
