#include "slot.h"

#include "lib/clock.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AGAIN_MS 200 /* before a table that was refused is sent again */
#define AGAIN_MAX 5

struct channel {
	struct ipc ipc; /* what slot->control is */
	uv_timer_t again;
	unsigned refusals; /* in a row */
};

static struct channel *
channel_of(struct ipc *ipc)
{
	return container_of(ipc, struct channel, ipc);
}

const char *
slot_name(const struct slot *slot)
{
	static char name[16];

	if (slot->role == ROLE_ADMIN)
		return "admin";
	snprintf(name, sizeof name, "%u", slot->number);
	return name;
}

void
slot_kill(struct slot *slot)
{
	slot->killed = true;
	kill(slot->pid, SIGKILL);
}

/* ---- what we say ---- */

void
supervisor_send(struct slot *slot, enum message_type type, const void *body, size_t n, int fd)
{
	int r;

	if (!slot->control || slot->killed)
		return;
	r = ipc_send(slot->control, type, body, n, fd);
	if (r == 0 || r == -EPIPE)
		return; /* with EPIPE it is gone: it will be waited for */
	log_error("worker slot=%s pid=%d error=\"takes no messages: %s\" action=kill",
		  slot_name(slot), (int)slot->pid, strerror(-r));
	slot_kill(slot);
}

static void
send_hello(struct slot *slot)
{
	const struct supervisor *s = slot->supervisor;
	struct msg_hello hello = {
		.role = slot->role,
		.slot = slot->number,
		.instance = slot->instance,
		.log_level = s->settings.log_level,
		.orphan_grace_ms = s->settings.orphan_grace_ms,
		.drain_ms = s->settings.drain_ms,
		.handover_ms = s->settings.handover_ms,
		.fd_reserve = s->settings.fd_reserve,
		.max_connections = s->settings.max_connections,
		.max_per_address = s->settings.max_per_address,
		.replay_keys = s->settings.replay_keys,
		.identities = s->settings.identities,
	};

	snprintf(hello.version, sizeof hello.version, "%s", s->settings.version);
	supervisor_send(slot, MSG_HELLO, &hello, sizeof hello, -1);
}

static void
send_board(struct slot *to, uint32_t number, uint64_t instance, int fd)
{
	struct msg_board board = { .slot = number, .instance = instance };

	supervisor_send(to, MSG_BOARD, &board, sizeof board, fd);
}

/* Every worker reads the pages of the traffic workers. `fd` -1: this one is gone. */
static void
tell_others(struct slot *slot, int fd)
{
	struct supervisor *s = slot->supervisor;

	for (uint32_t i = 0; slot->role != ROLE_ADMIN && i < s->slots_count; i++) {
		if (&s->slots[i] != slot)
			send_board(&s->slots[i], slot->number, slot->instance, fd);
	}
}

void
slot_send_listener(struct slot *to, const struct listener *l, uint32_t owner)
{
	struct msg_listener listener = {
		.id = l->id,
		.slot = owner,
		.kind = l->kind,
		.port = l->port,
		.flags = (uint16_t)((l->proxy ? LISTENER_PROXY : 0) | (l->tls ? LISTENER_TLS : 0)),
	};
	int fd = listener_fd(l, owner);

	if (fd >= 0)
		supervisor_send(to, MSG_LISTENER, &listener, sizeof listener, fd);
}

void
slot_send_unlisten(struct slot *to, const struct listener *l, uint32_t owner)
{
	struct msg_listener listener = {
		.id = l->id, .slot = owner, .kind = l->kind, .port = l->port
	};

	supervisor_send(to, MSG_UNLISTEN, &listener, sizeof listener, -1);
}

/* A traffic worker accepts on its slot's sockets; the admin worker on its own, and holds all the
 * others. */
static void
send_listeners(struct slot *slot)
{
	const struct listeners *all = slot->supervisor->listeners;

	for (size_t i = 0; i < all->count; i++) {
		const struct listener *l = &all->all[i];

		if (slot->role == ROLE_TRAFFIC) {
			if (l->kind == LISTENER_HTTP)
				slot_send_listener(slot, l, slot->number);
		} else if (l->kind == LISTENER_HTTP) {
			for (uint32_t k = 0; k < l->fds_count; k++)
				slot_send_listener(slot, l, k);
		} else {
			slot_send_listener(slot, l, WORKER_SLOT_ADMIN);
		}
	}
}

