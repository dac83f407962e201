#include "store_file.h"

#include "cell.h"
#include "change.h"
#include "history.h"
#include "rules.h"
#include "keep.h"
#include "store_disk.h"

#include "lib/json.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT "yett store 1"
#define FILE_MAX ((size_t)512 << 20)
#define DEPTH 4 /* the file, "keys", a hash; "revisions", one, its delta is text */

/* Which file it is. A new one is made while the old one stands, so that their numbers differ. */
struct identity {
	bool known;
	dev_t device;
	ino_t number; /* 0: there is none */
};

struct store_file {
	char *state_dir;
	struct map keys; /* struct cell */
	struct store_disk *disk;
	struct identity was; /* before the child that is under way */
	struct map before;   /* the cells that the change under way replaced */
	store_file_fn done;
	void *userdata;
};

static void
cell_release(void *p)
{
	struct cell *c = p;

	if (c)
		cell_clear(c);
	free(c);
}

/* ---- reading ---- */

static bool
load_keys(struct store_file *f, const struct json *keys, struct rules *rules)
{
	if (json_kind(keys) != JSON_OBJECT)
		return false;
	for (const struct json *v = json_first(keys); v; v = json_next(v)) {
		struct cell *cell = xcalloc(1, sizeof *cell);

		if (!cell_read(cell, v) || cell->kind == CELL_NONE) {
			cell_release(cell);
			return false;
		}
		*map_put(&f->keys, json_name(v)) = cell;
		cell_put(cell, json_name(v), rules);
	}
	return true;
}

static bool
load_revisions(const struct json *list, struct history *history)
{
	if (json_kind(list) != JSON_ARRAY)
		return false;
	for (const struct json *v = json_first(list); v; v = json_next(v)) {
		struct revision *r = revision_load(v);

		if (!r)
			return false;
		history_add(history, r);
	}
	return true;
}

static bool
load_document(struct store_file *f, const struct json *d, struct rules *rules,
	      struct history *history)
{
	const struct json *keys = json_get(d, "keys"), *revisions = json_get(d, "revisions");

	return slice_eq(json_text(json_get(d, "format")), SLICE(FORMAT)) && keys && revisions &&
	       load_keys(f, keys, rules) && load_revisions(revisions, history);
}

/* 0 or a negative errno; then nothing is loaded. -EBADMSG: it is no such file. */
static int
load_file(struct store_file *f, const char *path, struct rules *rules, struct history *history)
{
	struct buf content BUF_CLEAN = { 0 };
	struct rules *read = rules_new();
	struct json *document = NULL;
	int r = store_disk_read(path, FILE_MAX, &content);

	if (r == 0 && (json_parse(buf_slice(&content), FILE_MAX, DEPTH, &document) < 0 ||
		       !load_document(f, document, read, history)))
		r = -EBADMSG;
	json_free(document);
	if (r == 0) {
		rules_replace(rules, read);
		rules_mark(rules);
		return 0;
	}
	rules_free(read);
	history_deinit(history);
	map_deinit(&f->keys, cell_release);
	return r;
}

/* Whoever sees a damaged file gone (NAME.bad) has no empty store. */
int
store_file_load(struct store_file *f, struct rules *rules, struct history *history,
		struct buf *error)
{
	struct buf path BUF_CLEAN = { 0 }, previous BUF_CLEAN = { 0 };
	int r;

	buf_addf(&path, "%s/" STORE_FILE_NAME, f->state_dir);
	buf_addf(&previous, "%.*s.1", SLICE_F(buf_slice(&path)));
	buf_addc(&path, '\0');
	buf_addc(&previous, '\0');
	r = load_file(f, path.p, rules, history);
	if (r == 0 || (r == -ENOENT && !keep_has_damaged(path.p)))
		return r;
	if (r == -EBADMSG)
		keep_damaged(path.p, error);
	else
		buf_addf(error, "%s: %s", path.p, strerror(-r));
	if (r != -EBADMSG && r != -ENOENT) /* it may be as good as it was */
		return r;
	r = load_file(f, previous.p, rules, history);
	if (r == 0) {
		buf_addf(error, "; %s is in force, which may lack the last change", previous.p);
		return 1;
	}
	buf_addf(error, "; %s: %s", previous.p,
		 r == -EBADMSG ? "not a file of rules" : strerror(-r));
	return -EBADMSG;
}

int
store_file_look(const char *state_dir, struct rules *rules)
{
	BUF_CLEAN struct buf path = { 0 };
	struct store_file f = { 0 };
	struct history history = { 0 };
	int r;

	buf_addf(&path, "%s/" STORE_FILE_NAME, state_dir);
	buf_addc(&path, '\0');
	r = load_file(&f, path.p, rules, &history);
	history_deinit(&history);
	map_deinit(&f.keys, cell_release);
	return r;
}

/* ---- writing ---- */

/* Runs in the child. */
static void
write_content(const struct store_file *f, const struct history *h, const struct revision *last,
	      struct buf *out)
{
	size_t first = h->count == HISTORY_MAX ? 1 : 0;
	bool some = false;

