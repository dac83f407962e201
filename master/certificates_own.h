#pragma once

/*
 * certificates_own: what the files of certificates share.
 */

#include "certificates.h"

#include "lib/xalloc.h"

struct certificates_loader {
	struct certificates *to;
	const struct certificates *before;
	const char *setting;
	int line;
	const char *folder; /* being read; NULL: none */
	bool front;
};

/* Where it is not there yet. `userdata`: the loader. */
void certificates_add_pair(void *userdata, const char *file, const char *key);
/* Of certificates_behind.c. */
void certificates_load_behind(struct certificates_loader *l, const struct config *c);
/* Of certificates_roots.c. */
void certificates_add_trust(const struct certificates_loader *l, const char *ca, const char *crl);

static inline char *
certificates_text(const struct buf *b)
{
	return xstrndup(b->n > 0 ? b->p : "", b->n);
}

static inline bool
certificates_unchanged(const struct file_stamp a[2], const struct file_stamp b[2])
{
	return file_stamp_same(&a[0], &b[0]) && file_stamp_same(&a[1], &b[1]);
}
