#include "control.h"

#include "access_log.h"
#include "arrive.h"
#include "assertion.h"
#include "client.h"
#include "exchange.h"
#include "explain.h"
#include "units.h"
#include "gate.h"
#include "introspect_wait.h"
#include "keys_wait.h"
#include "listen.h"
#include "name_wait.h"
#include "peers.h"
#include "session.h"
#include "session_asked.h"
#include "snapshot.h"
#include "statistics.h"
#include "suspension.h"
#include "sweep.h"
#include "tls_front.h"

#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "shm/call.h"
#include "shm/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALL_MS 15000 /* for the master to answer an operator, and a Redis that is slow */

static void
control_settings(struct worker *w, const struct msg_hello *hello)
{
	if (hello->instance != w->hello.instance)
		return;
	w->hello.log_level = hello->log_level;
	w->hello.orphan_grace_ms = hello->orphan_grace_ms;
	w->hello.drain_ms = hello->drain_ms;
	w->hello.handover_ms = hello->handover_ms;
	w->hello.fd_reserve = hello->fd_reserve;
	w->hello.max_connections = hello->max_connections;
	w->hello.max_per_address = hello->max_per_address;
	if (w->hello.replay_keys && !hello->replay_keys)
		asked_forget(&w->page->asked);
	w->hello.replay_keys = hello->replay_keys;
	if (!hello->identities)
		statistics_forget(w);
	w->hello.identities = hello->identities;
	if (hello->log_level <= LOG_LEVEL_DEBUG)
		log_set_level((enum log_level)hello->log_level);
}

static void
control_hello(struct worker *w, const struct msg_hello *hello)
{
	struct board_worker *page = w->blank;
	char who[32];

	if (w->greeted) { /* a reload: what may change in a running worker */
		control_settings(w, hello);
		return;
	}
	w->greeted = true;
	w->hello = *hello;
	w->hello.version[sizeof w->hello.version - 1] = '\0';
	if (hello->role == ROLE_ADMIN)
		snprintf(who, sizeof who, "admin");
	else
		snprintf(who, sizeof who, "worker %u", hello->slot);
	log_setup(who, hello->log_level <= LOG_LEVEL_DEBUG ? (enum log_level)hello->log_level
							   : LOG_LEVEL_INFO);
	page->magic = BOARD_MAGIC;
	page->layout = BOARD_LAYOUT;
	page->role = hello->role;
	page->slot = hello->slot;
	page->pid = (uint32_t)getpid();
	page->instance = hello->instance;
	page->sandbox = w->sandbox;
	page->heartbeat_ms = uv_hrtime() / 1000000;
	w->page = page;
	if (ipc_send(&w->control, MSG_BOARD,
		     &(struct msg_board){ .slot = hello->slot, .instance = hello->instance },
		     sizeof(struct msg_board), w->page_fd) < 0) {
		/* The next master would not find what we count; nor us, where it looked before we
		 * were executed. */
		log_error("board cannot be sent");
		uv_stop(&w->loop);
	}
	if (hello->role == ROLE_TRAFFIC) {
		close(w->page_fd);
		w->page_fd = -1;
	}
}

static void
control_master_page(struct worker *w, struct ipc_message *m)
{
	const void *page;

	if (m->fd < 0)
		return;
	if (w->hello.role == ROLE_ADMIN)
		w->peers->master_fd = dup(m->fd);
	if (board_map(m->fd, sizeof(struct board_master), &page) == 0)
		w->master_page = page;
	else
		log_error("board of the master is not usable");
	m->fd = -1;
}

static void
control_board(struct worker *w, const struct msg_board *b, struct ipc_message *m)
{
	if (b->slot == BOARD_SLOT_MASTER) {
		control_master_page(w, m);
		return;
	}
	peers_forget(w->peers, b->instance);
	if (b->slot == BOARD_SLOT_EARLIER && m->fd >= 0) {
		peers_add_earlier(w->peers, b, m->fd, w->hello.role == ROLE_ADMIN);
		m->fd = -1;
		return;
	}
	if (m->fd < 0 || b->instance == w->hello.instance)
		return;
	peers_add(w->peers, b, m->fd, w->hello.role == ROLE_ADMIN);
	m->fd = -1;
}

