#pragma once

/*
 * takeover: when an earlier master was killed, or has made room for us (upgrade.h), its workers
 * serve on. Its admin worker gives us their listening sockets and their pages; once our own workers
 * serve, the old ones are told to finish. Orphans of whom it does not know, or all of them when it
 * is dead too, are found in /proc by our run_dir, or by their sockets: we listen beside them, and
 * they finish all the same. What was counted goes on: our base begins as that of the earlier
 * master, the pages of its workers are added up with ours as long as they serve, and are put into
 * the base once, when they have ended. Routes, endpoints and limits have the slots that they had
 * (slots_on_board), so that all pages mean the same by them; an endpoint that was dead or ejected
 * is so still. What a worker without a page counted is lost.
 */

#include "listeners.h"
#include "shm/board.h"
#include "shm/rate.h"
#include "takeover_layout.h"

#include <sys/types.h>

struct kin;
struct slot;
struct stat;
struct supervisor;

struct old_worker {
	pid_t pid; /* 0: its page names no process that is its own */
	int pidfd; /* -1: it is gone */
	uint64_t instance;
	const struct board_worker *page; /* NULL: it was found in /proc */
	int page_fd;                     /* for our workers; -1: it is gone, or there is no page */
	bool shown;                      /* they have it */
	bool told;                       /* to finish */
	bool kin;                        /* it stands in the supervisor's */
	const struct slot *after;        /* not before this one serves; NULL: at once */
	uint64_t kill_ms;                /* its own; 0: that of all */
	struct foreign_page foreign;     /* where the page is of another layout */
	bool forgotten;                  /* its page, by the service manager (kept.h) */
};

struct takeover {
	struct old_worker *old;
	size_t old_count;
	const struct board_master *page; /* of the earlier master, NULL: none came */
	struct rate_head rates;          /* what their rates are kept in; magic 0: none came */
	int rates_fd;
	struct layouts layouts;
	uint64_t kill_ms; /* they were told to end, and have time until then; 0: they were not */
};

/* Asks whoever listens at run_dir/takeover.sock; waits for it at most two seconds. Sockets are
 * added to `in`. 0; 1: there is nobody; a negative errno: there is somebody who does not answer. */
int takeover_ask(struct takeover *t, const char *run_dir, struct inherited *in)
    __attribute__((warn_unused_result));
/* The page of a worker that an earlier master had, which may be known already; `fd` is taken over;
 * `instance` as that master gave it, 0: it is not known but from the page, as in all of these.
 * False: it is of a layout that nobody told us of. */
bool takeover_add_page(struct takeover *t, int fd, uint64_t instance);
void takeover_close_page(struct old_worker *old);
/* A pidfd of the process, if it is the one that `page` belongs to, whatever the page says: only who
 * made it can write there, and the kernel tells. -1: it is another's, or that cannot be seen. */
int takeover_owner(pid_t pid, const struct stat *page);
/* Adds to `in` the workers of our user whose master is gone; run_dir's owner is us as well. */
void takeover_search(const char *run_dir, struct inherited *in);
/* What an image left us that we were executed in the place of (handover.h): a socket, if it
 * listens (name: of a .socket unit, else ""); the page of its master; a worker, whose page may be
 * -1. The descriptors are taken over.
 */
void takeover_add_socket(struct inherited *in, int fd, uint32_t slot, const char *name);
void takeover_add_master(struct takeover *t, int fd);
void takeover_add_worker(struct takeover *t, pid_t pid, int pidfd, int page_fd, uint64_t instance);
/* After listeners_open: those orphans of `in` that are ours are old workers, too. */
void takeover_adopt(struct takeover *t, struct inherited *in);
/* The counters of old go on in `board`, its version, and what its slots mean. */
void takeover_seed(struct takeover *t, struct board_master *board);
/* What it counted, at its end. `listed`, `folded`: its identities, its counters are in the base
 * already. */
void takeover_keep(const struct old_worker *old, bool listed, bool folded,
		   struct board_master *board);
/* The page of the i-th of old (below old_count), if it counts on and is not in `board` yet; else
 * NULL. */
const struct board_worker *takeover_living(const struct takeover *t, size_t i);
/* May the i-th of old yet decide about a request? It would by what its own master knew. */
bool takeover_decides(const struct takeover *t, size_t i);
/* Our workers serve, or we end: the old ones are told, one by one, to finish within grace_ms.
 * Another call may only shorten that. */
void takeover_end(struct takeover *t, uint32_t grace_ms);
void takeover_kill(struct takeover *t);
/* A worker of ours that another one replaces in its slot: it is told once that one serves. */
void takeover_add_replaced(struct takeover *t, pid_t pid, int pidfd, int page_fd, uint64_t instance,
			   const struct slot *by);
/* Is there one that waits for that? */
bool takeover_replaces(const struct takeover *t);
/* Has the last of the old ones ended? */
bool takeover_is_over(const struct takeover *t);
/* What requests an old worker has under way counts in the limits of ours, and what it has counted
 * in the metrics of the admin worker, who hands it to the next master, too: tells one of them. */
void takeover_show(struct takeover *t, struct slot *slot);
/* Adds the processes of those that live to `kin`. */
void takeover_list(struct takeover *t, struct kin *kin);
/* Tells them which of those have ended. */
void takeover_tell_gone(struct takeover *t, struct supervisor *s);
/* At every tick. */
void takeover_tick(struct takeover *t, struct board_master *board, uint64_t now_ms);
/* Those whose successor serves by now are told to finish within grace_ms. */
void takeover_tell_replaced(struct takeover *t, uint32_t grace_ms);
void takeover_deinit(struct takeover *t);
