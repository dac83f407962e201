#include "wire.h"

#include "url.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The server has given a session. A copy of it is kept, and copies of that are offered: OpenSSL
 * lets none be offered again that another one came in the place of. */
static int
wires_session(SSL *ssl, SSL_SESSION *session)
{
	struct wires *wires = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(wires->session);
	wires->session = SSL_SESSION_dup(session);
	return 0;
}

int
wires_init(struct wires *wires, const struct url *url, const struct wire_options *options,
	   int epoll)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	SSL_CTX *ctx;

	*wires = (struct wires){ .url = url, .options = options, .epoll = epoll };
	if (!url->tls)
		return 0;
	ctx = wires->tls = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		return -ENOMEM;
	SSL_CTX_set_min_proto_version(ctx, options->version ? options->version : TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(ctx, options->version);
	SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256");
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_alpn_protos(ctx, alpn, sizeof alpn - 1);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_app_data(ctx, wires);
	if (options->resumes) {
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
							SSL_SESS_CACHE_NO_INTERNAL_STORE);
		SSL_CTX_sess_set_new_cb(ctx, wires_session);
	}
	return SSL_CTX_set1_groups_list(ctx, options->groups) == 1 ? 0 : -EINVAL;
}

void
wires_deinit(struct wires *wires)
{
	SSL_SESSION_free(wires->session);
	SSL_CTX_free(wires->tls);
}

void
wire_init(struct wire *w, struct wires *wires)
{
	*w = (struct wire){ .wires = wires, .fd = -1 };
}

static bool
wire_offer(struct wire *w)
{
	SSL_SESSION *session = SSL_SESSION_dup(w->wires->session);

	w->offers = session && SSL_set_session(w->ssl, session) == 1;
	SSL_SESSION_free(session);
	return w->offers;
}

static bool
wire_secure(struct wire *w)
{
	const struct wires *wires = w->wires;

	w->ssl = SSL_new(wires->tls);
	if (!w->ssl || SSL_set_fd(w->ssl, w->fd) != 1)
		return false;
	SSL_set_connect_state(w->ssl);
	if (wires->options->name)
		SSL_set_tlsext_host_name(w->ssl, wires->options->name);
	return !wires->session || wire_offer(w);
}

static enum wire_result
wire_shake_hands(struct wire *w)
{
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(w->ssl);
	if (r != 1)
		return SSL_get_error(w->ssl, r) == SSL_ERROR_WANT_READ ? WIRE_PENDING : WIRE_TLS;
	if (w->offers && !SSL_session_reused(w->ssl))
		return WIRE_WHOLE;
	w->wires->handshakes++;
	w->wires->resumed += w->offers;
	w->up = true;
	return WIRE_UP;
}

static enum wire_result
wire_connected(struct wire *w)
{
	w->connected = true;
	if (w->wires->tls)
		return wire_secure(w) ? wire_shake_hands(w) : WIRE_TLS;
	w->up = true;
	return WIRE_UP;
}

/* Registered once, edge-triggered: a request costs no epoll_ctl. */
enum wire_result
wire_open(struct wire *w, void *data)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				  .data.ptr = data };
	const struct url *url = w->wires->url;
	int one = 1, r;

	w->fd = socket(url->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return WIRE_REFUSED;
	setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	r = connect(w->fd, (const struct sockaddr *)&url->address, url->address_n);
	if ((r < 0 && errno != EINPROGRESS) ||
	    epoll_ctl(w->wires->epoll, EPOLL_CTL_ADD, w->fd, &ev) < 0)
		return WIRE_REFUSED;
	return r == 0 ? wire_connected(w) : WIRE_PENDING;
}

enum wire_result
wire_event(struct wire *w, uint32_t events)
{
	if (w->connected)
		return wire_shake_hands(w);
	if (events & (EPOLLERR | EPOLLHUP))
		return WIRE_REFUSED;
	return events & EPOLLOUT ? wire_connected(w) : WIRE_PENDING;
}

/* `r` is what OpenSSL returned. */
static ssize_t
wire_error(struct wire *w, int r)
{
	switch (SSL_get_error(w->ssl, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		return -ECONNRESET;
	}
}

ssize_t
wire_send(struct wire *w, const char *p, size_t n, bool more)
{
	ssize_t sent;
	int r;

	if (w->ssl) {
		ERR_clear_error();
		r = SSL_write(w->ssl, p, (int)n);
		return r > 0 ? r : wire_error(w, r);
	}
	do
		sent = send(w->fd, p, n, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

ssize_t
wire_recv(struct wire *w, char *p, size_t n)
{
	ssize_t got;
	int r;

	if (w->ssl) {
		ERR_clear_error();
		r = SSL_read(w->ssl, p, (int)n);
		return r > 0 ? r : wire_error(w, r);
	}
	do
		got = recv(w->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

void
wire_close(struct wire *w)
{
	SSL_free(w->ssl);
	if (w->fd >= 0)
		close(w->fd);
	wire_init(w, w->wires);
}
