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
	while (p->earlier_count > 0)
		peers_forget(p, p->earlier[0].instance);
	if (p->master_fd >= 0)
		close(p->master_fd);
	free(p->peers);
	free(p->busy);
	free(p->earlier);
	free(p);
}

static void
settle(struct worker_peers *p, const struct worker_peer *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i].page->role == ROLE_TRAFFIC)
			p->busy[p->busy_count++] = &all[i].page->busy;
	}
}

/* What is asked for each request is made once. */
static void
peers_settle(struct worker_peers *p)
{
	size_t most = p->count + p->earlier_count;

	p->busy = xrealloc(p->busy, (most + 1) * sizeof(const struct busy *));
	p->busy_count = 0;
	settle(p, p->peers, p->count);
	settle(p, p->earlier, p->earlier_count);
}

static void
add(struct worker_peers *p, struct worker_peer **all, size_t *count, struct worker_peer peer,
    int fd)
{
	const void *page;

	if (board_map(fd, sizeof *peer.page, &page) < 0) {
		if (peer.fd >= 0)
			close(peer.fd);
		return;
	}
	peer.page = page;
	*all = xrealloc(*all, (*count + 1) * sizeof **all);
	(*all)[(*count)++] = peer;
	peers_settle(p);
}

void
peers_add(struct worker_peers *p, const struct msg_board *b, int fd, bool keep)
{
	struct worker_peer peer = { .instance = b->instance, .slot = b->slot, .fd = -1 };

	if (keep)
		peer.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	add(p, &p->peers, &p->count, peer, fd);
}

void
peers_add_earlier(struct worker_peers *p, const struct msg_board *b, int fd, bool keep)
{
	struct worker_peer peer = { .instance = b->instance, .slot = b->slot, .fd = -1 };

	if (keep)
		peer.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	add(p, &p->earlier, &p->earlier_count, peer, fd);
}

static void
forget(struct worker_peers *p, struct worker_peer *all, size_t *count, uint64_t instance)
{
	for (size_t i = 0; i < *count; i++) {
		if (all[i].instance != instance)
			continue;
		board_unmap(all[i].page, sizeof *all[i].page);
		if (all[i].fd >= 0)
			close(all[i].fd);
		all[i] = all[--*count];
		peers_settle(p);
		return;
	}
}

void
peers_forget(struct worker_peers *p, uint64_t instance)
{
	forget(p, p->peers, &p->count, instance);
	forget(p, p->earlier, &p->earlier_count, instance);
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
