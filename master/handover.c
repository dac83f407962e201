#include "handover.h"

#include "master.h"

#include "lib/log.h"
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

#define VARIABLE "YETT_HANDOVER"
#define HEADER "yett handover 1"
#define STANDARD 3 /* descriptors below it are everybody's */

/* ---- writing ---- */

static void
add_fd(struct handover_offer *o, int fd)
{
	if (fd < STANDARD)
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
add_worker(struct handover_offer *o, struct buf *text, int page, int pidfd, pid_t pid)
{
	add_line(o, text, "worker", page, pidfd);
	buf_addf(text, "%d\n", (int)pid);
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
		add_worker(o, text, slot->page ? slot->page_fd : -1, pidfd, slot->pid);
	}
	for (size_t i = 0; i < t->old_count; i++) {
		if (t->old[i].pidfd >= 0)
			add_worker(o, text,
				   t->old[i].foreign.shadow ? t->old[i].foreign.fd
							    : t->old[i].page_fd,
				   t->old[i].pidfd, t->old[i].pid);
	}
}

int
handover_offer(const struct master *m, struct handover_offer *o)
{
	BUF_CLEAN struct buf text = { 0 };
	struct slice all;
	int r;

	*o = (struct handover_offer){ .table = -1 };
	buf_addf(&text, HEADER " %d\n", (int)getpid());
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
	(void)!close_range(STANDARD, ~0u, CLOSE_RANGE_CLOEXEC);
	for (size_t i = 0; keep && i < o->count; i++)
		fcntl(o->fds[i], F_SETFD, 0);
}

void
handover_name(const struct handover_offer *o)
{
	char number[16];

	snprintf(number, sizeof number, "%d", o->table);
	setenv(VARIABLE, number, 1);
}

void
handover_offer_deinit(struct handover_offer *o)
{
	unsetenv(VARIABLE);
	for (size_t i = 0; i < o->made_count; i++)
		close(o->made[i]);
	if (o->table >= 0)
		close(o->table);
	free(o->made);
	free(o->fds);
	*o = (struct handover_offer){ .table = -1 };
}

/* ---- reading ---- */

struct line {
	struct handover *handover;
	struct takeover *takeover;
	struct inherited *in;
	int fd[2]; /* who takes one over sets it to -1 */
	const char *rest;
};

static int
take_fd(struct line *l, int i)
{
	int fd = l->fd[i];

	l->fd[i] = -1;
	return fd;
}

static void
read_lock(struct line *l)
{
	if (l->handover->lock < 0)
		l->handover->lock = take_fd(l, 0);
}

static void
read_systemd(struct line *l)
{
	if (l->handover->systemd >= 0)
		return;
	l->handover->systemd = take_fd(l, 0);
	l->handover->watchdog_ms = strtoull(l->rest, NULL, 10);
}

static void
read_board(struct line *l)
{
	takeover_add_master(l->takeover, take_fd(l, 0));
}

static void
read_field(struct line *l)
{
	layouts_add(&l->takeover->layouts, l->rest);
}

static void
read_rates(struct line *l)
{
	struct rate_head head;
	unsigned char *bytes = (unsigned char *)&head;

	if (strlen(l->rest) != 2 * sizeof head || l->takeover->rates.magic || l->fd[0] < 0)
		return;
	for (size_t i = 0; i < sizeof head; i++) {
		if (sscanf(l->rest + 2 * i, "%2hhx", &bytes[i]) != 1)
			return;
	}
	l->takeover->rates = head;
	if (head.magic)
		l->takeover->rates_fd = take_fd(l, 0);
}

static void
read_listener(struct line *l)
{
	char *name;
	uint32_t slot = (uint32_t)strtoul(l->rest, &name, 10);

	takeover_add_socket(l->in, take_fd(l, 0), slot, *name == ' ' ? name + 1 : "");
}

static void
read_worker(struct line *l)
{
	pid_t pid = atoi(l->rest);

	if (pid > 0 && l->fd[1] >= 0)
		takeover_add_worker(l->takeover, pid, take_fd(l, 1), take_fd(l, 0));
}

static void
read_image(struct line *l)
{
	free(l->handover->image);
	l->handover->image = xstrdup(l->rest);
}

static void
read_run_dir(struct line *l)
{
	free(l->handover->run_dir);
	l->handover->run_dir = xstrdup(l->rest);
}

static void
read_upgrades(struct line *l)
{
	l->handover->upgrades = strtoull(l->rest, NULL, 10);
}

static const struct {
	const char *name;
	void (*read)(struct line *l);
} names[] = {
	{ "lock", read_lock },         { "systemd", read_systemd }, { "board", read_board },
	{ "field", read_field },       { "rates", read_rates },     { "listener", read_listener },
	{ "worker", read_worker },     { "image", read_image },     { "run_dir", read_run_dir },
	{ "upgrades", read_upgrades },
};

/* Only who exec'ed us can have given us this one: it is not to live on in those whom we start. */
static int
own(int fd)
{
	return fd >= STANDARD && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
}

static void
read_line(struct line *l, const char *text)
{
	char name[16];
	int skip = 0;

	if (sscanf(text, "%15s %d %d %n", name, &l->fd[0], &l->fd[1], &skip) != 3)
		return;
	l->rest = text + skip;
	for (int i = 0; i < 2; i++)
		l->fd[i] = own(l->fd[i]);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(name, names[i].name) == 0)
			names[i].read(l);
	}
	for (int i = 0; i < 2; i++) {
		if (l->fd[i] >= 0)
			close(l->fd[i]);
	}
}

/* The lines of it, with ends; NULL when it is none of `from`. */
static char *
read_table(int fd, pid_t from)
{
	struct slice memory;
	char *text = NULL;
	int pid = 0;

	if (memfd_map(fd, &memory) < 0)
		return NULL;
	text = xstrndup(memory.p, memory.n);
	memfd_unmap(memory);
	if (sscanf(text, HEADER " %d\n", &pid) == 1 && pid == from)
		return text;
	free(text);
	return NULL;
}

int
handover_take(struct handover *h, pid_t from, struct takeover *t, struct inherited *in)
{
	const char *number = getenv(VARIABLE);
	struct line line = { h, t, in, { -1, -1 }, "" };
	char *text, *next, *at;
	int fd;

	*h = (struct handover){ .lock = -1, .systemd = -1 };
	*t = (struct takeover){ 0 };
	if (!number)
		return 1;
	fd = own(atoi(number));
	unsetenv(VARIABLE);
	text = fd < 0 ? NULL : read_table(fd, from);
	if (fd >= 0)
		close(fd);
	if (!text)
		return -EBADMSG;
	for (at = text; at; at = next) {
		next = strchr(at, '\n');
		if (next)
			*next++ = '\0';
		read_line(&line, at);
	}
	free(text);
	return 0;
}

void
handover_deinit(struct handover *h)
{
	if (h->lock >= 0)
		close(h->lock);
	if (h->systemd >= 0)
		close(h->systemd);
	free(h->image);
	free(h->run_dir);
	*h = (struct handover){ .lock = -1, .systemd = -1 };
}
