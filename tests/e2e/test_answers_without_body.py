"""HEAD, 204, 304 and empty answers end at once, and the connection goes on."""

import pytest


def answering(status, length=None):
    def answer(r, c):
        headers = {} if length is None else {"Content-Length": str(length)}
        c.reply(status, headers | {"ETag": '"a"'}, length=False)
    return answer


@pytest.mark.parametrize("method, status, length", [("HEAD", 200, 1234), ("HEAD", 200, None), ("GET", 204, None),
                                                    ("GET", 304, None), ("GET", 304, 77), ("GET", 200, 0), ("HEAD", 404, 9)])
def test_no_body(proxy, serve, method, status, length):
    with proxy(serve(answering(status, length))).connect() as c:
        for _ in range(3):
            r = c.ask("/", method)
            assert (r.status, r.body, r.header("ETag")) == (status, b"", '"a"')
            if length is not None:
                assert r.header("Content-Length") == str(length)
            if status == 204:
                assert not r.all("Content-Length") and not r.all("Transfer-Encoding")
