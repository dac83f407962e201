#include "save.h"

#include "file.h"
#include "image.h"
#include "issuer_set.h"
#include "keep.h"
#include "master.h"
#include "save_text.h"

#include "lib/clock.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define INTERVAL_MS 1000
#define AFTER_FAILURE_MS 30000 /* at most; after the first one it is INTERVAL_MS */
#define DOUBLED_MOST 5
#define IMAGE_MS 30000
#define REFRESH_S 600  /* rules that do not change are saved so often, for their age */
#define FINISH_MS 2000 /* for the last child */
#define KILLED_MS 200  /* for it to go when it is killed; one that waits for its disk does not */
#define LOCK_TRIES 20  /* a child of a killed master has the lock until it is replaced or gone */
#define PAUSE_MS 10
#define LOAD_AT_ONCE 20000         /* rules that a start waits for */
#define LOAD_KEYS 200              /* of more, one after the other, */
#define LOAD_NS 5000000            /* for so long in a turn of the loop */
#define WHOLE_MAX ((off_t)1 << 20) /* bytes of rules that are quickly written */

static void
pause_ms(unsigned ms)
{
	struct timespec t = { .tv_nsec = ms * 1000000L };

	nanosleep(&t, NULL);
}

static char *
state_path(const struct master *m, const char *name)
{
	struct buf path = { 0 };

	buf_addf(&path, "%s/%s", m->config->state_dir, name);
	buf_addc(&path, '\0');
	return path.p;
}

/* Of our own: whoever else writes there does not write into it. */
static char *
new_path(const struct master *m, const char *name)
{
	struct buf new = { 0 };
	char *path;

	buf_addf(&new, SAVE_NEW "%d-%s", (int)getpid(), name);
	buf_addc(&new, '\0');
	path = state_path(m, new.p);
	buf_deinit(&new);
	return path;
}

/* ---- the lock ---- */

/* With run_dir and state_dir in one place, the lock of run_dir is ours and does for both. */
static bool
is_run_dir(const struct master *m)
{
	struct stat a, b;

	return stat(m->config->run_dir, &a) == 0 && stat(m->config->state_dir, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* 0, or a negative errno: -EWOULDBLOCK when another has it. */
static int
lock_take(struct saver *s, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : -EWOULDBLOCK;
	char pid[16];
	int n;

	for (int i = 0; i < LOCK_TRIES && r == -EWOULDBLOCK; i++) {
		if (i > 0)
			pause_ms(PAUSE_MS);
		r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	}
	s->lock = fd;
	s->locked = r == 0;
	if (r < 0)
		return r;
	n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) < 0)
		log_warn("lock file=%s error=\"%s\"", path, strerror(errno));
	return 0;
}

/* As any start that fails: the reason to the operator, and nothing left behind. */
static _Noreturn void
end_locked_out(struct master *m)
{
	BUF_CLEAN struct buf error = { 0 };
	char pid[16] = { 0 };

	if (read(m->saver.lock, pid, sizeof pid - 1) <= 0)
		snprintf(pid, sizeof pid, "?");
	pid[strcspn(pid, "\n")] = '\0';
	buf_addf(&error,
		 "%s: state_dir: another yett (pid %s) uses %s; stop it, or set `state_dir` to "
		 "another directory\n",
		 m->config->file, pid, m->config->state_dir);
	buf_addc(&error, '\0');
	fputs(error.p, stderr);
	systemd_status(&m->systemd, error.p);
	buf_deinit(&error);
	listeners_deinit(&m->listeners);
	takeover_deinit(&m->takeover);
	workdir_close(&m->workdir);
	exit(1);
}

/* False when it cannot be had at all, on a disk that is read-only for example. */
static bool
saver_lock(struct master *m)
{
	char *path;
	int r;

	if (is_run_dir(m))
		return true;
	path = state_path(m, ".lock");
	r = lock_take(&m->saver, path);
	if (r == -EWOULDBLOCK) {
		free(path);
		end_locked_out(m);
	}
	if (r < 0)
		log_warn("lock file=%s error=\"%s\"", path, strerror(-r));
	if (r < 0 && m->saver.lock >= 0)
		close(m->saver.lock);
	free(path);
	return r == 0;
}

