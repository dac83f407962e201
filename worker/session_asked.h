#pragma once

/*
 * session_asked: an operator asks for the sessions of a user, or ends them: the answer, as JSON.
 */

struct msg_sessions;
struct worker;

void session_asked(struct worker *w, const struct msg_sessions *question);
