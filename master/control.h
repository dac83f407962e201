#pragma once

/*
 * control: what an operator asks through the admin worker, and through it alone.
 */

struct ipc_message;
struct master;
struct msg_call;
struct slot;

/* Answers at once, or notes who waits. */
void control_answer(struct master *m, struct slot *admin, const struct msg_call *call,
		    struct ipc_message *message);
