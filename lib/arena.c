#include "arena.h"

#include "xalloc.h"

#include <stdlib.h>

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of the bytes that follow */
};

#define CHUNK_SIZE ((size_t)1008 - sizeof(struct arena_chunk)) /* with malloc's own word: 1 KiB */
#define ALIGN ((size_t)16)

static void
arena_grow(struct arena *a, size_t n)
{
	size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
	struct arena_chunk *c = xmalloc(sizeof *c + size);

	c->next = a->chunks;
	c->size = size;
	a->chunks = c;
	a->p = (char *)(c + 1);
	a->left = size;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	void *p;

#ifdef YETT_ARENA_MALLOC
	arena_grow(a, n);
	a->left = 0;
	return a->p;
#endif
	n = (n + ALIGN - 1) & ~(ALIGN - 1);
	if (n > a->left)
		arena_grow(a, n);
	p = a->p;
	a->p += n;
	a->left -= n;
	return p;
}

void *
arena_calloc(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

struct slice
arena_copy(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n ? s.n : 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return slice_make(p, s.n);
}

char *
arena_string(struct arena *a, struct slice s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

void
arena_reset(struct arena *a)
{
	struct arena_chunk *c = a->chunks;

	while (c && (c->next || c->size != CHUNK_SIZE)) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
	a->chunks = c;
	a->p = c ? (char *)(c + 1) : NULL;
	a->left = c ? c->size : 0;
}

void
arena_deinit(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	*a = (struct arena){ 0 };
}
