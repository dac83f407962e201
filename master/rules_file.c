/*
 * The last good rules in a file of our own: what the gateway starts with when Redis is away. JSON,
 * in source form, so that a newer or an older version reads it through the same checks as Redis'
 * own values.
 */

#include "rules.h"

#include "history.h"
#include "keep.h"
#include "rules_backend.h"
#include "rules_own.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT "yett rules 1"
#define FILE_MAX ((off_t)256 << 20)
#define DEPTH 3 /* the file, "backends", one backend */

/* ---- writing ---- */

/* A key that JSON could not give back as it is is left out: under another name it might be another
 * key's, or stand twice. */
static void
refusals_write(const struct rules *r, bool lost, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < rules_refusals(r); i++) {
		const struct rules_refusal *f = rules_refusal_at(r, i);
		struct slice key = slice_make(f->key, f->key_n);

		if ((lost && !f->lost) || memchr(key.p, '\0', key.n) || !rules_is_utf8(key))
			continue;
		buf_adds(out, first ? SLICE("\n") : SLICE(",\n"));
		first = false;
		buf_add_json(out, key);
		buf_addc(out, ':');
		buf_add_json(out, slice_of(f->reason));
	}
}

/* Under the names of their keys. */
static void
native_write(struct slice key, const struct rules_native *n, bool *first, struct buf *out)
{
	buf_adds(out, *first ? SLICE("\n") : SLICE(",\n"));
	*first = false;
	buf_add_json(out, key);
	buf_addc(out, ':');
	buf_add_json(out, rules_native_text(n));
}

static void
natives_write(const struct rules *r, struct buf *out)
{
	bool first = true;

	for (unsigned kind = 0; kind < NATIVE_KINDS; kind++) {
		for (size_t i = 0; i < rules_natives(r, kind); i++) {
			const struct rules_native *n = rules_native_at(r, kind, i);
			struct buf key BUF_CLEAN = { 0 };

			buf_adds(&key, rules_native_prefix(kind));
			buf_addf(&key, "%s", rules_native_name(n));
			native_write(buf_slice(&key), n, &first, out);
		}
	}
}

/* Values that are refused: what can be read of them has to close what it closed, after a restart
 * too. */
static void
refused_natives_write(const struct rules *r, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < rules_refusals(r); i++) {
		const struct rules_refusal *f = rules_refusal_at(r, i);

		if (f->native && rules_is_utf8(rules_native_text(f->native)))
			native_write(slice_make(f->key, f->key_n), f->native, &first, out);
	}
}

static void
rules_write(const struct rules *r, const struct revision *revision, struct buf *out)
{
	buf_addf(out, "{\"format\":\"" FORMAT "\",\"saved_at\":%" PRId64 ",\n\"frontends\":{",
		 clock_wall());
	for (size_t i = 0; i < rules_frontends(r); i++) {
		const struct rules_frontend *f = rules_frontend_at(r, i);

		buf_adds(out, i ? SLICE(",\n") : SLICE("\n"));
		buf_add_json(out, slice_of(f->url));
		buf_addc(out, ':');
		buf_add_json(out, slice_of(f->backend));
	}
	buf_adds(out, SLICE("},\n\"backends\":{"));
	for (size_t i = 0; i < rules_backends(r); i++) {
		buf_adds(out, i ? SLICE(",\n") : SLICE("\n"));
		buf_add_json(out, slice_of(rules_backend_at(r, i)->name));
		buf_addc(out, ':');
		backend_write(rules_backend_at(r, i), out);
	}
	/* Without these a restart would forget that a match must answer 503, and let a shorter path
	 * have it. */
	buf_adds(out, SLICE("},\n\"refused\":{"));
	refusals_write(r, false, out);
	/* Of which it is not known what they closed. */
	buf_adds(out, SLICE("},\n\"lost\":{"));
	refusals_write(r, true, out);
	buf_adds(out, SLICE("},\n\"native\":{"));
	natives_write(r, out);
	buf_adds(out, SLICE("},\n\"native_refused\":{"));
	refused_natives_write(r, out);
	buf_addc(out, '}');
	if (revision) {
		buf_adds(out, SLICE(",\n\"revision\":"));
		revision_save(revision, false, out);
	}
	buf_adds(out, SLICE("}\n"));
}

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
	return fsync(fd) < 0 ? -errno : 0;
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

static int
write_file(const char *path, const char *temporary, struct slice content)
{
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	int r;

	if (fd < 0)
		return -errno;
	r = fchmod(fd, 0640) < 0 ? -errno : write_all(fd, content);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r < 0 ? r : sync_folder(path);
}

int
rules_save(const struct rules *r, const struct revision *revision, const char *path,
	   struct buf *error)
{
	struct buf content BUF_CLEAN = { 0 }, temporary BUF_CLEAN = { 0 };
	int e;

	buf_addf(&temporary, "%s.tmp", path);
	buf_addc(&temporary, '\0');
	rules_write(r, revision, &content);
	e = write_file(path, temporary.p, buf_slice(&content));
	if (e < 0)
		buf_addf(error, "%s: %s", path, strerror(-e));
	return e;
}

