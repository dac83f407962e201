"""A proxy before Redis that can turn bad: it then answers every command by the same bytes, or ends in the middle of them."""

import socket

from .redis_proxy import RedisProxy


class Faulty(RedisProxy):
    says, ends = None, False

    def turn_bad(self, says, ends=False):
        """From now on it says this to whatever it is asked. `ends`: and hangs up behind it."""
        self.says, self.ends = says, ends
        self.hang_up()

    def mend(self):
        self.says = None
        self.hang_up()

    def serve(self, client):
        if self.says is None:
            super().serve(client)
            return
        while client.recv(65536):
            client.sendall(self.says)
            if self.ends:
                client.shutdown(socket.SHUT_RDWR)
