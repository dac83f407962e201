#include "arrive.h"

#include "worker.h"

#include "lib/log.h"
#include "lib/xalloc.h"
#include "shm/memfd.h"

#include <errno.h>
#include <stdlib.h>

#define AT_ONCE (1 << 20) /* bytes that are checked within a loop turn: half a millisecond */

struct arrival {
	uv_work_t work;
	struct worker *worker;
	struct msg_segment info;
	int fd;
	struct segment *s; /* NULL: it is not usable */
	bool verified;
};

static int
verify(const struct segment *s)
{
	switch ((enum table_segment)s->head->kind) {
	case SEGMENT_RULES:
		return table_verify_rules(s);
	case SEGMENT_ENDPOINTS:
		return table_verify_endpoints(s);
	case SEGMENT_KEYS:
		return table_verify_keys(s);
	case SEGMENT_N:
		break;
	}
	return -EBADMSG;
}

/* All that can be done without others; in whatever thread. */
static void
look(struct arrival *a)
{
	if (seg_open(a->fd, (enum table_segment)a->info.kind, &a->s) < 0)
		a->s = NULL;
	else if (a->s->head->base == 0)
		a->verified = verify(a->s) == 0;
}

/* What an overlay is over is the base that came last. 0 or -EBADMSG. */
static int
extend(struct segment *s, struct segment *arrived)
{
	if (arrived && arrived->base)
		arrived = arrived->base;
	return arrived ? seg_extend(s, arrived) : -EBADMSG;
}

static void
take(struct arrival *a)
{
	struct segment **place = &a->worker->arrived[a->info.kind], *s = a->s;

	if (s && s->head->base != 0)
		a->verified = extend(s, *place) == 0 && verify(s) == 0;
	if (s && a->verified && s->head->generation == a->info.generation) {
		seg_unref(*place);
		*place = s;
		return;
	}
	log_error("segment kind=%u generation=%llu %s", a->info.kind,
		  (unsigned long long)a->info.generation, s ? "does not verify" : "is not usable");
	seg_unref(s);
}

static void
on_work(uv_work_t *work)
{
	look(container_of(work, struct arrival, work));
}

static void
on_done(uv_work_t *work, int status)
{
	struct arrival *a = container_of(work, struct arrival, work);

	take(a);
	ipc_hold(&a->worker->control, false);
	free(a);
}

/* Nobody waits for a worker that has no table yet. */
static bool
is_large(const struct worker *w, int fd)
{
	struct stat st;

	return w->table && memfd_stat(fd, &st) == 0 && st.st_size > AT_ONCE;
}

void
segment_arrives(struct worker *w, const struct msg_segment *info, struct ipc_message *m)
{
	struct arrival *a;

	if (info->kind >= SEGMENT_N || m->fd < 0)
		return;
	a = xmalloc(sizeof *a);
	*a = (struct arrival){ .worker = w, .info = *info, .fd = m->fd };
	m->fd = -1;
	if (is_large(w, a->fd) && uv_queue_work(&w->loop, &a->work, on_work, on_done) == 0) {
		ipc_hold(&w->control, true);
		return;
	}
	look(a);
	take(a);
	free(a);
}