/* Are all segments of this version here? */
static bool
complete(const struct worker *w, const struct msg_publish *p)
{
	for (int i = 0; i < SEGMENT_N; i++) {
		if (i == SEGMENT_KEYS && w->hello.role == ROLE_ADMIN)
			continue;
		if (!w->arrived[i] || w->arrived[i]->head->generation != p->generation[i])
			return false;
	}
	/* Without rows nobody could be counted: the master sends all of it again. */
	return seg_count(w->arrived[SEGMENT_RULES], RULES_LIMITS) == 0 || w->rates.sets;
}

/* That there are no keys is told once, however many tables come before there are some. */
static void
load_gate(struct worker *w, const struct msg_publish *p, struct segment *const segments[SEGMENT_N])
{
	bool keyless = gate_load(w->gate, segments[SEGMENT_RULES], segments[SEGMENT_KEYS]) < 0 &&
		       table_global(segments[SEGMENT_RULES])->gate_root != TRIE_NONE;

	if (keyless && !w->keyless)
		log_error("keys of version=%llu are not usable: what the gate protects answers 503",
			  (unsigned long long)p->version);
	w->keyless = keyless;
}

static void
control_publish(struct worker *w, const struct msg_publish *p)
{
	struct segment *segments[SEGMENT_N] = { NULL };
	struct msg_ack ack = { .version = p->version };
	struct snapshot *old = w->table;

	if (!w->page)
		return;
	if (!complete(w, p)) {
		log_error("table version=%llu is not complete; the old one serves",
			  (unsigned long long)p->version);
		(void)ipc_send(&w->control, MSG_NACK, &ack, sizeof ack, -1);
		return;
	}
	FAILPOINT("table-arrived");
	for (int i = 0; i < SEGMENT_N; i++)
		segments[i] = w->arrived[i] ? seg_ref(w->arrived[i]) : NULL;
	if (w->hello.role == ROLE_TRAFFIC) {
		load_gate(w, p, segments);
		assertions_load(w->assertions, segments[SEGMENT_KEYS]);
		if (tls_front_load(w->front, segments[SEGMENT_KEYS]))
			tls_front_retire(w);
	}
	w->table = snapshot_new(w, p, segments);
	if (w->hello.role == ROLE_TRAFFIC)
		sessions_load(w);
	snapshot_unref(old);
	FAILPOINT("table-swapped");
	board_set(&w->page->version, p->version);
	FAILPOINT("table-on-board");
	(void)ipc_send(&w->control, MSG_ACK, &ack, sizeof ack, -1);
	FAILPOINT("table-acknowledged");
	log_debug("table version=%llu", (unsigned long long)p->version);
}

/* The descriptor stays with the admin worker, who has no use for the rows but to count them. */
static void
control_rates(struct worker *w, const struct rate_head *head, struct ipc_message *m)
{
	int fd = m->fd;

	m->fd = -1;
	if (fd < 0 || w->rates.sets) { /* those that we have are the same ones */
		if (fd >= 0)
			close(fd);
		return;
	}
	if (w->hello.role == ROLE_ADMIN)
		w->rates_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (rate_attach(fd, head, &w->rates) < 0)
		log_error("the rows of rates are not usable");
}

static void
control_leases(struct worker *w, const struct lease_head *head, struct ipc_message *m)
{
	units_attach(w, head, m->fd);
	m->fd = -1;
}

static void
control_listener(struct worker *w, const struct msg_listener *info, struct ipc_message *m)
{
	bool held = w->hello.role == ROLE_ADMIN &&
		    (info->kind == LISTENER_HTTP || info->kind == LISTENER_TAKEOVER);

	if (m->fd < 0)
		return;
	listener_add(w, info, m->fd, held);
	m->fd = -1;
}

