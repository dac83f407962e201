#include "tls_front.h"

#include "credentials.h"
#include "tls_asked.h"
#include "client.h"
#include "shed.h"

#include "lib/log.h"
#include "lib/tls_peer.h"
#include "lib/tls_session.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

#define LOG_MS 10000          /* at most one line in so long */
#define HANDSHAKE_BYTES 40000 /* that one takes, about */

struct tls_front {
	struct credentials *credentials;
	struct segment *keys;        /* of the table in force */
	struct tls_context *context; /* NULL: nothing speaks TLS */
	uint32_t serial;             /* changes with what is asked of clients */
	uint32_t loads;              /* with every table */
};

struct tls_client {
	uint64_t lists;        /* what its certificate was looked up in, in tls_asked.h's words */
	uint64_t asked;        /* what certificates it was asked for, in the same words */
	struct tls_peer *peer; /* what its certificate says; NULL: it showed none that is good */
	uint32_t serial;       /* of the front, when its handshake began */
	uint32_t loads;        /* the same */
};

struct tls_front *
tls_front_new(struct credentials *credentials)
{
	struct tls_front *f = xcalloc(1, sizeof *f);

	f->credentials = credentials;
	return f;
}

void
tls_front_free(struct tls_front *f)
{
	tls_context_unref(f->context);
	seg_unref(f->keys);
	free(f);
}

/* Which certificates there are for the name. */
static bool
run_of(const struct segment *keys, struct slice name, uint32_t *first, uint32_t *count)
{
	const struct table_tls *tls = table_tls(keys);

	if (!tls)
		return false;
	if (name.p && table_tls_find(keys, name, first, count))
		return true;
	*first = tls->default_first;
	*count = tls->default_count;
	return !tls->strict;
}

static bool
on_pick(void *arg, struct slice name, struct tls_choice *choice)
{
	struct tls_front *f = arg;
	uint32_t first, count, asked;

	*choice = (struct tls_choice){ .n = 0 };
	if (!run_of(f->keys, name, &first, &count))
		return false;
	for (uint32_t i = 0; i < count && choice->n < TLS_CERTIFICATES_MAX; i++) {
		struct tls_certificate *own =
		    credentials_own(f->credentials, table_tls_choice(f->keys, first + i));

		if (own)
			choice->certificates[choice->n++] = own;
	}
	asked = table_tls_clients(f->keys, name.p ? name : SLICE(""));
	if (asked == 0)
		return true;
	choice->required = table_clients(f->keys, asked - 1)->required;
	choice->trust = credentials_trust(f->credentials, asked - 1);
	return choice->trust != NULL; /* whom nobody can verify does not come in */
}

static struct tls_context *
context_of(struct tls_front *f, const struct table_tls *tls)
{
	static const char *const alpn[] = { "http/1.1", NULL };
	int *suites = xcalloc(tls->suites_count + 1, sizeof *suites);
	uint16_t *groups = xcalloc(tls->groups_count + 1, sizeof *groups);
	struct tls_settings settings = {
		.oldest = tls->oldest,
		.newest = tls->newest,
		.suites = tls->suites_count > 0 ? suites : NULL,
		.groups = tls->groups_count > 0 ? groups : NULL,
		.alpn = alpn,
		.pick = on_pick,
		.pick_arg = f,
	};
	const uint32_t *numbers = seg_at(f->keys, KEYS_NUMBERS, 0, sizeof *numbers);
	struct tls_context *c;

	for (uint32_t i = 0; i < tls->suites_count; i++)
		suites[i] = (int)numbers[tls->suites_first + i];
	for (uint32_t i = 0; i < tls->groups_count; i++)
		groups[i] = (uint16_t)numbers[tls->groups_first + i];
	c = tls_server_new(&settings);
	free(suites);
	free(groups);
	return c;
}

static void
tickets_load(struct tls_context *c, const struct segment *keys, uint32_t lifetime_s)
{
	struct tls_ticket_key own[TLS_TICKET_KEYS_MAX];
	const struct table_ticket *row;
	unsigned n = 0;

	while (n < TLS_TICKET_KEYS_MAX && (row = seg_at(keys, KEYS_TICKETS, n, sizeof *row))) {
		memcpy(own[n].name, row->name, sizeof own[n].name);
		memcpy(own[n].key, row->key, sizeof own[n].key);
		n++;
	}
	tls_server_tickets(c, own, n, lifetime_s);
	explicit_bzero(own, sizeof own);
}

bool
tls_front_load(struct tls_front *f, struct segment *keys)
{
	const struct table_tls *tls = table_tls(keys);

	if (keys == f->keys)
		return false;
	f->loads++;
	credentials_load(f->credentials, keys);
	if (!f->keys || !tls_asks_alike(f->keys, keys))
		f->serial++;
	seg_unref(f->keys);
	f->keys = seg_ref(keys);
	tls_context_unref(f->context);
	f->context = tls ? context_of(f, tls) : NULL;
	if (f->context)
		tickets_load(f->context, keys, tls->ticket_lifetime_s);
	return true;
}

void
tls_front_begin(struct client *c, struct slice early)
{
	struct tls_front *f = c->worker->front;

	if (!f->context ||
	    shed_refuses_handshake(c)) { /* no table has come yet, or no room is left */
		client_close(c);
		return;
	}
	c->tls = CLIENT_TLS_BEGINS;
	c->secured = xcalloc(1, sizeof *c->secured);
	c->secured->serial = f->serial;
	c->secured->loads = f->loads;
	c->worker->env.taken += HANDSHAKE_BYTES;
	stream_accept_tls(&c->stream, f->context, early);
}

