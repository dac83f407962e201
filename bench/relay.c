/*
 * relay: the floor of what a proxy costs. One thread, one epoll; each connection that is accepted
 * gets one to the upstream, and bytes are copied both ways: two reads and two writes for a request
 * and its answer. It parses, counts and logs nothing.
 *
 * A side that does not take what the other one sent stops that one from being read; what is left is
 * kept, 64 KiB at most. The end of one side is passed on, so half-closed connections work; an error
 * ends both.
 */

#include "lib/list.h"
#include "lib/xalloc.h"
#include "listen.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (64 * 1024)

struct pair;

struct side {
	struct pair *pair;
	int fd;
	bool ended; /* it sends no more */
	char *left; /* what the other side has not taken yet, or NULL */
	size_t left_n, left_sent;
};

struct pair {
	struct list link; /* in the dead ones, until no event of this turn can name it */
	struct side client, upstream;
	bool connected, dead;
};

struct relay {
	int epoll, listener;
	struct sockaddr_in to;
	struct list dead;
	char scratch[CHUNK];
};

static struct side *
side_other(struct side *s)
{
	return s == &s->pair->client ? &s->pair->upstream : &s->pair->client;
}

static void
pair_end(struct relay *r, struct pair *p)
{
	if (p->dead)
		return;
	p->dead = true;
	close(p->client.fd);
	close(p->upstream.fd);
	list_push(&r->dead, &p->link);
}

static void
pair_free(struct pair *p)
{
	list_remove(&p->link);
	free(p->client.left);
	free(p->upstream.left);
	free(p);
}

/* How much of it the socket takes; -1: it is broken. */
static ssize_t
side_write(struct side *s, const char *p, size_t n)
{
	ssize_t sent;

	if (s == &s->pair->upstream && !s->pair->connected)
		return 0;
	do
		sent = send(s->fd, p, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 && errno == EAGAIN ? 0 : sent;
}

/* Writes what was kept. False: the pair has ended. */
static bool
side_flush(struct relay *r, struct side *from)
{
	struct side *to = side_other(from);
	ssize_t sent;

	if (!from->left)
		return true;
	sent = side_write(to, from->left + from->left_sent, from->left_n - from->left_sent);
	if (sent < 0) {
		pair_end(r, from->pair);
		return false;
	}
	from->left_sent += (size_t)sent;
	if (from->left_sent == from->left_n) {
		free(from->left);
		from->left = NULL;
	}
	return true;
}

static void
side_keep(struct side *from, const char *p, size_t n)
{
	from->left = xmalloc(n);
	from->left_n = n;
	from->left_sent = 0;
	memcpy(from->left, p, n);
}

/* Copies from one side to the other until one of them has no more, or takes no more. */
static void
side_pump(struct relay *r, struct side *from, bool last)
{
	struct side *to = side_other(from);

	if (!side_flush(r, from))
		return;
	while (!from->left && !from->ended) {
		ssize_t n = recv(from->fd, r->scratch, CHUNK, 0), sent;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			pair_end(r, from->pair);
			return;
		}
		if (n == 0) {
			from->ended = true;
			shutdown(to->fd, SHUT_WR);
			break;
		}
		sent = side_write(to, r->scratch, (size_t)n);
		if (sent < 0) {
			pair_end(r, from->pair);
			return;
		}
		if (sent < n)
			side_keep(from, r->scratch + sent, (size_t)(n - sent));
		if (n < CHUNK && !last) /* what comes next is a new edge */
			return;
	}
	if (from->ended && to->ended && !from->left && !to->left)
		pair_end(r, from->pair);
}

static void
side_event(struct relay *r, struct side *s, uint32_t events)
{
	bool last = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);

	if (s->pair->dead)
		return;
	if (s == &s->pair->upstream && !s->pair->connected) {
		if (events & (EPOLLERR | EPOLLHUP)) {
			pair_end(r, s->pair);
			return;
		}
		s->pair->connected = true;
	}
	if ((events & EPOLLOUT) && side_other(s)->left)
		side_pump(r, side_other(s), true);
	if (!s->pair->dead && ((events & EPOLLIN) || last))
		side_pump(r, s, last);
}

static bool
side_watch(struct relay *r, struct pair *p, struct side *s, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				  .data.ptr = s };
	int one = 1;

	s->pair = p;
	s->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static void
relay_accept(struct relay *r)
{
	for (;;) {
		int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		int up =
		    fd < 0 ? -1 : socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		struct pair *p;

		if (up < 0) {
			if (fd >= 0)
				close(fd);
			return;
		}
		p = xcalloc(1, sizeof *p);
		list_init(&p->link);
		p->connected = connect(up, (struct sockaddr *)&r->to, sizeof r->to) == 0;
		if ((!p->connected && errno != EINPROGRESS) || !side_watch(r, p, &p->client, fd) ||
		    !side_watch(r, p, &p->upstream, up)) {
			close(fd);
			close(up);
			free(p);
		}
	}
}

static int
relay_run(struct relay *r)
{
	struct epoll_event events[256], ev = { .events = EPOLLIN };

	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->listener, &ev) < 0) {
		perror("bench-relay: epoll");
		return 1;
	}
	for (;;) {
		int n = epoll_wait(r->epoll, events, 256, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				side_event(r, events[i].data.ptr, events[i].events);
			else
				relay_accept(r);
		}
		while (!list_empty(&r->dead))
			pair_free(container_of(r->dead.next, struct pair, link));
	}
}

static int
usage(FILE *to)
{
	fputs(
	    "usage: bench-relay [--listen ADDRESS:PORT] --to ADDRESS:PORT\n"
	    "Prints its port (a free one for port 0, the default) and relays until it is killed.\n",
	    to);
	return to == stdout ? 0 : 2;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "to", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct relay r;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool bad = false;
	int option;

	while ((option = getopt_long(argc, argv, "l:t:", options, NULL)) >= 0) {
		if (option == 'h')
			return usage(stdout);
		bad =
		    bad || option == '?' || !listen_parse(optarg, option == 'l' ? &address : &r.to);
	}
	if (bad || optind != argc || r.to.sin_port == 0)
		return usage(stderr);
	list_init(&r.dead);
	r.listener = listen_on(&address, false);
	if (r.listener < 0) {
		perror("bench-relay: listen");
		return 1;
	}
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	return relay_run(&r);
}
