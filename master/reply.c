#include "reply.h"

#include "supervise.h"

#include "lib/buf.h"
#include "lib/log.h"
#include "shm/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A memfd with these bytes (at least one) that nobody can change; a negative errno. */
static int
memfd_of(struct slice bytes)
{
	int fd, r = memfd_make("yett-reply", bytes.n, &fd);

	if (r < 0)
		return r;
	/* Its memory is there already, so one call takes all. */
	r = pwrite(fd, bytes.p, bytes.n, 0) == (ssize_t)bytes.n ? 0 : -EIO;
	if (r == 0)
		r = memfd_seal(fd, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

void
reply_send(struct slot *admin, uint32_t id, uint32_t status, struct slice json)
{
	struct msg_reply reply = { .id = id, .status = status };
	int fd = memfd_of(json);

	if (fd < 0) {
		log_error("reply error=\"%s\"", strerror(-fd));
		reply.status = 500;
	}
	supervisor_send(admin, MSG_REPLY, &reply, sizeof reply, fd);
	if (fd >= 0)
		close(fd);
}

void
reply_redis_down(struct slot *admin, uint32_t id, bool reloaded)
{
	static const char error[] = "\"error\":\"Redis is down; nothing was confirmed\"";
	BUF_CLEAN struct buf json = { 0 };

	buf_addf(&json, "{\"ok\":false,%s,\"reloaded\":%s}\n", error, reloaded ? "true" : "false");
	reply_send(admin, id, 503, buf_slice(&json));
}