void
slot_release_held(struct slot *admin)
{
	const struct listeners *all = admin->supervisor->listeners;

	for (size_t i = 0; i < all->count; i++) {
		const struct listener *l = &all->all[i];

		for (uint32_t k = 0; l->kind == LISTENER_HTTP && k < l->fds_count; k++)
			slot_send_unlisten(admin, l, k);
	}
}

void
slot_greet(struct slot *slot)
{
	struct supervisor *s = slot->supervisor;

	send_hello(slot);
	send_board(slot, BOARD_SLOT_MASTER, 0, s->board_fd);
	for (uint32_t i = 0; i < s->slots_count; i++) {
		if (s->slots[i].page && s->slots[i].role != ROLE_ADMIN)
			send_board(slot, s->slots[i].number, s->slots[i].instance,
				   s->slots[i].page_fd);
	}
	if (slot->role == ROLE_ADMIN) /* before anybody can come to it */
		supervisor_kin(s);
	s->ops->greet(s->userdata, slot);
	send_listeners(slot);
}

void
supervisor_kin(struct supervisor *s)
{
	struct msg_workers all;

	kin_tell(&s->kin, clock_mono_ms(), &all);
	supervisor_send(&s->slots[s->slots_count - 1], MSG_WORKERS, &all, sizeof all, -1);
}

void
supervisor_configure(struct supervisor *s, const struct supervisor_settings *settings)
{
	s->settings = *settings;
	for (uint32_t i = 0; i < s->slots_count; i++)
		send_hello(&s->slots[i]);
}

void
supervisor_reopen(struct supervisor *s, int access_log)
{
	s->access_log = access_log;
	for (uint32_t i = 0; i < s->slots_count; i++)
		supervisor_send(&s->slots[i], MSG_REOPEN, NULL, 0, access_log);
}

/* ---- what we hear ---- */

