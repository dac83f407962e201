#include "keep.h"

#include "lib/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAD_MAX 1000

int
keep_previous(int folder, const char *name)
{
	char next[80], previous[64];
	int r = 0;

	/* Of this form, what a killed child has begun is swept up at the next start (save.c). */
	snprintf(next, sizeof next, ".new-%d-%s.1", (int)getpid(), name);
	snprintf(previous, sizeof previous, "%s.1", name);
	if (linkat(folder, name, folder, next, 0) < 0)
		return errno == ENOENT ? 0 : errno;
	FAILPOINT("keep-linked");
	if (renameat(folder, next, folder, previous) < 0)
		r = errno;
	FAILPOINT("keep-renamed");
	unlinkat(folder, next, 0); /* a rename between two names of one file does nothing */
	return r;
}

static void
bad_path(const char *path, unsigned n, struct buf *out)
{
	out->n = 0;
	buf_addf(out, "%s.bad", path);
	if (n > 1)
		buf_addf(out, ".%u", n);
	buf_addc(out, '\0');
}

void
keep_damaged(const char *path, struct buf *error)
{
	struct buf bad BUF_CLEAN = { 0 };
	int r = -1;

	for (unsigned n = 1; n <= BAD_MAX && r < 0; n++) {
		bad_path(path, n, &bad);
		r = renameat2(AT_FDCWD, path, AT_FDCWD, bad.p, RENAME_NOREPLACE);
		if (r < 0 && errno != EEXIST)
			break;
	}
	if (r == 0)
		buf_addf(error, "%s: not a file of rules; moved to %s", path, bad.p);
	else
		buf_addf(error, "%s: not a file of rules, and it could not be moved aside: %s",
			 path, strerror(errno));
}

bool
keep_has_damaged(const char *path)
{
	struct buf bad BUF_CLEAN = { 0 };

	bad_path(path, 1, &bad);
	return access(bad.p, F_OK) == 0;
}
