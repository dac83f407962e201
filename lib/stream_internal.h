#pragma once

/*
 * stream_internal: what the files of stream share, and nobody else includes.
 */

#include "stream.h"

/* Plaintext is written over what it was decrypted from: it lies this far behind, which is more than
 * the part of a record that came earlier. */
#define STREAM_LEAD ((size_t)32768)
/* Full reads before a source that was paused gets large ones again: more than fit in between. */
#define STREAM_PACE_PENALTY (-3)
/* Of one stream, before the others have their turn; the time also of all that have much to say.
 * Records or chunks of one byte cost a hundred times what others do a byte, so that bytes alone are
 * no bound. */
#define STREAM_READS_A_TURN 32
#define STREAM_TURN_NS 1000000u

enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_OVER };

struct stream_tls {
	struct list due; /* in env->due */
	struct stream *stream;
	struct tls_context *context; /* of a server until the session is made */
	struct tls_session *session;
	struct buf early;  /* read before it was our turn */
	struct buf ticket; /* goes out with what is sent next */
	uint8_t state;     /* enum tls_state */
	bool finished;     /* our close_notify is out */
	bool closed;       /* the peer's came */
	int error;         /* of TLS_OVER, for the owner when it reads again */
};

/* Reads what there is behind the first `at` bytes of the shared buffer, as much as the stream's
 * pace allows: *full tells that there may be more. Bytes, 0 at the end, or a negative errno. */
ssize_t stream_receive(struct stream *s, size_t at, bool *full);
/* The peer's side is over: reading stops, and the owner hears it, once. */
void stream_end(struct stream *s, int error);
/* As stream_write, of what goes over the wire. */
int stream_put(struct stream *s, const struct slice *parts, unsigned n);

/* Of a stream with s->tls (stream_tls.c). */
void stream_tls_resumed(struct stream *s); /* reading goes on */
int stream_tls_write(struct stream *s, const struct slice *parts, unsigned n);
/* close_notify goes out, if it can: nothing of ours may follow. */
void stream_tls_finish(struct stream *s);
void stream_tls_stop(struct stream *s); /* no callback from now on */
void stream_tls_free(struct stream *s);
/* Was the peer's close_notify seen? */
bool stream_tls_ended(const struct stream *s);

/* Handshakes, at the end of a loop turn (stream_handshake.c). */
void stream_handshakes_turn(struct stream_env *env);

/* Between stream_tls.c and stream_handshake.c. At the end of the turn it has something to do. */
void stream_tls_due(struct stream_tls *t);
/* Sends what the session has to say. 0, STREAM_FULL or a negative errno. */
int stream_tls_flush(struct stream *s);
/* Decrypts the whole of it: there is always room (STREAM_LEAD), so that nothing stays inside but
 * the beginning of a record. */
void stream_tls_feed(struct stream *s, struct slice in);
/* One that has paused hears it when it reads again: it has not taken all that came before. */
void stream_tls_over(struct stream *s, int error);
/* The outcome of a read: the end of the connection without one of the session is none. */
int stream_tls_cut(ssize_t n);
