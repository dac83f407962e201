#pragma once

/*
 * handover: what one image of the master leaves to the one that is executed in its place
 * (upgrade.h), in the same process: descriptors, and what each of them is. They stand in the text
 * of a sealed memfd, whose number is in $YETT_HANDOVER: another version may have written it.
 *
 *     yett handover 1 PID
 *     NAME DESCRIPTOR DESCRIPTOR REST     (-1: none)
 *
 * - lock: of run_dir, which stays locked.
 * - systemd: the socket to the service manager; REST: after so many ms its watchdog is fed.
 * - field: no descriptor; REST: where something stands on pages of a layout (takeover_layout.h).
 * - board: the master's page.
 * - rates: the rows of rates; REST: struct rate_head, in hex.
 * - listener: a socket that listens; REST: the slot that accepts from it, and the name that systemd
 *   gave it, if it did.
 * - worker: the page (or -1) and the pidfd of a worker, of an earlier master, too; REST: pid.
 * - image: no descriptor; REST: the path that the gateway was started from.
 * - run_dir: no descriptor; REST: the folder that is locked.
 * - upgrades: no descriptor; REST: how many there were.
 * - rules: no descriptor; REST: where alone those in force can be had again: "file" or "copy" of
 *   state_dir (enum handover_rules); for the trial.
 *
 * A line that is not known is left, and its descriptors are closed. The socket of the admin API in
 * run_dir and that of the take-over are left out: who asks there is to reach the new admin worker,
 * so they are made anew beside the old ones, as after a master that was killed.
 *
 * No channel of a worker is in it: for the old workers the master ends here. They serve on by the
 * last table, whatever becomes of the new image. When that one dies before its own workers serve,
 * they are as after any master's death: the service manager starts the next one, which takes their
 * sockets over (takeover.h).
 */

#include "takeover.h"

struct master;

#define HANDOVER_VARIABLE "YETT_HANDOVER"
#define HANDOVER_HEADER "yett handover 1"
#define HANDOVER_STANDARD 3 /* descriptors below it are everybody's */

struct handover_offer {
	int table; /* the memfd; -1: none */
	int *fds;  /* that are in it, and itself */
	size_t count;
	int *made; /* of them, those that are open for it alone */
	size_t made_count;
};

enum handover_rules {
	HANDOVER_RULES_ANYWHERE, /* or there are none */
	HANDOVER_RULES_FILE,     /* of the store that is a file */
	HANDOVER_RULES_COPY,     /* of what Redis said last, as it does not answer */
};

struct handover {
	int lock; /* -1: none came */
	int systemd;
	uint64_t watchdog_ms;
	char *image, *run_dir; /* NULL: not told */
	uint64_t upgrades;
	enum handover_rules rules;
};

/* Writes it. 0 or a negative errno. */
int handover_offer(const struct master *m, struct handover_offer *out)
    __attribute__((warn_unused_result));
/* Shall its descriptors live on in who is executed? All others do not. Safe after fork. */
void handover_keep(const struct handover_offer *o, bool keep);
/* Puts its number into the environment, until it is gone. */
void handover_name(const struct handover_offer *o);
void handover_offer_deinit(struct handover_offer *o);
/* The way back. `from`: the process that has written it. 0; 1: there is none; -EBADMSG. In any case
 * handover_deinit is due. */
int handover_take(struct handover *h, pid_t from, struct takeover *t, struct inherited *in)
    __attribute__((warn_unused_result));
void handover_deinit(struct handover *h);