/* ---- reading ---- */

static int
read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < FILE_MAX) {
		do {
			buf_reserve(out, 65536);
			n = read(fd, out->p + out->n, 65536);
			out->n += n > 0 ? (size_t)n : 0;
		} while (n > 0 && (off_t)out->n < FILE_MAX);
	}
	close(fd);
	return n == 0 ? 0 : -EBADMSG;
}

/* False when one of the members is of another kind. */
static bool
members_are(const struct json *object, enum json_kind kind)
{
	if (!object || json_kind(object) != JSON_OBJECT)
		return false;
	for (const struct json *i = json_first(object); i; i = json_next(i)) {
		if (json_kind(i) != kind)
			return false;
	}
	return true;
}

static bool
load_frontends(struct rules *r, const struct json *object)
{
	if (!members_are(object, JSON_STRING))
		return false;
	for (const struct json *i = json_first(object); i; i = json_next(i))
		rules_set_frontend(r, json_name(i), json_text(i));
	return true;
}

static bool
load_backend(struct rules *r, const struct json *backend)
{
	size_t count = 0;
	struct slice *fields;

	if (!members_are(backend, JSON_STRING))
		return false;
	for (const struct json *i = json_first(backend); i; i = json_next(i))
		count += 2;
	fields = xcalloc(count, sizeof *fields);
	count = 0;
	for (const struct json *i = json_first(backend); i; i = json_next(i)) {
		fields[count++] = json_name(i);
		fields[count++] = json_text(i);
	}
	rules_set_backend(r, json_name(backend), fields, count);
	free(fields);
	return true;
}

static bool
load_backends(struct rules *r, const struct json *object)
{
	if (!members_are(object, JSON_OBJECT))
		return false;
	for (const struct json *i = json_first(object); i; i = json_next(i)) {
		if (!load_backend(r, i))
			return false;
	}
	return true;
}

/* By their keys. A file of an older version has none. */
static bool
load_natives(struct rules *r, const struct json *object)
{
	if (object && !members_are(object, JSON_STRING))
		return false;
	for (const struct json *i = json_first(object); i; i = json_next(i)) {
		enum native_kind kind;
		struct slice name;

		if (rules_native_key(json_name(i), &kind, &name))
			rules_set_native(r, kind, name, json_text(i));
	}
	return true;
}

static bool
load_refused(struct rules *r, const struct json *object)
{
	if (!members_are(object, JSON_STRING))
		return false;
	for (const struct json *i = json_first(object); i; i = json_next(i)) {
		const struct rules_refusal *f = rules_refusal_find(r, json_name(i));

		if (!f || !f->native) /* else this version has judged it by its value */
			rules_refuse(r, json_name(i), json_text(i).p);
	}
	return true;
}

/* Those that were refused when the file was written had no good version but that which stands in
 * it, unless it says so. A file of an older version does not. */
static bool
load_refusals(struct rules *r, const struct json *document)
{
	const struct json *lost = json_get(document, "lost");

	if (lost && !members_are(lost, JSON_STRING))
		return false;
	r->whole = lost != NULL;
	if (!load_natives(r, json_get(document, "native_refused")) ||
	    !load_refused(r, json_get(document, "refused")))
		return false;
	r->whole = false;
	for (const struct json *i = json_first(lost); i; i = json_next(i)) {
		struct rules_refusal *f =
		    (struct rules_refusal *)(uintptr_t)rules_refusal_find(r, json_name(i));

		if (f)
			f->lost = !f->kept;
	}
	return true;
}

/* What this version refuses is a refusal of that key alone, as if it came from Redis. */
static bool
load_document(struct rules *r, const struct json *document, int64_t *saved_at)
{
	double saved;

	if (!slice_eq(json_text(json_get(document, "format")), SLICE(FORMAT)) ||
	    !json_number(json_get(document, "saved_at"), &saved) || !(saved >= 0 && saved < 1e15))
		return false;
	*saved_at = (int64_t)saved;
	return load_frontends(r, json_get(document, "frontends")) &&
	       load_backends(r, json_get(document, "backends")) &&
	       load_natives(r, json_get(document, "native")) && load_refusals(r, document);
}

int
rules_load(struct rules *r, const char *path, int64_t *saved_at, struct revision **revision,
	   struct buf *error)
{
	struct buf content BUF_CLEAN = { 0 };
	struct rules *loaded;
	struct json *document = NULL;
	bool good;
	int e = read_file(path, &content);

	*revision = NULL;
	if (e < 0 && e != -EBADMSG) {
		buf_addf(error, "%s: %s", path, strerror(-e));
		return e;
	}
	loaded = rules_new();
	good = e == 0 && json_parse(buf_slice(&content), FILE_MAX, DEPTH, &document) == 0 &&
	       load_document(loaded, document, saved_at);
	*revision = good ? revision_load(json_get(document, "revision")) : NULL;
	json_free(document);
	if (!good) {
		rules_free(loaded);
		keep_damaged(path, error);
		return -EBADMSG;
	}
	rules_replace(r, loaded);
	return 0;
}
