#pragma once

/*
 * upgrade: another image takes the place of the running one: same process, same sockets, same
 * board.
 *
 * What is at the path that the gateway was started from is opened once, and run as a child first
 * ("yett preflight", preflight.c): it reads the configuration, compiles, opens what it would be
 * handed, and says that it is good. Whatever else it does - it says no, dies, says nothing, is no
 * yett - and nothing has happened. Then, as soon as nothing is under way that must not be cut off
 * (changes that are being stored, children that write, questions to providers), the master executes
 * the very file that was tried, and hands over its descriptors (handover.h). From there it is the
 * take-over from a master that was killed (takeover.h), only without the wait for somebody to start
 * it: the workers serve on without a master, the new image starts its own beside them on the same
 * sockets, and once these serve tells the old ones, one after the other, to finish, for which they
 * have timeouts.handover.
 *
 * Whoever may ask for it (an operator at the admin socket, by the gateway's own user or root;
 * SIGUSR2) cannot choose what is run: with a path of one's choice the right to operate the gateway
 * would be the right to run any program as it. Who wants an older version back puts it where the
 * newer one is.
 *
 * A new image that dies after all leaves things as a killed master does: the workers serve on for
 * timeouts.orphan_grace, and the next master (the service manager's restart) takes over from them.
 */

#include "lib/buf.h"

#include <stdint.h>
#include <sys/types.h>

struct master;

struct upgrade {
	enum {
		UPGRADE_NONE,
		UPGRADE_TRYING,   /* the child runs */
		UPGRADE_SETTLING, /* until nothing is under way */
	} state;
	int image; /* O_PATH descriptor of what is tried */
	pid_t child;
	int words; /* what the child says */
	struct buf said;
	char version[32]; /* that it says it is of */
	uint64_t until_ms;
	uint64_t count;   /* how many there were in this process */
	uint64_t tried;   /* by this image */
	char error[2048]; /* why the last one was refused; "": it was not */
};

/* Begins; what becomes of it the log says, and the status. NULL, or why it cannot. */
const char *upgrade_begin(struct master *m);
/* At every tick. */
void upgrade_tick(struct master *m, uint64_t now_ms);
/* The signals that wait since the image before us was left are listened to from here on. */
void upgrade_listens(void);
/* The gateway ends. */
void upgrade_stop(struct master *m);
/* {"count": 1, "tried": 0, "state": "none", "image": "/usr/bin/yett", "error": ""} */
void upgrade_write(const struct master *m, struct buf *out);

/* upgrade.c, for upgrade_try.c: everything stays as it is; or it goes as soon as it can. */
void upgrade_refuse(struct upgrade *u, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void upgrade_settle(struct upgrade *u);
/* upgrade_try.c: the trial. It ends in one of these two, at a tick. 0 or a negative errno. */
int upgrade_try_begin(struct master *m) __attribute__((warn_unused_result));
void upgrade_try_tick(struct upgrade *u, uint64_t now_ms);
void upgrade_try_end(struct upgrade *u);

/* preflight.c: the child. `file`: the configuration. The exit status. */
#define PREFLIGHT_GOOD "yett preflight good "
int preflight_main(const char *file);
