/*
 * The suspensions as a file of the state directory: without Redis the truth, with it what was last
 * known. Lines: a head with the age and the source, "field value" each (the field with triplets as
 * in a URL, the value as in Redis), and how many there are, so that half a file is not taken for
 * one.
 */

#include "master.h"
#include "store_disk.h"
#include "suspend_keys.h"
#include "suspend_set.h"
#include "suspensions.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAME "suspended"
#define HEAD "yett-suspended 1 "
#define FILE_MAX ((size_t)256 << 20)
#define SAVE_MS 1000
#define REFRESH_S 300 /* what does not change is saved so often, for its age */
#define KEY_FIELD "key:"

/* ---- writing, in the child ---- */

static void
add_field(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c > ' ' && c < 0x7f && c != '%')
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02x", c);
	}
}

struct writing {
	struct buf out;
	size_t count;
};

static void
add_key(void *userdata, struct slice name, int64_t since)
{
	struct writing *w = userdata;

	buf_adds(&w->out, SLICE(KEY_FIELD));
	add_field(&w->out, name);
	buf_addf(&w->out, " {\"since\":%lld}\n", (long long)since);
	w->count++;
}

static void
write_all(struct master *m, struct writing *w)
{
	const struct suspensions *s = &m->suspensions;
	bool redis = suspensions_use_redis(m);

	buf_addf(&w->out, HEAD "%lld %s\n",
		 (long long)(redis ? suspend_set_wall(s->set) : clock_wall()),
		 redis ? "redis" : "file");
	for (size_t i = 0; i < s->own.count; i++) {
		add_field(&w->out, map_name(&s->own.entries[i]));
		buf_addc(&w->out, ' ');
		suspension_write(s->own.entries[i].value, &w->out);
		buf_addc(&w->out, '\n');
		w->count++;
	}
	suspend_keys_each(s->keys, add_key, w);
	buf_addf(&w->out, "end %zu\n", w->count);
}

/* ---- saving ---- */

static void save(struct master *m);

static void
savers_tell(struct master *m, int error)
{
	struct list told;

	list_take(&m->suspensions.savers_begun, &told);
	list_drain (pos, &told) {
		struct suspension_saver *one = container_of(pos, struct suspension_saver, link);

		one->done(one->userdata, error);
		free(one);
	}
}

static void
on_saved(void *userdata, int error)
{
	struct master *m = userdata;
	struct suspensions *s = &m->suspensions;

	s->saving = false;
	if (error < 0) {
		log_warn("suspensions file=%s/" NAME " error=\"%s\"", m->config->state_dir,
			 strerror(-error));
		s->changed = true;
	}
	savers_tell(m, error);
	if (!list_empty(&s->savers))
		save(m);
}

static void
save(struct master *m)
{
	struct suspensions *s = &m->suspensions;
	struct writing w = { 0 };
	pid_t child;

	list_take(&s->savers, &s->savers_begun);
	s->changed = false;
	s->saved_wall = clock_wall();
	child = store_disk_fork(s->disk, on_saved, m);
	if (child == 0) {
		write_all(m, &w);
		_exit(store_disk_replace(m->config->state_dir, NAME, buf_slice(&w.out)));
	}
	s->saving = child > 0;
	if (child < 0)
		on_saved(m, (int)child);
}

void
suspend_file_mark(struct master *m)
{
	m->suspensions.changed = true;
}

void
suspend_file_save(struct master *m, void (*done)(void *userdata, int error), void *userdata)
{
	struct suspension_saver *one = xcalloc(1, sizeof *one);

	one->done = done;
	one->userdata = userdata;
	list_push(&m->suspensions.savers, &one->link);
	if (!m->suspensions.saving)
		save(m);
}

void
suspend_file_tick(struct master *m, uint64_t now_ms)
{
	struct suspensions *s = &m->suspensions;
	bool old = s->own.count > 0 && suspensions_use_redis(m) &&
		   suspend_set_wall(s->set) > s->saved_wall + REFRESH_S;

	if ((!s->changed && !old) || s->saving || now_ms < s->save_ms)
		return;
	s->save_ms = now_ms + SAVE_MS;
	save(m);
}

/* ---- reading ---- */

static bool
read_field(struct slice text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		char hex[3] = { 0 };

		if (text.p[i] != '%') {
			buf_addc(out, text.p[i]);
			continue;
		}
		if (i + 2 >= text.n || !isxdigit((unsigned char)text.p[i + 1]) ||
		    !isxdigit((unsigned char)text.p[i + 2]))
			return false;
		memcpy(hex, text.p + i + 1, 2);
		buf_addc(out, (char)strtoul(hex, NULL, 16));
		i += 2;
	}
	return true;
}

