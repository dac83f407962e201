#include "access_log.h"

#include "access_line.h"
#include "access_syslog.h"
#include "look.h"
#include "worker.h"

#include "shm/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOG_BATCH ((size_t)65536)
#define END_TRIES 20
#define END_TRY_MS 10
#define LOG_MAX ((size_t)1 << 20) /* what may wait for a sink that is stuck */

enum {
	KIND_FILE,    /* and what else write(2) does not wait for */
	KIND_BLOCKS,  /* it may, as others share its mode */
	KIND_STREAM,  /* a socket: the journal's */
	KIND_DATAGRAM /* syslog */
};

static bool
is_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static bool
is_same_file(int a, int b)
{
	struct stat of_a, of_b;

	return memfd_stat(a, &of_a) == 0 && memfd_stat(b, &of_b) == 0 &&
	       of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

void
access_log_open(struct worker *w, int fd)
{
	struct stat st;

	w->log_torn = w->log_torn && is_same_file(w->log_fd, fd);
	if (w->log_fd > STDERR_FILENO)
		close(w->log_fd);
	w->log_fd = -1;
	if (fd < 0)
		return;
	if (memfd_stat(fd, &st) < 0 || is_null(&st)) { /* the log is off */
		if (fd > STDERR_FILENO)
			close(fd);
		return;
	}
	w->log_fd = fd;
	if (S_ISSOCK(st.st_mode)) {
		w->log_kind = access_syslog_open(w, fd) ? KIND_DATAGRAM : KIND_STREAM;
		return;
	}
	/* The master has opened it for us, if it could. */
	w->log_kind =
	    S_ISREG(st.st_mode) || fcntl(fd, F_GETFL) & O_NONBLOCK ? KIND_FILE : KIND_BLOCKS;
}

static bool
is_left_out(const struct request *r, const struct table_global *g)
{
	return g->log_sample > 1 && access_line_is_ordinary(r) &&
	       look_random(r->worker) % g->log_sample != 0;
}

void
access_log_tick(struct worker *w)
{
	w->tailed = w->master_page && w->page &&
		    worker_now(w) < board_get(&w->master_page->tail_ms) + TAIL_LOOK_MS;
	if (!w->tailed && w->tail_line.cap > 0)
		buf_deinit(&w->tail_line);
}

/* As JSON, whatever the format of the log is, and whether there is one. */
static void
tell_tail(struct request *r, const struct table_global *g)
{
	struct worker *w = r->worker;

	w->tail_line.n = 0;
	access_line_object(r, g, &w->tail_line);
	tail_write(&w->page->tail, board_get(&w->page->counts.counter[COUNTER_requests]),
		   buf_slice(&w->tail_line));
}

void
access_log_request(struct request *r)
{
	struct worker *w = r->worker;
	const struct snapshot *s = r->table ? r->table : w->table;
	const struct table_global *g = s ? table_global(s->segments[SEGMENT_RULES]) : NULL;

	if (w->tailed && g)
		tell_tail(r, g);
	if (w->log_fd < 0 || !g || !g->access_log || is_left_out(r, g))
		return;
	if (w->log.n > LOG_MAX) {
		board_add(&w->page->counts.counter[COUNTER_log_dropped], 1);
		return;
	}
	if (w->log.n == 0 && w->log_torn) { /* the rest of that line was lost */
		buf_addc(&w->log, '\n');
		w->log_torn = false;
	}
	access_line_add(r, s);
	if (w->log.n >= LOG_BATCH)
		access_log_flush(w);
}

/* The file may end within a line of ours, or of another worker that came first: what comes next
 * begins on one of its own. */
static void
log_lose(struct worker *w)
{
	bool ends = w->log.p[0] == '\n';
	uint64_t lines = 0;

	for (size_t i = ends; i < w->log.n; i++)
		lines += w->log.p[i] == '\n';
	w->log_torn = w->log_torn || ends || w->log_kind == KIND_FILE;
	board_add(&w->page->counts.counter[COUNTER_log_dropped], lines);
	w->log.n = 0;
}

/* As write(2). A pipe of others that could not be opened anew, and may block: what poll says has
 * room takes PIPE_BUF bytes for certain. */
static ssize_t
log_write(struct worker *w)
{
	struct pollfd ready = { .fd = w->log_fd, .events = POLLOUT };
	size_t n = w->log.n;

	if (w->log_kind == KIND_DATAGRAM)
		return access_syslog_write(w);
	if (w->log_kind == KIND_STREAM)
		return send(w->log_fd, w->log.p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (w->log_kind == KIND_FILE)
		return write(w->log_fd, w->log.p, n);
	if (poll(&ready, 1, 0) <= 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(w->log_fd, w->log.p, n < PIPE_BUF ? n : PIPE_BUF);
}

void
access_log_flush(struct worker *w)
{
	ssize_t n;

	while (w->log.n > 0 && w->log_fd >= 0) {
		n = log_write(w);
		if (n < 0 && errno != EAGAIN && errno != EINTR) /* the sink is gone or full */
			log_lose(w);
		if (n <= 0)
			return;
		w->log_torn = w->log.p[n - 1] != '\n';
		memmove(w->log.p, w->log.p + n, w->log.n - (size_t)n);
		w->log.n -= (size_t)n;
		if (w->log_kind == KIND_FILE || w->log_kind == KIND_STREAM)
			return;
	}
}

void
access_log_end(struct worker *w)
{
	for (int i = 0; i < END_TRIES && w->log.n > 0 && w->log_fd >= 0; i++) {
		struct pollfd ready = { .fd = w->log_fd, .events = POLLOUT };

		access_log_flush(w);
		if (w->log.n > 0)
			(void)poll(&ready, 1, END_TRY_MS);
	}
	if (w->log.n > 0 && w->page)
		log_lose(w);
}
