#include "request.h"

#include "target.h"

#include "lib/clock.h"

#include <stdlib.h>
#include <sys/socket.h>

static void
request_field(struct connection *c, struct slice line, bool *expect)
{
	struct slice value, name = slice_cut(line, ':', &value);

	value = slice_trim(value);
	if (name.n == 14 && slice_ieq(name, SLICE("Content-Length"))) {
		c->left = strtoull(value.p, NULL, 10);
		c->state = c->left ? REQUEST_LENGTH : REQUEST_WHOLE;
	} else if (name.n == 17 && slice_ieq(name, SLICE("Transfer-Encoding"))) {
		c->state = REQUEST_CHUNK_SIZE;
	} else if (name.n == 10 && slice_ieq(name, SLICE("Connection"))) {
		if (slice_ieq(value, SLICE("close")))
			c->close = true;
		else if (slice_ieq(value, SLICE("keep-alive")))
			c->close = false;
	} else if (name.n == 6 && slice_ieq(name, SLICE("Expect"))) {
		*expect = true;
	} else if (name.n == 17 && slice_ieq(name, SLICE("Sec-WebSocket-Key"))) {
		c->key = value;
	}
}

/* Status line and fields of the answer but for its length. */
static void
answer_head(struct responder *r, struct connection *c, unsigned status)
{
	c->out.n = 0;
	buf_addf(&c->out, "HTTP/1.1 %s\r\nServer: responder\r\n",
		 c->upgrade      ? "101 Switching Protocols"
		 : status == 200 ? "200 OK"
				 : "404 Not Found");
	if (r->name)
		buf_addf(&c->out, "X-Responder: %s\r\n", r->name);
	if (c->upgrade)
		echo_accept(c->key, &c->out);
	else
		buf_addf(&c->out, "Content-Type: text/plain\r\n%s",
			 c->close ? "Connection: close\r\n" : "");
}

bool
request_head(struct responder *r, struct connection *c, struct slice head)
{
	struct slice method, text, version, line, rest;
	struct target target;
	bool expect = false;

	line = slice_cut(head, '\r', &rest);
	method = slice_cut(line, ' ', &text);
	text = slice_cut(text, ' ', &version);
	if (!version.p || !slice_starts(version, SLICE("HTTP/1.")) || version.n != 8)
		return false;
	c->head = slice_eq(method, SLICE("HEAD"));
	c->close = version.p[7] == '0';
	c->received = c->left = 0;
	c->state = REQUEST_WHOLE;
	c->key = slice_make(NULL, 0);
	target_parse(&target, text);
	while (rest.n > 3) {
		line = slice_cut(slice_make(rest.p + 1, rest.n - 1), '\r', &rest);
		request_field(c, line, &expect);
	}
	c->upload = target.upload;
	c->upgrade = target.echo && c->key.n > 0;
	c->size = target.size;
	c->due = target.delay ? clock_mono_ms() + target.delay : 0;
	answer_head(r, c, target.status);
	if (expect && c->state != REQUEST_WHOLE)
		return send(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL) == 25;
	return true;
}
