from tests import people
def test_resume(server, verifier, account, app):
    s = people.new_secret(account, app); a = s.start()
    from finlink.config import v1
    stub = v1.SessionServiceStub(server.channel)
    call = stub.WatchRevocations(v1.WatchRevocationsRequest(), metadata=verifier.metadata, timeout=20)
    m = next(call)
    while not m.caught_up: m = next(call)
    call.cancel()
    a.sessions.EndSession()
    call = stub.WatchRevocations(v1.WatchRevocationsRequest(cursor=m.cursor), metadata=verifier.metadata, timeout=20)
    m = next(call)
    print(m)
    assert m.caught_up and [r.session_id for r in m.revocations] == [a.id]
    call.cancel()