/* What a child that was killed had begun. */
static void
sweep(const struct master *m)
{
	DIR *d = opendir(m->config->state_dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, SAVE_NEW, strlen(SAVE_NEW)) == 0)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

/* ---- the endpoints ---- */

static int
seen_save(const struct master *m)
{
	BUF_CLEAN struct buf text = { 0 };
	const char *const *authorities;
	size_t n = prober_seen(m->prober, &authorities);

	for (size_t i = 0; i < n; i++)
		buf_addf(&text, "%s\n", authorities[i]);
	return save_text(m, "seen", buf_slice(&text));
}

static void
seen_load(struct master *m, const char *path)
{
	char line[4096];
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			prober_remember(m->prober, line);
	}
	fclose(f);
}

/* ---- the rules ---- */

/* 0 or -1 with errno. */
static int
keep_rules(const struct master *m)
{
	int folder = open(m->config->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return -1;
	errno = keep_previous(folder, "rules.json");
	close(folder);
	return errno ? -1 : 0;
}

/* All of them, in place of all that was. */
static int
rules_store(const struct master *m, const char *path, struct buf *error)
{
	char *next = new_path(m, "rules.json"), *more = state_path(m, "rules.json.more");
	int r = rules_save(m->rules, revisions_in_force(m), next, error);

	if (r == 0 && (keep_rules(m) < 0 || rename(next, path) < 0)) {
		r = -errno;
		buf_addf(error, "%s: %s", path, strerror(-r));
		unlink(next);
	}
	FAILPOINT("rules-renamed");
	if (r == 0)
		unlink(more); /* it stood behind others */
	FAILPOINT("rules-more-gone");
	free(next);
	free(more);
	return r < 0 ? r : save_sync(m->config->state_dir);
}

static off_t
size_of(const struct master *m, const char *name)
{
	char *path = state_path(m, name);
	struct stat st;
	off_t size = stat(path, &st) == 0 ? st.st_size : 0;

	free(path);
	return size;
}

/* A few rules are written as a whole each time, many with what changed behind them, until that is
 * half as much. */
static bool
rules_need_whole(const struct master *m)
{
	off_t size = size_of(m, "rules.json");

	return m->saver.rules_failed || !rules_unsaved(m->rules) || size < WHOLE_MAX ||
	       (m->saver.more && size_of(m, "rules.json.more") > size / 2);
}

/* ---- the keys of issuers ---- */

static int
issuers_save(const struct master *m)
{
	BUF_CLEAN struct buf text = { 0 };

	issuers_write(m->issuers, &text);
	return save_text(m, "issuers.json", buf_slice(&text));
}

static void
issuers_load(struct master *m)
{
	BUF_CLEAN struct buf text = { 0 };
	char *path = state_path(m, "issuers.json");
	int r = file_read(path, ISSUERS_BYTES_MAX, &text, NULL);

	if (r == 0)
		r = issuers_remember(m->issuers, buf_slice(&text));
	if (r < 0 && r != -ENOENT)
		log_warn("issuers file=%s error=\"%s\" effect=\"no last-known-good keys\"", path,
			 r == -EBADMSG ? "it is damaged" : file_error(r));
	free(path);
}

static bool
issuers_due(const struct master *m)
{
	const struct saver *s = &m->saver;

	return issuers_saved(m->issuers) &&
	       (issuers_generation(m->issuers) != s->issuers_generation ||
		clock_wall() > s->issuers_wall + REFRESH_S);
}

/* ---- what there was ---- */

/* The copy before takes the place of one that is damaged. `r`: what became of the file itself. */
static int
load_previous(struct master *m, int r, const char *path, struct revision **revision,
	      struct buf *error)
{
	BUF_CLEAN struct buf other = { 0 };
	char *previous;

	if (r == -ENOENT && !keep_has_damaged(path))
		return r;
	previous = state_path(m, "rules.json.1");
	r = rules_load(m->rules, previous, &m->remembered_wall, revision, &other);
	free(previous);
	if (error->n == 0)
		buf_addf(error, "%s is missing, and was damaged once", path);
	buf_addf(error, r == 0 ? "; rules.json.1 is in force"
			       : "; rules.json.1 cannot be read either; what Redis held is not "
				 "known");
	buf_addc(error, '\0');
	snprintf(m->store_fault, sizeof m->store_fault, "%s", error->p);
	if (r == 0)
		log_error("rules error=\"%s\"", m->store_fault);
	return r == -ENOENT ? -EBADMSG : r;
}

static void
rules_remembered(struct master *m, int r, struct revision *revision)
{
	m->remembered = r == 0;
	m->revisions.first = r == -ENOENT;
	if (revision)
		revisions_remember(m, revision);
	m->saver.saved_wall = m->remembered_wall;
	if (r == 0)
		log_info("rules source=last-known-good frontends=%zu backends=%zu age_s=%lld",
			 rules_frontends(m->rules), rules_backends(m->rules),
			 (long long)(clock_wall() - m->remembered_wall));
	else if (r != -ENOENT)
		log_error("rules error=\"%s\"", m->store_fault);
}

/* Goes on with so many of them. */
static void
rules_go_on(struct master *m, size_t keys)
{
	BUF_CLEAN struct buf error = { 0 };
	struct saver *s = &m->saver;
	struct revision *revision = NULL;
	int r = rules_load_go(s->loading, keys, &error);
	char *path;

	if (r > 0)
		return;
	if (r == 0) {
		rules_load_end(s->loading, m->rules, &m->remembered_wall, &revision);
	} else {
		path = state_path(m, "rules.json");
		r = load_previous(m, r, path, &revision, &error);
		free(path);
	}
	s->loading = NULL;
	uv_idle_stop(&s->idle);
	rules_remembered(m, r, revision);
}

/* A store is looked at once it is known what was good in it. */
static void
on_idle(uv_idle_t *idle)
{
	struct master *m = idle->data;
	uint64_t end = clock_mono_ns() + LOAD_NS;

	do
		rules_go_on(m, LOAD_KEYS);
	while (m->saver.loading && clock_mono_ns() < end);
	if (m->saver.loading)
		return;
	store_redis_configure(m->store, &m->config->redis);
	publish_mark(m, PUBLISH_ALL);
}

void
saver_load_all(struct master *m)
{
	while (m->saver.loading)
		rules_go_on(m, SIZE_MAX);
}

static void
rules_begin_load(struct master *m)
{
	BUF_CLEAN struct buf error = { 0 };
	struct revision *revision = NULL;
	char *path = state_path(m, "rules.json");
	int r = rules_load_begin(path, &m->saver.loading, &error);

	if (r < 0)
		rules_remembered(m, load_previous(m, r, path, &revision, &error), revision);
	else
		rules_go_on(m, LOAD_AT_ONCE);
	if (m->saver.loading)
		uv_idle_start(&m->saver.idle, on_idle);
	free(path);
}

void
saver_load(struct master *m)
{
	char *seen = state_path(m, "seen");

	uv_idle_init(&m->loop, &m->saver.idle);
	m->saver.idle.data = m;
	if (saver_lock(m))
		sweep(m);
	seen_load(m, seen);
	issuers_load(m);
	m->saver.seen_changes = prober_seen_changes(m->prober);
	free(seen);
	if (!m->config->redis.configured)
		return;
	/* While these are read it serves; but not in place of workers that serve by newer ones. */
	if (takeover_is_over(&m->takeover))
		image_load(m);
	rules_begin_load(m);
}

/* ---- all of it ---- */

enum {
	SAVE_RULES = 1,
	SAVE_SEEN = 2,
	SAVE_ISSUERS = 4,
	SAVE_MORE = 8, /* in place of RULES */
	SAVE_IMAGE = 16,
	SAVE_BASE = 32, /* with IMAGE */
};

static bool
saved(int r, const char *what, const char *name)
{
	if (r < 0)
		log_warn("%s file=%s error=\"%s\"", what, name, strerror(-r));
	return r == 0;
}

enum { SAVED, NOT_SAVED, NO_IMAGE }; /* exit status; NO_IMAGE: all but that */

static int
save_now(const struct master *m, unsigned what)
{
	BUF_CLEAN struct buf error = { 0 };
	char *rules = state_path(m, "rules.json");
	bool good = true;

	if ((what & SAVE_RULES && rules_store(m, rules, &error) < 0) ||
	    (what & SAVE_MORE &&
	     rules_save_more(m->rules, revisions_in_force(m), rules, !m->saver.more, &error) < 0)) {
		log_warn("rules file=%s error=\"%.*s\"", rules, SLICE_F(buf_slice(&error)));
		good = false;
	}
	if (what & SAVE_SEEN)
		good &= saved(seen_save(m), "endpoints", "seen");
	if (what & SAVE_ISSUERS)
		good &= saved(issuers_save(m), "issuers", "issuers.json");
	free(rules);
	if (!good)
		return NOT_SAVED;
	if (what & SAVE_IMAGE && !saved(image_save(m, what & SAVE_BASE), "image", "table"))
		return NO_IMAGE;
	return SAVED;
}

/* It is tried again, first soon. */
static void
not_saved(struct saver *s, uint64_t now_ms)
{
	uint64_t pause = INTERVAL_MS << (s->failures < DOUBLED_MOST ? s->failures : DOUBLED_MOST);

	s->failures++;
	s->rules_failed = s->rules_due = true;
	s->seen_changes = 0;
	s->issuers_generation = 0;
	s->next_ms = now_ms + (pause < AFTER_FAILURE_MS ? pause : AFTER_FAILURE_MS);
}

static void
saver_start(struct master *m, unsigned what)
{
	sigset_t all, before;
	pid_t child, master = getpid();

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child == 0) {
		/* Signals stay blocked: their handlers write to the master. Nor may its lock live
		 * on in here. */
		close_range(3, ~0u, 0);
		/* The next master is not to find us at work on files that are its own by then. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != master)
			_exit(1);
		_exit(save_now(m, what));
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (child < 0) {
		log_warn("save error=\"%s\"", strerror(errno));
		not_saved(&m->saver, clock_mono_ms());
	} else {
		m->saver.child = child;
	}
	FAILPOINT("save-forked");
	if (child < 0 || !(what & (SAVE_RULES | SAVE_MORE)))
		return;
	if (!(what & SAVE_IMAGE)) /* the one on disk is of other files */
		m->saver.image_version = 0;
	rules_saved(m->rules, true);
	m->saver.more = (what & SAVE_MORE) != 0;
	m->saver.rules_failed &= !(what & SAVE_RULES);
}

static void
all_saved(struct master *m)
{
	struct saver *s = &m->saver;

	if (s->failures)
		log_info("save state_dir=%s effect=\"what is in force is on disk again\"",
			 m->config->state_dir);
	s->failures = 0;
	if (!s->saving_wall)
		return;
	s->saved_wall = s->saving_wall;
	m->store_fault[0] = '\0';
}

static void
saver_reap(struct master *m, uint64_t now_ms, int flags)
{
	struct saver *s = &m->saver;
	int status;

	if (!s->child || waitpid(s->child, &status, flags) != s->child)
		return;
	s->child = 0;
	status = WIFEXITED(status) ? WEXITSTATUS(status) : NOT_SAVED;
	if (status != SAVED) {
		s->image_version = s->image_base = 0;
		s->base_ms = now_ms + IMAGE_MS;
	}
	if (status == NOT_SAVED)
		not_saved(s, now_ms);
	else
		all_saved(m);
}

void
saver_mark(struct saver *s)
{
	s->rules_due = true;
}

static bool
rules_due(const struct master *m)
{
	struct store_redis_status st;

	if (!m->config->redis.configured)
		return false;
	store_redis_get_status(m->store, &st);
	/* Only what was compared in full is known to be good. */
	return st.loaded &&
	       (m->saver.rules_due || st.compared_wall > m->saver.saved_wall + REFRESH_S);
}

bool
saver_owes(const struct master *m)
{
	struct store_redis_status st;

	store_redis_get_status(m->store, &st);
	return m->config->redis.configured && st.loaded && m->saver.rules_due;
}

/* The small part goes with the rules (`rules`), or what is on disk would not fit them. Whoever ends
 * leaves the newest for the next one. */
static unsigned
image_due(const struct master *m, bool rules, bool last)
{
	const struct publisher *p = &m->publisher;
	const struct saver *s = &m->saver;
	uint64_t now = clock_mono_ms();
	bool base;

	if (!m->config->redis.configured || (!rules && p->version == s->image_version) ||
	    !image_is_good(m))
		return 0;
	base = p->base.rules->head->generation != s->image_base;
	if (!last && (base ? now < s->base_ms : !rules && now < s->image_ms))
		return 0;
	return SAVE_IMAGE | (base ? SAVE_BASE : 0u);
}

static void
image_begun(struct master *m, bool base, uint64_t now_ms)
{
	m->saver.image_version = m->publisher.version;
	m->saver.image_base = m->publisher.base.rules->head->generation;
	m->saver.image_ms = now_ms + IMAGE_MS;
	if (base)
		m->saver.base_ms = now_ms + IMAGE_MS;
}

static unsigned
what_is_due(const struct master *m, bool last)
{
	unsigned rules = !rules_due(m) ? 0u : rules_need_whole(m) ? SAVE_RULES : SAVE_MORE;

	return rules | (prober_seen_changes(m->prober) != m->saver.seen_changes ? SAVE_SEEN : 0u) |
	       (issuers_due(m) ? SAVE_ISSUERS : 0u) | image_due(m, rules != 0, last);
}

void
saver_tick(struct master *m, uint64_t now_ms)
{
	struct saver *s = &m->saver;
	unsigned what;

	saver_reap(m, now_ms, WNOHANG);
	if (s->child || now_ms < s->next_ms || issuer_work_any())
		return;
	what = what_is_due(m, false);
	s->next_ms = now_ms + INTERVAL_MS;
	if (!what)
		return;
	s->saving_wall = what & (SAVE_RULES | SAVE_MORE) ? clock_wall() : 0;
	if (s->saving_wall)
		s->rules_due = false;
	if (what & SAVE_ISSUERS) {
		s->issuers_generation = issuers_generation(m->issuers);
		s->issuers_wall = clock_wall();
	}
	if (what & SAVE_IMAGE)
		image_begun(m, what & SAVE_BASE, now_ms);
	s->seen_changes = prober_seen_changes(m->prober);
	saver_start(m, what);
}

/* False when the child had to be killed. */
static bool
saver_await(struct master *m)
{
	struct saver *s = &m->saver;
	uint64_t until = clock_mono_ms() + FINISH_MS;
	bool killed = false;

	for (;;) {
		saver_reap(m, 0, WNOHANG);
		if (!s->child)
			return !killed;
		if (clock_mono_ms() >= until && killed)
			return false;
		if (clock_mono_ms() >= until) {
			log_warn("save pid=%d error=\"the disk takes too long\" action=kill",
				 (int)s->child);
			kill(s->child, SIGKILL);
			killed = true;
			until += KILLED_MS;
		}
		pause_ms(PAUSE_MS);
	}
}

void
saver_finish(struct master *m)
{
	struct saver *s = &m->saver;
	unsigned what;

	if (saver_await(m)) {
		what = what_is_due(m, true);
		if (what)
			saver_start(m, what);
		saver_await(m);
	}
	if (s->locked)
		close(s->lock);
	s->locked = false;
	if (s->loading)
		rules_load_drop(s->loading);
	uv_close((uv_handle_t *)&s->idle, NULL);
}
