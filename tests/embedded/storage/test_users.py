"""Users and what they are granted."""

from tests.support.arango_storage import fails, undone


def test_users(store, tmp_path):
    users = store.users
    with store.writing():
        users.ensure_root("first")
        users.ensure_root("second")
        assert not users.check("root", "first") and users.check("root", "second") and users.check("root", "second")
        assert users.create("ann", "pässword", extra={"a": [1]}) == {"user": "ann", "active": True, "extra": {"a": [1]}}
        fails(1702, users.create, "ann")
        fails(1700, users.create, "")
        fails(1703, users.get, "bob")
        assert users.check("ann", "pässword") and not users.check("ann", "password") and not users.check("bob", "")
        assert users.update("ann", active=False)["active"] is False
        assert not users.check("ann", "pässword")
        users.update("ann", active=True, password="new")
        assert users.check("ann", "new") and not users.check("ann", "pässword")
        assert [user["user"] for user in users.all()] == ["ann", "root"]
        assert users.level("root", "anything", "any") == "rw" and users.level("ann", "_system") == "none"
        users.grant("ann", "_system", "ro")
        users.grant("ann", "_system", "rw", "wares")
        users.grant("ann", "*", "none")
        assert users.level("ann", "_system", "other") == "ro" and users.level("ann", "_system", "wares") == "rw"
        users.grant("ann", "_system", "none", "*")
        assert users.level("ann", "_system", "other") == "none"
        assert users.granted("ann") == {
            "_system": {"permission": "ro", "collections": {"wares": "rw", "*": "none"}},
            "*": {"permission": "none", "collections": {}},
        }
        users.revoke("ann", "_system", "*")
        users.revoke("ann", "_system")
        assert users.level("ann", "_system", "other") == "none" and users.level("ann", "_system", "wares") == "rw"
        fails(10, users.grant, "ann", "_system", "all")
        users.remove("ann")
        fails(1703, users.remove, "ann")
    assert users.check("root", "second")
    undone(store, lambda: users.update("root", password="third"), lambda: users.check("root", "third"))
    assert users.check("root", "second") and not users.check("root", "third")
    assert b"second" not in (store.folder / "arango.sqlite-wal").read_bytes()
