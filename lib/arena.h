#pragma once

/*
 * arena: memory that is given back all at once. Built with -Darena_malloc=true each piece is a
 * malloc of its own, so that AddressSanitizer sees overruns.
 */

#include "slice.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* newest first; the oldest is kept by arena_reset */
	char *p;                    /* next free byte of the newest chunk */
	size_t left;
};

void arena_deinit(struct arena *a);
/* Gives back everything but one chunk of ordinary size. */
void arena_reset(struct arena *a);
/* 16-byte aligned, not zeroed, never NULL. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
void *arena_calloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
struct slice arena_copy(struct arena *a, struct slice s);
/* As arena_copy, with a NUL behind. */
char *arena_string(struct arena *a, struct slice s);
