#pragma once

/*
 * client: a connection that was accepted. It feeds its requests one after the other; what comes
 * early (pipelining, the first bytes of a tunnel) waits in `early`. Each state is a list of the
 * worker, client_set_state is the one that moves it.
 */

#include "request.h"
#include "worker.h"

#include "lib/stream.h"

enum client_state { CLIENT_IDLE, CLIENT_ACTIVE, CLIENT_TUNNEL, CLIENT_LINGERING, CLIENT_CLOSED };

#define CLIENT_HEAD_MS 10000 /* as long as no table says it */

enum client_tls {
	CLIENT_PLAIN,
	CLIENT_TLS_AWAITED, /* behind its PROXY header */
	CLIENT_TLS_BEGINS,  /* the handshake */
	CLIENT_TLS,
	CLIENT_TLS_MISSING, /* it speaks HTTP in clear, and shall not */
	CLIENT_TLS_ENDED    /* the handshake failed */
};

struct client {
	struct stream stream;
	struct worker *worker;
	struct list link;
	struct timer timer;
	struct request *request;
	struct buf early;
	/* By size: one that is idle keeps this, and an allocation more than 600 bytes is one of
	 * 624. */
	struct tls_client *secured; /* tls_front.c's; NULL: it speaks no TLS */
	uint64_t trusted_version;   /* of the table that `trusted` was asked of; 0: of none */
	uint64_t linger_until;      /* ms */
	struct list resume;         /* has requests in `early` for the end of the turn */
	uint32_t uid;               /* of the peer of the admin socket; UINT32_MAX: not known */
	uint32_t address_row;       /* of shm/addresses.h */
	uint32_t served;
	uint32_t swept;     /* by which walk (sweep.c) */
	uint16_t port;      /* ours, or the one that the PROXY header names */
	uint16_t peer_port; /* 0: it has none */
	uint8_t state;      /* enum client_state */
	uint8_t kind;       /* enum listener_kind */
	uint8_t tls;        /* enum client_tls */
	bool trusted : 1;
	bool consuming : 1;
	bool unnamed : 1;     /* its PROXY header has not come yet */
	bool nameless : 1;    /* of a Unix socket: it has no address of its own */
	bool local_known : 1; /* local_ip is set */
	bool refused : 1;     /* lingers behind the answer to one connection too many */
	uint8_t ip[16];       /* the peer's, IPv4 mapped */
	uint8_t local_ip[16]; /* the address it connected to, found out when it is asked for */
	uint8_t ip_text_n;
	char ip_text[46];
};

/* Takes over an accepted socket. */
void client_open(struct worker *w, int fd, const struct msg_listener *listener,
		 const struct sockaddr_storage *peer);
/* Another address than that of its socket, named by a PROXY header. */
void client_set_address(struct client *c, const uint8_t ip[16], uint16_t port);
void client_set_state(struct client *c, enum client_state state);
/* The request is over. `keep`: the connection goes on with the next one. */
void client_next(struct client *c, bool keep);
/* Closes without a word. */
void client_close(struct client *c);
/* Closes once what was answered is out. */
void client_quit(struct client *c);
/* As client_close, with a reset: what the peer has is not whole. */
void client_reset(struct client *c);
bool client_is_trusted(struct client *c, const struct snapshot *table);