/* The master's answer to an operator lies in a memfd. */
static void
control_reply(struct worker *w, const struct msg_reply *reply, struct ipc_message *m)
{
	struct stat st;
	void *text = MAP_FAILED;
	size_t n = 0;

	if (m->fd >= 0 && memfd_stat(m->fd, &st) == 0 && st.st_size > 0) {
		n = (size_t)st.st_size;
		text = mmap(NULL, n, PROT_READ, MAP_PRIVATE, m->fd, 0);
	}
	list_for (pos, &w->calls) {
		struct call *call = container_of(pos, struct call, link);

		if (call->id != reply->id)
			continue;
		list_remove(&call->link);
		if (call->request) {
			call->request->call = NULL;
			call->done(
			    call->request, (int)reply->status,
			    slice_make(reply->fields, strnlen(reply->fields, sizeof reply->fields)),
			    text == MAP_FAILED ? SLICE("") : slice_make(text, n));
		}
		free(call);
		break;
	}
	if (text != MAP_FAILED)
		munmap(text, n);
}

static void
control_reopen(struct worker *w, struct ipc_message *m)
{
	access_log_open(w, m->fd);
	m->fd = -1;
}

static void
control_suspended(struct worker *w, struct ipc_message *m)
{
	suspension_page(w, m->fd);
	m->fd = -1;
}

static void
control_workers(struct worker *w, const struct msg_workers *workers)
{
	w->workers = *workers;
	if (w->workers.count > WORKERS_MAX)
		w->workers.count = WORKERS_MAX;
}

static void
control_access(struct worker *w, const struct msg_access *access)
{
	w->access = *access;
	w->access.hosts[sizeof w->access.hosts - 1] = '\0';
	if (w->access.count > ACCESS_MAX)
		w->access.count = 0;
	for (uint32_t i = 0; i < w->access.count; i++)
		w->access.entries[i].name[sizeof w->access.entries[i].name - 1] = '\0';
}

static void
control_on_message(void *userdata, struct ipc *ipc, struct ipc_message *m)
{
	struct worker *w = userdata;
	const void *body = m->body.p;

#define IS(message, struct_type) (m->type == (message) && m->body.n == sizeof(struct struct_type))
	if (IS(MSG_HELLO, msg_hello))
		control_hello(w, body);
	else if (!w->greeted)
		log_error("control message type=%u before hello", m->type);
	else if (IS(MSG_BOARD, msg_board))
		control_board(w, body, m);
	else if (IS(MSG_SEGMENT, msg_segment))
		segment_arrives(w, body, m);
	else if (IS(MSG_PUBLISH, msg_publish))
		control_publish(w, body);
	else if (IS(MSG_LISTENER, msg_listener))
		control_listener(w, body, m);
	else if (IS(MSG_UNLISTEN, msg_listener))
		listener_remove(w, body);
	else if (IS(MSG_DRAIN, msg_drain))
		worker_drain(w, ((const struct msg_drain *)body)->grace_ms,
			     ((const struct msg_drain *)body)->idle_ms);
	else if (IS(MSG_EXPLAIN, msg_explain))
		explain_answer(w, body, m->fd);
	else if (IS(MSG_SESSIONS, msg_sessions))
		session_asked(w, body);
	else if (m->type == MSG_REOPEN)
		control_reopen(w, m);
	else if (m->type == MSG_HANDOVER)
		w->handed_over = true;
	else if (IS(MSG_REPLY, msg_reply))
		control_reply(w, body, m);
	else if (IS(MSG_KEYS_SETTLED, msg_keys_settled))
		keys_settled(w, body);
	else if (IS(MSG_TOKEN_TOLD, msg_token_told))
		introspect_told(w, body);
	else if (IS(MSG_EXCHANGE_ADOPT, msg_exchange))
		exchange_adopt(w, body, m->fd);
	else if (IS(MSG_EXCHANGED, msg_exchanged))
		exchange_heard(w, body, m->fd);
	else if (IS(MSG_NAME_TOLD, msg_name_told))
		name_told(w, body);
	else if (IS(MSG_WORKERS, msg_workers))
		control_workers(w, body);
	else if (IS(MSG_ACCESS, msg_access))
		control_access(w, body);
	else if (IS(MSG_RATES, rate_head))
		control_rates(w, body, m);
	else if (m->type == MSG_SUSPENDED)
		control_suspended(w, m);
	else if (IS(MSG_SUSPENSION_KNOWN, msg_suspension_known))
		suspension_known(w, body);
	else if (IS(MSG_SWEEP, msg_sweep))
		sweep_begin(w, body);
	else if (IS(MSG_LEASES, lease_head))
		control_leases(w, body, m);
	else if (IS(MSG_LEASED, msg_leased))
		units_told(w, body);
	else
		log_error("control message type=%u size=%zu is not understood", m->type, m->body.n);
#undef IS
}