void
tls_front_secured(struct client *c, int outcome)
{
	struct tls_front *f = c->worker->front;
	uint64_t *counter = c->worker->page->counts.counter;
	const struct tls_session *s = stream_tls(&c->stream);
	struct tls_client *secured = c->secured;

	if (outcome == STREAM_PLAIN) {
		c->tls = CLIENT_TLS_MISSING;
		board_add(&counter[COUNTER_tls_failed_plain], 1);
		return;
	}
	c->tls = CLIENT_TLS;
	secured->asked = secured->serial == f->serial ? tls_asked_by(f->keys, tls_session_name(s))
						      : ASKED_UNKNOWN;
	secured->lists =
	    secured->loads == f->loads
		? tls_lists_of(f->keys, table_tls_clients(f->keys, tls_session_name(s)))
		: ASKED_UNKNOWN;
	secured->peer = tls_peer_new(tls_session_peer_certificate(s));
	board_add(&counter[COUNTER_tls_handshakes], 1);
	if (tls_session_resumed(s))
		board_add(&counter[COUNTER_tls_resumed], 1);
}

static enum board_counter
counter_of(int error)
{
	switch (error) {
	case -EPROTO:
		return COUNTER_tls_failed_protocol;
	case -EKEYREJECTED:
		return COUNTER_tls_failed_certificate;
	case -ECONNABORTED:
		return COUNTER_tls_failed_alert;
	case -ETIMEDOUT:
		return COUNTER_tls_failed_timeout;
	default:
		return COUNTER_tls_failed_closed;
	}
}

void
tls_front_failed(struct client *c, int error)
{
	struct worker *w = c->worker;
	const struct tls_session *s = stream_tls(&c->stream);
	const char *why = s ? tls_session_why(s) : "";

	if (c->tls != CLIENT_TLS_BEGINS)
		return;
	c->tls = CLIENT_TLS_ENDED;
	board_add(&w->page->counts.counter[counter_of(error)], 1);
	if (!*why) /* who went away, or said nothing, is no news */
		return;
	if (worker_now(w) < w->tls_log_at) {
		w->tls_unlogged++;
		return;
	}
	log_info("client peer=%s port=%u handshake=failed error=\"%s\" more=%llu", c->ip_text,
		 c->port, why, (unsigned long long)w->tls_unlogged);
	w->tls_log_at = worker_now(w) + LOG_MS;
	w->tls_unlogged = 0;
}

void
tls_front_forget(struct client *c)
{
	if (!c->secured)
		return;
	tls_peer_free(c->secured->peer);
	free(c->secured);
	c->secured = NULL;
}

/* Where the lists are not those any more in which its certificate was looked up it is looked up
 * again, once. */
static bool
is_still_good(struct client *c, uint32_t asks)
{
	const struct tls_front *f = c->worker->front;
	struct tls_trust *trust = asks ? credentials_trust(f->credentials, asks - 1) : NULL;
	uint64_t lists = tls_lists_of(f->keys, asks);

	if (!c->secured->peer || c->secured->lists == lists)
		return true;
	if (!trust || !tls_session_is_trusted(stream_tls(&c->stream), trust))
		return false;
	c->secured->lists = lists;
	return true;
}

bool
tls_front_admits(const struct request *r)
{
	struct client *c = r->client;
	const struct segment *keys = r->worker->front->keys;
	uint32_t asks, named;

	if (!tls_front_session(r) || !keys)
		return true;
	if (c->secured->asked == ASKED_NONE && seg_count(keys, KEYS_CLIENTS) == 0)
		return true;
	asks = table_tls_clients(keys, r->host.host);
	named = table_tls_clients(keys, tls_session_name(tls_front_session(r)));
	return c->secured->asked == tls_asked_of(keys, asks) &&
	       tls_lists_of(keys, named) == tls_lists_of(keys, asks) && is_still_good(c, asks);
}

bool
tls_front_outdated(const struct request *r)
{
	const struct tls_client *c = r->client->secured;
	const struct segment *keys = r->worker->front->keys;

	if (!tls_front_session(r) || !keys || c->asked == ASKED_NONE || c->peer)
		return false;
	return c->lists != tls_lists_of(keys, table_tls_clients(keys, r->host.host));
}

const struct tls_session *
tls_front_session(const struct request *r)
{
	return r->client->tls == CLIENT_TLS ? stream_tls(&r->client->stream) : NULL;
}

const struct tls_peer *
tls_front_peer(const struct request *r)
{
	return r->client->secured ? r->client->secured->peer : NULL;
}

struct slice
tls_front_fact(const struct request *r, enum tls_fact fact)
{
	const struct tls_peer *peer = tls_front_peer(r);
	struct slice value = peer ? tls_peer_fact(peer, fact, 0) : slice_make(NULL, 0);

	return value.p ? value : SLICE("");
}

static bool
is_of_name(char c)
{
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	       c == '-' || c == '.' || c == '_';
}

/* Any bytes may come. */
struct slice
tls_front_name(const struct request *r)
{
	const struct tls_session *s = tls_front_session(r);
	struct slice name = s ? tls_session_name(s) : SLICE("");

	for (size_t i = 0; i < name.n; i++) {
		if (!is_of_name(name.p[i]))
			return SLICE("");
	}
	return name.p ? name : SLICE("");
}

void
tls_front_retire(struct worker *w)
{
	const struct segment *keys = w->front->keys;

	list_for_safe (pos, tmp, &w->idle) {
		struct client *c = container_of(pos, struct client, link);

		if (c->tls == CLIENT_TLS &&
		    c->secured->asked !=
			tls_asked_by(keys, tls_session_name(stream_tls(&c->stream))))
			client_quit(c);
	}
}
