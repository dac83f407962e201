/*
 * The last good rules in files of our own: what the gateway starts with when Redis is away. One has
 * all of them; what changed since then is in another one behind it, a line for each time, so that a
 * change of one rule writes one rule, however many there are.
 */

#include "rules.h"

#include "file.h"
#include "history.h"
#include "keep.h"
#include "rules_more.h"
#include "rules_own.h"
#include "rules_text.h"

#include "lib/clock.h"
#include "lib/failpoint.h"
#include "lib/json.h"
#include "lib/sha256.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX 1024 /* bytes of the first line of all of them */

/* ---- writing ---- */

static int
write_all(int fd, struct slice s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		s = slice_make(s.p + n, s.n - (size_t)n);
	}
	return 0;
}

/* A rename is only safe from a power failure once the folder is written too. */
static int
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder =
	    slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	free(folder);
	return r;
}

/* Opens what becomes of the file. */
static int
file_begin(const char *temporary)
{
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	int r;

	if (fd < 0 || fchmod(fd, 0640) == 0)
		return fd < 0 ? -errno : fd;
	r = -errno;
	close(fd);
	unlink(temporary);
	return r;
}

/* `r`: what became of its content. */
static int
file_end(const char *path, const char *temporary, int fd, int r)
{
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	FAILPOINT("rules-fsynced");
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r < 0 ? r : sync_folder(path);
}

static int
fail(struct buf *error, const char *path, int e)
{
	if (e < 0)
		buf_addf(error, "%s: %s", path, strerror(-e));
	return e;
}

static void
name_behind(const char *path, const char *suffix, struct buf *out)
{
	buf_addf(out, "%s%s", path, suffix);
	buf_addc(out, '\0');
}

int
rules_save(const struct rules *r, const struct revision *revision, const char *path,
	   struct buf *error)
{
	struct buf temporary BUF_CLEAN = { 0 };
	struct rules_sink sink = { 0 };

	name_behind(path, ".tmp", &temporary);
	sink.fd = file_begin(temporary.p);
	if (sink.fd < 0)
		return fail(error, path, sink.fd);
	FAILPOINT("rules-opened");
	rules_write(r, revision, &sink);
	FAILPOINT("rules-written");
	return fail(error, path, file_end(path, temporary.p, sink.fd, rules_sink_end(&sink)));
}

/* ---- what changed since then ---- */

/* Says which rules it stands behind. */
static int
add_head(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char line[LINE_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line);
	const char *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;
	int r = n < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	if (!end)
		return r < 0 ? r : -EBADMSG;
	rules_more_begin(slice_make(line, (size_t)(end - line)), out);
	return 0;
}

static int
append(const char *more, struct slice lines)
{
	int fd = open(more, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW), r;

	if (fd < 0)
		return -errno;
	FAILPOINT("more-opened");
	r = write_all(fd, lines);
	FAILPOINT("more-written");
	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	FAILPOINT("more-synced");
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

int
rules_save_more(const struct rules *r, const struct revision *revision, const char *path, bool anew,
		struct buf *error)
{
	struct buf more BUF_CLEAN = { 0 }, temporary BUF_CLEAN = { 0 }, lines BUF_CLEAN = { 0 };
	struct rules_sink sink = { .fd = -1 };
	int e = 0, fd;

	name_behind(path, ".more", &more);
	name_behind(path, ".more.tmp", &temporary);
	rules_write_part(r, rules_unsaved(r), revision, &sink);
	if (anew)
		e = add_head(path, &lines);
	rules_more_add(buf_slice(&sink.text), &lines);
	(void)rules_sink_end(&sink);
	if (!anew)
		return fail(error, more.p, append(more.p, buf_slice(&lines)));
	fd = e < 0 ? e : file_begin(temporary.p);
	if (fd < 0)
		return fail(error, more.p, fd);
	return fail(error, more.p,
		    file_end(more.p, temporary.p, fd, write_all(fd, buf_slice(&lines))));
}

/* ---- reading ---- */

struct rules_loading {
	struct rules *rules;
	struct rules_reader *reader;
	char *path;
	bool has_more;
	struct rules_more *more; /* NULL: the rules that it stands behind are not read yet */
	int64_t saved_at;
	struct revision *revision;
};

void
rules_load_drop(struct rules_loading *l)
{
	rules_reader_free(l->reader);
	rules_more_free(l->more);
	revision_free(l->revision);
	rules_free(l->rules);
	free(l->path);
	free(l);
}

int
rules_load_begin(const char *path, struct rules_loading **out, struct buf *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct rules_loading *l;

	if (fd < 0)
		return fail(error, path, -errno);
	l = xcalloc(1, sizeof *l);
	l->rules = rules_new();
	l->rules->changes.most = DELTA_MAX;
	l->reader = rules_reader_new(l->rules, fd, SLICE(""), false);
	l->path = xstrdup(path);
	*out = l;
	return 0;
}

static void
begin_more(struct rules_loading *l)
{
	struct buf path BUF_CLEAN = { 0 };

	l->saved_at = rules_reader_saved_at(l->reader);
	l->revision = rules_reader_revision(l->reader);
	name_behind(l->path, ".more", &path);
	l->has_more = rules_more_open(path.p, rules_reader_line(l->reader), &l->more);
}

int
rules_load_go(struct rules_loading *l, size_t keys, struct buf *error)
{
	int r = l->more ? 0 : rules_reader_go(l->reader, keys);

	if (r < 0) {
		keep_damaged(l->path, error);
		rules_load_drop(l);
	}
	if (r != 0)
		return r;
	if (!l->more)
		begin_more(l);
	return rules_more_go(l->more, l->rules, keys, &l->saved_at, &l->revision);
}

void
rules_load_end(struct rules_loading *l, struct rules *r, int64_t *saved_at,
	       struct revision **revision)
{
	*saved_at = l->saved_at;
	*revision = l->revision;
	rules_replace(r, l->rules);
	rules_saved(r, !l->has_more);
	l->rules = NULL;
	l->revision = NULL;
	rules_load_drop(l);
}

int
rules_load(struct rules *r, const char *path, int64_t *saved_at, struct revision **revision,
	   struct buf *error)
{
	struct rules_loading *l = NULL;
	int e = rules_load_begin(path, &l, error);

	*revision = NULL;
	if (!l)
		return e;
	while ((e = rules_load_go(l, SIZE_MAX, error)) > 0)
		;
	if (e == 0)
		rules_load_end(l, r, saved_at, revision);
	return e;
}