/* 0 or -EBADMSG. */
static int
hear_board(struct slot *slot, struct ipc_message *m)
{
	const struct msg_board *board = (const void *)m->body.p;
	const void *page;
	int copy, r;

	if (m->body.n != sizeof *board || m->fd < 0 || slot->page ||
	    board->instance != slot->instance || board->slot != slot->number)
		return -EBADMSG;
	copy = fcntl(m->fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	r = board_map(m->fd, sizeof *slot->page, &page);
	m->fd = -1;
	if (r < 0) {
		close(copy);
		return r;
	}
	slot->page = page;
	slot->page_fd = copy;
	tell_others(slot, copy);
	slot->supervisor->ops->page(slot->supervisor->userdata, slot);
	return 0;
}

/* All of it: it may be a segment that did not arrive. */
static void
on_again(uv_timer_t *timer)
{
	struct slot *slot = timer->data;

	if (slot_is_live(slot) && !slot->killed)
		slot->supervisor->ops->greet(slot->supervisor->userdata, slot);
}

/* It may have been short of memory or descriptors for a moment. Without a table it would never
 * serve, and with an old one it would serve by that for ever. */
static void
table_refused(struct slot *slot, uint64_t version)
{
	struct channel *c = channel_of(slot->control);
	bool again = c->refusals++ < AGAIN_MAX;

	log_error("worker slot=%s pid=%d version=%llu error=\"table refused\" action=%s",
		  slot_name(slot), (int)slot->pid, (unsigned long long)version,
		  again ? "send-again" : "kill");
	slot->refused = version;
	if (again)
		uv_timer_start(&c->again, on_again, AGAIN_MS, 0);
	else
		slot_kill(slot);
	slot->supervisor->ops->changed(slot->supervisor->userdata);
}

static int
hear_ack(struct slot *slot, const struct ipc_message *m)
{
	struct msg_ack ack;

	if (m->body.n != sizeof ack)
		return -EBADMSG;
	memcpy(&ack, m->body.p, sizeof ack);
	if (m->type == MSG_ACK) {
		channel_of(slot->control)->refusals = 0;
		uv_timer_stop(&channel_of(slot->control)->again);
		slot_acknowledged(slot, ack.version);
		return 0;
	}
	table_refused(slot, ack.version);
	return 0;
}

static int
hear_failing(struct slot *slot, const struct ipc_message *m)
{
	struct msg_failing failing;

	if (slot->role != ROLE_TRAFFIC || m->body.n != sizeof failing)
		return -EBADMSG;
	memcpy(&failing, m->body.p, sizeof failing);
	slot->supervisor->ops->failing(slot->supervisor->userdata, &failing);
	return 0;
}

static int
hear_keys_ask(struct slot *slot, const struct ipc_message *m)
{
	struct msg_keys_ask ask;

	if (slot->role != ROLE_TRAFFIC || m->body.n != sizeof ask)
		return -EBADMSG;
	memcpy(&ask, m->body.p, sizeof ask);
	slot->supervisor->ops->keys_ask(slot->supervisor->userdata, slot, &ask);
	return 0;
}

static int
hear_lease(struct slot *slot, const struct ipc_message *m)
{
	struct msg_lease ask;

	if (slot->role != ROLE_TRAFFIC || m->body.n != sizeof ask)
		return -EBADMSG;
	memcpy(&ask, m->body.p, sizeof ask);
	slot->supervisor->ops->lease(slot->supervisor->userdata, slot, &ask);
	return 0;
}

static int
hear_token_ask(struct slot *slot, const struct ipc_message *m)
{
	struct msg_token_ask ask;

	if (slot->role != ROLE_TRAFFIC || m->body.n != sizeof ask)
		return -EBADMSG;
	memcpy(&ask, m->body.p, sizeof ask);
	if (ask.n == 0 || ask.n > sizeof ask.token)
		return -EBADMSG;
	slot->supervisor->ops->token_ask(slot->supervisor->userdata, slot, &ask);
	explicit_bzero(&ask, sizeof ask);
	return 0;
}

static int
hear_name_ask(struct slot *slot, const struct ipc_message *m)
{
	struct msg_name_ask ask;

	if (slot->role != ROLE_TRAFFIC || m->body.n != sizeof ask)
		return -EBADMSG;
	memcpy(&ask, m->body.p, sizeof ask);
	if (ask.n == 0 || ask.n > sizeof ask.host || memchr(ask.host, '\0', ask.n))
		return -EBADMSG;
	slot->supervisor->ops->name_ask(slot->supervisor->userdata, slot, &ask);
	return 0;
}

static int
hear_exchange(struct slot *slot, struct ipc_message *m)
{
	struct msg_exchange ask;

	if (slot->role != ROLE_TRAFFIC || m->body.n != sizeof ask || m->fd < 0)
		return -EBADMSG;
	memcpy(&ask, m->body.p, sizeof ask);
	return slot->supervisor->ops->exchange(slot->supervisor->userdata, slot, &ask, m->fd);
}

static int
hear_spans(struct slot *slot, const struct ipc_message *m)
{
	if (slot->role != ROLE_TRAFFIC)
		return -EBADMSG;
	return slot->supervisor->ops->spans(slot->supervisor->userdata, slot, m->body);
}

static int
hear_exchange_kept(struct slot *slot, const struct ipc_message *m)
{
	struct msg_exchange_kept kept;

	if (slot->role != ROLE_TRAFFIC || m->body.n != sizeof kept)
		return -EBADMSG;
	memcpy(&kept, m->body.p, sizeof kept);
	slot->supervisor->ops->exchange_kept(slot->supervisor->userdata, slot, &kept);
	return 0;
}

static int
hear_explained(struct slot *slot, struct ipc_message *m)
{
	struct msg_explained answer;

	if (slot->role != ROLE_TRAFFIC || m->body.n != sizeof answer)
		return -EBADMSG;
	memcpy(&answer, m->body.p, sizeof answer);
	slot->supervisor->ops->explained(slot->supervisor->userdata, slot, &answer, m);
	return 0;
}

static int
hear_sessions_told(struct slot *slot, struct ipc_message *m)
{
	struct msg_sessions_told answer;

	if (slot->role != ROLE_TRAFFIC || m->body.n != sizeof answer)
		return -EBADMSG;
	memcpy(&answer, m->body.p, sizeof answer);
	slot->supervisor->ops->sessions_told(slot->supervisor->userdata, slot, &answer, m);
	return 0;
}

static int
hear_suspension_ask(struct slot *slot, const struct ipc_message *m)
{
	const struct msg_suspension_ask *ask = (const void *)m->body.p;

	if (slot->role != ROLE_TRAFFIC || m->body.n != sizeof *ask || ask->n == 0 ||
	    ask->n > SUSPENSION_ID_MAX)
		return -EBADMSG;
	slot->supervisor->ops->suspension_ask(slot->supervisor->userdata, slot, ask);
	return 0;
}

static int
hear_swept(struct slot *slot, const struct ipc_message *m)
{
	struct msg_swept swept;

	if (slot->role != ROLE_TRAFFIC || m->body.n != sizeof swept)
		return -EBADMSG;
	memcpy(&swept, m->body.p, sizeof swept);
	slot->supervisor->ops->swept(slot->supervisor->userdata, slot, &swept);
	return 0;
}

static int
hear_call(struct slot *slot, struct ipc_message *m)
{
	struct msg_call call;

	if (slot->role != ROLE_ADMIN || m->body.n != sizeof call)
		return -EBADMSG;
	memcpy(&call, m->body.p, sizeof call);
	slot->supervisor->ops->call(slot->supervisor->userdata, slot, &call, m);
	return 0;
}

static void
on_message(void *userdata, struct ipc *ipc, struct ipc_message *m)
{
	struct slot *slot = userdata;
	int r = -EBADMSG;

	if (m->type == MSG_BOARD)
		r = hear_board(slot, m);
	else if (m->type == MSG_ACK || m->type == MSG_NACK)
		r = hear_ack(slot, m);
	else if (m->type == MSG_FAILING)
		r = hear_failing(slot, m);
	else if (m->type == MSG_KEYS_ASK)
		r = hear_keys_ask(slot, m);
	else if (m->type == MSG_LEASE)
		r = hear_lease(slot, m);
	else if (m->type == MSG_TOKEN_ASK)
		r = hear_token_ask(slot, m);
	else if (m->type == MSG_NAME_ASK)
		r = hear_name_ask(slot, m);
	else if (m->type == MSG_EXCHANGE)
		r = hear_exchange(slot, m);
	else if (m->type == MSG_EXCHANGE_KEPT)
		r = hear_exchange_kept(slot, m);
	else if (m->type == MSG_SPANS)
		r = hear_spans(slot, m);
	else if (m->type == MSG_EXPLAINED)
		r = hear_explained(slot, m);
	else if (m->type == MSG_SESSIONS_TOLD)
		r = hear_sessions_told(slot, m);
	else if (m->type == MSG_SUSPENSION_ASK)
		r = hear_suspension_ask(slot, m);
	else if (m->type == MSG_SWEPT)
		r = hear_swept(slot, m);
	else if (m->type == MSG_CALL)
		r = hear_call(slot, m);
	if (r == 0 || slot->killed)
		return;
	log_error("worker slot=%s pid=%d error=\"bad message of type %u\" action=kill",
		  slot_name(slot), (int)slot->pid, m->type);
	slot_kill(slot);
}

static void
on_again_closed(uv_handle_t *handle)
{
	free(container_of((uv_timer_t *)handle, struct channel, again));
}

static void
on_ipc_closed(struct ipc *ipc)
{
	uv_close((uv_handle_t *)&channel_of(ipc)->again, on_again_closed);
}

static void
slot_close_channel(struct slot *slot)
{
	if (slot->control) {
		uv_timer_stop(&channel_of(slot->control)->again);
		ipc_close(slot->control, on_ipc_closed);
	}
	slot->control = NULL;
}

static void
on_gone(void *userdata, struct ipc *ipc)
{
	struct slot *slot = userdata;

	slot->gone_ms = clock_mono_ms();
	slot_close_channel(slot);
}

static const struct ipc_ops channel_ops = { .message = on_message, .gone = on_gone };

int
slot_connect(struct slot *slot, int control)
{
	struct channel *c = xcalloc(1, sizeof *c);
	int r = ipc_open(&c->ipc, slot->supervisor->loop, control, &channel_ops, slot);

	if (r < 0) {
		free(c);
		return r;
	}
	uv_timer_init(slot->supervisor->loop, &c->again);
	c->again.data = slot;
	slot->control = &c->ipc;
	return 0;
}

void
slot_disconnect(struct slot *slot)
{
	slot_close_channel(slot);
	if (!slot->page)
		return;
	slot->supervisor->ops->page_gone(slot->supervisor->userdata, slot);
	board_unmap(slot->page, sizeof *slot->page);
	slot->page = NULL;
	close(slot->page_fd);
	slot->page_fd = -1;
}

void
slot_tell_gone(struct slot *slot)
{
	tell_others(slot, -1);
}
