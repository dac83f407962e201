#include "image.h"

#include "compile_behind.h"
#include "file.h"
#include "master.h"
#include "save_text.h"

#include "lib/clock.h"
#include "lib/failpoint.h"
#include "lib/log.h"
#include "lib/sha256.h"
#include "shm/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x656c626174747479ull
#define BASE "table.base"
#define REST "table"
#define REST_MAX ((size_t)1 << 30)

enum { SLOTS_UPSTREAMS, SLOTS_ENDPOINTS, SLOTS_ROUTES, SLOTS_LIMITS, SLOTS_N };

struct mark { /* a file, as it was when the image was written */
	uint64_t inode, size, sec, nsec;
};

struct image_head { /* then an overlay of the rules, the endpoints, an overlay of those, the slots
		     */
	uint64_t magic;
	uint8_t digest[SHA256_BYTES]; /* of all that follows it */
	uint8_t made_by[SHA256_BYTES];
	struct mark rules, more;
	uint64_t base_checksum;
	uint64_t over, endpoints, endpoints_over, slots[SLOTS_N]; /* bytes */
};

static const struct segment *
bottom(const struct segment *s)
{
	return s->base ? s->base : s;
}

static struct slots *
slots_of(const struct master *m, unsigned which)
{
	const struct directory_slots *s = &m->publisher.slots;
	struct slots *const all[SLOTS_N] = { s->upstreams, s->endpoints, s->routes, s->limits };

	return all[which];
}

/* ---- what it has to fit ---- */

static struct mark
mark_of(const struct master *m, const char *name)
{
	BUF_CLEAN struct buf path = { 0 };
	struct stat st;

	buf_addf(&path, "%s/%s", m->config->state_dir, name);
	buf_addc(&path, '\0');
	if (stat(path.p, &st) < 0)
		return (struct mark){ 0 };
	return (struct mark){ st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
			      (uint64_t)st.st_mtim.tv_nsec };
}

static bool
mark_same(const struct mark *a, const struct mark *b)
{
	return a->inode == b->inode && a->size == b->size && a->sec == b->sec && a->nsec == b->nsec;
}

/* Its settings as they are, and the table that it makes without any rule of a store, which has what
 * stands in other files; but not our name in Via, which is another one at each start. */
static int
add_configuration(const struct config *own, struct buf *out)
{
	struct config plain = *own;
	const struct config *c = &plain;
	struct directory_slots slots = { slots_new(UPSTREAMS_MAX), slots_new(BOARD_HEALTH),
					 slots_new(BOARD_ROUTES), slots_new(BOARD_LIMITS),
					 slots_new(BOARD_UPSTREAMS) };
	BUF_CLEAN struct buf warnings = { 0 };
	struct directory *d = directory_build(c, NULL, NULL, &slots, &warnings);
	struct segment *table = NULL;
	struct compile_report *report = NULL;
	int r;

	plain.via = false;
	r = compile_rules(c, NULL, true, d, &slots, NULL, 1, false, &table, &report);
	config_effective(own, false, out);
	if (r == 0)
		buf_adds(out, slice_make((const char *)table->head, table->size));
	seg_unref(table);
	compile_report_free(report);
	directory_free(d);
	slots_free(slots.upstreams);
	slots_free(slots.endpoints);
	slots_free(slots.routes);
	slots_free(slots.limits);
	slots_free(slots.seen_upstreams);
	return r;
}

static int
made_by(const struct master *m, uint8_t out[SHA256_BYTES])
{
	BUF_CLEAN struct buf text = { 0 };
	const struct stat *program = &m->spawn.is;
	int r = add_configuration(m->config, &text);

	/* A package that is built again may have the version of the one before. */
	buf_addf(&text, "%s %u %lld %lld.%ld", YETT_VERSION, SEGMENT_FORMAT,
		 (long long)program->st_size, (long long)program->st_mtim.tv_sec,
		 program->st_mtim.tv_nsec);
	if (r == 0 && !sha256(buf_slice(&text), out))
		r = -EIO;
	return r;
}

