#include "segment.h"

#include "lib/xalloc.h"
#include "memfd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)
#define ALIGN 16u
#define SHARE_MAX 1024 /* longer strings are not searched for the next one */
#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_FROM ((size_t)8 << 20) /* smaller images fit what the processor knows of pages */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1; glibc has it later */
#endif

static const char *const names[SEGMENT_N] = { "yett-rules", "yett-endpoints", "yett-keys" };

void
seg_builder_init(struct seg_builder *b)
{
	*b = (struct seg_builder){ 0 };
	b->size[0] = 1;
	buf_reserve(&b->sections[0], 1); /* it has an address from the start */
}

void
seg_builder_extend(struct seg_builder *b, const struct segment *base)
{
	assert(!base->base);
	b->base = base;
}

static uint32_t
below(const struct seg_builder *b, unsigned section)
{
	return b->base ? seg_own_count(b->base, section) : 0;
}

void
seg_builder_deinit(struct seg_builder *b)
{
	for (unsigned i = 0; i < SEGMENT_SECTIONS; i++)
		buf_deinit(&b->sections[i]);
}

/* Where s, which is not empty, occurs in text; NULL when it does not. (memmem prepares itself for
 * long texts at every call, and takes twenty times as long for these.) */
static const char *
occurrence(struct slice text, struct slice s)
{
	const char *p = text.p, *end = text.p + text.n;

	while ((size_t)(end - p) >= s.n) {
		p = memchr(p, s.p[0], (size_t)(end - p) - s.n + 1);
		if (!p || memcmp(p, s.p, s.n) == 0)
			return p;
		p++;
	}
	return NULL;
}

struct seg_ref
seg_builder_string(struct seg_builder *b, struct slice s)
{
	struct buf *strings = &b->sections[0];
	struct slice last = { strings->p + b->last.offset, b->last.size };
	uint32_t first = below(b, 0);
	const char *hit;

	if (s.n == 0)
		return (struct seg_ref){ 0, 0 };
	hit = last.n <= SHARE_MAX ? occurrence(last, s) : NULL;
	if (hit)
		return (struct seg_ref){ first + (uint32_t)(hit - strings->p), (uint32_t)s.n };
	if (s.n + strings->n >= UINT32_MAX - first) {
		b->full = true;
		return (struct seg_ref){ 0, 0 };
	}
	b->last = (struct seg_ref){ (uint32_t)strings->n, (uint32_t)s.n };
	buf_adds(strings, s);
	return (struct seg_ref){ first + b->last.offset, b->last.size };
}

uint32_t
seg_builder_add(struct seg_builder *b, unsigned section, const void *element, uint32_t size)
{
	struct buf *buf = &b->sections[section];
	uint32_t first = below(b, section);
	size_t count;

	assert(section > 0 && section < SEGMENT_SECTIONS && size > 0);
	assert(b->size[section] == 0 || b->size[section] == size);
	b->size[section] = size;
	count = buf->n / size;
	if (count >=
	    UINT32_MAX - 1 - first) { /* the last number means "none" to those who keep indexes */
		b->full = true;
		return 0;
	}
	buf_add(buf, element, size);
	return first + (uint32_t)count;
}

uint32_t
seg_builder_count(const struct seg_builder *b, unsigned section)
{
	uint32_t size = b->size[section];

	return below(b, section) + (size ? (uint32_t)(b->sections[section].n / size) : 0);
}

void *
seg_builder_own(struct seg_builder *b, unsigned section, uint32_t i)
{
	return b->sections[section].p + (size_t)(i - below(b, section)) * b->size[section];
}

struct slice
seg_builder_text(const struct seg_builder *b, struct seg_ref ref)
{
	uint32_t first = below(b, 0);

	if (ref.offset < first)
		return seg_string(b->base, ref);
	if ((uint64_t)(ref.offset - first) + ref.size > b->sections[0].n)
		return SLICE("");
	return slice_make(b->sections[0].p + (ref.offset - first), ref.size);
}

