#include "peers.h"

#include "lib/xalloc.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct worker_peers *
peers_new(void)
{
	struct worker_peers *p = xcalloc(1, sizeof *p);

	p->master_fd = -1;
	return p;
}

void
peers_free(struct worker_peers *p)
{
	while (p->count > 0)
		peers_forget(p, p->peers[0].instance);
	if (p->master_fd >= 0)
		close(p->master_fd);
	free(p->peers);
	free(p->busy);
	free(p);
}

/* What is asked for each request is made once. */
static void
peers_settle(struct worker_peers *p)
{
	p->busy = xrealloc(p->busy, (p->count + 1) * sizeof(const struct busy *));
	p->busy_count = 0;
	for (size_t i = 0; i < p->count; i++) {
		if (p->peers[i].page->role == ROLE_TRAFFIC)
			p->busy[p->busy_count++] = &p->peers[i].page->busy;
	}
}

void
peers_add(struct worker_peers *p, const struct msg_board *b, int fd, bool keep)
{
	struct worker_peer peer = { .instance = b->instance, .slot = b->slot, .fd = -1 };
	const void *page;

	if (keep)
		peer.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (board_map(fd, sizeof *peer.page, &page) < 0) {
		if (peer.fd >= 0)
			close(peer.fd);
		return;
	}
	peer.page = page;
	p->peers = xrealloc(p->peers, (p->count + 1) * sizeof *p->peers);
	p->peers[p->count++] = peer;
	peers_settle(p);
}

void
peers_forget(struct worker_peers *p, uint64_t instance)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->peers[i].instance != instance)
			continue;
		board_unmap(p->peers[i].page, sizeof *p->peers[i].page);
		if (p->peers[i].fd >= 0)
			close(p->peers[i].fd);
		p->peers[i] = p->peers[--p->count];
		peers_settle(p);
		return;
	}
}

bool
peers_have(const struct worker_peers *p, uint32_t pid)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->peers[i].page->pid == pid)
			return true;
	}
	return false;
}

uint64_t
peers_sum(const struct worker_peers *p, size_t offset)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct board_worker *page = p->peers[i].page;

		if (page->role == ROLE_TRAFFIC)
			sum += board_get((const uint64_t *)((const char *)page + offset));
	}
	return sum;
}
