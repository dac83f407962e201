#include "kept.h"

#include "master.h"
#include "socket.h"

#include "lib/log.h"
#include "shm/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* No name of a .socket unit begins like that. */
#define PREFIX "kept-"
#define LISTENER PREFIX "listener"
#define BOARD PREFIX "board"
#define RATES PREFIX "rates"
#define RATES_HEAD PREFIX "rates-head" /* it has a secret, which does not belong to the rows */
#define LAYOUTS PREFIX "layouts"       /* how these pages are laid out */
#define PAGE PREFIX "page-"

/* ---- recovering ---- */

static bool
is_listening_stream(int fd)
{
	int listens = 0, type = 0;
	socklen_t n = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM;
}

static void
recover_page(struct master *m, struct handed_fd *page)
{
	uint64_t instance = strtoull(page->name + strlen(PAGE), NULL, 10);
	int fd = page->fd;

	page->fd = -1;
	if (!takeover_add_page(&m->takeover, fd, instance)) /* nobody will ever read it */
		systemd_forget(&m->systemd, page->name);
}

static void
recover_rates(struct takeover *t, struct handed_fd *head, struct handed_fd *rows)
{
	struct rate_head got;

	if (!head || !rows || t->rates.magic ||
	    pread(head->fd, &got, sizeof got, 0) != sizeof got || got.magic != RATE_MAGIC)
		return;
	t->rates = got;
	t->rates_fd = rows->fd;
	rows->fd = -1;
}

/* 1: not for us. */
static int
recover_socket(struct handed_fd *one, struct inherited *in, struct buf *error)
{
	bool ours = strcmp(one->name, LISTENER) == 0;

	if (!is_listening_stream(one->fd)) {
		if (ours)
			return 0;
		buf_addf(error,
			 "listeners: what the service manager gives as %s is no stream socket that "
			 "listens; in its .socket unit write ListenStream= and Accept=no\n",
			 one->name);
		return -EINVAL;
	}
	fcntl(one->fd, F_SETFL, fcntl(one->fd, F_GETFL) | O_NONBLOCK);
	if (ours)
		inherited_add(in, one->fd, 0);
	else
		inherited_add_named(in, one->fd, one->name);
	one->fd = -1;
	return 0;
}

int
kept_recover(struct master *m, struct handed *h, struct inherited *in, struct buf *error)
{
	struct handed_fd *head = NULL, *rows = NULL;
	int r = 0;

	for (size_t i = 0; i < h->count; i++) {
		if (strcmp(h->all[i].name, LAYOUTS) == 0)
			layouts_read(&m->takeover.layouts, h->all[i].fd);
	}
	for (size_t i = 0; i < h->count && r == 0; i++) {
		struct handed_fd *one = &h->all[i];

		if (strcmp(one->name, BOARD) == 0) {
			takeover_add_master(&m->takeover, one->fd);
			one->fd = -1;
		} else if (strncmp(one->name, PAGE, strlen(PAGE)) == 0) {
			recover_page(m, one);
		} else if (strcmp(one->name, RATES_HEAD) == 0) {
			head = one;
		} else if (strcmp(one->name, LAYOUTS) == 0) {
			continue;
		} else if (strcmp(one->name, RATES) == 0) {
			rows = one;
		} else {
			r = recover_socket(one, in, error);
		}
	}
	recover_rates(&m->takeover, head, rows);
	if (h->count > 0)
		log_info("kept descriptors=%zu sockets=%zu", h->count, in->count);
	return r;
}

/* ---- keeping ---- */

static void
keep_one(struct master *m, const char *name, int fd)
{
	systemd_forget(&m->systemd, name);
	systemd_keep(&m->systemd, name, &fd, 1);
}

static void
keep_listeners(struct master *m)
{
	size_t n;
	int *fds = listeners_keep(&m->listeners, &n);

	systemd_forget(&m->systemd, LISTENER);
	for (size_t i = 0; i < n; i += SYSTEMD_KEEP_MAX)
		systemd_keep(&m->systemd, LISTENER, fds + i, n - i);
	free(fds);
}

static void
keep_layouts(struct master *m)
{
	int fd;

	if (layouts_memfd(&m->takeover.layouts, &fd) < 0)
		return;
	keep_one(m, LAYOUTS, fd);
	close(fd);
}

void
kept_begin(struct master *m)
{
	if (m->systemd.fd < 0)
		return;
	m->kept = true;
	keep_listeners(m);
	keep_layouts(m);
	keep_one(m, BOARD, m->page_fd);
	kept_rates(m);
	kept_tick(m);
}

void
kept_rates(struct master *m)
{
	const struct rate_table *t = &m->rates.table;
	struct slice head = { (const char *)&t->head, sizeof t->head };
	int fd;

	if (!m->kept || !t->sets || memfd_of("yett-rates-head", &head, 1, &fd) < 0)
		return;
	keep_one(m, RATES_HEAD, fd);
	keep_one(m, RATES, m->rates.fd);
	close(fd);
}

static void
page_name(uint64_t instance, char out[64])
{
	snprintf(out, 64, PAGE "%" PRIu64, instance);
}

void
kept_page(struct master *m, const struct slot *slot)
{
	char name[64];

	if (slot->role != ROLE_TRAFFIC) /* an operator's requests are not counted */
		return;
	page_name(slot->instance, name);
	systemd_keep(&m->systemd, name, &slot->page_fd, 1);
}

void
kept_page_gone(struct master *m, const struct slot *slot)
{
	char name[64];

	if (slot->role != ROLE_TRAFFIC)
		return;
	page_name(slot->instance, name);
	systemd_forget(&m->systemd, name);
}

void
kept_tick(struct master *m)
{
	for (size_t i = 0; m->kept && i < m->takeover.old_count; i++) {
		struct old_worker *old = &m->takeover.old[i];
		char name[64];

		if (old->forgotten || old->pidfd >= 0 || !old->instance)
			continue;
		page_name(old->instance, name);
		systemd_forget(&m->systemd, name);
		old->forgotten = true;
	}
}
