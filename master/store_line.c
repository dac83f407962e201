#include "store_line.h"

#include "lib/clock.h"
#include "lib/tls.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 1000 /* all is current 2 s after the server is back */

static void
line_failed(struct store_line *l, const char *reason)
{
	l->ops->failed(l->userdata, reason);
}

static void
on_found(void *userdata, const struct sockaddr *address)
{
	struct store_line *l = userdata;
	struct tls_context *tls = l->config->secure ? l->tls : NULL;
	int r;

	if (l->config->secure && !tls) {
		line_failed(l, "a file that redis.tls names cannot be used");
		return;
	}
	r = redis_link_new(l->loop, address, tls, &l->login, l->wish, l->ops, l->userdata,
			   &l->link);
	if (r < 0)
		line_failed(l, strerror(-r));
}

static void
on_not_found(void *userdata, const char *reason)
{
	line_failed(userdata, reason);
}

static bool
line_seeks(const struct store_line *l)
{
	return l->seek && seek_used(l->seek);
}

/* At once, if it waits or pauses. A replica may go on answering, so what is connected to it ends; a
 * node of a cluster says itself what it has no longer. */
static void
on_server(void *userdata)
{
	struct store_line *l = userdata;
	const struct config_address *server = seek_server(l->seek);

	if (l->link && server && !seek_is_cluster(l->seek) && strcmp(server->text, l->where) != 0)
		line_failed(l, "another server is the master now");
	if (l->waits || uv_is_active((uv_handle_t *)&l->retry)) {
		line_drop(l);
		line_start(l);
	}
}

static void
on_no_server(void *userdata, const char *reason)
{
	struct store_line *l = userdata;

	if (l->waits)
		line_failed(l, reason);
}

void
line_init(struct store_line *l, uv_loop_t *loop, struct resolver *resolver, struct seek *seek,
	  const struct redis_link_wish *wish, const struct redis_link_ops *ops, void *userdata)
{
	*l = (struct store_line){ .loop = loop,
				  .wish = wish,
				  .ops = ops,
				  .userdata = userdata,
				  .retry_ms = RETRY_MIN_MS };
	l->dial = (struct store_dial){ resolver, on_found, on_not_found, .userdata = l };
	l->seek = seek;
	l->finds = (struct seek_user){ on_server, on_no_server, .userdata = l };
	if (seek)
		seek_join(seek, &l->finds);
	uv_timer_init(loop, &l->retry);
	l->retry.data = l;
}

void
line_deinit(struct store_line *l, uv_close_cb closed, void *data)
{
	line_drop(l);
	if (l->seek)
		seek_leave(l->seek, &l->finds);
	tls_context_unref(l->tls);
	l->tls = NULL;
	l->retry.data = data;
	uv_close((uv_handle_t *)&l->retry, closed);
}

void
line_secure(struct store_line *l, struct tls_context *tls)
{
	if (tls)
		tls_context_ref(tls);
	tls_context_unref(l->tls);
	l->tls = tls;
}

/* NULL: it has to be found first. */
static const struct config_address *
line_server(const struct store_line *l)
{
	return line_seeks(l) ? seek_server(l->seek) : &l->config->address;
}

static bool
peer_is_named(const struct config_redis *c)
{
	return c->tls.server_name && *c->tls.server_name;
}

/* Whom its certificate has to be of. */
static const char *
peer_of(const struct config_redis *c, const struct config_address *server)
{
	if (peer_is_named(c))
		return c->tls.server_name;
	return server && server->host ? server->host : "localhost";
}

static struct redis_login
login_of(struct store_line *l)
{
	const struct config_redis *c = l->config;
	const struct config_address *server = line_server(l);

	return (struct redis_login){
		.user = slice_of(c->username),
		.password = slice_make(c->password.bytes, c->password.n),
		.peer = peer_of(c, server),
		.peer_of_all = peer_is_named(c),
		.where = line_where(l),
		.database = c->database,
		.answer_ms = c->timeout,
		.found = line_seeks(l),
		.tag =
		    line_seeks(l) && seek_is_cluster(l->seek) ? SLICE(SEEK_TAG_RULES) : SLICE(""),
	};
}

bool
line_configure(struct store_line *l, const struct config_redis *c)
{
	bool anew = !l->config || dial_differs(l->config, c);

	l->config = c;
	if (anew) {
		l->retry_ms = RETRY_MIN_MS;
		l->where[0] = '\0';
	}
	l->login = login_of(l);
	return anew;
}

void
line_start(struct store_line *l)
{
	const struct config_address *server = line_server(l);

	l->waits = !server;
	if (!server)
		return;
	snprintf(l->where, sizeof l->where, "%s", server->text);
	l->login = login_of(l);
	dial_start(&l->dial, server);
}

const char *
line_where(const struct store_line *l)
{
	return *l->where ? l->where : l->config->address.text;
}

void
line_drop(struct store_line *l)
{
	struct redis_link *link = l->link;

	dial_stop(&l->dial);
	uv_timer_stop(&l->retry);
	l->waits = false;
	l->link = NULL;
	redis_link_free(link);
}

static void
on_retry(uv_timer_t *timer)
{
	line_start(timer->data);
}

uint32_t
line_spread(uint32_t ms)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
		random = (uint32_t)clock_mono_ns();
	return ms - random % (ms / 4 + 1);
}

static uint64_t
retry_pause(struct store_line *l)
{
	uint32_t pause = l->retry_ms;

	l->retry_ms = pause * 2 < RETRY_MAX_MS ? pause * 2 : RETRY_MAX_MS;
	return line_spread(pause);
}

void
line_again(struct store_line *l, const char *reason)
{
	bool waited = l->waits;

	line_drop(l);
	uv_timer_start(&l->retry, on_retry, retry_pause(l), 0);
	if (l->seek && !waited)
		seek_doubt(l->seek, reason);
}

void
line_settled(struct store_line *l)
{
	l->retry_ms = RETRY_MIN_MS;
	if (l->seek)
		seek_confirm(l->seek);
}

void
line_pulse(struct store_line *l)
{
	uint64_t now = uv_now(l->loop);

	if (!l->link || now - l->asked_ms < l->config->timeout / 2)
		return;
	l->asked_ms = now;
	redis_link_ping(l->link);
}
