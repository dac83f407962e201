#include "ticket_share.h"

#include "file.h"
#include "master.h"

#include "lib/log.h"
#include "lib/redis.h"
#include "lib/seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PURPOSE "yett keys of tickets"
#define PERIODS_KEPT 4 /* in Redis: one more than open tickets, as clocks differ */

bool
ticket_share_wanted(const struct master *m)
{
	return m->config->tls.tickets == TICKETS_REDIS && m->config->redis.configured;
}

static int64_t
period_length(const struct master *m)
{
	return m->config->tls.ticket_lifetime_s / TLS_TICKET_KEYS_MAX;
}

static struct slice
secret_of(const struct master *m)
{
	return slice_make(m->config->tls.ticket_secret.bytes, m->config->tls.ticket_secret.n);
}

/* Gateways with another lifetime have other keys. */
static void
name_of(const struct master *m, int64_t period, struct buf *out)
{
	buf_addf(out, "yett:tickets:%u:%" PRId64, m->config->tls.ticket_lifetime_s, period);
}

static void
complain(struct master *m, const char *what)
{
	struct ticket_share *s = &m->ticket_share;

	if (strncmp(s->complaint, what, sizeof s->complaint - 1) == 0)
		return;
	snprintf(s->complaint, sizeof s->complaint, "%s", what);
	log_warn("tickets redis=\"%s\" effect=\"clients resume with this gateway alone\"", what);
}

/* ---- what Redis has ---- */

static void
take(struct master *m, int64_t period, struct slice sealed)
{
	FILE_SECRET struct buf plain = { 0 };
	BUF_CLEAN struct buf name = { 0 };
	struct tls_ticket_key key;

	name_of(m, period, &name);
	if (!seal_open(secret_of(m), PURPOSE, buf_slice(&name), sealed, &plain) ||
	    plain.n != sizeof key) {
		complain(m, "the key there was not sealed with our tls.ticket_secret; is it the "
			    "same everywhere?");
		return;
	}
	memcpy(&key, plain.p, sizeof key);
	if (tickets_put(&m->tickets, &key, period * period_length(m)))
		publish_mark(m, PUBLISH_KEYS);
	explicit_bzero(&key, sizeof key);
	if (*m->ticket_share.complaint)
		log_info("tickets redis=well");
	m->ticket_share.complaint[0] = '\0';
}

static void
on_key(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct master *m = userdata;
	char text[32], fault[64];

	if (!ticket_share_wanted(m) || r->type == REDIS_NIL)
		return;
	if (r->type != REDIS_STRING) {
		complain(m, redis_fault(r, fault, sizeof fault));
		return;
	}
	snprintf(text, sizeof text, "%.*s", SLICE_F(tag));
	take(m, strtoll(text, NULL, 10), r->text);
}

static void
on_set(void *userdata, struct slice tag, const struct redis_reply *r)
{
	char fault[64];

	(void)tag;
	if (r->type == REDIS_FAILED)
		complain(userdata, redis_fault(r, fault, sizeof fault));
}

/* ---- asking ---- */

static void
ask(struct master *m, struct slice name, int64_t period)
{
	const struct slice argv[] = { SLICE("GET"), name };
	char tag[32];

	snprintf(tag, sizeof tag, "%" PRId64, period);
	store_redis_command(m->store, on_key, m, slice_of(tag), 2, argv);
}

/* Ours, unless there is one. */
static void
offer(struct master *m, struct slice name)
{
	BUF_CLEAN struct buf sealed = { 0 };
	struct tls_ticket_key key;
	char seconds[32];
	struct slice argv[] = { SLICE("SET"), name, { 0 }, SLICE("NX"), SLICE("EX"), { 0 } };

	snprintf(seconds, sizeof seconds, "%" PRId64, PERIODS_KEPT * period_length(m));
	tickets_random(&key);
	if (seal_close(secret_of(m), PURPOSE, name, slice_make((const char *)&key, sizeof key),
		       &sealed)) {
		argv[2] = buf_slice(&sealed);
		argv[5] = slice_of(seconds);
		store_redis_command(m->store, on_set, m, SLICE(""), 6, argv);
	}
	explicit_bzero(&key, sizeof key);
}

/* The key of this period is asked for until it is there; older ones once. */
void
ticket_share_tick(struct master *m, int64_t now)
{
	struct ticket_share *s = &m->ticket_share;
	int64_t length = period_length(m), period = now / length;

	if (s->tried == now || !store_redis_is_up(m->store))
		return;
	s->tried = now;
	for (int64_t p = period; p > period - TLS_TICKET_KEYS_MAX; p--) {
		BUF_CLEAN struct buf name = { 0 };

		if (tickets_shared(&m->tickets, p * length) || (p < period && s->period == period))
			continue;
		name_of(m, p, &name);
		if (p == period)
			offer(m, buf_slice(&name));
		ask(m, buf_slice(&name), p);
	}
	s->period = period;
}
