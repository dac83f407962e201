/*
 * Reading what the image before us left. Another version may have written it: what is not
 * understood is left, and its descriptors are closed.
 */

#include "handover.h"

#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	char *instance; /* an image before this one did not tell */
	pid_t pid = (pid_t)strtol(l->rest, &instance, 10);

	if (pid > 0 && l->fd[1] >= 0)
		takeover_add_worker(l->takeover, pid, take_fd(l, 1), take_fd(l, 0),
				    strtoull(instance, NULL, 10));
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

static void
read_rules(struct line *l)
{
	l->handover->rules = strcmp(l->rest, "file") == 0   ? HANDOVER_RULES_FILE
			     : strcmp(l->rest, "copy") == 0 ? HANDOVER_RULES_COPY
							    : HANDOVER_RULES_ANYWHERE;
}

static const struct {
	const char *name;
	void (*read)(struct line *l);
} names[] = {
	{ "lock", read_lock },         { "systemd", read_systemd }, { "board", read_board },
	{ "field", read_field },       { "rates", read_rates },     { "listener", read_listener },
	{ "worker", read_worker },     { "image", read_image },     { "run_dir", read_run_dir },
	{ "upgrades", read_upgrades }, { "rules", read_rules },
};

/* Only who exec'ed us can have given us this one: it is not to live on in those whom we start. */
static int
own(int fd)
{
	return fd >= HANDOVER_STANDARD && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
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
	if (sscanf(text, HANDOVER_HEADER " %d\n", &pid) == 1 && pid == from)
		return text;
	free(text);
	return NULL;
}

int
handover_take(struct handover *h, pid_t from, struct takeover *t, struct inherited *in)
{
	const char *number = getenv(HANDOVER_VARIABLE);
	struct line line = { h, t, in, { -1, -1 }, "" };
	char *text, *next, *at;
	int fd;

	*h = (struct handover){ .lock = -1, .systemd = -1 };
	*t = (struct takeover){ 0 };
	if (!number)
		return 1;
	fd = own(atoi(number));
	unsetenv(HANDOVER_VARIABLE);
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
