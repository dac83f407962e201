#pragma once

/*
 * systemd: the service protocol (sd_notify(3)), spoken by hand: one datagram a message to
 * $NOTIFY_SOCKET. Without that variable every call does nothing. Never blocks: while the manager is
 * slow, messages wait in their order, as one that is lost could cost the service (READY), leave a
 * socket open in which nobody serves (FDSTOREREMOVE), or lose one (FDSTORE).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct systemd_note;

struct systemd {
	int fd;               /* -1: not under a service manager */
	uint64_t watchdog_ms; /* half of what the manager allows, 0 = it does not watch */
	uint64_t fed_ms;
	struct systemd_note *first, *last; /* what could not be sent yet */
	size_t waiting;
};

/* Reads and removes the variables, so that no child takes itself for the service. */
void systemd_init(struct systemd *s);
/* What the image before us had read; `fd` is taken over. */
void systemd_inherit(struct systemd *s, int fd, uint64_t watchdog_ms);
void systemd_deinit(struct systemd *s);
void systemd_ready(struct systemd *s, const char *status);
void systemd_reloading(struct systemd *s);
/* It takes `ms` at most, also where the manager would not wait so long (TimeoutStopSec=). */
void systemd_stopping(struct systemd *s, uint64_t ms);
/* One line for `systemctl status`. */
void systemd_status(struct systemd *s, const char *status);
/* The manager keeps these descriptors, at most SYSTEMD_KEEP_MAX, beyond the end of all our
 * processes, and gives them to the next master under this name (FDSTORE). What it keeps already is
 * not kept twice. And: it closes what it keeps under the name. */
#define SYSTEMD_KEEP_MAX 250
void systemd_keep(struct systemd *s, const char *name, const int *fds, size_t n);
void systemd_forget(struct systemd *s, const char *name);
/* The watchdog begins to wait anew. */
void systemd_feed(struct systemd *s, uint64_t now_ms);
/* At every tick: sends what waits, and feeds the watchdog when it is due. */
void systemd_tick(struct systemd *s, uint64_t now_ms);
