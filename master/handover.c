#include "handover.h"

#include "master.h"

#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

static void
add_fd(struct handover_offer *o, int fd)
{
	if (fd < HANDOVER_STANDARD)
		return;
	o->fds = xrealloc(o->fds, (o->count + 1) * sizeof *o->fds);
	o->fds[o->count++] = fd;
}

static void
add_line(struct handover_offer *o, struct buf *text, const char *name, int a, int b)
{
	add_fd(o, a);
	add_fd(o, b);
	buf_addf(text, "%s %d %d ", name, a, b);
}

static void
add_rates(struct handover_offer *o, struct buf *text, const struct rate_memory *rates)
{
	const unsigned char *head = (const unsigned char *)&rates->table.head;

	if (!rates->table.sets)
		return;
	add_line(o, text, "rates", rates->fd, -1);
	for (size_t i = 0; i < sizeof rates->table.head; i++)
		buf_addf(text, "%02x", head[i]);
	buf_addc(text, '\n');
}

static void
add_listeners(struct handover_offer *o, struct buf *text, const struct listeners *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct listener *l = &all->all[i];

		for (uint32_t k = 0; l->kind != LISTENER_TAKEOVER && k < l->fds_count; k++) {
			add_line(o, text, "listener", l->fds[k], -1);
			buf_addf(text, "%u %s\n", k, l->activated ? l->activated : "");
		}
	}
}

static void
add_worker(struct handover_offer *o, struct buf *text, int page, int pidfd, pid_t pid,
	   uint64_t instance)
{
	add_line(o, text, "worker", page, pidfd);
	buf_addf(text, "%d %" PRIu64 "\n", (int)pid, instance);
}

static void
add_workers(struct handover_offer *o, struct buf *text, const struct master *m)
{
	const struct supervisor *s = &m->supervisor;
	const struct takeover *t = &m->takeover;

	o->made = xcalloc(s->slots_count, sizeof *o->made);
	for (uint32_t i = 0; i < s->slots_count; i++) {
		const struct slot *slot = &s->slots[i];
		int pidfd = slot->pid ? pidfd_open(slot->pid, 0) : -1;

		if (pidfd < 0)
			continue;
		o->made[o->made_count++] = pidfd;
		add_worker(o, text, slot->page ? slot->page_fd : -1, pidfd, slot->pid,
			   slot->instance);
	}
	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].pidfd >= 0)
			add_worker(o, text,
				   t->old[i].foreign.shadow ? t->old[i].foreign.fd
							    : t->old[i].page_fd,
				   t->old[i].pidfd, t->old[i].pid, t->old[i].instance);
	}
}

static void
add_rules(struct buf *text, const struct master *m)
{
	if (rules_keys(m->rules) == 0)
		return;
	if (!m->config->redis.configured)
		buf_adds(text, SLICE("rules -1 -1 file\n"));
	else if (!store_redis_is_up(m->store))
		buf_adds(text, SLICE("rules -1 -1 copy\n"));
}

int
handover_offer(const struct master *m, struct handover_offer *o)
{
	BUF_CLEAN struct buf text = { 0 };
	struct slice all;
	int r;

	*o = (struct handover_offer){ .table = -1 };
	buf_addf(&text, HANDOVER_HEADER " %d\n", (int)getpid());
	add_line(o, &text, "lock", m->workdir.lock, -1);
	buf_addc(&text, '\n');
	if (m->systemd.fd >= 0) {
		add_line(o, &text, "systemd", m->systemd.fd, -1);
		buf_addf(&text, "%" PRIu64 "\n", m->systemd.watchdog_ms);
	}
	layouts_write(&m->takeover.layouts, "field -1 -1 ", &text);
	add_line(o, &text, "board", m->page_fd, -1);
	buf_addc(&text, '\n');
	add_rates(o, &text, &m->rates);
	add_listeners(o, &text, &m->listeners);
	add_workers(o, &text, m);
	buf_addf(&text, "image -1 -1 %s\nrun_dir -1 -1 %s\nupgrades -1 -1 %" PRIu64 "\n",
		 m->spawn.path, m->workdir.run_dir, m->upgrade.count + 1);
	add_rules(&text, m);
	all = buf_slice(&text);
	r = memfd_of("yett-handover", &all, 1, &o->table);
	if (r < 0) {
		handover_offer_deinit(o);
		return r;
	}
	add_fd(o, o->table);
	return 0;
}

void
handover_keep(const struct handover_offer *o, bool keep)
{
	(void)!close_range(HANDOVER_STANDARD, ~0u, CLOSE_RANGE_CLOEXEC);
	for (size_t i = 0; keep && i < o->count; i++)
		fcntl(o->fds[i], F_SETFD, 0);
}

void
handover_name(const struct handover_offer *o)
{
	char number[16];

	snprintf(number, sizeof number, "%d", o->table);
	setenv(HANDOVER_VARIABLE, number, 1);
}

void
handover_offer_deinit(struct handover_offer *o)
{
	unsetenv(HANDOVER_VARIABLE);
	for (size_t i = 0; i < o->made_count; i++)
		close(o->made[i]);
	if (o->table >= 0)
		close(o->table);
	free(o->made);
	free(o->fds);
	*o = (struct handover_offer){ .table = -1 };
}