/* ---- saving ---- */

bool
image_is_good(const struct master *m)
{
	const struct publisher *p = &m->publisher;

	/* Keys of callers are compiled from rules, which would not be there. */
	return publish_is_large(m, m->rules) && p->pending == 0 && p->base.rules &&
	       p->base.serial == m->config->serial && !p->next.rules &&
	       rules_natives(m->rules, NATIVE_KEY) == 0;
}

static struct slice
segment_bytes(const struct segment *s)
{
	return slice_make((const char *)s->head, s->size);
}

static bool
digest_of(struct slice all, uint8_t out[SHA256_BYTES])
{
	const size_t from = offsetof(struct image_head, made_by);

	return sha256(slice_make(all.p + from, all.n - from), out);
}

static void
add_segments(const struct segment *s, struct buf *out, uint64_t *base, uint64_t *over)
{
	if (base) {
		*base = bottom(s)->size;
		buf_adds(out, segment_bytes(bottom(s)));
	}
	*over = s->base ? s->size : 0;
	if (s->base)
		buf_adds(out, segment_bytes(s));
}

int
image_save(const struct master *m, bool base)
{
	const struct publisher *p = &m->publisher;
	const struct segment *rules = p->segments[SEGMENT_RULES];
	struct image_head head = { .magic = MAGIC,
				   .rules = mark_of(m, "rules.json"),
				   .more = mark_of(m, "rules.json.more"),
				   .base_checksum = bottom(rules)->head->checksum };
	BUF_CLEAN struct buf all = { 0 };
	int r = made_by(m, head.made_by);

	if (r == 0 && base)
		r = save_text(m, BASE, segment_bytes(bottom(rules)));
	if (r < 0)
		return r;
	FAILPOINT("image-base-saved");
	buf_add(&all, &head, sizeof head);
	add_segments(rules, &all, NULL, &head.over);
	add_segments(p->segments[SEGMENT_ENDPOINTS], &all, &head.endpoints, &head.endpoints_over);
	for (unsigned i = 0; i < SLOTS_N; i++) {
		size_t before = all.n;

		slots_write(slots_of(m, i), true, &all);
		head.slots[i] = all.n - before;
	}
	memcpy(all.p, &head, sizeof head);
	if (!digest_of(buf_slice(&all), head.digest))
		return -EIO;
	memcpy(all.p, &head, sizeof head);
	return save_text(m, REST, buf_slice(&all));
}

/* ---- loading ---- */

/* All that a worker would ask of it is asked here: a file is anybody's. */
static int
open_segment(struct slice bytes, enum table_segment kind, struct segment *base,
	     struct segment **out)
{
	struct segment *s;
	int fd, r = memfd_of("yett-table", &bytes, 1, &fd);

	if (r == 0)
		r = seg_take(fd, kind, &s);
	if (r != 0)
		return r;
	if (s->head->checksum != seg_checksum(s->head))
		r = -EBADMSG;
	if (r == 0 && base)
		r = seg_extend(s, base);
	if (r == 0)
		r = kind == SEGMENT_RULES ? table_verify_rules(s) : table_verify_endpoints(s);
	if (r == 0)
		*out = s;
	else
		seg_unref(s);
	return r;
}

/* The base in *base, and what stands over it, or it again, in *out; both the caller's. */
static int
open_segments(struct slice bytes, struct slice over, enum table_segment kind, struct segment **out)
{
	struct segment *base;
	int r = open_segment(bytes, kind, NULL, &base);

	if (r != 0)
		return r;
	if (over.n == 0) {
		*out = base;
		return 0;
	}
	r = open_segment(over, kind, base, out);
	seg_unref(base); /* an overlay holds it */
	return r;
}