	buf_adds(out, SLICE("{\"format\":\"" FORMAT "\",\n\"keys\":{"));
	for (size_t i = 0; i < f->keys.count; i++) {
		const struct cell *cell = f->keys.entries[i].value;

		if (cell->kind == CELL_NONE)
			continue;
		buf_adds(out, some ? SLICE(",\n") : SLICE("\n"));
		some = true;
		buf_add_json(out, map_name(&f->keys.entries[i]));
		buf_addc(out, ':');
		cell_write(cell, out);
	}
	buf_adds(out, SLICE("},\n\"revisions\":[\n"));
	for (size_t i = first; i < h->count; i++) {
		revision_save(h->at[i], true, out);
		buf_adds(out, SLICE(",\n"));
	}
	revision_save(last, true, out);
	buf_adds(out, SLICE("]}\n"));
}

/* The cells as the change makes them; those of before are kept. */
static void
swap_in(struct store_file *f, const struct change *c)
{
	for (size_t i = 0; i < c->keys.count; i++) {
		struct slice key = map_name(&c->keys.entries[i]);
		struct cell *cell = xcalloc(1, sizeof *cell), *old = map_take(&f->keys, key);

		if (old)
			cell_copy(cell, old);
		*map_put(&f->keys, key) = cell;
		*map_put(&f->before, key) = old;
	}
	for (size_t i = 0; i < c->count; i++) {
		struct cell *cell = map_get(&f->keys, c->ops[i].key);

		(void)cell_apply(cell, &c->ops[i]); /* the draft went well */
	}
}

static void
drop_if_none(struct store_file *f, struct slice key)
{
	const struct cell *cell = map_get(&f->keys, key);

	if (!cell || cell->kind == CELL_NONE)
		cell_release(map_take(&f->keys, key));
}

static void
swap_end(struct store_file *f, bool good)
{
	for (size_t i = 0; i < f->before.count; i++) {
		struct map_entry *e = &f->before.entries[i];

		if (!good) {
			cell_release(map_take(&f->keys, map_name(e)));
			if (e->value)
				*map_put(&f->keys, map_name(e)) = e->value;
			e->value = NULL;
		}
		drop_if_none(f, map_name(e));
	}
	map_deinit(&f->before, cell_release);
}

static struct identity
identify(const struct store_file *f)
{
	struct buf path BUF_CLEAN = { 0 };
	struct stat st;

	buf_addf(&path, "%s/" STORE_FILE_NAME, f->state_dir);
	buf_addc(&path, '\0');
	if (stat(path.p, &st) == 0)
		return (struct identity){ true, st.st_dev, st.st_ino };
	return (struct identity){ .known = errno == ENOENT };
}

/* A child that failed, or was killed, may have renamed the file before. */
static int
find_out(const struct store_file *f, int error)
{
	struct identity was = f->was, is = identify(f);

	if (!was.known || !is.known || (was.number && !is.number))
		return STORE_FILE_UNKNOWN;
	if (was.device == is.device && was.number == is.number)
		return error;
	log_warn("store file=%s/" STORE_FILE_NAME
		 " error=\"%s\" effect=\"it is replaced, and may be lost if the "
		 "machine goes down now\"",
		 f->state_dir, strerror(-error));
	return 0;
}

static void
on_written(void *userdata, int error)
{
	struct store_file *f = userdata;
	store_file_fn done = f->done;

	if (error < 0)
		error = find_out(f, error);
	swap_end(f, error == 0);
	f->done = NULL;
	done(f->userdata, error);
}

int
store_file_write(struct store_file *f, const struct change *change, const struct history *history,
		 const struct revision *revision, store_file_fn done, void *userdata)
{
	pid_t child;

	f->was = identify(f);
	swap_in(f, change);
	child = store_disk_fork(f->disk, on_written, f);
	if (child == 0) {
		struct buf content = { 0 };

		write_content(f, history, revision, &content);
		_exit(store_disk_replace(f->state_dir, STORE_FILE_NAME, buf_slice(&content)));
	}
	if (child < 0) {
		swap_end(f, false);
		return (int)child;
	}
	f->done = done;
	f->userdata = userdata;
	return 0;
}

int
store_file_probe(struct store_file *f, store_file_fn done, void *userdata)
{
	pid_t child;

	f->was = identify(f);
	child = store_disk_fork(f->disk, on_written, f);
	if (child == 0)
		_exit(store_disk_try(f->state_dir));
	if (child < 0)
		return (int)child;
	f->done = done;
	f->userdata = userdata;
	return 0;
}

bool
store_file_busy(const struct store_file *f)
{
	return f->done != NULL;
}

void
store_file_put(const struct store_file *f, const struct change *change, struct rules *rules)
{
	static const struct cell none;

	for (size_t i = 0; i < change->keys.count; i++) {
		struct slice key = map_name(&change->keys.entries[i]);
		const struct cell *cell = map_get(&f->keys, key);

		cell_put(cell ? cell : &none, key, rules);
	}
}

/* ---- life ---- */

struct store_file *
store_file_new(struct uv_loop_s *loop, const char *state_dir)
{
	struct store_file *f = xcalloc(1, sizeof *f);

	f->state_dir = xstrdup(state_dir);
	f->disk = store_disk_new(loop);
	return f;
}

void
store_file_free(struct store_file *f)
{
	if (!f)
		return;
	store_disk_free(f->disk);
	map_deinit(&f->keys, cell_release);
	map_deinit(&f->before, cell_release);
	free(f->state_dir);
	free(f);
}
