#include "sticky_key.h"

#include "lib/base64.h"
#include "lib/hmac.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAG 16 /* bytes of the signature that are kept */

static int
key_read(struct sticky_key *k, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, k->bytes, sizeof k->bytes);
	close(fd);
	return n == sizeof k->bytes ? 0 : n < 0 ? -errno : -EBADMSG;
}

/* Under another name first: a key that is cut off would not be found out by its size alone. */
static int
key_write(const struct sticky_key *k, const char *path, const char *temporary)
{
	int fd, r = 0;

	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, k->bytes, sizeof k->bytes) != sizeof k->bytes || fsync(fd) < 0)
		r = errno ? -errno : -EIO;
	close(fd);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r;
}

int
sticky_key_load(struct sticky_key *k, const char *folder, struct buf *error)
{
	BUF_CLEAN struct buf path = { 0 }, temporary = { 0 };
	int r;

	buf_addf(&path, "%s/sticky.key", folder);
	buf_addc(&path, '\0');
	buf_addf(&temporary, "%s.tmp", path.p);
	buf_addc(&temporary, '\0');
	r = key_read(k, path.p);
	if (r == 0)
		return 0;
	if (getrandom(k->bytes, sizeof k->bytes, 0) != sizeof k->bytes)
		abort(); /* not interrupted, as no signal has a handler yet; nor can it be short */
	if (r == -ENOENT || r == -EBADMSG)
		r = key_write(k, path.p, temporary.p);
	if (r < 0)
		buf_addf(error, "%s: %s", path.p, strerror(-r));
	return r;
}

void
sticky_key_sign(struct slice key, struct slice upstream, struct slice authority,
		char out[STICKY_NAME_SIZE])
{
	BUF_CLEAN struct buf text = { 0 };
	unsigned char mac[HMAC_SIZE];

	buf_adds(&text, upstream);
	buf_addc(&text, '\0');
	buf_adds(&text, authority);
	hmac_sha256(key, buf_slice(&text), mac);
	base64url_encode(slice_make((const char *)mac, TAG), out);
}
