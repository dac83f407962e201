#pragma once

/*
 * dns_server: a name server on a loopback port, in the test's own loop, which answers, changes,
 * lies and is silent. Included after <cmocka.h>, by one file of a test.
 */

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum dns_mode { DNS_ANSWER, DNS_NXDOMAIN, DNS_SERVFAIL, DNS_SILENT, DNS_NOISE, DNS_BROKEN };

struct dns_zone {
	const char *name;
	enum dns_mode mode;
	const char *a, *aaaa; /* space between addresses */
	uint32_t ttl;
	const char *cname; /* the addresses belong to this one */
	uint32_t cname_ttl;
	unsigned asked; /* for A */
};

#define DNS_ZONES 8

struct dns_server {
	uv_poll_t poll;
	int fd, port;
	struct dns_zone zones[DNS_ZONES];
	unsigned asked; /* all, for A */
	enum dns_mode others;
};

struct dns_packet {
	unsigned char bytes[2048];
	size_t n;
};

static void
dns_put(struct dns_packet *p, const void *bytes, size_t n)
{
	assert_true(p->n + n <= sizeof p->bytes);
	memcpy(p->bytes + p->n, bytes, n);
	p->n += n;
}

static void
dns_put16(struct dns_packet *p, unsigned v)
{
	dns_put(p, (unsigned char[]){ (unsigned char)(v >> 8), (unsigned char)v }, 2);
}

static void
dns_put_name(struct dns_packet *p, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		dns_put(p, (unsigned char[]){ (unsigned char)n }, 1);
		dns_put(p, name, n);
		name += n + (name[n] == '.');
	}
	dns_put(p, "", 1);
}

static void
dns_put_record(struct dns_packet *p, const char *name, unsigned type, uint32_t ttl,
	       const void *data, size_t n)
{
	dns_put_name(p, name);
	dns_put16(p, type);
	dns_put16(p, 1);
	dns_put16(p, ttl >> 16);
	dns_put16(p, ttl & 0xffff);
	dns_put16(p, (unsigned)n);
	dns_put(p, data, n);
	p->bytes[7]++; /* answers */
}

static void
dns_put_addresses(struct dns_packet *p, const struct dns_zone *z, unsigned type)
{
	const char *owner = z->cname ? z->cname : z->name, *list = type == 1 ? z->a : z->aaaa;
	char copy[1024], *rest = copy, *word;

	snprintf(copy, sizeof copy, "%s", list ? list : "");
	while ((word = strsep(&rest, " "))) {
		unsigned char ip[16];

		if (*word && inet_pton(type == 1 ? AF_INET : AF_INET6, word, ip) == 1)
			dns_put_record(p, owner, type, z->ttl, ip, type == 1 ? 4 : 16);
	}
}

static struct dns_zone *
dns_find(struct dns_server *d, const char *name)
{
	static struct dns_zone none;

	for (size_t i = 0; i < DNS_ZONES; i++) {
		if (d->zones[i].name && strcasecmp(d->zones[i].name, name) == 0)
			return &d->zones[i];
	}
	none = (struct dns_zone){ .name = name, .mode = d->others };
	return &none;
}

/* The question's name in text; returns where it ends. */
static size_t
dns_question_name(const struct dns_packet *q, char *out)
{
	size_t i = 12, n = 0;

	while (q->bytes[i]) {
		memcpy(out + n, q->bytes + i + 1, q->bytes[i]);
		n += q->bytes[i];
		out[n++] = '.';
		i += 1u + q->bytes[i];
	}
	out[n ? n - 1 : 0] = '\0';
	return i + 1;
}

static void
dns_answer(struct dns_server *d, const struct dns_packet *q, const struct sockaddr_in *to)
{
	struct dns_packet p = { 0 };
	char name[256];
	size_t end = dns_question_name(q, name);
	struct dns_zone *z = dns_find(d, name);
	unsigned type = q->bytes[end + 1];

	dns_put(&p, q->bytes, end + 4);
	memcpy(p.bytes + 2, "\x81\x80\0\1\0\0\0\0\0\0", 10);
	z->asked += type == 1;
	d->asked += type == 1;
	switch (z->mode) {
	case DNS_ANSWER:
		if (z->cname) {
			struct dns_packet target = { 0 };

			dns_put_name(&target, z->cname);
			dns_put_record(&p, z->name, 5, z->cname_ttl, target.bytes, target.n);
		}
		dns_put_addresses(&p, z, type);
		break;
	case DNS_NXDOMAIN:
		p.bytes[3] |= 3;
		break;
	case DNS_SERVFAIL:
		p.bytes[3] |= 2;
		break;
	case DNS_SILENT:
		return;
	case DNS_NOISE: /* not from here: another id, no header, nothing */
		p.bytes[0] ^= 0x55;
		sendto(d->fd, p.bytes, p.n, 0, (const struct sockaddr *)to, sizeof *to);
		sendto(d->fd, p.bytes, 7, 0, (const struct sockaddr *)to, sizeof *to);
		sendto(d->fd, p.bytes, 0, 0, (const struct sockaddr *)to, sizeof *to);
		return;
	case DNS_BROKEN: /* promises records, and ends in the middle of one */
		dns_put_record(&p, z->name, type, 5, "xxxxxxxxxxxxxxxx", type == 1 ? 4 : 16);
		p.bytes[7] = 200;
		p.n -= 2;
		break;
	}
	sendto(d->fd, p.bytes, p.n, 0, (const struct sockaddr *)to, sizeof *to);
}

static void
dns_on_ready(uv_poll_t *poll, int status, int events)
{
	struct dns_server *d = poll->data;
	struct dns_packet q;
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	ssize_t n;

	while ((n = recvfrom(d->fd, q.bytes, sizeof q.bytes, MSG_DONTWAIT, (struct sockaddr *)&from,
			     &size)) > 12) {
		q.n = (size_t)n;
		dns_answer(d, &q, &from);
	}
}

static void
dns_open(struct dns_server *d, uv_loop_t *loop)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;

	d->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(d->fd >= 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&address, size), 0);
	getsockname(d->fd, (struct sockaddr *)&address, &size);
	d->port = ntohs(address.sin_port);
	d->others = DNS_NXDOMAIN;
	uv_poll_init(loop, &d->poll, d->fd);
	d->poll.data = d;
	uv_poll_start(&d->poll, UV_READABLE, dns_on_ready);
}

static void
dns_close(struct dns_server *d)
{
	uv_close((uv_handle_t *)&d->poll, NULL);
	close(d->fd);
}
