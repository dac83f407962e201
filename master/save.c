#include "save.h"

#include "master.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define INTERVAL_MS 1000
#define AFTER_FAILURE_MS 30000
#define REFRESH_S 600 /* rules that do not change are saved so often, for their age */

/* ---- the endpoints ---- */

static uint64_t
seen_digest(const struct master *m)
{
	const char *const *authorities;
	size_t n = prober_seen(m->prober, &authorities);
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (size_t i = 0; i < n; i++) {
		for (const char *c = authorities[i];; c++) {
			h = (h ^ (unsigned char)*c) * 0x100000001b3u;
			if (!*c)
				break;
		}
	}
	return h;
}

static int
sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static int
seen_save(const struct master *m, const char *path)
{
	const char *const *authorities;
	size_t n = prober_seen(m->prober, &authorities);
	BUF_CLEAN struct buf next = { 0 };
	FILE *f;
	int r = 0;

	buf_addf(&next, "%s.new", path);
	buf_addc(&next, '\0');
	f = fopen(next.p, "we");
	if (!f)
		return -errno;
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s\n", authorities[i]);
	if (fflush(f) != 0 || ferror(f) || fsync(fileno(f)) < 0)
		r = -errno;
	fclose(f);
	if (r == 0 && rename(next.p, path) < 0)
		r = -errno;
	return r < 0 ? r : sync_directory(m->config->state_dir);
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

/* ---- both ---- */

static char *
state_path(const struct master *m, const char *name)
{
	struct buf path = { 0 };

	buf_addf(&path, "%s/%s", m->config->state_dir, name);
	buf_addc(&path, '\0');
	return path.p;
}

void
saver_load(struct master *m)
{
	BUF_CLEAN struct buf error = { 0 };
	char *rules = state_path(m, "rules.json"), *seen = state_path(m, "seen");
	int r;

	seen_load(m, seen);
	m->saver.seen_digest = seen_digest(m);
	if (m->config->redis.configured) {
		r = rules_load(m->rules, rules, &m->remembered_wall, &error);
		m->remembered = r == 0;
		m->saver.saved_wall = m->remembered_wall;
		if (r == 0)
			log_info(
			    "rules source=last-known-good frontends=%zu backends=%zu age_s=%lld",
			    rules_frontends(m->rules), rules_backends(m->rules),
			    (long long)(clock_wall() - m->remembered_wall));
		else if (r != -ENOENT)
			log_warn("rules file=%s error=\"%.*s\"", rules, SLICE_F(buf_slice(&error)));
	}
	free(rules);
	free(seen);
}

/* 0 or 1, as an exit status. */
static int
save_now(const struct master *m, bool with_rules, bool with_seen)
{
	BUF_CLEAN struct buf error = { 0 };
	char *rules = state_path(m, "rules.json"), *seen = state_path(m, "seen");
	int r = 0, status = 0;

	if (with_rules && rules_save(m->rules, rules, &error) < 0) {
		log_warn("rules file=%s error=\"%.*s\"", rules, SLICE_F(buf_slice(&error)));
		status = 1;
	}
	if (with_seen)
		r = seen_save(m, seen);
	if (r < 0) {
		log_warn("endpoints file=%s error=\"%s\"", seen, strerror(-r));
		status = 1;
	}
	free(rules);
	free(seen);
	return status;
}

static void
saver_start(struct master *m, bool with_rules, bool with_seen)
{
	sigset_t all, before;
	pid_t child;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child == 0) {
		/* Signals stay blocked: their handlers write to the master. Nor may its lock live
		 * on in here. */
		close_range(3, ~0u, 0);
		_exit(save_now(m, with_rules, with_seen));
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (child < 0)
		log_warn("save error=\"%s\"", strerror(errno));
	else
		m->saver.child = child;
}

static void
saver_reap(struct saver *s, uint64_t now_ms, int flags)
{
	int status;

	if (!s->child || waitpid(s->child, &status, flags) != s->child)
		return;
	s->child = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	s->rules_due = true;
	s->seen_digest = 0;
	s->next_ms = now_ms + AFTER_FAILURE_MS;
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

void
saver_tick(struct master *m, uint64_t now_ms)
{
	struct saver *s = &m->saver;
	bool with_rules, with_seen;
	uint64_t digest;

	saver_reap(s, now_ms, WNOHANG);
	if (s->child || now_ms < s->next_ms)
		return;
	digest = seen_digest(m);
	with_rules = rules_due(m);
	with_seen = digest != s->seen_digest;
	s->next_ms = now_ms + INTERVAL_MS;
	if (!with_rules && !with_seen)
		return;
	if (with_rules) {
		s->rules_due = false;
		s->saved_wall = clock_wall();
	}
	s->seen_digest = digest;
	saver_start(m, with_rules, with_seen);
}

void
saver_finish(struct master *m)
{
	struct saver *s = &m->saver;

	saver_reap(s, 0, 0);
	save_now(m, rules_due(m), seen_digest(m) != s->seen_digest);
}