static uint64_t
align_up(uint64_t n)
{
	return (n + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
}

/* Gives every section its place in the header; returns the size of the whole. */
static size_t
header_fill(const struct seg_builder *b, struct seg_header *head)
{
	uint64_t at = align_up(sizeof *head);

	for (unsigned i = 0; i < SEGMENT_SECTIONS; i++) {
		uint32_t size = b->size[i];

		head->sections[i].offset = at;
		head->sections[i].size = size;
		head->sections[i].count = size ? (uint32_t)(b->sections[i].n / size) : 0;
		at = align_up(at + b->sections[i].n);
	}
	head->size = at;
	return at;
}

static inline uint64_t
sum_round(uint64_t sum, const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	sum += word * 0xc2b2ae3d27d4eb4fu;
	return (sum << 31 | sum >> 33) * 0x9e3779b185ebca87u;
}

uint64_t
seg_checksum(const struct seg_header *head)
{
	const char *p = (const char *)(head + 1), *end = (const char *)head + head->size;
	uint64_t lane[4] = { 1, 2, 3, 4 }, sum = head->size;

	/* Four sums at once: each waits for its own multiplication only. */
	for (; end - p >= 32; p += 32) {
		for (unsigned i = 0; i < 4; i++)
			lane[i] = sum_round(lane[i], p + 8 * i);
	}
	for (; end - p >= 8; p += 8)
		sum = sum_round(sum, p);
	for (unsigned i = 0; i < 4; i++)
		sum = sum_round(sum, (const char *)&lane[i]);
	return sum ^ sum >> 32;
}

static bool
section_ok(const struct seg_header *head, unsigned i)
{
	const struct seg_section *s = &head->sections[i];

	if (s->offset % ALIGN || s->offset < sizeof *head || s->offset > head->size)
		return false;
	if (s->count && (s->size == 0 || (i == 0 && s->size != 1)))
		return false;
	return (uint64_t)s->count * s->size <= head->size - s->offset;
}

static int
head_check(const void *image, size_t size, enum table_segment kind)
{
	const struct seg_header *head = image;

	if (size < sizeof *head || size % ALIGN || head->size != size)
		return -EBADMSG;
	if (head->magic != SEGMENT_MAGIC || head->format != SEGMENT_FORMAT || head->kind != kind)
		return -EBADMSG;
	for (unsigned i = 0; i < SEGMENT_SECTIONS; i++) {
		if (!section_ok(head, i))
			return -EBADMSG;
	}
	return 0;
}

int
seg_check(const void *image, size_t size, enum table_segment kind)
{
	const struct seg_header *head = image;

	if (head_check(image, size, kind) < 0)
		return -EBADMSG;
	return head->checksum == seg_checksum(head) ? 0 : -EBADMSG;
}

/* Maps a memfd, a large one where its huge pages can be mapped as such: a look-up in it is of
 * memory that is in no cache, and would wait for the addresses of small pages as well. */
static void *
map(int fd, size_t size, int prot, int flags)
{
	size_t before, room = size + HUGE_PAGE;
	char *p, *at;

	if (size < HUGE_FROM)
		return mmap(NULL, size, prot, flags, fd, 0);
	p = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return MAP_FAILED;
	before = -(uintptr_t)p % HUGE_PAGE;
	at = mmap(p + before, size, prot, flags | MAP_FIXED, fd, 0);
	if (at == MAP_FAILED) {
		munmap(p, room);
		return MAP_FAILED;
	}
	if (before)
		munmap(p, before);
	size = (size + 4095) & ~(size_t)4095;
	munmap(at + size, room - before - size);
	return at;
}

/* Maps a sealed memfd for reading. Secrets stay out of core dumps. */
static int
segment_map(int fd, size_t size, enum table_segment kind, struct segment **out)
{
	void *p = map(fd, size, PROT_READ, MAP_PRIVATE);

	if (p == MAP_FAILED)
		return -errno;
	if (kind == SEGMENT_KEYS)
		madvise(p, size, MADV_DONTDUMP);
	*out = xcalloc(1, sizeof **out);
	**out = (struct segment){ .head = p, .size = size, .refs = 1, .fd = -1 };
	return 0;
}

/* Copies header and sections to the memfd. A section's own memory is given back as soon as it is
 * copied, so that a large table is never there twice. */
static int
image_write(struct seg_builder *b, struct seg_header *head, int fd)
{
	char *p = map(fd, head->size, PROT_READ | PROT_WRITE, MAP_SHARED);

	if (p == MAP_FAILED)
		return -errno;
	for (unsigned i = 0; i < SEGMENT_SECTIONS; i++) {
		if (b->sections[i].n)
			memcpy(p + head->sections[i].offset, b->sections[i].p, b->sections[i].n);
		if (head->kind == SEGMENT_KEYS && b->sections[i].cap) /* secrets */
			explicit_bzero(b->sections[i].p, b->sections[i].cap);
		buf_deinit(&b->sections[i]);
	}
	memcpy(p, head, sizeof *head);
	((struct seg_header *)p)->checksum = seg_checksum((struct seg_header *)p);
	if (head->size >= HUGE_FROM) /* without them it is slower, and right */
		(void)madvise(p, head->size, MADV_COLLAPSE);
	/* F_SEAL_WRITE needs that no writable mapping is left. */
	return munmap(p, head->size) ? -errno : 0;
}

int
seg_builder_finish(struct seg_builder *b, enum table_segment kind, uint64_t generation,
		   struct segment **out)
{
	struct seg_header head = {
		.magic = SEGMENT_MAGIC,
		.format = SEGMENT_FORMAT,
		.kind = kind,
		.generation = generation,
		.base = b->base ? b->base->head->generation : 0,
	};
	size_t size = header_fill(b, &head);
	int fd, r;

	if (b->full)
		return -EFBIG;
	r = memfd_make(names[kind], size, &fd);
	if (r)
		return r;
	r = image_write(b, &head, fd);
	if (!r)
		r = memfd_seal(fd, SEALS);
	if (!r)
		r = segment_map(fd, size, kind, out);
	if (r) {
		close(fd);
		return r;
	}
	(*out)->fd = fd;
	if (b->base)
		(*out)->base = seg_ref((struct segment *)(uintptr_t)b->base);
	return 0;
}

/* Maps what has the seals of a segment and passes `check`. `fd` stays the caller's. */
static int
segment_receive(int fd, enum table_segment kind,
		int (*check)(const void *image, size_t size, enum table_segment kind),
		struct segment **out)
{
	struct segment *s = NULL;
	size_t size;
	int r;

	r = memfd_check(fd, SEALS, &size);
	if (!r && size < sizeof(struct seg_header))
		r = -EBADMSG;
	if (!r)
		r = segment_map(fd, size, kind, &s);
	if (!r) {
		assert(s);
		r = check(s->head, size, kind);
	}
	if (r)
		seg_unref(s);
	else
		*out = s;
	return r;
}

int
seg_open(int fd, enum table_segment kind, struct segment **out)
{
	int r = segment_receive(fd, kind, seg_check, out);

	if (fd >= 0)
		close(fd);
	return r;
}

int
seg_take(int fd, enum table_segment kind, struct segment **out)
{
	int r = segment_receive(fd, kind, head_check, out);

	if (r)
		close(fd);
	else
		(*out)->fd = fd;
	return r;
}

int
seg_extend(struct segment *s, struct segment *base)
{
	if (s->base || base->base || s->head->base == 0 || s->head->kind != base->head->kind ||
	    s->head->base != base->head->generation)
		return -EBADMSG;
	for (unsigned i = 0; i < SEGMENT_SECTIONS; i++) {
		const struct seg_section *own = &s->head->sections[i];
		const struct seg_section *other = &base->head->sections[i];

		if (own->count && other->count && own->size != other->size)
			return -EBADMSG;
		if (own->count >= UINT32_MAX - other->count)
			return -EBADMSG;
	}
	s->base = seg_ref(base);
	return 0;
}

struct segment *
seg_ref(struct segment *s)
{
	s->refs++;
	return s;
}

void
seg_unref(struct segment *s)
{
	if (!s)
		return;
	assert(s->refs > 0);
	if (--s->refs > 0)
		return;
	munmap((void *)(uintptr_t)s->head, s->size);
	seg_unref(s->base);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}