static int
map_base(const struct master *m, struct slice *out)
{
	BUF_CLEAN struct buf path = { 0 };
	struct stat st;
	void *p = MAP_FAILED;
	int fd;

	buf_addf(&path, "%s/" BASE, m->config->state_dir);
	buf_addc(&path, '\0');
	fd = open(path.p, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return -EBADMSG;
	*out = slice_make(p, (size_t)st.st_size);
	return 0;
}

static int
open_rules(const struct master *m, const struct image_head *head, struct slice over,
	   struct segment **out)
{
	struct slice base = { 0 };
	int r = map_base(m, &base);

	if (r < 0)
		return r;
	r = open_segments(base, over, SEGMENT_RULES, out);
	munmap((void *)(uintptr_t)base.p, base.n);
	if (r == 0 && bottom(*out)->head->checksum != head->base_checksum) {
		seg_unref(*out);
		r = -ESTALE;
	}
	return r;
}

static struct slice
cut(struct slice *rest, uint64_t n)
{
	struct slice part = slice_make(rest->p, n < rest->n ? n : rest->n);

	*rest = slice_make(rest->p + part.n, rest->n - part.n);
	return part;
}

/* Is it what this program, with this configuration, makes of the rules that are there? NULL, or why
 * not. */
static const char *
unfit(const struct master *m, const struct image_head *head, struct slice all)
{
	const struct mark rules = mark_of(m, "rules.json"), more = mark_of(m, "rules.json.more");
	uint8_t key[SHA256_BYTES];
	uint64_t size = sizeof *head;

	if (head->magic != MAGIC)
		return "another version wrote it";
	if (!digest_of(all, key) || !sha256_equal(key, head->digest))
		return "it is damaged";
	size += head->over + head->endpoints + head->endpoints_over;
	for (unsigned i = 0; i < SLOTS_N; i++)
		size += head->slots[i];
	if (size != all.n)
		return "it is damaged";
	if (!mark_same(&rules, &head->rules) || !mark_same(&more, &head->more))
		return "the rules that were saved are others";
	if (made_by(m, key) < 0 || !sha256_equal(key, head->made_by))
		return "it is of another configuration or version";
	return NULL;
}

static const char *
adopt(struct master *m, struct slice all)
{
	struct image_head head;
	struct slice rest, over, endpoints, endpoints_over;
	struct segment *rules = NULL, *ends = NULL;
	const char *why;

	if (all.n < sizeof head)
		return "it is damaged";
	memcpy(&head, all.p, sizeof head);
	why = unfit(m, &head, all);
	if (why)
		return why;
	rest = slice_make(all.p + sizeof head, all.n - sizeof head);
	over = cut(&rest, head.over);
	endpoints = cut(&rest, head.endpoints);
	endpoints_over = cut(&rest, head.endpoints_over);
	if (open_segments(endpoints, endpoints_over, SEGMENT_ENDPOINTS, &ends) < 0)
		return "it is damaged";
	if (!compile_behind_fits(m->certificates, ends)) {
		seg_unref(ends);
		return "certificates that it needs are others now";
	}
	if (open_rules(m, &head, over, &rules) < 0) {
		seg_unref(ends);
		return BASE " is not the one that it was written with";
	}
	for (unsigned i = 0; i < SLOTS_N; i++) {
		if (slots_restore(slots_of(m, i), cut(&rest, head.slots[i])) < 0)
			why = "what it counts by is used otherwise";
	}
	if (why) {
		seg_unref(rules);
		seg_unref(ends);
		return why;
	}
	publish_adopt(m, rules, ends);
	return NULL;
}

void
image_load(struct master *m)
{
	BUF_CLEAN struct buf path = { 0 }, all = { 0 };
	uint64_t start = clock_mono_ns();
	const char *why;
	int r;

	buf_addf(&path, "%s/" REST, m->config->state_dir);
	buf_addc(&path, '\0');
	r = file_read(path.p, REST_MAX, &all, NULL);
	if (r == -ENOENT)
		return;
	why = r < 0 ? file_error(r) : adopt(m, buf_slice(&all));
	snprintf(m->image, sizeof m->image, "%s", why ? why : "in force");
	if (why)
		log_info("image file=%s error=\"%s\" effect=\"all is compiled\"", path.p, why);
	else
		log_info("image file=%s state=in_force took_ms=%.1f", path.p,
			 (double)(clock_mono_ns() - start) / 1e6);
}
