#pragma once

/*
 * peers: the board pages of the other workers, to be read only. What must be true over all workers
 * (requests in flight at an endpoint, connections of an address) is the sum of the words that each
 * of them writes on its own page: nobody waits for anybody, and what a killed worker counted goes
 * with its page.
 */

#include "shm/board.h"
#include "shm/message.h"

#include <stdbool.h>
#include <stddef.h>

struct worker_peer {
	uint64_t instance;
	uint32_t slot;
	int fd; /* kept by the admin worker, for the next master; else -1 */
	const struct board_worker *page;
};

struct worker_peers {
	struct worker_peer *peers;
	size_t count;
	struct worker_peer *earlier; /* of an earlier master: requests under way, and counters */
	size_t earlier_count;
	const struct busy **busy; /* of all traffic workers among them */
	size_t busy_count;
	int master_fd; /* of the master's page; kept by the admin worker, else -1 */
};

struct worker_peers *peers_new(void);
void peers_free(struct worker_peers *p);
/* Maps a page; takes over `fd`. `keep`: its descriptor will be handed on. One that is no page is
 * dropped. */
void peers_add(struct worker_peers *p, const struct msg_board *b, int fd, bool keep);
/* The same of a worker of an earlier master: its requests under way count in limits, and what it
 * has counted in metrics. */
void peers_add_earlier(struct worker_peers *p, const struct msg_board *b, int fd, bool keep);
void peers_forget(struct worker_peers *p, uint64_t instance);
/* The sum of the word that lies `offset` bytes into a page, over the pages of the other traffic
 * workers. */
uint64_t peers_sum(const struct worker_peers *p, size_t offset);
