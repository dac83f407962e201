#pragma once

/*
 * takeover_layout: pages of another layout, that an earlier image tells the fields of
 * (shm/board_fields.h). Each is read through one of our own layout: that of its master is read
 * once, that of a worker which still finishes at every tick.
 */

#include "shm/board.h"
#include "shm/board_fields.h"

#include <stdbool.h>

struct buf;

struct layout {
	uint32_t number;
	enum board_page which;
	struct board_field *fields;
	size_t count;
};

#define LAYOUTS_MAX 64 /* of no more is kept what we are told */

struct layouts {
	struct layout *all[LAYOUTS_MAX]; /* each stays where it is: pages name theirs */
	size_t count;
};

struct foreign_page { /* of a worker; zeroes: there is none */
	const struct layout *layout;
	const void *memory;
	size_t size;
	int fd;                      /* for the next image */
	struct board_worker *shadow; /* what it says, on a page of ours */
};

/* "LAYOUT worker NAME OFFSET BYTES ROWS STRIDE" */
void layouts_add(struct layouts *l, const char *line);
/* Writes those of our own pages, and those that are in `l`, each line behind `prefix`. */
void layouts_write(const struct layouts *l, const char *prefix, struct buf *out);
/* The same, without a prefix, in a sealed memfd; and what layouts_add makes of its lines. 0 or a
 * negative errno. */
int layouts_memfd(const struct layouts *l, int *out_fd) __attribute__((warn_unused_result));
void layouts_read(struct layouts *l, int fd);
void layouts_deinit(struct layouts *l);
/* `fd` is taken over. NULL: it is none of these layouts. Ours for board_unmap. */
const struct board_master *layouts_master(const struct layouts *l, int fd);
/* *fd: of a page of ours, for handing out. 0 or -1. */
int layouts_worker(const struct layouts *l, int source, struct foreign_page *out, int *fd);
/* What it says by now. */
void foreign_page_refresh(const struct foreign_page *p);
void foreign_page_close(struct foreign_page *p);
