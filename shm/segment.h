#pragma once

/*
 * segment: a sealed memfd with a header. Built by the master, mapped read-only by workers; nothing
 * can write, shrink or grow it any more once it is sealed, so a reader that has checked the header
 * may trust the size. What is inside may still be wrong: readers go through seg_at and seg_string,
 * which check bounds.
 *
 * A segment may be an overlay: it extends another one of its kind, the base, which it names by its
 * generation. Its elements are numbered behind those of the base, its strings stand behind those of
 * the base, so that whoever has the overlay reads both through the same accessors as one segment.
 * Sections that are searched by hash are no such rows: each layer has its own (seg_own).
 */

#include "lib/buf.h"
#include "lib/slice.h"

#include <stdint.h>

enum table_segment { SEGMENT_RULES, SEGMENT_ENDPOINTS, SEGMENT_KEYS, SEGMENT_N };

#define SEGMENT_MAGIC 0x3174746579u /* "yett1" */
#define SEGMENT_FORMAT 13u          /* of the rows too: those of table.h */
#define SEGMENT_SECTIONS 48

struct seg_section {     /* an array of fixed-size elements */
	uint64_t offset; /* from the start of the segment, 16-byte aligned */
	uint32_t count;
	uint32_t size; /* bytes of one element */
};

struct seg_header {
	uint64_t magic;
	uint32_t format;
	uint32_t kind; /* enum table_segment */
	uint64_t size; /* of the whole segment, header included */
	uint64_t generation;
	uint64_t base;     /* generation of the one that this one extends; 0: none */
	uint64_t checksum; /* over all that follows the header */
	struct seg_section sections[SEGMENT_SECTIONS];
};

struct seg_ref { /* bytes in the string section */
	uint32_t offset;
	uint32_t size;
};

/* A mapped segment, process-local, counted. */
struct segment {
	const struct seg_header *head;
	size_t size;
	struct segment *base; /* of an overlay, held by it; NULL for others */
	uint32_t refs;
	int fd; /* kept by the master to hand it to new workers; -1 in workers */
};

/* Building: sections are filled in memory, then written out once. Section 0 holds strings. */
struct seg_builder {
	struct buf sections[SEGMENT_SECTIONS];
	uint32_t size[SEGMENT_SECTIONS]; /* of one element */
	struct seg_ref last;             /* string stored last */
	const struct segment *base;      /* what it extends; NULL: nothing */
	bool full;                       /* something had no room below 4 GiB */
};

void seg_builder_init(struct seg_builder *b);
/* Begins an overlay of `base`, which is none itself and outlives the builder. */
void seg_builder_extend(struct seg_builder *b, const struct segment *base);
void seg_builder_deinit(struct seg_builder *b);
/* Stores bytes. A string that occurs in the one stored just before shares its bytes (so store
 * "redis:host/path" before its parts); else equal strings are not merged. `s` must not lie in the
 * builder itself. */
struct seg_ref seg_builder_string(struct seg_builder *b, struct slice s);
/* Appends one element of `size` bytes to a section; returns its index. All elements of a section
 * have one size. */
uint32_t seg_builder_add(struct seg_builder *b, unsigned section, const void *element,
			 uint32_t size);
/* The index that the next element of a section will have. */
uint32_t seg_builder_count(const struct seg_builder *b, unsigned section);
/* Makes, fills, seals (write, grow, shrink, seal) and maps a memfd of mode 0400. The builder's
 * content is given back while it is copied; what is left to do with the builder is
 * seg_builder_deinit. 0 or a negative errno; -EFBIG when a section got too large. */
int seg_builder_finish(struct seg_builder *b, enum table_segment kind, uint64_t generation,
		       struct segment **out) __attribute__((warn_unused_result));
/* Element i of the whole, if it is one of the builder's own; valid until the next one is added. */
void *seg_builder_own(struct seg_builder *b, unsigned section, uint32_t i);
/* A stored string of the builder or of its base, as seg_string; valid until the next one is stored.
 */
struct slice seg_builder_text(const struct seg_builder *b, struct seg_ref ref);

/* Maps a received memfd (taken over in any case) after checking seals, size, header, checksum and
 * that every section lies inside. 0; -EBADMSG for anything that is not a segment of this kind. */
int seg_open(int fd, enum table_segment kind, struct segment **out)
    __attribute__((warn_unused_result));
/* The same of one that a child of our own made, by this program: what takes a walk over all of it
 * is left out, so that the loop does not wait for it. `fd` is kept. */
int seg_take(int fd, enum table_segment kind, struct segment **out)
    __attribute__((warn_unused_result));
/* What seg_open checks of the image once it is mapped (8-byte aligned); for the tests, which have
 * images of their own. */
int seg_check(const void *image, size_t size, enum table_segment kind)
    __attribute__((warn_unused_result));
/* Of a header whose size is right. Finds accidents, not forgers. */
uint64_t seg_checksum(const struct seg_header *head);
/* Puts an overlay that seg_open gave over its base. 0; -EBADMSG when it is none, or another one's;
 * both are as before then. */
int seg_extend(struct segment *s, struct segment *base) __attribute__((warn_unused_result));
struct segment *seg_ref(struct segment *s);
void seg_unref(struct segment *s); /* NULL is allowed */

/* Element i of the section of this layer alone; NULL when there is none. */
static inline const void *
seg_own(const struct segment *s, unsigned section, uint32_t i, uint32_t size)
{
	const struct seg_section *sec = &s->head->sections[section];

	if (i >= sec->count || sec->size != size)
		return NULL;
	return (const char *)s->head + sec->offset + (uint64_t)i * size;
}

static inline uint32_t
seg_own_count(const struct segment *s, unsigned section)
{
	return s->head->sections[section].count;
}

/* How many the base has, behind which those of an overlay are numbered. */
static inline uint32_t
seg_base_count(const struct segment *s, unsigned section)
{
	return s->base ? seg_own_count(s->base, section) : 0;
}

static inline uint32_t
seg_count(const struct segment *s, unsigned section)
{
	return seg_base_count(s, section) + seg_own_count(s, section);
}

/* Element i of a section whose elements must be of `size` bytes; NULL when there is none. */
static inline const void *
seg_at(const struct segment *s, unsigned section, uint32_t i, uint32_t size)
{
	uint32_t below = seg_base_count(s, section);

	return i < below ? seg_own(s->base, section, i, size)
			 : seg_own(s, section, i - below, size);
}

/* Empty when the reference points outside. */
static inline struct slice
seg_string(const struct segment *s, struct seg_ref ref)
{
	const struct seg_section *sec;

	if (s->base) {
		uint32_t below = seg_own_count(s->base, 0);

		if (ref.offset < below)
			s = s->base;
		else
			ref.offset -= below;
	}
	sec = &s->head->sections[0];
	if ((uint64_t)ref.offset + ref.size > sec->count)
		return (struct slice){ "", 0 };
	return (struct slice){ (const char *)s->head + sec->offset + ref.offset, ref.size };
}