static void
control_on_gone(void *userdata, struct ipc *ipc)
{
	struct worker *w = userdata;

	control_close(w);
	exchanges_lose(w);
	worker_orphaned(w);
}

static const struct ipc_ops control_ops = { .message = control_on_message,
					    .gone = control_on_gone };

int
control_open(struct worker *w, int fd)
{
	int r;

	w->peers = peers_new();
	r = ipc_open(&w->control, &w->loop, fd, &control_ops, w);
	w->control_open = r == 0;
	return r;
}

bool
control_is_cut(const struct worker *w)
{
	struct pollfd other = { .fd = w->control.fd };

	return w->control_open && poll(&other, 1, 0) == 1 && (other.revents & POLLHUP);
}

void
control_close(struct worker *w)
{
	if (!w->control_open)
		return;
	w->control_open = false;
	ipc_close(&w->control, NULL);
	list_drain (pos, &w->calls) { /* whoever waits learns that nobody answers */
		struct call *call = container_of(pos, struct call, link);
		struct request *r = call->request;

		if (r) {
			r->call = NULL;
			request_refuse(r, REASON_admin_unavailable);
		}
		free(call);
	}
}

void
control_check(struct worker *w)
{
	list_for_safe (pos, tmp, &w->calls) {
		struct call *call = container_of(pos, struct call, link);
		struct request *r = call->request;

		if (!call->until || worker_now(w) < call->until)
			continue;
		list_remove(&call->link);
		if (r) {
			r->call = NULL;
			request_refuse(r, REASON_admin_unavailable);
		}
		free(call);
	}
}

void
control_forget(struct call *call)
{
	call->request = NULL;
}

/* Does whoever asks want to wait as long as it takes? */
static bool
is_patient(struct slice query)
{
	while (query.p && query.n > 0) {
		if (slice_eq(slice_cut(query, '&', &query), SLICE("wait=1")))
			return true;
	}
	return false;
}

int
control_call(struct request *r, const struct call_text *text, call_done_fn done)
{
	struct worker *w = r->worker;
	struct call *call;
	struct msg_call message = { .id = ++w->next_call };
	int fd, error;

	if (!w->control_open)
		return -EPIPE;
	error = call_pack(text, &fd);
	if (error < 0)
		return error;
	error = ipc_send(&w->control, MSG_CALL, &message, sizeof message, fd);
	close(fd);
	if (error < 0)
		return error;
	call = xcalloc(1, sizeof *call);
	call->request = r;
	call->id = message.id;
	call->done = done;
	call->until = is_patient(text->part[CALL_QUERY]) ? 0 : worker_now(w) + CALL_MS;
	list_push(&w->calls, &call->link);
	r->call = call;
	return 0;
}

void
control_free(struct worker *w)
{
	peers_free(w->peers);
	top_writer_free(w->top);
	if (w->master_page)
		board_unmap(w->master_page, sizeof *w->master_page);
	if (w->blank)
		board_unmap(w->blank, sizeof *w->blank);
	if (w->page_fd >= 0)
		close(w->page_fd);
	rate_detach(&w->rates);
	units_free(w);
	if (w->rates_fd >= 0)
		close(w->rates_fd);
}
