#include "linger.h"

#include "client.h"

#define SILENCE_MS 5000 /* since the last byte */
#define FLUSH_MS 60000  /* no progress while the last of an answer waits for a slow reader */

void
linger_begin(struct client *c, uint32_t most_ms)
{
	uint32_t ms = most_ms < SILENCE_MS ? most_ms : SILENCE_MS;

	if (c->stream.ended || stream_shutdown(&c->stream) < 0) {
		client_close(c);
		return;
	}
	client_set_state(c, CLIENT_LINGERING);
	list_remove(&c->resume);
	c->linger_until = worker_now(c->worker) + most_ms;
	timer_set(c->worker, &c->timer, stream_flush(&c->stream) ? ms : FLUSH_MS);
	(void)stream_progressed(&c->stream);
	c->early.n = 0;
	if (stream_read(&c->stream) < 0)
		client_close(c);
}

void
linger_timer(struct client *c)
{
	if (c->stream.queued > 0 && stream_progressed(&c->stream))
		timer_set(c->worker, &c->timer, FLUSH_MS);
	else
		client_close(c);
}

void
linger_data(struct client *c)
{
	if (c->stream.queued == 0 && worker_now(c->worker) + SILENCE_MS < c->linger_until)
		timer_set(c->worker, &c->timer, SILENCE_MS);
}

void
linger_drained(struct client *c)
{
	timer_set(c->worker, &c->timer, SILENCE_MS);
}