static bool
read_line(struct master *m, struct slice line, bool local)
{
	BUF_CLEAN struct buf field = { 0 };
	struct suspension one;
	struct slice value, name = slice_cut(line, ' ', &value);

	if (name.n == line.n || !read_field(name, &field))
		return false;
	if (slice_starts(buf_slice(&field), SLICE(KEY_FIELD))) {
		suspend_keys_remember(m->suspensions.keys, slice_make(field.p + strlen(KEY_FIELD),
								      field.n - strlen(KEY_FIELD)));
		return true;
	}
	suspension_read(value, &one);
	one.local = local;
	return suspensions_put(m, buf_slice(&field), &one);
}

/* How many lines the last one says that there are, and what is before it. False: it is not whole.
 */
static bool
read_end(struct slice *text, size_t *count)
{
	struct slice all = *text;
	size_t at;
	char number[24];

	if (all.n == 0 || all.p[all.n - 1] != '\n')
		return false;
	for (at = all.n - 1; at > 0 && all.p[at - 1] != '\n'; at--)
		;
	*text = slice_make(all.p, at);
	all = slice_make(all.p + at, all.n - at - 1);
	if (!slice_starts(all, SLICE("end ")) || all.n - 4 >= sizeof number)
		return false;
	memcpy(number, all.p + 4, all.n - 4);
	number[all.n - 4] = '\0';
	*count = strtoull(number, NULL, 10);
	return true;
}

/* 0 or -EBADMSG. */
static int
read_text(struct master *m, struct slice text)
{
	struct slice source, head;
	bool local;
	size_t count, n = 0;

	if (!slice_starts(text, SLICE(HEAD)) || !read_end(&text, &count))
		return -EBADMSG;
	head = slice_cut(text, '\n', &text);
	if (head.n < strlen(HEAD))
		return -EBADMSG;
	head = slice_cut(slice_make(head.p + strlen(HEAD), head.n - strlen(HEAD)), ' ', &source);
	local = slice_eq(source, SLICE("file"));
	for (; text.p && text.n > 0; n++) {
		if (!read_line(m, slice_cut(text, '\n', &text), local))
			return -EBADMSG;
	}
	if (!local && suspensions_use_redis(m)) {
		suspend_set_known(m->suspensions.set, strtoll(head.p, NULL, 10));
		suspend_keys_known(m->suspensions.keys, strtoll(head.p, NULL, 10));
	}
	return n == count ? 0 : -EBADMSG;
}

static int
load(struct master *m, const char *name)
{
	BUF_CLEAN struct buf path = { 0 }, text = { 0 };
	int r;

	buf_addf(&path, "%s/%s", m->config->state_dir, name);
	buf_addc(&path, '\0');
	r = store_disk_read(path.p, FILE_MAX, &text);
	if (r == 0) {
		buf_addc(&text, '\0'); /* for numbers at its end */
		text.n--;
		r = read_text(m, buf_slice(&text));
	}
	if (r < 0 && r != -ENOENT)
		log_error("suspensions file=%s error=\"%s\"", path.p,
			  r == -EBADMSG ? "it is damaged" : strerror(-r));
	return r;
}

void
suspend_file_load(struct master *m)
{
	struct suspensions *s = &m->suspensions;
	int r;

	s->loading = true;
	r = load(m, NAME);
	if (r < 0 && r != -ENOENT && load(m, NAME ".1") < 0) {
		s->unreadable = true;
		log_error("suspensions error=\"who is suspended is not known\" effect=\"nobody "
			  "with an identity passes\" remedy=\"remove the file, and suspend anew\"");
	}
	s->changed = s->loading = false;
	if (s->own.count > 0)
		log_info("suspensions source=file count=%zu", s->own.count);
}

/* ---- life ---- */

void
suspend_file_init(struct master *m)
{
	list_init(&m->suspensions.savers);
	list_init(&m->suspensions.savers_begun);
	m->suspensions.disk = store_disk_new(&m->loop);
}

void
suspend_file_deinit(struct master *m)
{
	struct suspensions *s = &m->suspensions;

	if (s->changed && !s->saving)
		save(m);
	store_disk_free(s->disk);
	savers_tell(m, -EINTR);
	list_take(&s->savers, &s->savers_begun);
	savers_tell(m, -EINTR);
}
