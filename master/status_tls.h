#pragma once

/*
 * status_tls: what the gateway says of its certificates (status.h).
 */

struct buf;
struct master;

/* "certificates":[...],"roots":[...],"tickets":{...} */
void status_write_tls(const struct master *m, struct buf *out);
